package native_test

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/native"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/hubtest"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

const (
	connections = "/hub/v1/connections"
	// hidden is a password that no answer may show.
	hidden = "hunter2-is-secret"
)

// internalHosts lets connections lead to this machine.
var internalHosts = map[string]string{"ALLOW_INTERNAL_HOSTS": "true"}

// campus is a connection to a database that nobody serves.
func campus(name string) object {
	return object{"kind": "moodle-db", "name": name, "settings": object{
		"engine": "postgres", "host": "127.0.0.1", "port": "1", "database": "moodle", "user": "reader", "password": hidden,
	}}
}

// unseen asserts that an answer shows no password, sealed or not.
func unseen(t *testing.T, a contracttest.Answer) contracttest.Answer {
	t.Helper()
	require.NotContains(t, string(a.Body), hidden)
	require.NotContains(t, string(a.Body), base64.StdEncoding.EncodeToString([]byte(hidden)))
	return a
}

func TestConnectionKinds(t *testing.T) {
	w := newWorld(t, nil)
	kinds := items(t, w.as(t, w.admin).Do(t, 200, "GET", "/hub/v1/connection-kinds", nil))
	require.Len(t, kinds, len(w.Integrations.Connectors()))
	fields := map[string]object{}
	for _, f := range kinds[0]["fields"].([]any) {
		fields[f.(object)["name"].(string)] = f.(object)
	}
	require.Equal(t, "moodle-db", kinds[0]["kind"])
	require.Equal(t, []any{true, false, nil}, []any{fields["password"]["secret"], fields["password"]["required"], fields["password"]["default"]})
	require.Equal(t, []any{true, []any{"mysql", "postgres"}}, []any{fields["engine"]["required"], fields["engine"]["words"]})
	require.Equal(t, "mdl_", fields["prefix"]["default"])
	require.NotEmpty(t, fields["host"]["text"])
	problem(t, w.as(t, w.orgAdmin).Do(t, 403, "GET", "/hub/v1/connection-kinds", nil), "forbidden")
}

