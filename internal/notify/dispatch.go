package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/lib/pq"

	"quad/internal/obs"
	"quad/internal/store"
	"quad/models"
)

// Queues of the task server with their weight. Mails of imports have their own,
// so that a sign-up code does not wait behind them.
const (
	QueueMail     = "mail"
	QueueMailBulk = "mail-bulk"
)

// QueueWeights are what the task server is configured with.
var QueueWeights = map[string]int{QueueMail: 9, QueueMailBulk: 1}

// TaskSend is the type of the task that sends one mail.
const TaskSend = "notification:send"

const (
	dispatchBatch = 500             // rows handed on in one transaction
	maxQueued     = 5000            // tasks of a queue in Redis; the rest waits in the database
	dispatchEvery = time.Second     // how late a mail is picked up when nothing wakes the dispatcher
	redisTries    = 3               // of a task whose handler met a database that is down
	relistenAfter = 2 * time.Second // wait before a lost listening connection is replaced
)

// lane is a class of mails with its own queue and rate.
type lane struct {
	queue string
	bulk  bool
	where string
}

// The condition of the first lane is that of the index notifications_due_single.
var lanes = []lane{
	{queue: QueueMail, where: `template NOT IN ` + bulkTemplates},
	{queue: QueueMailBulk, bulk: true, where: `template IN ` + bulkTemplates},
}

// Dispatch hands due mails to the task queue until the context ends. Any number
// of replicas may do so at once. While PostgreSQL or Redis is down it waits.
func (s *Service) Dispatch(ctx context.Context) {
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { s.listen(ctx) })
	for {
		more := false
		for _, l := range lanes {
			full, err := s.dispatch(ctx, l)
			if err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "mails not handed to the queue, it is tried again", "queue", l.queue, "error", err)
			}
			more = more || (full && err == nil)
		}
		if ctx.Err() != nil {
			return
		}
		if more {
			continue
		}
		timer := time.NewTimer(dispatchEvery)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// listen wakes the dispatcher when a mail was written.
func (s *Service) listen(ctx context.Context) {
	poke := func() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		err := s.db.Listen(ctx, channel, poke, func(string) { poke() })
		if ctx.Err() != nil {
			return
		}
		slog.WarnContext(ctx, "listening for mails ended, the dispatcher polls", "error", err)
		timer := time.NewTimer(relistenAfter)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

const selectDue = `
SELECT id, account_id FROM notifications
WHERE state = 'pending' AND next_attempt_at <= now() AND %s
ORDER BY next_attempt_at, id LIMIT @limit FOR UPDATE SKIP LOCKED`

const markQueued = `
UPDATE notifications SET state = 'queued', next_attempt_at = now() + make_interval(secs => @lease), updated_at = now()
WHERE id = ANY(CAST(@ids AS bigint[]))`

const putOff = `
UPDATE notifications n SET next_attempt_at = now() + make_interval(secs => d.delay), updated_at = now()
FROM (SELECT unnest(CAST(@ids AS bigint[])) AS id, unnest(CAST(@delays AS float8[])) AS delay) d
WHERE n.id = d.id`

const takeBack = `
UPDATE notifications SET state = 'pending', next_attempt_at = now(), updated_at = now()
WHERE state = 'queued' AND id = ANY(CAST(@ids AS bigint[]))`

// dispatch hands on one batch of a lane; full tells that there may be more.
// The rows are marked before the tasks are made, so that no task meets a row
// that is not meant for it; if the tasks cannot be made the rows are taken
// back, and if that fails too the sweeper does it.
func (s *Service) dispatch(ctx context.Context, l lane) (full bool, err error) {
	room, err := s.room(l.queue)
	if err != nil || room <= 0 {
		return false, err
	}
	ctx = store.AsSystem(ctx)
	var ids pq.Int64Array
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var due []struct{ ID, AccountID int64 }
		args := store.Args{"limit": min(room, dispatchBatch)}
		if err := s.db.Query(ctx, &due, fmt.Sprintf(selectDue, l.where), args); err != nil {
			return err
		}
		full = len(due) == dispatchBatch
		byAccount := map[int64][]int64{}
		for _, n := range due {
			byAccount[n.AccountID] = append(byAccount[n.AccountID], n.ID)
		}
		var late pq.Int64Array
		var delays pq.Float64Array
		for account, waiting := range byAccount {
			allowed, next, err := s.limits.take(ctx, account, l.bulk, len(waiting))
			if err != nil {
				return err
			}
			ids = append(ids, waiting[:allowed]...)
			late = append(late, waiting[allowed:]...)
			delays = append(delays, s.limits.slots(account, l.bulk, next, len(waiting)-allowed)...)
		}
		if len(late) > 0 {
			if _, err := s.db.Exec(ctx, putOff, store.Args{"ids": late, "delays": delays}); err != nil {
				return err
			}
		}
		if len(ids) > 0 {
			_, err := s.db.Exec(ctx, markQueued, store.Args{"ids": ids, "lease": s.queueLease().Seconds()})
			return err
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("notify: dispatch: %w", err)
	}
	for i, id := range ids {
		if err := s.enqueue(ctx, l.queue, id); err != nil {
			rest := ids[i:]
			_, back := s.db.Exec(context.WithoutCancel(ctx), takeBack, store.Args{"ids": rest})
			return false, errors.Join(err, back)
		}
	}
	return full, nil
}

// queueLease is how long a row may be queued before it counts as lost.
func (s *Service) queueLease() time.Duration { return 3 * s.grace }

// room is how many more tasks a queue takes.
func (s *Service) room(queue string) (int, error) {
	info, err := s.queue(queue)
	if err != nil || info == nil {
		return maxQueued, err
	}
	return maxQueued - (info.Size - info.Archived), nil
}

// queue tells how a queue is; nil for one that no task was ever put in, which
// the inspector does not know.
func (s *Service) queue(name string) (*asynq.QueueInfo, error) {
	known, err := s.inspector.Queues()
	if err != nil {
		return nil, models.ErrUnavailable.With(fmt.Errorf("notify: queues: %w", err))
	}
	if !slices.Contains(known, name) {
		return nil, nil
	}
	info, err := s.inspector.GetQueueInfo(name)
	if err != nil {
		return nil, models.ErrUnavailable.With(fmt.Errorf("notify: queue %s: %w", name, err))
	}
	return info, nil
}

type task struct {
	ID int64 `json:"id"`
}

func taskID(id int64) string { return "notification:" + strconv.FormatInt(id, 10) }

// enqueue makes the task of a mail. One that waits will do. One that was put
// aside by the queue would never run and is replaced. One that is being worked
// on gets a second one beside it: its worker may have been killed, which the
// queue finds out after two minutes only, and of two tasks that run the claim
// lets one have the mail.
func (s *Service) enqueue(ctx context.Context, queue string, id int64) error {
	payload, err := json.Marshal(task{ID: id})
	if err != nil {
		return fmt.Errorf("notify: task: %w", err)
	}
	name := taskID(id)
	add := func() error {
		_, err := s.tasks.EnqueueContext(ctx, asynq.NewTask(TaskSend, payload), asynq.Queue(queue), asynq.TaskID(name),
			asynq.MaxRetry(redisTries), asynq.Timeout(s.taskTimeout()))
		return err
	}
	err = add()
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		info, lookup := s.inspector.GetTaskInfo(queue, name)
		switch {
		case errors.Is(lookup, asynq.ErrTaskNotFound): // it has just ended, perhaps before it was meant to send
		case lookup != nil:
			return models.ErrUnavailable.With(fmt.Errorf("notify: look up task: %w", lookup))
		case info.State == asynq.TaskStateActive:
			name += ":" + strconv.FormatInt(time.Now().UnixMicro(), 36)
		case info.State == asynq.TaskStateArchived, info.State == asynq.TaskStateCompleted:
			if err := s.inspector.DeleteTask(queue, name); err != nil && !errors.Is(err, asynq.ErrTaskNotFound) {
				return fmt.Errorf("notify: replace task: %w", err)
			}
		default:
			return nil //nolint:nilerr // the task is there: that it could not be added again is what was wanted
		}
		err = add()
	}
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return models.ErrUnavailable.With(fmt.Errorf("notify: enqueue: %w", err))
	}
	return nil
}

