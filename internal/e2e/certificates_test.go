package e2e

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

// agingCertificates writes so many certificates of so many people that are due
// to be warned of, every fifth a required one. One person manages them all.
const agingCertificates = `
WITH course AS (
    INSERT INTO courses (account_id, identifier, name, type) VALUES (@account_id, 'fire', 'Fire safety', 'COURSE') RETURNING id
), certificates AS (
    INSERT INTO certificates (account_id, identifier, name, expires_after, expires_unit)
    SELECT @account_id, 'certificate-' || i, 'Certificate ' || i, 1, 'YEAR' FROM generate_series(1, @certificates) i RETURNING id
), taught AS (
    INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) SELECT @account_id, c.id, course.id, 0 FROM certificates c, course
), manages AS (
    INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role) SELECT @account_id, @manager, 'COURSE', id, 'MANAGER' FROM course
), people AS (
    INSERT INTO users (account_id, organization_id, name, email, status)
    SELECT @account_id, @organization, 'Learner ' || i, 'learner-' || i || '@aging.example', 'ACTIVE' FROM generate_series(1, @people) i RETURNING id
), issued AS (
    INSERT INTO certificate_issues (account_id, certificate_id, user_id, code, learner_name, certificate_name, course_names, certified_at, expires_at)
    SELECT @account_id, c.id, p.id, 'CODE' || c.id || '/' || p.id, 'Learner', 'Fire safety', '{Fire safety}', now() - interval '350 days', now() + interval '15 days'
    FROM people p, certificates c RETURNING id, user_id, certificate_id, certified_at, expires_at
)
INSERT INTO user_certificates (account_id, certificate_id, user_id, state, required, certified_at, expires_at, warns_at, earned_since, issue_id, due_at)
SELECT @account_id, certificate_id, user_id, 'CERTIFIED', id % 5 = 0, certified_at, expires_at, expires_at - interval '30 days', certified_at, id,
    expires_at - interval '30 days' - id * interval '1 millisecond'
FROM issued`

// A worker that is killed in the middle of a sweep of 100,000 due certificates
// leaves, in the end, each transition and each notice once.
func TestWorkerKilledDuringSweep(t *testing.T) {
	t.Parallel()
	const people, each, all = 1_000, 100, 100_000
	w := newWorld(t, map[string]string{"MAIL_RATE_PER_MINUTE": "60"}) // what is counted is the outbox; the mails may wait
	boss := w.NewPerson(0, w.org.ID, "boss", models.RoleMentor)
	admin := w.NewPerson(0, w.org.ID, "head", models.RoleAdmin)
	_, err := w.DB.Exec(w.Context(), agingCertificates, store.Args{"organization": w.org.ID, "people": people, "certificates": each, "manager": boss.ID})
	require.NoError(t, err)

	worker := start(t, w.Env, "worker", nil)
	asked, err := w.Processes.Start(w.as(admin, models.RoleAdmin), models.ProcessCertificateExpiry, nil, "")
	require.NoError(t, err)
	process := func() (p models.Process) {
		t.Helper()
		p, err := w.Processes.Get(w.Context(), asked.ID)
		require.NoError(t, err)
		return p
	}
	from := int64(1_000 + rand.IntN(90_000))
	w.await("the sweep is midway", func() bool { return process().Done >= from })
	worker.kill()
	p := process()
	require.False(t, p.State.Final(), "the sweep was over before it was disturbed")
	require.Less(t, p.Done, p.Total)
	t.Logf("the worker was killed at %d of %d", p.Done, p.Total)
	worker.start()
	w.await("the sweep ends", func() bool { p = process(); return p.State.Final() })

	require.Equal(t, models.ProcessCompleted, p.State, "%v", p.Error)
	require.EqualValues(t, all, p.Done)
	required := w.number(`SELECT count(*) FROM user_certificates WHERE account_id = @account_id AND required`, nil)
	require.Positive(t, required)
	require.JSONEq(t, w.lines(`SELECT jsonb_build_object('warned', 100000, 'expired', 0, 'reminded', CAST(@required AS bigint), 'digests', 1)::text WHERE @account_id > 0`,
		store.Args{"required": required})[0], string(p.Counters))
	for what, check := range map[string]struct {
		want  int
		query string
	}{
		"warned":            {all, `SELECT count(*) FROM user_certificates WHERE account_id = @account_id AND state = 'ABOUT_TO_EXPIRE' AND due_at > now()`},
		"transitions":       {all, `SELECT count(*) FROM certificate_transitions WHERE account_id = @account_id`},
		"links of these":    {all, `SELECT count(DISTINCT user_certificate_id) FROM certificate_transitions WHERE account_id = @account_id AND from_state = 'CERTIFIED' AND to_state = 'ABOUT_TO_EXPIRE'`},
		"ledger of notices": {required, `SELECT count(*) FROM certificate_notices WHERE account_id = @account_id AND sent AND days = 30`},
		"links of notices":  {required, `SELECT count(DISTINCT user_certificate_id) FROM certificate_notices WHERE account_id = @account_id`},
		"mails to learners": {required, `SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'certificate_expires'`},
		"events of these":   {required, `SELECT count(DISTINCT event_key) FROM notifications WHERE account_id = @account_id AND template = 'certificate_expires'`},
		"mails to managers": {1, `SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'certificate_digest'`},
		"processes":         {1, `SELECT count(*) FROM processes WHERE account_id = @account_id AND kind = 'certificate-expiry'`},
		"of optional ones":  {0, `SELECT count(*) FROM certificate_notices n JOIN user_certificates l ON l.id = n.user_certificate_id WHERE n.account_id = @account_id AND NOT l.required`},
	} {
		require.Equal(t, check.want, w.number(check.query, nil), what)
	}
	worker.stop()
}
