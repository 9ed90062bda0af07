// Package gather answers look-ups that arrive at the same time with one call.
package gather

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Limits say how a Loader calls.
type Limits struct {
	Calls   int           // calls under way at once
	Keys    int           // keys of one call
	Timeout time.Duration // of a call
}

// Loader looks values up by key. While fewer than Limits.Calls calls are under
// way a look-up is a call of its own and waits for nobody; those that arrive
// when all are busy wait for the next call to end and then go together in one.
// So a quiet system has the shortest way, and a busy one pays for a statement
// once for many requests. Nothing is kept: a call begins after each of its
// look-ups has arrived, so none sees an older state than it would alone.
//
// It is safe for concurrent use.
type Loader[K comparable, V any] struct {
	load   func(ctx context.Context, keys []K) (map[K]V, error)
	limits Limits

	mu      sync.Mutex
	calls   int
	waiting []*lookup[K, V]
}

// lookup is one caller's wish.
type lookup[K comparable, V any] struct {
	ctx   context.Context //nolint:containedctx // its values are those of the call that it begins
	key   K
	done  chan struct{}
	value V
	found bool
	err   error
}

// errPanicked is what a look-up gets when its call panicked.
var errPanicked = errors.New("gather: the call panicked")

// New makes a Loader. load gets at least one key, each once, and gives the
// values that exist, which it hands to all who asked for them: they must not be
// changed. The context of a call of several has the values of one of its
// callers and ends with Limits.Timeout, not with a caller.
func New[K comparable, V any](limits Limits, load func(ctx context.Context, keys []K) (map[K]V, error)) *Loader[K, V] {
	return &Loader[K, V]{load: load, limits: limits}
}

// Load looks up one key; false if it has no value. Errors: those of the call,
// and the context's.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, bool, error) {
	own := &lookup[K, V]{ctx: ctx, key: key, done: make(chan struct{})}
	l.mu.Lock()
	if l.calls < l.limits.Calls {
		l.calls++
		l.mu.Unlock()
		l.call(ctx, []*lookup[K, V]{own})
		l.next() //nolint:contextcheck // those who wait have contexts of their own
		return own.value, own.found, own.err
	}
	l.waiting = append(l.waiting, own)
	l.mu.Unlock()
	select {
	case <-own.done:
		return own.value, own.found, own.err
	case <-ctx.Done():
		var none V
		return none, false, ctx.Err()
	}
}

// Waiting is how many look-ups wait for a call, with those who have given up
// since.
func (l *Loader[K, V]) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// next lets those who wait go, or gives the call back.
func (l *Loader[K, V]) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.take()
	if len(batch) == 0 {
		l.calls--
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), l.limits.Timeout)
		defer cancel()
		l.call(ctx, batch)
		l.next()
	}()
}

// take removes the next batch, without those who have given up.
func (l *Loader[K, V]) take() []*lookup[K, V] {
	batch := make([]*lookup[K, V], 0, min(len(l.waiting), l.limits.Keys))
	taken := 0
	for _, w := range l.waiting {
		if len(batch) == l.limits.Keys {
			break
		}
		if taken++; w.ctx.Err() == nil {
			batch = append(batch, w)
		}
	}
	rest := copy(l.waiting, l.waiting[taken:])
	clear(l.waiting[rest:])
	l.waiting = l.waiting[:rest]
	return batch
}

// call answers a batch.
func (l *Loader[K, V]) call(ctx context.Context, batch []*lookup[K, V]) {
	keys := make([]K, 0, len(batch))
	seen := make(map[K]struct{}, len(batch))
	for _, w := range batch {
		if _, again := seen[w.key]; !again {
			seen[w.key] = struct{}{}
			keys = append(keys, w.key)
		}
	}
	values, err := l.guarded(ctx, keys)
	for _, w := range batch {
		if w.err = err; err == nil {
			w.value, w.found = values[w.key]
		}
		close(w.done)
	}
}

// guarded turns a panic into an error: its goroutine may be nobody's request.
func (l *Loader[K, V]) guarded(ctx context.Context, keys []K) (values map[K]V, err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "look-up panicked", "panic", p, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return l.load(ctx, keys)
}
