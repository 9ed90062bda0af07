package people_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

func organization(code string) people.OrganizationInput {
	return people.OrganizationInput{Name: "The " + code, Code: code, Description: "testing"}
}

func TestCreateOrganization(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.admin)
	in := organization("School")
	in.Domains = []string{"School.test", "@school.test", "a.school.test"}
	in.AdminEmail = "Head@School.test"
	o, err := w.CreateOrganization(ctx, in)
	require.NoError(t, err)
	require.Equal(t, []string{"a.school.test", "school.test"}, []string(o.Domains))
	require.Equal(t, w.admin.User.ID, *o.CreatedBy)
	mails := w.mails("head@school.test", "org_admin_invite")
	require.Len(t, mails, 1)
	require.Contains(t, string(mails[0].Params), "The School")
	require.True(t, w.audited("organization.created", o.ID, w.admin.User.ID))
	again, err := w.Organization(ctx, o.ID)
	require.NoError(t, err)
	require.Equal(t, o.Domains, again.Domains)

	_, err = w.CreateOrganization(ctx, organization("sCHOOL"))
	require.ErrorIs(t, err, people.ErrOrganizationTaken)
	taken := organization("college")
	taken.Domains = []string{"school.test"}
	_, err = w.CreateOrganization(ctx, taken)
	require.ErrorIs(t, err, people.ErrDomainTaken)
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM organizations WHERE code = 'college'`, nil), "all or nothing")
	require.Empty(t, w.mails("", "org_admin_invite"))

	for name, who := range map[string]context.Context{"org_admin": w.as(w.orgAdmin), "learner": w.as(w.learner)} {
		_, err = w.CreateOrganization(who, organization("x"))
		require.ErrorIs(t, err, models.ErrForbidden, name)
	}
	_, err = w.CreateOrganization(w.public, organization("x"))
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	_, err = w.CreateOrganization(w.as(w.otherAdmin), organization("school"))
	require.NoError(t, err, "codes are unique in an account")

	_, err = w.CreateOrganization(ctx, people.OrganizationInput{Name: " ", Domains: []string{"nodot"}, AdminEmail: "x"})
	require.Equal(t, []string{"name:required", "code:required", "description:required", "domains:invalid", "admin_email:email"}, rulesOf(t, err))
	_, err = w.CreateOrganization(ctx, people.OrganizationInput{Name: strings.Repeat("x", 256), Code: "a b", Description: strings.Repeat("x", 2001)})
	require.Equal(t, []string{"name:too_long", "code:no_space", "description:too_long"}, rulesOf(t, err))
}

func TestParallelCreatesOfOneCodeMakeOneOrganization(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.admin)
	won := 0
	for _, err := range race(func(n int) error {
		in := organization("school")
		in.Name = fmt.Sprint("School ", n)
		_, err := w.CreateOrganization(ctx, in)
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, people.ErrOrganizationTaken)
	}
	require.Equal(t, 1, won)
}

func TestUpdateOrganization(t *testing.T) {
	w := newWorld(t)
	in := organization("school")
	in.Domains = []string{"old.test", "kept.test"}
	o, err := w.CreateOrganization(w.as(w.admin), in)
	require.NoError(t, err)

	in = people.OrganizationInput{Name: "Renamed", Code: "renamed", Description: "new", Domains: []string{"kept.test", "new.test"}}
	changed, err := w.UpdateOrganization(w.as(w.admin), o.ID, in)
	require.NoError(t, err)
	require.Equal(t, "Renamed", changed.Name)
	require.Equal(t, []string{"kept.test", "new.test"}, []string(changed.Domains))
	in.Domains = nil
	changed, err = w.UpdateOrganization(w.as(w.admin), o.ID, in)
	require.NoError(t, err)
	require.Len(t, changed.Domains, 2, "nil leaves them")
	in.Domains = []string{}
	changed, err = w.UpdateOrganization(w.as(w.admin), o.ID, in)
	require.NoError(t, err)
	require.Empty(t, changed.Domains)

	_, err = w.UpdateOrganization(w.as(w.orgAdmin), w.home.ID, organization("home"))
	require.NoError(t, err, "the own one")
	_, err = w.UpdateOrganization(w.as(w.orgAdmin), o.ID, organization("mine"))
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.UpdateOrganization(w.as(w.learner), w.home.ID, organization("mine"))
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.UpdateOrganization(w.as(w.admin), o.ID, organization("HOME"))
	require.ErrorIs(t, err, people.ErrOrganizationTaken)
	_, err = w.UpdateOrganization(w.as(w.admin), 1<<40, organization("x"))
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	_, err = w.UpdateOrganization(w.as(w.otherAdmin), o.ID, organization("stolen"))
	require.ErrorIs(t, err, people.ErrOrganizationUnknown, "another account's")
	_, err = w.Organization(w.other, o.ID)
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
}

func TestListOrganizations(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"beta", "Alpha", "alpine", "100% real", "al_one"} {
		in := organization(strings.NewReplacer(" ", "", "%", "").Replace(name))
		in.Name = name
		_, err := w.AddOrganization(w.public, in)
		require.NoError(t, err)
	}
	w.exec(`UPDATE organizations SET status = 'INACTIVE' WHERE name = 'beta'`, nil)
	list := func(f people.OrganizationFilter) (names []string, count int64) {
		page, count, err := w.ListOrganizations(w.public, f)
		require.NoError(t, err)
		for _, o := range page {
			names = append(names, o.Name)
		}
		return names, count
	}
	names, count := list(people.OrganizationFilter{Search: "AL"})
	require.ElementsMatch(t, []string{"Alpha", "alpine", "al_one"}, names)
	require.EqualValues(t, 3, count)
	names, _ = list(people.OrganizationFilter{Search: "al_"})
	require.Equal(t, []string{"al_one"}, names, "an underscore is an underscore")
	names, _ = list(people.OrganizationFilter{Search: "100%"})
	require.Equal(t, []string{"100% real"}, names)
	names, count = list(people.OrganizationFilter{Search: `\`})
	require.Empty(t, names)
	require.Zero(t, count)
	names, count = list(people.OrganizationFilter{Status: models.StatusActive, Limit: 2, Page: 2})
	require.Len(t, names, 2)
	require.EqualValues(t, 5, count, "with Home, without beta")
	names, count = list(people.OrganizationFilter{Page: 99, Limit: 1000})
	require.Empty(t, names)
	require.EqualValues(t, 6, count)

	seen := map[int64]bool{}
	for after, pages := int64(0), 0; ; pages++ {
		require.Less(t, pages, 4)
		page, next, err := w.ListOrganizationsAfter(w.public, people.OrganizationFilter{After: after, Limit: 2})
		require.NoError(t, err)
		for _, o := range page {
			require.False(t, seen[o.ID])
			seen[o.ID] = true
		}
		if after = next; next == 0 {
			break
		}
	}
	require.Len(t, seen, 6)
}

func TestDeactivateUsers(t *testing.T) {
	w := newWorld(t)
	var events []people.Event
	w.OnDeactivate(func(ctx context.Context, e people.Event) error {
		events = append(events, e)
		return nil
	})
	signed, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	id := w.learner.User.ID
	for name, who := range map[string]people.Person{"learner": w.learner, "another account's admin": w.otherAdmin, "another account's org_admin": w.otherOrg} {
		_, err := w.DeactivateUsers(w.as(who), id)
		require.Error(t, err, name)
	}
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	far, err := w.EnsureUser(w.public, people.NewUser{Name: "Far", Email: "far@mail.test", OrganizationID: elsewhere.ID})
	require.NoError(t, err)
	_, err = w.DeactivateUsers(w.as(w.orgAdmin), far.User.ID)
	require.ErrorIs(t, err, people.ErrUserUnknown, "of another organization")

	gone, err := w.DeactivateUsers(w.as(w.orgAdmin), id, far.User.ID, 1<<40)
	require.NoError(t, err)
	require.Equal(t, []int64{id}, gone)
	require.Equal(t, []people.Event{{Kind: people.UsersDeactivated, UserIDs: gone}}, events)
	require.True(t, w.audited("user.deactivated", id, w.orgAdmin.User.ID))
	_, err = w.auth.Authenticate(w.public, signed.Tokens.Access)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.Refresh(w.public, signed.Tokens.Refresh, false)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.signIn("learner@mail.test", password)
	require.ErrorIs(t, err, people.ErrBadCredentials)
	_, err = w.DeactivateUsers(w.as(w.admin), id)
	require.ErrorIs(t, err, people.ErrUserUnknown, "done already")

	gone, err = w.DeactivateSelected(w.as(w.admin), people.UserSelection{Emails: []string{"FAR@mail.test", "stranger@mail.test"}})
	require.NoError(t, err)
	require.Equal(t, []int64{far.User.ID}, gone)
	_, err = w.DeactivateUsers(w.as(w.admin), make([]int64, 1001)...)
	require.Equal(t, []string{"id:too_long"}, rulesOf(t, err))

	refuse := errors.New("not now")
	w.OnDeactivate(func(context.Context, people.Event) error { return refuse })
	_, err = w.DeactivateUsers(w.as(w.admin), w.orgAdmin.User.ID)
	require.ErrorIs(t, err, refuse)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM users WHERE id = @id AND status = 'ACTIVE'`, store.Args{"id": w.orgAdmin.User.ID}), "rolled back")
}

