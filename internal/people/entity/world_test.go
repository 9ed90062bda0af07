package entity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/livecache"
	"quad/internal/people/entity"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// The organizations of the world: the default one, another one of the account,
// and that of another account.
const (
	home      int64 = 1
	branch    int64 = 2
	elsewhere int64 = 3
)

// world is two accounts, and people of their organizations.
type world struct {
	*entity.Service
	t  *testing.T
	db *store.DB

	admin, homeAdmin, homeUser context.Context
	branchAdmin, branchUser    context.Context
	colleague                  context.Context // another user of the branch
	stranger                   context.Context // administers the other account
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := &world{t: t, db: db}
	w.Service = w.replica()
	system := store.AsSystem(t.Context())
	for _, id := range []int64{1, 2} {
		require.NoError(t, db.Conn(system).Create(&models.Account{ID: id, Name: "account", Status: models.StatusActive}).Error)
	}
	for _, o := range []models.Organization{
		{ID: home, AccountID: 1, Code: "home", IsDefault: true}, {ID: branch, AccountID: 1, Code: "branch"}, {ID: elsewhere, AccountID: 2, Code: "elsewhere", IsDefault: true},
	} {
		o.Name, o.Status = o.Code, models.StatusActive
		require.NoError(t, db.Conn(system).Create(&o).Error)
	}
	as := func(account, id, organization int64, roles ...string) context.Context {
		return auth.WithPrincipal(t.Context(), auth.Principal{AccountID: account, UserID: id, OrganizationID: organization, Door: "test", Roles: roles})
	}
	w.admin, w.homeAdmin, w.homeUser = as(1, 11, home, models.RoleAdmin), as(1, 12, home, models.RoleOrgAdmin), as(1, 13, home, models.RoleMentee)
	w.branchAdmin, w.branchUser = as(1, 21, branch, models.RoleOrgAdmin), as(1, 22, branch, models.RoleMentee)
	w.colleague = as(1, 23, branch, models.RoleMentor)
	w.stranger = as(2, 31, elsewhere, models.RoleOrgAdmin, models.RoleAdmin)
	return w
}

// replica is another process on the same database, which hears of changes.
func (w *world) replica() *entity.Service {
	w.t.Helper()
	live := livecache.NewWatcher(w.db)
	ctx, stop := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		live.Watch(ctx)
	}()
	w.t.Cleanup(func() { stop(); <-watched })
	require.Eventually(w.t, live.Listening, 30*time.Second, 10*time.Millisecond)
	s, err := entity.New(entity.Deps{DB: w.db, Live: live})
	require.NoError(w.t, err)
	return s
}

func ptr[T any](v T) *T { return &v }

// list makes a type of the caller's organization with entities.
func (w *world) list(ctx context.Context, value string, entities ...string) models.EntityType {
	w.t.Helper()
	t, err := w.CreateType(ctx, entity.TypeInput{Value: &value, Label: ptr("Label of " + value), AllowFiltering: ptr(true)})
	require.NoError(w.t, err)
	for _, e := range entities {
		w.add(ctx, t, e, "SYSTEM")
	}
	return t
}

func (w *world) add(ctx context.Context, t models.EntityType, value, kind string) models.Entity {
	w.t.Helper()
	e, err := w.Create(ctx, entity.Input{EntityTypeID: t.ID, Value: &value, Label: ptr("The " + value), Type: &kind})
	require.NoError(w.t, err)
	return e
}

// types reads the types of some values, "value@organization" → the values of
// their entities.
func (w *world) types(ctx context.Context, own bool, values ...string) map[string][]string {
	w.t.Helper()
	types, err := w.Types(ctx, entity.TypeFilter{Values: values, Own: own})
	if len(types) == 0 {
		require.ErrorIs(w.t, err, entity.ErrTypeNotFound)
		return map[string][]string{}
	}
	require.NoError(w.t, err)
	out := map[string][]string{}
	for _, t := range types {
		out[t.Value+"@"+names[t.OrganizationID]] = valuesOf(t.Entities)
	}
	return out
}

var names = map[int64]string{home: "home", branch: "branch", elsewhere: "elsewhere"}

func valuesOf(entities []models.Entity) []string {
	out := []string{}
	for _, e := range entities {
		out = append(out, e.Value)
	}
	return out
}

// page lists the values of a type.
func (w *world) page(ctx context.Context, t models.EntityType, search string) []string {
	w.t.Helper()
	entities, count, err := w.List(ctx, entity.Filter{EntityTypeID: t.ID, Search: search})
	require.NoError(w.t, err)
	require.EqualValues(w.t, len(entities), count)
	return valuesOf(entities)
}

func (w *world) exec(text string) {
	w.t.Helper()
	_, err := w.db.Exec(store.AsSystem(w.t.Context()), text, nil)
	require.NoError(w.t, err)
}
