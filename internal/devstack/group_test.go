package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroupRestartsACrashedChild(t *testing.T) {
	restarted := make(chan int, 1)
	group := NewGroup(GroupOptions{
		FirstBackoff: time.Millisecond,
		OnRestart: func(name string, pid int) {
			if name == "worker" {
				restarted <- pid
			}
		},
	})
	t.Cleanup(func() { require.NoError(t, group.Stop(context.Background())) })
	var prepared atomic.Int32
	child := Child{Name: "worker", Path: "/bin/sleep", Args: []string{"1000"}, Prepare: func(context.Context) error {
		prepared.Add(1)
		return nil
	}}
	require.NoError(t, group.Start(t.Context(), child))
	require.NoError(t, group.Start(t.Context(), Child{Name: "other", Path: "/bin/sleep", Args: []string{"1000"}}))
	first := group.Pids()
	require.NoError(t, syscall.Kill(first["worker"], syscall.SIGKILL))
	pid := <-restarted
	require.NotEqual(t, first["worker"], pid)
	require.Equal(t, map[string]int{"worker": pid, "other": first["other"]}, group.Pids())
	require.True(t, alive(pid))
	require.EqualValues(t, 2, prepared.Load(), "prepared before every start")
}

func TestGroupWaitsLongerAfterEachCrash(t *testing.T) {
	// Always healthy at once and never for long.
	crashing := shell("crasher", "exit 1")
	// A restart that fails counts as a crash as well.
	unready, runs := crashing, 0
	unready.Prepare = func(context.Context) error {
		if runs++; runs > 1 {
			return errors.New("not today")
		}
		return nil
	}
	for _, c := range []struct {
		name       string
		child      Child
		maxBackoff time.Duration
		want       []string
	}{
		{"doubles", crashing, time.Hour, []string{"1ms", "2ms", "4ms", "8ms"}},
		{"is bounded", unready, 4 * time.Millisecond, []string{"1ms", "2ms", "4ms", "4ms"}},
		{"starts anew after a healthy time", crashing, time.Nanosecond, []string{"1ms", "1ms", "1ms", "1ms"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pauses := make(chan string, len(c.want))
			group := NewGroup(GroupOptions{FirstBackoff: time.Millisecond, MaxBackoff: c.maxBackoff, Report: func(line string) {
				if _, after, ok := strings.Cut(line, "again in "); ok {
					select {
					case pauses <- after:
					default: // enough
					}
				}
			}})
			require.NoError(t, group.Start(t.Context(), c.child))
			for _, want := range c.want {
				require.Equal(t, want, <-pauses)
			}
			require.NoError(t, group.Stop(t.Context()))
		})
	}
}

func TestGroupStopsInReverseOrder(t *testing.T) {
	dir := t.TempDir()
	order := filepath.Join(dir, "order")
	group := NewGroup(GroupOptions{})
	var pids []int
	for i := range 3 {
		name := fmt.Sprintf("child%d", i)
		ready := filepath.Join(dir, name)
		script := `trap 'echo ` + name + ` >> ` + order + `; exit 0' TERM; touch ` + ready + `; while :; do sleep 0.02; done`
		require.NoError(t, group.Start(t.Context(), readyFile(shell(name, script), ready)))
		pids = append(pids, group.Pids()[name])
	}
	require.NoError(t, group.Stop(t.Context()))
	content, err := os.ReadFile(order)
	require.NoError(t, err)
	require.Equal(t, "child2\nchild1\nchild0\n", string(content))
	for _, pid := range pids {
		require.False(t, alive(pid))
	}
	require.ErrorIs(t, group.Start(t.Context(), shell("late", "exit 0")), ErrStopped)
	require.NoError(t, group.Stop(t.Context()))
}

func TestGroupStopDoesNotWaitForABackoff(t *testing.T) {
	crashed := make(chan struct{}, 1)
	group := NewGroup(GroupOptions{FirstBackoff: time.Hour, Report: func(string) { crashed <- struct{}{} }})
	require.NoError(t, group.Start(t.Context(), shell("crasher", "exit 1")))
	<-crashed
	begin := time.Now()
	require.NoError(t, group.Stop(t.Context()))
	require.Less(t, time.Since(begin), time.Minute)
}

func TestGroupKillsWhenStopIsCutShort(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	group := NewGroup(GroupOptions{})
	require.NoError(t, group.Start(t.Context(), readyFile(shell("stubborn", `trap '' TERM; touch `+ready+`; while :; do sleep 0.02; done`), ready)))
	pid := group.Pids()["stubborn"]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, group.Stop(ctx), context.Canceled)
	require.False(t, alive(pid))
}

func TestGroupStartsNothingAfterAFailure(t *testing.T) {
	group := NewGroup(GroupOptions{})
	t.Cleanup(func() { require.NoError(t, group.Stop(context.Background())) })
	require.Error(t, group.Start(t.Context(), Child{Name: "absent", Path: "/does/not/exist"}))
	require.Empty(t, group.Pids())
}
