package form_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/livecache"
	"quad/internal/people/form"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// world is an account with a default and another organization.
type world struct {
	*form.Service
	db                         *store.DB
	admin, orgAdmin, other, me context.Context
	public                     context.Context
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := &world{db: db}
	w.Service = w.replica(t)
	system := store.AsSystem(t.Context())
	require.NoError(t, db.Conn(system).Create(&models.Account{ID: 1, Name: "One", Status: models.StatusActive}).Error)
	for id, code := range map[int64]string{1: "home", 2: "other"} {
		require.NoError(t, db.Conn(system).Create(&models.Organization{
			ID: id, AccountID: 1, Name: code, Code: code, Status: models.StatusActive, IsDefault: id == 1,
		}).Error)
	}
	as := func(id, organization int64, role string) context.Context {
		return auth.WithPrincipal(t.Context(), auth.Principal{AccountID: 1, UserID: id, OrganizationID: organization, Door: "test", Roles: []string{role}})
	}
	w.admin, w.orgAdmin, w.other, w.me = as(1, 1, models.RoleAdmin), as(2, 1, models.RoleOrgAdmin), as(3, 2, models.RoleOrgAdmin), as(4, 2, models.RoleMentee)
	w.public = store.WithAccount(t.Context(), 1)
	return w
}

// replica is another process on the same database, which hears of changes.
func (w *world) replica(t *testing.T) *form.Service {
	t.Helper()
	live := livecache.NewWatcher(w.db)
	ctx, stop := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		live.Watch(ctx)
	}()
	t.Cleanup(func() { stop(); <-watched })
	require.Eventually(t, live.Listening, 30*time.Second, 10*time.Millisecond)
	s, err := form.New(form.Deps{DB: w.db, Live: live})
	require.NoError(t, err)
	return s
}

func input(formType, subType string) form.Input {
	return form.Input{Type: formType, SubType: subType, Data: []byte(`{"fields":{}}`)}
}

func TestWhoMayWriteForms(t *testing.T) {
	w := newWorld(t)
	f, err := w.Create(w.orgAdmin, input(" a ", "b"))
	require.NoError(t, err)
	require.Equal(t, "a", f.Type)
	require.EqualValues(t, 2, f.CreatedBy)
	_, err = w.Create(w.admin, input("a", "b"))
	require.ErrorIs(t, err, form.ErrExists)
	_, err = w.Create(w.me, input("a", "c"))
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Update(w.me, f.ID, input("a", "c"))
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Create(w.public, input("a", "c"))
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	_, err = w.Get(w.public, f.ID)
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	_, err = w.Update(w.other, f.ID, input("a", "b"))
	require.ErrorIs(t, err, form.ErrNotFound)
	got, err := w.Update(w.admin, f.ID, input("a", "c"))
	require.NoError(t, err)
	require.Equal(t, 1, got.Version)
	require.EqualValues(t, 1, got.UpdatedBy)
	require.EqualValues(t, 2, got.CreatedBy)
	found, err := w.Find(w.me, "a", "")
	require.NoError(t, err)
	require.Equal(t, f.ID, found.ID)
}

func TestWhatAFormIsMadeOf(t *testing.T) {
	w := newWorld(t)
	for name, in := range map[string]form.Input{
		"no type":     {SubType: "b", Data: []byte(`{}`)},
		"no sub type": {Type: "a", SubType: " ", Data: []byte(`{}`)},
		"long":        {Type: strings.Repeat("a", form.MaxName+1), SubType: "b", Data: []byte(`{}`)},
		"no text":     {Type: "a\x00", SubType: "b", Data: []byte(`{}`)},
		"no data":     {Type: "a", SubType: "b"},
		"a list":      {Type: "a", SubType: "b", Data: []byte(`[]`)},
		"broken":      {Type: "a", SubType: "b", Data: []byte(`{"a":`)},
		"large":       {Type: "a", SubType: "b", Data: []byte(`{"a":"` + strings.Repeat("x", form.MaxData) + `"}`)},
	} {
		_, err := w.Create(w.admin, in)
		require.Equal(t, models.KindInvalid, models.KindOf(err), name)
		_, err = w.Update(w.admin, 1, in)
		require.Equal(t, models.KindInvalid, models.KindOf(err), name)
	}
	versions, err := w.Versions(w.admin)
	require.NoError(t, err)
	require.Empty(t, versions)
}

