package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"quad/internal/hubtest"
	"quad/internal/reporting"
	"quad/models"
	"quad/worker"
	"quad/workflows"
)

// TestRecordReportGeneration makes a report on a real Temporal, replays its
// history and that of the sweep, and records them when asked to.
func TestRecordReportGeneration(t *testing.T) {
	hub := hubtest.New(t, hubtest.Options{Worker: worker.Run})
	admin := hub.AdminContext(hub.NewPerson(0, 0, "admin", models.RoleAdmin))
	r, err := hub.Reports.Generate(admin, reporting.Request{Title: "Recorded", Type: models.ReportTrainingSummary})
	require.NoError(t, err)
	hubtest.Eventually(t, "the report is made", func() bool {
		var err error
		r, err = hub.Reports.Get(admin, r.ID)
		require.NoError(t, err)
		return r.Status == models.ReportCompleted
	})
	p, err := hub.Processes.Get(admin, *r.ProcessID)
	require.NoError(t, err)
	run := hub.Temporal.GetWorkflow(t.Context(), p.WorkflowID, "")
	require.NoError(t, run.Get(t.Context(), nil))
	record(t, hub.Temporal, p.WorkflowID, run.GetRunID(), "ReportGeneration-completed")

	sweep, err := hub.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "report-sweep-by-hand", TaskQueue: models.QueueBulk}, workflows.TypeReportSweep)
	require.NoError(t, err)
	require.NoError(t, sweep.Get(t.Context(), nil))
	record(t, hub.Temporal, sweep.GetID(), sweep.GetRunID(), "ReportSweep-nothing-due")
}
