package auth

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

const profiled = "profiled"

// profiledFixture is a fixture whose context is of a door with a Profile.
func profiledFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.SetProfile(profiled, Profile{AccessTTL: time.Minute, RefreshTTL: time.Hour, RoleNames: func(titles []string) []string {
		return append([]string{"EVERYBODY"}, titles...)
	}})
	f.ctx = WithDoor(f.ctx, profiled)
	return f
}

func TestTokensOfAProfile(t *testing.T) {
	f := profiledFixture(t)
	pair := f.open(t)
	require.WithinDuration(t, time.Now().Add(time.Minute), pair.AccessExpiresAt, 2*time.Second)
	require.WithinDuration(t, time.Now().Add(time.Hour), pair.RefreshExpiresAt, 2*time.Second)
	for _, door := range []string{profiled, "another"} { // one session for the whole hub
		before := f.db.Statements()
		who, err := f.Authenticate(WithDoor(t.Context(), door), pair.Access)
		require.NoError(t, err)
		require.EqualValues(t, 1, f.db.Statements()-before)
		require.Equal(t, f.user.ID, who.User.ID)
		require.Equal(t, pair.SessionID, who.Principal.SessionID)
		require.Equal(t, door == profiled, who.Membership != nil)
	}
	_, err := f.Authenticate(f.ctx, pair.Refresh)
	require.ErrorIs(t, err, ErrTokenInvalid)

	signed, err := f.OpenSession(WithDoor(f.ctx, "another"), NewSession{User: f.user})
	require.NoError(t, err)
	who, err := f.Authenticate(f.ctx, signed.Access)
	require.NoError(t, err)
	require.Equal(t, f.user.ID, who.User.ID)
	_, _, err = f.Rotate(f.ctx, signed.Refresh)
	require.ErrorIs(t, err, ErrTokenInvalid, "another kind of refresh token")
	_, _, err = f.Rotate(WithDoor(f.ctx, "another"), pair.Refresh)
	require.ErrorIs(t, err, ErrTokenInvalid)
}

func TestMembershipComesWithTheSession(t *testing.T) {
	f := profiledFixture(t)
	var tenants []int64
	for _, name := range []string{"a", "b", "c"} {
		o := models.Organization{Name: name, Code: name, Status: models.StatusActive}
		require.NoError(t, f.db.Conn(f.ctx).Create(&o).Error)
		tenants = append(tenants, o.ID)
		f.exec(t, `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @organization)`,
			store.Args{"account_id": f.user.AccountID, "user": f.user.ID, "organization": o.ID})
	}
	pair := f.open(t)
	who := func() Identity {
		i, err := f.Authenticate(f.ctx, pair.Access)
		require.NoError(t, err)
		return i
	}
	require.Equal(t, &Membership{Organizations: tenants}, who().Membership)
	f.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": tenants[0]})
	f.exec(t, `UPDATE users SET organization_id = @home WHERE id = @id`, store.Args{"id": f.user.ID, "home": tenants[2]})
	require.Equal(t, &Membership{Tenant: &tenants[2], Organizations: []int64{tenants[2], tenants[1]}}, who().Membership)

	before := f.db.Statements()
	reach, err := f.Reach(WithIdentity(f.ctx, who()))
	require.NoError(t, err)
	require.Equal(t, Reach{Organizations: []int64{tenants[2], tenants[1]}}, reach)
	require.EqualValues(t, 1, f.db.Statements()-before, "that of the session")
	without, err := f.Reach(WithPrincipal(f.ctx, who().Principal))
	require.NoError(t, err)
	require.Equal(t, reach, without)
}

