package rolerequest_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"quad/internal/config"
	"quad/internal/people/rolerequest"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

func TestOneRequestOneWorkflowOneWinner(t *testing.T) {
	c := requesttest.Dial(t)
	w := requesttest.New(t, requesttest.Options{Temporal: c, DecisionTimeout: 30 * time.Second})
	w.Work(c)
	var id atomic.Int64
	ctx := w.As(requesttest.Anu)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			r, err := w.Requests.Ask(ctx, rolerequest.Ask{RoleID: requesttest.Mentor})
			if err == nil {
				id.Store(r.ID)
			} else if !errors.Is(err, rolerequest.ErrAlreadyRequested) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, w.Count("role_requests", nil))
	require.Equal(t, 1, w.Count("processes", nil))
	r := w.Row(id.Load())
	require.Eventually(t, func() bool { return w.Process(r).State == models.ProcessWaiting }, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, "a decision by an admin of the organization", *w.Process(r).WaitsFor)

	admins := []int64{requesttest.AdminOne, requesttest.AdminTwo}
	statuses := []models.RoleRequestStatus{models.RoleRequestApproved, models.RoleRequestRejected}
	var answers [2]error
	for i := range 2 {
		ctx := w.As(admins[i])
		wg.Go(func() {
			var v rolerequest.View
			v, answers[i] = w.Requests.Decide(ctx, rolerequest.Decision{RequestID: r.ID, Status: statuses[i]})
			if answers[i] == nil && (v.Status != statuses[i] || *v.HandledBy != admins[i] || v.Requester.Name != "Anu") {
				t.Errorf("%+v", v)
			}
		})
	}
	wg.Wait()
	winner := 0
	if answers[0] != nil {
		winner = 1
	}
	require.NoError(t, answers[winner])
	require.ErrorIs(t, answers[1-winner], rolerequest.ErrNotDecidable)
	row := w.Row(r.ID)
	require.Equal(t, statuses[winner], row.Status)
	require.Equal(t, admins[winner], *row.HandledBy)
	require.Len(t, w.Mails(), 1)
	p := w.Process(r)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.NoError(t, c.GetWorkflow(t.Context(), p.WorkflowID, "").Get(t.Context(), nil), "the workflow has ended too")
	_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestApproved})
	require.ErrorIs(t, err, rolerequest.ErrNotDecidable)
}

func TestNoWorkerNoLostDecision(t *testing.T) {
	c := requesttest.Dial(t)
	w := requesttest.New(t, requesttest.Options{Temporal: c, DecisionTimeout: 300 * time.Millisecond})
	approve := func(id int64) error {
		_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: id, Status: models.RoleRequestApproved})
		return err
	}
	swept, repeated, changed := w.Ask(requesttest.Anu, requesttest.Mentor), w.Ask(requesttest.Ben, requesttest.Mentor), w.Ask(requesttest.Ben, requesttest.SessionManager)
	for _, r := range []models.RoleRequest{swept, repeated, changed} {
		require.ErrorIs(t, approve(r.ID), models.ErrUnavailable)
		require.ErrorIs(t, approve(r.ID), models.ErrUnavailable)
		require.Equal(t, []string{"APPROVED submitted"}, w.Decisions(r.ID), "the repeated decision is the same one")
		require.Equal(t, models.RoleRequested, w.Row(r.ID).Status)
	}
	_, err := w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: changed.ID, Status: models.RoleRequestRejected})
	require.ErrorIs(t, err, models.ErrUnavailable)
	require.Error(t, w.Requests.Sweep(t.Context()), "still nobody there")

	patient := w.With(requesttest.Options{Temporal: c, DecisionTimeout: 30 * time.Second})
	patient.Work(c)
	v, err := patient.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: repeated.ID, Status: models.RoleRequestApproved})
	if err != nil { // the worker has been faster: it was sent the decision before
		require.ErrorIs(t, err, rolerequest.ErrNotDecidable)
		v, err = patient.Requests.Get(w.As(requesttest.AdminOne), repeated.ID)
		require.NoError(t, err)
	}
	require.Equal(t, models.RoleRequestApproved, v.Status)
	patient.Sweep(func() bool {
		return !w.Row(swept.ID).Status.Open() && !w.Row(changed.ID).Status.Open()
	}, "the stored decisions were never applied")
	require.NoError(t, patient.Requests.Sweep(t.Context()))

	require.Equal(t, []string{"APPROVED applied"}, w.Decisions(swept.ID))
	require.Equal(t, []string{"APPROVED applied"}, w.Decisions(repeated.ID))
	require.Equal(t, []string{"APPROVED superseded", "REJECTED applied"}, w.Decisions(changed.ID))
	require.Equal(t, models.RoleRequestRejected, w.Row(changed.ID).Status)
	require.Equal(t, []string{"mentor"}, w.Roles(requesttest.Anu))
	require.Equal(t, []string{"mentor"}, w.Roles(requesttest.Ben))
	mails := strings.Join(w.Mails(), "\n")
	require.Equal(t, 1, strings.Count(mails, "mentor_request_accepted anu@school.test"))
	require.Equal(t, 1, strings.Count(mails, "mentor_request_accepted ben@school.test"))
	require.Equal(t, 1, strings.Count(mails, "mentor_request_rejected ben@school.test"))
	require.Len(t, w.Mails(), 3)
	for _, r := range []models.RoleRequest{swept, repeated, changed} {
		require.Equal(t, models.ProcessCompleted, w.Process(r).State)
		require.NoError(t, c.GetWorkflow(t.Context(), w.Process(r).WorkflowID, "").Get(t.Context(), nil))
	}
}

