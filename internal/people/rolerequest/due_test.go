package rolerequest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people/rolerequest"
	"quad/internal/store"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

func TestRemindersGoToTheOrganizationsActiveAdmins(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	_, err := w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(3*day-time.Second))
	require.NoError(t, err)
	require.Empty(t, w.Mails(), "not due yet")

	var wg sync.WaitGroup
	for range 8 { // a repeated activity, and two workers
		wg.Go(func() {
			step, err := w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(3*day))
			want := models.RoleRequestStep{Status: models.RoleRequested, Action: models.RoleRequestRemind, At: r.CreatedAt.Add(10 * day)}
			if err != nil || step != want {
				t.Errorf("%+v, %v", step, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []string{"role_request_reminder one@school.test", "role_request_reminder two@school.test"}, w.Mails())
	require.Equal(t, 1, w.Row(r.ID).Reminders)

	w.Exec(`UPDATE users SET status = 'INACTIVE' WHERE id = 112`, nil)
	_, err = w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(10*day))
	require.NoError(t, err)
	require.Equal(t, "role_request_reminder one@school.test", w.Mails()[2])
	require.Len(t, w.Mails(), 3)

	w.Exec(`UPDATE roles SET status = 'INACTIVE' WHERE id = 4`, nil)
	_, err = w.Requests.Escalate(w.System(), r.ID, r.CreatedAt.Add(14*day))
	require.NoError(t, err)
	_, err = w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(17*day))
	require.NoError(t, err)
	require.Equal(t, "role_request_escalation root@demo.test", w.Mails()[3])
	require.Len(t, w.Mails(), 4)
	require.Equal(t, 1, w.Count(`process_events WHERE process_id = @id AND type = 'reminder' AND message LIKE '%nobody was reminded'`, store.Args{"id": *r.ProcessID}))
	require.Equal(t, "a decision by an admin of the organization or of the account", *w.Process(r).WaitsFor)
}

func TestExpiry(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	step, err := w.Requests.Expire(w.System(), r.ID, r.ExpiresAt.Add(-time.Microsecond))
	require.NoError(t, err)
	require.Equal(t, models.RoleRequested, step.Status)
	for range 2 {
		step, err = w.Requests.Expire(w.System(), r.ID, r.ExpiresAt)
		require.NoError(t, err)
		require.Equal(t, models.RoleRequestStep{Status: models.RoleRequestExpired, Action: models.RoleRequestNone}, step)
	}
	require.Equal(t, rolerequest.ReasonNoDecision, *w.Row(r.ID).EndReason)
	require.Equal(t, []string{"role_request_expired anu@school.test"}, w.Mails())
	p := w.Process(r)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.Equal(t, 1, w.Count(`process_events WHERE process_id = @id AND message = 'expired: nobody decided in time' AND actor_id IS NULL`, store.Args{"id": p.ID}))
}

func TestMoveDeadline(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	_, err := w.Requests.Open(w.System(), r.ID, r.CreatedAt)
	require.NoError(t, err)
	to := r.ExpiresAt.Add(10 * day)
	for _, who := range []int64{requesttest.Anu, requesttest.OtherAdmin, requesttest.ForeignAdmin} {
		_, err := w.Requests.MoveDeadline(w.As(who), r.ID, to)
		require.ErrorIs(t, err, rolerequest.ErrNotFound)
	}
	v, err := w.Requests.MoveDeadline(w.As(requesttest.AdminOne), r.ID, to)
	require.NoError(t, err)
	require.WithinDuration(t, to, v.ExpiresAt, 0)
	require.WithinDuration(t, to, *w.Process(r).Deadline, 0)
	_, err = w.Requests.MoveDeadline(w.As(requesttest.AccountAdmin), r.ID, r.ExpiresAt)
	require.NoError(t, err)
	for _, bad := range []time.Time{time.Now().Add(-time.Hour), time.Now().AddDate(9, 0, 0)} {
		_, err = w.Requests.MoveDeadline(w.As(requesttest.AdminOne), r.ID, bad)
		require.Equal(t, models.KindInvalid, models.KindOf(err))
	}
	w.Shift(30 * day)
	_, err = w.Requests.MoveDeadline(w.As(requesttest.AdminOne), r.ID, r.ExpiresAt.Add(90*day))
	require.ErrorIs(t, err, rolerequest.ErrNotDecidable, "expired is final")
}

