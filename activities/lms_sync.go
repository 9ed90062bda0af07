package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/store"
	"quad/models"
)

// LMSSync is the steps of the process lms-sync. Each finds in the rows of the
// run how far it is, so a repeated step does nothing twice.
type LMSSync struct {
	Integrations *integration.Service
}

// Planned tells how a run goes on.
type Planned = integration.Planned

// FinishSyncIn names the process and says how its run ended.
type FinishSyncIn struct {
	models.ProcessInput
	integration.Ending
}

// WaitSyncIn names the process and says how long it waits.
type WaitSyncIn struct {
	models.ProcessInput
	Days int `json:"days"`
}

// StageSync reads the learning system. When that asks to be left alone for a
// while, the next attempt is then.
func (a *LMSSync) StageSync(ctx context.Context, in models.ProcessInput) error {
	defer beating(ctx)()
	err := a.Integrations.StepStage(store.WithAccount(ctx, in.AccountID), in, func() { activity.RecordHeartbeat(ctx) })
	var busy *source.BusyError
	if errors.As(err, &busy) && busy.After > 0 {
		return temporal.NewApplicationErrorWithOptions(busy.Error(), "SourceBusy", temporal.ApplicationErrorOptions{NextRetryDelay: busy.After})
	}
	return Classify(err)
}

// PlanSync tells what merging would do.
func (a *LMSSync) PlanSync(ctx context.Context, in models.ProcessInput) (Planned, error) {
	defer beating(ctx)()
	out, err := a.Integrations.StepPlan(store.WithAccount(ctx, in.AccountID), in)
	return out, Classify(err)
}

// WaitSync notes that somebody has to confirm the deletions.
func (a *LMSSync) WaitSync(ctx context.Context, in WaitSyncIn) error {
	until := activity.GetInfo(ctx).ScheduledTime.AddDate(0, 0, in.Days)
	return Classify(a.Integrations.StepWait(store.WithAccount(ctx, in.AccountID), in.ProcessInput, until))
}

// ResumeSync notes that the run goes on.
func (a *LMSSync) ResumeSync(ctx context.Context, in models.ProcessInput) error {
	return Classify(a.Integrations.StepGoOn(store.WithAccount(ctx, in.AccountID), in))
}

// MergeSync brings what was read into the hub.
func (a *LMSSync) MergeSync(ctx context.Context, in models.ProcessInput) (Planned, error) {
	defer beating(ctx)()
	out, err := a.Integrations.StepMerge(store.WithAccount(ctx, in.AccountID), in)
	return out, Classify(err)
}

// FinishSync ends the run.
func (a *LMSSync) FinishSync(ctx context.Context, in FinishSyncIn) error {
	defer beating(ctx)()
	return Classify(a.Integrations.StepFinish(store.WithAccount(ctx, in.AccountID), in.ProcessInput, in.Ending))
}

// StartDueSyncs starts the runs that schedules ask for, and gives their number.
func (a *LMSSync) StartDueSyncs(ctx context.Context) (int, error) {
	n, err := a.Integrations.StartDue(ctx)
	return n, Classify(err)
}
