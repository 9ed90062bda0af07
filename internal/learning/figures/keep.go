package figures

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// What is kept, and for how long.
const (
	keepFrom = 100_000          // rows that a figure was computed over
	maxAge   = 60 * time.Second // of what is given
	renewAge = 40 * time.Second // from when on it is renewed in the background
	askedFor = 5 * time.Minute  // after somebody has asked for it
	runFor   = 60 * time.Second // a computation, whether anybody waits for it or not
	maxKept  = 1_000            // figures of all accounts
)

// keeper answers those who ask for the same figure at the same time together,
// and keeps those figures for a while that are computed over very many rows:
// with less there is nothing to gain, so they are always what is there now.
//
// Of a figure one computation is under way at most. Who asks meanwhile waits
// for the one after it, which sees all that was there when they asked; unless
// the figure is one of those that may be older. One that is kept is given until
// it is maxAge old, and renewed when it is renewAge old as long as somebody has
// asked within askedFor: so who looks at figures waits for the first of each
// only. Renewals go one after the other, whatever their number: they take one
// connection of the database, and requests have the others.
type keeper struct {
	from  int64
	now   func() time.Time                   // of the machine, in tests another
	after func(d time.Duration, then func()) // runs then beside the caller, in tests when they say so
	turn  sync.Mutex                         // of the renewal that is under way
	mu    sync.Mutex
	all   map[string]*figure
}

// figure is what is known of one, under the keeper's lock.
type figure struct {
	running, next *computation
	large         bool // the last computation was over many rows
	kept          *result
	asked         time.Time // for the last time
}

// compute gives a figure and over how many rows it was computed.
type compute func(ctx context.Context) (value any, weight int64, err error)

// computation is one that somebody may wait for; done is closed at its end.
type computation struct {
	ctx  context.Context //nolint:containedctx // its values are those of whoever asked first
	run  compute
	done chan struct{}
	result
	err error
}

// result is a figure as it was at a time.
type result struct {
	value any
	at    time.Time
}

var errPanicked = errors.New("figures: the computation panicked")

func newKeeper(from int64) *keeper {
	return &keeper{
		from: from, now: time.Now, all: map[string]*figure{},
		after: func(d time.Duration, then func()) { time.AfterFunc(d, then) },
	}
}

// get gives the figure of a key, which is kept or computed by run.
func (k *keeper) get(ctx context.Context, key string, run compute) (any, error) {
	k.mu.Lock()
	f := k.all[key]
	if f == nil {
		f = &figure{}
		k.all[key] = f
	}
	f.asked = k.now()
	if f.kept != nil {
		if age := f.asked.Sub(f.kept.at); age < maxAge {
			kept := *f.kept
			k.mu.Unlock()
			note(ctx, age)
			return kept.value, nil
		}
	}
	var c *computation
	switch {
	case f.running == nil:
		c = k.start(ctx, key, f, run)
	case f.large:
		c = f.running
	case f.next == nil:
		f.next = newComputation(ctx, run)
		c = f.next
	default:
		c = f.next
	}
	large := f.large
	k.mu.Unlock()
	select {
	case <-c.done:
		if large && c.err == nil {
			note(ctx, k.now().Sub(c.at))
		}
		return c.value, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newComputation(ctx context.Context, run compute) *computation {
	return &computation{ctx: context.WithoutCancel(ctx), run: run, done: make(chan struct{})}
}

// start begins a computation of a figure that has none under way. The keeper is
// locked.
func (k *keeper) start(ctx context.Context, key string, f *figure, run compute) *computation {
	f.running = newComputation(ctx, run)
	go k.run(key, f) //nolint:contextcheck // a computation brings the context that it was asked in
	return f.running
}

// renew computes a figure anew, unless it was meanwhile or nobody asks for it any
// more.
func (k *keeper) renew(key string, f *figure, old *result, run compute) {
	k.turn.Lock()
	defer k.turn.Unlock()
	k.mu.Lock()
	if f.running != nil || f.kept != old || k.all[key] != f || k.now().Sub(f.asked) >= askedFor {
		k.mu.Unlock()
		return
	}
	c := k.start(context.Background(), key, f, run)
	k.mu.Unlock()
	<-c.done
}

// run computes a figure until nobody waits for it any more.
func (k *keeper) run(key string, f *figure) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := f.running; c != nil; c = f.running {
		k.mu.Unlock()
		weight := c.compute(k.now())
		k.mu.Lock()
		if c.err == nil {
			if f.large = weight >= k.from; f.large {
				f.kept = &c.result
				kept, run := f.kept, c.run
				k.after(renewAge-k.now().Sub(kept.at), func() { k.renew(key, f, kept, run) })
			} else {
				f.kept = nil
			}
		}
		close(c.done)
		f.running, f.next = f.next, nil
	}
	if f.kept == nil && k.all[key] == f {
		delete(k.all, key)
	}
	k.tidy()
}

// tidy forgets what has become too old, and all if there is too much of it.
func (k *keeper) tidy() {
	for _, most := range []time.Duration{maxAge, -1} {
		if len(k.all) <= maxKept {
			return
		}
		for key, f := range k.all {
			if f.running == nil && k.now().Sub(f.kept.at) > most {
				delete(k.all, key)
			}
		}
	}
}

// compute fills the result and gives its weight. A panic becomes an error: it
// is nobody's request.
func (c *computation) compute(now time.Time) (weight int64) {
	ctx, cancel := context.WithTimeout(c.ctx, runFor)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "computation of a figure panicked", "panic", p, "stack", string(debug.Stack()))
			c.err = errPanicked
		}
	}()
	c.at = now
	c.value, weight, c.err = c.run(ctx)
	if errors.Is(c.err, context.DeadlineExceeded) {
		c.err = fmt.Errorf("figures: after %s: %w", runFor, c.err)
	}
	return weight
}

type ageKey struct{}

// Age collects how old the figures are that were given with a context.
type Age struct{ oldest atomic.Int64 }

// WithAge gives a context in which the age of figures is collected.
func WithAge(ctx context.Context) (context.Context, *Age) {
	age := &Age{}
	return context.WithValue(ctx, ageKey{}, age), age
}

// Known tells how old the oldest figure is, if one was given that was kept.
func (a *Age) Known() (time.Duration, bool) {
	oldest := a.oldest.Load()
	return time.Duration(oldest), oldest > 0
}

func note(ctx context.Context, age time.Duration) {
	if a, ok := ctx.Value(ageKey{}).(*Age); ok {
		a.oldest.Store(max(a.oldest.Load(), int64(age), 1)) // 0 is that nothing was kept
	}
}
