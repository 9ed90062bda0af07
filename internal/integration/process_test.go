package integration_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/input"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/models"
)

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