func TestConnections(t *testing.T) {
	w := newWorld(t, internalHosts)
	admin := w.as(t, w.admin)
	made := unseen(t, admin.Do(t, 201, "POST", connections, campus("Campus")))
	at := connections + "/" + made.Text(t, "id")
	require.Equal(t, []any{"password"}, made.Map(t)["secrets"])
	require.Equal(t, "reader", made.Text(t, "settings.user"))
	require.Equal(t, made.Map(t), unseen(t, admin.Do(t, 200, "GET", at, nil)).Map(t))
	require.Equal(t, []any{"new", nil, nil, nil, 20.0, true, nil}, []any{
		made.Map(t)["status"], made.Map(t)["lastRun"], made.Map(t)["nextRunAt"], made.Map(t)["organizationId"], made.Map(t)["deletionPercent"],
		made.Map(t)["enabled"], made.Map(t)["environment"],
	})
	problem(t, admin.Do(t, 409, "POST", connections, campus("CAMPUS")), "connection.name_taken")

	elsewhere := object{"host": "127.0.0.2", "prefix": "m_"}
	require.Equal(t, []string{"settings.password"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"settings": elsewhere})), "a password is only sent where it was given for")
	elsewhere["password"] = hidden
	changed := unseen(t, admin.Do(t, 200, "PATCH", at, object{
		"name": "Campus North", "organizationId": w.other.ID, "scheduleMinutes": 60, "pagesPerSecond": 5, "deletionPercent": 30, "enabled": false,
		"settings": elsewhere,
	})).Map(t)
	require.Equal(t, []any{"password"}, changed["secrets"])
	require.Equal(t, object{"engine": "postgres", "host": "127.0.0.2", "port": "1", "database": "moodle", "user": "reader", "prefix": "m_"}, changed["settings"])
	require.Equal(t, []any{"Campus North", float64(w.other.ID), 60.0, 5.0, 30.0, false}, []any{
		changed["name"], changed["organizationId"], changed["scheduleMinutes"], changed["pagesPerSecond"], changed["deletionPercent"], changed["enabled"],
	})
	require.NotNil(t, changed["nextRunAt"])
	problem(t, admin.Do(t, 409, "POST", at+"/runs", object{}), "connection.paused")
	changed = admin.Do(t, 200, "PATCH", at, object{
		"organizationId": nil, "scheduleMinutes": nil, "pagesPerSecond": nil, "enabled": true, "settings": object{"password": nil, "prefix": ""},
	}).Map(t)
	require.Empty(t, changed["secrets"])
	require.NotContains(t, changed["settings"], "prefix")
	require.Equal(t, []any{nil, nil, nil, nil}, []any{changed["organizationId"], changed["scheduleMinutes"], changed["pagesPerSecond"], changed["nextRunAt"]})
	admin.Do(t, 200, "PATCH", at, object{"settings": object{"password": hidden}})

	bad := object{"engine": "oracle", "host": "a b", "port": "ninety", "pass": hidden}
	wrong := unseen(t, admin.Do(t, 422, "POST", connections, object{"kind": "moodle-db", "settings": bad, "scheduleMinutes": 0, "deletionPercent": 101}))
	all := []string{"name", "scheduleMinutes", "deletionPercent", "settings.engine", "settings.host", "settings.port", "settings.database", "settings.user", "settings.pass"}
	require.ElementsMatch(t, all, fields(t, wrong))
	require.ElementsMatch(t, []string{"settings.host", "pagesPerSecond"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"settings": object{"host": nil}, "pagesPerSecond": -1})))
	require.Equal(t, []string{"kind"}, fields(t, admin.Do(t, 422, "POST", connections, object{"kind": "moodle-by-post", "name": "x", "settings": object{}})))
	require.Equal(t, []string{"settings"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"settings": object{"port": 3306}})), "texts only")
	admin.Do(t, 400, "PATCH", at, "{")
	problem(t, admin.Do(t, 404, "PATCH", at, object{"organizationId": 999_999}), "organization.unknown")
	other := admin.Do(t, 201, "POST", connections, campus("Annex"))
	problem(t, admin.Do(t, 409, "PATCH", at, object{"name": "annex"}), "connection.name_taken")

	unreachable := admin.Do(t, 503, "POST", at+"/test", nil)
	problem(t, unreachable, "source.unreachable")
	require.Equal(t, source.ErrUnreachable.Text, unreachable.Text(t, "detail"))

	require.NotEmpty(t, admin.Do(t, 200, "POST", at+"/pause", nil).Text(t, "pausedAt"))
	problem(t, admin.Do(t, 409, "POST", at+"/runs", object{}), "connection.paused")
	require.Nil(t, admin.Do(t, 200, "POST", at+"/resume", nil).Map(t)["pausedAt"])

	// A start may be repeated, another one waits for the end.
	key := admin.With("Idempotency-Key", "start-1")
	run := key.Do(t, 202, "POST", at+"/runs", object{"full": true, "dryRun": true})
	require.Equal(t, []any{"manual", true, true, "running"}, []any{run.Map(t)["trigger"], run.Map(t)["full"], run.Map(t)["dryRun"], run.Map(t)["state"]})
	require.Equal(t, run.Map(t), key.Do(t, 200, "POST", at+"/runs", object{"full": true, "dryRun": true}).Map(t))
	problem(t, key.Do(t, 409, "POST", at+"/runs", object{"dryRun": true}), "process.idempotency_key_reused")
	problem(t, key.Do(t, 409, "POST", connections+"/"+other.Text(t, "id")+"/runs", object{"full": true, "dryRun": true}), "process.idempotency_key_reused")
	problem(t, admin.Do(t, 409, "POST", at+"/runs", object{}), "connection.running")
	require.Equal(t, map[int]int{202: 1, 409: 9}, admin.AtOnce(t, 10, "POST", connections+"/"+other.Text(t, "id")+"/runs", object{}))
	process := admin.Do(t, 200, "GET", "/hub/v1/processes/"+run.Text(t, "processId"), nil)
	require.Equal(t, "lms-sync", process.Text(t, "kind"))
	require.Equal(t, run.Text(t, "id"), admin.Do(t, 200, "GET", at, nil).Text(t, "lastRun.id"))
	problem(t, admin.Do(t, 409, "DELETE", at, nil), "connection.running")
	problem(t, admin.Do(t, 409, "POST", at+"/reset", nil), "connection.running")
	one := at + "/runs/" + run.Text(t, "id")
	problem(t, admin.Do(t, 409, "POST", one+"/confirm", nil), "sync_run.not_waiting")
	require.Equal(t, run.Text(t, "id"), admin.Do(t, 200, "POST", one+"/cancel", nil).Text(t, "id"))
	require.True(t, w.asked(t, run.Text(t, "processId")), "its process is asked to stop")
	_, err := w.DB.Exec(w.Context(), `UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE account_id = @account_id AND id = @id`, store.Args{"id": mustID(t, run.Text(t, "id"))})
	require.NoError(t, err) // as a worker does
	require.Equal(t, "cancelled", admin.Do(t, 200, "GET", one, nil).Text(t, "state"))
	problem(t, admin.Do(t, 404, "GET", connections+"/"+other.Text(t, "id")+"/runs/"+run.Text(t, "id"), nil), "sync_run.unknown")
	require.Nil(t, admin.Do(t, 200, "POST", at+"/reset", nil).Map(t)["error"])

	require.Equal(t, []string{other.Text(t, "id"), made.Text(t, "id")}, ids(t, unseen(t, admin.Do(t, 200, "GET", connections, nil))), "by name")
	admin.Do(t, 204, "DELETE", at, nil)
	admin.Do(t, 404, "DELETE", at, nil)
	for call, method := range map[string]string{"": "GET", "/test": "POST", "/pause": "POST", "/resume": "POST", "/reset": "POST", "/runs": "GET", "/changes": "GET"} {
		problem(t, admin.Do(t, 404, method, at+call, nil), "connection.unknown")
	}
	admin.Do(t, 404, "POST", at+"/runs", object{})
	admin.Do(t, 404, "POST", one+"/confirm", nil)
	admin.Do(t, 404, "POST", one+"/cancel", nil)
}

