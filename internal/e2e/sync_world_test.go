package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/integration"
	"quad/internal/integration/mirror/mirrortest"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodletest"
	"quad/internal/store"
	"quad/models"
)

// newSyncWorld is a world whose connections may lead to this machine and whose
// runs do not wait long for systems that fail.
func newSyncWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	all := map[string]string{"ALLOW_INTERNAL_HOSTS": "true", "SYNC_RETRY_LONGEST": "500ms", "SYNC_STATEMENT_TIMEOUT": "5s"}
	for name, value := range settings {
		all[name] = value
	}
	return newWorld(t, all)
}

// follower is an account with a connection to a learning system.
type follower struct {
	*world
	name       string
	ctx        context.Context // of its administrator
	connection int64
	runs       int // that were started
}

// follow makes an account with a connection. A slow one sends so many requests
// in a second, so that there is a middle of reading.
func (w *world) follow(name string, settings source.Settings, slow int) *follower {
	w.t.Helper()
	account, home := w.NewAccount(name + ".test")
	boss := w.NewPerson(account.ID, home.ID, "boss", models.RoleAdmin)
	f := &follower{world: w, name: name, ctx: w.as(boss, models.RoleAdmin)}
	change := integration.Change{Name: &name, Kind: moodledb.Kind, Settings: settings}
	if slow > 0 {
		change.PagesPerSecond = input.To(slow)
	}
	c, err := w.Integrations.Create(f.ctx, change)
	require.NoError(w.t, err)
	f.connection = c.ID
	return f
}

func (f *follower) start(in integration.Start) models.SyncRun {
	f.t.Helper()
	run, err := f.Integrations.Run(f.ctx, f.connection, in)
	require.NoError(f.t, err)
	f.runs++
	return run
}

// look reads a run. It may be asked while the database is down.
func (f *follower) look(run models.SyncRun) (models.SyncRun, error) {
	d, err := f.Integrations.RunOf(f.ctx, f.connection, run.ID)
	return d.SyncRun, err
}

// count counts rows of the account; 0 while the database is down.
func (f *follower) count(query string, args store.Args) (n int64) {
	if f.DB.Query(f.ctx, &n, query, args) != nil {
		return 0
	}
	return n
}

// awaitRead waits until a run has staged so many ranges of keys, and asserts
// that nothing of it is seen.
func (f *follower) awaitRead(run models.SyncRun, ranges int64) {
	f.t.Helper()
	f.await(fmt.Sprintf("%s has read %d ranges", f.name, ranges), func() bool {
		return f.count(`SELECT count(*) FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run`, store.Args{"run": run.ID}) >= ranges
	})
	run, err := f.look(run)
	require.NoError(f.t, err)
	require.Nil(f.t, run.StagedAt, "all was read before reading was disturbed")
	f.t.Logf("%s: reading is disturbed after %d ranges, attempt %d", f.name, ranges, run.Attempts)
}

// awaitEnd waits for the end of a run.
func (f *follower) awaitEnd(run models.SyncRun, state models.SyncState) models.SyncRun {
	f.t.Helper()
	var now models.SyncRun
	f.await("the run of "+f.name+" ends", func() bool {
		var err error
		now, err = f.look(run)
		return err == nil && now.EndedAt != nil
	})
	why := ""
	if now.Error != nil {
		why = *now.Error
	}
	require.Equal(f.t, state, now.State, why)
	f.await("its process ends", func() bool {
		p, err := f.Processes.Get(f.ctx, *now.ProcessID)
		return err == nil && p.State.Final()
	})
	return now
}

// awaitTries waits until reading has been tried so often since it last began.
func (f *follower) awaitTries(run models.SyncRun, tries int32) {
	f.t.Helper()
	p, err := f.Processes.Get(f.ctx, *run.ProcessID)
	require.NoError(f.t, err)
	f.await(fmt.Sprintf("%s has tried %d times", f.name, tries), func() bool {
		workflow, err := f.Temporal.DescribeWorkflowExecution(f.t.Context(), p.WorkflowID, "")
		if err != nil {
			return false
		}
		for _, activity := range workflow.GetPendingActivities() {
			if activity.GetAttempt() > tries {
				return true
			}
		}
		return false
	})
}

// brought is everything that the hub has of a connection.
func (f *follower) brought() map[string][]string {
	f.t.Helper()
	out := mirrortest.Mirror(f.ctx, f.t, f.DB, f.connection)
	for name, rows := range mirrortest.Shared(f.ctx, f.t, f.DB, f.connection) {
		out["shared "+name] = rows
	}
	out["feed"] = f.feed()
	return out
}

