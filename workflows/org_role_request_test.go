package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"quad/internal/people/rolerequest"
	"quad/internal/store"
	"quad/internal/testenv/requesttest"
	"quad/models"
	"quad/workflows"
)

const day = 24 * time.Hour

// life runs one request on a real database while the workflow's time is
// skipped. The services share the workflow's clock.
type life struct {
	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	world   *requesttest.World
	request models.RoleRequest
	asked   time.Time
	steps   []step
}

// step is an activity and the day on which it ran.
type step struct {
	activity string
	day      float64
}

func newLife(t *testing.T) *life {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	l := &life{t: t, env: suite.NewTestWorkflowEnvironment(), asked: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	l.env.SetStartTime(l.asked)
	l.env.SetTestTimeout(time.Minute)
	l.world = requesttest.New(t, requesttest.Options{Now: l.now})
	l.request = l.world.Ask(requesttest.Anu, requesttest.Mentor)
	l.env.RegisterActivity(l.world.Activities())
	l.env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, err error) {
		require.NoError(t, err)
		l.steps = append(l.steps, step{info.ActivityType.Name, l.now().Sub(l.asked).Hours() / 24})
	})
	return l
}

// now is the workflow's time once it runs.
func (l *life) now() time.Time {
	if now := l.env.Now(); now.After(l.asked) {
		return now.UTC()
	}
	return l.asked
}

// on does something in the middle of the workflow.
func (l *life) on(at time.Duration, do func()) { l.env.RegisterDelayedCallback(do, at) }

func (l *life) run() {
	l.t.Helper()
	p := l.world.Process(l.request)
	l.env.ExecuteWorkflow(workflows.OrgRoleRequest, models.ProcessInput{AccountID: p.AccountID, ProcessID: p.ID, SubjectID: p.SubjectID, Attempt: 1})
	require.True(l.t, l.env.IsWorkflowCompleted())
}

// decide stores a decision and sends its update.
func (l *life) decide(by int64, status models.RoleRequestStatus, answered func(models.RoleRequestOutcome)) {
	_, err := l.world.Requests.Decide(l.world.As(by), rolerequest.Decision{RequestID: l.request.ID, Status: status})
	require.ErrorIs(l.t, err, models.ErrUnavailable) // this world has no Temporal to ask
	var id int64
	require.NoError(l.t, l.world.DB.Query(store.AsSystem(l.t.Context()), &id, `SELECT max(id) FROM role_request_decisions`, nil))
	l.env.UpdateWorkflow(models.RoleRequestDecide, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { l.t.Errorf("rejected: %v", err) },
		OnComplete: func(result any, err error) {
			if outcome, ok := result.(models.RoleRequestOutcome); err != nil || !ok {
				l.t.Errorf("%+v, %v", result, err)
			} else {
				answered(outcome)
			}
		},
	}, models.RoleRequestDecideInput{DecisionID: id})
}

func TestNobodyDecides(t *testing.T) {
	l := newLife(t)
	l.run()
	require.NoError(t, l.env.GetWorkflowError())
	require.Equal(t, []step{
		{"OpenRoleRequest", 0}, {"RemindApprovers", 3}, {"RemindApprovers", 10}, {"EscalateRoleRequest", 14},
		{"RemindApprovers", 17}, {"RemindApprovers", 24}, {"ExpireRoleRequest", 30},
	}, l.steps)
	require.Equal(t, models.RoleRequestExpired, l.world.Row(l.request.ID).Status)
	require.Equal(t, models.ProcessCompleted, l.world.Process(l.request).State)
	mails := strings.Join(l.world.Mails(), "\n")
	require.Equal(t, 8, strings.Count(mails, "role_request_reminder "), "four reminders to two admins")
	require.Equal(t, 1, strings.Count(mails, "role_request_escalation root@demo.test"))
	require.Equal(t, 1, strings.Count(mails, "role_request_expired anu@school.test"))
	require.Len(t, l.world.Mails(), 10)
}