func TestDefinedEnds(t *testing.T) {
	for name, c := range map[string]struct {
		gone   func(w *requesttest.World) error
		reason string
	}{
		"user deactivated": {func(w *requesttest.World) error {
			return w.Requests.UsersGone(w.System(), requesttest.Anu)
		}, rolerequest.ReasonUserInactive},
		"user moved": {func(w *requesttest.World) error {
			w.Exec(`UPDATE users SET organization_id = 20 WHERE id = 101`, nil)
			return w.Requests.UsersMoved(w.System(), requesttest.Anu, requesttest.Ben)
		}, rolerequest.ReasonUserMoved},
		"organization deactivated": {func(w *requesttest.World) error {
			return w.Requests.OrganizationsGone(w.System(), requesttest.Organization)
		}, rolerequest.ReasonOrganization},
		"role deleted": {func(w *requesttest.World) error {
			return w.Requests.RolesGone(w.System(), requesttest.Mentor)
		}, rolerequest.ReasonRole},
		"withdrawn": {func(w *requesttest.World) error {
			return w.Requests.Withdraw(w.As(requesttest.Anu), 1)
		}, rolerequest.ReasonRequester},
		"process cancelled before it started": {func(w *requesttest.World) error {
			_, err := w.Processes.Cancel(w.As(requesttest.Anu), 1)
			return err
		}, rolerequest.ReasonCancelled},
		"workflow cancelled": {func(w *requesttest.World) error {
			return w.Requests.Cancel(w.System(), 1)
		}, rolerequest.ReasonCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			w := requesttest.New(t, requesttest.Options{})
			r := w.Ask(requesttest.Anu, requesttest.Mentor)
			other := w.Ask(requesttest.Ben, requesttest.SessionManager)
			id := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
			require.NoError(t, c.gone(w))

			row := w.Row(r.ID)
			require.Equal(t, models.RoleRequestWithdrawn, row.Status)
			require.Equal(t, c.reason, *row.EndReason)
			require.Equal(t, models.ProcessCancelled, w.Process(r).State)
			require.Equal(t, []string{"APPROVED refused"}, w.Decisions(r.ID), "a decision under way is refused")
			o, err := w.Requests.Apply(w.System(), id)
			require.NoError(t, err)
			require.Equal(t, rolerequest.ErrNotDecidable.Code, o.Refusal)
			require.Equal(t, []string{"mentee"}, w.Roles(requesttest.Anu))
			require.Empty(t, w.Mails())
			if c.reason != rolerequest.ReasonOrganization {
				require.Equal(t, models.RoleRequested, w.Row(other.ID).Status, "nobody else's")
			}
			require.ErrorIs(t, w.Requests.Withdraw(w.As(requesttest.Anu), r.ID), rolerequest.ErrNotDecidable)
			require.ErrorIs(t, w.Requests.Withdraw(w.As(requesttest.Ben), r.ID), rolerequest.ErrNotFound)
		})
	}
}

// A change that nobody told the area of is met when a decision is applied.
func TestDecisionAfterAnUntoldChange(t *testing.T) {
	for reason, change := range map[string]string{
		rolerequest.ReasonUserInactive: `UPDATE users SET status = 'INACTIVE' WHERE id = 101`,
		rolerequest.ReasonUserMoved:    `UPDATE users SET organization_id = 20 WHERE id = 101`,
		rolerequest.ReasonOrganization: `UPDATE organizations SET status = 'INACTIVE' WHERE id = 10`,
		rolerequest.ReasonRole:         `UPDATE roles SET deleted_at = now() WHERE id = 2`,
	} {
		w := requesttest.New(t, requesttest.Options{})
		r := w.Ask(requesttest.Anu, requesttest.Mentor)
		id := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
		w.Exec(change, nil)
		o, err := w.Requests.Apply(w.System(), id)
		require.NoError(t, err)
		require.Equal(t, models.RoleRequestOutcome{State: models.DecisionRefused, Status: models.RoleRequestWithdrawn, Refusal: rolerequest.ErrNotDecidable.Code}, o)
		require.Equal(t, reason, *w.Row(r.ID).EndReason)
		require.Equal(t, []string{"APPROVED refused"}, w.Decisions(r.ID))
		require.Equal(t, []string{"mentee"}, w.Roles(requesttest.Anu))
	}
}
