package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/input"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/internal/process"
	"quad/models"
	"quad/worker"
)

// TestRunsOfAMoodle: a dry run tells and keeps nothing, the first run brings
// everything, the next one nothing, and a day later what changed.
func TestRunsOfAMoodle(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := newWorld(t, true, nil)
	c := w.connect("Campus", site.Settings)
	dry := w.until(w.run(c, integration.Start{DryRun: true}), models.SyncCompleted)
	told, _, _ := counts(dry)
	require.Positive(t, told)
	require.Zero(t, w.mirrored(c))
	require.Zero(t, w.staged(), "what was read for it is gone")
	require.Nil(t, dry.MergedAt)
	shown, err := w.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, models.ConnectionNew, shown.Status)
	require.Nil(t, shown.LastSyncAt)

	run := w.run(c, integration.Start{})
	first := w.until(run, models.SyncCompleted)
	brought, _, _ := counts(first)
	require.Equal(t, told, brought, "as the dry run told")
	require.Positive(t, w.mirrored(c))
	p := w.process(run)
	require.Equal(t, models.ProcessCompleted, p.State)
	var counters map[string]int64
	require.NoError(t, json.Unmarshal(p.Counters, &counters))
	require.Equal(t, brought, counters["inserted"])
	require.Equal(t, p.Total, p.Done)
	unseen(t, p)
	shown, err = w.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, models.ConnectionOK, shown.Status)
	require.NotNil(t, shown.LastSyncAt)
	require.ErrorIs(t, w.Integrations.Delete(w.ctx, c.ID), integration.ErrInUse)

	inserted, updated, deleted := counts(w.until(w.run(c, integration.Start{Whole: true}), models.SyncCompleted))
	require.Zero(t, inserted+updated+deleted)
	site.Mutate(t)
	inserted, updated, deleted = counts(w.until(w.run(c, integration.Start{}), models.SyncCompleted))
	require.Positive(t, inserted)
	require.Positive(t, updated)
	require.Positive(t, deleted)

	// Who follows the feed hears of all of it.
	var after, heard int64
	for more := true; more; {
		var changes []models.SyncChange
		changes, more, err = w.Integrations.Changes(w.ctx, c.ID, after, 1000)
		require.NoError(t, err)
		for _, change := range changes {
			require.Greater(t, change.ID, after)
			after = change.ID
		}
		heard += int64(len(changes))
	}
	require.Equal(t, brought+inserted+updated+deleted, heard)

	runs, next, err := w.Integrations.Runs(w.ctx, c.ID, 0, 2)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	older, end, err := w.Integrations.Runs(w.ctx, c.ID, next, 2)
	require.NoError(t, err)
	require.Equal(t, []int64{run.ID, dry.ID}, []int64{older[0].ID, older[1].ID})
	require.Zero(t, end)
}

// emptied takes more than a fifth of the users' enrolments away.
const emptied = `DELETE FROM mdl_user_enrolments WHERE id % 2 = 0`

