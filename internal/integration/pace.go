package integration

import (
	"context"
	"sync"
	"time"
)

// pacer lets so many requests go to a learning system in a second, spread
// evenly. It is safe for concurrent use.
type pacer struct {
	every time.Duration

	lock sync.Mutex
	next time.Time // when the next one may go
}

// pace gives what source.Options wants; nil without a limit.
func pace(perSecond *int) func(context.Context) error {
	if perSecond == nil {
		return nil
	}
	p := &pacer{every: time.Second / time.Duration(*perSecond)}
	return p.wait
}

// wait takes the next place and waits for it.
func (p *pacer) wait(ctx context.Context) error {
	p.lock.Lock()
	now := time.Now()
	pause := max(p.next.Sub(now), 0)
	p.next = now.Add(pause + p.every)
	p.lock.Unlock()
	if pause == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
