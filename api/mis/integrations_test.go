package mis_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/input"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodletest"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// syncWorld may connect to this machine, on which the learning systems of tests
// are. Callers wait as long as they are told to.
func syncWorld(t *testing.T, wait string, working bool) *world {
	t.Helper()
	o := hubtest.Options{App: api.ForHub, Settings: map[string]string{"ALLOW_INTERNAL_HOSTS": "true", "MIS_SYNC_WAIT": wait}}
	if working {
		o.Worker = worker.Run
	}
	return buildWorld(t, o)
}

// connect makes a connection, of an organization if one is named.
func (w *world) connect(t *testing.T, name string, settings source.Settings, organizations ...int64) integration.Connection {
	t.Helper()
	in := integration.Change{Name: &name, Kind: moodledb.Kind, Settings: settings}
	if len(organizations) > 0 {
		in.OrganizationID = input.To(organizations[0])
	}
	c, err := w.Integrations.Create(w.AdminContext(w.root), in)
	require.NoError(t, err)
	return c
}

// nowhere are settings of a database that nobody serves.
func nowhere() source.Settings {
	return source.Settings{"engine": "postgres", "host": "127.0.0.1", "port": "1", "database": "moodle", "user": "reader", "password": "hunter2-secret"}
}

// TestIntegrations brings a Moodle in and shows what the door tells of it.
func TestIntegrations(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := syncWorld(t, "1m", true)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	require.Empty(t, list(t, root.Do(t, 200, "GET", "/mis/integrations", nil)))
	c := w.connect(t, "moodle", site.Settings)

	shown := list(t, north.Do(t, 200, "GET", "/mis/integrations", nil))
	require.Len(t, shown, 1)
	require.Equal(t, []any{"moodle", "Moodle LMS", "MOODLE", "disconnected", true, nil}, []any{
		shown[0]["id"], shown[0]["name"], shown[0]["type"], shown[0]["status"], shown[0]["enabled"], shown[0]["lastSync"],
	})
	config := shown[0]["config"].(object)
	require.Equal(t, site.Settings["host"], config["host"])
	require.Equal(t, site.Settings["database"], config["database"])
	require.Len(t, config, 3, "neither user nor password")

	require.Equal(t, object{"success": true, "message": "Connection successful"}, north.Do(t, 200, "POST", "/mis/integrations/moodle/test", nil).Map(t))
	require.Empty(t, list(t, root.Do(t, 200, "GET", "/mis/integrations/moodle/history", nil)))

	synced := root.Do(t, 200, "POST", "/mis/integrations/moodle/sync", nil).Map(t)
	require.Equal(t, "Sync completed", synced["message"])
	require.Equal(t, true, synced["success"])
	require.GreaterOrEqual(t, synced["rowsProcessed"], site.Truth().Count["rows_user_enrolments"])
	require.Positive(t, synced["durationMs"])
	kpis := root.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t)
	require.Positive(t, kpis["totalTrainees"])
	require.Positive(t, kpis["coursesCompleted"])

	shown = list(t, root.Do(t, 200, "GET", "/mis/integrations", nil))
	require.Equal(t, "connected", shown[0]["status"])
	require.NotNil(t, shown[0]["lastSync"])
	w.historyOfOneRun(t, root, site)

	// Again: nothing is new, the same rows were gone over.
	again := north.Do(t, 200, "POST", "/mis/integrations/"+idText(c.ID)+"/sync", nil).Map(t)
	require.Equal(t, true, again["success"])
	require.Equal(t, synced["rowsProcessed"], again["rowsProcessed"])
	require.Equal(t, kpis, root.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t))

	refusal := object{"success": false, "message": "Disconnect not supported for Moodle — update env vars to disable"}
	require.Equal(t, refusal, root.Do(t, 200, "POST", "/mis/integrations/moodle/disconnect", nil).Map(t))
	require.Equal(t, "connected", list(t, root.Do(t, 200, "GET", "/mis/integrations", nil))[0]["status"])

	// A load of everything is the same, under its own number.
	load := root.Do(t, 200, "POST", "/mis/etl/run", nil).Map(t)
	require.Equal(t, true, load["success"])
	require.Equal(t, synced["rowsProcessed"], load["rowsProcessed"])
	jobs := list(t, north.Do(t, 200, "GET", "/mis/etl/job-runs?limit=5", nil))
	require.Len(t, jobs, 1)
	require.Equal(t, []any{"completed", load["rowsProcessed"], []any{}}, []any{jobs[0]["status"], jobs[0]["rowsProcessed"], jobs[0]["errors"]})
	require.NotNil(t, jobs[0]["completedAt"])
	require.NotNil(t, jobs[0]["durationMs"])
}