func TestVersionsComeFromMemory(t *testing.T) {
	w := newWorld(t)
	second := w.replica(t)
	read := func(s *form.Service, ctx context.Context) []form.Version {
		v, err := s.Versions(ctx)
		require.NoError(t, err)
		return v
	}
	require.Empty(t, read(second, w.me))
	home, err := w.Create(w.admin, input("a", "b"))
	require.NoError(t, err)
	own, err := w.Create(w.other, input("a", "c"))
	require.NoError(t, err)
	both := []form.Version{{ID: home.ID, Type: "a"}, {ID: own.ID, Type: "a"}}
	require.Equal(t, both, read(w.Service, w.me))
	require.Equal(t, both[:1], read(w.Service, w.admin))
	require.Equal(t, both[:1], read(w.Service, w.public), "without a caller")
	require.Eventually(t, func() bool { return len(read(second, w.me)) == 2 }, 10*time.Second, 10*time.Millisecond, "another process")

	// From memory, once the word of the changes above has come back to this
	// process.
	require.Eventually(t, func() bool {
		before := w.db.Statements()
		for range 10 {
			read(w.Service, w.me)
			read(w.Service, w.public)
		}
		return w.db.Statements() == before
	}, 10*time.Second, 10*time.Millisecond)

	// A form that hides one of the default organization takes its place.
	hiding, err := w.Create(w.other, input("a", "b"))
	require.NoError(t, err)
	require.Equal(t, []form.Version{{ID: own.ID, Type: "a"}, {ID: hiding.ID, Type: "a"}}, read(w.Service, w.me))

	// A change that is rolled back is none.
	err = w.db.InTx(w.admin, func(ctx context.Context) error {
		if _, err := w.Update(ctx, home.ID, input("a", "b")); err != nil {
			return err
		}
		return context.Canceled
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 0, read(w.Service, w.admin)[0].Version)
}

func TestVersionsAreBounded(t *testing.T) {
	w := newWorld(t)
	_, err := w.db.Exec(store.AsSystem(t.Context()), `INSERT INTO forms (account_id, organization_id, type, sub_type, data, version, updated_at)
		SELECT 1, 1, 'type' || n, 's', '{}', n, now() + n * interval '1 second' FROM generate_series(1, 1000) n`, nil)
	require.NoError(t, err)
	own, err := w.Create(w.other, input("own", "s"))
	require.NoError(t, err)
	versions, err := w.Versions(w.admin)
	require.NoError(t, err)
	require.Len(t, versions, 100)
	require.Equal(t, "type901", versions[0].Type, "those that changed last")
	versions, err = w.Versions(w.me)
	require.NoError(t, err)
	require.Len(t, versions, 100)
	require.Contains(t, versions, form.Version{ID: own.ID, Type: "own"}, "own ones first")
}

func TestParallelUpdatesAllCount(t *testing.T) {
	w := newWorld(t)
	f, err := w.Create(w.admin, input("a", "b"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() { _, errs[i] = w.Update(w.admin, f.ID, input("a", "b")) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	got, err := w.Get(w.me, f.ID)
	require.NoError(t, err)
	require.Equal(t, 20, got.Version)
}

func TestStatementsOfForms(t *testing.T) {
	w := newWorld(t)
	f, err := w.Create(w.admin, input("a", "b"))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		most int64
		do   func() error
	}{
		"create": {3, func() error { _, err := w.Create(w.admin, input("a", "c")); return err }},
		"update": {3, func() error { _, err := w.Update(w.admin, f.ID, input("a", "b")); return err }},
		"get":    {1, func() error { _, err := w.Get(w.me, f.ID); return err }},
		"find":   {1, func() error { _, err := w.Find(w.me, "a", "b"); return err }},
	} {
		before := w.db.Statements()
		require.NoError(t, c.do(), name)
		require.LessOrEqual(t, w.db.Statements()-before, c.most, name)
	}
}
