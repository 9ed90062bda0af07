// Package requesttest gives tests of role requests a small world on a real
// database: two organizations with their people and roles, the services, and,
// where a test wants it, a worker on a real Temporal.
package requesttest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"quad/activities"
	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/people/rolerequest"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
	"quad/workflows"
)

// Ids of the account and of the organizations.
const (
	Account      int64 = 1
	Organization int64 = 10
	OtherOrg     int64 = 20
	Foreign      int64 = 2 // another account with an organization and an admin
)

// Ids of the people. All are ACTIVE.
const (
	Anu          int64 = 101 // mentee in Organization, who asks
	Ben          int64 = 102 // mentee in Organization
	AdminOne     int64 = 111 // org_admin of Organization
	AdminTwo     int64 = 112 // org_admin of Organization
	AccountAdmin int64 = 121 // admin, in OtherOrg
	OtherAdmin   int64 = 131 // org_admin of OtherOrg
	ForeignAdmin int64 = 901 // org_admin and admin in Foreign
)

// Ids of the roles.
const (
	Mentee         int64 = 1
	Mentor         int64 = 2
	SessionManager int64 = 3
	OrgAdmin       int64 = 4
	Admin          int64 = 5 // a system role
	Retired        int64 = 6 // INACTIVE
)

const people = `
INSERT INTO accounts (id, name, is_default) VALUES (1, 'Demo', true), (2, 'Foreign', false);
INSERT INTO organizations (id, account_id, name, code, is_default) VALUES (10, 1, 'School', 'school', true), (20, 1, 'Other', 'other', false), (90, 2, 'Abroad', 'abroad', true);
INSERT INTO roles (id, account_id, organization_id, title, label, user_type, status) VALUES
    (1, 1, 10, 'mentee', 'Mentee', 0, 'ACTIVE'), (2, 1, 10, 'mentor', 'Mentor', 0, 'ACTIVE'), (3, 1, 10, 'session_manager', '', 0, 'ACTIVE'),
    (4, 1, 10, 'org_admin', '', 0, 'ACTIVE'), (5, 1, 10, 'admin', '', 1, 'ACTIVE'), (6, 1, 10, 'retired', '', 0, 'INACTIVE'),
    (94, 2, 90, 'org_admin', '', 0, 'ACTIVE'), (95, 2, 90, 'admin', '', 1, 'ACTIVE');
INSERT INTO users (id, account_id, organization_id, email, name) VALUES
    (101, 1, 10, 'anu@school.test', 'Anu'), (102, 1, 10, 'ben@school.test', 'Ben'), (111, 1, 10, 'one@school.test', 'One'), (112, 1, 10, 'two@school.test', 'Two'),
    (121, 1, 20, 'root@demo.test', 'Root'), (131, 1, 20, 'other@demo.test', 'Other'), (901, 2, 90, 'far@abroad.test', 'Far');
INSERT INTO user_roles (account_id, user_id, role_id) VALUES (1, 101, 1), (1, 102, 1), (1, 111, 4), (1, 112, 4), (1, 121, 5), (1, 131, 4), (2, 901, 94), (2, 901, 95)`

// World is the services on a database of their own.
type World struct {
	t         testing.TB
	DB        *store.DB
	Processes *process.Service
	Notify    *notify.Service
	Requests  *rolerequest.Service
	shift     atomic.Int64
}

// Options say how the world differs from the default.
type Options struct {
	URL             string           // of the database; default: a new one
	Temporal        client.Client    // default: none, so nothing is started
	Now             func() time.Time // default: the time, moved by Shift
	DecisionTimeout time.Duration
	Settings        map[string]string // of the configuration
	// Redis and Mail are needed by a world that sends its mails.
	Redis redis.UniversalClient
	Mail  config.Mail
}

// New makes a world.
func New(t testing.TB, o Options) *World {
	t.Helper()
	if o.URL == "" {
		o.URL = testenv.Database(t)
	}
	db, err := store.Open(t.Context(), store.Options{URL: o.URL, MaxConns: 40})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	_, err = db.Exec(store.AsSystem(t.Context()), people, nil)
	require.NoError(t, err)
	return build(t, db, o)
}

func build(t testing.TB, db *store.DB, o Options) *World {
	t.Helper()
	if o.Settings == nil {
		o.Settings = map[string]string{}
	}
	cfg, err := config.FromMap(o.Settings)
	require.NoError(t, err)
	w := &World{t: t, DB: db}
	if o.Now == nil {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(w.shift.Load())) }
	}
	w.Processes = process.NewService(process.Deps{DB: db, Temporal: o.Temporal, DecisionTimeout: o.DecisionTimeout, Grace: 100 * time.Millisecond})
	w.Notify, err = notify.New(notify.Deps{DB: db, Redis: o.Redis, Mail: o.Mail, Grace: 100 * time.Millisecond})
	require.NoError(t, err)
	w.Requests, err = rolerequest.New(rolerequest.Deps{
		DB: db, Processes: w.Processes, Notify: w.Notify, Config: cfg.Roles, PublicURL: "https://hub.test", Now: o.Now, Grace: time.Nanosecond,
	})
	require.NoError(t, err)
	return w
}

// With is the same world seen by another replica.
func (w *World) With(o Options) *World { return build(w.t, w.DB, o) }

