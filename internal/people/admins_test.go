package people_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// admins counts those of the first account.
func (w *world) admins() int64 {
	return w.count(`SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id JOIN roles r ON r.id = ur.role_id
		WHERE u.account_id = @account AND u.status = 'ACTIVE' AND r.title = 'admin'`, store.Args{"account": w.account.ID})
}

func TestTheLastAdminStays(t *testing.T) {
	w := newWorld(t)
	root := w.admin.User.ID
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	_, err = w.UpdateUser(w.as(w.admin), root, people.UserChange{OrganizationID: &elsewhere.ID})
	require.NoError(t, err)
	ways := map[string]func(context.Context) error{
		"deactivated": func(ctx context.Context) error { _, err := w.DeactivateUsers(ctx, w.learner.User.ID, root); return err },
		"one of one":  func(ctx context.Context) error { _, err := w.DeactivateUser(ctx, root); return err },
		"with their organization": func(ctx context.Context) error {
			_, err := w.DeactivateOrganization(ctx, elsewhere.ID)
			return err
		},
		"without the role": func(ctx context.Context) error { _, err := w.RevokeRole(ctx, root, "Admin"); return err },
		"deleted":          func(ctx context.Context) error { return w.DeleteUser(ctx, root) },
	}
	for name, way := range ways {
		require.ErrorIs(t, way(w.as(w.admin)), people.ErrLastAdmin, name)
		require.EqualValues(t, 1, w.admins(), name)
	}
	_, err = w.Profile(w.as(w.admin), w.learner.User.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM users WHERE id = @id AND status = 'ACTIVE'`, store.Args{"id": w.learner.User.ID}), "all or none")

	// Another account's admin, and one who is not ACTIVE, are no replacement.
	second := w.user(w.public, "second", models.RoleAdmin)
	_, err = w.DeactivateUsers(w.as(w.admin), second.User.ID)
	require.NoError(t, err)
	require.ErrorIs(t, ways["deactivated"](w.as(w.admin)), people.ErrLastAdmin)
	third := w.user(w.public, "third", models.RoleAdmin)
	for _, name := range []string{"without the role", "with their organization"} {
		require.NoError(t, ways[name](w.as(third)), name)
	}
	require.EqualValues(t, 1, w.admins())
}

// Two admins who take each other's access away at once: one of them stays,
// whichever way they choose.
func TestAdminsWhoRemoveEachOther(t *testing.T) {
	w := newWorld(t)
	ways := []func(ctx context.Context, id int64) error{
		func(ctx context.Context, id int64) error { _, err := w.DeactivateUsers(ctx, id); return err },
		func(ctx context.Context, id int64) error { return w.DeleteUser(ctx, id) },
		func(ctx context.Context, id int64) error {
			_, err := w.RevokeRole(ctx, id, models.RoleAdmin)
			return err
		},
	}
	for turn := range 10 {
		w.exec(`UPDATE users SET status = 'INACTIVE' WHERE account_id = @account AND id IN (SELECT user_id FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE r.title = 'admin')`,
			store.Args{"account": w.account.ID})
		var them [2]people.Person
		for i := range them {
			them[i] = w.user(w.public, string(rune('a'+turn))+string(rune('a'+i)), models.RoleAdmin)
		}
		contexts := [2]context.Context{w.as(them[0]), w.as(them[1])}
		for n, err := range race(func(n int) error { return ways[(turn+n)%len(ways)](contexts[n%2], them[1-n%2].User.ID) }) {
			if err != nil && models.KindOf(err) != models.KindNotFound {
				require.ErrorIs(t, err, people.ErrLastAdmin, n)
			}
		}
		require.EqualValues(t, 1, w.admins(), turn)
	}
}

func TestOnlyAdminsDeactivateAdmins(t *testing.T) {
	w := newWorld(t)
	second := w.user(w.public, "second", models.RoleAdmin)
	_, err := w.DeactivateUsers(w.as(w.orgAdmin), w.learner.User.ID, second.User.ID)
	require.ErrorIs(t, err, people.ErrAdminProtected)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM users WHERE id = @id AND status = 'ACTIVE'`, store.Args{"id": w.learner.User.ID}), "all or none")
	_, err = w.DeactivateUser(w.as(w.orgAdmin), second.User.ID)
	require.ErrorIs(t, err, people.ErrAdminProtected)
	require.ErrorIs(t, w.DeleteUser(w.as(w.orgAdmin), w.learner.User.ID), models.ErrForbidden)
	_, err = w.DeactivateUsers(w.as(w.admin), second.User.ID)
	require.NoError(t, err)

	// An admin who acts for an organization reaches only its people.
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	far, err := w.EnsureUser(w.public, people.NewUser{Name: "Far", Email: "far@mail.test", OrganizationID: elsewhere.ID})
	require.NoError(t, err)
	_, err = w.DeactivateSelected(w.as(w.admin), people.UserSelection{IDs: []int64{far.User.ID}, OwnOrganization: true})
	require.ErrorIs(t, err, people.ErrUserUnknown)
	gone, err := w.DeactivateSelected(w.as(w.admin), people.UserSelection{Emails: []string{" FAR@mail.test"}, IDs: []int64{w.learner.User.ID, 1 << 40}})
	require.NoError(t, err)
	require.Equal(t, []int64{w.learner.User.ID, far.User.ID}, gone)
}

