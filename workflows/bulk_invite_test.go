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
	"quad/internal/people/invite"
	"quad/models"
	"quad/workflows"
)

// importRun is one BulkInvite workflow with the time skipped; what its steps do
// is up to the test, because this is about order, tries and ends.
type importRun struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	steps *activities.BulkInvite
	in    models.ProcessInput
	ended []activities.FinishInviteFileIn
	wrote []activities.WriteInviteResultIn
	start time.Time
}

func newImport(t *testing.T) *importRun {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	r := &importRun{t: t, env: suite.NewTestWorkflowEnvironment(), in: models.ProcessInput{AccountID: 1, ProcessID: 2, SubjectID: 3, Attempt: 1}}
	r.env.SetTestTimeout(time.Minute)
	r.env.RegisterActivity(r.steps)
	r.env.OnActivity(r.steps.FinishInviteFile, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FinishInviteFileIn) error {
		r.ended = append(r.ended, in)
		return nil
	}).Maybe()
	r.start = r.env.Now()
	return r
}

func (r *importRun) checks(out invite.Checked, err error) {
	r.env.OnActivity(r.steps.CheckInviteFile, mock.Anything, r.in).Return(out, err)
}

func (r *importRun) imports(do func(call int) (invite.Imported, error)) *int {
	calls := new(int)
	r.env.OnActivity(r.steps.ImportInvitePages, mock.Anything, r.in).Return(func(context.Context, models.ProcessInput) (invite.Imported, error) {
		*calls++
		return do(*calls)
	})
	return calls
}

func (r *importRun) writes(out invite.Written, err error) {
	r.env.OnActivity(r.steps.WriteInviteResult, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.WriteInviteResultIn) (invite.Written, error) {
		r.wrote = append(r.wrote, in)
		return out, err
	})
}

// run ends the workflow and gives its error and how the file was ended.
func (r *importRun) run() (activities.FinishInviteFileIn, error) {
	r.t.Helper()
	r.env.ExecuteWorkflow(workflows.BulkInvite, r.in)
	require.True(r.t, r.env.IsWorkflowCompleted())
	require.Len(r.t, r.ended, 1, "every import is ended once")
	require.Equal(r.t, r.in, r.ended[0].ProcessInput)
	return r.ended[0], r.env.GetWorkflowError()
}

func (r *importRun) took() time.Duration { return r.env.Now().Sub(r.start) }

func TestBulkInviteGoesThroughItsSlices(t *testing.T) {
	r := newImport(t)
	r.checks(invite.Checked{Rows: 30_000}, nil)
	calls := r.imports(func(call int) (invite.Imported, error) {
		return invite.Imported{Done: int64(call) * 10_000, Total: 30_000, More: call < 3}, nil
	})
	r.writes(invite.Written{Path: "x.csv"}, nil)
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, 3, *calls)
	require.Equal(t, invite.Ending{}, end.Ending)
	require.Len(t, r.wrote, 1)
}

// A file that cannot be imported gets a result that says why, and no page.
func TestBulkInviteFailedCheck(t *testing.T) {
	r := newImport(t)
	r.checks(invite.Checked{Failure: "The header is wrong."}, nil)
	r.writes(invite.Written{Path: "x.csv"}, nil)
	end, err := r.run()
	require.ErrorContains(t, err, "The header is wrong.")
	require.Equal(t, invite.Ending{Failure: "The header is wrong."}, end.Ending)
	require.Equal(t, "The header is wrong.", r.wrote[0].Failure)
	r.env.AssertNotCalled(t, "ImportInvitePages", mock.Anything, mock.Anything)
}

// What is down for a while is waited for, in attempts that are close together.
func TestBulkInviteRidesOutAnOutage(t *testing.T) {
	r := newImport(t)
	r.checks(invite.Checked{Rows: 1000}, nil)
	r.imports(func(call int) (invite.Imported, error) {
		if call <= 8 {
			return invite.Imported{}, activities.Classify(models.ErrUnavailable)
		}
		return invite.Imported{Done: 1000, Total: 1000}, nil
	})
	r.writes(invite.Written{Path: "x.csv"}, nil)
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, invite.Ending{}, end.Ending)
	require.Less(t, r.took(), 3*time.Minute)
}

