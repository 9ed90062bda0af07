package people_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/models"
)

func TestCreateUser(t *testing.T) {
	w := newWorld(t)
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	admin, orgAdmin := w.as(w.admin), w.as(w.orgAdmin)

	p, err := w.CreateUser(orgAdmin, people.NewUser{Name: "Anu", Email: "Anu@mail.test", Roles: []string{"Mentor", "mentor"}})
	require.NoError(t, err)
	require.Equal(t, w.home.ID, p.User.OrganizationID)
	require.Equal(t, []string{models.RoleMentor}, titles(p))
	require.True(t, w.audited("user.created", p.User.ID, w.orgAdmin.User.ID))
	_, err = w.signIn("anu@mail.test", password)
	require.ErrorIs(t, err, people.ErrBadCredentials, "without a password nobody signs in")
	require.NoError(t, w.RequestPasswordReset(w.public, "anu@mail.test", password, address))
	_, err = w.ResetPassword(w.public, people.PasswordReset{Email: "anu@mail.test", Password: password, Code: w.code(w.public, "anu@mail.test", "emailotp")})
	require.NoError(t, err, "but the mailbox's owner can set one")

	_, err = w.CreateUser(orgAdmin, people.NewUser{Name: "A", Email: "a@mail.test", OrganizationID: elsewhere.ID})
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	_, err = w.CreateUser(orgAdmin, people.NewUser{Name: "A", Email: "a@mail.test", Roles: []string{models.RoleAdmin}})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.CreateUser(w.as(w.learner), people.NewUser{Name: "A", Email: "a@mail.test"})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.CreateUser(admin, people.NewUser{Name: "A", Email: "a@mail.test", OrganizationID: w.otherHome.ID})
	require.ErrorIs(t, err, people.ErrOrganizationUnknown, "of another account")
	_, err = w.CreateUser(admin, people.NewUser{Name: "A", Email: "a@mail.test", Roles: []string{"nothing"}})
	require.ErrorIs(t, err, people.ErrRoleUnknown)
	_, err = w.CreateUser(admin, people.NewUser{Password: "short"})
	require.Equal(t, []string{"name:required", "email:required", "password:too_short"}, rulesOf(t, err))
	_, err = w.CreateUser(admin, people.NewUser{Name: "A", Email: "anu@mail.test"})
	require.ErrorIs(t, err, people.ErrEmailTaken)
	far, err := w.CreateUser(admin, people.NewUser{Name: "Far", Email: "far@mail.test", OrganizationID: elsewhere.ID, Roles: []string{models.RoleAdmin, models.RoleUser}})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{models.RoleAdmin, models.RoleUser}, titles(far))
}

func TestProfile(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.learner)
	p, err := w.Profile(ctx, w.orgAdmin.User.ID)
	require.NoError(t, err)
	require.Equal(t, []string{models.RoleOrgAdmin}, titles(p))
	_, err = w.Profile(ctx, w.stranger.User.ID)
	require.ErrorIs(t, err, people.ErrUserUnknown, "another account's")
	_, err = w.Profile(ctx, 1<<40)
	require.ErrorIs(t, err, people.ErrUserUnknown)
	w.exec(`UPDATE users SET share_link = 'abc' WHERE email = 'orgadmin@mail.test' AND account_id = (SELECT min(id) FROM accounts)`, nil)
	p, err = w.ProfileByShareLink(ctx, "abc")
	require.NoError(t, err)
	require.Equal(t, w.orgAdmin.User.ID, p.User.ID)
	_, err = w.ProfileByShareLink(w.as(w.stranger), "abc")
	require.ErrorIs(t, err, people.ErrUserUnknown)
	w.exec(`UPDATE users SET status = 'DELETED' WHERE share_link = 'abc'`, nil)
	_, err = w.Profile(ctx, w.orgAdmin.User.ID)
	require.ErrorIs(t, err, people.ErrUserUnknown)
}

