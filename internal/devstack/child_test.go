package devstack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStartTellsWhyAChildEnded(t *testing.T) {
	child := shell("broken", "echo the reason >&2; exit 3")
	child.Ready = func(context.Context) error { return errors.New("not yet") }
	_, err := Start(t.Context(), child, nil)
	require.ErrorContains(t, err, "broken ended while starting: exit status 3")
	require.ErrorContains(t, err, "the reason")
}

// Another program may answer the probe while the child could not even bind.
func TestStartBelievesTheProcessMoreThanTheProbe(t *testing.T) {
	ended := make(chan struct{})
	file := filepath.Join(t.TempDir(), "pid")
	child := shell("broken", "echo $$ > "+file+"; exit 4")
	child.Ready = func(ctx context.Context) error {
		for ctx.Err() == nil { // answers "healthy" after the child's end only
			if content, err := os.ReadFile(file); err == nil && len(content) > 0 {
				pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
				if err == nil && !alive(pid) {
					close(ended)
					return nil
				}
			}
		}
		return ctx.Err()
	}
	p, err := Start(t.Context(), child, nil)
	<-ended
	if err == nil { // its end was noticed a moment after the probe's answer
		<-p.Done()
		err = p.Err()
	}
	require.ErrorContains(t, err, "exit status 4")
}

func TestStartGivesUpAndLeavesNoProcess(t *testing.T) {
	var pid int
	file := filepath.Join(t.TempDir(), "pid")
	child := shell("slow", "echo $$ > "+file+"; exec sleep 1000")
	child.Ready = func(context.Context) error {
		content, err := os.ReadFile(file)
		if err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(content)))
		}
		return errors.New("no answer")
	}
	child.ReadyTimeout = 500 * time.Millisecond
	_, err := Start(t.Context(), child, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "slow is not healthy after 500ms")
	require.ErrorContains(t, err, "no answer")
	require.Positive(t, pid)
	require.False(t, alive(pid))

	ctx, cancel := context.WithCancel(t.Context())
	child.ReadyTimeout = 0
	child.Ready = func(context.Context) error { cancel(); return errors.New("no answer") }
	_, err = Start(ctx, child, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestStopIsGraceful(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	out := &buffer{}
	p, err := Start(t.Context(), readyFile(shell("polite", `trap 'echo bye; exit 0' TERM; touch `+ready+`; while :; do sleep 0.02; done`), ready), out)
	require.NoError(t, err)
	require.NoError(t, p.Err())
	require.NoError(t, p.Stop(t.Context()))
	require.ErrorContains(t, p.Err(), "exit status 0")
	require.Equal(t, "bye\n", out.String())
	require.NoError(t, p.Stop(t.Context()), "a second stop finds nothing to do")
}

func TestStopKillsTheWholeGroupOfAStubbornChild(t *testing.T) {
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	child := readyFile(shell("stubborn", `trap '' TERM; sleep 1000 & echo $! > `+dir+`/pid; mv `+dir+`/pid `+ready+`; while :; do wait; done`), ready)
	child.StopTimeout = 100 * time.Millisecond
	p, err := Start(t.Context(), child, nil)
	require.NoError(t, err)
	content, err := os.ReadFile(ready)
	require.NoError(t, err)
	grandchild, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(t, err)
	require.True(t, alive(grandchild))

	require.ErrorContains(t, p.Stop(t.Context()), "stubborn did not stop within 100ms and was killed")
	require.False(t, alive(p.Pid()))
	requireGone(t, grandchild)
}

func TestQuietChildKeepsItsComingAndGoingToItself(t *testing.T) {
	dir := t.TempDir()
	child := readyFile(shell("noisy", `trap 'echo noise; exit 0' TERM; touch `+dir+`/ready; until test -e `+dir+`/go; do sleep 0.02; done; echo useful; while :; do sleep 0.02; done`), dir+"/ready")
	child.Quiet = true
	out := &buffer{}
	p, err := Start(t.Context(), child, out)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(dir+"/go", nil, 0o600))
	require.Eventually(t, func() bool { return out.String() != "" }, patience, time.Millisecond)
	require.NoError(t, p.Stop(t.Context()))
	require.Equal(t, "useful\n", out.String())

	child = shell("broken", "echo the reason; exit 3")
	child.Quiet = true
	child.Ready = func(context.Context) error { return errors.New("not yet") }
	out = &buffer{}
	_, err = Start(t.Context(), child, out)
	require.ErrorContains(t, err, "the reason")
	require.Empty(t, out.String())
}
