package integration_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/hub"
	"quad/internal/input"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// unseen asserts that a value does not show the password.
func unseen(t *testing.T, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	require.NotContains(t, string(text), password)
	require.NotContains(t, string(text), base64.StdEncoding.EncodeToString([]byte(password)))
}

func TestConnections(t *testing.T) {
	w := newWorld(t, false, nil)
	c := w.connect("Campus", nowhere())
	unseen(t, c)
	require.Equal(t, []string{"password"}, c.Secrets)
	require.NotContains(t, c.Values, "password")
	require.Equal(t, models.ConnectionNew, c.Status)
	require.True(t, c.Enabled)
	require.Nil(t, c.NextRunAt)

	_, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: source.Settings{"host": "127.0.0.2", "port": "2"}})
	require.Equal(t, []string{"settings.password"}, faults(t, err), "a password is not sent to others than those it was given for")
	changed, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{
		Name: ptr("Campus North"), OrganizationID: input.To(w.north.ID), ScheduleMinutes: input.To(60), PagesPerSecond: input.To(5), DeletionPercent: ptr(30),
		Settings: source.Settings{"host": "127.0.0.1", "prefix": "m_"},
	})
	require.NoError(t, err)
	unseen(t, changed)
	require.Equal(t, "m_", changed.Values["prefix"])
	require.Equal(t, []string{"password"}, changed.Secrets, "what is not named stays")
	require.NotNil(t, changed.NextRunAt)
	require.True(t, changed.NextRunAt.After(changed.UpdatedAt.Add(59*minute)))
	require.True(t, changed.NextRunAt.Before(changed.UpdatedAt.Add(67*minute)), "a tenth later at most")

	changed, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{
		ScheduleMinutes: input.Cleared[int](), Settings: source.Settings{"password": "", "prefix": ""},
	})
	require.NoError(t, err)
	require.Empty(t, changed.Secrets)
	require.NotContains(t, changed.Values, "prefix")
	require.Nil(t, changed.NextRunAt)
	require.Equal(t, 30, changed.DeletionPercent)

	paused, err := w.Integrations.Pause(w.ctx, c.ID)
	require.NoError(t, err)
	require.NotNil(t, paused.PausedAt)
	_, err = w.Integrations.Run(w.ctx, c.ID, integration.Start{})
	require.ErrorIs(t, err, integration.ErrPaused)
	resumed, err := w.Integrations.Resume(w.ctx, c.ID)
	require.NoError(t, err)
	require.Nil(t, resumed.PausedAt)

	run := w.run(c, integration.Start{})
	_, err = w.Integrations.Reset(w.ctx, c.ID)
	require.ErrorIs(t, err, integration.ErrRunning)
	require.ErrorIs(t, w.Integrations.Delete(w.ctx, c.ID), integration.ErrRunning)
	unseen(t, w.process(run))
	w.exec(`UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE account_id = @account_id`, nil)
	_, err = w.Integrations.Reset(w.ctx, c.ID)
	require.NoError(t, err)

	list, err := w.Integrations.List(w.ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	unseen(t, list)
	require.NoError(t, w.Integrations.Delete(w.ctx, c.ID))
	_, err = w.Integrations.Get(w.ctx, c.ID)
	require.ErrorIs(t, err, integration.ErrUnknown)
	require.ErrorIs(t, w.Integrations.Delete(w.ctx, c.ID), integration.ErrUnknown)

	// Every change is in the trail, and the trail holds no secret.
	var events []models.AuditEvent
	require.NoError(t, w.DB.Query(w.Context(), &events, `SELECT * FROM audit_events WHERE account_id = @account_id AND subject_type = 'connection' ORDER BY id`, nil))
	actions := make([]string, len(events))
	for i, e := range events {
		actions[i] = strings.TrimPrefix(e.Action, "connection.")
		require.NotContains(t, string(e.Data), password)
	}
	require.Equal(t, []string{"created", "updated", "updated", "paused", "resumed", "sync_started", "reset", "deleted"}, actions)
}

func TestConnectionsThatHaveBroughtSomethingStay(t *testing.T) {
	w := newWorld(t, false, nil)
	c := w.connect("Campus", nowhere())
	w.exec(`INSERT INTO sync_runs (account_id, connection_id, state, merged_at, ended_at) VALUES (@account_id, @id, 'completed', now(), now())`, store.Args{"id": c.ID})
	require.ErrorIs(t, w.Integrations.Delete(w.ctx, c.ID), integration.ErrInUse)
}