func TestAssignOrgAdmin(t *testing.T) {
	w := newWorld(t)
	var events []people.Event
	w.OnDeactivate(func(_ context.Context, e people.Event) error {
		events = append(events, e)
		return nil
	})
	school, err := w.AddOrganization(w.public, organization("school"))
	require.NoError(t, err)
	signed, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	id := w.learner.User.ID

	for range 2 { // the second time changes nothing
		who, err := w.AssignOrgAdmin(w.as(w.admin), people.OrgAdminAssignment{UserID: id, OrganizationID: school.ID})
		require.NoError(t, err)
		require.Equal(t, school.ID, who.User.OrganizationID)
		require.ElementsMatch(t, []string{models.RoleMentee, models.RoleOrgAdmin}, titles(who))
	}
	require.Equal(t, []people.Event{{Kind: people.UsersMoved, UserIDs: []int64{id}}}, events)
	require.True(t, w.audited("role.granted", id, w.admin.User.ID))
	require.True(t, w.audited("user.moved", id, w.admin.User.ID))
	identity, ok := auth.IdentityFrom(w.with(signed.Tokens.Access))
	require.True(t, ok)
	require.Equal(t, school.ID, identity.Principal.OrganizationID, "without a new sign-in")
	require.True(t, identity.Principal.Has(models.RoleOrgAdmin))

	other, err := w.AddOrganization(w.public, organization("other"))
	require.NoError(t, err)
	closed, err := w.AddOrganization(w.public, organization("closed"))
	require.NoError(t, err)
	_, err = w.DeactivateOrganization(w.as(w.admin), closed.ID)
	require.NoError(t, err)
	inactive := w.user(w.public, "inactive")
	_, err = w.DeactivateUsers(w.as(w.admin), inactive.User.ID)
	require.NoError(t, err)
	refusals := map[string]struct {
		in  people.OrgAdminAssignment
		err error
	}{
		"another organization's user":         {people.OrgAdminAssignment{UserID: id, OrganizationID: other.ID}, people.ErrOtherOrganization},
		"back into the default one":           {people.OrgAdminAssignment{UserID: id, OrganizationID: w.home.ID}, people.ErrOtherOrganization},
		"no such user":                        {people.OrgAdminAssignment{UserID: 1 << 40, OrganizationID: other.ID}, people.ErrUserUnknown},
		"another account's user":              {people.OrgAdminAssignment{UserID: w.stranger.User.ID, OrganizationID: other.ID}, people.ErrUserUnknown},
		"another account's user by e-mail":    {people.OrgAdminAssignment{Email: "stranger@mail.test", OrganizationID: other.ID}, people.ErrUserUnknown},
		"id of one and address of another":    {people.OrgAdminAssignment{UserID: id, Email: "orgadmin@mail.test", OrganizationID: other.ID}, people.ErrUserUnknown},
		"who is not active":                   {people.OrgAdminAssignment{UserID: inactive.User.ID, OrganizationID: other.ID}, people.ErrUserUnknown},
		"no such organization":                {people.OrgAdminAssignment{UserID: w.orgAdmin.User.ID, OrganizationID: 1 << 40}, people.ErrOrganizationUnknown},
		"another account's organization":      {people.OrgAdminAssignment{UserID: w.orgAdmin.User.ID, OrganizationID: w.otherHome.ID}, people.ErrOrganizationUnknown},
		"an organization that was closed":     {people.OrgAdminAssignment{UserID: w.orgAdmin.User.ID, OrganizationID: closed.ID}, people.ErrOrganizationClosed},
		"by nobody's id and nobody's address": {people.OrgAdminAssignment{Email: "nobody@mail.test", OrganizationID: other.ID}, people.ErrUserUnknown},
	}
	for name, c := range refusals {
		_, err := w.AssignOrgAdmin(w.as(w.admin), c.in)
		require.ErrorIs(t, err, c.err, name)
	}
	_, err = w.AssignOrgAdmin(w.as(w.admin), people.OrgAdminAssignment{OrganizationID: other.ID})
	require.Equal(t, []string{"user_id:required"}, rulesOf(t, err))
	_, err = w.AssignOrgAdmin(w.as(w.orgAdmin), people.OrgAdminAssignment{UserID: id, OrganizationID: school.ID})
	require.ErrorIs(t, err, models.ErrForbidden)
	who, err := w.AssignOrgAdmin(w.as(w.admin), people.OrgAdminAssignment{Email: " ORGADMIN@mail.test ", OrganizationID: other.ID})
	require.NoError(t, err)
	require.Equal(t, other.ID, who.User.OrganizationID)
}

