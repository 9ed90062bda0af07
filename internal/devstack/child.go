package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Defaults of a Child.
const (
	defaultReadyTimeout = 60 * time.Second
	defaultStopTimeout  = 15 * time.Second
	// probeInterval is the pause between two health probes of a starting child.
	probeInterval = 25 * time.Millisecond
	// probeTimeout bounds one health probe.
	probeTimeout = 5 * time.Second
	// drainTimeout bounds the wait for output after a child's exit: a
	// grandchild may hold the pipe open.
	drainTimeout = 2 * time.Second
)

// Child describes a program: how it is started, when it is healthy, how it is
// stopped.
type Child struct {
	// Name is the log prefix and the key in Group.Pids; unique in a Group.
	Name string
	// Path is the program, Args its arguments without the program's name.
	Path string
	Args []string
	// Env is the whole environment; nil means ours.
	Env []string
	// Dir is the working directory; empty means ours.
	Dir string
	// Credential makes the child run as another user; nil means ours.
	Credential *syscall.Credential

	// Prepare runs before every start, also before a restart.
	Prepare func(ctx context.Context) error
	// Ready is one health probe: nil means healthy. It is asked again and again
	// until it agrees or ReadyTimeout (60 s when zero) is over. A child without
	// a probe is healthy at once.
	Ready        func(ctx context.Context) error
	ReadyTimeout time.Duration

	// StopSignal asks for a graceful end (SIGTERM when zero); after StopTimeout
	// (15 s when zero) the whole process group is killed.
	StopSignal  syscall.Signal
	StopTimeout time.Duration
	// DeathSignal is what the kernel sends when this process ends without
	// having stopped the child (SIGKILL when zero; Linux only).
	DeathSignal syscall.Signal
	// Quiet drops what the child writes before it is healthy and after it was
	// asked to stop: what it says of its own coming and going. The error of a
	// failed start shows it all the same.
	Quiet bool
}

func (c Child) withDefaults() Child {
	if c.ReadyTimeout == 0 {
		c.ReadyTimeout = defaultReadyTimeout
	}
	if c.StopSignal == 0 {
		c.StopSignal = syscall.SIGTERM
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = defaultStopTimeout
	}
	if c.DeathSignal == 0 {
		c.DeathSignal = syscall.SIGKILL
	}
	return c
}

// Process is one run of a Child.
type Process struct {
	child  Child
	cmd    *exec.Cmd
	output *output
	done   chan struct{}
	err    error // how it ended; set before done is closed
}

// Start prepares and starts child, writes its output to out (nil: nowhere) and
// returns when it is healthy. On any error, a cancelled ctx included, no
// process is left. The error of a child that ended or was not healthy in time
// carries its last lines of output.
func Start(ctx context.Context, child Child, out io.Writer) (*Process, error) {
	child = child.withDefaults()
	if child.Prepare != nil {
		if err := child.Prepare(ctx); err != nil {
			return nil, fmt.Errorf("prepare %s: %w", child.Name, err)
		}
	}
	p := &Process{child: child, output: newOutput(out), done: make(chan struct{})}
	p.output.mute(child.Quiet)
	// Not CommandContext: ctx bounds the start, not the life of the child.
	p.cmd = exec.Command(child.Path, child.Args...) //nolint:noctx // see above
	p.cmd.Env, p.cmd.Dir = child.Env, child.Dir
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.WaitDelay = drainTimeout
	if err := spawn(p.cmd, child.Credential, child.DeathSignal); err != nil {
		return nil, fmt.Errorf("start %s: %w", child.Name, err)
	}
	go p.wait()
	if err := p.awaitReady(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	p.output.mute(false)
	return p, nil
}

func (p *Process) wait() {
	err := p.cmd.Wait()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		err = errors.New(p.cmd.ProcessState.String())
	}
	p.output.close()
	p.err = err
	close(p.done)
}

func (p *Process) awaitReady(ctx context.Context) error {
	if p.child.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.child.ReadyTimeout)
	defer cancel()
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	var last error
	for {
		probe, done := context.WithTimeout(ctx, probeTimeout)
		err := p.child.Ready(probe)
		done()
		select {
		case <-p.done: // looked at first: another program may answer on its port
			return fmt.Errorf("%s ended while starting: %w%s", p.child.Name, p.err, p.output.tail())
		default:
		}
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-p.done:
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s is not healthy after %s: %w%s", p.child.Name, p.child.ReadyTimeout, errors.Join(last, ctx.Err()), p.output.tail())
			}
			return fmt.Errorf("start %s: %w", p.child.Name, ctx.Err())
		}
	}
}

// Pid is the process id of the running child.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended; nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends sig to the child alone. A child that has ended already is no
// error.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.child.Name, err)
	}
	return nil
}

// Kill ends the child and its process group with SIGKILL and waits for the end.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return
	default:
	}
	// The group first, while its leader keeps the id from being reused. An
	// error means that the child ended in this moment.
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop asks the child to end and waits. When its StopTimeout is over, or ctx
// ends before, the child is killed, and the error says so.
func (p *Process) Stop(ctx context.Context) error {
	p.output.mute(p.child.Quiet)
	if err := p.Signal(p.child.StopSignal); err != nil {
		p.Kill()
		return err
	}
	timeout := time.NewTimer(p.child.StopTimeout)
	defer timeout.Stop()
	select {
	case <-p.done:
		return nil
	case <-timeout.C:
		p.Kill()
		return fmt.Errorf("%s did not stop within %s and was killed", p.child.Name, p.child.StopTimeout)
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("%s was killed before it had stopped: %w", p.child.Name, ctx.Err())
	}
}