func TestTemporalDownLosesNothing(t *testing.T) {
	temporal := testenv.PrivateTemporal(t)
	c, err := process.NewClient(config.Temporal{Address: temporal.Address(), Namespace: "default"}, process.ClientOptions{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	w := requesttest.New(t, requesttest.Options{Temporal: c, DecisionTimeout: 2 * time.Second})
	temporal.Kill()
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	require.Equal(t, models.ProcessPending, w.Process(r).State)
	_, err = w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestApproved})
	require.ErrorIs(t, err, models.ErrUnavailable)
	gone := w.Ask(requesttest.Ben, requesttest.Mentor)
	require.NoError(t, w.Requests.UsersGone(w.System(), requesttest.Ben), "whoever is deactivated is not kept waiting")
	require.Equal(t, models.RoleRequestWithdrawn, w.Row(gone.ID).Status)

	temporal.Start()
	w.Work(c)
	w.Sweep(func() bool { return w.Row(r.ID).Status == models.RoleRequestApproved }, "the decision was lost")
	require.Equal(t, []string{"mentor"}, w.Roles(requesttest.Anu))
	require.Equal(t, []string{"mentor_request_accepted anu@school.test"}, w.Mails())
	require.Equal(t, models.ProcessCompleted, w.Process(r).State)
	require.Equal(t, models.ProcessCancelled, w.Process(gone).State)
}

func TestRealTimersAndMovedDeadline(t *testing.T) {
	c := requesttest.Dial(t)
	w := requesttest.New(t, requesttest.Options{Temporal: c, DecisionTimeout: 30 * time.Second, Settings: map[string]string{
		"ROLE_REQUEST_REMIND_AFTER": "1s", "ROLE_REQUEST_REMIND_EVERY": "1h", "ROLE_REQUEST_ESCALATE_AFTER": "2s", "ROLE_REQUEST_EXPIRE_AFTER": "1h",
	}})
	w.Work(c)
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	require.Eventually(t, func() bool { return w.Row(r.ID).EscalatedAt != nil }, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, 1, w.Row(r.ID).Reminders)
	_, err := w.Requests.MoveDeadline(w.As(requesttest.AccountAdmin), r.ID, time.Now().Add(time.Second))
	require.NoError(t, err)
	w.Status(r.ID, models.RoleRequestExpired)
	_, err = w.Requests.Decide(w.As(requesttest.AdminOne), rolerequest.Decision{RequestID: r.ID, Status: models.RoleRequestApproved})
	require.ErrorIs(t, err, rolerequest.ErrNotDecidable, "an expired request decided late")
	require.Equal(t, []string{"mentee"}, w.Roles(requesttest.Anu))
	require.Equal(t, []string{
		"role_request_reminder one@school.test", "role_request_reminder two@school.test", "role_request_escalation root@demo.test", "role_request_expired anu@school.test",
	}, w.Mails())
	require.NoError(t, c.GetWorkflow(t.Context(), w.Process(r).WorkflowID, "").Get(t.Context(), nil))
}

func TestCancelAndWithdrawEndTheWorkflow(t *testing.T) {
	c := requesttest.Dial(t)
	w := requesttest.New(t, requesttest.Options{Temporal: c})
	w.Work(c)
	cancelled, withdrawn, terminated := w.Ask(requesttest.Anu, requesttest.Mentor), w.Ask(requesttest.Ben, requesttest.Mentor), w.Ask(requesttest.Ben, requesttest.SessionManager)
	for _, r := range []models.RoleRequest{cancelled, withdrawn, terminated} {
		require.Eventually(t, func() bool { return w.Process(r).State == models.ProcessWaiting }, 30*time.Second, 20*time.Millisecond)
	}
	_, err := w.Processes.Cancel(w.As(requesttest.Anu), *cancelled.ProcessID)
	require.NoError(t, err)
	require.NoError(t, w.Requests.Withdraw(w.As(requesttest.Ben), withdrawn.ID))
	for r, want := range map[int64]enums.WorkflowExecutionStatus{
		cancelled.ID: enums.WORKFLOW_EXECUTION_STATUS_CANCELED, withdrawn.ID: enums.WORKFLOW_EXECUTION_STATUS_COMPLETED,
	} {
		w.Status(r, models.RoleRequestWithdrawn)
		row := w.Row(r)
		require.Eventually(t, func() bool {
			info, err := c.DescribeWorkflowExecution(t.Context(), w.Process(row).WorkflowID, "")
			return err == nil && info.GetWorkflowExecutionInfo().GetStatus() == want
		}, 30*time.Second, 20*time.Millisecond)
		require.Equal(t, models.ProcessCancelled, w.Process(row).State)
	}

	require.NoError(t, c.TerminateWorkflow(t.Context(), w.Process(terminated).WorkflowID, "", "by mistake"))
	w.Exec(`UPDATE processes SET next_start_at = now() WHERE id = @id`, store.Args{"id": *terminated.ProcessID})
	w.Sweep(func() bool { return w.Process(terminated).State == models.ProcessFailed }, "a terminated workflow was never noticed")
	require.Equal(t, rolerequest.ReasonFailed, *w.Row(terminated.ID).EndReason)
	require.NotEqual(t, terminated.ID, w.Ask(requesttest.Ben, requesttest.SessionManager).ID, "the role can be asked for again")
}
