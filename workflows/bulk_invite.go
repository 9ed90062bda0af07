package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"quad/activities"
	"quad/models"
)

// Tries of a step of BulkInvite. What is down for moments or minutes is ridden
// out by the attempts of a try, which are at most half a minute apart; what
// stays broken is tried again after a pause, and then the import has failed.
const (
	inviteTries    = 3
	invitePause    = 10 * time.Minute
	inviteAttempts = 12 // about four minutes of waiting
)

// TypeInviteLapse is the workflow type that the schedule of the same name
// starts.
const TypeInviteLapse = "InviteLapse"

// bulkInviteSteps gives the activities their names; nothing is behind it here.
var bulkInviteSteps *activities.BulkInvite

// BulkInvite imports one invite file: check, pages, result file, end. The
// result and the end are there after a failure and after a cancel too.
// Cancelling it stops the import before its next page.
func BulkInvite(ctx workflow.Context, in models.ProcessInput) error {
	b := &bulkInvite{in: in}
	b.judge(b.load(ctx))
	// From here on nothing is left out because somebody cancels.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := b.writeResult(detached); err != nil {
		return err
	}
	end := activities.FinishInviteFileIn{ProcessInput: in}
	end.Failure, end.Cancelled = b.failure, b.cancelled
	if err := workflow.ExecuteActivity(Short(detached), bulkInviteSteps.FinishInviteFile, end).Get(detached, nil); err != nil {
		return err
	}
	if b.failure != "" {
		return temporal.NewNonRetryableApplicationError(b.failure, "InviteFileFailed", nil)
	}
	return ctx.Err() // a cancelled workflow ends as such
}

type bulkInvite struct {
	in        models.ProcessInput
	failure   string // why the file could not be imported, for people
	cancelled bool
}

// load checks the file and imports its pages.
func (b *bulkInvite) load(ctx workflow.Context) error {
	checked, err := inviteStep(ctx, bulkInviteSteps.CheckInviteFile, b.in)
	if err != nil || checked.Failure != "" {
		b.failure = checked.Failure
		return err
	}
	for {
		done, err := inviteStep(ctx, bulkInviteSteps.ImportInvitePages, b.in)
		if err != nil {
			return err
		}
		b.cancelled = done.Cancelled
		if done.Cancelled || !done.More {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

const internalFailure = "An internal error stopped the import; it was tried three times. Rows with a verdict are done. Retry the process to go on."

// judge turns the error of a step into the end of the import.
func (b *bulkInvite) judge(err error) {
	switch {
	case err == nil:
	case temporal.IsCanceledError(err):
		b.cancelled = true
	default:
		b.failure = internalFailure
		if text, refused := activities.Refusal(err); refused {
			b.failure = text
		}
	}
}

// writeResult writes the result file. An import whose result cannot be written
// has failed, but it ends all the same.
func (b *bulkInvite) writeResult(ctx workflow.Context) error {
	in := activities.WriteInviteResultIn{ProcessInput: b.in, Failure: b.failure}
	written, err := inviteStep(ctx, bulkInviteSteps.WriteInviteResult, in)
	switch {
	case b.failure != "":
		return nil // the reason that is known is the better one
	case err != nil:
		b.judge(err)
	case written.Failure != "":
		b.failure = written.Failure
	}
	return nil
}

// inviteStep runs an activity with the tries of a bulk invite. Refusals and
// cancels are not tried again.
func inviteStep[In, Out any](ctx workflow.Context, step func(context.Context, In) (Out, error), in In) (out Out, err error) {
	for try := 1; ; try++ {
		err = workflow.ExecuteActivity(LongTries(ctx, inviteAttempts), step, in).Get(ctx, &out)
		if err == nil || try == inviteTries || temporal.IsCanceledError(err) {
			return out, err
		}
		if _, refused := activities.Refusal(err); refused {
			return out, err
		}
		workflow.GetLogger(ctx).Warn("step failed, it is tried again after a pause", "try", try, "error", err)
		pause := workflow.NewTimerWithOptions(ctx, invitePause, workflow.TimerOptions{Summary: "then the next try"})
		if err := pause.Get(ctx, nil); err != nil {
			return out, err
		}
	}
}

// InviteLapse closes the invitations of all accounts that are past their end. A
// schedule starts it; nothing that people read depends on it.
func InviteLapse(ctx workflow.Context) error {
	return workflow.ExecuteActivity(LongTries(ctx, inviteAttempts), bulkInviteSteps.LapseInvites).Get(ctx, nil)
}
