package figures

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counter is a figure that is computed over weight rows: how often it was.
type counter struct {
	mu     sync.Mutex
	runs   int
	weight int64
	err    error
	begun  chan struct{} // told when a computation begins, if it is there
	onward chan struct{} // and may go on
}

func (c *counter) compute(context.Context) (any, int64, error) {
	c.mu.Lock()
	c.runs++
	n, weight, err := c.runs, c.weight, c.err
	c.mu.Unlock()
	if c.begun != nil {
		c.begun <- struct{}{}
		<-c.onward
	}
	return n, weight, err
}

// clocked is a keeper with a clock of its own. It renews nothing by itself.
func clocked() (*keeper, func(time.Duration)) {
	k := newKeeper(100)
	k.after = func(time.Duration, func()) {}
	var mu sync.Mutex
	at := time.Now()
	k.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
	return k, func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(d)
	}
}

// ask asks once and gives the value with its age in seconds, -1 for one that
// was computed for it.
func ask(t *testing.T, k *keeper, c *counter) (value any, age int) {
	t.Helper()
	ctx, ages := WithAge(t.Context())
	value, err := k.get(ctx, "key", c.compute)
	require.NoError(t, err)
	if d, kept := ages.Known(); kept {
		return value, int(d / time.Second)
	}
	return value, -1
}

func (k *keeper) size() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.all)
}

func (k *keeper) idle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.all {
		if f.running != nil {
			return false
		}
	}
	return true
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, time.Millisecond)
}

func TestWhatIsOverFewRowsIsNeverKept(t *testing.T) {
	k, _ := clocked()
	c := &counter{weight: 99}
	for n := 1; n < 4; n++ {
		value, age := ask(t, k, c)
		require.Equal(t, []any{n, -1}, []any{value, age})
	}
	eventually(t, func() bool { return k.size() == 0 })
}

// timer is what a keeper has put off.
type timer struct {
	mu   sync.Mutex
	wait time.Duration
	then func()
}

// take gives it, when it is there.
func (r *timer) take(t *testing.T) (wait time.Duration, then func()) {
	t.Helper()
	eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		wait, then, r.then = r.wait, r.then, nil
		return then != nil
	})
	return wait, then
}

func timed() (*keeper, func(time.Duration), *timer) {
	k, move := clocked()
	r := &timer{}
	k.after = func(wait time.Duration, then func()) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.wait, r.then = wait, then
	}
	return k, move, r
}

func TestWhatIsOverManyRowsIsKept(t *testing.T) {
	k, move := clocked()
	c := &counter{weight: 100}
	value, age := ask(t, k, c)
	require.Equal(t, []any{1, -1}, []any{value, age})
	eventually(t, k.idle)
	move(maxAge - time.Second)
	value, age = ask(t, k, c)
	require.Equal(t, []any{1, 59}, []any{value, age})
	move(time.Second)
	value, _ = ask(t, k, c)
	require.Equal(t, 2, value, "what is too old is not given")
	eventually(t, k.idle)
	move(maxAge)
	c.weight = 3
	value, _ = ask(t, k, c)
	require.Equal(t, 3, value)
	eventually(t, func() bool { return k.size() == 0 })
}

// TestWhatIsAskedForIsRenewed: nobody waits for a figure that somebody has asked
// for within the last minutes.
func TestWhatIsAskedForIsRenewed(t *testing.T) {
	k, move, timer := timed()
	c := &counter{weight: 100}
	ask(t, k, c)
	for n := 1; time.Duration(n)*renewAge < askedFor; n++ {
		wait, renew := timer.take(t)
		require.Equal(t, renewAge, wait)
		move(wait)
		renew()
		require.Equal(t, n+1, c.runs)
	}
	move(maxAge - time.Second)
	value, age := ask(t, k, c)
	require.Equal(t, []any{c.runs, 59}, []any{value, age}, "the last one is kept to its end")

	// It begins again, and ends when nobody asks.
	_, renew := timer.take(t)
	runs := c.runs
	renew()
	require.Equal(t, runs+1, c.runs)
	_, renew = timer.take(t)
	move(askedFor)
	renew()
	require.Equal(t, runs+1, c.runs, "nobody asks for it any more")

	// What was computed meanwhile is not computed again.
	value, _ = ask(t, k, c)
	require.Equal(t, runs+2, value)
	eventually(t, k.idle)
	renew()
	require.Equal(t, runs+2, c.runs)
}

