package entitlement_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/input"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/entitlement"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// world is two accounts; the first has a person "u1" who may be anything, a
// learner "u2", a course, a group and a sub-account "North", and the same in a
// sub-account "Closed" that is not active.
type world struct {
	*entitlement.Service
	t      *testing.T
	db     *store.DB
	people *people.Service

	here, client, foreign context.Context
	home, north           models.Organization
	course, group, u1     int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	w.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 12})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	cfg := config.Auth{AccessTTL: time.Hour, RefreshTTL: time.Hour, OTPTTL: time.Hour, OTPMaxAttempts: 5, PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1}
	keys, err := auth.NewKeyring([]string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))})
	require.NoError(t, err)
	a, err := auth.New(auth.Deps{DB: w.db, Keys: keys, Config: cfg})
	require.NoError(t, err)
	mail, err := notify.New(notify.Deps{DB: w.db})
	require.NoError(t, err)
	w.people, err = people.New(people.Deps{DB: w.db, Auth: a, Mail: mail, Config: cfg, PublicURL: "https://quad.test"})
	require.NoError(t, err)
	w.Service, err = entitlement.New(entitlement.Deps{DB: w.db, People: w.people})
	require.NoError(t, err)

	account, home, err := w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "One", Default: true})
	require.NoError(t, err)
	other, _, err := w.people.EnsureAccount(t.Context(), people.AccountSpec{Name: "Two", Hosts: []string{"two.test"}})
	require.NoError(t, err)
	w.home, w.here = home, store.WithAccount(t.Context(), account.ID)
	w.client, w.foreign = w.as(account.ID, 0, 0, models.RoleAdmin), w.as(other.ID, 0, 0, models.RoleAdmin)
	_, err = w.people.EnsureUser(w.here, people.NewUser{Name: "Admin", Email: "admin@mail.test", Roles: []string{models.RoleAdmin}})
	require.NoError(t, err)
	w.north = w.organization("North")
	closed := w.organization("Closed")
	w.user("u1", "INSTRUCTOR", "EDITOR", "MANAGER")
	w.user("u2", "LEARNER")
	found, err := w.people.ExternalUser(w.client, ref.ByIdentifier("u1"), "")
	require.NoError(t, err)
	w.u1 = found.ID
	for _, place := range []struct {
		name         string
		organization *int64
	}{{"1", nil}, {"closed", &closed.ID}} {
		args := store.Args{"name": place.name, "organization": place.organization}
		w.course = max(w.course, w.insert(`INSERT INTO courses (account_id, organization_id, identifier, name, type) VALUES (@account_id, CAST(@organization AS bigint), 'c' || CAST(@name AS text), 'Fire', 'COURSE') RETURNING id`, args))
		w.group = max(w.group, w.insert(`INSERT INTO groups (account_id, organization_id, identifier, name, type) VALUES (@account_id, CAST(@organization AS bigint), 'g' || CAST(@name AS text), 'Team', 'T') RETURNING id`, args))
	}
	w.course, w.group = w.course-1, w.group-1
	_, err = w.people.DeactivateOrganization(w.client, closed.ID)
	require.NoError(t, err)
	return w
}

func (w *world) as(account, user, organization int64, roles ...string) context.Context {
	p := auth.Principal{AccountID: account, UserID: user, OrganizationID: organization, Roles: roles, Door: "test"}
	if user == 0 {
		p.ClientID = 7
	}
	return auth.WithPrincipal(w.t.Context(), p)
}

func (w *world) organization(name string) models.Organization {
	w.t.Helper()
	o, err := w.people.AddOrganization(w.here, people.OrganizationInput{Name: name, Code: name, Description: name})
	require.NoError(w.t, err)
	return o.Organization
}

func (w *world) user(identifier string, possible ...string) {
	w.t.Helper()
	north := "North"
	_, err := w.people.UpsertExternal(w.client, people.ExternalChange{Identifier: identifier, Username: &identifier, FirstName: &identifier, LastName: &identifier,
		Email: input.To(identifier + "@mail.test"), PossibleRoles: possible, SubAccount: &north})
	require.NoError(w.t, err)
}

func (w *world) insert(text string, args store.Args) (id int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.here, &id, text, args))
	return id
}

func (w *world) held() (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Query(w.here, &n, `SELECT count(*) FROM entitlements WHERE account_id = @account_id`, nil))
	return n
}

func change(user string, kind models.EntitlementEntity, entity string, role models.EntitlementRole) entitlement.Change {
	return entitlement.Change{User: ref.ByIdentifier(user), EntityType: kind, Entity: ref.ByIdentifier(entity), Role: role}
}

var ends = map[models.EntitlementEntity]string{models.EntitlementCourse: "c1", models.EntitlementGroup: "g1", models.EntitlementWorkspace: "North"}