func TestBadConnections(t *testing.T) {
	w := newWorld(t, false, nil)
	good := func() integration.Change {
		return integration.Change{Name: ptr("Campus"), Kind: moodledb.Kind, Settings: nowhere()}
	}
	for name, spoil := range map[string]func(*integration.Change){
		"no name":       func(c *integration.Change) { c.Name = nil },
		"empty name":    func(c *integration.Change) { c.Name = ptr(" ") },
		"long name":     func(c *integration.Change) { c.Name = ptr(strings.Repeat("x", 101)) },
		"kind":          func(c *integration.Change) { c.Kind = "moodle-by-post" },
		"no host":       func(c *integration.Change) { delete(c.Settings, "host") },
		"host":          func(c *integration.Change) { c.Settings["host"] = "a b" },
		"engine":        func(c *integration.Change) { c.Settings["engine"] = "oracle" },
		"port":          func(c *integration.Change) { c.Settings["port"] = "ninety" },
		"unknown field": func(c *integration.Change) { c.Settings["pass"] = password },
		"NUL":           func(c *integration.Change) { c.Settings["user"] = "a\x00b" },
		"too long":      func(c *integration.Change) { c.Settings["password"] = strings.Repeat("x", 20_001) },
		"schedule":      func(c *integration.Change) { c.ScheduleMinutes = input.To(0) },
		"pages":         func(c *integration.Change) { c.PagesPerSecond = input.To(1001) },
		"deletions":     func(c *integration.Change) { c.DeletionPercent = ptr(101) },
	} {
		in := good()
		spoil(&in)
		_, err := w.Integrations.Create(w.ctx, in)
		require.Equal(t, models.KindInvalid, models.KindOf(err), "%s: %v", name, err)
		require.NotContains(t, err.Error(), password)
	}
	in := good()
	in.OrganizationID = input.To(int64(999_999))
	_, err := w.Integrations.Create(w.ctx, in)
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	require.Zero(t, w.number(`SELECT count(*) FROM connections WHERE account_id = @account_id`, nil))

	c := w.connect("Campus", nowhere())
	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: source.Settings{"host": ""}})
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	w.connect("Other", nowhere())
	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Name: ptr("OTHER")})
	require.ErrorIs(t, err, integration.ErrNameTaken)

	// Who administers a tenant may see and run, not change.
	admin := w.as(w.NewPerson(0, w.north.ID, "northadmin", models.RoleOrgAdmin), models.RoleOrgAdmin)
	_, err = w.Integrations.Get(admin, c.ID)
	require.NoError(t, err)
	_, err = w.Integrations.Create(admin, good())
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Integrations.Update(admin, c.ID, integration.Change{})
	require.ErrorIs(t, err, models.ErrForbidden)
	require.ErrorIs(t, w.Integrations.Delete(admin, c.ID), models.ErrForbidden)
	_, err = w.Integrations.Reset(admin, c.ID)
	require.ErrorIs(t, err, models.ErrForbidden)

	// What another account has does not exist.
	account, home := w.NewAccount("far.example")
	far := w.as(w.NewPerson(account.ID, home.ID, "far", models.RoleAdmin), models.RoleAdmin)
	far = store.WithAccount(far, account.ID)
	_, err = w.Integrations.Update(far, c.ID, integration.Change{})
	require.ErrorIs(t, err, integration.ErrUnknown)
	_, err = w.Integrations.Run(far, c.ID, integration.Start{})
	require.ErrorIs(t, err, integration.ErrUnknown)
}

// TestNamesAtOnce: of many connections of one name that are made at once, one is.
func TestNamesAtOnce(t *testing.T) {
	w := newWorld(t, false, nil)
	errs := make([]error, 10)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			_, errs[i] = w.Integrations.Create(w.ctx, integration.Change{Name: ptr("Campus"), Kind: moodledb.Kind, Settings: nowhere()})
		})
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		require.ErrorIs(t, err, integration.ErrNameTaken)
	}
	require.Equal(t, 1, made)
}

// TestStartsAtOnce: of many starts of a connection one begins a run.
func TestStartsAtOnce(t *testing.T) {
	w := newWorld(t, false, nil)
	c := w.connect("Campus", nowhere())
	errs := make([]error, 10)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = w.Integrations.Run(w.ctx, c.ID, integration.Start{}) })
	}
	group.Wait()
	begun := 0
	for _, err := range errs {
		if err == nil {
			begun++
			continue
		}
		require.ErrorIs(t, err, integration.ErrRunning)
	}
	require.Equal(t, 1, begun)
	require.EqualValues(t, 1, w.number(`SELECT count(*) FROM processes WHERE account_id = @account_id AND kind = 'lms-sync'`, nil))
}