// What stays broken is tried three times ten minutes apart; then the file has
// failed, with its result and a reason for people.
func TestBulkInviteGivesUp(t *testing.T) {
	r := newImport(t)
	r.checks(invite.Checked{Rows: 1000}, nil)
	calls := r.imports(func(int) (invite.Imported, error) { return invite.Imported{}, errors.New("no space left") })
	r.writes(invite.Written{Path: "x.csv"}, nil)
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, 36, *calls)
	require.Contains(t, end.Failure, "tried three times")
	require.NotContains(t, end.Failure, "no space left", "causes are for the log")
	require.Equal(t, end.Failure, r.wrote[0].Failure)
	require.Greater(t, r.took(), 20*time.Minute)
	require.Less(t, r.took(), 40*time.Minute)
}

// A try that works after the pause goes on as if nothing had been.
func TestBulkInviteSecondTry(t *testing.T) {
	r := newImport(t)
	r.checks(invite.Checked{Rows: 1000}, nil)
	r.imports(func(call int) (invite.Imported, error) {
		if call <= 12 {
			return invite.Imported{}, errors.New("broken")
		}
		return invite.Imported{Done: 1000, Total: 1000}, nil
	})
	r.writes(invite.Written{Path: "x.csv"}, nil)
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, invite.Ending{}, end.Ending)
	require.Greater(t, r.took(), 10*time.Minute)
}

// A refusal is final at once and is the reason.
func TestBulkInviteRefusal(t *testing.T) {
	r := newImport(t)
	r.checks(invite.Checked{Rows: 1000}, nil)
	calls := r.imports(func(int) (invite.Imported, error) {
		return invite.Imported{}, activities.Classify(models.Refuse(models.KindConflict, "file.changed", "the file was replaced meanwhile"))
	})
	r.writes(invite.Written{Path: "x.csv"}, nil)
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, 1, *calls)
	require.Equal(t, "the file was replaced meanwhile", end.Failure)
}

// The result that cannot be written makes the import a failure, but an ended one.
func TestBulkInviteResultFails(t *testing.T) {
	for name, tc := range map[string]struct {
		out  invite.Written
		err  error
		want string
	}{
		"source gone":     {invite.Written{Path: "x.csv", Failure: "The file was replaced."}, nil, "The file was replaced."},
		"storage refuses": {invite.Written{}, errors.New("no space left"), "tried three times"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newImport(t)
			r.checks(invite.Checked{Rows: 1000}, nil)
			r.imports(func(int) (invite.Imported, error) { return invite.Imported{Done: 1000, Total: 1000}, nil })
			r.writes(tc.out, tc.err)
			end, err := r.run()
			require.Error(t, err)
			require.Contains(t, end.Failure, tc.want)
		})
	}
}

// The cancel stops the import between its pages; result and end follow all the
// same.
func TestBulkInviteCancelled(t *testing.T) {
	t.Run("seen by the import", func(t *testing.T) {
		r := newImport(t)
		r.checks(invite.Checked{Rows: 5000}, nil)
		r.imports(func(int) (invite.Imported, error) {
			return invite.Imported{Done: 2000, Total: 5000, More: true, Cancelled: true}, nil
		})
		r.writes(invite.Written{Path: "x.csv"}, nil)
		end, err := r.run()
		require.NoError(t, err)
		require.Equal(t, invite.Ending{Cancelled: true}, end.Ending)
	})
	t.Run("in the pause between tries", func(t *testing.T) {
		r := newImport(t)
		r.checks(invite.Checked{Rows: 5000}, nil)
		calls := r.imports(func(int) (invite.Imported, error) { return invite.Imported{}, errors.New("broken") })
		r.writes(invite.Written{Path: "x.csv"}, nil)
		r.env.RegisterDelayedCallback(r.env.CancelWorkflow, 8*time.Minute)
		end, err := r.run()
		require.True(t, temporal.IsCanceledError(err))
		require.Equal(t, 12, *calls)
		require.Equal(t, invite.Ending{Cancelled: true}, end.Ending)
	})
	t.Run("before the check", func(t *testing.T) {
		r := newImport(t)
		r.env.OnActivity(r.steps.CheckInviteFile, mock.Anything, r.in).Return(invite.Checked{}, errors.New("broken"))
		r.writes(invite.Written{Path: "x.csv"}, nil)
		r.env.RegisterDelayedCallback(r.env.CancelWorkflow, time.Second)
		end, err := r.run()
		require.True(t, temporal.IsCanceledError(err))
		require.Equal(t, invite.Ending{Cancelled: true}, end.Ending)
		require.Empty(t, r.wrote[0].Failure)
	})
}

func TestInviteLapse(t *testing.T) {
	r := newImport(t)
	r.env.OnActivity(r.steps.LapseInvites, mock.Anything).Return(int64(7), nil).Once()
	r.env.ExecuteWorkflow(workflows.InviteLapse)
	require.NoError(t, r.env.GetWorkflowError())
	r.env.AssertExpectations(t)
}
