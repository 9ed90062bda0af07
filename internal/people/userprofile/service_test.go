package userprofile_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/userprofile"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// world is two accounts with an admin each.
type world struct {
	*userprofile.Service
	t      *testing.T
	db     *store.DB
	people *people.Service

	admin, foreign, learner context.Context // of requests
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	w.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 20})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	cfg := config.Auth{
		AccessTTL: time.Hour, RefreshTTL: time.Hour, OTPTTL: time.Hour, OTPMaxAttempts: 5,
		PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1,
	}
	keys, err := auth.NewKeyring([]string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))})
	require.NoError(t, err)
	a, err := auth.New(auth.Deps{DB: w.db, Keys: keys, Config: cfg})
	require.NoError(t, err)
	mail, err := notify.New(notify.Deps{DB: w.db})
	require.NoError(t, err)
	w.people, err = people.New(people.Deps{DB: w.db, Auth: a, Mail: mail, Config: cfg, PublicURL: "https://quad.test"})
	require.NoError(t, err)
	w.Service, err = userprofile.New(userprofile.Deps{DB: w.db, People: w.people})
	require.NoError(t, err)
	account, _, err := w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "One", Default: true})
	require.NoError(t, err)
	here := store.WithAccount(t.Context(), account.ID)
	w.admin, w.learner = w.as(w.person(here, "admin"), models.RoleAdmin), w.as(w.person(here, "learner"))
	account, _, err = w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "Two", Hosts: []string{"two.test"}})
	require.NoError(t, err)
	w.foreign = w.as(w.person(store.WithAccount(t.Context(), account.ID), "foreign"), models.RoleAdmin)
	return w
}

// person makes a user whose identifier is the name.
func (w *world) person(ctx context.Context, name string) models.User {
	w.t.Helper()
	p, err := w.people.EnsureUser(ctx, people.NewUser{Name: name, Email: name + "@mail.test", Password: "correct horse"})
	require.NoError(w.t, err)
	_, err = w.db.Exec(ctx, `UPDATE users SET identifier = @name WHERE account_id = @account_id AND id = @id`, store.Args{"id": p.User.ID, "name": name})
	require.NoError(w.t, err)
	return p.User
}

// as is the context of a request by a person.
func (w *world) as(u models.User, roles ...string) context.Context {
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: u.AccountID, UserID: u.ID, OrganizationID: u.OrganizationID, Door: "test", Roles: roles,
	})
}

func (w *world) put(ctx context.Context, identifier, name string) {
	w.t.Helper()
	_, err := w.Upsert(ctx, identifier, &name)
	require.NoError(w.t, err)
}

func (w *world) audited(action string) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.admin, &n, `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = @action AND subject_type = 'user_profile'`,
		store.Args{"action": action}))
	return n
}

func id(identifier string) ref.Ref { return ref.ByIdentifier(identifier) }

func ptr[T any](v T) *T { return &v }

// of gives the identifiers of a person's profiles.
func (w *world) of(user string) []string {
	w.t.Helper()
	list, err := w.ListOf(w.admin, id(user))
	require.NoError(w.t, err)
	return identifiers(list)
}

func identifiers(list []models.UserProfile) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, p.Identifier)
	}
	return out
}

func TestProfilesAreMadeAndChanged(t *testing.T) {
	w := newWorld(t)
	created, err := w.Upsert(w.admin, "P", ptr(" Motorista "))
	require.NoError(t, err)
	require.True(t, created)
	for _, name := range []*string{nil, ptr("Motorista"), ptr("Motorista ")} {
		created, err = w.Upsert(w.admin, "P", name)
		require.NoError(t, err)
		require.False(t, created)
	}
	list, err := w.Get(w.admin, []string{"P"})
	require.NoError(t, err)
	require.Equal(t, "Motorista", list[0].Name)
	require.Equal(t, list[0].CreatedAt, list[0].UpdatedAt, "nothing has changed")
	w.put(w.admin, "P", "Conductor")
	changed, err := w.Get(w.admin, []string{"P"})
	require.NoError(t, err)
	require.True(t, changed[0].UpdatedAt.After(list[0].UpdatedAt))
	require.EqualValues(t, 1, w.audited("user_profile.created"))
	require.EqualValues(t, 1, w.audited("user_profile.updated"))

	long := strings.Repeat("ü", 256)
	for _, c := range []struct {
		identifier string
		name       *string
	}{
		{"", ptr("x")}, {long, ptr("x")}, {"a\x00", ptr("x")}, {"\xff", ptr("x")}, {"N", nil}, {"N", ptr(" ")}, {"N", ptr(long)}, {"N", ptr("a\nb")}, {"P", ptr("")},
	} {
		_, err := w.Upsert(w.admin, c.identifier, c.name)
		require.Equal(t, models.KindInvalid, models.KindOf(err), "%q", c.identifier)
	}
	created, err = w.Upsert(w.foreign, "P", ptr("Theirs"))
	require.NoError(t, err)
	require.True(t, created, "accounts are apart")
	list, err = w.Get(w.admin, []string{"P", "p"})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "Conductor", list[0].Name)
}

