package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/devstack"
)

// asProgram makes the test binary behave as quad, also for the children that
// quad dev starts.
const asProgram = "QUAD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is the longest wait for anything; a loaded machine needs some of it.
const patience = 3 * time.Minute

// quad is a command of ours, with an environment that names no services.
func quad(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	for _, name := range []string{"QUAD_CACHE", "XDG_CACHE_HOME", "TMPDIR"} {
		if value := os.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// output keeps what a program writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// devHub is a running quad dev.
type devHub struct {
	*exec.Cmd
	out   *output
	ended chan struct{} // closed when the program has ended
	err   error         // how
}

func startDev(t *testing.T, args ...string) *devHub {
	t.Helper()
	h := &devHub{Cmd: quad(t, append([]string{"dev", "--random-ports"}, args...)...), out: &output{}, ended: make(chan struct{})}
	h.Stdout, h.Stderr = h.out, h.out
	h.Cancel = func() error { return h.Process.Signal(syscall.SIGTERM) }
	h.WaitDelay = time.Minute
	require.NoError(t, h.Start())
	go func() {
		defer close(h.ended)
		h.err = h.Wait()
	}()
	// The end of the test's context has told it to stop; the data folder is
	// removed after that.
	t.Cleanup(func() { <-h.ended })
	return h
}

// says waits for a text in the output.
func (h *devHub) says(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-h.ended:
			require.Fail(t, "quad dev has ended", "%v\n%s", h.err, h.out)
		default:
		}
		return strings.Contains(h.out.String(), text)
	}, patience, 20*time.Millisecond, "%q is not in the output", text)
}

// stop ends the hub as a signal does and waits for it.
func (h *devHub) stop(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, h.Process.Signal(signal))
	<-h.ended
	require.NoError(t, h.err, h.out.String())
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// dataFolder is a folder that a database server of another user can reach.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "quad-dev-test")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, ".quad")
}

// TestDev is the first hour of a developer: start, watch the main job, run it
// again, lose a process, stop, start again.
func TestDev(t *testing.T) {
	dir := dataFolder(t)
	file := filepath.Join(dir, devstack.DemoFile)
	first := startDev(t, "--data", dir)
	first.says(t, "Quad is ready")
	hub, err := devstack.ReadDemo(dir)
	require.NoError(t, err)
	require.Len(t, hub.Pids, 5)
	for _, page := range []string{hub.API, hub.API + "/docs", hub.API + "/metrics", hub.Inbox, hub.TemporalUI} {
		require.Contains(t, first.out.String(), page)
	}
	require.Contains(t, first.out.String(), hub.Hub.Password)
	first.says(t, "All as expected")
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "demo.done"))
		return err == nil
	}, patience, 20*time.Millisecond, "it is not noted that the job was done")

	// A killed worker comes back, and the job runs again.
	require.NoError(t, syscall.Kill(hub.Pids["worker"], syscall.SIGKILL))
	require.Eventually(t, func() bool {
		now, err := devstack.ReadDemo(dir)
		return err == nil && now.Pids["worker"] != hub.Pids["worker"] && alive(now.Pids["worker"])
	}, patience, 20*time.Millisecond)
	again, err := quad(t, "demo", "--file", file).CombinedOutput()
	require.NoError(t, err, string(again))
	require.Contains(t, string(again), "All as expected")

	// Other commands find the hub by its data folder.
	token := quad(t, "token", "user", hub.Elevate.User.Email)
	token.Env = append(token.Env, "QUAD_DATA="+dir)
	made, err := token.Output()
	require.NoError(t, err)
	require.Regexp(t, `^quad_[\w-]{43}\n$`, string(made))

	hub, err = devstack.ReadDemo(dir)
	require.NoError(t, err)
	first.stop(t, syscall.SIGTERM)
	for name, pid := range hub.Pids {
		require.False(t, alive(pid), name)
	}
	gone, err := quad(t, "demo", "--file", file).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(gone), fmt.Sprintf("no running hub: %s does not exist", file))

	second := startDev(t, "--data", dir)
	second.says(t, "Quad is ready")
	now, err := devstack.ReadDemo(dir)
	require.NoError(t, err)
	require.Equal(t, hub.Demo, now.Demo, "the same data, the same logins")
	second.stop(t, syscall.SIGINT)
	require.NotContains(t, second.out.String(), "Main job", "it runs once")
}
