package e2e

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/inbox"
	"quad/internal/testenv"
	"quad/models"
)

// Temporal and PostgreSQL die, before and in the middle of work: requests
// that need no answer from the dead one are answered, and what comes out in the
// end is what comes out without an outage.
func TestTemporalAndPostgresKilled(t *testing.T) {
	t.Parallel()
	postgres, temporal := testenv.PrivatePostgres(t), testenv.PrivateTemporal(t)
	w := newWorld(t, map[string]string{
		"DATABASE_URL": postgres.URL(), "TEMPORAL_ADDRESS": temporal.Address(), "TEMPORAL_NAMESPACE": "default",
		"INVITE_MAILS": "false", "INVITE_PAGE_ROWS": "100", "ALLOW_INTERNAL_HOSTS": "true",
	})
	worker := start(t, w.Env, "worker", nil)

	t.Run("Temporal is down when the request comes in", func(t *testing.T) {
		w.within(t)
		temporal.Kill()
		begin := time.Now()
		l := newList(2_000, 11, w.known)
		f := w.submit("unstarted.csv", l)
		require.Less(t, time.Since(begin), 15*time.Second, "the request waited for Temporal")
		p := w.mustProc(f)
		require.Equal(t, models.ProcessPending, p.State)
		require.Nil(t, p.StartedAt)
		temporal.Start()
		w.requireOutcome(f, l)
	})

	// The users whom the first list has changed have all roles now.
	w.known.unchanged, w.known.updated = append(w.known.unchanged, w.known.updated...), nil

	t.Run("Temporal dies during an import", func(t *testing.T) {
		w.within(t)
		l := newList(20_000, 12, w.known)
		f := w.submit("temporal.csv", l)
		w.awaitDone(f, 3_000)
		temporal.Kill()
		w.midway(f)
		// Without Temporal the worker ends the slice of work it has.
		temporal.Start()
		w.requireOutcome(f, l)
	})

	t.Run("PostgreSQL dies during an import", func(t *testing.T) {
		w.within(t)
		l := newList(20_000, 13, w.known)
		f := w.submit("postgres.csv", l)
		for _, rows := range []int64{2_000, 8_000, 14_000} {
			w.awaitDone(f, rows)
			postgres.Kill()
			postgres.Start()
			w.midway(f)
		}
		w.requireOutcome(f, l)
	})

	t.Run("PostgreSQL dies while a learning system is merged", func(t *testing.T) {
		w.within(t)
		w.mergeOutage(postgres)
	})
	worker.stop()
}

// within makes t the test that the world belongs to, until it ends.
func (w *world) within(t *testing.T) {
	outer := w.t
	w.t = t
	t.Cleanup(func() { w.t = outer })
}

// Redis loses everything and the mail server fails in all its ways while mails
// go out: each arrives, and none twice, because no worker was killed.
func TestRedisAndMailServerDown(t *testing.T) {
	t.Parallel()
	redis := testenv.PrivateRedis(t)
	w := newWorld(t, map[string]string{"REDIS_URL": redis.URL(), "MAIL_MAX_ATTEMPTS": "50"})
	worker := start(t, w.Env, "worker", nil)

	t.Run("Redis is wiped", func(t *testing.T) {
		w.within(t)
		begin := time.Now()
		l := newList(2_500, 21, w.known)
		f := w.submit("wiped.csv", l)
		for _, sent := range []int{200, 900, 1_500} {
			w.await("mails go out", func() bool { return w.sent(f) >= sent })
			redis.Kill()
			redis.Wipe()
			require.Less(t, w.sent(f), len(l.invitees()), "all mails were out before Redis died")
			redis.Start()
		}
		w.requireOutcome(f, l)
		w.requireMails(begin, f, l, 0)
	})

	w.known.unchanged, w.known.updated = append(w.known.unchanged, w.known.updated...), nil

	t.Run("Redis is down when the request comes in", func(t *testing.T) {
		w.within(t)
		redis.Kill()
		begin := time.Now()
		l := newList(500, 22, w.known)
		f := w.submit("without-redis.csv", l)
		w.requireOutcome(f, l)
		require.Zero(t, w.sent(f))
		redis.Start()
		w.requireMails(begin, f, l, 0)
	})

	t.Run("the mail server fails", func(t *testing.T) {
		w.within(t)
		begin := time.Now()
		l := newList(700, 23, w.known)
		require.NoError(t, w.Inbox.SetFault(inbox.FaultReject, 1))
		f := w.submit("refused.csv", l)
		w.requireOutcome(f, l)
		for _, fault := range []inbox.FaultMode{inbox.FaultReject, inbox.FaultDrop, inbox.FaultHang} {
			require.NoError(t, w.Inbox.SetFault(fault, 1))
			tries := w.tries()
			w.await("mails fail", func() bool { return w.tries() >= tries+2*mailsAtOnce })
			require.Zero(t, w.sent(f))
		}
		// A bad day: half of the mails fail, and then it is over.
		require.NoError(t, w.Inbox.SetFault(inbox.FaultReject, 0.5))
		w.await("mails go out", func() bool { return w.sent(f) >= 100 })
		require.NoError(t, w.Inbox.SetFault(inbox.FaultOK, 0))
		w.requireMails(begin, f, l, 0)
		require.Zero(t, w.number(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND state = 'dead'`, nil))
	})
	worker.stop()
}

// tries is how often mails have been tried to be sent.
func (w *world) tries() int {
	w.t.Helper()
	return w.number(`SELECT COALESCE(sum(attempts), 0) FROM notifications WHERE account_id = @account_id`, nil)
}

// The mail server is not there at all, and comes back at its address.
func TestMailServerGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"MAIL_MAX_ATTEMPTS": "50"})
	begin := time.Now()
	address := w.Inbox.SMTPAddr()
	require.NoError(t, w.Inbox.Close())
	worker := start(t, w.Env, "worker", nil)
	l := newList(300, 31, w.known)
	f := w.submit("no-mail-server.csv", l)
	w.requireOutcome(f, l)
	w.await("mails fail", func() bool { return w.tries() >= 2*mailsAtOnce })
	w.Inbox = reopen(t, address)
	w.requireMails(begin, f, l, 0)
	worker.stop()
}

// reopen starts a new mail server at the address of one that is gone.
func reopen(t *testing.T, address string) *inbox.Server {
	t.Helper()
	server, err := inbox.New(inbox.Options{SMTPAddr: address, HTTPAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	require.NoError(t, server.Start(context.Background()))
	return server
}