func TestListUsers(t *testing.T) {
	w := newWorld(t)
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	for n := range 5 {
		_, err := w.EnsureUser(w.public, people.NewUser{Name: fmt.Sprintf("Far_%d", n), Email: fmt.Sprintf("far%d@mail.test", n), OrganizationID: elsewhere.ID,
			Roles: []string{models.RoleMentor}})
		require.NoError(t, err)
	}
	list := func(p people.Person, f people.UserFilter) []string {
		names := []string{}
		for pages := 0; ; pages++ {
			require.Less(t, pages, 10)
			before := w.db.Statements()
			ctx := w.as(p)
			signIn := w.db.Statements() - before
			page, next, err := w.ListUsers(ctx, f)
			require.NoError(t, err)
			require.LessOrEqual(t, w.db.Statements()-before-signIn, int64(2))
			for _, p := range page {
				require.NotEmpty(t, p.Roles)
				names = append(names, p.User.Name)
			}
			if f.After = next; next == 0 {
				return names
			}
		}
	}
	require.Len(t, list(w.admin, people.UserFilter{Limit: 3}), 8)
	require.Equal(t, []string{"The admin", "The orgadmin", "The learner"}, list(w.orgAdmin, people.UserFilter{Limit: 2}), "the own organization")
	require.Empty(t, list(w.orgAdmin, people.UserFilter{OrganizationID: elsewhere.ID}))
	require.Len(t, list(w.admin, people.UserFilter{OrganizationID: elsewhere.ID}), 5)
	require.Len(t, list(w.admin, people.UserFilter{Role: "MENTOR"}), 5)
	require.Equal(t, []string{"Far_3"}, list(w.admin, people.UserFilter{Search: "far_3"}))
	require.Equal(t, []string{"Far_2"}, list(w.admin, people.UserFilter{Search: "FAR2@"}))
	require.Empty(t, list(w.admin, people.UserFilter{Status: models.StatusInactive}))
	require.Len(t, list(w.otherAdmin, people.UserFilter{}), 3, "another account")
	_, _, err = w.ListUsers(w.as(w.learner), people.UserFilter{})
	require.ErrorIs(t, err, models.ErrForbidden)
}

func TestGrantAndRevoke(t *testing.T) {
	w := newWorld(t)
	signed, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	id := w.learner.User.ID
	orgAdmin := w.as(w.orgAdmin)
	won := 0
	for n, err := range race(func(int) error {
		changed, err := w.GrantRole(orgAdmin, id, "mentor")
		if err == nil && !changed {
			return people.ErrRoleUnknown
		}
		return err
	}) {
		if err == nil {
			won++
		} else {
			require.ErrorIs(t, err, people.ErrRoleUnknown, n)
		}
	}
	require.Equal(t, 1, won, "granted once")
	require.True(t, w.audited("role.granted", id, w.orgAdmin.User.ID))
	identity, ok := auth.IdentityFrom(w.with(signed.Tokens.Access))
	require.True(t, ok)
	require.ElementsMatch(t, []string{models.RoleMentee, models.RoleMentor}, identity.Principal.Roles, "without a new sign-in")

	changed, err := w.RevokeRole(orgAdmin, id, "Mentor")
	require.NoError(t, err)
	require.True(t, changed)
	changed, err = w.RevokeRole(orgAdmin, id, "Mentor")
	require.NoError(t, err)
	require.False(t, changed)

	_, err = w.GrantRole(orgAdmin, id, models.RoleAdmin)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.GrantRole(w.as(w.learner), id, models.RoleMentor)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.GrantRole(w.as(w.admin), id, "nothing")
	require.ErrorIs(t, err, people.ErrRoleUnknown)
	_, err = w.GrantRole(w.as(w.otherAdmin), id, models.RoleMentor)
	require.ErrorIs(t, err, people.ErrUserUnknown)
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	far, err := w.EnsureUser(w.public, people.NewUser{Name: "Far", Email: "far@mail.test", OrganizationID: elsewhere.ID})
	require.NoError(t, err)
	_, err = w.GrantRole(orgAdmin, far.User.ID, models.RoleMentor)
	require.ErrorIs(t, err, people.ErrUserUnknown)
	_, err = w.GrantRole(w.as(w.admin), far.User.ID, models.RoleAdmin)
	require.NoError(t, err)

	mentor, err := w.RoleByTitle(w.public, "mentor")
	require.NoError(t, err)
	again, err := w.Role(w.public, mentor.ID)
	require.NoError(t, err)
	require.Equal(t, mentor, again)
	_, err = w.Role(w.other, mentor.ID)
	require.ErrorIs(t, err, people.ErrRoleUnknown)
}

