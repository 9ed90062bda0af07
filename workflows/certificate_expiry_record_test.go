package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"quad/internal/hubtest"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
	"quad/workflows"
)

// expiredCertificates writes n people with a required certificate that has
// expired without anybody's notice, with SQL, because it is about many.
const expiredCertificates = `
WITH course AS (
    INSERT INTO courses (account_id, identifier, name, type) VALUES (@account_id, 'fire', 'Fire safety', 'COURSE') RETURNING id
), certificate AS (
    INSERT INTO certificates (account_id, identifier, name, expires_after, expires_unit) VALUES (@account_id, 'fire', 'Fire safety', 1, 'YEAR') RETURNING id
), taught AS (
    INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) SELECT @account_id, certificate.id, course.id, 0 FROM certificate, course
), people AS (
    INSERT INTO users (account_id, organization_id, name, email, status)
    SELECT @account_id, @organization, 'Learner ' || i, 'learner-' || i || '@expiry.example', 'ACTIVE' FROM generate_series(1, @n) i RETURNING id
), issued AS (
    INSERT INTO certificate_issues (account_id, certificate_id, user_id, code, learner_name, certificate_name, course_names, certified_at, expires_at)
    SELECT @account_id, certificate.id, people.id, 'CODE' || people.id, 'Learner', 'Fire safety', '{Fire safety}', now() - interval '2 years', now() - interval '1 year'
    FROM people, certificate RETURNING id, user_id, certificate_id, certified_at, expires_at
)
INSERT INTO user_certificates (account_id, certificate_id, user_id, state, required, certified_at, expires_at, warns_at, earned_since, issue_id, due_at)
SELECT @account_id, certificate_id, user_id, 'CERTIFIED', @required, certified_at, expires_at, expires_at - interval '30 days', certified_at, id, expires_at - interval '30 days' FROM issued`

// TestRecordCertificateExpiry runs sweeps to each of their ends on a real
// Temporal, replays their histories, and records them when asked to.
func TestRecordCertificateExpiry(t *testing.T) {
	hub := hubtest.New(t, hubtest.Options{Worker: worker.Run})
	admin := hub.AdminContext(hub.NewPerson(0, 0, "admin", models.RoleAdmin))
	due := func(n int) {
		t.Helper()
		_, err := hub.DB.Exec(admin, expiredCertificates, store.Args{"organization": hub.Organization.ID, "n": n, "required": false})
		require.NoError(t, err)
	}
	ended := func(id int64, state models.ProcessState, name string) models.Process {
		t.Helper()
		var p models.Process
		hubtest.Eventually(t, "the sweep ends", func() bool {
			var err error
			p, err = hub.Processes.Get(admin, id)
			require.NoError(t, err)
			return p.State.Final()
		})
		require.Equal(t, state, p.State)
		run := hub.Temporal.GetWorkflow(t.Context(), p.WorkflowID, "")
		_ = run.Get(t.Context(), nil) // a cancelled workflow ends with an error
		record(t, hub.Temporal, p.WorkflowID, run.GetRunID(), "CertificateExpiry-"+name)
		return p
	}
	start := func() int64 {
		t.Helper()
		p, err := hub.Processes.Start(admin, models.ProcessCertificateExpiry, nil, "")
		require.NoError(t, err)
		return p.ID
	}
	ended(start(), models.ProcessCompleted, "nothing-due")

	due(60_000)
	id := start()
	hubtest.Eventually(t, "the sweep is under way", func() bool {
		p, err := hub.Processes.Get(admin, id)
		require.NoError(t, err)
		return p.Done > 0
	})
	_, err := hub.Processes.Cancel(admin, id)
	require.NoError(t, err)
	cancelled := ended(id, models.ProcessCancelled, "cancelled")
	require.Less(t, cancelled.Done, cancelled.Total)

	// The rest by the schedule's workflow.
	sweep, err := hub.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "certificate-sweep-by-hand", TaskQueue: models.QueueBulk}, workflows.TypeCertificateSweep)
	require.NoError(t, err)
	require.NoError(t, sweep.Get(t.Context(), nil))
	record(t, hub.Temporal, sweep.GetID(), sweep.GetRunID(), "CertificateSweep-started")
	page, _, err := hub.Processes.List(admin, process.Filter{Kinds: []models.ProcessKind{models.ProcessCertificateExpiry}})
	require.NoError(t, err)
	require.Len(t, page, 3)
	p := ended(page[0].ID, models.ProcessCompleted, "completed")
	require.Equal(t, cancelled.Total-cancelled.Done, p.Done)
}
