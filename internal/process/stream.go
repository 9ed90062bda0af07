package process

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"quad/internal/store"
	"quad/models"
)

const (
	maxStreams = 2000            // open event streams of one replica
	streamPage = store.MaxPage   // events given at once
	pollEvery  = 5 * time.Second // how late an event is at worst when no notification arrives
	relisten   = time.Second     // wait before a lost listening connection is replaced
)

// waking hands notifications of the database to the event streams that wait
// for them. One connection listens for all streams of the replica, and only
// while there is one.
type waking struct {
	mu      sync.Mutex
	waiting map[int64]map[chan struct{}]struct{} // by process id
	streams int
	stop    context.CancelFunc
}

// Stream gives the events of one process as they happen.
type Stream struct {
	s     *Service
	id    int64
	after int64
	wake  chan struct{}
	once  sync.Once
}

// Subscribe opens a stream of a process's events after an event id (0: from the
// start). It must be closed. Errors: models.ErrNotFound, ErrTooManyStreams.
func (s *Service) Subscribe(ctx context.Context, id, after int64) (*Stream, error) {
	if _, err := s.Get(ctx, id); err != nil {
		return nil, err
	}
	st := &Stream{s: s, id: id, after: after, wake: make(chan struct{}, 1)}
	w := &s.waking
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.streams >= maxStreams {
		return nil, ErrTooManyStreams
	}
	w.streams++
	if w.waiting[id] == nil {
		w.waiting[id] = map[chan struct{}]struct{}{}
	}
	w.waiting[id][st.wake] = struct{}{}
	if w.stop == nil {
		listen, stop := context.WithCancel(context.WithoutCancel(ctx))
		w.stop = stop
		go s.listen(listen)
	}
	return st, nil
}

// Next waits for events and gives them in their order, at most 100 at a time.
// io.EOF follows the last event of an ended process. When wait passes without
// an event it gives none, so that the caller can send a sign of life.
func (st *Stream) Next(ctx context.Context, wait time.Duration) ([]models.ProcessEvent, error) {
	deadline := time.Now().Add(wait)
	for {
		// The state is read before the events: an event that comes with the end
		// is committed together with it.
		p, err := st.s.Get(ctx, st.id)
		if err != nil {
			return nil, err
		}
		events, err := st.s.events(ctx, st.id, st.after, streamPage)
		if err != nil {
			return nil, err
		}
		if len(events) > 0 {
			st.after = events[len(events)-1].ID
			return events, nil
		}
		if p.State.Final() {
			return nil, io.EOF
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, nil
		}
		timer := time.NewTimer(min(left, pollEvery))
		select {
		case <-st.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("process: stream of %d: %w", st.id, ctx.Err())
		}
		timer.Stop()
	}
}

// Close gives back what the stream holds.
func (st *Stream) Close() {
	st.once.Do(func() {
		w := &st.s.waking
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting[st.id], st.wake)
		if len(w.waiting[st.id]) == 0 {
			delete(w.waiting, st.id)
		}
		if w.streams--; w.streams == 0 && w.stop != nil {
			w.stop()
			w.stop = nil
		}
	})
}

// listen wakes streams until its context ends. Streams poll as well, so a lost
// connection only makes them slower.
func (s *Service) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.db.Listen(ctx, channel, func() { s.waking.all() }, func(payload string) {
			if id, err := strconv.ParseInt(payload, 10, 64); err == nil {
				s.waking.one(id)
			}
		})
		if ctx.Err() != nil {
			return
		}
		slog.WarnContext(ctx, "listening for process events ended, streams poll", "error", err)
		timer := time.NewTimer(relisten)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (w *waking) one(id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for wake := range w.waiting[id] {
		poke(wake)
	}
}

func (w *waking) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, streams := range w.waiting {
		for wake := range streams {
			poke(wake)
		}
	}
}

// poke leaves one sign in the channel; a second one would say nothing new.
func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
