package e2e

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// A worker that is killed again and again, while it reads a Moodle, while it
// merges what it has read, after the merge, and in the run of the next day,
// leaves what one leaves that was left alone.
func TestWorkerKilledDuringSync(t *testing.T) {
	t.Parallel()
	r := dice(t)
	moodle := site(t)
	w := newSyncWorld(t, nil)
	calm, killed := w.follow("calm", moodle.Settings, 0), w.follow("killed", moodle.Settings, 20)
	worker := start(t, w.Env, "worker", nil)
	calm.awaitEnd(calm.start(integration.Start{}), models.SyncCompleted)

	run := killed.start(integration.Start{})
	for _, from := range []int{1, 7} {
		killed.awaitRead(run, int64(from+r.IntN(5)))
		worker.restart()
	}
	points := r.Perm(len(mergePoints))[:2]
	slices.Sort(points)
	for _, point := range points {
		o := w.obstructTable(mergePoints[point])
		o.awaitStuck()
		worker.kill()
		o.clear()
		killed.requireUnmerged(run)
		worker.start()
	}
	// And once more when all is merged and the run has not heard of it.
	o := w.obstruct("the process", `SELECT FROM processes WHERE id = `+strconv.FormatInt(*run.ProcessID, 10)+` FOR UPDATE`)
	w.await("all is merged", func() bool {
		now, err := killed.look(run)
		return err == nil && now.MergedAt != nil
	})
	o.awaitStuck()
	worker.kill()
	o.clear()
	worker.start()
	require.GreaterOrEqual(t, killed.awaitEnd(run, models.SyncCompleted).Attempts, 3)
	killed.requireLike(calm)

	moodle.Mutate(t)
	calm.awaitEnd(calm.start(integration.Start{}), models.SyncCompleted)
	o = w.obstructTable(mergePoints[r.IntN(len(mergePoints))])
	run = killed.start(integration.Start{})
	o.awaitStuck()
	worker.kill()
	o.clear()
	killed.requireUnmerged(run)
	worker.start()
	killed.awaitEnd(run, models.SyncCompleted)
	killed.requireLike(calm)
	worker.stop()
}

// requireUnmerged asserts that nothing of a run that was disturbed is seen.
func (f *follower) requireUnmerged(run models.SyncRun) {
	f.t.Helper()
	run, err := f.look(run)
	require.NoError(f.t, err)
	require.NotNil(f.t, run.StagedAt)
	require.Nil(f.t, run.MergedAt)
	require.Zero(f.t, f.count(`SELECT count(*) FROM sync_changes WHERE account_id = @account_id AND run_id = @run`, store.Args{"run": run.ID}))
}

// mergeOutage lets PostgreSQL die while a run is merged: what was staged is lost
// with it, so the run reads again, and all is as if nothing had been.
func (w *world) mergeOutage(postgres *testenv.Service) {
	w.t.Helper()
	r := dice(w.t)
	moodle := site(w.t)
	calm, struck := w.follow("calm", moodle.Settings, 0), w.follow("struck", moodle.Settings, 0)
	calm.awaitEnd(calm.start(integration.Start{}), models.SyncCompleted)
	o := w.obstructTable(mergePoints[r.IntN(len(mergePoints))])
	run := struck.start(integration.Start{})
	o.awaitStuck()
	struck.requireUnmerged(run)
	postgres.Kill()
	postgres.Start()
	require.GreaterOrEqual(w.t, struck.awaitEnd(run, models.SyncCompleted).Attempts, 2)
	struck.requireLike(calm)
}