func TestAllNinePairs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := []entitlement.Change{}
	for kind, entity := range ends {
		for _, role := range []models.EntitlementRole{models.EntitlementManager, models.EntitlementEditor, models.EntitlementInstructor} {
			all = append(all, change("u1", kind, entity, role))
		}
	}
	for _, c := range all {
		require.NoError(t, w.Take(w.client, c), "what is not held")
		require.NoError(t, w.Grant(w.client, c))
		require.NoError(t, w.Grant(w.client, c))
	}
	require.EqualValues(t, 9, w.held())
	page, next, err := w.List(w.client, entitlement.Filter{User: ref.ByIdentifier("u1")})
	require.NoError(t, err)
	require.Zero(t, next)
	require.Len(t, page, 9)
	for _, l := range page {
		require.Equal(t, ends[l.EntityType], l.EntityIdentifier)
		require.Equal(t, w.u1, l.UserID)
		require.Equal(t, "u1", *l.UserIdentifier)
		require.Equal(t, map[models.EntitlementEntity]string{models.EntitlementCourse: "Fire", models.EntitlementGroup: "Team", models.EntitlementWorkspace: "North"}[l.EntityType], l.EntityName)
	}
	var granted int64
	require.NoError(t, w.db.Query(w.here, &granted, `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'entitlement.granted' AND subject_id = @user`, store.Args{"user": w.u1}))
	require.EqualValues(t, 9, granted, "only what changed is in the audit trail")
	for i, c := range all {
		require.NoError(t, w.Take(w.client, c))
		require.EqualValues(t, 8-i, w.held())
		require.NoError(t, w.Take(w.client, c))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, do := range []func(context.Context, entitlement.Change) error{w.Grant, w.Take} {
		for kind, entity := range ends {
			require.ErrorIs(t, do(w.client, change("nobody", kind, entity, models.EntitlementManager)), people.ErrUserUnknown)
			require.ErrorIs(t, do(w.client, change("u1", kind, "none", models.EntitlementManager)), entitlement.ErrEntityUnknown)
			require.ErrorIs(t, do(w.client, change("u1", kind, "a\x00", models.EntitlementManager)), entitlement.ErrEntityUnknown)
			require.ErrorIs(t, do(w.client, change("nobody", kind, "none", models.EntitlementManager)), people.ErrUserUnknown)
			require.ErrorIs(t, do(w.foreign, change("u1", kind, entity, models.EntitlementManager)), people.ErrUserUnknown)
		}
		require.ErrorIs(t, do(w.client, change("u1", models.EntitlementCourse, "cclosed", models.EntitlementManager)), entitlement.ErrEntityUnknown)
		require.ErrorIs(t, do(w.client, change("u1", models.EntitlementGroup, "gclosed", models.EntitlementManager)), entitlement.ErrEntityUnknown)
		require.ErrorIs(t, do(w.client, change("u1", models.EntitlementWorkspace, "Closed", models.EntitlementManager)), entitlement.ErrEntityUnknown)
		require.ErrorIs(t, do(w.client, change("u1", models.EntitlementWorkspace, w.home.Name, models.EntitlementManager)), entitlement.ErrEntityUnknown)
		require.Equal(t, models.KindInvalid, models.KindOf(do(w.client, change("u1", "COUNTRY", "c1", models.EntitlementManager))))
		require.Equal(t, models.KindInvalid, models.KindOf(do(w.client, change("u1", models.EntitlementCourse, "c1", "OWNER"))))
		require.ErrorIs(t, do(w.as(1, w.u1, w.home.ID, models.RoleMentee), change("u1", models.EntitlementCourse, "c1", models.EntitlementManager)), models.ErrForbidden)
	}
	err := w.Grant(w.client, change("u2", models.EntitlementCourse, "c1", models.EntitlementManager))
	require.Equal(t, models.KindInvalid, models.KindOf(err), "it is not among the possible roles")
	require.NoError(t, w.Take(w.client, change("u2", models.EntitlementCourse, "c1", models.EntitlementManager)))
	require.Zero(t, w.held())
}

func TestEntitlementsEndWithBothEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind, entity := range ends {
		require.NoError(t, w.Grant(w.client, change("u1", kind, entity, models.EntitlementEditor)))
	}
	require.NoError(t, w.EntityGone(w.foreign, models.EntitlementCourse, w.course))
	require.EqualValues(t, 3, w.held())
	require.NoError(t, w.EntityGone(w.client, models.EntitlementCourse, w.group+w.course, w.course))
	require.EqualValues(t, 2, w.held())
	require.NoError(t, w.people.DeleteExternal(w.client, ref.ByIdentifier("u1")))
	require.Zero(t, w.held())
}

