package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"quad/internal/hubtest"
	"quad/internal/integration"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodletest"
	"quad/models"
	"quad/worker"
	"quad/workflows"
)

// TestRecordLMSSync runs a connection on a real Temporal to its end, and to the
// question whether much may be deleted; replays these histories and that of the
// sweep, and records them when asked to.
func TestRecordLMSSync(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	hub := hubtest.New(t, hubtest.Options{Worker: worker.Run, Settings: map[string]string{"ALLOW_INTERNAL_HOSTS": "true"}})
	admin := hub.AdminContext(hub.NewPerson(0, 0, "admin", models.RoleAdmin))
	name := "Recorded"
	c, err := hub.Integrations.Create(admin, integration.Change{Name: &name, Kind: moodledb.Kind, Settings: site.Settings})
	require.NoError(t, err)
	reach := func(run models.SyncRun, state models.SyncState) {
		hubtest.Eventually(t, "the run is "+string(state), func() bool {
			d, err := hub.Integrations.RunOf(admin, c.ID, run.ID)
			require.NoError(t, err)
			return d.State == state
		})
	}
	ended := func(run models.SyncRun, as string) {
		p, err := hub.Processes.Get(admin, *run.ProcessID)
		require.NoError(t, err)
		w := hub.Temporal.GetWorkflow(t.Context(), p.WorkflowID, "")
		require.NoError(t, w.Get(t.Context(), nil))
		record(t, hub.Temporal, p.WorkflowID, w.GetRunID(), as)
	}
	run, err := hub.Integrations.Run(admin, c.ID, integration.Start{})
	require.NoError(t, err)
	reach(run, models.SyncCompleted)
	ended(run, "LMSSync-completed")

	site.Exec(t, `DELETE FROM mdl_user_enrolments WHERE id % 2 = 0`)
	run, err = hub.Integrations.Run(admin, c.ID, integration.Start{})
	require.NoError(t, err)
	reach(run, models.SyncWaiting)
	require.NoError(t, hub.Integrations.Confirm(admin, c.ID, run.ID))
	reach(run, models.SyncCompleted)
	ended(run, "LMSSync-confirmed")

	sweep, err := hub.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "sync-sweep-by-hand", TaskQueue: models.QueueBulk}, workflows.TypeSyncSweep)
	require.NoError(t, err)
	require.NoError(t, sweep.Get(t.Context(), nil))
	record(t, hub.Temporal, sweep.GetID(), sweep.GetRunID(), "SyncSweep-nothing-due")
}
