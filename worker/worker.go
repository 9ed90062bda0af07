// Package worker runs the hub's background work: the Temporal workers, the mail
// tasks, the sweepers and the schedules. It survives the absence of Temporal,
// Redis and PostgreSQL, at its start and later: it waits for them and says on
// /readyz what is missing. Any number of workers may run at once.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"quad/internal/hub"
)

// Run works until ctx ends, then lets what is in flight end within the drain
// timeout. Errors: an address cannot be listened on.
func Run(ctx context.Context, h *hub.Hub) error {
	cfg := h.Config.Worker
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.HealthAddr)
	if err != nil {
		return fmt.Errorf("worker: health address: %w", err)
	}
	w := &worker{hub: h, ready: newReadiness(h)}
	stopHealth := w.ready.serve(ctx, listener)
	defer stopHealth()
	stopQueueUI, err := serveQueueUI(ctx, cfg.QueueUIAddr, h.Config.Redis.URL)
	if err != nil {
		return err
	}
	defer stopQueueUI()
	slog.InfoContext(ctx, "worker starts", "health", listener.Addr().String())

	var group sync.WaitGroup
	group.Go(func() { w.runTemporal(ctx) })
	group.Go(func() { w.runTasks(ctx) })
	group.Go(func() { h.Notify.Dispatch(ctx) })
	for _, l := range []loop{
		{"processes", cfg.SweepInterval, h.Processes.Sweep},
		{"decisions", cfg.SweepInterval, h.RoleRequests.Sweep},
		{"mails", cfg.SweepInterval, h.Notify.Sweep},
		{"sign-in leftovers", time.Hour, h.Auth.Purge},
		{"uploaded files", time.Hour, h.Uploads.Purge},
	} {
		group.Go(func() { l.run(ctx) })
	}
	<-ctx.Done()
	slog.InfoContext(ctx, "worker drains", "timeout", cfg.DrainTimeout)
	w.ready.drain()
	group.Wait()
	slog.InfoContext(ctx, "worker has stopped")
	return nil
}

// worker is one running worker.
type worker struct {
	hub   *hub.Hub
	ready *readiness
}

// pause waits, and tells whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
