package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"quad/internal/reporting"
	"quad/internal/store"
	"quad/models"
)

// ReportGeneration is the steps of the process report-generation. Each finds in
// the report's row what is there already, so a repeated step does nothing twice.
type ReportGeneration struct {
	Reports *reporting.Service
}

// FinishReportIn names the process and says how its report ended.
type FinishReportIn struct {
	models.ProcessInput
	reporting.Ending
}

// GatherReport reads the figures in one snapshot.
func (a *ReportGeneration) GatherReport(ctx context.Context, in models.ProcessInput) error {
	defer beating(ctx)()
	return Classify(a.Reports.Gather(store.WithAccount(ctx, in.AccountID), in, activity.GetInfo(ctx).Attempt))
}

// NarrateReport puts the figures into words.
func (a *ReportGeneration) NarrateReport(ctx context.Context, in models.ProcessInput) error {
	defer beating(ctx)()
	return Classify(a.Reports.Narrate(store.WithAccount(ctx, in.AccountID), in))
}

// RenderReport draws the files.
func (a *ReportGeneration) RenderReport(ctx context.Context, in models.ProcessInput) error {
	defer beating(ctx)()
	return Classify(a.Reports.Render(store.WithAccount(ctx, in.AccountID), in))
}

// FinishReport makes the report visible, or says why there is none.
func (a *ReportGeneration) FinishReport(ctx context.Context, in FinishReportIn) error {
	defer beating(ctx)()
	return Classify(a.Reports.Finish(store.WithAccount(ctx, in.AccountID), in.ProcessInput, in.Ending))
}

// SweepReports does what time asks for, in all accounts.
func (a *ReportGeneration) SweepReports(ctx context.Context) error {
	defer beating(ctx)()
	return Classify(a.Reports.Sweep(ctx))
}
