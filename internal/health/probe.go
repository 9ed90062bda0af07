package health

import (
	"context"
	"sync"
	"time"
)

// fresh is how long an answer stands, however often a client asks.
const fresh = time.Second

// Probe tells whether a hub can serve: it asks what is needed and nothing else.
// It is safe for concurrent use; callers wait for each other, and one round of
// questions serves them all.
type Probe struct {
	service *Service

	mu   sync.Mutex
	last Report
}

// NewProbe makes a Probe of a Service.
func NewProbe(s *Service) *Probe { return &Probe{service: s} }

// Report asks the required dependencies, at most once a second.
func (p *Probe) Report(ctx context.Context) Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.last.At) >= fresh {
		var needed []Check
		for _, c := range p.service.checks {
			if c.Required {
				needed = append(needed, c)
			}
		}
		p.last = Report{Version: p.service.version, At: now, States: Ask(ctx, needed)}
	}
	out := p.last
	out.At, out.Uptime = now, now.Sub(p.service.started)
	return out
}
