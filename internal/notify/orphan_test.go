package notify_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"quad/internal/inbox"
	"quad/internal/notify"
	"quad/models"
)

// A worker that was killed between taking a task and claiming its mail leaves
// the task in the queue as being worked on. The mail does not wait for it.
func TestTaskOfADeadWorkerHoldsUpNothing(t *testing.T) {
	w := newWorld(t)
	s := w.outbox(t)
	w.send(t, s, 0, 1)
	n := w.only(t, s)
	connection, err := asynq.ParseRedisURI(w.redisURL)
	require.NoError(t, err)

	taken, release := make(chan struct{}), make(chan struct{})
	stuck := asynq.NewServer(connection, asynq.Config{Concurrency: 1, Queues: notify.QueueWeights, LogLevel: asynq.FatalLevel, TaskCheckInterval: 50 * time.Millisecond})
	require.NoError(t, stuck.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		close(taken)
		<-release
		return nil
	})))
	t.Cleanup(func() { close(release); stuck.Shutdown() })
	client := asynq.NewClient(connection)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	_, err = client.Enqueue(asynq.NewTask(notify.TaskSend, fmt.Appendf(nil, `{"id": %d}`, n.ID)),
		asynq.Queue(notify.QueueMail), asynq.TaskID(fmt.Sprintf("notification:%d", n.ID)))
	require.NoError(t, err)
	<-taken

	w.worker(t, nil)
	w.becomes(t, s, models.NotificationSent)
	require.Len(t, w.inbox.Messages(inbox.Filter{To: "user0@example.test"}), 1)
}
