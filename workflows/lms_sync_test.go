package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"quad/activities"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/models"
	"quad/workflows"
)

// syncRun is one LMSSync workflow with the time skipped.
type syncRun struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	steps *activities.LMSSync
	in    models.ProcessInput
	calls []string
	ended []activities.FinishSyncIn
}

// newSync has each step do what do says of its name and of how often that step
// was called.
func newSync(t *testing.T, do func(step string, call int) (activities.Planned, error)) *syncRun {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	r := &syncRun{t: t, env: suite.NewTestWorkflowEnvironment(), in: models.ProcessInput{AccountID: 1, ProcessID: 2, SubjectID: 3, Attempt: 1}}
	r.env.SetTestTimeout(time.Minute)
	r.env.RegisterActivity(r.steps)
	called := map[string]int{}
	note := func(step string) (activities.Planned, error) {
		called[step]++
		r.calls = append(r.calls, step)
		return do(step, called[step])
	}
	plain := func(step string) func(context.Context, models.ProcessInput) error {
		return func(context.Context, models.ProcessInput) error {
			_, err := note(step)
			return err
		}
	}
	planned := func(step string) func(context.Context, models.ProcessInput) (activities.Planned, error) {
		return func(context.Context, models.ProcessInput) (activities.Planned, error) { return note(step) }
	}
	r.env.OnActivity(r.steps.StageSync, mock.Anything, r.in).Return(plain("stage"))
	r.env.OnActivity(r.steps.PlanSync, mock.Anything, r.in).Return(planned("plan"))
	r.env.OnActivity(r.steps.MergeSync, mock.Anything, r.in).Return(planned("merge"))
	r.env.OnActivity(r.steps.ResumeSync, mock.Anything, r.in).Return(plain("resume"))
	r.env.OnActivity(r.steps.WaitSync, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.WaitSyncIn) error {
		require.Equal(t, integration.WaitDays, in.Days)
		_, err := note("wait")
		return err
	})
	r.env.OnActivity(r.steps.FinishSync, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FinishSyncIn) error {
		r.ended = append(r.ended, in)
		return nil
	})
	return r
}

func (r *syncRun) run() (integration.Ending, error) {
	r.t.Helper()
	r.env.ExecuteWorkflow(workflows.LMSSync, r.in)
	require.True(r.t, r.env.IsWorkflowCompleted())
	require.Len(r.t, r.ended, 1, "every run is ended once")
	require.Equal(r.t, r.in, r.ended[0].ProcessInput)
	return r.ended[0].Ending, r.env.GetWorkflowError()
}

// smooth is a run in which nothing happens.
func smooth(string, int) (activities.Planned, error) { return activities.Planned{}, nil }

func TestSyncGoesStepByStep(t *testing.T) {
	r := newSync(t, smooth)
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, integration.Ending{}, end)
	require.Equal(t, []string{"stage", "plan", "merge"}, r.calls)
}

func TestSyncThatIsDryMergesNothing(t *testing.T) {
	r := newSync(t, func(string, int) (activities.Planned, error) { return activities.Planned{DryRun: true}, nil })
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, integration.Ending{}, end)
	require.Equal(t, []string{"stage", "plan"}, r.calls)
}

// toConfirm plans deletions that somebody has to confirm.
func toConfirm(step string, _ int) (activities.Planned, error) {
	return activities.Planned{Confirm: step == "plan"}, nil
}

func TestSyncWaitsForConfirmation(t *testing.T) {
	r := newSync(t, toConfirm)
	start := r.env.Now()
	r.env.RegisterDelayedCallback(func() { r.env.SignalWorkflow(models.SignalSyncConfirmed, nil) }, 6*24*time.Hour)
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, integration.Ending{}, end)
	require.Equal(t, []string{"stage", "plan", "wait", "resume", "merge"}, r.calls)
	require.GreaterOrEqual(t, r.env.Now().Sub(start), 6*24*time.Hour)
}

