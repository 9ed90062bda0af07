package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/hibiken/asynq"

	"quad/internal/store"
	"quad/models"
)

// maxRetryDelay is the longest wait between two attempts.
const maxRetryDelay = time.Hour

// maxErrorText bounds what is kept of a mail server's answer.
const maxErrorText = 500

// ProcessTask implements asynq.Handler for tasks of the type TaskSend. It gives
// an error only when the row could not be read: whether and when a mail is
// tried again is in its row.
func (s *Service) ProcessTask(ctx context.Context, t *asynq.Task) error {
	var in task
	if err := json.Unmarshal(t.Payload(), &in); err != nil || in.ID <= 0 {
		return fmt.Errorf("notify: task without a mail: %w", asynq.SkipRetry)
	}
	return s.deliver(ctx, in.ID)
}

const claimMail = `
UPDATE notifications SET state = 'sending', attempts = attempts + 1, updated_at = now(),
    next_attempt_at = now() + make_interval(secs => @lease)
WHERE id = @id AND state = 'queued'
RETURNING *`

// deliver sends one mail. The claim lets only one worker have it, however many
// tasks there are.
func (s *Service) deliver(ctx context.Context, id int64) error {
	var n models.Notification
	args := store.Args{"id": id, "lease": s.sendingLease().Seconds()}
	if err := s.db.Query(store.AsSystem(ctx), &n, claimMail, args); err != nil {
		return fmt.Errorf("notify: claim %d: %w", id, err)
	}
	if n.ID == 0 {
		return nil // sent, cancelled or claimed by another
	}
	ctx = store.WithAccount(ctx, n.AccountID)
	mail, err := s.compose(ctx, n)
	if err == nil {
		sending, cancel := context.WithTimeout(ctx, s.mail.Timeout)
		err = s.sender.Send(sending, mail)
		cancel()
	}
	// What has happened is noted even if the worker is being stopped.
	return s.settle(context.WithoutCancel(ctx), n, mail.MessageID, err)
}

// sendingLease is how long a mail may be being sent before its worker counts as
// dead: the time of the task, of the note about it, and some more.
func (s *Service) sendingLease() time.Duration { return s.taskTimeout() + 2*s.grace }

// taskTimeout is the longest time of one task.
func (s *Service) taskTimeout() time.Duration { return s.mail.Timeout + s.grace }

// outcome is what became of an attempt.
type outcome struct {
	state   models.NotificationState
	delay   time.Duration
	problem *string
}

func (s *Service) judge(n models.Notification, err error) outcome {
	if err == nil {
		return outcome{state: models.NotificationSent}
	}
	text := []rune(err.Error())
	problem := string(text[:min(len(text), maxErrorText)])
	switch {
	case errors.Is(err, ErrObsolete):
		return outcome{state: models.NotificationCancelled}
	case Permanent(err), n.Attempts >= s.mail.MaxAttempts:
		return outcome{state: models.NotificationDead, problem: &problem}
	}
	return outcome{state: models.NotificationPending, delay: retryDelay(s.mail.RetryBaseDelay, n.Attempts), problem: &problem}
}

// retryDelay doubles with each attempt up to an hour, with up to a fifth more
// so that the mails of an outage do not all come back at once.
func retryDelay(base time.Duration, attempts int) time.Duration {
	delay := maxRetryDelay
	if shift := attempts - 1; shift < 30 && base<<shift > 0 && base<<shift < maxRetryDelay {
		delay = base << shift
	}
	return delay + time.Duration(rand.Int64N(int64(delay)/5+1))
}

const settleMail = `
UPDATE notifications SET state = @state, last_error = @problem, updated_at = now(),
    message_id = COALESCE(@message, message_id),
    next_attempt_at = now() + make_interval(secs => @delay),
    sent_at = CASE WHEN @state = 'sent' THEN now() END
WHERE id = @id AND account_id = @account_id AND state = 'sending'`

// settle notes what became of an attempt. It is insistent, because an accepted
// mail whose note is lost is sent again.
func (s *Service) settle(ctx context.Context, n models.Notification, messageID string, failure error) error {
	o := s.judge(n, failure)
	args := store.Args{"id": n.ID, "state": o.state, "problem": o.problem, "delay": o.delay.Seconds(), "message": (*string)(nil)}
	if o.state == models.NotificationSent {
		args["message"] = &messageID
	}
	level := slog.LevelDebug
	switch o.state {
	case models.NotificationDead:
		level = slog.LevelError
	case models.NotificationPending:
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "attempt to send a mail", "notification", n.ID, "template", n.Template, "attempt", n.Attempts, "state", o.state, "error", failure)
	return s.insist(ctx, func() error {
		_, err := s.db.Exec(ctx, settleMail, args)
		return err
	})
}

// insist repeats fn while the database is down, for as long as no other worker
// can have claimed the row.
func (s *Service) insist(ctx context.Context, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("notify: note what became of a mail: %w", err)
		}
	}
}

// compose makes the mail: stored values, those that are made now, template.
func (s *Service) compose(ctx context.Context, n models.Notification) (Mail, error) {
	values, err := storedValues(n.Params)
	if err != nil {
		return Mail{}, &permanentError{err}
	}
	s.mu.RLock()
	fn := s.params[n.Template]
	s.mu.RUnlock()
	if fn != nil {
		made, err := fn(ctx, n)
		if err != nil {
			return Mail{}, fmt.Errorf("values of the mail: %w", err)
		}
		for k, v := range made {
			values[k] = v
		}
	}
	addDefaults(values, n)
	t, err := s.template(ctx, n.OrganizationID, n.Template)
	if err != nil {
		return Mail{}, err
	}
	m := t.render(values)
	m.To, m.MessageID = n.Recipient, s.messageID(n)
	m.Files, err = s.attachments(ctx, n)
	return m, err
}

// messageID is the same for every attempt, so that a mail which was sent twice
// can be recognised.
func (s *Service) messageID(n models.Notification) string {
	return "notification." + strconv.FormatInt(n.AccountID, 10) + "." + strconv.FormatInt(n.ID, 10) + "." +
		strconv.FormatInt(n.CreatedAt.UnixMicro(), 36) + "@" + s.domain
}
