package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/internal/httpx"
)

// Check asks one dependency whether it answers.
type Check struct {
	Name string // "postgres"
	// Required dependencies make the hub not ready when they are down. The
	// others only degrade it: requests are answered and their work waits.
	Required bool
	Ask      func(context.Context) error
}

const (
	checkTimeout = 2 * time.Second
	checkFresh   = time.Second // asked at most this often, however often a client asks
)

// state is one dependency in the answer of /readyz. The reason of a failure
// goes to the log; to strangers it would name hosts and ports.
type state struct {
	Status   string  `json:"status"` // up, down, timeout
	Required bool    `json:"required"`
	TookMS   float64 `json:"took_ms"`
}

type readiness struct {
	Status string           `json:"status"` // ready, degraded, not_ready, draining
	Checks map[string]state `json:"checks"`
}

// health answers probes.
type health struct {
	app    *httpx.App
	checks []Check
	failed func(ctx context.Context, name string, err error)

	mu    sync.Mutex
	last  readiness
	asked time.Time
}

// live says that the process runs; it asks nobody, so that a broken dependency
// does not have every replica restarted.
func (h *health) live(c *fiber.Ctx) error { return c.JSON(fiber.Map{"status": "ok"}) }

// ready says whether requests should come here.
func (h *health) ready(c *fiber.Ctx) error {
	r := h.current(c.UserContext())
	if h.app.Draining() {
		r.Status = "draining"
	}
	status := fiber.StatusOK
	if r.Status == "draining" || r.Status == "not_ready" {
		status = fiber.StatusServiceUnavailable
	}
	return c.Status(status).JSON(r)
}

// current asks all dependencies at once, or returns what was found just before.
// Callers wait for each other: one round of questions serves them all.
func (h *health) current(ctx context.Context) readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked.IsZero() && time.Since(h.asked) < checkFresh {
		return h.last
	}
	// A probe that hangs up must not make the dependency look broken to others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	states := make([]state, len(h.checks))
	var wg sync.WaitGroup
	for i, check := range h.checks {
		wg.Go(func() { states[i] = h.ask(ctx, check) })
	}
	wg.Wait()
	out := readiness{Status: "ready", Checks: make(map[string]state, len(states))}
	for i, s := range states {
		out.Checks[h.checks[i].Name] = s
		switch {
		case s.Status == "up":
		case s.Required:
			out.Status = "not_ready"
		case out.Status == "ready":
			out.Status = "degraded"
		}
	}
	h.last, h.asked = out, time.Now()
	return out
}

// ask asks one dependency; one that ignores its deadline is left behind.
func (h *health) ask(ctx context.Context, check Check) state {
	start := time.Now()
	answer := make(chan error, 1)
	go func() { answer <- check.Ask(ctx) }()
	var err error
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s := state{Status: "up", Required: check.Required, TookMS: float64(time.Since(start).Microseconds()) / 1000}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		s.Status = "timeout"
	case err != nil:
		s.Status = "down"
	}
	if err != nil {
		h.failed(ctx, check.Name, err)
	}
	return s
}
