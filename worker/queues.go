package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
)

// serveQueueUI serves the page on which operators look into the task queue, at
// addr until stop is called; an empty address serves nothing. Payloads are ids,
// so no personal data is on it. It has no login: whoever reaches it may delete
// tasks (the sweeper makes them again).
func serveQueueUI(ctx context.Context, addr, redisURL string) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	redis, err := asynq.ParseRedisURI(redisURL)
	if err != nil {
		return nil, errors.New("worker: queue UI: REDIS_URL cannot be read") // never the URL, it has the password
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("worker: queue UI: %w", err)
	}
	page := asynqmon.New(asynqmon.Options{RedisConnOpt: redis})
	server := &http.Server{
		// A page of another site that is open in the same browser must not
		// delete tasks.
		Handler:           http.NewCrossOriginProtection().Handler(page),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			slog.ErrorContext(ctx, "the queue UI is not served any more", "error", err)
		}
	}()
	slog.InfoContext(ctx, "queue UI listens", "address", listener.Addr().String())
	return func() {
		_ = server.Close()
		<-ended
		if err := page.Close(); err != nil {
			slog.WarnContext(ctx, "the queue UI did not end cleanly", "error", err)
		}
	}, nil
}
