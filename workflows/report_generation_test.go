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
	"quad/internal/reporting"
	"quad/models"
	"quad/workflows"
)

// reportRun is one ReportGeneration workflow with the time skipped.
type reportRun struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	steps *activities.ReportGeneration
	in    models.ProcessInput
	calls []string
	ended []activities.FinishReportIn
}

// newReport has each step do what do says of its name and of how often any step
// was called.
func newReport(t *testing.T, do func(step string, call int) error) *reportRun {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	r := &reportRun{t: t, env: suite.NewTestWorkflowEnvironment(), in: models.ProcessInput{AccountID: 1, ProcessID: 2, SubjectID: 3, Attempt: 1}}
	r.env.SetTestTimeout(time.Minute)
	r.env.RegisterActivity(r.steps)
	for name, step := range map[string]any{"figures": r.steps.GatherReport, "text": r.steps.NarrateReport, "files": r.steps.RenderReport} {
		r.env.OnActivity(step, mock.Anything, r.in).Return(func(context.Context, models.ProcessInput) error {
			r.calls = append(r.calls, name)
			return do(name, len(r.calls))
		})
	}
	r.env.OnActivity(r.steps.FinishReport, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FinishReportIn) error {
		r.ended = append(r.ended, in)
		return nil
	})
	return r
}

func (r *reportRun) run() (reporting.Ending, error) {
	r.t.Helper()
	r.env.ExecuteWorkflow(workflows.ReportGeneration, r.in)
	require.True(r.t, r.env.IsWorkflowCompleted())
	require.Len(r.t, r.ended, 1, "every report is ended once")
	require.Equal(r.t, r.in, r.ended[0].ProcessInput)
	return r.ended[0].Ending, r.env.GetWorkflowError()
}

func TestReportGenerationGoesStepByStep(t *testing.T) {
	r := newReport(t, func(string, int) error { return nil })
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, []string{"figures", "text", "files"}, r.calls)
	require.Equal(t, reporting.Ending{}, end)
}

func TestReportGenerationRidesOutAnOutage(t *testing.T) {
	r := newReport(t, func(_ string, call int) error {
		if call <= 5 {
			return activities.Classify(models.ErrUnavailable)
		}
		return nil
	})
	end, err := r.run()
	require.NoError(t, err)
	require.Equal(t, reporting.Ending{}, end)
	require.Equal(t, []string{"figures", "figures", "figures", "figures", "figures", "figures", "text", "files"}, r.calls)
}

func TestReportGenerationGivesUp(t *testing.T) {
	r := newReport(t, func(step string, _ int) error {
		if step == "text" {
			return errors.New("no space left")
		}
		return nil
	})
	start := r.env.Now()
	end, err := r.run()
	require.Error(t, err)
	require.Contains(t, end.Failure, "Generate the report again")
	require.NotContains(t, end.Failure, "no space left", "causes are for the log")
	require.LessOrEqual(t, r.env.Now().Sub(start), reporting.TimeLimit()+time.Minute)
}

func TestReportGenerationRefusal(t *testing.T) {
	r := newReport(t, func(string, int) error {
		return activities.Classify(models.Refuse(models.KindConflict, "report.gone", "the report is not being made any more"))
	})
	end, err := r.run()
	require.Error(t, err)
	require.Equal(t, []string{"figures"}, r.calls)
	require.Equal(t, reporting.Ending{Failure: "the report is not being made any more"}, end)
}

func TestReportGenerationCancelled(t *testing.T) {
	r := newReport(t, func(string, int) error { return temporal.NewCanceledError() })
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, 0)
	end, _ := r.run()
	require.Equal(t, reporting.Ending{Cancelled: true}, end)
}

// The tries of the first step are as many as the area has objects for.
func TestReportTries(t *testing.T) {
	r := newReport(t, func(string, int) error { return errors.New("broken") })
	_, err := r.run()
	require.Error(t, err)
	require.LessOrEqual(t, len(r.calls), int(reporting.Tries()))
}
