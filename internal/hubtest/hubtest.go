// Package hubtest runs a whole hub for tests, on the real services of testenv:
// database, Redis, Temporal, mail inbox, API on loopback and a worker.
package hubtest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/httpx"
	"quad/internal/hub"
	"quad/internal/inbox"
	"quad/internal/obs"
	"quad/internal/people"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// Options change what New runs. The zero value runs no API and no worker.
type Options struct {
	// App builds the API; tests of a door pass api.ForHub.
	App func(*hub.Hub) (*httpx.App, error)
	// Worker runs the worker until its context ends; tests pass worker.Run.
	Worker func(context.Context, *hub.Hub) error
	// Settings are environment variables on top of the test's own.
	Settings map[string]string
	// Clock is what time it is for the hub's rules; nil: the machine's.
	Clock clock.Clock
}

// Password is that of all people that the tests make.
const Password = "correct horse battery"

// Env is a running hub with a default account.
type Env struct {
	*hub.Hub
	Settings     map[string]string // the environment it runs with, for child processes
	URL          string            // of the API
	Inbox        *inbox.Server
	Account      models.Account
	Organization models.Organization // the default one

	t testing.TB
}

// New starts a hub and stops it when the test ends.
func New(t testing.TB, o Options) *Env {
	t.Helper()
	e := &Env{t: t, Inbox: testenv.SMTP(t)}
	e.Settings = Settings(t, e.Inbox)
	var listener net.Listener
	if o.App != nil {
		var err error
		listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		e.URL = "http://" + listener.Addr().String()
		e.Settings["PUBLIC_URL"] = e.URL
	}
	maps.Copy(e.Settings, o.Settings)
	cfg, err := config.FromMap(e.Settings)
	require.NoError(t, err)
	e.Hub, err = hub.New(t.Context(), cfg, hub.Options{Role: "test", Version: "test", Logger: logger(), Clock: o.Clock})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	e.Account, e.Organization, err = e.People.EnsureAccount(t.Context(), people.AccountSpec{
		Name: "Test", Default: true, OrganizationName: "Default", OrganizationCode: "default",
	})
	require.NoError(t, err)
	if o.App != nil {
		e.serve(o.App, listener)
	}
	if o.Worker != nil {
		e.StartWorker(o.Worker)
	}
	return e
}

// Settings is an environment with services of the test's own and limits that do
// not get in a test's way.
func Settings(t testing.TB, mails *inbox.Server) map[string]string {
	t.Helper()
	address, namespace := testenv.Temporal(t)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return map[string]string{
		"DATABASE_URL": testenv.Database(t), "REDIS_URL": testenv.Redis(t),
		"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace,
		"SMTP_URL":  "smtp+insecure://" + mails.SMTPAddr(),
		"QUAD_KEYS": base64.StdEncoding.EncodeToString(key), "QUAD_DATA": t.TempDir(),
		"AUTH_ADMIN_SECRET_CODE": "let me in", "AUTH_ARGON2_MEMORY": "64", "AUTH_ARGON2_TIME": "1",
		"RATE_PER_ADDRESS": "0", "RATE_AUTH_PER_ADDRESS": "0", "MIS_RATE_PER_USER": "0", "MIS_RATE_AUTH": "0", "AUTH_LOCK_AFTER": "1000",
		"WORKER_HEALTH_ADDR": "127.0.0.1:0", "SWEEP_INTERVAL": "200ms", "SWEEP_GRACE": "500ms", "MAIL_RETRY_BASE": "200ms",
	}
}

func logger() *slog.Logger {
	return obs.NewLogger(os.Stderr, obs.LogOptions{Level: slog.LevelError, Format: "text"})
}

func (e *Env) serve(build func(*hub.Hub) (*httpx.App, error), listener net.Listener) {
	app, err := build(e.Hub)
	require.NoError(e.t, err)
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(listener) }()
	watching, stopWatching := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		e.Live.Watch(watching)
	}()
	e.t.Cleanup(func() {
		stopWatching()
		<-watched
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := app.Shutdown(ctx); err != nil {
			e.t.Errorf("API did not stop: %v", err)
		}
		if err := <-ended; err != nil {
			e.t.Errorf("API: %v", err)
		}
	})
	// From then on caches keep what they have: statements can be counted.
	Eventually(e.t, "the caches to hear of changes", e.Live.Listening)
}

// StartWorker runs a worker beside the test; the returned function stops it
// gracefully and may be called more than once.
func (e *Env) StartWorker(run func(context.Context, *hub.Hub) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx, e.Hub); err != nil && !errors.Is(err, context.Canceled) {
			e.t.Errorf("worker: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	e.t.Cleanup(stop)
	return stop
}

// Context is bound to the test's account, for calls of the areas.
func (e *Env) Context() context.Context { return store.WithAccount(e.t.Context(), e.Account.ID) }

// NewAccount makes another account, to try isolation with.
func (e *Env) NewAccount(host string) (models.Account, models.Organization) {
	e.t.Helper()
	a, o, err := e.People.EnsureAccount(e.t.Context(), people.AccountSpec{Name: "Other " + host, Hosts: []string{host}})
	require.NoError(e.t, err)
	return a, o
}

// Person is a user that a test made.
type Person struct {
	models.User
	Email string
}

// NewPerson makes a user with Password in an organization of an account (zero:
// the test's own) who holds the roles named.
func (e *Env) NewPerson(accountID, organizationID int64, name string, roles ...string) Person {
	e.t.Helper()
	if accountID == 0 {
		accountID = e.Account.ID
	}
	if organizationID == 0 {
		organizationID = e.Organization.ID
	}
	email := fmt.Sprintf("%s@example.test", name)
	ctx := store.WithAccount(e.t.Context(), accountID)
	person, err := e.People.EnsureUser(ctx, people.NewUser{
		OrganizationID: organizationID, Name: name, Email: email, Password: Password, Roles: roles,
	})
	require.NoError(e.t, err)
	return Person{User: person.User, Email: email}
}

// Eventually waits until ok answers true, at most a generous time.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 60*time.Second, 50*time.Millisecond, what)
}

// NewOrganization adds an organization to the test's account.
func (e *Env) NewOrganization(name, code string) models.Organization {
	e.t.Helper()
	o, err := e.People.AddOrganization(e.Context(), people.OrganizationInput{Name: name, Code: code, Description: name})
	require.NoError(e.t, err)
	return o.Organization
}

// AdminContext acts as a person who holds the role admin.
func (e *Env) AdminContext(p Person) context.Context {
	return auth.WithPrincipal(e.t.Context(), auth.Principal{
		AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: []string{models.RoleAdmin},
	})
}
