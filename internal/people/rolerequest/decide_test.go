package rolerequest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/rolerequest"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

// submit stores a decision in a world without Temporal and gives its id.
func submit(t *testing.T, w *requesttest.World, by, request int64, status models.RoleRequestStatus, comments ...string) int64 {
	t.Helper()
	_, err := w.Requests.Decide(w.As(by), rolerequest.Decision{RequestID: request, Status: status, Comments: comments})
	require.ErrorIs(t, err, models.ErrUnavailable)
	var id int64
	const newest = `SELECT max(id) FROM role_request_decisions WHERE role_request_id = @id AND decided_by = @by`
	require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &id, newest, store.Args{"id": request, "by": by}))
	return id
}

// decide stores and applies a decision as the worker does.
func decide(t *testing.T, w *requesttest.World, by, request int64, status models.RoleRequestStatus, comments ...string) {
	t.Helper()
	o, err := w.Requests.Apply(w.System(), submit(t, w, by, request, status, comments...))
	require.NoError(t, err)
	require.Equal(t, models.RoleRequestOutcome{State: models.DecisionApplied, Status: status}, o)
}

func TestApprovalDoesAllAtOnce(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	decide(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved, "documents verified", "welcome")

	row := w.Row(r.ID)
	require.Equal(t, models.RoleRequestApproved, row.Status)
	require.Equal(t, requesttest.AdminOne, *row.HandledBy)
	require.EqualValues(t, []string{"documents verified", "welcome"}, row.Comments)
	require.NotNil(t, row.EndedAt)
	require.Nil(t, row.EndReason)
	require.Equal(t, []string{"mentor"}, w.Roles(requesttest.Anu), "mentee is removed")
	p := w.Process(r)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.JSONEq(t, fmt.Sprintf(`{"requestId": %d, "status": "APPROVED"}`, r.ID), string(p.Result))
	require.Equal(t, []string{"mentor_request_accepted anu@school.test"}, w.Mails())
	for action, subject := range map[string]int64{"role_request.approved": r.ID, "user.role_granted": requesttest.Anu, "process.completed": p.ID} {
		require.Equal(t, 1, w.Count(`audit_events WHERE action = @action AND subject_id = @id AND actor_id = 111 AND door = 'native' AND organization_id = 10`,
			store.Args{"action": action, "id": subject}), action)
	}
}

func TestApplyTwiceIsApplyOnce(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	id := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
	want := models.RoleRequestOutcome{State: models.DecisionApplied, Status: models.RoleRequestApproved}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if o, err := w.Requests.Apply(w.System(), id); err != nil || o != want {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
	wg.Wait()
	require.Len(t, w.Mails(), 1)
	require.Equal(t, 1, w.Count(`audit_events WHERE action = 'role_request.approved'`, nil))
}

func TestReviewThenRejection(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	decide(t, w, requesttest.AdminOne, r.ID, models.RoleRequestUnderReview, "looking")
	row := w.Row(r.ID)
	require.Equal(t, models.RoleRequestUnderReview, row.Status)
	require.Equal(t, requesttest.AdminOne, *row.HandledBy)
	require.Nil(t, row.EndedAt)
	p := w.Process(r)
	require.Equal(t, models.ProcessWaiting, p.State)
	require.Equal(t, "the end of the review by an admin of the organization", *p.WaitsFor)
	require.Empty(t, w.Mails(), "no mail about a review")

	_, err := w.Requests.Decide(w.As(requesttest.AdminTwo), rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestUnderReview})
	require.ErrorIs(t, err, rolerequest.ErrNotDecidable, "the same status again")
	decide(t, w, requesttest.AdminTwo, r.ID, models.RoleRequestRejected)
	row = w.Row(r.ID)
	require.Equal(t, requesttest.AdminTwo, *row.HandledBy)
	require.EqualValues(t, []string{"looking"}, row.Comments, "no new comments keep the old ones")
	require.Equal(t, []string{"mentee"}, w.Roles(requesttest.Anu))
	require.Equal(t, []string{"mentor_request_rejected anu@school.test"}, w.Mails())
	for _, status := range []models.RoleRequestStatus{models.RoleRequestApproved, models.RoleRequestRejected, models.RoleRequestUnderReview} {
		_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: status})
		require.ErrorIs(t, err, rolerequest.ErrNotDecidable, status)
	}
}

