// Command run starts PostgreSQL, Redis, Temporal and MariaDB once, runs a command with
// the variables that make tests use them, stops them, and ends with the
// command's exit code:
//
//	go run ./internal/testenv/run -- go test ./...
//
// Services that the environment names already are used as they are. SIGINT and
// SIGTERM are passed on to the command; the services are stopped when it has
// ended.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"quad/internal/testenv"
)

// startTimeout bounds the start of the services.
const startTimeout = 3 * time.Minute

// Exit codes of our own: those that shells use.
const (
	exitUsage      = 64
	exitNotStarted = 127
	exitSignal     = 128 // plus the signal's number
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: run -- command [argument...]")
		os.Exit(exitUsage)
	}
	os.Exit(run(args))
}

func run(args []string) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)

	code, err := withStack(signals, args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		code = max(code, 1)
	}
	return code
}

func withStack(signals <-chan os.Signal, args []string) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	started := make(chan struct{})
	interrupted := make(chan os.Signal, 1)
	go func() {
		select {
		case sig := <-signals:
			interrupted <- sig
			cancel()
		case <-started:
		}
	}()
	stack, err := testenv.StartStack(ctx, os.Getenv)
	close(started)
	defer func() { err = errors.Join(err, stack.Stop()) }()
	select {
	case sig := <-interrupted:
		return exitCode(sig), nil
	default:
	}
	if err != nil {
		return 1, err
	}
	return command(signals, args, append(os.Environ(), stack.Env()...))
}

// command runs the command to its end and passes signals on to it.
func command(signals <-chan os.Signal, args, env []string) (int, error) {
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx,gosec // ends by itself or by a signal; running it is the purpose
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return exitNotStarted, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// A Ctrl-C has reached the command through the terminal as well; to
			// hear it twice does no harm. It may have ended in this moment.
			_ = cmd.Process.Signal(sig)
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return 1, err
			}
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return exitCode(status.Signal()), nil
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}

func exitCode(sig os.Signal) int {
	if number, ok := sig.(syscall.Signal); ok {
		return exitSignal + int(number)
	}
	return 1
}