// asked tells whether a process was asked to stop.
func (w *world) asked(t *testing.T, process string) bool {
	t.Helper()
	p, err := w.Processes.Get(w.Context(), mustID(t, process))
	require.NoError(t, err)
	return p.CancelRequestedAt != nil
}

// TestConnectionsOfTheInside: without ALLOW_INTERNAL_HOSTS settings that lead
// into the hub's own network are refused at once.
func TestConnectionsOfTheInside(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	wrong := admin.Do(t, 422, "POST", connections, campus("Campus"))
	require.Equal(t, []string{"settings.host"}, fields(t, wrong))
	require.Contains(t, string(wrong.Body), "forbidden_host")
	outside := campus("Campus")
	outside["settings"].(object)["host"] = "db.example.org"
	at := connections + "/" + admin.Do(t, 201, "POST", connections, outside).Text(t, "id")
	require.Equal(t, []string{"settings.host"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"settings": object{"host": "169.254.169.254", "password": hidden}})))
	_, err := w.DB.Exec(w.Context(), `UPDATE connections SET settings = jsonb_set(settings, '{host}', '"127.0.0.1"') WHERE account_id = @account_id`, nil)
	require.NoError(t, err)
	problem(t, admin.Do(t, 422, "POST", at+"/test", nil), "source.forbidden_host")
}

