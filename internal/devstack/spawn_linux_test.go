package devstack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChildrenDieWithAKilledParent(t *testing.T) {
	parent, child := startHelper(t)
	require.True(t, alive(child))
	require.NoError(t, parent.Process.Kill())
	requireGone(t, child)
}

// A hub that is killed takes all of its children with it, and the next one
// finds its data.
func TestKilledHub(t *testing.T) {
	dir := filepath.Join(openDir(t), ".quad")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), helperVariable+"="+dir)
	parent.Stderr = &buffer{}
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill() })
	var file DemoHub
	require.Eventually(t, func() bool {
		var err error
		file, err = ReadDemo(dir)
		return err == nil
	}, 2*patience, 20*time.Millisecond, "%s", parent.Stderr)
	execSQL(t, file.DatabaseURL, "CREATE TABLE kept AS SELECT 'yes'::text AS value")
	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	require.Len(t, file.Pids, 5)
	for _, pid := range file.Pids {
		requireGone(t, pid)
	}

	next := newTestHub(t, dir)
	again := next.run(t)
	require.NotEqual(t, file.Pids, again.Pids)
	require.Equal(t, "yes", queryString(t, again.DatabaseURL, "SELECT value FROM kept"))
	next.end(t)
}

// The parent-death signal belongs to the thread that forked. A thread may end
// long before the process does, and must not take the child with it.
func TestChildrenOutliveTheThreadThatStartedThem(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	child := readyFile(shell("survivor", `trap 'exit 0' TERM; touch `+ready+`; while :; do sleep 0.02; done`), ready)
	var (
		p      *Process
		err    error
		thread = make(chan int)
	)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		p, err = Start(t.Context(), child, nil)
		thread <- syscall.Gettid()
	}()
	tid := <-thread
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return os.IsNotExist(err)
	}, patience, time.Millisecond, "the thread goes on")
	require.NoError(t, p.Stop(t.Context()))
	require.ErrorContains(t, p.Err(), "exit status 0", "it was alive to answer SIGTERM")
}
