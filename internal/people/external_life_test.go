package people_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// heard collects the events of a service.
func (w *world) heard() func() []people.Event {
	var mu sync.Mutex
	var events []people.Event
	w.OnDeactivate(func(_ context.Context, e people.Event) error {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
		return nil
	})
	return func() []people.Event {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(events)
	}
}

func TestExternalStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	events := w.heard()
	c := jane("j1")
	c.Password = p(password)
	w.put(c)
	one := ref.ByIdentifier("j1")
	in, err := w.SignIn(w.public, people.SignIn{Email: "j1@mail.test", Password: password, Address: address})
	require.NoError(t, err)

	require.NoError(t, w.SetUserActive(w.client(), one, false))
	require.NoError(t, w.SetUserActive(w.client(), one, false))
	require.Equal(t, models.StatusInactive, w.external("j1").Status)
	_, err = w.auth.Authenticate(w.public, in.Tokens.Access)
	require.Error(t, err)
	_, err = w.SignIn(w.public, people.SignIn{Email: "j1@mail.test", Password: password, Address: address})
	require.ErrorIs(t, err, people.ErrBadCredentials)
	id := w.external("j1").ID
	require.Equal(t, []people.Event{{Kind: people.UsersDeactivated, UserIDs: []int64{id}}}, events())

	require.False(t, w.put(people.ExternalChange{Identifier: "j1", Phone: input.To("1")}))
	require.Equal(t, models.StatusInactive, w.external("j1").Status, "who says nothing of it leaves it")
	require.False(t, w.put(people.ExternalChange{Identifier: "j1", Active: p(true)}))
	require.Equal(t, models.StatusActive, w.external("j1").Status)
	require.False(t, w.put(people.ExternalChange{Identifier: "j1", Active: p(false)}))
	require.Len(t, events(), 2)
	require.NoError(t, w.SetUserActive(w.client(), one, true))
	_, err = w.SignIn(w.public, people.SignIn{Email: "j1@mail.test", Password: password, Address: address})
	require.NoError(t, err)

	c = jane("asleep")
	c.Active = p(false)
	w.put(c)
	require.Equal(t, models.StatusInactive, w.external("asleep").Status)

	require.ErrorIs(t, w.SetUserActive(w.client(), ref.ByIdentifier("nobody"), true), people.ErrUserUnknown)
	require.ErrorIs(t, w.SetUserActive(w.otherClient(), one, false), people.ErrUserUnknown)
	require.ErrorIs(t, w.SetUserActive(w.client(), ref.ByID(w.admin.User.ID), false), people.ErrLastAdmin)
	require.ErrorIs(t, w.SetUserActive(w.as(w.orgAdmin), one, false), models.ErrForbidden)
}

func TestExternalDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	events := w.heard()
	w.subAccount("North")
	w.subAccount("South")
	c := jane("j1")
	c.Phone, c.SubAccount, c.PossibleRoles, c.Password = input.To("1"), p("North"), []string{"INSTRUCTOR"}, p(password)
	w.put(c)
	w.put(people.ExternalChange{Identifier: "j1", SubAccount: p("South")})
	id := w.external("j1").ID
	w.exec(`INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role) VALUES (@account, @id, 'WORKSPACE', 1, 'INSTRUCTOR')`,
		store.Args{"account": w.account.ID, "id": id})

	require.NoError(t, w.DeleteExternal(w.client(), ref.ByIdentifier("j1")))
	require.ErrorIs(t, w.DeleteExternal(w.client(), ref.ByIdentifier("j1")), people.ErrUserUnknown)
	require.Equal(t, []people.Event{{Kind: people.UsersDeleted, UserIDs: []int64{id}, Emails: []string{"j1@mail.test"}}}, events())
	_, err := w.ExternalUser(w.client(), ref.ByIdentifier("j1"), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	_, err = w.ExternalUser(w.client(), ref.ByID(id), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	for _, table := range []string{"user_details", "user_organizations", "entitlements", "user_roles", "user_credentials"} {
		require.Zero(t, w.count(`SELECT count(*) FROM `+table+` WHERE user_id = @id`, store.Args{"id": id}), table)
	}
	var left models.User
	require.NoError(t, w.db.Query(w.public, &left, `SELECT * FROM users WHERE account_id = @account_id AND id = @id`, store.Args{"id": id}))
	require.Nil(t, left.Identifier)
	require.Nil(t, left.Username)
	require.Nil(t, left.FirstName)
	require.Nil(t, left.LastName)
	require.True(t, w.put(jane("j1")), "identifier, user name and address are free")

	bare := people.ExternalChange{Identifier: "bare", Username: p("bare"), FirstName: p("No"), LastName: p("Address")}
	w.put(bare)
	require.NoError(t, w.DeleteExternal(w.client(), ref.ByIdentifier("bare")))
	require.True(t, w.put(bare))
	require.ErrorIs(t, w.DeleteExternal(w.client(), ref.ByID(w.admin.User.ID)), people.ErrLastAdmin)
}

func TestChangeIdentifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(jane("j1"))
	w.put(jane("j2"))
	id := w.external("j1").ID
	require.NoError(t, w.ChangeIdentifier(w.client(), "j1", "j1"))
	require.ErrorIs(t, w.ChangeIdentifier(w.client(), "j1", "j2"), people.ErrIdentifierTaken)
	require.ErrorIs(t, w.ChangeIdentifier(w.client(), "j3", "j4"), people.ErrUserUnknown)
	require.ErrorIs(t, w.ChangeIdentifier(w.client(), "", ""), people.ErrUserUnknown)
	require.ErrorIs(t, w.ChangeIdentifier(w.otherClient(), "j1", "j4"), people.ErrUserUnknown)
	require.Equal(t, []string{"newUserIdentifier:reserved"}, rulesOf(t, w.ChangeIdentifier(w.client(), "j1", "entitlements")))
	require.Equal(t, []string{"newUserIdentifier:invalid"}, rulesOf(t, w.ChangeIdentifier(w.client(), "j1", strings.Repeat("x", 256))))
	require.NoError(t, w.ChangeIdentifier(w.client(), "j1", "J1"), "identifiers differ by case")
	require.Equal(t, id, w.external("J1").ID)
	_, err := w.ExternalUser(w.client(), ref.ByIdentifier("j1"), "")
	require.ErrorIs(t, err, people.ErrUserUnknown)

	errs := race(func(n int) error { return w.ChangeIdentifier(w.client(), []string{"J1", "j2"}[n%2], "one") })
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	require.Equal(t, 1, won)
}

func TestPermissionsOfInstructors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(jane("j1"))
	one := ref.ByIdentifier("j1")
	id := w.external("j1").ID
	permissions := func() []string {
		var d models.UserDetail
		require.NoError(t, w.db.Query(w.public, &d, `SELECT * FROM user_details WHERE account_id = @account_id AND user_id = @id`, store.Args{"id": id}))
		return d.Permissions
	}
	both := []string{"INSTRUCTOR_CREATE_COURSE_INSTANCE", "INSTRUCTOR_CREATE_COURSE", "INSTRUCTOR_CREATE_COURSE"}
	require.Equal(t, []string{"permissions:possible_role"}, rulesOf(t, w.SetPermissions(w.client(), one, both)))
	w.put(people.ExternalChange{Identifier: "j1", PossibleRoles: []string{"INSTRUCTOR"}})
	require.Equal(t, []string{"permissions:enum"}, rulesOf(t, w.SetPermissions(w.client(), one, []string{"INSTRUCTOR"})))
	require.ErrorIs(t, w.SetPermissions(w.client(), ref.ByIdentifier("j2"), []string{"INSTRUCTOR"}), people.ErrUserUnknown)
	require.NoError(t, w.SetPermissions(w.client(), one, both))
	require.Equal(t, []string{"INSTRUCTOR_CREATE_COURSE", "INSTRUCTOR_CREATE_COURSE_INSTANCE"}, permissions())
	w.put(people.ExternalChange{Identifier: "j1", PossibleRoles: []string{"INSTRUCTOR", "EDITOR"}, Phone: input.To("1")})
	require.Len(t, permissions(), 2)
	require.NoError(t, w.SetPermissions(w.client(), one, nil))
	require.Empty(t, permissions())
	require.NoError(t, w.SetPermissions(w.client(), one, both[:1]))
	w.put(people.ExternalChange{Identifier: "j1", PossibleRoles: []string{"EDITOR"}})
	require.Empty(t, permissions(), "they lapse with the role")

	w.put(people.ExternalChange{Identifier: "j1", PossibleRoles: []string{"INSTRUCTOR"}})
	require.NoError(t, w.SetPermissions(w.client(), one, both))
	_, err := w.RevokeRole(w.as(w.admin), id, "instructor")
	require.NoError(t, err)
	require.Empty(t, permissions())
}

func TestSubAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	events := w.heard()
	north, south, east := w.subAccount("North"), w.subAccount("South"), w.subAccount("East")
	w.subAccount("North") // younger: it is not meant
	w.put(jane("j1"))
	id := w.external("j1").ID
	names := func() []string { return w.external("j1").SubAccounts }
	join := func(name string) { w.put(people.ExternalChange{Identifier: "j1", SubAccount: &name}) }
	leave := func(name string) { require.NoError(t, w.LeaveSubAccount(w.client(), ref.ByIdentifier("j1"), name)) }
	require.Empty(t, names())
	join("North")
	join("South")
	join("East")
	join("South")
	require.Equal(t, []string{"North", "South", "East"}, names())
	require.Equal(t, north, w.external("j1").OrganizationID)
	require.Equal(t, []people.Event{{Kind: people.UsersMoved, UserIDs: []int64{id}}}, events())
	_, err := w.ExternalUser(w.client(), ref.ByIdentifier("j1"), "East")
	require.NoError(t, err)

	leave("North")
	require.Equal(t, []string{"South", "East"}, names())
	require.Equal(t, south, w.external("j1").OrganizationID, "the oldest one is the home now")
	leave("North")
	leave("East")
	require.Equal(t, []string{"South"}, names())
	_, err = w.ExternalUser(w.client(), ref.ByIdentifier("j1"), "East")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	leave("South")
	require.Empty(t, names())
	require.Equal(t, w.home.ID, w.external("j1").OrganizationID)
	require.Zero(t, w.count(`SELECT count(*) FROM user_organizations`, nil))
	left := slices.DeleteFunc(events(), func(e people.Event) bool { return e.Kind != people.UsersLeft })
	require.Equal(t, []people.Event{
		{Kind: people.UsersLeft, OrganizationID: north, UserIDs: []int64{id}},
		{Kind: people.UsersLeft, OrganizationID: east, UserIDs: []int64{id}},
		{Kind: people.UsersLeft, OrganizationID: south, UserIDs: []int64{id}},
	}, left)

	join("South")
	join("East")
	_, err = w.DeactivateOrganization(w.as(w.admin), east)
	require.NoError(t, err)
	require.Equal(t, []string{"South"}, names(), "what is not active is gone")
	leave("South")
	require.Equal(t, w.home.ID, w.external("j1").OrganizationID)
	for name, ctx := range map[string]context.Context{"East": w.client(), "Home": w.client(), "nowhere": w.client(), "a\x00": w.client(), "South": w.otherClient()} {
		_, err := w.SubAccount(ctx, name)
		require.ErrorIs(t, err, people.ErrOrganizationUnknown, name)
		require.ErrorIs(t, w.LeaveSubAccount(ctx, ref.ByIdentifier("j1"), name), people.ErrOrganizationUnknown, name)
	}
	require.ErrorIs(t, w.LeaveSubAccount(w.client(), ref.ByIdentifier("j2"), "South"), people.ErrUserUnknown)
}

func TestListsOfExternalPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subAccount("North")
	w.subAccount("South")
	for n := range 12 {
		c := jane(fmt.Sprintf("n%02d", n))
		if n%3 == 0 {
			c.SubAccount = p("North")
		}
		w.put(c)
	}
	w.put(people.ExternalChange{Identifier: "n01", SubAccount: p("South")})
	w.put(people.ExternalChange{Identifier: "n01", SubAccount: p("North")})
	w.put(people.ExternalChange{Identifier: "n02", FirstName: p(`100%_\`), LastName: p("ÄRGER"), Username: p("Percent")})
	require.NoError(t, w.DeleteExternal(w.client(), ref.ByIdentifier("n11")))
	ids := func(list []people.External) []string {
		out := []string{}
		for _, e := range list {
			if e.Identifier == nil {
				out = append(out, "-")
				continue
			}
			out = append(out, *e.Identifier)
		}
		return out
	}
	for name, c := range map[string]struct {
		filter people.ExternalFilter
		want   []string
	}{
		"all":                {people.ExternalFilter{}, []string{"-", "-", "-", "n00", "n01", "n02", "n03", "n04", "n05", "n06", "n07", "n08", "n09", "n10"}},
		"identifier":         {people.ExternalFilter{Identifier: "n05"}, []string{"n05"}},
		"not a part":         {people.ExternalFilter{Identifier: "n0"}, []string{}},
		"other case":         {people.ExternalFilter{Identifier: "N05"}, []string{}},
		"sub-account":        {people.ExternalFilter{SubAccount: "North"}, []string{"n00", "n01", "n03", "n06", "n09"}},
		"home":               {people.ExternalFilter{SubAccount: "South"}, []string{"n01"}},
		"literal":            {people.ExternalFilter{FirstNamePart: `%_\`}, []string{"n02"}},
		"no wildcard":        {people.ExternalFilter{FirstNamePart: `J_ne`}, []string{}},
		"any case":           {people.ExternalFilter{LastNamePart: "ärg"}, []string{"n02"}},
		"user name":          {people.ExternalFilter{UsernamePart: "USER-N0", EmailPart: "3@MAIL"}, []string{"n03"}},
		"derived first name": {people.ExternalFilter{FirstNamePart: "the"}, []string{"-", "-", "-"}},
		"derived last name":  {people.ExternalFilter{LastNamePart: "admin"}, []string{"-", "-"}},
		"address as name":    {people.ExternalFilter{UsernamePart: "orgadmin@"}, []string{"-"}},
		"all hold":           {people.ExternalFilter{SubAccount: "North", EmailPart: "n05"}, []string{}},
		"not storable":       {people.ExternalFilter{EmailPart: "a\x00"}, []string{}},
		"long":               {people.ExternalFilter{Identifier: strings.Repeat("x", 300)}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := w.ListExternal(w.client(), c.filter, store.Window{})
			require.NoError(t, err)
			require.Equal(t, c.want, ids(list))
			count, last, err := w.CountExternal(w.client(), c.filter)
			require.NoError(t, err)
			require.EqualValues(t, len(c.want), count)
			paged := []string{}
			window := store.Window{Until: &last, Limit: 2}
			for count > 0 {
				page, err := w.ListExternal(w.client(), c.filter, window)
				require.NoError(t, err)
				if len(page) == 0 {
					break
				}
				require.LessOrEqual(t, len(page), 2)
				paged = append(paged, ids(page)...)
				window.After = &store.Place{At: page[len(page)-1].CreatedAt, ID: page[len(page)-1].ID}
			}
			require.Equal(t, c.want, paged)
			paged = []string{}
			for start := 0; ; start += 3 {
				page, err := w.ListExternalFrom(w.client(), c.filter, start, 3)
				require.NoError(t, err)
				if len(page) == 0 {
					break
				}
				paged = append(paged, ids(page)...)
			}
			require.Equal(t, c.want, paged)
		})
	}
	for _, name := range []string{"nowhere", "a\x00"} {
		_, err := w.ListExternal(w.client(), people.ExternalFilter{SubAccount: name}, store.Window{})
		require.ErrorIs(t, err, people.ErrOrganizationUnknown)
		_, _, err = w.CountExternal(w.client(), people.ExternalFilter{SubAccount: name})
		require.ErrorIs(t, err, people.ErrOrganizationUnknown)
		_, _, err = w.CountExternal(w.client(), people.ExternalFilter{SubAccount: name, EmailPart: "\x00"})
		require.ErrorIs(t, err, people.ErrOrganizationUnknown)
		_, err = w.ExternalUser(w.client(), ref.ByIdentifier("n01"), name)
		require.ErrorIs(t, err, people.ErrUserUnknown)
	}
	list, err := w.ListExternal(w.otherClient(), people.ExternalFilter{}, store.Window{})
	require.NoError(t, err)
	require.Len(t, list, 3)
	_, err = w.ListExternal(w.as(w.orgAdmin), people.ExternalFilter{}, store.Window{})
	require.ErrorIs(t, err, models.ErrForbidden)
	var object map[string]any
	require.NoError(t, json.Unmarshal(list[0].CustomAttributes, &object))

	before := w.db.Statements()
	_, _, err = w.CountExternal(w.client(), people.ExternalFilter{SubAccount: "North"})
	require.NoError(t, err)
	_, err = w.ListExternal(w.client(), people.ExternalFilter{SubAccount: "North"}, store.Window{Limit: 3})
	require.NoError(t, err)
	require.EqualValues(t, 2, w.db.Statements()-before)
}