func TestWhoAskedToBeMenteeStaysOne(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	w.Exec(`DELETE FROM user_roles WHERE user_id = 101`, nil)
	r := w.Ask(requesttest.Anu, requesttest.Mentee)
	decide(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
	require.Equal(t, []string{"mentee"}, w.Roles(requesttest.Anu))
}

func TestWhoMayDecide(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	try := func(ctx context.Context) error {
		_, err := w.Requests.Decide(ctx, rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestApproved})
		return err
	}
	for _, who := range []int64{requesttest.Anu, requesttest.Ben, requesttest.OtherAdmin, requesttest.AccountAdmin, requesttest.ForeignAdmin} {
		require.ErrorIs(t, try(w.As(who)), rolerequest.ErrNotFound, who)
	}
	require.ErrorIs(t, try(w.System()), models.ErrUnauthenticated)
	require.Empty(t, w.Decisions(r.ID))
	_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: "REQUESTED"})
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	_, err = w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestApproved, Comments: make([]string, 51)})
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	_, err = w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: 999, Status: models.RoleRequestApproved})
	require.ErrorIs(t, err, rolerequest.ErrNotFound)

	_, err = w.Requests.Escalate(w.System(), r.ID, r.CreatedAt.Add(14*day)) // the reminder comes first
	require.NoError(t, err)
	require.Nil(t, w.Row(r.ID).EscalatedAt)
	_, err = w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(14*day))
	require.NoError(t, err)
	_, err = w.Requests.Escalate(w.System(), r.ID, r.CreatedAt.Add(14*day))
	require.NoError(t, err)
	decide(t, w, requesttest.AccountAdmin, r.ID, models.RoleRequestApproved)
	require.Equal(t, requesttest.AccountAdmin, *w.Row(r.ID).HandledBy)
}

// Nobody decides their own request, before the escalation or after it; who else
// may goes on.
func TestNobodyDecidesTheirOwnRequest(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	w.Exec(`INSERT INTO user_roles (account_id, user_id, role_id) VALUES (1, 111, 5)`, nil) // and admin of the account
	r := w.Ask(requesttest.AdminOne, requesttest.Mentor)
	own := func() {
		t.Helper()
		for _, status := range []models.RoleRequestStatus{models.RoleRequestUnderReview, models.RoleRequestApproved, models.RoleRequestRejected} {
			_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: status})
			require.ErrorIs(t, err, rolerequest.ErrOwnRequest)
		}
		_, err := w.Requests.MoveDeadline(w.As(requesttest.AdminOne), r.ID, r.ExpiresAt.Add(day))
		require.ErrorIs(t, err, rolerequest.ErrOwnRequest)
		h, err := w.Requests.WhoHolds(w.As(requesttest.AdminOne), r.ID)
		require.NoError(t, err)
		for _, who := range h.Holders {
			require.NotEqual(t, requesttest.AdminOne, who.ID)
		}
		require.NotEmpty(t, h.Holders)
	}
	own()
	_, err := w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(14*day))
	require.NoError(t, err)
	_, err = w.Requests.Escalate(w.System(), r.ID, r.CreatedAt.Add(14*day))
	require.NoError(t, err)
	require.Equal(t, []string{"role_request_reminder two@school.test", "role_request_escalation root@demo.test"}, w.Mails(), "nobody is asked about themselves")
	own()
	require.Empty(t, w.Decisions(r.ID))

	// One that was stored nevertheless, by an older version, is not applied.
	w.Exec(`INSERT INTO role_request_decisions (account_id, role_request_id, decided_by, status, door) SELECT 1, id, 111, 'APPROVED', 'test' FROM role_requests`, nil)
	var id int64
	require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &id, `SELECT max(id) FROM role_request_decisions`, nil))
	o, err := w.Requests.Apply(w.System(), id)
	require.NoError(t, err)
	require.Equal(t, models.RoleRequestOutcome{State: models.DecisionRefused, Status: models.RoleRequested, Refusal: rolerequest.ErrApproverGone.Code}, o)
	decide(t, w, requesttest.AdminTwo, r.ID, models.RoleRequestApproved)
	require.ElementsMatch(t, []string{"admin", "mentor", "org_admin"}, w.Roles(requesttest.AdminOne))
}

