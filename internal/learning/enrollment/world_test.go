package enrollment_test

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
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

var start = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)

// world is an account with people, groups and courses, wired as the hub does it,
// an administrator, a clock of its own, and a second account.
type world struct {
	*enrollment.Service
	t      *testing.T
	db     *store.DB
	people *people.Service
	groups *group.Service

	system, admin, foreign context.Context
	north, closed          int64 // organizations: a sub-account, an INACTIVE one
	home                   int64

	mu   sync.Mutex
	now  time.Time
	told map[pair]bool // what Changed was told
}

// pair is a person and a course.
type pair struct{ UserID, CourseID int64 }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start, told: map[pair]bool{}, system: store.AsSystem(t.Context())}
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
	w.groups, err = group.New(group.Deps{
		DB: w.db, People: w.people,
		MembersChanged: func(ctx context.Context, ids []int64) error { return w.FollowUsers(ctx, ids) },
		TreeChanged:    func(ctx context.Context, ids []int64) error { return w.FollowGroups(ctx, ids) },
		Leaving:        func(ctx context.Context, id int64) error { return w.GroupGone(ctx, id) },
	})
	require.NoError(t, err)
	courses, err := learning.New(learning.Deps{
		DB: w.db, Clock: w.clock, PublicURL: "https://quad.test", SubAccount: w.people.SubAccount,
		CourseGone: func(ctx context.Context, id int64) error { return w.CourseGone(ctx, id) },
	})
	require.NoError(t, err)
	w.Service, err = enrollment.New(enrollment.Deps{
		DB: w.db, People: w.people, Courses: courses, Groups: w.groups, Clock: w.clock, Changed: w.hear,
	})
	require.NoError(t, err)
	w.people.OnDeactivate(func(ctx context.Context, e people.Event) error {
		switch e.Kind {
		case people.UsersDeleted:
			if err := w.groups.UsersGone(ctx, e.UserIDs...); err != nil {
				return err
			}
			return w.UserGone(ctx, e.UserIDs...)
		case people.UsersLeft:
			if err := w.groups.UsersLeft(ctx, e.OrganizationID, e.UserIDs...); err != nil {
				return err
			}
			return w.LeftSubAccount(ctx, e.OrganizationID, e.UserIDs...)
		}
		return nil
	})
	w.populate()
	return w
}

func (w *world) populate() {
	w.t.Helper()
	one, home, err := w.people.EnsureAccount(w.t.Context(), people.AccountSpec{Name: "One", Default: true})
	require.NoError(w.t, err)
	two, _, err := w.people.EnsureAccount(w.t.Context(), people.AccountSpec{Name: "Two", Hosts: []string{"two.test"}})
	require.NoError(w.t, err)
	w.home = home.ID
	as := func(account int64) context.Context {
		return auth.WithPrincipal(w.t.Context(), auth.Principal{AccountID: account, ClientID: 1, Door: "test", Roles: []string{models.RoleAdmin}})
	}
	w.exec(`INSERT INTO api_clients (id, account_id, name, client_key, secret_hash) SELECT 1, id, 'test', 'key', 'hash' FROM accounts WHERE name = 'One'`)
	w.admin, w.foreign = as(one.ID), auth.WithPrincipal(w.t.Context(), auth.Principal{AccountID: two.ID, UserID: 1, Door: "test", Roles: []string{models.RoleAdmin}})
	organization := func(name, status string) (id int64) {
		require.NoError(w.t, w.db.Query(w.admin, &id, `INSERT INTO organizations (account_id, name, code, status) VALUES (@account_id, @name, lower(@name), @status)
			RETURNING id`, store.Args{"name": name, "status": status}))
		return id
	}
	w.north, w.closed = organization("North", "ACTIVE"), organization("Closed", "INACTIVE")
	require.NoError(w.t, w.groups.SetHierarchy(w.admin, []string{"Top", "Team"}))
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time go by.
func (w *world) pass(d time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	return w.now
}

func (w *world) hear(ctx context.Context, userIDs, courseIDs []int64) error {
	if !store.HasTx(ctx) || len(userIDs) != len(courseIDs) {
		return fmt.Errorf("told of %d people and %d courses, in a transaction: %v", len(userIDs), len(courseIDs), store.HasTx(ctx))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	once := map[pair]bool{}
	for i := range userIDs {
		p := pair{userIDs[i], courseIDs[i]}
		if once[p] {
			return fmt.Errorf("told twice of %v", p)
		}
		once[p], w.told[p] = true, true
	}
	return nil
}

// heard gives the pairs that Changed was told since the last time.
func (w *world) heard() []pair {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]pair, 0, len(w.told))
	for p := range w.told {
		out = append(out, p)
	}
	slices.SortFunc(out, comparePairs)
	w.told = map[pair]bool{}
	return out
}