func TestAPITokens(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.learner)
	soon := time.Now().Add(time.Hour)
	token, row, err := w.CreateAPIToken(ctx, "script", &soon)
	require.NoError(t, err)
	identity, err := w.auth.AuthenticateAPIToken(w.public, token)
	require.NoError(t, err)
	require.Equal(t, w.learner.User.ID, identity.User.ID)
	_, _, err = w.CreateAPIToken(auth.WithIdentity(w.public, identity), "child", nil)
	require.ErrorIs(t, err, models.ErrForbidden, "a token makes no tokens")
	list, err := w.ListAPITokens(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, list[0].TokenHash)
	list, err = w.ListAPITokens(w.as(w.admin))
	require.NoError(t, err)
	require.Empty(t, list)

	past := time.Now().Add(-time.Second)
	_, _, err = w.CreateAPIToken(ctx, "", &past)
	require.Equal(t, []string{"name:required", "expires_at:invalid"}, rulesOf(t, err))
	require.ErrorIs(t, w.RevokeAPIToken(w.as(w.orgAdmin), row.ID), people.ErrTokenUnknown)
	require.ErrorIs(t, w.RevokeAPIToken(w.as(w.otherAdmin), row.ID), people.ErrTokenUnknown)
	require.NoError(t, w.RevokeAPIToken(ctx, row.ID))
	require.ErrorIs(t, w.RevokeAPIToken(ctx, row.ID), people.ErrTokenUnknown)
	_, err = w.auth.AuthenticateAPIToken(w.public, token)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, row, err = w.CreateAPIToken(ctx, "second", nil)
	require.NoError(t, err)
	require.NoError(t, w.RevokeAPIToken(w.as(w.admin), row.ID))

	for _, err := range race(func(n int) error {
		for range 3 {
			if _, _, err := w.CreateAPIToken(ctx, fmt.Sprint("token ", n), nil); err != nil && models.KindOf(err) != models.KindInvalid {
				return err
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	list, err = w.ListAPITokens(ctx)
	require.NoError(t, err)
	require.Len(t, list, 100, "bounded")
}

func TestAPIClients(t *testing.T) {
	w := newWorld(t)
	secret, row, err := w.CreateAPIClient(w.as(w.admin), "lms", &w.home.ID)
	require.NoError(t, err)
	client, err := w.auth.AuthenticateClient(t.Context(), row.ClientKey, secret)
	require.NoError(t, err)
	require.Equal(t, w.home.ID, *client.OrganizationID)
	_, _, err = w.CreateAPIClient(w.as(w.orgAdmin), "lms", nil)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, _, err = w.CreateAPIClient(w.as(w.admin), "lms", &w.otherHome.ID)
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	require.ErrorIs(t, w.RevokeAPIClient(w.as(w.otherAdmin), row.ID), people.ErrTokenUnknown)
	require.NoError(t, w.RevokeAPIClient(w.as(w.admin), row.ID))
	_, err = w.auth.AuthenticateClient(t.Context(), row.ClientKey, secret)
	require.ErrorIs(t, err, auth.ErrTokenInvalid)
}

func TestStoredFilesBelongToTheirOrganization(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.orgAdmin)
	f, err := w.RegisterFile(ctx, models.StoredFile{Path: "users/1-a.csv", Name: "a.csv", Purpose: "upload"})
	require.NoError(t, err)
	require.Equal(t, w.home.ID, f.OrganizationID)
	require.Equal(t, w.orgAdmin.User.ID, *f.UserID)
	_, err = w.RegisterFile(ctx, models.StoredFile{Path: "users/1-a.csv", Name: "b.csv", Purpose: "upload"})
	require.ErrorIs(t, err, models.ErrConflict)
	found, err := w.FileByPath(w.as(w.learner), "users/1-a.csv")
	require.NoError(t, err)
	require.Equal(t, f.ID, found.ID)

	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	far, err := w.EnsureUser(w.public, people.NewUser{Name: "Far", Email: "far@mail.test", OrganizationID: elsewhere.ID})
	require.NoError(t, err)
	for name, who := range map[string]people.Person{"another organization": far, "another account": w.otherAdmin} {
		_, err = w.FileByPath(w.as(who), "users/1-a.csv")
		require.ErrorIs(t, err, people.ErrFileUnknown, name)
	}
	_, err = w.FileByPath(ctx, "users/../users/1-a.csv")
	require.ErrorIs(t, err, people.ErrFileUnknown)
	_, err = w.FileByPath(w.public, "users/1-a.csv")
	require.ErrorIs(t, err, models.ErrUnauthenticated)

	report, err := w.RegisterFile(w.public, models.StoredFile{OrganizationID: elsewhere.ID, Path: "out/1.csv", Name: "1.csv", Purpose: "result"})
	require.NoError(t, err)
	require.Nil(t, report.UserID, "made by the hub")
	_, err = w.FileByPath(w.as(far), "out/1.csv")
	require.NoError(t, err)
}
