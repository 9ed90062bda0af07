package notify_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/inbox"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

func TestSendIsPartOfTheTransaction(t *testing.T) {
	w := newWorld(t)
	s := w.outbox(t)
	require.Error(t, w.db.InTx(w.ctx, func(ctx context.Context) error {
		require.NoError(t, s.Send(ctx, notify.Message{Template: "registration", Recipient: "a@b.test", EventKey: "x"}))
		return errors.New("no")
	}))
	require.Empty(t, w.states(t))
	for _, bad := range []notify.Message{{}, {Template: "x", Recipient: "y"}, {Recipient: "y", EventKey: "z"}, {Template: "x", EventKey: "z"}} {
		require.Equal(t, models.KindInvalid, models.KindOf(s.Send(w.ctx, bad)))
	}
	require.NoError(t, s.Send(w.ctx))
	require.ErrorIs(t, s.Send(t.Context(), notify.Message{Template: "x", Recipient: "y", EventKey: "z"}), store.ErrNoAccount)
}

func TestOneMailPerRecipientAndEvent(t *testing.T) {
	w := newWorld(t)
	s := w.worker(t, nil)
	errs := make(chan error, 50)
	for range 50 {
		go func() {
			errs <- s.Send(w.ctx, notify.Message{Template: "registration", Recipient: " Anna@Example.test", EventKey: "signup/1", Params: map[string]any{"name": "Anna"}})
		}()
	}
	for range 50 {
		require.NoError(t, <-errs)
	}
	w.arrive(t, 1)
	m := w.inbox.Messages(inbox.Filter{})[0]
	require.Equal(t, "anna@example.test", m.To[0])
	require.Equal(t, "Welcome, Anna", m.Subject)
	require.Contains(t, m.Text, "Hello Anna,")
	require.Contains(t, m.HTML, "<strong>anna@example.test</strong>")
	require.NotContains(t, m.HTML, "Sign in</a>", "no link, no button")
	require.Equal(t, "auto-generated", m.Headers["Auto-Submitted"])
	n := w.only(t, s)
	require.Equal(t, "<"+*n.MessageID+">", m.Headers["Message-Id"]+m.Headers["Message-ID"])
	require.NotNil(t, n.SentAt)
	require.Equal(t, 1, n.Attempts)
	_, err := s.Get(store.WithAccount(t.Context(), 2), n.ID)
	require.ErrorIs(t, err, models.ErrNotFound)
}

func TestMailServerDownThenUp(t *testing.T) {
	w := newWorld(t)
	w.mail.MaxAttempts, w.mail.Timeout = 30, 500*time.Millisecond
	for _, fault := range []string{`{"mode": "reject", "rate": 1}`, `{"mode": "drop", "rate": 1}`} {
		w.fault(t, fault)
		require.NoError(t, w.inbox.Clear())
		_, err := w.db.Exec(store.AsSystem(t.Context()), `DELETE FROM notifications`, nil)
		require.NoError(t, err)
		t.Run(fault, func(t *testing.T) {
			s := w.worker(t, nil)
			w.send(t, s, 0, 40)
			require.Eventually(t, func() bool {
				page, _, err := s.List(w.ctx, notify.Filter{})
				return err == nil && len(page) == 40 && page[0].Attempts >= 2 && page[39].LastError != nil
			}, patience, 20*time.Millisecond)
			backlog, err := s.Backlog(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 40, backlog[0].Pending)
			require.Positive(t, backlog[0].Oldest)
			w.fault(t, `{"mode": "ok"}`)
			w.arrive(t, 40)
			backlog, err = s.Backlog(t.Context())
			require.NoError(t, err)
			require.Zero(t, backlog[0].Pending)
		})
	}
}

func TestRedisWipedAndDown(t *testing.T) {
	w := openWorld(t)
	server := testenv.PrivateRedis(t)
	w.redisURL = server.URL()
	// A worker that queues but does not send: its tasks are lost with Redis.
	options, err := redis.ParseURL(w.redisURL)
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	queues, err := notify.New(notify.Deps{DB: w.db, Redis: client, Mail: w.mail, Grace: 300 * time.Millisecond})
	require.NoError(t, err)
	w.send(t, queues, 0, 30)
	ctx, stop := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); queues.Dispatch(ctx) }()
	require.Eventually(t, func() bool { return w.states(t)[models.NotificationQueued] == 30 }, patience, 10*time.Millisecond)
	server.Wipe()
	stop()
	<-ended

	s := w.worker(t, nil)
	w.arrive(t, 30)

	server.Kill()
	w.send(t, s, 30, 60) // the API goes on
	require.Equal(t, 30, w.states(t)[models.NotificationSent])
	server.Start()
	w.arrive(t, 60)
}