// usable: an inactive home keeps out who belongs to nothing else and is no admin.
func TestWhoMayUseTheHub(t *testing.T) {
	f := newFixture(t)
	tenants := make([]models.Organization, 2)
	for i, name := range []string{"a", "b"} {
		tenants[i] = models.Organization{Name: name, Code: name, Status: models.StatusInactive}
		require.NoError(t, f.db.Conn(f.ctx).Create(&tenants[i]).Error)
	}
	f.SetProfile(profiled, Profile{AccessTTL: time.Minute, RefreshTTL: time.Hour, RoleNames: func(titles []string) []string { return titles }})
	token := f.open(t).Access
	set := func(status models.Status) {
		f.exec(t, `UPDATE organizations SET status = @status WHERE id = @id`, store.Args{"id": tenants[1].ID, "status": status})
	}
	check := func(want bool) {
		t.Helper()
		for _, ctx := range []context.Context{t.Context(), WithDoor(t.Context(), profiled)} {
			_, err := f.Authenticate(ctx, token)
			require.Equal(t, want, err == nil)
		}
		c, err := f.CandidateByEmail(f.ctx, *f.user.Email)
		require.NoError(t, err)
		require.Equal(t, want, c.Usable)
	}
	f.exec(t, `UPDATE users SET organization_id = @home WHERE id = @id`, store.Args{"id": f.user.ID, "home": tenants[0].ID})
	check(false)
	f.exec(t, `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @organization)`,
		store.Args{"account_id": f.user.AccountID, "user": f.user.ID, "organization": tenants[1].ID})
	check(false)
	set(models.StatusActive)
	check(true)
	set(models.StatusInactive)
	check(false)
	admin := models.Role{OrganizationID: f.organization.ID, Title: models.RoleAdmin, Label: "Admin", Status: models.StatusActive, Visibility: "PUBLIC"}
	require.NoError(t, f.db.Conn(f.ctx).Create(&admin).Error)
	require.NoError(t, f.db.Conn(f.ctx).Create(&models.UserRole{UserID: f.user.ID, RoleID: admin.ID}).Error)
	check(true)
	f.exec(t, `UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": f.user.ID})
	check(false)
}

func TestRandomRefreshTokens(t *testing.T) {
	f := profiledFixture(t)
	pair := f.open(t)
	before := f.db.Statements()
	next, who, err := f.Rotate(f.ctx, pair.Refresh)
	require.NoError(t, err)
	require.EqualValues(t, 2, f.db.Statements()-before)
	require.Equal(t, f.user.ID, who.User.ID)
	require.Equal(t, pair.SessionID, next.SessionID)

	for name, token := range map[string]string{
		"forged": strings.Replace(next.Refresh, next.Refresh[30:34], "AAAA", 1), "cut": next.Refresh[:len(next.Refresh)-4], "long": strings.Repeat("A", 9000), "": "",
	} {
		before := f.db.Statements()
		_, _, err = f.Rotate(f.ctx, token)
		require.ErrorIs(t, err, ErrTokenInvalid, name)
		require.EqualValues(t, 0, f.db.Statements()-before, "it is not looked for")
	}
	_, _, err = f.Rotate(WithDoor(f.otherCtx, profiled), next.Refresh)
	require.ErrorIs(t, err, ErrTokenInvalid, "another account's")
	id, err := f.OwnSession(f.ctx, f.user.ID, next.Refresh)
	require.NoError(t, err)
	require.Equal(t, pair.SessionID, id)
	for _, user := range []int64{f.other.ID, 0} {
		id, err = f.OwnSession(f.ctx, user, next.Refresh)
		require.NoError(t, err)
		require.Zero(t, id)
	}
	_, _, err = f.Rotate(f.ctx, pair.Refresh)
	require.ErrorIs(t, err, ErrTokenReused)
	_, _, err = f.Rotate(f.ctx, next.Refresh)
	require.ErrorIs(t, err, ErrTokenExpired)
}

func TestOneOfManyRotationsSucceeds(t *testing.T) {
	f := profiledFixture(t)
	pair := f.open(t)
	errs := make([]error, 50)
	var group sync.WaitGroup
	for n := range errs {
		group.Go(func() { _, _, errs[n] = f.Rotate(f.ctx, pair.Refresh) })
	}
	group.Wait()
	succeeded := 0
	for _, err := range errs {
		if err == nil {
			succeeded++
			continue
		}
		require.True(t, models.KindOf(err) == models.KindUnauthenticated, err)
	}
	require.Equal(t, 1, succeeded)
	_, err := f.Authenticate(f.ctx, pair.Access)
	require.ErrorIs(t, err, ErrTokenExpired, "the session has ended")
}

func TestMailedLinks(t *testing.T) {
	f := newFixture(t)
	f.cfg.ResetLinkTTL = time.Hour
	const purpose = models.CodePasswordLink
	issue := func() (IssuedCode, string) {
		issued, err := f.IssueLink(f.ctx, purpose, "  Anu@Mail.test ")
		require.NoError(t, err)
		token, email, err := f.LinkToken(f.ctx, issued.ID)
		require.NoError(t, err)
		require.Equal(t, "anu@mail.test", email)
		return issued, token
	}
	first, old := issue()
	second, token := issue()
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, 2, second.Sent)
	_, err := f.OpenLink(f.ctx, purpose, old)
	require.ErrorIs(t, err, ErrLinkInvalid, "replaced")
	_, err = f.OpenLink(f.otherCtx, purpose, token)
	require.ErrorIs(t, err, ErrLinkInvalid, "another account's")
	_, err = f.OpenLink(f.ctx, models.CodePasswordReset, token)
	require.ErrorIs(t, err, ErrLinkInvalid, "another purpose")
	for _, broken := range []string{"", "x", token[:len(token)-4], strings.Repeat("A", 9000)} {
		_, err = f.OpenLink(f.ctx, purpose, broken)
		require.ErrorIs(t, err, ErrLinkInvalid)
	}
	link, err := f.OpenLink(f.ctx, purpose, token)
	require.NoError(t, err)
	require.Equal(t, "anu@mail.test", link.Email)

	_, newer := issue()
	require.ErrorIs(t, f.SpendLink(f.ctx, link), ErrLinkInvalid, "replaced since it was opened")
	link, err = f.OpenLink(f.ctx, purpose, newer)
	require.NoError(t, err)
	errs := make([]error, 20)
	var group sync.WaitGroup
	for n := range errs {
		group.Go(func() { errs[n] = f.SpendLink(f.ctx, link) })
	}
	group.Wait()
	used := 0
	for _, err := range errs {
		if err == nil {
			used++
		}
	}
	require.Equal(t, 1, used)
	_, _, err = f.LinkToken(f.ctx, link.ID)
	require.ErrorIs(t, err, models.ErrNotFound)

	for range maxCodeMails {
		issue()
	}
	_, err = f.IssueLink(f.ctx, purpose, "anu@mail.test")
	require.ErrorIs(t, err, ErrCodeLimit)
	f.exec(t, `UPDATE one_time_codes SET expires_at = now()`, nil)
	issued, _ := issue()
	require.Equal(t, 1, issued.Sent, "the count begins anew after an hour without a link")
}