func TestSyncThatNobodyConfirms(t *testing.T) {
	r := newSync(t, toConfirm)
	start := r.env.Now()
	end, err := r.run()
	require.Error(t, err)
	require.Contains(t, end.Failure, "Nobody confirmed")
	require.Equal(t, []string{"stage", "plan", "wait"}, r.calls)
	require.GreaterOrEqual(t, r.env.Now().Sub(start), integration.WaitDays*24*time.Hour)
}

func TestSyncCancelledWhileItWaits(t *testing.T) {
	r := newSync(t, toConfirm)
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, time.Hour)
	end, err := r.run()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, integration.Ending{Cancelled: true}, end)
	require.Equal(t, []string{"stage", "plan", "wait"}, r.calls)
}

func TestSyncCancelledWhileItReads(t *testing.T) {
	r := newSync(t, func(string, int) (activities.Planned, error) {
		return activities.Planned{}, temporal.NewCanceledError()
	})
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, 0)
	end, _ := r.run()
	require.Equal(t, integration.Ending{Cancelled: true}, end)
	require.LessOrEqual(t, len(r.calls), 1)
}

// What the database has lost of staging is read again.
func TestSyncReadsAgainWhatIsLost(t *testing.T) {
	r := newSync(t, func(step string, call int) (activities.Planned, error) {
		return activities.Planned{Unstaged: step != "stage" && call == 1}, nil
	})
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, integration.Ending{}, end)
	require.Equal(t, []string{"stage", "plan", "stage", "plan", "merge", "stage", "plan", "merge"}, r.calls)
}

func TestSyncGivesUpWhatIsAlwaysLost(t *testing.T) {
	r := newSync(t, func(step string, _ int) (activities.Planned, error) {
		return activities.Planned{Unstaged: step == "plan"}, nil
	})
	end, err := r.run()
	require.Error(t, err)
	require.Contains(t, end.Failure, "again and again")
	require.Equal(t, []string{"stage", "plan", "stage", "plan", "stage", "plan"}, r.calls)
}

// A system that is away for half an hour is waited for.
func TestSyncRidesOutAnOutage(t *testing.T) {
	r := newSync(t, nil)
	start := r.env.Now()
	r = newSync(t, func(step string, _ int) (activities.Planned, error) {
		if step == "stage" && r.env.Now().Sub(start) < 30*time.Minute {
			return activities.Planned{}, activities.Classify(source.ErrUnreachable)
		}
		return activities.Planned{}, nil
	})
	start = r.env.Now()
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, integration.Ending{}, end)
}

func TestSyncTellsWhatIsRefused(t *testing.T) {
	r := newSync(t, func(string, int) (activities.Planned, error) {
		return activities.Planned{}, activities.Classify(source.ErrRefused)
	})
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, integration.Ending{Failure: source.ErrRefused.Text}, end)
	require.Equal(t, []string{"stage"}, r.calls)
}

// One that stays away ends the run with what it failed with; what fails in the
// hub itself is told in other words.
func TestSyncTellsWhatWentWrongTillTheEnd(t *testing.T) {
	r := newSync(t, func(string, int) (activities.Planned, error) {
		return activities.Planned{}, activities.Classify(source.ErrUnreachable)
	})
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, integration.Ending{Failure: source.ErrUnreachable.Text}, end)
	require.Len(t, r.calls, 15)
	r = newSync(t, func(string, int) (activities.Planned, error) {
		return activities.Planned{}, activities.Classify(models.ErrUnavailable)
	})
	end, err = r.run()
	require.Error(t, err)
	require.Contains(t, end.Failure, "Run it again")
}

func TestSyncGivesUp(t *testing.T) {
	r := newSync(t, func(step string, _ int) (activities.Planned, error) {
		if step == "merge" {
			return activities.Planned{}, errors.New("no space left")
		}
		return activities.Planned{}, nil
	})
	end, err := r.run()
	require.Error(t, err)
	require.Contains(t, end.Failure, "Run it again")
	require.NotContains(t, end.Failure, "no space left", "causes are for the log")
}