const sweepBatch = 1000

// A mail whose sending was cut off counts as an attempt: one that kills its
// worker each time ends as dead.
const takeStuck = `
UPDATE notifications SET next_attempt_at = now(), updated_at = now(),
    state = CASE WHEN state = 'sending' AND attempts >= @max THEN 'dead' ELSE 'pending' END,
    last_error = CASE WHEN state = 'sending' THEN 'the worker was cut off while it sent the mail' ELSE last_error END
WHERE id IN (
    SELECT id FROM notifications WHERE state IN ('queued', 'sending') AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT @limit FOR UPDATE SKIP LOCKED)`

// Sweep takes back mails whose task got lost: Redis was wiped or a worker was
// killed. Any number of replicas may sweep at once.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		n, err := s.db.Exec(store.AsSystem(ctx), takeStuck, store.Args{"max": s.mail.MaxAttempts, "limit": sweepBatch})
		if err != nil {
			return fmt.Errorf("notify: sweep: %w", err)
		}
		if n > 0 {
			slog.InfoContext(ctx, "mails that got stuck are sent again", "count", n)
		}
		if n < sweepBatch {
			return nil
		}
	}
}

// Backlog is what waits in the outbox, for metrics: mails that are due and not
// sent, and the age of the oldest.
func (s *Service) Backlog(ctx context.Context) ([]obs.Backlog, error) {
	var row struct {
		Pending int64
		Oldest  float64
	}
	const text = `
SELECT count(*) AS pending, COALESCE(extract(epoch FROM now() - min(created_at)), 0) AS oldest
FROM notifications WHERE state IN ('pending', 'queued', 'sending')`
	if err := s.db.Query(store.AsSystem(ctx), &row, text, nil); err != nil {
		return nil, fmt.Errorf("notify: backlog: %w", err)
	}
	return []obs.Backlog{{Outbox: "notifications", Pending: row.Pending, Oldest: time.Duration(row.Oldest * float64(time.Second))}}, nil
}

// Queues is the state of the task queues, for metrics.
func (s *Service) Queues(context.Context) ([]obs.QueueStat, error) {
	var stats []obs.QueueStat
	for queue := range QueueWeights {
		info, err := s.queue(queue)
		if err != nil {
			return nil, err
		}
		if info == nil {
			continue
		}
		stats = append(stats, obs.QueueStat{Queue: queue, Oldest: info.Latency, Paused: info.Paused, States: map[string]int64{
			"pending": int64(info.Pending), "active": int64(info.Active), "scheduled": int64(info.Scheduled),
			"retry": int64(info.Retry), "archived": int64(info.Archived),
		}})
	}
	return stats, nil
}
