package certification

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/process"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// require1 makes a certificate a required one.
func (m *mill) require1(user, certificate int64, required bool) {
	m.t.Helper()
	_, err := m.SetRequired(m.admin, ref.ByID(user), ref.ByID(certificate), required)
	require.NoError(m.t, err)
}

// ledger are the notices of a person's certificate, "30 7! 0" in their order;
// with ! for those that were not sent.
func (m *mill) ledger(user, certificate int64) string {
	m.t.Helper()
	var text string
	require.NoError(m.t, m.db.Query(m.ctx, &text, `SELECT coalesce(string_agg(n.days || CASE WHEN n.sent THEN '' ELSE '!' || n.unsent END, ' ' ORDER BY n.issue_id, n.days DESC), '')
		FROM certificate_notices n JOIN user_certificates l ON l.id = n.user_certificate_id
		WHERE l.account_id = @account_id AND l.user_id = @user AND l.certificate_id = @certificate`, store.Args{"user": user, "certificate": certificate}))
	return text
}

// outbox are the mails of a template, one line each: recipient and event.
func (m *mill) outbox(template string) (mails []string) {
	m.t.Helper()
	require.NoError(m.t, m.db.Query(m.ctx, &mails, `SELECT recipient || ' ' || event_key FROM notifications
		WHERE account_id = @account_id AND template = @template ORDER BY id`, store.Args{"template": template}))
	return mails
}

func TestRemindersOfARequiredCertificate(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann, bob := m.certified("Ann", c, one), m.certified("Bob", c, one)
	m.require1(ann, c, true)
	require.Zero(t, m.sweepOnce()["warned"])
	expires := m.get(ann, c).ExpiresAt.UTC() // 2027-01-31T10:00:00Z
	for _, step := range []struct {
		now    time.Time
		state  models.CertificateState
		ledger string
	}{
		{expires.AddDate(0, 0, -31), models.CertificateCertified, ""},
		{expires.AddDate(0, 0, -30).Add(-time.Microsecond), models.CertificateCertified, ""},
		{expires.AddDate(0, 0, -30), models.CertificateAboutToExpire, "30"},
		{expires.AddDate(0, 0, -8), models.CertificateAboutToExpire, "30"},
		{expires.AddDate(0, 0, -7), models.CertificateAboutToExpire, "30 7"},
		{expires.Add(-24 * time.Hour), models.CertificateAboutToExpire, "30 7 1"},
		{expires.Add(-time.Microsecond), models.CertificateAboutToExpire, "30 7 1"},
		{expires, models.CertificateExpired, "30 7 1 0"},
		{expires.AddDate(5, 0, 0), models.CertificateExpired, "30 7 1 0"},
	} {
		m.now = step.now
		require.Equal(t, step.state, m.state(ann, c), "before the sweep")
		m.sweepOnce()
		m.sweepOnce()
		for _, who := range []int64{ann, bob} {
			require.Equal(t, step.state, m.get(who, c).State, "%s", step.now)
		}
		require.Equal(t, step.ledger, m.ledger(ann, c), "%s", step.now)
	}
	require.Empty(t, m.ledger(bob, c), "not required")
	require.Equal(t, "INIT CERTIFIED ABOUT_TO_EXPIRE EXPIRED", m.path(bob, c))
	require.Len(t, m.outbox(templateExpires), 3)
	require.Len(t, m.outbox(templateExpired), 1)
}

// A validity that is too short for 30 days is warned of at its half, and the
// configured numbers above do not apply.
func TestRemindersOfAShortValidity(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c, d := m.certificate("Twenty", "20 DAY", false, one), m.certificate("One", "1 DAY", false, one)
	ann := m.certified("Ann", c, one)
	m.require1(ann, c, true)
	m.require1(ann, d, true)
	start := m.now
	m.now = start.Add(12 * time.Hour)
	m.sweepOnce()
	require.Equal(t, "1", m.ledger(ann, d))
	m.now = start.AddDate(0, 0, 10)
	m.sweepOnce()
	require.Equal(t, "10", m.ledger(ann, c))
	require.Equal(t, "1 0", m.ledger(ann, d))
	m.now = start.AddDate(0, 0, 13)
	m.sweepOnce()
	require.Equal(t, "10 7", m.ledger(ann, c))
}

