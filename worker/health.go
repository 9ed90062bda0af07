package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"quad/internal/hub"
)

const (
	checkTimeout = 2 * time.Second
	checkFresh   = time.Second // dependencies are asked at most this often
)

// check asks one thing that the worker needs.
type check struct {
	name string
	ask  func(context.Context) error
}

// readiness answers probes. Its answers have the shape of the API's.
type readiness struct {
	checks   []check
	metrics  http.Handler
	working  atomic.Bool // the Temporal workers run
	draining atomic.Bool

	mu    sync.Mutex
	last  report
	asked time.Time
}

type report struct {
	Status string           `json:"status"` // ready, not_ready, draining
	Checks map[string]state `json:"checks"`
}

type state struct {
	Status   string  `json:"status"` // up, down, timeout, starting
	Required bool    `json:"required"`
	TookMS   float64 `json:"took_ms"`
}

var errNotWorking = errors.New("the workers are not started")

func newReadiness(h *hub.Hub) *readiness {
	r := &readiness{metrics: h.Metrics.Handler()}
	r.checks = []check{
		{"postgres", h.DB.Ping},
		{"redis", func(ctx context.Context) error { return h.Redis.Ping(ctx).Err() }},
		{"temporal", func(ctx context.Context) error {
			if !r.working.Load() {
				return errNotWorking
			}
			return h.Processes.Healthy(ctx)
		}},
	}
	return r
}

func (r *readiness) setWorking(works bool) { r.working.Store(works) }

func (r *readiness) drain() { r.draining.Store(true) }

// serve answers /healthz, /readyz and /metrics on the listener until stop is
// called.
func (r *readiness) serve(ctx context.Context, listener net.Listener) (stop func()) {
	mux := http.NewServeMux()
	// Alive asks nobody: a broken dependency must not have the worker restarted.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		out := r.current(req.Context())
		status := http.StatusOK
		if out.Status != "ready" {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, out)
	})
	mux.Handle("GET /metrics", r.metrics)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			slog.ErrorContext(ctx, "probes are not answered any more", "error", err)
		}
	}()
	return func() {
		_ = server.Close()
		<-ended
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the prober has left
}

// current asks all dependencies at once, or tells what was found just before.
func (r *readiness) current(ctx context.Context) report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked.IsZero() || time.Since(r.asked) >= checkFresh {
		// A prober that hangs up must not make a dependency look broken.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		states := make([]state, len(r.checks))
		var group sync.WaitGroup
		for i, c := range r.checks {
			group.Go(func() { states[i] = c.run(ctx) })
		}
		group.Wait()
		r.last = report{Status: "ready", Checks: map[string]state{}}
		for i, s := range states {
			r.last.Checks[r.checks[i].name] = s
			if s.Status != "up" {
				r.last.Status = "not_ready"
			}
		}
		r.asked = time.Now()
	}
	out := r.last
	if r.draining.Load() {
		out.Status = "draining"
	}
	return out
}

// run asks one dependency. Why it is down goes to the log only: to strangers it
// would name hosts and ports.
func (c check) run(ctx context.Context) state {
	begin := time.Now()
	err := c.ask(ctx)
	s := state{Status: "up", Required: true, TookMS: float64(time.Since(begin).Microseconds()) / 1000}
	switch {
	case err == nil:
	case errors.Is(err, errNotWorking):
		s.Status = "starting" // nothing is wrong yet
		return s
	case errors.Is(err, context.DeadlineExceeded):
		s.Status = "timeout"
	default:
		s.Status = "down"
	}
	if err != nil {
		slog.WarnContext(ctx, "a needed service does not answer", "service", c.name, "error", err)
	}
	return s
}