// TestStatementsOfConnections: lists take as many statements for many rows as
// for one.
func TestStatementsOfConnections(t *testing.T) {
	w := newWorld(t, internalHosts)
	admin := w.as(t, w.admin)
	at := connections + "/" + admin.Do(t, 201, "POST", connections, campus("Campus")).Text(t, "id")
	for _, name := range []string{"B", "C", "D"} {
		admin.Do(t, 201, "POST", connections, campus(name))
	}
	exec := func(text string) {
		_, err := w.DB.Exec(w.Context(), text, nil)
		require.NoError(t, err)
	}
	exec(`INSERT INTO sync_runs (account_id, connection_id, state, ended_at) SELECT @account_id, id, 'completed', now() FROM connections, generate_series(1, 20)`)
	exec(`INSERT INTO sync_run_tables (run_id, table_name, account_id, inserted) SELECT id, 'users', account_id, 3 FROM sync_runs WHERE account_id = @account_id`)
	exec(`INSERT INTO sync_changes (account_id, connection_id, run_id, table_name, source_id, op, at)
		SELECT @account_id, (SELECT min(id) FROM connections), 1, 'users', n, 'inserted', now() FROM generate_series(1, 20) n`)
	run := ids(t, admin.Do(t, 200, "GET", at+"/runs", nil))[0]
	for _, c := range []struct {
		most int64
		at   string
	}{
		{0, "/hub/v1/connection-kinds"}, {2, connections}, {2, at}, {3, at + "/runs"}, {3, at + "/runs/" + run}, {2, at + "/changes"},
	} {
		before := w.DB.Statements()
		admin.Do(t, 200, "GET", c.at, nil)
		require.Equal(t, c.most+1, w.DB.Statements()-before, "%s, with one for who calls", c.at)
	}
	require.Len(t, walk(t, admin, at+"/runs?limit=7"), 20)
	admin.Do(t, 400, "GET", at+"/runs?limit=101", nil)
}

// changesAfter reads the feed of a connection from a place to where it ends now.
func changesAfter(t *testing.T, c contracttest.Client, at, cursor string) (changes []object, next string) {
	t.Helper()
	for {
		query := "?limit=100"
		if cursor != "" {
			query += "&cursor=" + cursor
		}
		page := c.Do(t, 200, "GET", at+"/changes"+query, nil)
		cursor = page.Text(t, "next")
		changes = append(changes, items(t, page)...)
		if page.Map(t)["more"] == false {
			return changes, cursor
		}
	}
}