// A grant and the deletion of its entity leave nothing behind that points
// nowhere, whichever comes first.
func TestGrantAgainstDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 20 {
		id := w.insert(`INSERT INTO courses (account_id, identifier, name, type) VALUES (@account_id, @name, @name, 'COURSE') RETURNING id`, store.Args{"name": fmt.Sprint("x", n)})
		var wg sync.WaitGroup
		var granted, deleted error
		wg.Go(func() {
			granted = w.Grant(w.client, change("u1", models.EntitlementCourse, fmt.Sprint("x", n), models.EntitlementEditor))
		})
		wg.Go(func() {
			deleted = w.db.InTx(w.here, func(ctx context.Context) error {
				if _, err := w.db.Exec(ctx, `SELECT id FROM courses WHERE id = @id AND account_id = @account_id FOR UPDATE`, store.Args{"id": id}); err != nil {
					return err
				}
				if err := w.EntityGone(ctx, models.EntitlementCourse, id); err != nil {
					return err
				}
				_, err := w.db.Exec(ctx, `DELETE FROM courses WHERE id = @id AND account_id = @account_id`, store.Args{"id": id})
				return err
			})
		})
		wg.Wait()
		require.NoError(t, deleted)
		if granted != nil {
			require.ErrorIs(t, granted, entitlement.ErrEntityUnknown)
		}
	}
	require.Zero(t, w.held())
}

func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 5 {
		w.user(fmt.Sprint("m", n), "MANAGER", "EDITOR")
		for kind, entity := range ends {
			require.NoError(t, w.Grant(w.client, change(fmt.Sprint("m", n), kind, entity, models.EntitlementManager)))
		}
		require.NoError(t, w.Grant(w.client, change(fmt.Sprint("m", n), models.EntitlementGroup, "g1", models.EntitlementEditor)))
	}
	for name, c := range map[string]struct {
		filter entitlement.Filter
		want   int
	}{
		"all":                 {entitlement.Filter{}, 20},
		"user":                {entitlement.Filter{User: ref.ByIdentifier("m3")}, 4},
		"unknown user":        {entitlement.Filter{User: ref.ByIdentifier("m9")}, 0},
		"broken user":         {entitlement.Filter{User: ref.ByIdentifier("\x00")}, 0},
		"kind":                {entitlement.Filter{EntityType: models.EntitlementGroup}, 10},
		"course":              {entitlement.Filter{EntityType: models.EntitlementCourse, Entity: ref.ByIdentifier("c1")}, 5},
		"course by id":        {entitlement.Filter{EntityType: models.EntitlementCourse, Entity: ref.ByID(w.course)}, 5},
		"group":               {entitlement.Filter{EntityType: models.EntitlementGroup, Entity: ref.ByIdentifier("g1")}, 10},
		"group of a user":     {entitlement.Filter{User: ref.ByIdentifier("m1"), EntityType: models.EntitlementGroup, Entity: ref.ByIdentifier("g1")}, 2},
		"workspace":           {entitlement.Filter{EntityType: models.EntitlementWorkspace, Entity: ref.ByIdentifier("North")}, 5},
		"unknown entity":      {entitlement.Filter{EntityType: models.EntitlementCourse, Entity: ref.ByIdentifier("g1")}, 0},
		"unknown kind":        {entitlement.Filter{EntityType: "COUNTRY", Entity: ref.ByIdentifier("g1")}, 0},
		"broken entity":       {entitlement.Filter{EntityType: models.EntitlementCourse, Entity: ref.ByIdentifier("\x00")}, 0},
		"identifiers by case": {entitlement.Filter{User: ref.ByIdentifier("M3")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.db.Statements()
			page, next, err := w.List(w.client, c.filter)
			require.NoError(t, err)
			require.LessOrEqual(t, w.db.Statements()-before, int64(1))
			require.Len(t, page, c.want)
			require.Zero(t, next)
			c.filter.Limit = 3
			seen := map[int64]bool{}
			for {
				page, c.filter.After, err = w.List(w.client, c.filter)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), 3)
				for _, l := range page {
					require.False(t, seen[l.ID])
					seen[l.ID] = true
				}
				if c.filter.After == 0 {
					break
				}
			}
			require.Len(t, seen, c.want)
		})
	}
	page, _, err := w.List(w.foreign, entitlement.Filter{})
	require.NoError(t, err)
	require.Empty(t, page)

	found, err := w.people.ExternalUser(w.client, ref.ByIdentifier("m1"), "")
	require.NoError(t, err)
	account, _ := store.AccountID(w.here)
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"admin":                       {w.client, nil},
		"their org_admin":             {w.as(account, 1, w.north.ID, models.RoleOrgAdmin), nil},
		"another org_admin":           {w.as(account, 1, w.home.ID, models.RoleOrgAdmin), people.ErrUserUnknown},
		"anybody":                     {w.as(account, 1, w.north.ID, models.RoleMentee), models.ErrForbidden},
		"an admin of another account": {w.foreign, people.ErrUserUnknown},
	} {
		page, _, err := w.ListOf(c.ctx, found.ID, 0, 0)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
			continue
		}
		require.NoError(t, err, name)
		require.Len(t, page, 4, name)
	}
	_, _, err = w.List(w.as(account, 1, w.north.ID, models.RoleOrgAdmin), entitlement.Filter{})
	require.ErrorIs(t, err, models.ErrForbidden)
}
