package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"quad/activities"
	"quad/models"
)

// TypeCertificateSweep is the workflow type that the schedule of the same name
// starts.
const TypeCertificateSweep = "CertificateSweep"

// sweepAttempts of a step of CertificateExpiry, at most half a minute apart.
// What stays broken is the matter of the next sweep, an hour later.
const sweepAttempts = 12

// certificateSteps gives the activities their names; nothing is behind it here.
var certificateSteps *activities.CertificateExpiry

const sweepFailure = "An internal error stopped the sweep. What it has done stays done; the next one, within the hour, goes on. States that people see are right all the same."

// CertificateExpiry is one sweep of an account: what time has done to
// certificates is written down and told to those concerned. However many there
// are, it is one activity, run again only when its worker was stopped.
// Cancelling it ends the sweep before its next batch.
func CertificateExpiry(ctx workflow.Context, in models.ProcessInput) error {
	end := activities.FinishCertificateSweepIn{ProcessInput: in}
	err := sweepAll(ctx, in, &end)
	switch {
	case err == nil:
	case temporal.IsCanceledError(err):
		end.Cancelled = true
	default:
		end.Failure = sweepFailure
		if text, refused := activities.Refusal(err); refused {
			end.Failure = text
		}
	}
	// The process gets its end whoever cancels.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.ExecuteActivity(Long(detached), certificateSteps.FinishCertificateSweep, end).Get(detached, nil); err != nil {
		return err
	}
	if end.Failure != "" {
		return temporal.NewNonRetryableApplicationError(end.Failure, "CertificateSweepFailed", nil)
	}
	return ctx.Err() // a cancelled workflow ends as such
}

// sweepAll sweeps until nothing is due or somebody cancels.
func sweepAll(ctx workflow.Context, in models.ProcessInput, end *activities.FinishCertificateSweepIn) error {
	for {
		var swept activities.Swept
		err := workflow.ExecuteActivity(LongTries(ctx, sweepAttempts), certificateSteps.SweepCertificates, in).Get(ctx, &swept)
		end.Cancelled = swept.Cancelled
		if err != nil || !swept.More || swept.Cancelled {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// CertificateSweep starts a sweep for each account in which something is due. A
// schedule starts it; nothing that people read depends on it.
func CertificateSweep(ctx workflow.Context) error {
	return workflow.ExecuteActivity(LongTries(ctx, sweepAttempts), certificateSteps.StartCertificateSweeps).Get(ctx, nil)
}
