package learning_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/learning"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// world is an account with sub-accounts, an administrator and a clock of its
// own, and a second account.
type world struct {
	*learning.Service
	t       *testing.T
	db      *store.DB
	now     time.Time
	mu      sync.Mutex
	gone    []int64 // courses that were deleted
	admin   context.Context
	learner context.Context
	foreign context.Context

	home, north, south, closed int64 // organizations: the default one, two sub-accounts, an INACTIVE one
}

// errNoSubAccount is what the one who finds sub-accounts says of others.
var errNoSubAccount = models.Refuse(models.KindNotFound, "organization.unknown", "there is no such sub-account")

var start = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start}
	var err error
	w.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 20})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	system := store.AsSystem(t.Context())
	account := func(name string) (id int64) {
		require.NoError(t, w.db.Query(system, &id, `INSERT INTO accounts (name) VALUES (@name) RETURNING id`, store.Args{"name": name}))
		return id
	}
	organization := func(account int64, name, status string, isDefault bool) (id int64) {
		require.NoError(t, w.db.Query(system, &id, `INSERT INTO organizations (account_id, name, code, status, is_default)
			VALUES (@account, @name, lower(@name), @status, @default) RETURNING id`,
			store.Args{"account": account, "name": name, "status": status, "default": isDefault}))
		return id
	}
	as := func(account, organization int64, roles ...string) context.Context {
		return auth.WithPrincipal(t.Context(), auth.Principal{AccountID: account, UserID: 1, OrganizationID: organization, Door: "test", Roles: roles})
	}
	one, two := account("One"), account("Two")
	w.home = organization(one, "Home", "ACTIVE", true)
	w.north = organization(one, "North", "ACTIVE", false)
	w.south = organization(one, "South", "ACTIVE", false)
	w.closed = organization(one, "Closed", "INACTIVE", false)
	w.admin, w.learner = as(one, w.home, models.RoleAdmin), as(one, w.home, models.RoleOrgAdmin)
	w.foreign = as(two, organization(two, "Home", "ACTIVE", true), models.RoleAdmin)
	w.Service, err = learning.New(learning.Deps{
		DB:         w.db,
		PublicURL:  "https://hub.test",
		Clock:      func() time.Time { return w.now },
		SubAccount: w.subAccount,
		CourseGone: func(ctx context.Context, id int64) error {
			if !store.HasTx(ctx) {
				return errors.New("not in the transaction that deletes the course")
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.gone = append(w.gone, id)
			return nil
		},
	})
	require.NoError(t, err)
	return w
}

// subAccount finds organizations of this world, as package people does.
func (w *world) subAccount(ctx context.Context, name string) (id int64, err error) {
	if !store.Storable(name) {
		return 0, errNoSubAccount
	}
	err = w.db.Query(ctx, &id, `SELECT id FROM organizations WHERE account_id = @account_id AND name = @name AND status = 'ACTIVE' AND NOT is_default`,
		store.Args{"name": name})
	if err == nil && id == 0 {
		err = errNoSubAccount
	}
	return id, err
}

// close deactivates an organization, or opens it again.
func (w *world) setStatus(organization int64, status models.Status) {
	w.t.Helper()
	_, err := w.db.Exec(w.admin, `UPDATE organizations SET status = @status WHERE account_id = @account_id AND id = @id`,
		store.Args{"id": organization, "status": status})
	require.NoError(w.t, err)
}

// channel makes a channel as a calling system does.
func (w *world) channel(identifier string, change ...func(*learning.ChannelChange)) learning.Course {
	w.t.Helper()
	in := learning.ChannelChange{Identifier: identifier, Name: to("Name of " + identifier), Type: to(models.CourseTypeCourse)}
	for _, c := range change {
		c(&in)
	}
	created, err := w.UpsertChannel(w.admin, in)
	require.NoError(w.t, err)
	require.True(w.t, created)
	return w.read(identifier)
}

func (w *world) read(identifier string) learning.Course {
	w.t.Helper()
	c, err := w.Channel(w.admin, ref.ByIdentifier(identifier))
	require.NoError(w.t, err)
	return c
}

func (w *world) count(text string, args store.Args) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(store.AsSystem(w.t.Context()), &n, text, args))
	return n
}

// audited counts the events of a course or what belongs to it.
func (w *world) audited(action string, id int64) int64 {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @id AND door = 'test'`,
		store.Args{"action": action, "id": id})
}

// statements counts what fn needs.
func (w *world) statements(fn func()) int64 {
	before := w.db.Statements()
	fn()
	return w.db.Statements() - before
}

// to points to a value.
func to[T any](v T) *T { return &v }

// atOnce runs fn so many times at once and gives the results in any order.
func atOnce[T any](n int, fn func(i int) T) []T {
	out := make([]T, n)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			out[i] = fn(i)
		})
	}
	close(begin)
	wg.Wait()
	return out
}

// rulesOf gives the broken rules of an invalid input, "field:rule", sorted.
func rulesOf(t *testing.T, err error) []string {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, models.KindInvalid, e.Kind, err)
	out := []string{}
	for _, f := range e.Fields {
		out = append(out, f.Field+":"+f.Rule)
	}
	slices.Sort(out)
	return out
}

// equal compares what was written with what is read: times by what they are,
// not by how they are kept.
func equal(t *testing.T, want, got any, what ...any) {
	t.Helper()
	require.Equal(t, plain(t, want), plain(t, got), what...)
}

func plain(t *testing.T, v any) string {
	t.Helper()
	copied := reflect.New(reflect.TypeOf(v)).Elem()
	copied.Set(reflect.ValueOf(v))
	inUTC(copied)
	out, err := json.MarshalIndent(copied.Interface(), "", " ")
	require.NoError(t, err)
	return string(out)
}

func inUTC(v reflect.Value) {
	switch at := v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(at.UTC()))
		return
	case *time.Time:
		if at != nil {
			utc := at.UTC()
			v.Set(reflect.ValueOf(&utc))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				inUTC(field)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			inUTC(v.Index(i))
		}
	}
}