// historyOfOneRun: an entry for each table, each with its own counter only.
func (w *world) historyOfOneRun(t *testing.T, c contracttest.Client, site *moodletest.Site) {
	t.Helper()
	entries := list(t, c.Do(t, 200, "GET", "/mis/integrations/moodle/history", nil))
	own := map[string]string{"mdl_user": "usersProcessed", "mdl_course": "coursesProcessed", "mdl_user_enrolments": "enrolmentsProcessed"}
	ids, tables := map[any]bool{}, map[string]bool{}
	for _, e := range entries {
		require.Equal(t, "completed", e["status"])
		require.NotNil(t, e["completedAt"])
		words := strings.Fields(e["message"].(string))
		table := words[len(words)-1]
		ids[e["id"]], tables[table] = true, true
		for _, counter := range own {
			require.Equal(t, counter == own[table], e[counter] != nil, "%s of %s", counter, table)
		}
	}
	require.Len(t, ids, len(entries), "each has its own number")
	require.Len(t, tables, len(entries), "one for each table")
	for table := range maps.Keys(own) {
		require.Contains(t, tables, table)
	}
	// The guest is not brought in.
	require.EqualValues(t, site.Truth().Count["rows_user"]-1, entries[0]["usersProcessed"])
}

// TestIntegrationsThatFail: what is wrong with a system is said, and is no
// failure of the call.
func TestIntegrationsThatFail(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := syncWorld(t, "1m", true)
	root := w.as(t, w.root)
	wrong := maps.Clone(site.Settings)
	wrong["password"] = "hunter2-secret"
	c := w.connect(t, "Campus", wrong)
	at := "/mis/integrations/" + idText(c.ID)
	const cause = "the learning system refuses the user name, password or token"
	require.Equal(t, object{"success": false, "message": "Connection failed: " + cause}, root.Do(t, 200, "POST", at+"/test", nil).Map(t))
	require.Equal(t, "disconnected", list(t, root.Do(t, 200, "GET", "/mis/integrations", nil))[0]["status"], "a test changes nothing")
	require.Equal(t, object{"success": false, "message": "Reconnect failed: " + cause}, root.Do(t, 200, "POST", at+"/reconnect", nil).Map(t))
	require.Equal(t, "error", list(t, root.Do(t, 200, "GET", "/mis/integrations", nil))[0]["status"])

	failed := root.Do(t, 200, "POST", at+"/sync", nil).Map(t)
	require.Equal(t, []any{false, "Sync failed: " + cause}, []any{failed["success"], failed["message"]})
	entries := list(t, root.Do(t, 200, "GET", at+"/history", nil))
	require.Len(t, entries, 1)
	require.Equal(t, []any{"failed", "Sync failed: " + cause}, []any{entries[0]["status"], entries[0]["message"]})
	load := root.Do(t, 200, "POST", "/mis/etl/run", nil).Map(t)
	require.Equal(t, false, load["success"])
	jobs := list(t, root.Do(t, 200, "GET", "/mis/etl/job-runs", nil))
	require.Equal(t, []any{"failed", []any{cause}}, []any{jobs[0]["status"], jobs[0]["errors"]})
	require.Zero(t, root.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t)["totalTrainees"])

	_, err := w.Integrations.Update(w.AdminContext(w.root), c.ID, integration.Change{Settings: source.Settings{"password": site.Settings["password"]}})
	require.NoError(t, err)
	require.Equal(t, object{"success": true, "message": "Reconnected successfully"}, root.Do(t, 200, "POST", at+"/reconnect", nil).Map(t))
	require.Equal(t, "connected", list(t, root.Do(t, 200, "GET", "/mis/integrations", nil))[0]["status"])
}