func TestRepeatedAndChangedDecision(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	first := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved, "yes")
	require.Equal(t, first, submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved), "the same decision is the same row")
	second := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestRejected)
	require.NotEqual(t, first, second)
	require.Equal(t, []string{"APPROVED superseded", "REJECTED submitted"}, w.Decisions(r.ID))

	o, err := w.Requests.Apply(w.System(), first)
	require.NoError(t, err)
	require.Equal(t, models.DecisionSuperseded, o.State)
	require.Equal(t, models.RoleRequested, w.Row(r.ID).Status, "what was replaced has no effect")
	o, err = w.Requests.Apply(w.System(), second)
	require.NoError(t, err)
	require.Equal(t, models.RoleRequestRejected, o.Status)
}

func TestTwoAdminsOneWins(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	for i := range 10 {
		w.Exec(`DELETE FROM user_roles WHERE user_id = 101; DELETE FROM notifications`, nil)
		role := []int64{requesttest.Mentor, requesttest.SessionManager}[i%2]
		w.Exec(`UPDATE role_requests SET status = 'REJECTED' WHERE status = 'APPROVED'`, nil)
		r := w.Ask(requesttest.Anu, role)
		yes := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
		no := submit(t, w, requesttest.AdminTwo, r.ID, models.RoleRequestRejected)
		var outcomes [2]models.RoleRequestOutcome
		var wg sync.WaitGroup
		for n, id := range []int64{yes, no} {
			wg.Go(func() {
				var err error
				if outcomes[n], err = w.Requests.Apply(w.System(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		winner, loser := outcomes[0], outcomes[1]
		if winner.State != models.DecisionApplied {
			winner, loser = loser, winner
		}
		require.Equal(t, models.DecisionApplied, winner.State)
		require.Equal(t, models.RoleRequestOutcome{State: models.DecisionRefused, Status: winner.Status, Refusal: rolerequest.ErrNotDecidable.Code}, loser)
		require.Equal(t, winner.Status, w.Row(r.ID).Status)
		require.Len(t, w.Mails(), 1)
		require.Equal(t, winner.Status == models.RoleRequestApproved, len(w.Roles(requesttest.Anu)) == 1)
	}
}

func TestLateDecision(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	w.Shift(30 * day)
	_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestApproved})
	require.ErrorIs(t, err, rolerequest.ErrNotDecidable)
	require.Equal(t, models.RoleRequested, w.Row(r.ID).Status, "no job has run")
	v, err := w.Requests.Get(w.As(requesttest.Anu), r.ID)
	require.NoError(t, err)
	require.Equal(t, models.RoleRequestExpired, v.Status, "it reads as expired all the same")
}

func TestDecisionMadeInTimeCountsAfterTheDeadline(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	w.Shift(29 * day)
	submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved) // no worker
	w.Shift(2 * day)
	v, err := w.Requests.Get(w.As(requesttest.Anu), r.ID)
	require.NoError(t, err)
	require.Equal(t, models.RoleRequested, v.Status, "its decision waits")

	step, err := w.Requests.Expire(w.System(), r.ID, r.ExpiresAt)
	require.NoError(t, err)
	require.Equal(t, models.RoleRequestStep{Status: models.RoleRequestApproved, Action: models.RoleRequestNone}, step)
	require.Equal(t, []string{"APPROVED applied"}, w.Decisions(r.ID))
	require.Equal(t, []string{"mentor"}, w.Roles(requesttest.Anu))
	require.Equal(t, []string{"mentor_request_accepted anu@school.test"}, w.Mails())
}

func TestApproverGone(t *testing.T) {
	for name, gone := range map[string]string{
		"deactivated": `UPDATE users SET status = 'INACTIVE' WHERE id = 111`, "lost the role": `DELETE FROM user_roles WHERE user_id = 111`,
		"moved": `UPDATE users SET organization_id = 20 WHERE id = 111`,
	} {
		t.Run(name, func(t *testing.T) {
			w := requesttest.New(t, requesttest.Options{})
			r := w.Ask(requesttest.Anu, requesttest.Mentor)
			id := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
			w.Exec(gone, nil)
			for range 2 {
				o, err := w.Requests.Apply(w.System(), id)
				require.NoError(t, err)
				require.Equal(t, models.RoleRequestOutcome{State: models.DecisionRefused, Status: models.RoleRequested, Refusal: rolerequest.ErrApproverGone.Code}, o)
			}
			require.Equal(t, []string{"mentee"}, w.Roles(requesttest.Anu))
			decide(t, w, requesttest.AdminTwo, r.ID, models.RoleRequestApproved) // others still can
		})
	}
}

// A decision and the deactivation of what it is about, at the same time and in
// the order of locks that internal/people uses: one is first, none fails.
func TestDecisionMeetsDeactivation(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	applied := 0
	for range 15 {
		w.Exec(`UPDATE role_requests SET status = 'REJECTED' WHERE status = 'APPROVED'`, nil)
		w.Exec(`UPDATE organizations SET status = 'ACTIVE'; UPDATE users SET status = 'ACTIVE'; DELETE FROM user_roles WHERE role_id = 2`, nil)
		r := w.Ask(requesttest.Anu, requesttest.Mentor)
		id := submit(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
		ctx := w.System()
		var outcome models.RoleRequestOutcome
		var wg sync.WaitGroup
		wg.Go(func() {
			var err error
			if outcome, err = w.Requests.Apply(ctx, id); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			err := w.DB.InTx(ctx, func(ctx context.Context) error {
				for _, text := range []string{
					`SELECT id FROM organizations WHERE account_id = @account_id AND id = 10 FOR NO KEY UPDATE`,
					`UPDATE organizations SET status = 'INACTIVE' WHERE account_id = @account_id AND id = 10`,
					`UPDATE users SET status = 'INACTIVE' WHERE account_id = @account_id AND organization_id = 10`,
				} {
					if _, err := w.DB.Exec(ctx, text, nil); err != nil {
						return err
					}
				}
				return w.Requests.OrganizationsGone(ctx, requesttest.Organization)
			})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		row := w.Row(r.ID)
		require.Equal(t, outcome.Status, row.Status)
		if outcome.State == models.DecisionApplied {
			applied++
			require.Contains(t, w.Roles(requesttest.Anu), "mentor")
		} else {
			require.Equal(t, models.RoleRequestWithdrawn, row.Status)
			require.NotContains(t, w.Roles(requesttest.Anu), "mentor")
		}
	}
	t.Logf("the decision was first %d times of 15", applied)
}

func TestDecideThroughTheProcess(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	err := w.Processes.Decide(w.As(requesttest.AdminOne), *r.ProcessID, process.Decision{Decision: "approved", Comments: []string{"ok"}})
	require.ErrorIs(t, err, models.ErrUnavailable)
	require.Equal(t, []string{"APPROVED submitted"}, w.Decisions(r.ID))
	err = w.Processes.Decide(w.As(requesttest.AdminOne), *r.ProcessID, process.Decision{Decision: "maybe"})
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	err = w.Processes.Decide(w.As(requesttest.Ben), *r.ProcessID, process.Decision{Decision: "APPROVED"})
	require.ErrorIs(t, err, rolerequest.ErrNotFound)
}
