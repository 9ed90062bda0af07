package reporting_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// world is a hub with one tenant, its administrator and what reports are about.
type world struct {
	*hubtest.Env
	north models.Organization
	boss  hubtest.Person // SUPER_ADMIN
	admin hubtest.Person // of north
}

func newWorld(t *testing.T, working bool, settings map[string]string) *world {
	t.Helper()
	o := hubtest.Options{Settings: settings}
	if working {
		o.Worker = worker.Run
	}
	w := &world{Env: hubtest.New(t, o)}
	w.north = w.NewOrganization("North", "north")
	w.boss = w.NewPerson(0, 0, "boss", models.RoleAdmin)
	w.admin = w.NewPerson(0, w.north.ID, "northadmin", models.RoleOrgAdmin)
	return w
}

// as acts as a person who holds a role.
func (w *world) as(p hubtest.Person, role string) context.Context {
	return auth.WithPrincipal(w.Context(), auth.Principal{AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: []string{role}})
}

func (w *world) exec(t *testing.T, sql string, args store.Args) {
	t.Helper()
	_, err := w.DB.Exec(w.Context(), sql, args)
	require.NoError(t, err)
}

// data fills the tenant: 20 learners in 3 courses, a project with milestones and
// expenses, a form with answers, a certificate.
func (w *world) data(t *testing.T) {
	t.Helper()
	w.exec(t, `
WITH people AS (
    INSERT INTO users (account_id, organization_id, name, email, status)
    SELECT @account_id, @north, CASE i WHEN 6 THEN '=cmd()' WHEN 7 THEN 'שרה כהן' ELSE 'Learner ' || i END, 'l' || i || '@data.example', 'ACTIVE' FROM generate_series(1, 20) i RETURNING id
), numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM people
), courses AS (
    INSERT INTO courses (account_id, identifier, name, type) SELECT @account_id, 'c' || i, 'Course ' || i, 'COURSE' FROM generate_series(1, 3) i RETURNING id
)
INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner, progress, score, first_completed_at, last_completed_at, last_progress_at, enrolled_at)
SELECT @account_id, c.id, p.id, true, true, CASE WHEN p.n <= 8 THEN 100 ELSE 40 END, CASE WHEN p.n <= 10 THEN 50 + p.n * 4 END,
    CASE WHEN p.n <= 8 THEN timestamptz '2024-02-10Z' END, CASE WHEN p.n <= 8 THEN timestamptz '2024-02-10Z' END, timestamptz '2024-02-10Z',
    timestamptz '2023-12-15Z' + p.n * interval '5 days'
FROM numbered p CROSS JOIN courses c`, store.Args{"north": w.north.ID})
	w.exec(t, `
WITH p AS (
    INSERT INTO projects (account_id, organization_id, name, status, starts_on, ends_on, budget)
    SELECT @account_id, @north, 'Project ' || i, 'active', '2024-01-01', '2024-12-31', 1000 FROM generate_series(1, 20) i RETURNING id
), m AS (INSERT INTO milestones (account_id, project_id, name, due_on, status) SELECT @account_id, id, 'Milestone', '2024-02-01', 'pending' FROM p)
INSERT INTO project_expenses (account_id, project_id, description, amount, category, spent_on)
SELECT @account_id, p.id, 'Bought', 10.25 * i, CASE WHEN i % 2 = 0 THEN 'travel' ELSE '=rent' END, date '2024-01-01' + i FROM p, generate_series(1, 10) i`, store.Args{"north": w.north.ID})
	w.exec(t, `
WITH f AS (INSERT INTO surveys (account_id, organization_id, name, status) VALUES (@account_id, @north, 'Feedback', 'active') RETURNING id),
a AS (INSERT INTO survey_assignments (account_id, survey_id, user_id, due_on) SELECT @account_id, f.id, u.id, '2024-01-31' FROM f, users u WHERE u.account_id = @account_id AND u.organization_id = @north)
INSERT INTO survey_submissions (account_id, survey_id, user_id, responses, submitted_at)
SELECT @account_id, f.id, u.id, '{}', '2024-02-01Z' FROM f, (SELECT id FROM users WHERE account_id = @account_id AND organization_id = @north ORDER BY id LIMIT 5) u`, store.Args{"north": w.north.ID})
	w.exec(t, `
WITH c AS (INSERT INTO certificates (account_id, identifier, name, expires_after, expires_unit) VALUES (@account_id, 'fire', 'Fire safety', 1, 'YEAR') RETURNING id)
INSERT INTO user_certificates (account_id, certificate_id, user_id, state, required)
SELECT @account_id, c.id, u.id, 'IN_PROGRESS', true FROM c, users u WHERE u.account_id = @account_id AND u.organization_id = @north`, store.Args{"north": w.north.ID})
}

// made waits for a report's end.
func (w *world) made(t *testing.T, ctx context.Context, id int64) models.Report {
	t.Helper()
	var r models.Report
	hubtest.Eventually(t, "the report ends", func() bool {
		var err error
		r, err = w.Reports.Get(ctx, id)
		require.NoError(t, err)
		return r.Status.Final()
	})
	return r
}

func day(text string) *time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return &t
}