// TestIntegrationsOfOthers: there is nothing at the connections of others, and
// nothing for those who may not.
func TestIntegrationsOfOthers(t *testing.T) {
	w := syncWorld(t, "50ms", false)
	north := w.connect(t, "North's", nowhere(), w.north.ID)
	common := w.connect(t, "Common", nowhere())
	require.Len(t, list(t, w.as(t, w.tenantAdmin).Do(t, 200, "GET", "/mis/integrations", nil)), 2)
	require.Len(t, list(t, w.as(t, w.southAdmin).Do(t, 200, "GET", "/mis/integrations", nil)), 1)
	far := w.elsewhere(t, "far.example")
	require.Empty(t, list(t, far.Do(t, 200, "GET", "/mis/integrations", nil)))
	calls := []struct{ method, path string }{{"POST", "/test"}, {"POST", "/sync"}, {"GET", "/history"}, {"POST", "/disconnect"}, {"POST", "/reconnect"}}
	for _, call := range calls {
		for _, id := range []string{idText(north.ID), "999999", "moodle", "no-id"} {
			fails(t, w.as(t, w.southAdmin).Do(t, 404, call.method, "/mis/integrations/"+id+call.path, nil), "Integration not found")
		}
		fails(t, far.Do(t, 404, call.method, "/mis/integrations/"+idText(common.ID)+call.path, nil), "Integration not found")
		for _, p := range []hubtest.Person{w.manager, w.viewer, w.user} {
			w.as(t, p).Do(t, 403, call.method, "/mis/integrations/"+idText(common.ID)+call.path, nil)
		}
		w.anyone().Do(t, 401, call.method, "/mis/integrations/"+idText(common.ID)+call.path, nil)
	}
	for _, call := range []struct{ method, path string }{{"GET", "/mis/integrations"}, {"POST", "/mis/etl/run"}, {"GET", "/mis/etl/job-runs"}} {
		w.as(t, w.viewer).Do(t, 403, call.method, call.path, nil)
		w.anyone().Do(t, 401, call.method, call.path, nil)
	}
	// What of a load somebody may not see is hidden with all of it.
	root := w.as(t, w.root)
	require.Equal(t, true, root.Do(t, 200, "POST", "/mis/etl/run", nil).Map(t)["success"])
	require.Len(t, list(t, w.as(t, w.tenantAdmin).Do(t, 200, "GET", "/mis/etl/job-runs", nil)), 1)
	require.Empty(t, list(t, w.as(t, w.southAdmin).Do(t, 200, "GET", "/mis/etl/job-runs", nil)))
}