// requireBrought compares what the hub has of a connection.
func (f *follower) requireBrought(want map[string][]string) {
	f.t.Helper()
	got := f.brought()
	require.Len(f.t, got, len(want))
	for table, rows := range want {
		require.NotEmpty(f.t, rows, table)
		f.same(table, rows, got[table])
	}
}

// feed is what the feed says of a connection, from oldest to newest.
func (f *follower) feed() (changes []string) {
	f.t.Helper()
	after := int64(0)
	for more := true; more; {
		var page []models.SyncChange
		var err error
		page, more, err = f.Integrations.Changes(f.ctx, f.connection, after, 5_000)
		require.NoError(f.t, err)
		for _, c := range page {
			require.Greater(f.t, c.ID, after)
			after = c.ID
			changes = append(changes, fmt.Sprint(c.Table, " ", c.SourceID, " ", c.Op))
		}
	}
	return changes
}

// requireLike compares everything that a connection has brought with what one
// without disturbance has.
func (f *follower) requireLike(calm *follower) {
	f.t.Helper()
	f.requireBrought(calm.brought())
	for _, side := range []*follower{calm, f} {
		for what, query := range map[string]string{
			"runs":      `SELECT count(*) FROM sync_runs WHERE account_id = @account_id`,
			"processes": `SELECT count(*) FROM processes WHERE account_id = @account_id AND kind = 'lms-sync'`,
			"events":    `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'connection.synced'`,
		} {
			require.EqualValues(f.t, side.runs, side.count(query, nil), "%s of %s", what, side.name)
		}
		side.requireNothingStaged()
	}
}

// requireNothingStaged asserts that no run has left anything in staging.
func (f *follower) requireNothingStaged() {
	f.t.Helper()
	tables := []string{"lms_stage_marks", "sync_run_ranges"}
	for _, t := range source.Tables {
		tables = append(tables, "lms_stage_"+t.Name)
	}
	for _, table := range tables {
		var n int64
		require.NoError(f.t, f.DB.Query(f.ctx, &n, `SELECT count(*) FROM `+table+` WHERE account_id = @account_id`, nil))
		require.Zero(f.t, n, table)
	}
}

// obstacle is a lock on a table of the hub that stops whoever wants to write it.
type obstacle struct {
	w    *world
	what string
	conn *pgx.Conn
}

// obstruct locks a table, or what else a statement locks.
func (w *world) obstruct(what, lock string) *obstacle {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.Settings["DATABASE_URL"])
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, statement := range []string{"BEGIN", lock} {
		_, err = conn.Exec(ctx, statement)
		require.NoError(w.t, err)
	}
	return &obstacle{w: w, what: what, conn: conn}
}

func (w *world) obstructTable(table string) *obstacle {
	w.t.Helper()
	return w.obstruct(table, "LOCK TABLE "+table+" IN SHARE MODE")
}

// awaitStuck waits until somebody waits for the obstacle to go.
func (o *obstacle) awaitStuck() {
	o.w.t.Helper()
	pid := o.conn.PgConn().PID()
	o.w.await("somebody wants to write "+o.what, func() bool {
		var n int64
		err := o.w.DB.Query(store.AsSystem(o.w.t.Context()), &n, `SELECT count(*) FROM pg_stat_activity WHERE CAST(@pid AS int) = ANY (pg_blocking_pids(pid))`, store.Args{"pid": pid})
		return err == nil && n > 0
	})
	o.w.t.Logf("disturbed at %s", o.what)
}

// clear takes the obstacle away; its server may have died.
func (o *obstacle) clear() {
	o.w.t.Helper()
	_ = o.conn.Close(context.Background())
}

// mergePoints are tables that a merge writes, in its order: mirrors, then the
// tables that the hub shares.
var mergePoints = []string{
	"lms_users", "lms_enrolments", "lms_grades", "lms_quiz_attempts", "sync_changes", "lms_ranges",
	"users", "lms_people", "courses", "enrollments", "quiz_attempts", "assignment_submissions", "external_certificates",
}

// dice are random, and can be thrown again the same way.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // chance, not secrets
}

// site loads a Moodle on the MariaDB that tests share.
func site(t *testing.T) *moodletest.Site {
	t.Helper()
	return moodletest.Load(t, moodletest.MySQL, 1)
}