func comparePairs(a, b pair) int {
	if a.UserID != b.UserID {
		return int(a.UserID - b.UserID)
	}
	return int(a.CourseID - b.CourseID)
}

func (w *world) exec(text string, args ...store.Args) {
	w.t.Helper()
	var named store.Args
	if len(args) > 0 {
		named = args[0]
	}
	_, err := w.db.Exec(w.system, text, named)
	require.NoError(w.t, err)
}

// person makes a user with an identifier, in the default organization.
func (w *world) person(identifier string, possible ...string) (id int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.admin, &id, `INSERT INTO users (account_id, organization_id, identifier, name, email)
		VALUES (@account_id, @home, @identifier, @identifier, @identifier || '@mail.test') RETURNING id`, store.Args{"home": w.home, "identifier": identifier}))
	for _, title := range possible {
		w.exec(`INSERT INTO roles (account_id, organization_id, title, label) SELECT account_id, organization_id, @title, @title FROM users WHERE id = @id
			ON CONFLICT (account_id, lower(title)) WHERE deleted_at IS NULL DO NOTHING`, store.Args{"title": title, "id": id})
		w.exec(`INSERT INTO user_roles (account_id, user_id, role_id) SELECT account_id, @id, id FROM roles WHERE title = @title`, store.Args{"title": title, "id": id})
	}
	return id
}

// course makes a channel; organization 0 is the account itself.
func (w *world) course(identifier string, organization int64) (id int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.admin, &id, `INSERT INTO courses (account_id, organization_id, identifier, name, type)
		VALUES (@account_id, nullif(CAST(@organization AS bigint), 0), @identifier, 'The ' || @identifier, 'COURSE') RETURNING id`,
		store.Args{"organization": organization, "identifier": identifier}))
	return id
}

// group makes a group: Top without a parent, else Team.
func (w *world) group(identifier, parent string) (id int64) {
	w.t.Helper()
	ch := group.Change{Name: &identifier, Type: ptr("Top")}
	if parent != "" {
		ch.Type, ch.Parent = ptr("Team"), input.To(ref.ByIdentifier(parent))
	}
	g, err := w.groups.Create(w.admin, identifier, ch)
	require.NoError(w.t, err)
	return g.ID
}

func (w *world) join(group, user string) {
	w.t.Helper()
	require.NoError(w.t, w.groups.AddMember(w.admin, named(group), named(user), false))
}

func (w *world) leave(group, user string) {
	w.t.Helper()
	require.NoError(w.t, w.groups.RemoveMember(w.admin, named(group), named(user)))
}

func (w *world) link(course, group string, recursive bool) {
	w.t.Helper()
	require.NoError(w.t, w.LinkGroup(w.admin, named(course), named(group), recursive))
}

// enrollment reads the enrolment of a person in a course; the zero one without.
func (w *world) enrollment(user, course string) (e models.Enrollment) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.system, &e, `SELECT e.* FROM enrollments e JOIN users u ON u.id = e.user_id JOIN courses c ON c.id = e.course_id
		WHERE u.identifier = @user AND c.identifier = @course`, store.Args{"user": user, "course": course}))
	return e
}

// learners gives the identifiers of the learners of a course.
func (w *world) learners(course string) []string {
	w.t.Helper()
	names := []string{}
	require.NoError(w.t, w.db.Query(w.system, &names, `SELECT u.identifier FROM enrollments e JOIN users u ON u.id = e.user_id JOIN courses c ON c.id = e.course_id
		WHERE c.identifier = @course AND e.learner ORDER BY u.identifier`, store.Args{"course": course}))
	return names
}

// statements counts those of fn.
func (w *world) statements(fn func()) int64 {
	before := w.db.Statements()
	fn()
	return w.db.Statements() - before
}

func named(identifier string) ref.Ref { return ref.ByIdentifier(identifier) }

func ptr[T any](v T) *T { return &v }

func selection(ids ...int64) people.UserSelection { return people.UserSelection{IDs: ids} }
