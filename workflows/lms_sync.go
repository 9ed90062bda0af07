package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"quad/activities"
	"quad/models"
)

// TypeSyncSweep is the workflow type that the schedule of the same name starts.
const TypeSyncSweep = "SyncSweep"

// syncSteps gives the activities their names; nothing is behind it here.
var syncSteps *activities.LMSSync

const (
	// stageAttempts of reading a learning system, at most ten minutes apart unless
	// the step itself says when: a system that is down for an hour is waited for.
	stageAttempts = 15
	stageLongest  = 10 * time.Minute
	mergeAttempts = 10
	syncRounds    = 3 // how often a run is read whose staging the database has lost
	confirmDays   = 7

	syncFailure        = "An internal error stopped the synchronisation; nothing was changed. Run it again; if that fails too, an operator finds the cause in the Temporal UI."
	syncUnconfirmed    = "Nobody confirmed the deletions in time; nothing was changed."
	syncUnstagedAlways = "What was read was lost again and again; nothing was changed. Run it again."
)

// LMSSync brings what a learning system holds into the hub: it is read into
// staging, a plan is made, somebody confirms it if much would be deleted, and
// all is merged at once. Cancelling it before the merge leaves nothing behind.
func LMSSync(ctx workflow.Context, in models.ProcessInput) error {
	end := activities.FinishSyncIn{ProcessInput: in}
	err := syncAll(ctx, in, &end)
	switch {
	case err == nil:
	case temporal.IsCanceledError(err):
		end.Cancelled = true
	default:
		end.Failure = syncFailure
		if text, refused := activities.SyncFailure(err); refused {
			end.Failure = text
		}
	}
	// The run gets its end whoever cancels.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.ExecuteActivity(Long(detached), syncSteps.FinishSync, end).Get(detached, nil); err != nil {
		return err
	}
	if end.Failure != "" {
		return temporal.NewNonRetryableApplicationError(end.Failure, "SyncFailed", nil)
	}
	return ctx.Err() // a cancelled workflow ends as such
}

func syncAll(ctx workflow.Context, in models.ProcessInput, end *activities.FinishSyncIn) error {
	reading := stageOptions(ctx)
	merging := LongTries(ctx, mergeAttempts)
	for range syncRounds {
		if err := workflow.ExecuteActivity(reading, syncSteps.StageSync, in).Get(ctx, nil); err != nil {
			return err
		}
		var plan activities.Planned
		if err := workflow.ExecuteActivity(merging, syncSteps.PlanSync, in).Get(ctx, &plan); err != nil || plan.DryRun {
			return err
		}
		if plan.Unstaged {
			continue
		}
		if plan.Confirm {
			confirmed, err := confirmSync(ctx, in)
			if err != nil {
				return err
			}
			if !confirmed {
				end.Failure = syncUnconfirmed
				return nil
			}
		}
		// Not into plan: what an answer leaves out would stay as it was there.
		var merged activities.Planned
		if err := workflow.ExecuteActivity(merging, syncSteps.MergeSync, in).Get(ctx, &merged); err != nil {
			return err
		}
		if !merged.Unstaged && !merged.Confirm {
			return nil
		}
	}
	end.Failure = syncUnstagedAlways
	return nil
}

// confirmSync waits until somebody confirms the deletions, at most some days.
func confirmSync(ctx workflow.Context, in models.ProcessInput) (confirmed bool, err error) {
	err = workflow.ExecuteActivity(Short(ctx), syncSteps.WaitSync, activities.WaitSyncIn{ProcessInput: in, Days: confirmDays}).Get(ctx, nil)
	if err != nil {
		return false, err
	}
	confirmed, _ = workflow.GetSignalChannel(ctx, models.SignalSyncConfirmed).ReceiveWithTimeout(ctx, confirmDays*24*time.Hour, nil)
	if err := ctx.Err(); err != nil || !confirmed {
		return false, err
	}
	return true, workflow.ExecuteActivity(Short(ctx), syncSteps.ResumeSync, in).Get(ctx, nil)
}

// stageOptions is LongTries for a system that may be away for a while.
func stageOptions(ctx workflow.Context) workflow.Context {
	o := workflow.GetActivityOptions(LongTries(ctx, stageAttempts))
	o.RetryPolicy.InitialInterval, o.RetryPolicy.MaximumInterval = 2*time.Second, stageLongest
	return workflow.WithActivityOptions(ctx, o)
}

// SyncSweep starts the runs that the schedules of connections ask for. A
// schedule starts it.
func SyncSweep(ctx workflow.Context) error {
	return workflow.ExecuteActivity(LongTries(ctx, 3), syncSteps.StartDueSyncs).Get(ctx, nil)
}