// TestDeletionsAreConfirmed: a run that would delete much waits; confirmed it
// goes on, cancelled it leaves everything as it was.
func TestDeletionsAreConfirmed(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := newWorld(t, true, nil)
	c := w.connect("Campus", site.Settings)
	w.until(w.run(c, integration.Start{}), models.SyncCompleted)
	before := w.mirrored(c)
	site.Exec(t, emptied)

	run := w.run(c, integration.Start{})
	waits := w.until(run, models.SyncWaiting)
	require.Len(t, waits.Deletions, 1, "what waits is told")
	loss := waits.Deletions[0]
	require.Equal(t, source.Enrolments, loss.Table)
	require.InDelta(t, loss.Mirrored/2, loss.Deleted, 2)
	require.Zero(t, waits.Rows(), "and is not done")
	hubtest.Eventually(t, "the process waits", func() bool { return w.process(run).State == models.ProcessWaiting })
	require.Equal(t, before, w.mirrored(c))
	_, err := w.Integrations.Run(w.ctx, c.ID, integration.Start{})
	require.ErrorIs(t, err, integration.ErrRunning)
	last, err := w.Integrations.LastRuns(w.ctx, c)
	require.NoError(t, err)
	require.Equal(t, run.ID, last[c.ID].ID)
	require.NoError(t, w.Integrations.Cancel(w.ctx, c.ID, run.ID))
	cancelled := w.until(run, models.SyncCancelled)
	require.Equal(t, models.ProcessCancelled, w.process(run).State)
	require.Equal(t, waits.Planned, cancelled.Planned, "what it would have done stays known")
	require.Zero(t, cancelled.Rows())
	require.NoError(t, w.Integrations.Cancel(w.ctx, c.ID, run.ID), "again changes nothing")
	require.Equal(t, before, w.mirrored(c))
	require.Zero(t, w.staged(), "what was read is gone")
	require.ErrorIs(t, w.Integrations.Confirm(w.ctx, c.ID, run.ID), integration.ErrNotWaiting)

	run = w.run(c, integration.Start{})
	w.until(run, models.SyncWaiting)
	other := w.as(w.NewPerson(0, w.north.ID, "northadmin", models.RoleOrgAdmin), models.RoleOrgAdmin)
	require.ErrorIs(t, w.Integrations.Confirm(other, c.ID, run.ID), models.ErrForbidden)
	require.ErrorIs(t, w.Integrations.Cancel(other, c.ID, run.ID), models.ErrForbidden)
	bad := w.Processes.Decide(w.ctx, *run.ProcessID, process.Decision{Decision: "perhaps"})
	require.Equal(t, models.KindInvalid, models.KindOf(bad))
	require.NoError(t, w.Processes.Decide(w.ctx, *run.ProcessID, process.Decision{Decision: "confirm"}))
	done := w.until(run, models.SyncCompleted)
	require.Nil(t, done.Planned)
	_, _, deleted := counts(done)
	require.Greater(t, deleted, int64(100))
	require.ErrorIs(t, w.Integrations.Cancel(w.ctx, c.ID, run.ID), process.ErrEnded)
	require.Less(t, w.mirrored(c), before)

	// A higher threshold asks nobody.
	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{DeletionPercent: ptr(100)})
	require.NoError(t, err)
	site.Exec(t, `DELETE FROM mdl_user_enrolments WHERE id % 4 = 1`)
	_, _, deleted = counts(w.until(w.run(c, integration.Start{}), models.SyncCompleted))
	require.Positive(t, deleted)
}

// TestRunsThatFail: a wrong password ends a run with its reason, and nothing
// came of it.
func TestRunsThatFail(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := newWorld(t, true, nil)
	wrong := maps.Clone(site.Settings)
	wrong["password"] = password
	c := w.connect("Campus", wrong)
	run := w.run(c, integration.Start{})
	failed := w.until(run, models.SyncFailed)
	require.Equal(t, source.ErrRefused.Text, *failed.Error)
	p := w.process(run)
	require.Equal(t, models.ProcessFailed, p.State)
	require.Equal(t, source.ErrRefused.Text, *p.Error)
	unseen(t, p)
	timeline, err := w.Processes.Timeline(w.ctx, p.ID, 0, 100)
	require.NoError(t, err)
	unseen(t, timeline)
	require.Zero(t, w.mirrored(c))
	shown, err := w.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, models.ConnectionFailing, shown.Status)

	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: source.Settings{"password": site.Settings["password"]}})
	require.NoError(t, err)
	again, err := w.Processes.Retry(w.ctx, p.ID)
	require.NoError(t, err)
	hubtest.Eventually(t, "the retry ends", func() bool {
		again, err = w.Processes.Get(w.ctx, again.ID)
		require.NoError(t, err)
		return again.State.Final()
	})
	require.Equal(t, models.ProcessCompleted, again.State, "%v", again.Error)
	shown, err = w.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, models.ConnectionOK, shown.Status)
	require.Nil(t, shown.LastError)
}

