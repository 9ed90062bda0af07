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
	"quad/internal/certification"
	"quad/models"
	"quad/workflows"
)

// sweepRun is one CertificateExpiry workflow with the time skipped; what its
// steps do is up to the test.
type sweepRun struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	steps *activities.CertificateExpiry
	in    models.ProcessInput
	calls int
	ended []activities.FinishCertificateSweepIn
	start time.Time
}

// newSweep has the n-th call of the sweep do what sweep says.
func newSweep(t *testing.T, sweep func(call int) (activities.Swept, error)) *sweepRun {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	r := &sweepRun{t: t, env: suite.NewTestWorkflowEnvironment(), in: models.ProcessInput{AccountID: 1, ProcessID: 2, SubjectID: 3, Attempt: 1}}
	r.env.SetTestTimeout(time.Minute)
	r.env.RegisterActivity(r.steps)
	r.env.OnActivity(r.steps.SweepCertificates, mock.Anything, r.in).Return(func(context.Context, models.ProcessInput) (activities.Swept, error) {
		r.calls++
		return sweep(r.calls)
	})
	r.env.OnActivity(r.steps.FinishCertificateSweep, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FinishCertificateSweepIn) error {
		r.ended = append(r.ended, in)
		return nil
	})
	r.start = r.env.Now()
	return r
}

func (r *sweepRun) run() (certification.Ending, error) {
	r.t.Helper()
	r.env.ExecuteWorkflow(workflows.CertificateExpiry, r.in)
	require.True(r.t, r.env.IsWorkflowCompleted())
	require.Len(r.t, r.ended, 1, "every sweep is ended once")
	require.Equal(r.t, r.in, r.ended[0].ProcessInput)
	return r.ended[0].Ending, r.env.GetWorkflowError()
}

func TestCertificateExpiryIsOneStepAndItsEnd(t *testing.T) {
	r := newSweep(t, func(int) (activities.Swept, error) { return activities.Swept{Done: 1_000_000, Warned: 10_000}, nil })
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, 1, r.calls)
	require.Equal(t, certification.Ending{}, end)
}

// A worker that is stopped hands the rest to another one.
func TestCertificateExpiryGoesOnAfterAStop(t *testing.T) {
	r := newSweep(t, func(call int) (activities.Swept, error) { return activities.Swept{More: call < 3}, nil })
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, 3, r.calls)
	require.Equal(t, certification.Ending{}, end)
}

func TestCertificateExpiryRidesOutAnOutage(t *testing.T) {
	r := newSweep(t, func(call int) (activities.Swept, error) {
		if call <= 8 {
			return activities.Swept{}, activities.Classify(models.ErrUnavailable)
		}
		return activities.Swept{Done: 7}, nil
	})
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, certification.Ending{}, end)
	require.Less(t, r.env.Now().Sub(r.start), 3*time.Minute)
}

// What stays broken has failed before the next sweep is due.
func TestCertificateExpiryGivesUp(t *testing.T) {
	r := newSweep(t, func(int) (activities.Swept, error) { return activities.Swept{}, errors.New("no space left") })
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, 12, r.calls)
	require.Contains(t, end.Failure, "the next one")
	require.NotContains(t, end.Failure, "no space left", "causes are for the log")
	require.Less(t, r.env.Now().Sub(r.start), time.Hour)
}

func TestCertificateExpiryRefusal(t *testing.T) {
	r := newSweep(t, func(int) (activities.Swept, error) {
		return activities.Swept{}, activities.Classify(models.Refuse(models.KindConflict, "account.closed", "the account is closed"))
	})
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, 1, r.calls)
	require.Equal(t, certification.Ending{Failure: "the account is closed"}, end)
}

func TestCertificateExpiryCancelled(t *testing.T) {
	t.Run("seen by the sweep", func(t *testing.T) {
		r := newSweep(t, func(int) (activities.Swept, error) { return activities.Swept{More: true, Cancelled: true}, nil })
		end, err := r.run()
		require.NoError(t, err)
		require.Equal(t, certification.Ending{Cancelled: true}, end)
	})
	t.Run("between two tries", func(t *testing.T) {
		r := newSweep(t, func(int) (activities.Swept, error) { return activities.Swept{}, errors.New("broken") })
		r.env.RegisterDelayedCallback(r.env.CancelWorkflow, 20*time.Second)
		end, err := r.run()
		require.True(t, temporal.IsCanceledError(err))
		require.Equal(t, certification.Ending{Cancelled: true}, end)
	})
}

func TestCertificateSweep(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	var steps *activities.CertificateExpiry
	env.RegisterActivity(steps)
	calls := 0
	env.OnActivity(steps.StartCertificateSweeps, mock.Anything).Return(func(context.Context) (int, error) {
		if calls++; calls < 3 {
			return 0, activities.Classify(models.ErrUnavailable)
		}
		return 2, nil
	})
	env.ExecuteWorkflow(workflows.CertificateSweep)
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 3, calls)
}
