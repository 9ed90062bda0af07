package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/process"
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

// SyncFailure is what ended a run, for people: a refusal, or what the learning
// system has failed with until the last attempt; false for what is neither.
func SyncFailure(err error) (string, bool) {
	if failed := process.DecodeError(err); failed != nil && source.Is(failed) {
		return failed.Text, true
	}
	return Refusal(err)
}

// StageSync reads the learning system.
func (a *LMSSync) StageSync(ctx context.Context, in models.ProcessInput) error {
	defer beating(ctx)()
	err := a.Integrations.StepStage(store.WithAccount(ctx, in.AccountID), in, func() { activity.RecordHeartbeat(ctx) })
	return classifyAfter(err, a.Integrations.RetryAfter(err, int(activity.GetInfo(ctx).Attempt)))
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