// TestConnectionRuns connects a Moodle and follows it: a dry run, the first run,
// one that has to be confirmed, one that is cancelled, and the feed of it all.
func TestConnectionRuns(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := buildWorld(t, hubtest.Options{App: api.ForHub, Worker: worker.Run, Settings: internalHosts})
	admin := w.as(t, w.admin)
	settings := maps.Clone(site.Settings)
	settings["password"] = hidden
	at := connections + "/" + admin.Do(t, 201, "POST", connections, object{"kind": "moodle-db", "name": "Campus", "settings": settings}).Text(t, "id")
	problem(t, unseen(t, admin.Do(t, 422, "POST", at+"/test", nil)), "source.refused")
	admin.Do(t, 200, "PATCH", at, object{"settings": object{"password": site.Settings["password"]}})
	found := admin.Do(t, 200, "POST", at+"/test", nil).Map(t)
	require.Contains(t, found["product"], "Moodle")
	require.Contains(t, found["server"], "PostgreSQL")
	require.Contains(t, found["tables"], "users")

	start := func(body object) contracttest.Answer { return admin.Do(t, 202, "POST", at+"/runs", body) }
	until := func(run contracttest.Answer, state string) contracttest.Answer {
		t.Helper()
		one := at + "/runs/" + run.Text(t, "id")
		hubtest.Eventually(t, "the run is "+state, func() bool {
			run = admin.Do(t, 200, "GET", one, nil)
			require.False(t, run.Map(t)["endedAt"] != nil && run.Text(t, "state") != state, "%s", run.Body)
			return run.Text(t, "state") == state
		})
		return run
	}
	total := func(run contracttest.Answer, name string) float64 {
		return run.Map(t)["total"].(object)[name].(float64)
	}
	dry := until(start(object{"dryRun": true}), "completed")
	require.Positive(t, total(dry, "inserted"))
	require.Nil(t, dry.Map(t)["mergedAt"])
	require.Equal(t, "new", admin.Do(t, 200, "GET", at, nil).Text(t, "status"))

	first := until(start(object{}), "completed")
	require.Equal(t, total(dry, "inserted"), total(first, "inserted"), "as the dry run told")
	require.Positive(t, total(first, "skipped"))
	tables := map[string]object{}
	for _, table := range first.Map(t)["tables"].([]any) {
		tables[table.(object)["table"].(string)] = table.(object)
	}
	require.Equal(t, site.Truth().Count["rows_user"], tables["users"]["read"])
	guests := tables["users"]["skipped"].([]any)
	require.True(t, slices.ContainsFunc(guests, func(s any) bool {
		return s.(object)["reason"] == "guest_account" && s.(object)["count"] == 1.0 && len(s.(object)["samples"].([]any)) == 1
	}), "%v", guests)
	require.Equal(t, "ok", admin.Do(t, 200, "GET", at, nil).Text(t, "status"))
	changes, next := changesAfter(t, admin, at, "")
	require.Len(t, changes, int(total(first, "inserted")))

	// More than a fifth is gone: it waits, cancelled it is as it was.
	site.Exec(t, `DELETE FROM mdl_user_enrolments WHERE id % 2 = 0`)
	waiting := until(start(object{}), "waiting")
	deletions := waiting.Map(t)["deletions"].([]any)
	require.Len(t, deletions, 1)
	loss := deletions[0].(object)
	require.Equal(t, "enrolments", loss["table"])
	require.InDelta(t, loss["before"].(float64)/2, loss["deleted"], 2)
	require.Equal(t, loss["deleted"], total(waiting, "deleted"))
	one := at + "/runs/" + waiting.Text(t, "id")
	require.Equal(t, "waiting", admin.Do(t, 200, "GET", at, nil).Text(t, "lastRun.state"))
	admin.Do(t, 200, "POST", one+"/cancel", nil)
	cancelled := until(waiting, "cancelled")
	require.Empty(t, cancelled.Map(t)["deletions"])
	require.Equal(t, total(waiting, "deleted"), total(cancelled, "deleted"), "what it would have done stays known")
	problem(t, admin.Do(t, 409, "POST", one+"/confirm", nil), "sync_run.not_waiting")
	none, same := changesAfter(t, admin, at, next)
	require.Empty(t, none)
	require.Equal(t, next, same, "the feed stays where it is")

	waiting = until(start(object{}), "waiting")
	one = at + "/runs/" + waiting.Text(t, "id")
	require.EqualValues(t, w.admin.ID, admin.Do(t, 200, "POST", one+"/confirm", nil).Map(t)["confirmedBy"])
	done := until(waiting, "completed")
	require.Equal(t, loss["deleted"], total(done, "deleted"))
	require.Empty(t, done.Map(t)["deletions"])
	problem(t, admin.Do(t, 409, "POST", one+"/cancel", nil), "process.ended")
	gone, _ := changesAfter(t, admin, at, next)
	require.Len(t, gone, int(total(done, "inserted")+total(done, "updated")+total(done, "deleted")))
	deleted := 0
	for _, change := range gone {
		if change["table"] == "enrolments" && change["change"] == "deleted" {
			deleted++
		}
	}
	require.InDelta(t, loss["deleted"], deleted, 0)
	problem(t, admin.Do(t, 400, "GET", at+"/changes?cursor=x", nil), "bad_cursor")

	// A place that is not kept any more is told.
	_, err := w.DB.Exec(w.Context(), `UPDATE connections SET changes_from = (SELECT max(id) FROM sync_changes) WHERE account_id = @account_id`, nil)
	require.NoError(t, err)
	problem(t, admin.Do(t, 409, "GET", at+"/changes?cursor="+next, nil), "sync_changes.gone")

	require.Equal(t, []string{
		done.Text(t, "id"), cancelled.Text(t, "id"), first.Text(t, "id"), dry.Text(t, "id"),
	}, walk(t, admin, at+"/runs?limit=3"))
	problem(t, admin.Do(t, 409, "DELETE", at, nil), "connection.in_use")
	admin.Do(t, 200, "POST", at+"/reset", nil)
	again := until(start(object{}), "completed")
	require.Equal(t, total(again, "inserted"), total(first, "inserted")-total(done, "deleted")+total(done, "inserted"))
}