func TestDeadAndRevived(t *testing.T) {
	w := newWorld(t)
	w.fault(t, `{"mode": "reject", "rate": 1}`)
	s := w.worker(t, nil)
	w.send(t, s, 0, 1)
	n := w.becomes(t, s, models.NotificationDead)
	require.Equal(t, w.mail.MaxAttempts, n.Attempts)
	require.Contains(t, *n.LastError, "451")
	require.NotContains(t, *n.LastError, "user0@")

	w.fault(t, `{"mode": "ok"}`)
	_, err := s.Revive(store.WithAccount(t.Context(), 2), n.ID)
	require.ErrorIs(t, err, models.ErrNotFound)
	n, err = s.Revive(w.ctx, n.ID)
	require.NoError(t, err)
	require.Equal(t, models.NotificationPending, n.State)
	w.arrive(t, 1)
	_, err = s.Revive(w.ctx, n.ID)
	require.ErrorIs(t, err, notify.ErrNotDead)
}

func TestPermanentRefusalIsDeadAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fault(t, `{"mode": "reject", "rate": 1, "code": 550}`)
	s := w.worker(t, nil)
	w.send(t, s, 0, 1)
	n := w.becomes(t, s, models.NotificationDead)
	require.Equal(t, 1, n.Attempts)
	require.Contains(t, *n.LastError, "550")
}

func TestUnknownTemplateAndBadAddressAreDead(t *testing.T) {
	w := newWorld(t)
	s := w.worker(t, nil)
	require.NoError(t, s.Send(w.ctx,
		notify.Message{Template: "nonsense", Recipient: "a@b.test", EventKey: "1"},
		notify.Message{Template: "registration", Recipient: "no address", EventKey: "2"}))
	require.Eventually(t, func() bool { return w.states(t)[models.NotificationDead] == 2 }, patience, 20*time.Millisecond)
	page, _, err := s.List(w.ctx, notify.Filter{Template: "nonsense"})
	require.NoError(t, err)
	require.Contains(t, *page[0].LastError, "no template nonsense")
}

func TestParamsAreMadeWithTheMail(t *testing.T) {
	w := newWorld(t)
	s := w.worker(t, nil)
	var calls atomic.Int64
	s.RegisterParams("registrationotp", func(ctx context.Context, n models.Notification) (map[string]string, error) {
		account, ok := store.AccountID(ctx)
		if !ok || account != 1 || n.EventKey == "" {
			return nil, errors.New("no account")
		}
		switch {
		case n.EventKey == "used":
			return nil, fmt.Errorf("code: %w", notify.ErrObsolete)
		case calls.Add(1) == 1:
			return nil, errors.New("the database is away")
		}
		return map[string]string{"otp": "123456", "name": "made"}, nil
	})
	require.NoError(t, s.Send(w.ctx, notify.Message{Template: "registrationotp", Recipient: "a@b.test", EventKey: "used"}))
	n := w.becomes(t, s, models.NotificationCancelled)
	require.Nil(t, n.SentAt)
	require.NoError(t, s.Send(w.ctx, notify.Message{Template: "registrationotp", Recipient: "a@b.test", EventKey: "fresh", Params: map[string]any{"name": "stored"}}))
	w.arrive(t, 1)
	m := w.inbox.Messages(inbox.Filter{})[0]
	require.Contains(t, m.Text, "123456")
	require.Contains(t, m.Text, "Hello made,")
	require.EqualValues(t, 2, calls.Load())
	var stored string
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &stored, `SELECT params::text FROM notifications WHERE event_key = 'fresh'`, nil))
	require.NotContains(t, stored, "123456")
}

func TestRateLimitPerAccount(t *testing.T) {
	w := newWorld(t)
	w.mail.RatePerMinute = 20
	s := w.worker(t, nil)
	w.send(t, s, 0, 60)
	other := store.WithAccount(t.Context(), 2)
	require.NoError(t, s.Send(other, notify.Message{Template: "registration", Recipient: "other@example.test", EventKey: "1"}))
	// The other account's mail and the burst leave, the rest gets its slot.
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &n,
			`SELECT count(*) FROM notifications WHERE state = 'pending' AND next_attempt_at > now() + interval '1 second'`, nil))
		return n >= 35 && w.states(t)[models.NotificationSent] >= 21
	}, patience, 20*time.Millisecond)
	require.LessOrEqual(t, w.states(t)[models.NotificationSent], 26)
	require.Len(t, w.inbox.Messages(inbox.Filter{To: "other@example.test"}), 1)
	var spread struct {
		Attempts int
		Last     float64
	}
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &spread,
		`SELECT max(attempts) AS attempts, extract(epoch FROM max(next_attempt_at) - now())::float8 AS last FROM notifications WHERE state = 'pending'`, nil))
	require.Zero(t, spread.Attempts, "waiting for the rate is no attempt")
	require.Greater(t, spread.Last, 60.0, "the backlog is spread over the time it needs")
}

