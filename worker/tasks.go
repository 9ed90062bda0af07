package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"

	"quad/internal/notify"
)

const (
	// taskCheck is how often an empty queue is looked at: the longest a mail
	// waits for nothing.
	taskCheck = 200 * time.Millisecond
	// taskRetry is the wait before a task is run again that could not read its
	// row. Failed deliveries are not tasks that fail: their row says when.
	taskRetry = 5 * time.Second
)

// runTasks runs the task server until ctx ends. It needs no Redis to start and
// comes back by itself after an outage.
func (w *worker) runTasks(ctx context.Context) {
	cfg := w.hub.Config.Worker
	server := asynq.NewServerFromRedisClient(w.hub.Redis, asynq.Config{
		Concurrency:       cfg.MailConcurrency,
		Queues:            notify.QueueWeights,
		TaskCheckInterval: taskCheck,
		ShutdownTimeout:   cfg.DrainTimeout,
		RetryDelayFunc:    func(int, error, *asynq.Task) time.Duration { return taskRetry },
		Logger:            taskLog{},
		LogLevel:          asynq.InfoLevel,
		BaseContext:       func() context.Context { return context.WithoutCancel(ctx) }, // the server ends tasks itself
	})
	mux := asynq.NewServeMux()
	mux.Handle(notify.TaskSend, w.hub.Notify)
	if err := server.Start(mux); err != nil {
		// It only fails for a server that was started before.
		slog.ErrorContext(ctx, "task server not started", "error", err)
		return
	}
	<-ctx.Done()
	server.Shutdown()
}

// taskLog hands the task server's log to slog.
type taskLog struct{}

func (taskLog) Debug(args ...any) { taskLine(slog.LevelDebug, args) }
func (taskLog) Info(args ...any)  { taskLine(slog.LevelDebug, args) } // starts and stops, which the worker tells itself
func (taskLog) Warn(args ...any)  { taskLine(slog.LevelWarn, args) }
func (taskLog) Error(args ...any) { taskLine(slog.LevelError, args) }

// Fatal is used for mistakes in the configuration. It does not end the process
// behind the back of the other parts.
func (taskLog) Fatal(args ...any) { taskLine(slog.LevelError, args) }

func taskLine(level slog.Level, args []any) {
	slog.Log(context.Background(), level, "task server", "message", fmt.Sprint(args...))
}
