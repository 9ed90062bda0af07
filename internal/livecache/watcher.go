// Package livecache keeps what requests read again and again and what changes
// seldom, such as an account's permissions, in the memory of each process, and
// has every process forget it as soon as one of them changes it.
//
// A change is told through PostgreSQL's NOTIFY, in the transaction that makes
// it: who listens hears of it when it commits, and never of one that is rolled
// back. A process that cannot listen for a while (or that nobody made listen)
// trusts its memory for a second only.
package livecache

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quad/internal/store"
)

const (
	// channel carries "<name of the cache>:<account>".
	channel = "quad_changed"
	// A change is heard of at once by who listens; the age is a fallback for a
	// connection that has died without a sign.
	listeningAge = time.Minute
	deafAge      = time.Second
	listenAgain  = time.Second
)

// Watcher listens for changes on behalf of all caches of a process.
type Watcher struct {
	db        *store.DB
	listening atomic.Bool

	mu     sync.RWMutex
	caches map[string]forgetter
}

type forgetter interface {
	forget(account int64)
	forgetAll()
}

// NewWatcher makes a watcher; it listens while Watch runs.
func NewWatcher(db *store.DB) *Watcher {
	return &Watcher{db: db, caches: map[string]forgetter{}}
}

// Watch listens until the context ends. Every process that serves from caches
// runs it once.
func (w *Watcher) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.db.Listen(ctx, channel, func() {
			w.forgetAll() // what was missed is unknown
			w.listening.Store(true)
		}, w.heard)
		w.listening.Store(false)
		if ctx.Err() != nil {
			return
		}
		slog.WarnContext(ctx, "listening for changes ended, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// Listening tells whether changes of other processes are heard of at once.
func (w *Watcher) Listening() bool { return w.listening.Load() }

func (w *Watcher) heard(payload string) {
	name, id, _ := strings.Cut(payload, ":")
	w.mu.RLock()
	cache := w.caches[name]
	w.mu.RUnlock()
	if cache == nil {
		return // a cache of another version of the hub
	}
	if account, err := strconv.ParseInt(id, 10, 64); err == nil {
		cache.forget(account)
	} else {
		cache.forgetAll()
	}
}

func (w *Watcher) forgetAll() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, cache := range w.caches {
		cache.forgetAll()
	}
}

// add makes a cache known under its name, which is used once.
func (w *Watcher) add(name string, cache forgetter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, taken := w.caches[name]; taken || name == "" || strings.Contains(name, ":") {
		panic("livecache: name is taken or no name: " + strconv.Quote(name))
	}
	w.caches[name] = cache
}

func (w *Watcher) maxAge() time.Duration {
	if w.Listening() {
		return listeningAge
	}
	return deafAge
}