// TestSourceGoesAway: a line that breaks in the middle of reading is made again,
// and the run goes on where it was.
func TestSourceGoesAway(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := newWorld(t, true, nil)
	c := w.connect("Campus", site.Settings)
	_, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{PagesPerSecond: input.To(10)})
	require.NoError(t, err)
	run := w.run(c, integration.Start{})
	hubtest.Eventually(t, "something is read", func() bool { return w.staged() > 0 })
	require.Zero(t, w.mirrored(c), "nothing is seen before all is there")
	require.Positive(t, site.EndConnections(t))
	done := w.until(run, models.SyncCompleted)
	require.GreaterOrEqual(t, done.Attempts, 2)
	inserted, updated, deleted := counts(w.until(w.run(c, integration.Start{Whole: true}), models.SyncCompleted))
	require.Zero(t, inserted+updated+deleted, "the run brought everything")
}

// TestCancelWhileReading leaves nothing behind.
func TestCancelWhileReading(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := newWorld(t, true, nil)
	c := w.connect("Campus", site.Settings)
	_, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{PagesPerSecond: input.To(5)})
	require.NoError(t, err)
	run := w.run(c, integration.Start{})
	hubtest.Eventually(t, "something is read", func() bool { return w.staged() > 0 })
	_, err = w.Processes.Cancel(w.ctx, *run.ProcessID)
	require.NoError(t, err)
	w.until(run, models.SyncCancelled)
	require.Zero(t, w.mirrored(c))
	shown, err := w.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, models.ConnectionNew, shown.Status)
}

// TestProcessesOfConnections: the kind of process can be started by its input,
// by administrators.
func TestProcessesOfConnections(t *testing.T) {
	w := newWorld(t, false, nil)
	c := w.connect("Campus", nowhere())
	request := json.RawMessage(fmt.Sprintf(`{"connectionId":"%d","full":true}`, c.ID))
	p, err := w.Processes.Start(w.ctx, models.ProcessLMSSync, request, "key")
	require.NoError(t, err)
	unseen(t, p)
	again, err := w.Processes.Start(w.ctx, models.ProcessLMSSync, request, "key")
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID, "the same request gives the same process")
	_, err = w.Processes.Start(w.ctx, models.ProcessLMSSync, json.RawMessage(fmt.Sprintf(`{"connectionId":%d}`, c.ID)), "key")
	require.ErrorIs(t, err, process.ErrKeyReused)
	_, err = w.Processes.Start(w.ctx, models.ProcessLMSSync, request, "other key")
	require.ErrorIs(t, err, integration.ErrRunning)
	require.EqualValues(t, 1, w.number(`SELECT count(*) FROM sync_runs WHERE account_id = @account_id AND whole`, nil))
	for _, bad := range []string{`{}`, `{"connectionId":"x"}`, `{"connectionId":"-1"}`, `{"connectionId":"1","more":1}`, `[]`} {
		_, err := w.Processes.Start(w.ctx, models.ProcessLMSSync, json.RawMessage(bad), "")
		require.Equal(t, models.KindInvalid, models.KindOf(err), bad)
	}
	admin := w.as(w.NewPerson(0, w.north.ID, "northadmin", models.RoleOrgAdmin), models.RoleOrgAdmin)
	_, err = w.Processes.Start(admin, models.ProcessLMSSync, request, "")
	require.ErrorIs(t, err, models.ErrForbidden)

	stop := w.StartWorker(worker.Run)
	_, err = w.Processes.Cancel(w.ctx, p.ID)
	require.NoError(t, err)
	hubtest.Eventually(t, "the run ends", func() bool {
		return w.number(`SELECT count(*) FROM sync_runs WHERE account_id = @account_id AND state = 'cancelled'`, nil) == 1
	})
	stop()
}