// connectionOperations are those of this file's tests.
func connectionOperations() []string {
	return slices.DeleteFunc(native.Operations(), func(id string) bool { return !strings.Contains(id, "Connection") })
}

// proof is the part of this door that the generated suites look at.
func proof() suite.Door {
	record := func(c suite.Cell, p *suite.Place) contracttest.Values {
		ctx := p.Context()
		var id, run int64
		settings := `{"engine": "postgres", "host": "127.0.0.1", "port": "1", "database": "moodle", "user": "reader"}`
		require.NoError(c.World.T, c.World.DB.Query(ctx, &id, `INSERT INTO connections (account_id, name, kind, settings) VALUES (@account_id, @name, 'moodle-db', CAST(@settings AS jsonb)) RETURNING id`,
			store.Args{"name": p.Mark + newName(), "settings": settings}))
		require.NoError(c.World.T, c.World.DB.Query(ctx, &run, `INSERT INTO sync_runs (account_id, connection_id, state, ended_at) VALUES (@account_id, @id, 'cancelled', now()) RETURNING id`,
			store.Args{"id": id}))
		return contracttest.Values{"path.id": id, "path.runId": run}
	}
	fixtures := map[string]suite.Fixture{}
	for _, id := range connectionOperations() {
		f := suite.Fixture{Reach: func(string) suite.Reach { return suite.OwnAccount }}
		if strings.Contains(contract.Operation(id).Path, "{id}") {
			f.Record = record
		}
		switch id {
		case "testConnection":
			f.Status = 503 // nobody is there
		case "confirmConnectionRun", "cancelConnectionRun":
			f.Status = 409 // it has ended
		case "createConnection":
			f.Values = func(suite.Cell) contracttest.Values {
				return contracttest.Values{"body.kind": "moodle-db", "body.name": newName(), "body.settings": campus("")["settings"]}
			}
		case "updateConnection":
			f.Values = func(suite.Cell) contracttest.Values {
				return contracttest.Values{"body.name": newName(), "body.settings": object{"user": "other"}, "body.organizationId": nil}
			}
		}
		fixtures[id] = f
	}
	refused := func(status int, code string) suite.Refusal { return suite.Refusal{Status: status, Text: code} }
	return suite.Door{
		Name: native.Name, Contract: contract, Served: connectionOperations(),
		Authorize: func(token string) (string, string) { return "Authorization", "Bearer " + token },
		Roles:     []string{models.RoleMentee, models.RoleOrgAdmin, models.RoleAdmin},
		Rules: suite.Rules{
			NoToken: refused(401, "Unauthorized"), BadToken: refused(401, "Unauthorized"), Expired: refused(401, "Unauthorized"),
			Ended: refused(401, "Unauthorized"), Inactive: refused(401, "Unauthorized"),
			Lacks: func(contracttest.Operation, string) suite.Refusal { return refused(403, "forbidden") },
		},
		Fixtures: fixtures, ErrorSchema: "Problem",
	}
}

func TestWhoMayCallConnections(t *testing.T) {
	suite.Matrix(t, hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: internalHosts}), proof())
}

func TestMalformedRequestsOfConnections(t *testing.T) {
	suite.Malformed(t, hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: internalHosts}), proof())
}
