package api

import (
	"context"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/internal/health"
	"quad/internal/httpx"
)

// Check asks one dependency whether it answers.
type Check = health.Check

// checkFresh is how often they are asked at most, however often a client asks.
const checkFresh = time.Second

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

// probes answers them.
type probes struct {
	app    *httpx.App
	checks []Check
	failed func(ctx context.Context, name string, err error)

	mu    sync.Mutex
	last  readiness
	asked time.Time
}

// live says that the process runs; it asks nobody, so that a broken dependency
// does not have every replica restarted.
func (h *probes) live(c *fiber.Ctx) error { return c.JSON(fiber.Map{"status": "ok"}) }

// ready says whether requests should come here.
func (h *probes) ready(c *fiber.Ctx) error {
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
func (h *probes) current(ctx context.Context) readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked.IsZero() && time.Since(h.asked) < checkFresh {
		return h.last
	}
	found := health.Ask(ctx, h.checks)
	states := make([]state, len(found))
	for i, f := range found {
		states[i] = h.stateOf(ctx, f)
	}
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

// stateOf is what strangers learn of a dependency; the log has the rest.
func (h *probes) stateOf(ctx context.Context, found health.State) state {
	s := state{Status: "up", Required: found.Required, TookMS: float64(found.Took.Microseconds()) / 1000}
	switch {
	case found.TimedOut():
		s.Status = "timeout"
	case found.Err != nil:
		s.Status = "down"
	}
	if found.Err != nil {
		h.failed(ctx, found.Name, found.Err)
	}
	return s
}
