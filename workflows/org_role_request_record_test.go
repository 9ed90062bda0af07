package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people/rolerequest"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

// TestRecordOrgRoleRequest runs requests to each of their ends on a real
// Temporal, replays their histories, and records them when asked to.
func TestRecordOrgRoleRequest(t *testing.T) {
	c := requesttest.Dial(t)
	quick := map[string]string{
		"ROLE_REQUEST_REMIND_AFTER": "500ms", "ROLE_REQUEST_REMIND_EVERY": "1s", "ROLE_REQUEST_ESCALATE_AFTER": "1s", "ROLE_REQUEST_EXPIRE_AFTER": "1h",
	}
	w := requesttest.New(t, requesttest.Options{Temporal: c, DecisionTimeout: 30 * time.Second, Settings: quick})
	w.Work(c)
	keep := func(r models.RoleRequest, status models.RoleRequestStatus, name string) {
		t.Helper()
		w.Status(r.ID, status)
		p := w.Process(r)
		run := c.GetWorkflow(t.Context(), p.WorkflowID, "")
		_ = run.Get(t.Context(), nil) // a cancelled workflow ends with an error
		record(t, c, p.WorkflowID, run.GetRunID(), "OrgRoleRequest-"+name)
	}
	reminded := func(r models.RoleRequest) {
		t.Helper()
		require.Eventually(t, func() bool { return w.Row(r.ID).Reminders > 0 }, 30*time.Second, 20*time.Millisecond)
	}
	decide := func(r models.RoleRequest, by int64, status models.RoleRequestStatus) {
		t.Helper()
		_, err := w.Requests.Decide(w.As(by), rolerequest.Decision{RequestID: r.ID, Status: status})
		require.NoError(t, err)
	}

	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	reminded(r)
	decide(r, requesttest.AdminOne, models.RoleRequestUnderReview)
	decide(r, requesttest.AdminTwo, models.RoleRequestRejected)
	keep(r, models.RoleRequestRejected, "reviewed-and-rejected")

	r = w.Ask(requesttest.Anu, requesttest.Mentor)
	decide(r, requesttest.AdminOne, models.RoleRequestApproved)
	keep(r, models.RoleRequestApproved, "approved-at-once")

	r = w.Ask(requesttest.Ben, requesttest.Mentor)
	require.Eventually(t, func() bool { return w.Row(r.ID).EscalatedAt != nil }, 30*time.Second, 20*time.Millisecond)
	_, err := w.Requests.MoveDeadline(w.As(requesttest.AdminOne), r.ID, time.Now().Add(time.Second))
	require.NoError(t, err)
	keep(r, models.RoleRequestExpired, "escalated-and-expired")

	r = w.Ask(requesttest.Ben, requesttest.Mentor)
	reminded(r)
	_, err = w.Processes.Cancel(w.As(requesttest.Ben), *r.ProcessID)
	require.NoError(t, err)
	keep(r, models.RoleRequestWithdrawn, "cancelled")

	r = w.Ask(requesttest.Ben, requesttest.Mentor)
	reminded(r)
	require.NoError(t, w.Requests.RolesGone(w.System(), requesttest.Mentor))
	keep(r, models.RoleRequestWithdrawn, "role-deleted")
}
