package integration_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/hub"
	"quad/internal/input"
	"quad/internal/integration"
	"quad/internal/store"
	"quad/models"
)

// with is the hub of a process with other settings beside.
func (w *world) with(settings map[string]string) *hub.Hub {
	w.t.Helper()
	all := maps.Clone(w.Settings)
	maps.Copy(all, settings)
	cfg, err := config.FromMap(all)
	require.NoError(w.t, err)
	h, err := hub.New(w.t.Context(), cfg, hub.Options{Role: "test", Version: "test"})
	require.NoError(w.t, err)
	w.t.Cleanup(h.Close)
	return h
}

// trail gives the actions of the audit events of a connection, with the reasons
// that there are, in their order.
func (w *world) trail(c integration.Connection) (out []string) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Query(w.Context(), &out, `SELECT concat_ws(': ', CASE actor_id WHEN @boss THEN 'boss' END, action, data ->> 'reason')
		FROM audit_events WHERE account_id = @account_id AND subject_type = 'connection' AND subject_id = @id ORDER BY id`,
		store.Args{"id": c.ID, "boss": w.boss.ID}))
	return out
}

// TestConfiguredConnectionThatIsLeft: taking the host out of the environment
// switches the connection off that the environment has made, and putting it
// back switches it on, unless somebody has decided otherwise.
func TestConfiguredConnectionThatIsLeft(t *testing.T) {
	w := newWorld(t, false, nil)
	set, out := w.with(map[string]string{"MIS_MOODLE_HOST": "127.0.0.1", "MIS_MOODLE_PORT": "1", "MIS_MOODLE_USER": "reader", "MIS_MOODLE_PASSWORD": password}), w.Hub
	ensure := func(h *hub.Hub) integration.Connection {
		t.Helper()
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			group.Go(func() { errs[i] = h.Integrations.EnsureConfigured(store.AsSystem(t.Context())) })
		}
		group.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		c, err := w.Integrations.Configured(w.ctx)
		require.NoError(t, err)
		return c
	}
	const left = "connection.paused: the environment names it no more: MIS_MOODLE_HOST is not set"
	c := ensure(set)
	require.Nil(t, c.PausedAt)
	_, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{ScheduleMinutes: input.To(30)})
	require.NoError(t, err)
	c = ensure(out)
	require.NotNil(t, c.PausedAt)
	_, err = w.Integrations.Run(w.ctx, c.ID, integration.Start{})
	require.ErrorIs(t, err, integration.ErrPaused)
	require.Equal(t, c, ensure(out), "once")
	c = ensure(set)
	require.Nil(t, c.PausedAt)
	require.True(t, c.NextRunAt.After(time.Now().Add(29*minute)), "its next turn is not in the past")
	require.Equal(t, []string{"connection.created", "boss: connection.updated", left, "connection.resumed: the environment names it again"}, w.trail(c))

	// Who pauses it decides, whether the environment names it then or not.
	pause := func() {
		t.Helper()
		_, err := w.Integrations.Pause(w.ctx, c.ID)
		require.NoError(t, err)
	}
	resume := func() {
		t.Helper()
		_, err := w.Integrations.Resume(w.ctx, c.ID)
		require.NoError(t, err)
	}
	pause()
	ensure(out)
	require.NotNil(t, ensure(set).PausedAt)
	resume()
	ensure(out)
	pause()
	require.NotNil(t, ensure(set).PausedAt)
	// So does who resumes it.
	resume()
	ensure(out)
	resume()
	require.Nil(t, ensure(out).PausedAt)
	require.Nil(t, ensure(set).PausedAt)
	require.NotNil(t, ensure(out).PausedAt, "the environment named it in between")
	ensure(set)

	// Under another name it is one of people, and there is a new one.
	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Name: ptr("Campus")})
	require.NoError(t, err)
	require.NotEqual(t, c.ID, ensure(set).ID)
	ensure(out)
	c, err = w.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Nil(t, c.PausedAt)

	// What people have made stays theirs.
	own := newWorld(t, false, nil)
	made := own.connect("Moodle", nowhere())
	require.NoError(t, own.Integrations.EnsureConfigured(store.AsSystem(t.Context())))
	same, err := own.Integrations.Configured(own.ctx)
	require.NoError(t, err)
	require.Equal(t, made.ID, same.ID)
	require.Nil(t, same.PausedAt)
}

