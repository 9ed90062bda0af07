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
	"quad/internal/people/orgupload"
	"quad/models"
	"quad/workflows"
)

// upload runs one OrgUpload workflow with the time skipped; what its work gives
// in each call is up to the test. It gives how the upload was ended, the number
// of calls, the time it took and the workflow's error.
func upload(t *testing.T, before func(*testsuite.TestWorkflowEnvironment), work func(call int) (orgupload.Imported, error)) (
	end orgupload.Ending, calls int, took time.Duration, err error,
) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	var steps *activities.OrgUpload
	env.RegisterActivity(steps)
	in := models.ProcessInput{AccountID: 1, ProcessID: 2, SubjectID: 3, Attempt: 1}
	env.OnActivity(steps.ImportOrgUpload, mock.Anything, in).Return(func(context.Context, models.ProcessInput) (orgupload.Imported, error) {
		calls++
		return work(calls)
	}).Maybe()
	ends := 0
	env.OnActivity(steps.FinishOrgUpload, mock.Anything, mock.Anything).Return(func(_ context.Context, given activities.FinishOrgUploadIn) error {
		require.Equal(t, in, given.ProcessInput)
		end = given.Ending
		ends++
		return nil
	})
	start := env.Now()
	if before != nil {
		before(env)
	}
	env.ExecuteWorkflow(workflows.OrgUpload, in)
	require.True(t, env.IsWorkflowCompleted())
	require.Equal(t, 1, ends, "every upload is ended once")
	return end, calls, env.Now().Sub(start), env.GetWorkflowError()
}

func TestOrgUploadGoesThroughItsSlices(t *testing.T) {
	end, calls, _, err := upload(t, nil, func(call int) (orgupload.Imported, error) {
		return orgupload.Imported{Done: int64(call), Total: 3, More: call < 3}, nil
	})
	require.NoError(t, err)
	require.Equal(t, 3, calls)
	require.Equal(t, orgupload.Ending{}, end)
}

// A refusal is final and its text is what people read.
func TestOrgUploadRefused(t *testing.T) {
	end, calls, _, err := upload(t, nil, func(int) (orgupload.Imported, error) {
		return orgupload.Imported{}, activities.Classify(orgupload.ErrContentGone)
	})
	require.ErrorContains(t, err, orgupload.ErrContentGone.Text)
	require.Equal(t, 1, calls)
	require.Equal(t, orgupload.Ending{Failure: orgupload.ErrContentGone.Text}, end)
}

// What is down for minutes is waited for; what stays broken ends the upload
// with a reason.
func TestOrgUploadWaitsAndGivesUp(t *testing.T) {
	end, _, _, err := upload(t, nil, func(call int) (orgupload.Imported, error) {
		if call <= 8 {
			return orgupload.Imported{}, activities.Classify(models.ErrUnavailable)
		}
		return orgupload.Imported{}, nil
	})
	require.NoError(t, err)
	require.Equal(t, orgupload.Ending{}, end)

	end, calls, took, err := upload(t, nil, func(int) (orgupload.Imported, error) { return orgupload.Imported{}, errors.New("broken") })
	require.Error(t, err)
	require.Greater(t, calls, 20)
	require.Less(t, took, time.Hour)
	require.Contains(t, end.Failure, "Retry the process")
	require.NotContains(t, end.Failure, "broken")
}

// A cancel ends the work and is recorded, whether the work tells of it or the
// engine does.
func TestOrgUploadCancelled(t *testing.T) {
	end, calls, _, err := upload(t, nil, func(int) (orgupload.Imported, error) {
		return orgupload.Imported{Done: 1, Total: 9, More: true, Cancelled: true}, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.Equal(t, orgupload.Ending{Cancelled: true}, end)

	var env *testsuite.TestWorkflowEnvironment
	end, calls, _, err = upload(t, func(e *testsuite.TestWorkflowEnvironment) { env = e }, func(int) (orgupload.Imported, error) {
		env.CancelWorkflow()
		return orgupload.Imported{Done: 1, Total: 9, More: true}, nil
	})
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, 1, calls)
	require.Equal(t, orgupload.Ending{Cancelled: true}, end)
}