// Shift moves the services' clock.
func (w *World) Shift(d time.Duration) { w.shift.Add(int64(d)) }

// Dial connects to a namespace of the test's own.
func Dial(t testing.TB) client.Client {
	t.Helper()
	address, namespace := testenv.Temporal(t)
	c, err := process.NewClient(config.Temporal{Address: address, Namespace: namespace}, process.ClientOptions{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// Activities are those of the process.
func (w *World) Activities() *activities.OrgRoleRequest {
	return &activities.OrgRoleRequest{Requests: w.Requests}
}

// Work starts a worker for the process and gives what stops it.
func (w *World) Work(c client.Client) (stop func()) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		_, err := c.CheckHealth(w.t.Context(), &client.CheckHealthRequest{})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond, "Temporal does not answer")
	run := worker.New(c, models.QueueCore, worker.Options{})
	workflows.Register(run, models.QueueCore)
	activities.Register(run, activities.Set{OrgRoleRequest: w.Activities()})
	require.NoError(w.t, run.Start())
	var stopped atomic.Bool
	stop = func() {
		if !stopped.Swap(true) {
			run.Stop()
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// Deliver does what a worker does for the mails until the test ends.
func (w *World) Deliver(c redis.UniversalClient) {
	w.t.Helper()
	server := asynq.NewServerFromRedisClient(c, asynq.Config{
		Concurrency: 2, Queues: notify.QueueWeights, LogLevel: asynq.FatalLevel, TaskCheckInterval: 50 * time.Millisecond, ShutdownTimeout: 5 * time.Second,
	})
	require.NoError(w.t, server.Start(w.Notify))
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Notify.Dispatch(ctx)
	}()
	w.t.Cleanup(func() {
		stop()
		<-done
		server.Shutdown()
	})
}

// As is the context of a request that a person makes, with the roles held now.
func (w *World) As(user int64) context.Context {
	w.t.Helper()
	var u struct {
		AccountID, OrganizationID int64
		Name                      string
	}
	const who = `SELECT account_id, organization_id, name FROM users WHERE id = @id`
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &u, who, store.Args{"id": user}))
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: u.AccountID, UserID: user, OrganizationID: u.OrganizationID, Door: "native", Name: u.Name, Roles: w.Roles(user),
	})
}

// System is the context of the hub's own work in Account.
func (w *World) System() context.Context { return store.WithAccount(w.t.Context(), Account) }

// Roles are the titles of the roles that a person holds.
func (w *World) Roles(user int64) []string {
	w.t.Helper()
	var titles []string
	const held = `SELECT ro.title FROM user_roles ur JOIN roles ro ON ro.id = ur.role_id WHERE ur.user_id = @id ORDER BY ro.title`
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &titles, held, store.Args{"id": user}))
	return titles
}

// Ask makes a request.
func (w *World) Ask(user, role int64) models.RoleRequest {
	w.t.Helper()
	r, err := w.Requests.Ask(w.As(user), rolerequest.Ask{RoleID: role, FormData: json.RawMessage(`{"why": "teaching"}`)})
	require.NoError(w.t, err)
	return r
}

// Row reads a request as it is stored.
func (w *World) Row(id int64) models.RoleRequest {
	w.t.Helper()
	var r models.RoleRequest
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &r, `SELECT * FROM role_requests WHERE id = @id`, store.Args{"id": id}))
	require.NotZero(w.t, r.ID)
	return r
}

// Process reads the process of a request.
func (w *World) Process(r models.RoleRequest) models.Process {
	w.t.Helper()
	require.NotNil(w.t, r.ProcessID)
	p, err := w.Processes.Get(w.System(), *r.ProcessID)
	require.NoError(w.t, err)
	return p
}

// Decisions reads the decisions about a request, "<status> <state>".
func (w *World) Decisions(id int64) []string {
	w.t.Helper()
	var out []string
	const all = `SELECT status || ' ' || state FROM role_request_decisions WHERE role_request_id = @id ORDER BY id`
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &out, all, store.Args{"id": id}))
	return out
}

// Mails reads the outbox, "<template> <recipient>", oldest first.
func (w *World) Mails() []string {
	w.t.Helper()
	var out []string
	const all = `SELECT template || ' ' || recipient FROM notifications ORDER BY id`
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &out, all, nil))
	return out
}

// Count counts rows; text is SQL after "SELECT count(*) FROM".
func (w *World) Count(text string, args store.Args) int {
	w.t.Helper()
	var n int
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &n, `SELECT count(*) FROM `+text, args))
	return n
}

// Exec changes rows behind the services' back.
func (w *World) Exec(text string, args store.Args) {
	w.t.Helper()
	_, err := w.DB.Exec(store.AsSystem(w.t.Context()), text, args)
	require.NoError(w.t, err)
}

// Sweep does what a worker does every few seconds until a condition holds.
func (w *World) Sweep(until func() bool, what string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		// Failures are part of it: Temporal may be down or starting.
		_ = w.Processes.Sweep(w.t.Context())
		_ = w.Requests.Sweep(w.t.Context())
		return until()
	}, time.Minute, 50*time.Millisecond, what)
}

// Status waits until a request has a status.
func (w *World) Status(id int64, want models.RoleRequestStatus) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.Row(id).Status == want }, 30*time.Second, 20*time.Millisecond, fmt.Sprint("request never became ", want))
}
