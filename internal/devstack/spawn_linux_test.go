package devstack

import (
	"fmt"
	"os"
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