// TestHistory: what is older than it is kept goes, little by little, and who
// follows the feed is told when something is missing.
func TestHistory(t *testing.T) {
	w := newWorld(t, false, map[string]string{"SYNC_HISTORY_DAYS": "30"})
	c, other := w.connect("Campus", nowhere()), w.connect("Other", nowhere())
	w.exec(`WITH load AS (INSERT INTO etl_runs (account_id, started_at)
			SELECT @account_id, now() - make_interval(days => n) FROM unnest(ARRAY[60, 45, 1]) n RETURNING id, started_at),
		loaded AS (INSERT INTO sync_runs (account_id, connection_id, trigger, state, etl_run_id, started_at, ended_at, merged_at)
			SELECT @account_id, @c, 'etl', 'completed', id, started_at, started_at, started_at FROM load ORDER BY started_at)
		INSERT INTO sync_runs (account_id, connection_id, state, started_at, ended_at, merged_at)
		SELECT @account_id, @other, CASE WHEN merged THEN 'completed' ELSE 'failed' END, at, at, CASE WHEN merged THEN at END
		FROM (SELECT now() - make_interval(days => 700 - n) AS at, n % 2 = 0 AND n < 600 AS merged FROM generate_series(1, 650) n ORDER BY n) r`,
		store.Args{"c": c.ID, "other": other.ID})
	w.exec(`INSERT INTO sync_run_tables (run_id, table_name, account_id) SELECT id, 'users', account_id FROM sync_runs WHERE account_id = @account_id`, nil)
	w.exec(`INSERT INTO sync_changes (account_id, connection_id, run_id, table_name, source_id, op, at)
		SELECT @account_id, CASE WHEN n % 10 = 0 THEN CAST(@other AS bigint) ELSE CAST(@c AS bigint) END, 1, 'users', n, 'updated', now() - make_interval(days => CASE WHEN n <= 12000 THEN 31 ELSE 29 END)
		FROM generate_series(1, 12100) n ORDER BY n`, store.Args{"c": c.ID, "other": other.ID})
	feed, _, err := w.Integrations.Changes(w.ctx, c.ID, 0, 12_100)
	require.NoError(t, err)
	require.Len(t, feed, 10_890)

	for range 2 { // the second time there is nothing left to do
		var group sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			group.Go(func() { _, errs[i] = w.Integrations.StartDue(t.Context()) })
		}
		group.Wait()
		require.Equal(t, make([]error, 3), errs)
	}
	runs, _, err := w.Integrations.Runs(w.ctx, other.ID, 0, 100)
	require.NoError(t, err)
	require.Len(t, runs, 2, "the newest, and the newest that brought something")
	require.Equal(t, []bool{false, true}, []bool{runs[0].MergedAt != nil, runs[1].MergedAt != nil})
	runs, _, err = w.Integrations.Runs(w.ctx, c.ID, 0, 100)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.EqualValues(t, 3, w.number(`SELECT count(*) FROM sync_run_tables WHERE account_id = @account_id`, nil))
	loads, err := w.Integrations.Loads(w.ctx, 10)
	require.NoError(t, err)
	require.Len(t, loads, 1)
	require.Len(t, loads[0].Runs, 1)

	kept, _, err := w.Integrations.Changes(w.ctx, c.ID, 0, 12_100)
	require.NoError(t, err)
	require.Equal(t, feed[10_800:], kept)
	last := feed[10_799].ID // the newest that is gone: who has seen it has missed nothing
	after, more, err := w.Integrations.Changes(w.ctx, c.ID, last, 89)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, kept[:89], after)
	for _, place := range []int64{feed[0].ID, last - 1} {
		_, _, err = w.Integrations.Changes(w.ctx, c.ID, place, 10)
		require.ErrorIs(t, err, integration.ErrChangesGone)
		require.Equal(t, models.KindConflict, models.KindOf(err))
	}
	require.EqualValues(t, 10, w.number(`SELECT count(*) FROM sync_changes WHERE account_id = @account_id AND connection_id = @other`, store.Args{"other": other.ID}))

	// Another setting keeps all.
	w.exec(`UPDATE sync_changes SET at = now() - interval '9 years' WHERE account_id = @account_id`, nil)
	_, err = w.with(map[string]string{"SYNC_HISTORY_DAYS": "0"}).Integrations.StartDue(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 100, w.number(`SELECT count(*) FROM sync_changes WHERE account_id = @account_id`, nil))
}

// TestTrail: the audit trail of a connection names who did what to it.
func TestTrail(t *testing.T) {
	w := newWorld(t, false, nil)
	c := w.connect("Campus", nowhere())
	ok := func(_ integration.Connection, err error) {
		t.Helper()
		require.NoError(t, err)
	}
	ok(w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: map[string]string{"host": "db.example.org", "password": password}}))
	ok(w.Integrations.Pause(w.ctx, c.ID))
	ok(w.Integrations.Resume(w.ctx, c.ID))
	run := w.run(c, integration.Start{Whole: true})
	require.ErrorIs(t, w.Integrations.Confirm(w.ctx, c.ID, run.ID), integration.ErrNotWaiting)
	w.exec(`UPDATE sync_runs SET state = 'waiting' WHERE account_id = @account_id`, nil)
	require.NoError(t, w.Integrations.Confirm(w.ctx, c.ID, run.ID))
	require.NoError(t, w.Integrations.Confirm(w.ctx, c.ID, run.ID), "told again, not done again")
	_, err := w.Integrations.Reset(w.ctx, c.ID)
	require.ErrorIs(t, err, integration.ErrRunning)
	_, err = w.Processes.Cancel(w.ctx, *run.ProcessID)
	require.NoError(t, err)
	require.NoError(t, w.Integrations.StepFinish(w.Context(), models.ProcessInput{AccountID: w.Account.ID, ProcessID: *run.ProcessID, SubjectID: run.ID}, integration.Ending{Cancelled: true}))
	ok(w.Integrations.Reset(w.ctx, c.ID))
	require.NoError(t, w.Integrations.Delete(w.ctx, c.ID))
	require.Equal(t, []string{
		"boss: connection.created", "boss: connection.updated", "boss: connection.paused", "boss: connection.resumed", "boss: connection.sync_started",
		"boss: connection.deletions_confirmed", "connection.synced", "boss: connection.reset", "boss: connection.deleted",
	}, w.trail(c))
	require.EqualValues(t, 3, w.number(`SELECT count(*) FROM audit_events WHERE account_id = @account_id AND subject_type = 'connection' AND process_id = @p
		AND (data ->> 'run')::bigint = @run`, store.Args{"p": *run.ProcessID, "run": run.ID}))
}