func TestDecisionInBetween(t *testing.T) {
	l := newLife(t)
	var outcomes []models.RoleRequestOutcome
	heard := func(o models.RoleRequestOutcome) { outcomes = append(outcomes, o) }
	l.on(4*day, func() { l.decide(requesttest.AdminOne, models.RoleRequestUnderReview, heard) })
	l.on(5*day, func() {
		value, err := l.env.QueryWorkflow(models.RoleRequestState)
		require.NoError(t, err)
		var state workflows.OrgRoleRequestState
		require.NoError(t, value.Get(&state))
		require.Equal(t, workflows.OrgRoleRequestState{
			Status: models.RoleRequestUnderReview, Next: models.RoleRequestRemind, NextAt: l.asked.Add(10 * day), Decisions: 1,
		}, state)
	})
	l.on(12*day, func() {
		l.decide(requesttest.AdminOne, models.RoleRequestApproved, heard)
		l.decide(requesttest.AdminTwo, models.RoleRequestRejected, heard)
	})
	l.run()
	require.NoError(t, l.env.GetWorkflowError())
	require.Len(t, outcomes, 3, "whoever came second got an answer as well")
	require.Equal(t, models.RoleRequestOutcome{State: models.DecisionApplied, Status: models.RoleRequestUnderReview}, outcomes[0])
	first, second := outcomes[1], outcomes[2]
	if first.State != models.DecisionApplied {
		first, second = second, first
	}
	require.Equal(t, models.DecisionApplied, first.State)
	require.Equal(t, models.RoleRequestOutcome{State: models.DecisionRefused, Status: first.Status, Refusal: rolerequest.ErrNotDecidable.Code}, second)
	require.Equal(t, first.Status, l.world.Row(l.request.ID).Status)
	require.Len(t, l.world.Mails(), 5, "two reminders to two admins, one answer")
	require.InDelta(t, 12, l.now().Sub(l.asked).Hours()/24, 0.01, "the workflow ends with the decision")
}

func TestDeadlineMovedEarlierAndLater(t *testing.T) {
	for _, c := range []struct {
		to   time.Duration
		want []step
	}{
		{6 * day, []step{{"OpenRoleRequest", 0}, {"RemindApprovers", 3}, {"CheckRoleRequest", 5}, {"ExpireRoleRequest", 6}}},
		{33 * day, []step{
			{"OpenRoleRequest", 0}, {"RemindApprovers", 3}, {"CheckRoleRequest", 5}, {"RemindApprovers", 10}, {"EscalateRoleRequest", 14},
			{"RemindApprovers", 17}, {"RemindApprovers", 24}, {"RemindApprovers", 31}, {"ExpireRoleRequest", 33},
		}},
	} {
		l := newLife(t)
		l.on(5*day, func() {
			_, err := l.world.Requests.MoveDeadline(l.world.As(requesttest.AdminOne), l.request.ID, l.asked.Add(c.to))
			require.NoError(t, err)
			l.env.SignalWorkflow(models.RoleRequestRecheck, nil)
		})
		l.run()
		require.NoError(t, l.env.GetWorkflowError())
		require.Equal(t, c.want, l.steps)
		require.Equal(t, models.RoleRequestExpired, l.world.Row(l.request.ID).Status)
	}
}

func TestRowClosedByOthers(t *testing.T) {
	for name, c := range map[string]struct {
		told bool
		ends float64
	}{"and the workflow is told": {true, 5}, "and the signal is lost": {false, 10}} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.on(5*day, func() {
				require.NoError(t, l.world.Requests.RolesGone(l.world.System(), requesttest.Mentor))
				if c.told {
					l.env.SignalWorkflow(models.RoleRequestRecheck, nil)
				}
			})
			l.run()
			require.NoError(t, l.env.GetWorkflowError())
			require.InDelta(t, c.ends, l.steps[len(l.steps)-1].day, 0.01)
			require.Equal(t, models.RoleRequestWithdrawn, l.world.Row(l.request.ID).Status)
			require.Len(t, l.world.Mails(), 2, "the first reminder, and nothing after the end")
		})
	}
}

func TestCancelWithdraws(t *testing.T) {
	l := newLife(t)
	l.on(5*day, l.env.CancelWorkflow)
	l.run()
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, l.env.GetWorkflowError(), &cancelled)
	row := l.world.Row(l.request.ID)
	require.Equal(t, models.RoleRequestWithdrawn, row.Status)
	require.Equal(t, rolerequest.ReasonCancelled, *row.EndReason)
	require.Equal(t, models.ProcessCancelled, l.world.Process(l.request).State)
}

func TestLongHistoryIsCutOff(t *testing.T) {
	l := newLife(t)
	l.on(4*day, func() {
		l.env.SetContinueAsNewSuggested(true)
		l.env.SignalWorkflow(models.RoleRequestRecheck, nil)
	})
	l.run()
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, l.env.GetWorkflowError(), &again)
	require.Equal(t, "OrgRoleRequest", again.WorkflowType.Name)
	require.Equal(t, models.RoleRequested, l.world.Row(l.request.ID).Status)
}
