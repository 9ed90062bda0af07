package livecache

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"quad/internal/store"
)

const (
	// maxAccounts bounds a cache; with more accounts in use it starts anew.
	maxAccounts = 10_000
	// loadTimeout ends a load that outlives the request that began it.
	loadTimeout = 30 * time.Second
)

// Cache keeps one value for each account. What is kept is shared by all
// callers, so they must not change it. It is safe for concurrent use.
type Cache[T any] struct {
	name    string
	watcher *Watcher
	now     func() time.Time

	mu    sync.Mutex
	kept  map[int64]kept[T]
	loads map[int64]*load[T] // those whose result will be kept
}

type kept[T any] struct {
	value  T
	loaded time.Time // when its load began
}

// load is a load that all who ask meanwhile wait for.
type load[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// New makes a cache. Its name is the same in all processes and used once in
// each; it holds no colon.
func New[T any](w *Watcher, name string) *Cache[T] {
	c := &Cache[T]{name: name, watcher: w, now: time.Now, kept: map[int64]kept[T]{}, loads: map[int64]*load[T]{}}
	w.add(name, c)
	return c
}

// Get gives the value of the context's account, from memory if it is there, else
// with fn; all who ask for it at the same time share one call. The value must
// depend on nothing but the account. fn runs with the values of the caller's
// context, but goes on when the caller has gone, because others may wait for it.
//
// In a transaction fn is called with the context as it is and nothing is kept:
// what it reads there may never be committed.
//
// Errors: store.ErrNoAccount, those of fn (which are not kept), and the
// context's.
func (c *Cache[T]) Get(ctx context.Context, fn func(ctx context.Context) (T, error)) (T, error) {
	account, ok := store.AccountID(ctx)
	if !ok {
		var none T
		return none, store.ErrNoAccount
	}
	if store.HasTx(ctx) {
		return fn(ctx)
	}
	now := c.now()
	c.mu.Lock()
	if k, ok := c.kept[account]; ok && now.Sub(k.loaded) < c.watcher.maxAge() {
		c.mu.Unlock()
		return k.value, nil
	}
	l, running := c.loads[account]
	if !running {
		l = &load[T]{done: make(chan struct{})}
		c.loads[account] = l
	}
	c.mu.Unlock()
	if !running {
		go c.run(ctx, account, now, l, fn)
	}
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// run loads, and keeps the result unless it was forgotten meanwhile: what was
// read may be from before the change.
func (c *Cache[T]) run(ctx context.Context, account int64, began time.Time, l *load[T], fn func(ctx context.Context) (T, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	l.err = fmt.Errorf("livecache: load of %s panicked", c.name) // until fn returns
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "load of a cache panicked", "cache", c.name, "panic", p, "stack", string(debug.Stack()))
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		defer close(l.done)
		if c.loads[account] != l {
			return
		}
		delete(c.loads, account)
		if l.err != nil {
			return
		}
		if len(c.kept) >= maxAccounts {
			clear(c.kept)
		}
		c.kept[account] = kept[T]{value: l.value, loaded: began}
	}()
	l.value, l.err = fn(ctx)
}

// Changed tells all processes to forget the value of the context's account once
// the context's transaction has committed; this process has forgotten it when
// InTx returns. What changes the value without store.InTx calls it afterwards.
// Errors: store.ErrNoAccount, those of the database.
func (c *Cache[T]) Changed(ctx context.Context) error {
	account, ok := store.AccountID(ctx)
	if !ok {
		return store.ErrNoAccount
	}
	if _, err := c.watcher.db.Exec(ctx, `SELECT pg_notify(@channel, concat(CAST(@name AS text), ':', CAST(@account_id AS bigint)))`,
		store.Args{"channel": channel, "name": c.name}); err != nil {
		return fmt.Errorf("livecache: %s changed: %w", c.name, err)
	}
	store.AfterCommit(ctx, func(context.Context) { c.forget(account) })
	return nil
}

func (c *Cache[T]) forget(account int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, account)
	delete(c.loads, account)
}

func (c *Cache[T]) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.kept)
	clear(c.loads)
}
