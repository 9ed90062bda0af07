package gather_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/gather"
)

// source counts calls and lets a test hold them.
type source struct {
	mu      sync.Mutex
	batches [][]int
	gate    chan struct{} // each call takes one token; nil: none needed
	fail    atomic.Pointer[error]
}

func (s *source) load(ctx context.Context, keys []int) (map[int]string, error) {
	s.mu.Lock()
	s.batches = append(s.batches, keys)
	s.mu.Unlock()
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := s.fail.Load(); err != nil {
		return nil, *err
	}
	values := map[int]string{}
	for _, k := range keys {
		switch {
		case k == 13:
			panic("unlucky")
		case k >= 0:
			values[k] = string(rune('a' + k))
		}
	}
	return values, nil
}

func (s *source) calls() [][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]int(nil), s.batches...)
}

type outcome struct {
	value string
	found bool
	err   error
}

func ask(ctx context.Context, l *gather.Loader[int, string], key int) <-chan outcome {
	out := make(chan outcome, 1)
	go func() {
		v, found, err := l.Load(ctx, key)
		out <- outcome{v, found, err}
	}()
	return out
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 10*time.Second, time.Millisecond)
}

func TestALookUpAloneIsACallOfItsOwn(t *testing.T) {
	t.Parallel()
	s := &source{}
	l := gather.New(gather.Limits{Calls: 1, Keys: 10, Timeout: time.Minute}, s.load)
	for key := range 3 {
		v, found, err := l.Load(t.Context(), key)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, string(rune('a'+key)), v)
	}
	_, found, err := l.Load(t.Context(), -1)
	require.NoError(t, err)
	require.False(t, found)
	require.Equal(t, [][]int{{0}, {1}, {2}, {-1}}, s.calls())
}

func TestThoseWhoWaitGoTogether(t *testing.T) {
	t.Parallel()
	s := &source{gate: make(chan struct{})}
	l := gather.New(gather.Limits{Calls: 1, Keys: 3, Timeout: time.Minute}, s.load)
	first := ask(t.Context(), l, 0)
	eventually(t, func() bool { return len(s.calls()) == 1 })
	var waiting []<-chan outcome
	for i, key := range []int{1, 2, 1, 3, -1} { // one twice, one without a value
		waiting = append(waiting, ask(t.Context(), l, key))
		eventually(t, func() bool { return l.Waiting() == i+1 })
	}
	gone, cancel := context.WithCancel(t.Context())
	impatient := ask(gone, l, 5)
	eventually(t, func() bool { return l.Waiting() == 6 })
	cancel()
	require.ErrorIs(t, (<-impatient).err, context.Canceled)

	for range 3 {
		s.gate <- struct{}{}
	}
	require.Equal(t, outcome{"a", true, nil}, <-first)
	for i, want := range []outcome{{"b", true, nil}, {"c", true, nil}, {"b", true, nil}, {"d", true, nil}, {"", false, nil}} {
		require.Equal(t, want, <-waiting[i])
	}
	require.Equal(t, [][]int{{0}, {1, 2}, {3, -1}}, s.calls(), "three look-ups a call, who gave up is left out")
}

// A caller who goes away must not take the others of a call along.
func TestACallOutlivesItsCallers(t *testing.T) {
	t.Parallel()
	s := &source{gate: make(chan struct{})}
	l := gather.New(gather.Limits{Calls: 1, Keys: 10, Timeout: time.Minute}, s.load)
	first := ask(t.Context(), l, 0)
	eventually(t, func() bool { return len(s.calls()) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	leaves := ask(ctx, l, 1)
	eventually(t, func() bool { return l.Waiting() == 1 })
	stays := ask(t.Context(), l, 2)
	eventually(t, func() bool { return l.Waiting() == 2 })
	s.gate <- struct{}{}
	<-first
	eventually(t, func() bool { return len(s.calls()) == 2 })
	cancel()
	require.ErrorIs(t, (<-leaves).err, context.Canceled)
	s.gate <- struct{}{}
	require.Equal(t, outcome{"c", true, nil}, <-stays)
}

func TestFailuresReachAllAndEndWithTheCall(t *testing.T) {
	t.Parallel()
	s := &source{gate: make(chan struct{}, 100)}
	l := gather.New(gather.Limits{Calls: 1, Keys: 10, Timeout: time.Minute}, s.load)
	broken := errors.New("broken")
	s.fail.Store(&broken)
	first := ask(t.Context(), l, 0)
	eventually(t, func() bool { return len(s.calls()) == 1 })
	second, third := ask(t.Context(), l, 1), ask(t.Context(), l, 2)
	eventually(t, func() bool { return l.Waiting() == 2 })
	s.gate <- struct{}{}
	s.gate <- struct{}{}
	for _, c := range []<-chan outcome{first, second, third} {
		require.ErrorIs(t, (<-c).err, broken)
	}
	s.fail.Store(nil)
	for range 4 {
		s.gate <- struct{}{}
	}
	_, _, err := l.Load(t.Context(), 13)
	require.ErrorContains(t, err, "panicked")
	_, found, err := l.Load(t.Context(), 4)
	require.NoError(t, err)
	require.True(t, found)
}

func TestACallEndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	s := &source{gate: make(chan struct{})}
	l := gather.New(gather.Limits{Calls: 1, Keys: 10, Timeout: time.Millisecond}, s.load)
	first := ask(t.Context(), l, 0)
	eventually(t, func() bool { return len(s.calls()) == 1 })
	second := ask(t.Context(), l, 1)
	eventually(t, func() bool { return l.Waiting() == 1 })
	s.gate <- struct{}{}
	require.NoError(t, (<-first).err)
	require.ErrorIs(t, (<-second).err, context.DeadlineExceeded)
}

// Everybody gets the value of their own key, whatever goes on around.
func TestNobodyGetsAnothersValue(t *testing.T) {
	t.Parallel()
	s := &source{}
	l := gather.New(gather.Limits{Calls: 2, Keys: 5, Timeout: time.Minute}, s.load)
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			for i := range 500 {
				key := (worker + i) % 12
				ctx, cancel := context.WithCancel(t.Context())
				if i%7 == 0 {
					cancel()
				}
				v, found, err := l.Load(ctx, key)
				cancel()
				if err == nil && (!found || v != string(rune('a'+key))) {
					t.Errorf("key %d has %q", key, v)
				}
			}
		})
	}
	group.Wait()
	require.Zero(t, l.Waiting())
}
