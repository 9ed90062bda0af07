package notify_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/inbox"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

const patience = 60 * time.Second

// world is a database with an account, its default organization and another.
type world struct {
	db         *store.DB
	ctx        context.Context
	defaultOrg int64
	org        int64
	redisURL   string
	inbox      *inbox.Server
	mail       config.Mail
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := openWorld(t)
	w.redisURL = testenv.Redis(t)
	return w
}

func openWorld(t *testing.T) world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 30})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := world{db: db, inbox: testenv.SMTP(t)}
	w.mail = config.Mail{
		URL: "smtp+insecure://" + w.inbox.SMTPAddr(), From: "Quad <no-reply@quad.test>", Timeout: 2 * time.Second,
		MaxAttempts: 4, RatePerMinute: 100_000, RetryBaseDelay: 50 * time.Millisecond,
	}
	system := store.AsSystem(t.Context())
	_, err = db.Exec(system, `INSERT INTO accounts (id, name) VALUES (1, 'One'), (2, 'Two')`, nil)
	require.NoError(t, err)
	const organization = `INSERT INTO organizations (account_id, name, code, is_default) VALUES (1, @code, @code, @def) RETURNING id`
	require.NoError(t, db.Query(system, &w.defaultOrg, organization, store.Args{"code": "default", "def": true}))
	require.NoError(t, db.Query(system, &w.org, organization, store.Args{"code": "own", "def": false}))
	w.ctx = auth.WithPrincipal(t.Context(), auth.Principal{AccountID: 1, UserID: 7, Door: "native"})
	return w
}

// outbox is the service without a worker, as the API has it.
func (w world) outbox(t *testing.T) *notify.Service {
	t.Helper()
	s, err := notify.New(notify.Deps{DB: w.db, Mail: w.mail})
	require.NoError(t, err)
	return s
}

// worker runs dispatcher, task server and sweeper until the test ends.
func (w world) worker(t *testing.T, change func(*notify.Deps)) *notify.Service {
	t.Helper()
	options, err := redis.ParseURL(w.redisURL)
	require.NoError(t, err)
	client := redis.NewClient(options)
	d := notify.Deps{DB: w.db, Redis: client, Mail: w.mail, Grace: 300 * time.Millisecond}
	if change != nil {
		change(&d)
	}
	s, err := notify.New(d)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	server := asynq.NewServerFromRedisClient(client, asynq.Config{
		Concurrency: 8, Queues: notify.QueueWeights, LogLevel: asynq.FatalLevel, TaskCheckInterval: 50 * time.Millisecond, ShutdownTimeout: 5 * time.Second,
	})
	require.Eventually(t, func() bool { return client.Ping(ctx).Err() == nil }, patience, 20*time.Millisecond)
	require.NoError(t, server.Start(s))
	done := make(chan struct{}, 2)
	go func() {
		s.Dispatch(ctx)
		done <- struct{}{}
	}()
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			_ = s.Sweep(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		done <- struct{}{}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		<-done
		server.Shutdown()
		_ = client.Close()
	})
	return s
}

func (w world) send(t *testing.T, s *notify.Service, from, to int) {
	t.Helper()
	var messages []notify.Message
	for i := from; i < to; i++ {
		messages = append(messages, notify.Message{
			Template: "registration", Recipient: fmt.Sprintf("user%d@example.test", i), EventKey: fmt.Sprint("signup/", i),
			Params: map[string]any{"name": fmt.Sprint("User ", i)},
		})
	}
	require.NoError(t, s.Send(w.ctx, messages...))
}

// arrive waits until all mails are sent and requires one for each recipient.
func (w world) arrive(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return w.states(t)[models.NotificationSent] == n }, patience, 50*time.Millisecond, "states: %v", w.states(t))
	got := map[string]int{}
	for _, m := range w.inbox.Messages(inbox.Filter{}) {
		require.Len(t, m.To, 1)
		got[m.To[0]]++
	}
	require.Len(t, got, n)
	for to, times := range got {
		require.Equal(t, 1, times, "mails to %s", to)
	}
}

func (w world) states(t *testing.T) map[models.NotificationState]int {
	t.Helper()
	var rows []struct {
		State models.NotificationState
		Count int
	}
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &rows, `SELECT state, count(*) AS count FROM notifications GROUP BY state`, nil))
	out := map[models.NotificationState]int{}
	for _, r := range rows {
		out[r.State] = r.Count
	}
	return out
}

func (w world) fault(t *testing.T, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.inbox.HTTPAddr()+"/api/faults", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Less(t, answer.StatusCode, 300)
}

func (w world) only(t *testing.T, s *notify.Service) models.Notification {
	t.Helper()
	page, _, err := s.List(w.ctx, notify.Filter{})
	require.NoError(t, err)
	require.Len(t, page, 1)
	return page[0]
}

func (w world) becomes(t *testing.T, s *notify.Service, want models.NotificationState) models.Notification {
	t.Helper()
	require.Eventually(t, func() bool { return w.states(t)[want] == 1 }, patience, 20*time.Millisecond, "not %s", want)
	return w.only(t, s)
}
