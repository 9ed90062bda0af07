// Package health asks what the hub depends on whether it answers.
package health

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"
)

// Timeout is the longest that one round of questions takes.
const Timeout = 2 * time.Second

// Check asks one dependency whether it answers.
type Check struct {
	Name string // "postgres"
	// Required dependencies make the hub useless when they are down. The others
	// only degrade it: requests are answered and their work waits.
	Required bool
	Ask      func(context.Context) error
}

// State is what was found.
type State struct {
	Check
	Took time.Duration
	Err  error // nil: it answers
}

// TimedOut tells whether there was no answer in time.
func (s State) TimedOut() bool { return errors.Is(s.Err, context.DeadlineExceeded) }

// Reason says why there was no answer, without the names of hosts and ports that
// an error has; "" when there was one.
func (s State) Reason() string {
	switch {
	case s.Err == nil:
		return ""
	case s.TimedOut():
		return "No answer in time"
	case errors.Is(s.Err, syscall.ECONNREFUSED):
		return "Connection refused"
	}
	return "Not available"
}

// Ask asks all at once and gives the answers in the order of the checks, within
// Timeout. It goes on when the caller has gone: one who hangs up must not make a
// dependency look broken to others.
func Ask(ctx context.Context, checks []Check) []State {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
	defer cancel()
	states := make([]State, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { states[i] = ask(ctx, check) })
	}
	wg.Wait()
	return states
}

// ask asks one dependency; one that ignores its deadline is left behind.
func ask(ctx context.Context, check Check) State {
	start := time.Now()
	answer := make(chan error, 1)
	go func() { answer <- check.Ask(ctx) }()
	var err error
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return State{Check: check, Took: time.Since(start), Err: err}
}

// Service is the health of a hub with what it depends on.
type Service struct {
	checks  []Check
	version string
	started time.Time
}

// New makes a Service of a process that starts now.
func New(version string, checks ...Check) *Service {
	return &Service{checks: checks, version: version, started: time.Now()}
}

// Report is how the hub is.
type Report struct {
	Version string
	Uptime  time.Duration
	At      time.Time
	States  []State
}

// Broken tells whether something that is needed does not answer.
func (r Report) Broken() bool { return r.any(func(s State) bool { return s.Required }) }

// Degraded tells whether anything does not answer.
func (r Report) Degraded() bool { return r.any(func(State) bool { return true }) }

func (r Report) any(of func(State) bool) bool {
	for _, s := range r.States {
		if s.Err != nil && of(s) {
			return true
		}
	}
	return false
}

// Report asks everything.
func (s *Service) Report(ctx context.Context) Report {
	states := Ask(ctx, s.checks)
	now := time.Now()
	return Report{Version: s.version, Uptime: now.Sub(s.started), At: now, States: states}
}
