package access_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/livecache"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/access"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// world is an account with a default and another organization, each with an
// admin, and a second account.
type world struct {
	*access.Service
	t      *testing.T
	db     *store.DB
	people *people.Service
	gone   *gone

	admin, otherAdmin, learner, foreign context.Context
	account                             models.Account
	home                                models.Organization
}

// gone remembers which roles ended.
type gone struct {
	sync.Mutex
	ids []int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, gone: &gone{}}
	var err error
	w.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 20})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	live := livecache.NewWatcher(w.db)
	watching, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		live.Watch(watching)
	}()
	t.Cleanup(func() { stop(); <-ended })
	require.Eventually(t, live.Listening, 10*time.Second, time.Millisecond)
	w.people, w.Service = w.services(live)

	w.account, w.home, err = w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "One", Default: true})
	require.NoError(t, err)
	here := store.WithAccount(t.Context(), w.account.ID)
	other, err := w.people.AddOrganization(here, people.OrganizationInput{Name: "Other", Code: "other", Description: "Other"})
	require.NoError(t, err)
	w.admin = w.person(here, w.home.ID, "admin", models.RoleAdmin)
	w.otherAdmin = w.person(here, other.ID, "otheradmin", models.RoleAdmin)
	w.learner = w.person(here, w.home.ID, "learner", models.RoleMentee)
	account, home, err := w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "Two", Hosts: []string{"two.test"}})
	require.NoError(t, err)
	w.foreign = w.person(store.WithAccount(t.Context(), account.ID), home.ID, "admin", models.RoleAdmin)
	return w
}

func (w *world) services(live *livecache.Watcher) (*people.Service, *access.Service) {
	cfg := config.Auth{
		AccessTTL: time.Hour, RefreshTTL: time.Hour, OTPTTL: time.Hour, OTPMaxAttempts: 5,
		PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1,
	}
	keys, err := auth.NewKeyring([]string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))})
	require.NoError(w.t, err)
	a, err := auth.New(auth.Deps{DB: w.db, Keys: keys, Config: cfg})
	require.NoError(w.t, err)
	mail, err := notify.New(notify.Deps{DB: w.db})
	require.NoError(w.t, err)
	p, err := people.New(people.Deps{DB: w.db, Auth: a, Mail: mail, Config: cfg, Live: live, PublicURL: "https://quad.test"})
	require.NoError(w.t, err)
	s, err := access.New(access.Deps{DB: w.db, Changed: p.PermissionsChanged, RolesGone: func(ctx context.Context, ids ...int64) error {
		require.True(w.t, store.HasTx(ctx), "in the transaction that ends the role")
		w.gone.Lock()
		defer w.gone.Unlock()
		w.gone.ids = append(w.gone.ids, ids...)
		return nil
	}})
	require.NoError(w.t, err)
	return p, s
}

// person makes a user and gives the context of their requests.
func (w *world) person(ctx context.Context, organizationID int64, name string, roles ...string) context.Context {
	w.t.Helper()
	p, err := w.people.EnsureUser(ctx, people.NewUser{
		OrganizationID: organizationID, Name: name, Email: name + "@mail.test", Password: "correct horse", Roles: roles,
	})
	require.NoError(w.t, err)
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: p.User.AccountID, UserID: p.User.ID, OrganizationID: p.User.OrganizationID, Door: "test", Roles: roles,
	})
}

// allowed asks the gate for a user who holds roles.
func (w *world) allowed(method, path string, roles ...string) bool {
	w.t.Helper()
	ok, err := w.people.Allowed(w.admin, auth.Principal{AccountID: w.account.ID, UserID: 1_000_000, Roles: roles}, method, path)
	require.NoError(w.t, err)
	return ok
}

// anybody asks the gate for a request without a token.
func (w *world) anybody(method, path string) bool {
	w.t.Helper()
	ok, err := w.people.Allowed(w.admin, auth.Principal{AccountID: w.account.ID}, method, path)
	require.NoError(w.t, err)
	return ok
}

func (w *world) role(title string, change ...func(*access.RoleInput)) models.Role {
	w.t.Helper()
	in := access.RoleInput{Title: title, Status: models.StatusActive, Visibility: "PUBLIC"}
	for _, c := range change {
		c(&in)
	}
	r, err := w.CreateRole(w.admin, in)
	require.NoError(w.t, err)
	return r
}

// permission makes one for GET on everything below a path of a module.
func (w *world) permission(code, module string) models.Permission {
	w.t.Helper()
	p, err := w.CreatePermission(w.admin, access.PermissionInput{Code: code, Module: module, Methods: []string{"GET"}, Path: "/user/v1/" + module + "/*"})
	require.NoError(w.t, err)
	return p
}

// shipped finds a role, module or permission that the account was given.
func (w *world) shipped(table, column, name string) int64 {
	w.t.Helper()
	var id int64
	require.NoError(w.t, w.db.Query(w.admin, &id, `SELECT id FROM `+table+` WHERE account_id = @account_id AND `+column+` = @name`, store.Args{"name": name}))
	require.NotZero(w.t, id, name)
	return id
}

func (w *world) count(text string, args store.Args) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(store.AsSystem(w.t.Context()), &n, text, args))
	return n
}

// audited counts the events of a subject.
func (w *world) audited(action string, id int64) int64 {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @id AND actor_id IS NOT NULL AND door = 'test'`,
		store.Args{"action": action, "id": id})
}

// race runs fn 50 times at once and counts the outcomes: nil errors and refusals.
func race(t *testing.T, refusal error, fn func(n int) error) (won, lost int) {
	t.Helper()
	errs := make([]error, 50)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for n := range errs {
		wg.Go(func() {
			<-start
			errs[n] = fn(n)
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, refusal)
		lost++
	}
	return won, lost
}

// rulesOf gives the broken rules of an invalid input, "field:rule".
func rulesOf(t *testing.T, err error) []string {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, models.KindInvalid, e.Kind, err)
	out := []string{}
	for _, f := range e.Fields {
		out = append(out, f.Field+":"+f.Rule)
	}
	return out
}