func TestCatchingUp(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann, bob := m.certified("Ann", c, one), m.certified("Bob", c, one)
	m.require1(ann, c, true)
	m.require1(bob, c, true)
	expires := m.get(ann, c).ExpiresAt.UTC()
	m.now = expires.AddDate(0, 0, -5)
	counters := m.sweepOnce()
	require.Equal(t, map[string]int64{"warned": 2, "expired": 0, "reminded": 2, "digests": 0}, counters)
	require.Equal(t, "30!late 7", m.ledger(ann, c), "one notice, the one that still makes sense")
	m.require1(bob, c, false)
	m.now = expires.AddDate(3, 0, 0)
	require.Equal(t, map[string]int64{"warned": 0, "expired": 2, "reminded": 1, "digests": 0}, m.sweepOnce())
	require.Equal(t, "30!late 7 1!late 0", m.ledger(ann, c))
	require.Equal(t, "30!late 7", m.ledger(bob, c))
	m.require1(bob, c, true)
	require.EqualValues(t, 1, m.due(), "what has expired is told of when it is required")
	m.sweepOnce()
	require.Equal(t, "30!late 7 1!late 0", m.ledger(bob, c))
}

// Renewed before the sweep comes: nobody is warned of what is not so any more,
// but the ledger of transitions is whole.
func TestRenewedBeforeTheSweep(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann := m.certified("Ann", c, one)
	m.require1(ann, c, true)
	m.now = m.get(ann, c).WarnsAt.UTC().AddDate(0, 0, 10)
	m.progress(ann, one, 100)
	require.Zero(t, m.due())
	m.sweepOnce()
	require.Empty(t, m.ledger(ann, c))
	require.Equal(t, "INIT CERTIFIED ABOUT_TO_EXPIRE CERTIFIED", m.path(ann, c))
	m.now = m.get(ann, c).WarnsAt.UTC()
	m.sweepOnce()
	require.Equal(t, "30", m.ledger(ann, c), "notices begin anew")
}

// Another end than the paper says is told of anew.
func TestNoticesOfAChangedDate(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann := m.certified("Ann", c, one)
	m.require1(ann, c, true)
	m.now = m.get(ann, c).ExpiresAt.UTC().AddDate(0, 0, -3)
	m.sweepOnce()
	require.Equal(t, "30!late 7", m.ledger(ann, c))
	m.redefine(c, "2 YEAR", false)
	m.sweepOnce()
	require.Equal(t, "30!late 7", m.ledger(ann, c))
	m.now = m.get(ann, c).ExpiresAt.UTC().AddDate(0, 0, -30)
	m.sweepOnce()
	require.Equal(t, "30!late 7 30", m.ledger(ann, c))
	require.Len(t, m.outbox(templateExpires), 2)
}

