package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"quad/activities"
	"quad/models"
)

// TypeReportSweep is the workflow type that the schedule of the same name
// starts.
const TypeReportSweep = "ReportSweep"

// The life of a report's steps. The report itself has a limit, which its row
// holds: past it no step does anything any more, and readers see it as failed
// whether or not anything runs. What is here lets a step be noticed soon whose
// worker was killed.
const (
	reportStep      = 5 * time.Minute
	reportHeartbeat = 15 * time.Second
	reportTries     = 10 // as many objects of rows a report may have, see reporting.Tries
)

// reportSteps gives the activities their names; nothing is behind it here.
var reportSteps *activities.ReportGeneration

const reportFailure = "An internal error stopped the generation. Generate the report again; if that fails too, an operator finds the cause in the Temporal UI."

// ReportGeneration makes a report: figures, text, files, and its end, which
// makes all of it visible at once. Cancelling it leaves nothing visible.
func ReportGeneration(ctx workflow.Context, in models.ProcessInput) error {
	end := activities.FinishReportIn{ProcessInput: in}
	steps := reportOptions(ctx)
	var err error
	for _, step := range []any{reportSteps.GatherReport, reportSteps.NarrateReport, reportSteps.RenderReport} {
		if err = workflow.ExecuteActivity(steps, step, in).Get(steps, nil); err != nil {
			break
		}
	}
	switch {
	case err == nil:
	case temporal.IsCanceledError(err):
		end.Cancelled = true
	default:
		end.Failure = reportFailure
		if text, refused := activities.Refusal(err); refused {
			end.Failure = text
		}
	}
	// The report gets its end whoever cancels.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.ExecuteActivity(Long(detached), reportSteps.FinishReport, end).Get(detached, nil); err != nil {
		return err
	}
	if end.Failure != "" {
		return temporal.NewNonRetryableApplicationError(end.Failure, "ReportGenerationFailed", nil)
	}
	return ctx.Err() // a cancelled workflow ends as such
}

// reportOptions is LongTries for steps that have minutes.
func reportOptions(ctx workflow.Context) workflow.Context {
	o := workflow.GetActivityOptions(LongTries(ctx, reportTries))
	o.StartToCloseTimeout, o.ScheduleToCloseTimeout, o.HeartbeatTimeout = reportStep, reportStep, reportHeartbeat
	return workflow.WithActivityOptions(ctx, o)
}

// ReportSweep does what time asks for: late and old reports, and those of
// schedules. A schedule starts it.
func ReportSweep(ctx workflow.Context) error {
	return workflow.ExecuteActivity(LongTries(ctx, 3), reportSteps.SweepReports).Get(ctx, nil)
}