// TestNobodySeesAnOlderState: who asks while a computation is under way waits for
// the next one, all of them for one and the same.
func TestNobodySeesAnOlderState(t *testing.T) {
	k, _ := clocked()
	c := &counter{begun: make(chan struct{}), onward: make(chan struct{})}
	values := make(chan any, 10)
	one := func() {
		value, err := k.get(t.Context(), "key", c.compute)
		values <- fmt.Sprint(value, err)
	}
	go one()
	<-c.begun
	for range 9 {
		go one()
	}
	waiting := func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.all["key"].next != nil
	}
	eventually(t, waiting)
	c.onward <- struct{}{}
	require.Equal(t, "1 <nil>", <-values)
	<-c.begun
	c.onward <- struct{}{}
	// Of the nine some may have come when the second one had begun.
	for n := 9; n > 0; {
		select {
		case <-values:
			n--
		case <-c.begun:
			c.onward <- struct{}{}
		}
	}
	require.LessOrEqual(t, c.runs, 4)
}

func TestManyWaitForOneThatMayBeOlder(t *testing.T) {
	k, move := clocked()
	c := &counter{weight: 100}
	ask(t, k, c)
	eventually(t, k.idle)
	move(maxAge)
	c.begun, c.onward = make(chan struct{}), make(chan struct{})
	values := make(chan any, 20)
	for range 20 {
		go func() {
			value, err := k.get(t.Context(), "key", c.compute)
			values <- fmt.Sprint(value, err)
		}()
	}
	<-c.begun
	c.onward <- struct{}{}
	for range 20 {
		require.Equal(t, "2 <nil>", <-values)
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	k, move, timer := timed()
	broken := errors.New("broken")
	c := &counter{weight: 100, err: broken}
	_, err := k.get(t.Context(), "key", c.compute)
	require.ErrorIs(t, err, broken)
	_, err = k.get(t.Context(), "key", func(context.Context) (any, int64, error) { panic("oh") })
	require.ErrorIs(t, err, errPanicked)
	eventually(t, func() bool { return k.size() == 0 })

	c.err = nil
	value, _ := ask(t, k, c)
	require.Equal(t, 2, value)
	eventually(t, k.idle)
	move(renewAge)
	c.mu.Lock()
	c.err = broken
	c.mu.Unlock()
	_, renew := timer.take(t)
	renew()
	require.Equal(t, 3, c.runs)
	eventually(t, k.idle)
	value, age := ask(t, k, c)
	require.Equal(t, []any{2, 40}, []any{value, age}, "what could not be renewed is good for the rest of its time")
}

func TestWhoGivesUpStopsNobody(t *testing.T) {
	k, _ := clocked()
	c := &counter{weight: 100, begun: make(chan struct{}), onward: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := k.get(ctx, "key", c.compute)
		ended <- err
	}()
	<-c.begun
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	c.onward <- struct{}{}
	eventually(t, k.idle)
	value, age := ask(t, k, c)
	require.Equal(t, []any{1, 0}, []any{value, age})
}

func TestTheKeptAreNotTooMany(t *testing.T) {
	k, _ := clocked()
	for n := range maxKept + 10 {
		_, err := k.get(t.Context(), fmt.Sprint(n), func(context.Context) (any, int64, error) { return n, 100, nil })
		require.NoError(t, err)
	}
	eventually(t, k.idle)
	require.LessOrEqual(t, k.size(), maxKept)
}
