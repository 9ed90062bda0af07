package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"quad/activities"
	"quad/models"
)

// orgUploadSteps gives the activities their names; nothing is behind it here.
var orgUploadSteps *activities.OrgUpload

// orgUploadFailure is what people are told when a step has failed for good.
const orgUploadFailure = "An internal error stopped the upload; it was tried three times. Rows with a verdict are done. Retry the process to go on."

// OrgUpload works on the files of one upload, in slices of time, and ends them.
// The end is there after a failure and after a cancel too. Cancelling it stops
// the upload before its next page.
func OrgUpload(ctx workflow.Context, in models.ProcessInput) error {
	end := activities.FinishOrgUploadIn{ProcessInput: in}
	for {
		done, err := inviteStep(ctx, orgUploadSteps.ImportOrgUpload, in)
		switch {
		case err == nil:
			end.Cancelled = done.Cancelled
		case temporal.IsCanceledError(err):
			end.Cancelled = true
		default:
			end.Failure = orgUploadFailure
			if text, refused := activities.Refusal(err); refused {
				end.Failure = text
			}
		}
		if err == nil && !done.Cancelled && done.More {
			if ctx.Err() == nil {
				continue
			}
			end.Cancelled = true
		}
		break
	}
	// From here on nothing is left out because somebody cancels.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.ExecuteActivity(Short(detached), orgUploadSteps.FinishOrgUpload, end).Get(detached, nil); err != nil {
		return err
	}
	if end.Failure != "" {
		return temporal.NewNonRetryableApplicationError(end.Failure, "OrgUploadFailed", nil)
	}
	return ctx.Err() // a cancelled workflow ends as such
}