// TestSyncsThatGoOn: without a worker nothing ends, and an account runs one
// thing at a time.
func TestSyncsThatGoOn(t *testing.T) {
	w := syncWorld(t, "50ms", false)
	root := w.as(t, w.root)
	c, other := w.connect(t, "Campus", nowhere()), w.connect(t, "Other", nowhere())
	at := "/mis/integrations/" + idText(c.ID)
	begun := root.Do(t, 200, "POST", at+"/sync", nil).Map(t)
	require.Equal(t, []any{true, "Sync in progress", 0.0}, []any{begun["success"], begun["message"], begun["rowsProcessed"]})
	for _, path := range []string{at + "/sync", "/mis/integrations/" + idText(other.ID) + "/sync", "/mis/etl/run"} {
		fails(t, root.Do(t, 409, "POST", path, nil), "A synchronisation is already running")
	}
	entries := list(t, root.Do(t, 200, "GET", at+"/history", nil))
	require.Len(t, entries, 1)
	require.Equal(t, []any{"running", "Sync in progress", nil}, []any{entries[0]["status"], entries[0]["message"], entries[0]["completedAt"]})

	w.exec(t, `UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE ended_at IS NULL`, store.Args{})
	w.exec(t, `UPDATE processes SET state = 'cancelled', ended_at = now() WHERE ended_at IS NULL`, store.Args{})
	require.Equal(t, "Sync cancelled", list(t, root.Do(t, 200, "GET", at+"/history", nil))[0]["message"])

	load := root.Do(t, 200, "POST", "/mis/etl/run", nil).Map(t)
	require.Equal(t, true, load["success"])
	jobs := list(t, root.Do(t, 200, "GET", "/mis/etl/job-runs", nil))
	require.Equal(t, []any{"running", nil, nil}, []any{jobs[0]["status"], jobs[0]["completedAt"], jobs[0]["durationMs"]})
	require.EqualValues(t, 2, w.number(t, `SELECT count(*) FROM sync_runs WHERE account_id = @account_id AND ended_at IS NULL`, store.Args{}))
	fails(t, root.Do(t, 409, "POST", at+"/sync", nil), "A synchronisation is already running")

	w.exec(t, `UPDATE connections SET paused_at = now() WHERE id = @id`, store.Args{"id": other.ID})
	w.exec(t, `UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE ended_at IS NULL`, store.Args{})
	fails(t, root.Do(t, 409, "POST", "/mis/integrations/"+idText(other.ID)+"/sync", nil), "Integration is paused or switched off")
	require.Equal(t, models.ConnectionNew, c.Status)
}

// TestSyncsAtOnce: of many who ask, one begins.
func TestSyncsAtOnce(t *testing.T) {
	w := syncWorld(t, "50ms", false)
	c := w.connect(t, "Campus", nowhere())
	root := w.as(t, w.root)
	require.Equal(t, map[int]int{200: 1, 409: 19}, root.AtOnce(t, 20, "POST", "/mis/integrations/"+idText(c.ID)+"/sync", nil))
	w.exec(t, `UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE ended_at IS NULL`, store.Args{})
	w.exec(t, `UPDATE connections SET enabled = false`, store.Args{})
	w.connect(t, "Another", nowhere())
	require.Equal(t, map[int]int{200: 1, 409: 19}, root.AtOnce(t, 20, "POST", "/mis/etl/run", nil))
}

// TestStatementsOfIntegrations: lists are read with a few statements, however
// long they are.
func TestStatementsOfIntegrations(t *testing.T) {
	w := syncWorld(t, "50ms", false)
	c := w.connect(t, "Campus", nowhere())
	for _, name := range []string{"B", "C", "D"} {
		w.connect(t, name, nowhere())
	}
	w.exec(t, `INSERT INTO sync_runs (account_id, connection_id, state, ended_at) SELECT @account, @id, 'completed', now() FROM generate_series(1, 20)`,
		store.Args{"account": w.Account.ID, "id": c.ID})
	w.exec(t, `INSERT INTO sync_run_tables (run_id, table_name, account_id, inserted) SELECT id, 'users', account_id, 3 FROM sync_runs`, store.Args{})
	w.exec(t, `INSERT INTO etl_runs (account_id) SELECT @account FROM generate_series(1, 20)`, store.Args{"account": w.Account.ID})
	w.exec(t, `UPDATE sync_runs SET etl_run_id = (SELECT min(id) FROM etl_runs)`, store.Args{})
	for _, p := range []hubtest.Person{w.root, w.tenantAdmin} {
		who := w.as(t, p)
		who.Do(t, 200, "GET", "/mis/integrations", nil)
		me := w.statementsOf(func() { who.Do(t, 200, "GET", "/mis/integrations", nil) }) - 1
		require.LessOrEqual(t, me, int64(1))
		require.Equal(t, me+2, w.statementsOf(func() { who.Do(t, 200, "POST", "/mis/integrations/"+idText(c.ID)+"/disconnect", nil) })+1)
		require.Equal(t, me+4, w.statementsOf(func() { who.Do(t, 200, "GET", "/mis/integrations/"+idText(c.ID)+"/history", nil) }))
		require.Equal(t, me+3, w.statementsOf(func() { who.Do(t, 200, "GET", "/mis/etl/job-runs", nil) }))
	}
}