func TestWhoGetsNoMail(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	silent, away := m.certified("Silent", c, one), m.certified("Away", c, one)
	m.exec(`UPDATE users SET email = NULL, username = 'silent' WHERE account_id = @account_id AND id = @id`, store.Args{"id": silent})
	m.exec(`UPDATE users SET status = 'INACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": away})
	for _, who := range []int64{silent, away} {
		m.require1(who, c, true)
	}
	m.now = m.get(away, c).WarnsAt.UTC()
	require.Equal(t, map[string]int64{"warned": 2, "expired": 0, "reminded": 0, "digests": 0}, m.sweepOnce())
	require.Equal(t, "30!no_address", m.ledger(silent, c))
	require.Equal(t, "30!inactive", m.ledger(away, c))
	require.Empty(t, m.outbox(templateExpires))
	m.exec(`UPDATE users SET status = 'ACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": away})
	m.sweepOnce()
	require.Empty(t, m.outbox(templateExpires), "it was dealt with")
}

// Cancelled between two batches, a sweep leaves the rest to the next one.
func TestCancelledSweep(t *testing.T) {
	m := newMill(t)
	m.many(3*batchSize, true)
	p, err := m.start(m.ctx, process.New{})
	require.NoError(t, err)
	in := models.ProcessInput{AccountID: m.account, ProcessID: p.ID}
	w, err := m.Sweep(m.ctx, in, never, func(w Swept) {
		if w.Done == batchSize {
			_, err := m.d.Process.Cancel(m.ctx, p.ID)
			require.NoError(t, err)
		}
	})
	require.NoError(t, err)
	require.True(t, w.Cancelled)
	require.EqualValues(t, 2*batchSize, w.Done, "the batch after the wish is the last")
	require.NoError(t, m.Finish(m.ctx, in, Ending{Cancelled: true}))
	require.NoError(t, m.Finish(m.ctx, in, Ending{Cancelled: true}), "again")
	p, err = m.d.Process.Get(m.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessCancelled, p.State)
	require.EqualValues(t, 3*batchSize, p.Total)
	require.EqualValues(t, batchSize, m.sweepOnce()["expired"])

	w, err = m.Sweep(m.ctx, in, never, func(Swept) {})
	require.NoError(t, err)
	require.True(t, w.Cancelled, "a process that has ended does nothing more")
}

// A worker that is stopped comes back with what is left; the figures go on.
func TestStoppedSweepGoesOn(t *testing.T) {
	m := newMill(t)
	m.many(2*batchSize, false)
	p, err := m.start(m.ctx, process.New{})
	require.NoError(t, err)
	in := models.ProcessInput{AccountID: m.account, ProcessID: p.ID}
	w, err := m.Sweep(m.ctx, in, func() bool { return true }, func(Swept) {})
	require.NoError(t, err)
	require.Equal(t, Swept{Done: batchSize, Warned: batchSize, Expired: batchSize, More: true}, w)
	w, err = m.Sweep(m.ctx, in, never, func(Swept) {})
	require.NoError(t, err)
	require.Equal(t, Swept{Done: 2 * batchSize, Warned: 2 * batchSize, Expired: 2 * batchSize}, w)
	require.NoError(t, m.Finish(m.ctx, in, Ending{Failure: "It broke."}))
	p, err = m.d.Process.Get(m.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessFailed, p.State)
	require.Equal(t, "It broke.", *p.Error)
}

// many writes n certificates of n people that have all expired.
func (m *mill) many(n int, required bool) (certificate int64) {
	m.t.Helper()
	certificate = m.certificate("Safety "+newCode(), "1 YEAR", false, m.course("Course "+newCode()))
	certified := m.now.AddDate(-2, 0, 0)
	c := models.Certificate{ExpiresAfter: new(1), ExpiresUnit: new(models.ValidityYears)}
	expires, warns := c.Dates(certified)
	m.exec(`WITH people AS (
		INSERT INTO users (account_id, organization_id, name, email, status)
		SELECT @account_id, @home, 'Learner ' || i, 'learner-' || i || '-' || CAST(@certificate AS bigint) || '@mill.test', 'ACTIVE' FROM generate_series(1, @n) i RETURNING id
	), issued AS (
		INSERT INTO certificate_issues (account_id, certificate_id, user_id, code, learner_name, certificate_name, course_names, certified_at, expires_at)
		SELECT @account_id, @certificate, id, 'CODE' || id, 'Learner', 'Safety', '{}', @certified, @expires FROM people RETURNING id, user_id
	)
	INSERT INTO user_certificates (account_id, certificate_id, user_id, state, required, certified_at, expires_at, warns_at, earned_since, issue_id, due_at)
	SELECT @account_id, @certificate, user_id, 'CERTIFIED', @required, @certified, @expires, @warns, @certified, id, @warns FROM issued`,
		store.Args{"home": m.home, "n": n, "certificate": certificate, "certified": certified, "expires": *expires, "warns": *warns, "required": required})
	return certificate
}

// Sweeps at the same time share the work, beside people who renew.
func TestSweepsAtOnce(t *testing.T) {
	m := newMill(t)
	const n = 3 * batchSize
	c := m.many(n, true)
	p, err := m.start(m.ctx, process.New{})
	require.NoError(t, err)
	in := models.ProcessInput{AccountID: m.account, ProcessID: p.ID}
	var renewed []int64
	require.NoError(t, m.db.Query(m.ctx, &renewed, `SELECT id FROM user_certificates WHERE account_id = @account_id AND certificate_id = @c ORDER BY id % 7, id LIMIT 200`, store.Args{"c": c}))
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			_, err := m.Sweep(m.ctx, in, never, func(Swept) {})
			require.NoError(t, err)
		})
	}
	group.Go(func() {
		for _, id := range renewed {
			_, err := m.Revoke(m.admin, id, "at once")
			require.NoError(t, err)
		}
	})
	group.Wait()
	count := func(text string) (n int) {
		t.Helper()
		require.NoError(t, m.db.Query(m.ctx, &n, text, nil))
		return n
	}
	require.Equal(t, n, count(`SELECT count(*) FROM certificate_transitions WHERE account_id = @account_id AND to_state = 'ABOUT_TO_EXPIRE'`))
	require.Equal(t, n, count(`SELECT count(*) FROM certificate_transitions WHERE account_id = @account_id AND to_state = 'EXPIRED'`))
	require.Equal(t, n, count(`SELECT count(DISTINCT user_certificate_id) FROM certificate_transitions WHERE account_id = @account_id AND to_state = 'EXPIRED'`))
	mails := count(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'certificate_expired'`)
	require.Equal(t, mails, count(`SELECT count(*) FROM certificate_notices WHERE account_id = @account_id AND sent`))
	require.GreaterOrEqual(t, mails, n-len(renewed))
	require.Zero(t, m.due())
}

// What a batch costs does not depend on how many certificates are in it.
func TestStatementsOfASweep(t *testing.T) {
	m := newMill(t)
	statements := func() int64 {
		t.Helper()
		p, err := m.start(m.ctx, process.New{})
		require.NoError(t, err)
		r, err := m.begin(m.ctx, models.ProcessInput{AccountID: m.account, ProcessID: p.ID})
		require.NoError(t, err)
		before := m.db.Statements()
		_, err = m.sweepBatch(m.ctx, &r, nil, m.settleBatch)
		require.NoError(t, err)
		_, err = m.sweepBatch(m.ctx, &r, nil, m.remindBatch)
		require.NoError(t, err)
		needed := m.db.Statements() - before
		require.Positive(t, r.Done)
		require.NoError(t, m.Finish(m.ctx, models.ProcessInput{ProcessID: p.ID}, Ending{Cancelled: true}))
		return needed
	}
	for _, n := range []int{1, 500} {
		m.many(n, true)
		m.many(n, false)
		require.EqualValues(t, 8, statements(), "settle and figures; due, holders, links, ledger, mails and figures")
	}
}

func TestStartingSweeps(t *testing.T) {
	m := newMill(t)
	started := func() int {
		t.Helper()
		n, err := m.StartDue(t.Context())
		require.NoError(t, err)
		return n
	}
	require.Zero(t, started(), "nothing is due")
	m.many(3, false)
	require.Equal(t, 1, started())
	require.Zero(t, started(), "it is under way")

	_, err := m.d.Process.Start(m.as(m.person("Ann")), models.ProcessCertificateExpiry, nil, "")
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = m.d.Process.Start(m.admin, models.ProcessCertificateExpiry, json.RawMessage(`{"now": true}`), "")
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	p, err := m.d.Process.Start(m.admin, models.ProcessCertificateExpiry, json.RawMessage(`{}`), "key")
	require.NoError(t, err)
	require.Equal(t, models.ProcessPending, p.State, "the one that is under way")
	require.ErrorIs(t, m.d.Process.Decide(m.admin, p.ID, process.Decision{Decision: "yes"}), ErrNothingToDecide)
	p, err = m.d.Process.Cancel(m.admin, p.ID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessCancelled, p.State)
	next, err := m.d.Process.Retry(m.admin, p.ID)
	require.NoError(t, err)
	require.Equal(t, p.WorkflowID+"/2", next.WorkflowID)
	_, err = m.d.Process.Cancel(m.admin, next.ID)
	require.NoError(t, err)
	other, err := m.d.Process.Start(m.admin, models.ProcessCertificateExpiry, nil, "another key")
	require.NoError(t, err)
	require.NotEqual(t, p.SubjectID, other.SubjectID, "each sweep has its number")
	again, err := m.d.Process.Start(m.admin, models.ProcessCertificateExpiry, nil, "another key")
	require.NoError(t, err)
	require.Equal(t, other.ID, again.ID)

	m.exec(`UPDATE accounts SET status = 'INACTIVE' WHERE id = @account_id`, nil)
	_, err = m.d.Process.Cancel(m.admin, other.ID)
	require.NoError(t, err)
	require.Zero(t, started(), "an account that is closed")
}

// chaos is a tracer that breaks statements: what begins with a cancelled
// context fails as if the worker had died before it, and its transaction is
// lost. An armed chaos breaks each statement with the same chance.
type chaos struct {
	mu     sync.Mutex
	random *rand.Rand
	armed  bool
	broken int
}

func (c *chaos) arm(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = on
}

func (c *chaos) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed || data.SQL == "rollback" || c.random.IntN(15) > 0 {
		return ctx
	}
	c.broken++
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func (c *chaos) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Broken at any statement, any number of times, a sweep tells the story of an
// undisturbed one.
func TestSweepBrokenAnywhere(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := &chaos{random: rand.New(rand.NewPCG(seed, 1))}
			m := newMillOn(t, c)
			m.batch = 5
			m.many(60, true)
			p, err := m.start(m.ctx, process.New{})
			require.NoError(t, err)
			in := models.ProcessInput{AccountID: m.account, ProcessID: p.ID}
			again := func(step func() error) {
				for try := 0; ; try++ {
					require.Less(t, try, 200, "it never gets done")
					c.arm(true)
					err := step()
					c.arm(false)
					if err == nil {
						return
					}
				}
			}
			again(func() error {
				_, err := m.Sweep(m.ctx, in, never, func(Swept) {})
				return err
			})
			again(func() error { return m.Finish(m.ctx, in, Ending{}) })
			require.Greater(t, c.broken, 5, "hardly anything was broken")
			p, err = m.d.Process.Get(m.ctx, p.ID)
			require.NoError(t, err)
			require.JSONEq(t, `{"warned": 60, "expired": 60, "reminded": 60, "digests": 0}`, string(p.Counters))
			require.EqualValues(t, 60, p.Done)
			require.Len(t, m.outbox(templateExpired), 60)
		})
	}
}