// TestKeyRotation: secrets that were sealed with the key of yesterday are read
// as long as it is in the ring; new ones are sealed with the first key.
func TestKeyRotation(t *testing.T) {
	w := newWorld(t, false, nil)
	c := w.connect("Campus", nowhere())
	sealed := func() (text string) {
		require.NoError(t, w.DB.Query(w.Context(), &text, `SELECT encode(secrets, 'escape') FROM connections WHERE account_id = @account_id`, nil))
		return text
	}
	before := sealed()
	require.NotContains(t, before, password)
	next := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32))
	other := func(keys string) *hub.Hub {
		w.Settings["QUAD_KEYS"] = keys
		cfg, err := config.FromMap(w.Settings)
		require.NoError(t, err)
		h, err := hub.New(t.Context(), cfg, hub.Options{Role: "test", Version: "test"})
		require.NoError(t, err)
		t.Cleanup(h.Close)
		return h
	}
	old := w.Settings["QUAD_KEYS"]
	both := other(next + "," + old)
	shown, err := both.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"password"}, shown.Secrets)
	_, err = both.Integrations.StartDue(t.Context())
	require.NoError(t, err)
	again := sealed()
	require.NotEqual(t, before, again, "sealed anew with the newest key")
	_, err = both.Integrations.StartDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, again, sealed(), "once")
	only := other(next)
	shown, err = only.Integrations.Get(w.ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"password"}, shown.Secrets)
	_, err = w.Integrations.Get(w.ctx, c.ID)
	require.Error(t, err, "the old key alone opens nothing that the new one has sealed")
}

// TestInternalAddresses: without ALLOW_INTERNAL_HOSTS no connection leads into
// the hub's own network: not by its settings, nor when it is called.
func TestInternalAddresses(t *testing.T) {
	w := newWorld(t, false, map[string]string{"ALLOW_INTERNAL_HOSTS": "false"})
	settings := nowhere()
	settings["host"] = "db.example.org"
	c := w.connect("Outside", settings)
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST.", "::1", "10.0.0.1", "169.254.169.254"} {
		settings["host"] = host
		_, err := w.Integrations.Create(w.ctx, integration.Change{Name: ptr(host), Kind: moodledb.Kind, Settings: settings})
		require.Equal(t, []string{"settings.host"}, faults(t, err), host)
		_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: source.Settings{"host": host, "password": password}})
		require.Equal(t, []string{"settings.host"}, faults(t, err), host)

		// One that was made when it was allowed.
		w.exec(`UPDATE connections SET settings = jsonb_set(settings, '{host}', to_jsonb(CAST(@host AS text))) WHERE account_id = @account_id`, store.Args{"host": host})
		if host == "LOCALHOST." { // not every machine knows it
			continue
		}
		_, err = w.Integrations.Test(w.ctx, c.ID)
		require.ErrorIs(t, err, source.ErrForbiddenHost, host)
		require.Equal(t, "this address is not allowed for connections", integration.Cause(err))
	}
	_, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: source.Settings{"user": "other"}})
	require.NoError(t, err, "what leads nowhere else may change")
}

// faults names the fields that are wrong.
func faults(t *testing.T, err error) (names []string) {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	for _, f := range e.Fields {
		names = append(names, f.Field)
	}
	return names
}

// TestAllFaultsAreTold: an input that is wrong in many ways is told all of them,
// each once and without the values.
func TestAllFaultsAreTold(t *testing.T) {
	w := newWorld(t, false, nil)
	bad := source.Settings{"engine": "oracle", "host": "a b", "port": "ninety", "tls": "on", "pass": password, password + " ": "x"}
	_, err := w.Integrations.Create(w.ctx, integration.Change{Kind: moodledb.Kind, Settings: bad, ScheduleMinutes: input.To(-5)})
	require.ElementsMatch(t, []string{
		"name", "scheduleMinutes", "settings.engine", "settings.host", "settings.port", "settings.database", "settings.user", "settings.tls", "settings.pass", "settings",
	}, faults(t, err))
	var e *models.Error
	require.ErrorAs(t, err, &e)
	for _, f := range e.Fields {
		require.True(t, strings.HasPrefix(f.Text, f.Field), f.Text)
		require.NotContains(t, f.Text, password)
	}
	c := w.connect("Campus", nowhere())
	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Name: ptr(""), ScheduleMinutes: input.To(-5), Settings: bad})
	require.Contains(t, faults(t, err), "settings.port")
	require.Contains(t, faults(t, err), "name")
	_, err = w.Integrations.Create(w.ctx, integration.Change{Name: ptr("x"), Kind: "moodle-by-post"})
	require.Equal(t, []string{"kind"}, faults(t, err))
}

