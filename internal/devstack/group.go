package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// GroupOptions are the settings of a Group; the zero value is usable.
type GroupOptions struct {
	// Logs gets the children's output; nil drops it.
	Logs *Logs
	// Report gets one line per event for people: a crash, a restart. nil drops
	// them.
	Report func(line string)
	// OnRestart is told the new process id of a child that was restarted.
	OnRestart func(name string, pid int)
	// FirstBackoff is the pause before a crashed child is started again
	// (250 ms when zero); it doubles with every crash up to MaxBackoff (10 s
	// when zero) and starts anew when the child was healthy for MaxBackoff.
	FirstBackoff, MaxBackoff time.Duration
}

// Group keeps children running: started one after the other, each healthy
// before the next, restarted when they crash, stopped in reverse order.
type Group struct {
	options GroupOptions
	mu      sync.Mutex
	members []*member
	stopped bool
}

// member is one supervised child, or a part of our own process.
type member struct {
	child   Child
	stop    func() error // of a part that is no child; then only this is set
	out     io.Writer
	mu      sync.Mutex
	process *Process
	cancel  context.CancelFunc // ends the supervision
	ended   chan struct{}      // closed when the supervision has ended
}

// ErrStopped says that a Group was stopped and takes no more children.
var ErrStopped = errors.New("group is stopped")

// NewGroup makes an empty group.
func NewGroup(options GroupOptions) *Group {
	if options.Report == nil {
		options.Report = func(string) {}
	}
	if options.OnRestart == nil {
		options.OnRestart = func(string, int) {}
	}
	if options.FirstBackoff == 0 {
		options.FirstBackoff = 250 * time.Millisecond
	}
	if options.MaxBackoff == 0 {
		options.MaxBackoff = 10 * time.Second
	}
	return &Group{options: options}
}

// Start starts child and returns when it is healthy; from then on the group
// restarts it when it ends. ctx bounds the start only. An error leaves no
// process of this child; the children started before go on.
func (g *Group) Start(ctx context.Context, child Child) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return ErrStopped
	}
	m := &member{child: child, ended: make(chan struct{})}
	if g.options.Logs != nil {
		m.out = g.options.Logs.Writer(child.Name)
	}
	process, err := Start(ctx, child, m.out)
	if err != nil {
		return err
	}
	m.process = process
	// The supervision lives until Stop, not until the caller's ctx ends.
	supervised, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m.cancel = cancel
	g.members = append(g.members, m)
	go g.supervise(supervised, m)
	return nil
}

// Add takes a running part of this very process into the order of stopping:
// stop is called when its turn comes.
func (g *Group) Add(stop func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return errors.Join(ErrStopped, stop())
	}
	// Stop may be called more than once.
	g.members = append(g.members, &member{stop: sync.OnceValue(stop)})
	return nil
}

func (g *Group) supervise(ctx context.Context, m *member) {
	defer close(m.ended)
	backoff := g.options.FirstBackoff
	for {
		process, healthy := m.current(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-process.Done():
		}
		if time.Since(healthy) >= g.options.MaxBackoff {
			backoff = g.options.FirstBackoff
		}
		reason := process.Err()
		for {
			g.options.Report(fmt.Sprintf("%s: %v; starting it again in %s", m.child.Name, reason, backoff))
			if !pause(ctx, backoff) {
				return
			}
			backoff = min(2*backoff, g.options.MaxBackoff)
			next, err := Start(ctx, m.child, m.out)
			if err == nil {
				m.set(next)
				g.options.Report(fmt.Sprintf("%s: runs again, process %d", m.child.Name, next.Pid()))
				g.options.OnRestart(m.child.Name, next.Pid())
				break
			}
			if ctx.Err() != nil {
				return
			}
			reason = err
		}
	}
}

// pause waits for d and tells whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (m *member) current() *Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process
}

func (m *member) set(p *Process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process = p
}

// Pids are the process ids of the children by name. That of a child which is
// between a crash and its restart is the old one.
func (g *Group) Pids() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	pids := make(map[string]int, len(g.members))
	for _, m := range g.members {
		if m.stop == nil {
			pids[m.child.Name] = m.current().Pid()
		}
	}
	return pids
}

// Stop stops all children, the last started first, each gracefully within its
// StopTimeout; when ctx ends, what still runs is killed. When Stop returns, no
// child is left; the error names those that had to be killed.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	g.stopped = true
	members := slices.Clone(g.members)
	g.mu.Unlock() // OnRestart may be asking for Pids
	var failures []error
	for _, m := range slices.Backward(members) {
		if m.stop != nil {
			failures = append(failures, m.stop())
			continue
		}
		// First the supervision, which also ends a restart half done, so that
		// the end that follows is not taken for a crash.
		m.cancel()
		<-m.ended
		if err := m.current().Stop(ctx); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