func TestOneOfManyMakesAProfile(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	made, failed := 0, []error{}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			created, err := w.Upsert(w.admin, "P", ptr("P"))
			mu.Lock()
			defer mu.Unlock()
			if created {
				made++
			}
			if err != nil {
				failed = append(failed, err)
			}
		})
	}
	wg.Wait()
	require.Empty(t, failed)
	require.Equal(t, 1, made)
}

func TestProfilesByIdentifiers(t *testing.T) {
	w := newWorld(t)
	for _, p := range []string{"A", "B", "C"} {
		w.put(w.admin, p, p)
	}
	list, err := w.Get(w.admin, []string{"C", "x", "A", "C", "", "\x00", "B"})
	require.NoError(t, err)
	require.Equal(t, []string{"C", "A", "B"}, identifiers(list), "in the order asked, each once")
	list, err = w.Get(w.admin, nil)
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = w.Get(w.admin, make([]string, userprofile.MaxAsked+1))
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	list, err = w.Get(w.foreign, []string{"A"})
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestPeopleHaveProfiles(t *testing.T) {
	w := newWorld(t)
	for _, p := range []string{"B", "A", "C"} {
		w.put(w.admin, p, p)
	}
	w.put(w.foreign, "A", "Theirs")
	anu := w.person(w.admin, "anu")
	require.Empty(t, w.of("anu"))
	for _, p := range []string{"A", "B", "A"} {
		require.NoError(t, w.Assign(w.admin, id(p), id("anu"), false))
	}
	require.Equal(t, []string{"B", "A"}, w.of("anu"), "by creation")
	require.EqualValues(t, 2, w.audited("user_profile.given"))
	require.NoError(t, w.Assign(w.admin, id("C"), ref.ByID(anu.ID), true))
	require.Equal(t, []string{"C"}, w.of("anu"))
	require.EqualValues(t, 2, w.audited("user_profile.taken"))
	for range 2 {
		require.NoError(t, w.Remove(w.admin, id("C"), id("anu")))
	}
	require.Empty(t, w.of("anu"))
	require.EqualValues(t, 3, w.audited("user_profile.taken"))

	for name, do := range map[string]func(ctx context.Context, p, u ref.Ref) error{
		"assign": func(ctx context.Context, p, u ref.Ref) error { return w.Assign(ctx, p, u, false) },
		"replace": func(ctx context.Context, p, u ref.Ref) error {
			return w.Assign(ctx, p, u, true)
		},
		"remove": w.Remove,
	} {
		for _, unknown := range []ref.Ref{id("nothing"), id("a"), id(""), id("\x00"), ref.ByID(1 << 40)} {
			require.ErrorIs(t, do(w.admin, unknown, id("anu")), userprofile.ErrUnknown, name)
			require.ErrorIs(t, do(w.admin, id("A"), unknown), people.ErrUserUnknown, name)
		}
		require.ErrorIs(t, do(w.foreign, id("B"), id("foreign")), userprofile.ErrUnknown, name)
		require.ErrorIs(t, do(w.foreign, id("A"), id("anu")), people.ErrUserUnknown, name)
	}
	for _, unknown := range []ref.Ref{id("nobody"), id(""), ref.ByID(1 << 40)} {
		_, err := w.ListOf(w.admin, unknown)
		require.ErrorIs(t, err, people.ErrUserUnknown)
	}
	_, err := w.ListOf(w.foreign, ref.ByID(anu.ID))
	require.ErrorIs(t, err, people.ErrUserUnknown)
}

// Of two who replace all profiles of a person at once, one comes last: the
// person has one profile, never none or two.
func TestReplacingAtOnce(t *testing.T) {
	w := newWorld(t)
	w.put(w.admin, "A", "A")
	w.put(w.admin, "B", "B")
	w.person(w.admin, "anu")
	for range 5 {
		errs := make(chan error, 20)
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() { errs <- w.Assign(w.admin, id([]string{"A", "B"}[n%2]), id("anu"), true) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		require.Len(t, w.of("anu"), 1)
	}
}

func TestWhoMayManageProfiles(t *testing.T) {
	w := newWorld(t)
	for name, do := range map[string]func(context.Context) error{
		"upsert": func(ctx context.Context) error { _, err := w.Upsert(ctx, "P", ptr("P")); return err },
		"get":    func(ctx context.Context) error { _, err := w.Get(ctx, []string{"P"}); return err },
		"list":   func(ctx context.Context) error { _, err := w.ListOf(ctx, id("admin")); return err },
		"assign": func(ctx context.Context) error { return w.Assign(ctx, id("P"), id("admin"), false) },
		"remove": func(ctx context.Context) error { return w.Remove(ctx, id("P"), id("admin")) },
	} {
		require.ErrorIs(t, do(w.learner), models.ErrForbidden, name)
		require.ErrorIs(t, do(store.WithAccount(t.Context(), 1)), models.ErrUnauthenticated, name)
	}
	_, err := userprofile.New(userprofile.Deps{})
	require.Error(t, err)
}