// TestConfiguredConnection: what the environment sets is there, changes with it,
// and is made once.
func TestConfiguredConnection(t *testing.T) {
	w := newWorld(t, false, map[string]string{
		"MIS_MOODLE_HOST": "127.0.0.1", "MIS_MOODLE_PORT": "1", "MIS_MOODLE_ENGINE": "postgres", "MIS_MOODLE_USER": "reader", "MIS_MOODLE_PASSWORD": password, "MIS_MOODLE_TENANT": "NORTH",
	})
	var group sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		group.Go(func() { errs[i] = w.Integrations.EnsureConfigured(store.AsSystem(t.Context())) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	c, err := w.Integrations.Configured(w.ctx)
	require.NoError(t, err)
	require.True(t, c.Configured())
	require.Equal(t, []string{"password"}, c.Secrets)
	require.Equal(t, w.north.ID, *c.OrganizationID)
	require.Equal(t, "127.0.0.1", c.Values["host"])
	updated := func() int64 {
		return w.number(`SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'connection.updated'`, nil)
	}
	require.Zero(t, updated())

	// What somebody changed by hand becomes again what the environment says.
	_, err = w.Integrations.Update(w.ctx, c.ID, integration.Change{Settings: source.Settings{"host": "db.example.org", "password": password, "language": "de"}, ScheduleMinutes: input.To(60)})
	require.NoError(t, err)
	require.NoError(t, w.Integrations.EnsureConfigured(store.AsSystem(t.Context())))
	c, err = w.Integrations.Configured(w.ctx)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", c.Values["host"])
	require.NotContains(t, c.Values, "language")
	require.Equal(t, 60, *c.ScheduleMinutes, "the environment says nothing of schedules")
	require.EqualValues(t, 2, updated())
	require.EqualValues(t, 1, w.number(`SELECT count(*) FROM connections WHERE account_id = @account_id`, nil))

	none := newWorld(t, false, nil)
	require.NoError(t, none.Integrations.EnsureConfigured(store.AsSystem(t.Context())))
	_, err = none.Integrations.Configured(none.ctx)
	require.ErrorIs(t, err, integration.ErrUnknown)
}

// TestSchedules: what is due is started once, and its next turn is later.
func TestSchedules(t *testing.T) {
	w := newWorld(t, false, nil)
	due, later, paused := w.connect("Due", nowhere()), w.connect("Later", nowhere()), w.connect("Paused", nowhere())
	for _, c := range []integration.Connection{due, later, paused} {
		_, err := w.Integrations.Update(w.ctx, c.ID, integration.Change{ScheduleMinutes: input.To(30)})
		require.NoError(t, err)
	}
	_, err := w.Integrations.Pause(w.ctx, paused.ID)
	require.NoError(t, err)
	w.exec(`UPDATE connections SET next_run_at = now() - interval '1 hour' WHERE account_id = @account_id AND id <> @later`, store.Args{"later": later.ID})

	started := make([]int, 4)
	errs := make([]error, len(started))
	var group sync.WaitGroup
	for i := range started {
		group.Go(func() { started[i], errs[i] = w.Integrations.StartDue(t.Context()) })
	}
	group.Wait()
	sum := 0
	for i := range started {
		require.NoError(t, errs[i])
		sum += started[i]
	}
	require.Equal(t, 1, sum)
	runs, _, err := w.Integrations.Runs(w.ctx, due.ID, 0, 10)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, models.SyncSchedule, runs[0].Trigger)
	c, err := w.Integrations.Get(w.ctx, due.ID)
	require.NoError(t, err)
	require.True(t, c.NextRunAt.After(runs[0].StartedAt.Add(29*minute)))

	// One that still runs gives its turn away.
	w.exec(`UPDATE connections SET next_run_at = now() - interval '1 hour' WHERE account_id = @account_id AND id = @id`, store.Args{"id": due.ID})
	n, err := w.Integrations.StartDue(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	require.EqualValues(t, 1, w.number(`SELECT count(*) FROM sync_runs WHERE account_id = @account_id`, nil))
}