func TestDeactivateOrganization(t *testing.T) {
	w := newWorld(t)
	var events []people.Event
	w.OnDeactivate(func(ctx context.Context, e people.Event) error {
		events = append(events, e)
		return nil
	})
	o, err := w.AddOrganization(w.public, organization("school"))
	require.NoError(t, err)
	var inside people.Person
	for _, name := range []string{"a", "b", "c"} {
		inside, err = w.EnsureUser(w.public, people.NewUser{Name: name, Email: name + "@school.test", Password: password, OrganizationID: o.ID})
		require.NoError(t, err)
	}
	w.exec(`UPDATE users SET status = 'INACTIVE' WHERE email = 'a@school.test'`, nil)
	signed, err := w.signIn("c@school.test", password)
	require.NoError(t, err)

	ctx := w.as(w.admin)
	_, err = w.DeactivateOrganization(w.as(w.orgAdmin), o.ID)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.DeactivateOrganization(w.as(w.otherAdmin), o.ID)
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	_, err = w.DeactivateOrganization(ctx, w.home.ID)
	require.ErrorIs(t, err, people.ErrOrganizationDefault)
	n, err := w.DeactivateOrganization(ctx, o.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Equal(t, []people.Event{{Kind: people.OrganizationDeactivated, OrganizationID: o.ID}}, events)
	_, err = w.auth.Authenticate(w.public, signed.Tokens.Access)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.signIn("c@school.test", password)
	require.ErrorIs(t, err, people.ErrBadCredentials)
	_, err = w.DeactivateOrganization(ctx, o.ID)
	require.ErrorIs(t, err, people.ErrOrganizationClosed)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM users WHERE id = @id AND status = 'INACTIVE'`, store.Args{"id": inside.User.ID}))
	_, err = w.EnsureUser(w.public, people.NewUser{Name: "late", Email: "late@school.test", OrganizationID: o.ID})
	require.ErrorIs(t, err, people.ErrOrganizationClosed)
}