// 50 organizations that want one code at once: one gets it.
func TestParallelUpdatesToOneCodeGiveItToOne(t *testing.T) {
	w := newWorld(t)
	ctx, ids := w.as(w.admin), make([]int64, 50)
	for n := range ids {
		o, err := w.AddOrganization(w.public, organization(fmt.Sprint("school", n)))
		require.NoError(t, err)
		ids[n] = o.ID
	}
	won := 0
	for _, err := range race(func(n int) error {
		_, err := w.UpdateOrganization(ctx, ids[n], organization("Wanted"))
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

func TestDeleteUser(t *testing.T) {
	w := newWorld(t)
	var events []people.Event
	w.OnDeactivate(func(_ context.Context, e people.Event) error {
		events = append(events, e)
		return nil
	})
	person, err := w.signUp(w.public, "anu@mail.test")
	require.NoError(t, err)
	id := person.User.ID
	ctx := w.with(person.Tokens.Access)
	token, _, err := w.CreateAPIToken(ctx, "Anu's script", nil)
	require.NoError(t, err)
	w.exec(`UPDATE users SET about = 'x', image = 'x', gender = 'x', location = '{x}', languages = '{x}', preferred_language = 'hi', share_link = 'x', identifier = 'x' WHERE id = @id`,
		store.Args{"id": id})
	require.NoError(t, w.RequestPasswordReset(w.public, "anu@mail.test", "another password", address))

	for name, who := range map[string]people.Person{"themselves": person.Person, "an org_admin": w.orgAdmin} {
		require.ErrorIs(t, w.DeleteUser(w.as(who), id), models.ErrForbidden, name)
	}
	require.ErrorIs(t, w.DeleteUser(w.as(w.otherAdmin), id), people.ErrUserUnknown, "another account's admin")
	require.NoError(t, w.DeleteUser(w.as(w.admin), id))
	require.ErrorIs(t, w.DeleteUser(w.as(w.admin), id), people.ErrUserUnknown, "done already")
	require.Equal(t, []people.Event{{Kind: people.UsersDeleted, UserIDs: []int64{id}, Emails: []string{"anu@mail.test"}}}, events)
	require.True(t, w.audited("user.deleted", id, w.admin.User.ID))

	var row models.User
	require.NoError(t, w.db.Conn(w.public).Take(&row, id).Error)
	require.Equal(t, people.DeletedName, row.Name)
	require.Regexp(t, `^[0-9a-f]{32}@deletedUser$`, *row.Email)
	require.Equal(t, models.StatusDeleted, row.Status)
	require.NotNil(t, row.DeletedAt)
	require.Equal(t, models.User{
		ID: id, AccountID: row.AccountID, OrganizationID: w.home.ID, Email: row.Email, Name: row.Name, Status: row.Status, DeletedAt: row.DeletedAt,
		Location: []string{}, Languages: []string{}, PreferredLanguage: "en", CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}, row, "nothing else is left")
	for table, column := range map[string]string{"user_credentials": "user_id", "user_roles": "user_id"} {
		require.EqualValues(t, 0, w.count(`SELECT count(*) FROM `+table+` WHERE `+column+` = @id`, store.Args{"id": id}), table)
	}
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM one_time_codes WHERE email = 'anu@mail.test'`, nil))

	_, err = w.auth.Authenticate(w.public, person.Tokens.Access)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.Refresh(w.public, person.Tokens.Refresh, false)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.auth.AuthenticateAPIToken(w.public, token)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.signIn("anu@mail.test", password)
	require.ErrorIs(t, err, people.ErrBadCredentials)
	_, err = w.Profile(w.as(w.admin), id)
	require.ErrorIs(t, err, people.ErrUserUnknown)

	again, err := w.signUp(w.public, "anu@mail.test")
	require.NoError(t, err, "the address is free")
	require.NotEqual(t, id, again.User.ID)
}
