package integration_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// password is one that must not be seen anywhere.
const password = "hunter2-is-secret"

// world is a hub with a tenant and an administrator.
type world struct {
	*hubtest.Env
	t     *testing.T
	north models.Organization
	boss  hubtest.Person
	ctx   context.Context // of the boss
}

// newWorld may connect to this machine unless settings say otherwise. Only a
// working one has a worker.
func newWorld(t *testing.T, working bool, settings map[string]string) *world {
	t.Helper()
	o := hubtest.Options{Settings: map[string]string{"ALLOW_INTERNAL_HOSTS": "true"}}
	maps.Copy(o.Settings, settings)
	if working {
		o.Worker = worker.Run
	}
	w := &world{Env: hubtest.New(t, o), t: t}
	w.north = w.NewOrganization("North", "north")
	w.boss = w.NewPerson(0, 0, "boss", models.RoleAdmin)
	w.ctx = w.as(w.boss, models.RoleAdmin)
	return w
}

func (w *world) as(p hubtest.Person, role string) context.Context {
	return auth.WithPrincipal(w.Context(), auth.Principal{AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: []string{role}})
}

// nowhere are settings of a database that nobody serves.
func nowhere() source.Settings {
	return source.Settings{"engine": "postgres", "host": "127.0.0.1", "port": "1", "database": "moodle", "user": "reader", "password": password}
}

func (w *world) connect(name string, settings source.Settings) integration.Connection {
	w.t.Helper()
	c, err := w.Integrations.Create(w.ctx, integration.Change{Name: &name, Kind: moodledb.Kind, Settings: settings})
	require.NoError(w.t, err)
	return c
}

func (w *world) number(text string, args store.Args) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Query(w.Context(), &n, text, args))
	return n
}

func (w *world) exec(text string, args store.Args) {
	w.t.Helper()
	_, err := w.DB.Exec(w.Context(), text, args)
	require.NoError(w.t, err)
}

// run starts a run.
func (w *world) run(c integration.Connection, in integration.Start) models.SyncRun {
	w.t.Helper()
	run, err := w.Integrations.Run(w.ctx, c.ID, in)
	require.NoError(w.t, err)
	return run
}

// until waits until a run is in a state.
func (w *world) until(run models.SyncRun, state models.SyncState) integration.RunDetail {
	w.t.Helper()
	var d integration.RunDetail
	hubtest.Eventually(w.t, "the run is "+string(state), func() bool {
		var err error
		d, err = w.Integrations.RunOf(w.ctx, run.ConnectionID, run.ID)
		require.NoError(w.t, err)
		if d.State != state {
			require.Nil(w.t, d.EndedAt, "the run ended as %s: %v", d.State, d.Error)
		}
		return d.State == state
	})
	return d
}

// process is that of a run.
func (w *world) process(run models.SyncRun) models.Process {
	w.t.Helper()
	p, err := w.Processes.Get(w.ctx, *run.ProcessID)
	require.NoError(w.t, err)
	return p
}

// counts sums up what a run did.
func counts(d integration.RunDetail) (inserted, updated, deleted int64) {
	for _, t := range d.Tables {
		inserted, updated, deleted = inserted+t.Inserted, updated+t.Updated, deleted+t.Deleted
	}
	return inserted, updated, deleted
}

// mirrored counts the rows that the hub has from a connection.
func (w *world) mirrored(c integration.Connection) int64 {
	w.t.Helper()
	return w.number(`SELECT (SELECT count(*) FROM lms_users WHERE connection_id = @c AND account_id = @account_id)
		+ (SELECT count(*) FROM lms_enrolments WHERE connection_id = @c AND account_id = @account_id)
		+ (SELECT count(*) FROM lms_people WHERE connection_id = @c AND account_id = @account_id)`, store.Args{"c": c.ID})
}

// staged counts the rows that are read and not merged.
func (w *world) staged() int64 {
	w.t.Helper()
	return w.number(`SELECT count(*) FROM sync_run_ranges WHERE account_id = @account_id`, nil)
}

// ptr is the address of a value.
func ptr[T any](v T) *T { return &v }

// minute is the time of a schedule that is due again soon.
const minute = time.Minute