func TestSingleMailsPassTheInvitations(t *testing.T) {
	w := newWorld(t)
	w.mail.RatePerMinute = 50
	s := w.worker(t, nil)
	var invitations []notify.Message
	for i := range 200 {
		invitations = append(invitations, notify.Message{Template: "generic_invite", Recipient: fmt.Sprintf("i%d@example.test", i), EventKey: "invite"})
	}
	require.NoError(t, s.Send(w.ctx, invitations...))
	require.Eventually(t, func() bool { return w.states(t)[models.NotificationSent] >= 45 }, patience, 20*time.Millisecond)
	require.NoError(t, s.Send(w.ctx, notify.Message{Template: "registrationotp", Recipient: "anna@example.test", EventKey: "otp"}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := w.inbox.Wait(ctx, inbox.Filter{To: "anna@example.test"}, 1)
	require.NoError(t, err)
	require.Less(t, w.states(t)[models.NotificationSent], 70)
}

// gate is a sender that blocks until it is opened, as a worker that dies while
// it sends.
type gate struct {
	open  chan struct{}
	tries atomic.Int64
}

func (g *gate) Send(ctx context.Context, _ notify.Mail) error {
	g.tries.Add(1)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestMailOfADeadWorkerIsTakenBack(t *testing.T) {
	w := newWorld(t)
	s := w.outbox(t)
	w.send(t, s, 0, 2)
	// What a killed worker leaves behind; one of the two has no attempt left.
	_, err := w.db.Exec(store.AsSystem(t.Context()), `
UPDATE notifications SET state = 'sending', next_attempt_at = now() - interval '1 second',
    attempts = CASE recipient WHEN 'user0@example.test' THEN 1 ELSE 4 END`, nil)
	require.NoError(t, err)
	w.worker(t, nil)
	require.Eventually(t, func() bool {
		states := w.states(t)
		return states[models.NotificationSent] == 1 && states[models.NotificationDead] == 1
	}, patience, 20*time.Millisecond)
	require.Len(t, w.inbox.Messages(inbox.Filter{To: "user0@example.test"}), 1)
}

func TestManyTasksSendOneMail(t *testing.T) {
	w := newWorld(t)
	g := &gate{open: make(chan struct{})}
	s := w.worker(t, func(d *notify.Deps) { d.Sender = g })
	w.send(t, s, 0, 1)
	n := w.becomes(t, s, models.NotificationSending)
	// The task of a mail that is being sent comes again, ten times.
	errs := make(chan error, 10)
	for range 10 {
		go func() {
			errs <- s.ProcessTask(w.ctx, asynq.NewTask(notify.TaskSend, fmt.Appendf(nil, `{"id": %d}`, n.ID)))
		}()
	}
	for range 10 {
		require.NoError(t, <-errs)
	}
	close(g.open)
	w.becomes(t, s, models.NotificationSent)
	require.EqualValues(t, 1, g.tries.Load())
	require.ErrorIs(t, s.ProcessTask(w.ctx, asynq.NewTask(notify.TaskSend, []byte("?"))), asynq.SkipRetry)
}

func TestList(t *testing.T) {
	w := newWorld(t)
	s := w.outbox(t)
	w.send(t, s, 0, 5)
	user := int64(9)
	require.NoError(t, s.Send(w.ctx, notify.Message{Template: "emailotp", Recipient: "x@y.test", EventKey: "1", UserID: &user, OrganizationID: &w.org}))
	page, next, err := s.List(w.ctx, notify.Filter{Limit: 4})
	require.NoError(t, err)
	require.Len(t, page, 4)
	rest, end, err := s.List(w.ctx, notify.Filter{Limit: 4, Before: next})
	require.NoError(t, err)
	require.Len(t, rest, 2)
	require.Zero(t, end)
	require.Greater(t, page[3].ID, rest[0].ID)
	for _, f := range []notify.Filter{
		{Template: "emailotp"}, {Recipient: "X@y.test"}, {UserID: &user}, {OrganizationID: &w.org},
		{States: []models.NotificationState{models.NotificationPending}, From: page[0].CreatedAt, Until: time.Now().Add(time.Hour), UserID: &user},
	} {
		page, _, err := s.List(w.ctx, f)
		require.NoError(t, err)
		require.Len(t, page, 1)
	}
	page, _, err = s.List(store.WithAccount(t.Context(), 2), notify.Filter{})
	require.NoError(t, err)
	require.Empty(t, page)
}

func TestMailAddresses(t *testing.T) {
	from := "Quad <no-reply@quad.test>"
	for _, url := range []string{"smtp://host", "smtps://user:secret@host:465", "smtp+starttls://host:587", "smtp+insecure://127.0.0.1:1025"} {
		_, err := notify.NewSMTP(config.Mail{URL: url, From: from, Timeout: time.Second})
		require.NoError(t, err, url)
	}
	for _, url := range []string{"", "host:25", "http://host", "smtp://", "smtp://user:secret@host:99999", "smtp://user:secret@ho st"} {
		_, err := notify.NewSMTP(config.Mail{URL: url, From: from, Timeout: time.Second})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := notify.NewSMTP(config.Mail{URL: "smtp://host", From: "nobody", Timeout: time.Second})
	require.Error(t, err)
	require.False(t, notify.Permanent(err))
}
