package group_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/input"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// types are those of the accounts of the tests.
var types = []string{"CONTA", "REGIONAL", "UNIDADE", "TURMA"}

// world is two accounts with the same types and an admin each; the first has
// two sub-accounts.
type world struct {
	*group.Service
	t      *testing.T
	db     *store.DB
	people *people.Service

	admin, foreign, learner context.Context // of requests
	system                  context.Context
	home, north, south      models.Organization
	told                    *told
}

// told remembers what other areas were told of.
type told struct {
	sync.Mutex
	members, moved, leaving []int64
	refuse                  error // what they answer
}

func (d *told) hear(list *[]int64, what ...int64) error {
	d.Lock()
	defer d.Unlock()
	*list = append(*list, what...)
	return d.refuse
}

// forget empties what was told, and gives the members that changed.
func (d *told) forget() (members []int64) {
	d.Lock()
	defer d.Unlock()
	members = d.members
	d.members, d.moved, d.leaving = nil, nil, nil
	return members
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, told: &told{}, system: store.AsSystem(t.Context())}
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
	inTx := func(ctx context.Context) { require.True(t, store.HasTx(ctx), "in the transaction of the change") }
	w.Service, err = group.New(group.Deps{
		DB: w.db, People: w.people,
		MembersChanged: func(ctx context.Context, ids []int64) error {
			inTx(ctx)
			require.True(t, slices.IsSorted(ids), "sorted, so that locks are taken in one order")
			return w.told.hear(&w.told.members, ids...)
		},
		TreeChanged: func(ctx context.Context, ids []int64) error { inTx(ctx); return w.told.hear(&w.told.moved, ids...) },
		Leaving:     func(ctx context.Context, id int64) error { inTx(ctx); return w.told.hear(&w.told.leaving, id) },
	})
	require.NoError(t, err)

	account, home, err := w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "One", Default: true})
	require.NoError(t, err)
	w.home = home
	here := store.WithAccount(t.Context(), account.ID)
	w.north, w.south = w.organization(here, "North"), w.organization(here, "South")
	w.admin = w.as(w.person(here, "admin", models.RoleAdmin), models.RoleAdmin)
	w.learner = w.as(w.person(here, "learner"), models.RoleMentee)
	account, _, err = w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "Two", Hosts: []string{"two.test"}})
	require.NoError(t, err)
	w.foreign = w.as(w.person(store.WithAccount(t.Context(), account.ID), "foreign"), models.RoleAdmin)
	for _, ctx := range []context.Context{w.admin, w.foreign} {
		require.NoError(t, w.SetHierarchy(ctx, types))
	}
	return w
}

func (w *world) organization(ctx context.Context, name string) models.Organization {
	w.t.Helper()
	o, err := w.people.AddOrganization(ctx, people.OrganizationInput{Name: name, Code: fmt.Sprint("code", name), Description: name})
	require.NoError(w.t, err)
	return o.Organization
}

// person makes a user whose identifier is the name.
func (w *world) person(ctx context.Context, name string, roles ...string) models.User {
	w.t.Helper()
	p, err := w.people.EnsureUser(ctx, people.NewUser{Name: name, Email: name + "@mail.test", Password: "correct horse", Roles: roles})
	require.NoError(w.t, err)
	w.exec(`UPDATE users SET identifier = @name WHERE id = @id`, store.Args{"id": p.User.ID, "name": name})
	return p.User
}

// as is the context of a request by a person.
func (w *world) as(u models.User, roles ...string) context.Context {
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: u.AccountID, UserID: u.ID, OrganizationID: u.OrganizationID, Door: "test", Roles: roles,
	})
}

func (w *world) exec(text string, args store.Args) {
	w.t.Helper()
	_, err := w.db.Exec(w.system, text, args)
	require.NoError(w.t, err)
}

func (w *world) count(text string, args store.Args) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.system, &n, text, args))
	return n
}

// put makes or changes a group that must be right; its name is the identifier.
func (w *world) put(identifier, kind, parent string, more ...func(*group.Change)) {
	w.t.Helper()
	_, err := w.try(identifier, kind, parent, more...)
	require.NoError(w.t, err, identifier)
}

// try is put with the answer.
func (w *world) try(identifier, kind, parent string, more ...func(*group.Change)) (bool, error) {
	ch := group.Change{Name: &identifier, Type: &kind}
	if parent != "" {
		ch.Parent = input.To(id(parent))
	}
	for _, m := range more {
		m(&ch)
	}
	return w.Upsert(w.admin, identifier, ch)
}

// in puts a group into a sub-account, "" for none.
func in(subAccount string) func(*group.Change) {
	return func(ch *group.Change) {
		ch.SubAccount = input.Cleared[ref.Ref]()
		if subAccount != "" {
			ch.SubAccount = input.To(id(subAccount))
		}
	}
}

func (w *world) get(identifier string) group.Group {
	w.t.Helper()
	g, err := w.Get(w.admin, id(identifier), "")
	require.NoError(w.t, err, identifier)
	return g
}

func id(identifier string) ref.Ref { return ref.ByIdentifier(identifier) }

func ptr[T any](v T) *T { return &v }

func identifiers(groups []group.Group) []string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = g.Identifier
	}
	return out
}

// groupsOf gives the identifiers of a person's groups.
func (w *world) groupsOf(user string) []string {
	w.t.Helper()
	groups, err := w.GroupsOf(w.admin, id(user), "")
	require.NoError(w.t, err)
	return identifiers(groups)
}

func (w *world) audited(action string, id int64) int64 {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @id AND subject_type = 'group' AND actor_id IS NOT NULL AND door = 'test'`,
		store.Args{"action": action, "id": id})
}

// ruleOf gives the first broken rule of an invalid input, "field:rule".
func ruleOf(t *testing.T, err error) string {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, models.KindInvalid, e.Kind, "%v", err)
	require.NotEmpty(t, e.Fields, "%v", err)
	return e.Fields[0].Field + ":" + e.Fields[0].Rule
}

// atOnce runs do n times at the same moment and gives the errors.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}
