package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

var testConfig = config.Auth{
	AccessTTL: time.Hour, RefreshTTL: 24 * time.Hour, OTPTTL: time.Hour, OTPMaxAttempts: 5, LockAfter: 3, LockFor: time.Hour,
	PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1,
}

// fixture is two accounts with a user each.
type fixture struct {
	*Service
	ctx, otherCtx context.Context // bound to the accounts
	user, other   models.User
	mentor        models.Role
	organization  models.Organization
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 10})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s, err := New(Deps{DB: db, Keys: newKeys(t, 1), Config: testConfig})
	require.NoError(t, err)
	f := &fixture{Service: s}
	f.ctx, f.user, f.organization = f.account(t, "one")
	f.otherCtx, f.other, _ = f.account(t, "two")
	f.mentor = models.Role{OrganizationID: f.organization.ID, Title: models.RoleMentor, Label: "Mentor", Status: models.StatusActive, Visibility: "PUBLIC"}
	require.NoError(t, db.Conn(f.ctx).Create(&f.mentor).Error)
	return f
}

func (f *fixture) account(t *testing.T, name string) (context.Context, models.User, models.Organization) {
	t.Helper()
	account := models.Account{Name: name, Status: models.StatusActive, IsDefault: name == "one"}
	require.NoError(t, f.db.Conn(store.AsSystem(t.Context())).Create(&account).Error)
	ctx := WithDoor(store.WithAccount(t.Context(), account.ID), "test")
	organization := models.Organization{Name: name, Code: name, Status: models.StatusActive, IsDefault: true}
	require.NoError(t, f.db.Conn(ctx).Create(&organization).Error)
	hash, err := f.passwords.Hash(ctx, "password")
	require.NoError(t, err)
	email := "user@" + name + ".test"
	user := models.User{OrganizationID: organization.ID, Email: &email, Name: "User " + name, Status: models.StatusActive, PreferredLanguage: "en",
		Location: []string{"kl", "tn"}, Languages: []string{}}
	require.NoError(t, f.db.Conn(ctx).Create(&user).Error)
	require.NoError(t, f.db.Conn(ctx).Create(&models.UserCredential{UserID: user.ID, PasswordHash: hash}).Error)
	return ctx, user, organization
}

func (f *fixture) open(t *testing.T) TokenPair {
	t.Helper()
	pair, err := f.OpenSession(f.ctx, NewSession{User: f.user})
	require.NoError(t, err)
	return pair
}

func (f *fixture) exec(t *testing.T, text string, args store.Args) {
	t.Helper()
	_, err := f.db.Exec(store.AsSystem(t.Context()), text, args)
	require.NoError(t, err)
}

func TestAuthenticateNeedsOneStatementAndGivesTheWholeUser(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.db.Conn(f.ctx).Create(&models.UserRole{UserID: f.user.ID, RoleID: f.mentor.ID}).Error)
	pair := f.open(t)
	before := f.db.Statements()
	identity, err := f.Authenticate(WithDoor(t.Context(), "elevate"), pair.Access)
	require.NoError(t, err)
	require.EqualValues(t, 1, f.db.Statements()-before)

	require.Equal(t, Principal{AccountID: f.user.AccountID, UserID: f.user.ID, OrganizationID: f.organization.ID, SessionID: pair.SessionID,
		Door: "elevate", Name: f.user.Name, Roles: []string{models.RoleMentor}}, identity.Principal)
	require.Equal(t, *f.user.Email, *identity.User.Email)
	require.Equal(t, f.user.Location, identity.User.Location)
	require.Equal(t, f.user.CreatedAt, identity.User.CreatedAt.UTC())
	require.Len(t, identity.Roles, 1)
	require.Equal(t, f.mentor.ID, identity.Roles[0].ID)
	require.Equal(t, f.mentor.Label, identity.Roles[0].Label)

	ctx := WithIdentity(t.Context(), identity)
	again, ok := IdentityFrom(ctx)
	require.True(t, ok)
	require.Equal(t, identity, again)
	account, ok := store.AccountID(ctx)
	require.True(t, ok)
	require.Equal(t, f.user.AccountID, account)
}

// Requests that arrive together share a statement, never a person: among many
// of two accounts everybody is who their token says, and who has logged out is
// nobody.
func TestManyAtOnceAreWhoTheyAre(t *testing.T) {
	f := newFixture(t)
	one, gone := f.open(t), f.open(t)
	two, err := f.OpenSession(f.otherCtx, NewSession{User: f.other})
	require.NoError(t, err)
	_, err = f.CloseSession(f.ctx, gone.SessionID, EndLogout)
	require.NoError(t, err)
	cases := []struct {
		token string
		user  int64
		err   error
	}{{one.Access, f.user.ID, nil}, {two.Access, f.other.ID, nil}, {gone.Access, 0, ErrTokenExpired}}

	const callers, times = 24, 20
	before := f.db.Statements()
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			want := cases[n%len(cases)]
			door := fmt.Sprintf("door%d", n)
			for range times {
				identity, err := f.Authenticate(WithDoor(t.Context(), door), want.token)
				switch {
				case !errors.Is(err, want.err):
					t.Errorf("answer %v, want %v", err, want.err)
				case err == nil && (identity.User.ID != want.user || identity.Principal.UserID != want.user || identity.Principal.Door != door):
					t.Errorf("user %d at %s, want %d at %s", identity.User.ID, identity.Principal.Door, want.user, door)
				}
			}
		})
	}
	group.Wait()
	require.Less(t, f.db.Statements()-before, int64(callers*times), "some went together")
}

func TestWhatEndsAccessActsAtOnce(t *testing.T) {
	f := newFixture(t)
	for name, change := range map[string]string{
		"logout":       `UPDATE sessions SET ended_at = now() WHERE user_id = @user`,
		"expiry":       `UPDATE sessions SET expires_at = now() WHERE user_id = @user`,
		"deactivation": `UPDATE users SET status = 'INACTIVE' WHERE id = @user`,
		"deletion":     `UPDATE users SET status = 'DELETED' WHERE id = @user`,
		"organization": `UPDATE organizations SET status = 'INACTIVE' WHERE id = (SELECT organization_id FROM users WHERE id = @user)`,
		"account":      `UPDATE accounts SET status = 'INACTIVE' WHERE id = (SELECT account_id FROM users WHERE id = @user)`,
		"purge":        `DELETE FROM sessions WHERE user_id = @user`,
	} {
		t.Run(name, func(t *testing.T) {
			pair := f.open(t)
			_, err := f.Authenticate(f.ctx, pair.Access)
			require.NoError(t, err)
			f.exec(t, change, store.Args{"user": f.user.ID})
			_, err = f.Authenticate(f.ctx, pair.Access)
			require.ErrorIs(t, err, ErrTokenExpired)
			_, _, err = f.Refresh(f.ctx, pair.Refresh)
			require.ErrorIs(t, err, ErrTokenExpired)
			_, _, err = f.Rotate(f.ctx, pair.Refresh)
			require.ErrorIs(t, err, ErrTokenExpired)
			f.exec(t, `UPDATE users SET status = 'ACTIVE'`, nil)
			f.exec(t, `UPDATE organizations SET status = 'ACTIVE'`, nil)
			f.exec(t, `UPDATE accounts SET status = 'ACTIVE'`, nil)
		})
	}
	t.Run("role", func(t *testing.T) {
		pair := f.open(t)
		roles := func() []string {
			identity, err := f.Authenticate(f.ctx, pair.Access)
			require.NoError(t, err)
			return identity.Principal.Roles
		}
		require.Empty(t, roles())
		require.NoError(t, f.db.Conn(f.ctx).Create(&models.UserRole{UserID: f.user.ID, RoleID: f.mentor.ID}).Error)
		require.Equal(t, []string{models.RoleMentor}, roles())
		f.exec(t, `UPDATE roles SET status = 'INACTIVE' WHERE id = @role`, store.Args{"role": f.mentor.ID})
		require.Empty(t, roles())
		f.exec(t, `UPDATE roles SET status = 'ACTIVE', deleted_at = now() WHERE id = @role`, store.Args{"role": f.mentor.ID})
		require.Empty(t, roles())
	})
}

func TestTokensAreBoundToKeyPurposeAndTime(t *testing.T) {
	f := newFixture(t)
	pair := f.open(t)
	for name, token := range map[string]string{
		"empty": "", "no token": "x.y.z", "refresh as access": pair.Refresh, "cut": pair.Access[:len(pair.Access)-2],
		"unsigned": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJkYXRhIjp7ImlkIjoxLCJzZXNzaW9uX2lkIjoxfSwiZXhwIjo0MTAyNDQ0ODAwfQ.",
	} {
		_, err := f.Authenticate(f.ctx, token)
		require.ErrorIs(t, err, ErrTokenInvalid, name)
	}
	_, _, err := f.Refresh(f.ctx, pair.Access)
	require.ErrorIs(t, err, ErrTokenInvalid, "access as refresh")

	old := f.keys
	f.keys = newKeys(t, 2, 1)
	_, err = f.Authenticate(f.ctx, pair.Access)
	require.NoError(t, err, "made with the older key")
	f.keys = newKeys(t, 2)
	_, err = f.Authenticate(f.ctx, pair.Access)
	require.ErrorIs(t, err, ErrTokenInvalid, "the key is gone")
	f.keys = old

	f.now = func() time.Time { return time.Now().Add(testConfig.AccessTTL + time.Minute) }
	_, err = f.Authenticate(f.ctx, pair.Access)
	require.ErrorIs(t, err, ErrTokenExpired)
	refreshed, _, err := f.Refresh(f.ctx, pair.Refresh)
	require.NoError(t, err)
	_, err = f.Authenticate(f.ctx, refreshed.Access)
	require.NoError(t, err)
	f.now = func() time.Time { return time.Now().Add(testConfig.RefreshTTL + time.Minute) }
	_, _, err = f.Refresh(f.ctx, pair.Refresh)
	require.ErrorIs(t, err, ErrTokenExpired)
}

func TestRefreshWithoutRotationRepeats(t *testing.T) {
	f := newFixture(t)
	pair := f.open(t)
	for range 3 {
		before := f.db.Statements()
		refreshed, identity, err := f.Refresh(f.ctx, pair.Refresh)
		require.NoError(t, err)
		require.EqualValues(t, 1, f.db.Statements()-before)
		require.Equal(t, pair.Refresh, refreshed.Refresh)
		require.Equal(t, pair.SessionID, refreshed.SessionID)
		require.Equal(t, f.user.ID, identity.User.ID)
		_, err = f.Authenticate(f.ctx, refreshed.Access)
		require.NoError(t, err)
	}
}

func TestAReusedRefreshTokenEndsTheSession(t *testing.T) {
	f := newFixture(t)
	first := f.open(t)
	second, _, err := f.Rotate(f.ctx, first.Refresh)
	require.NoError(t, err)
	third, _, err := f.Rotate(f.ctx, second.Refresh)
	require.NoError(t, err)
	_, err = f.Authenticate(f.ctx, third.Access)
	require.NoError(t, err)

	_, _, err = f.Rotate(f.ctx, first.Refresh)
	require.ErrorIs(t, err, ErrTokenReused)
	_, err = f.Authenticate(f.ctx, third.Access)
	require.ErrorIs(t, err, ErrTokenExpired)
	_, _, err = f.Rotate(f.ctx, third.Refresh)
	require.ErrorIs(t, err, ErrTokenExpired)
}

func TestParallelRotationsOfOneTokenHaveOneWinner(t *testing.T) {
	f := newFixture(t)
	pair := f.open(t)
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, _, err := f.Rotate(f.ctx, pair.Refresh); err == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
}

func TestSessionsCloseByUserAndOrganization(t *testing.T) {
	f := newFixture(t)
	one, two := f.open(t), f.open(t)
	foreign, err := f.OpenSession(f.otherCtx, NewSession{User: f.other})
	require.NoError(t, err)

	closed, err := f.CloseSession(f.otherCtx, one.SessionID, EndLogout)
	require.NoError(t, err)
	require.False(t, closed, "another account's session")
	n, err := f.CloseUserSessions(f.ctx, EndLogout, f.user.ID, f.other.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	for _, pair := range []TokenPair{one, two} {
		_, err = f.Authenticate(f.ctx, pair.Access)
		require.ErrorIs(t, err, ErrTokenExpired)
	}
	three := f.open(t)
	n, err = f.CloseOrganizationSessions(f.ctx, EndDeactivated, f.organization.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	_, err = f.Authenticate(f.ctx, three.Access)
	require.ErrorIs(t, err, ErrTokenExpired)
	_, err = f.Authenticate(f.ctx, foreign.Access)
	require.NoError(t, err)
}

func TestNoSessionOpensForWhoMayNot(t *testing.T) {
	f := newFixture(t)
	_, err := f.OpenSession(f.otherCtx, NewSession{User: f.user})
	require.ErrorIs(t, err, models.ErrUnauthenticated, "another account")
	_, err = f.OpenSession(f.ctx, NewSession{User: f.user, SignIn: true, PasswordHash: "replaced meanwhile"})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	f.exec(t, `UPDATE users SET status = 'INACTIVE'`, nil)
	_, err = f.OpenSession(f.ctx, NewSession{User: f.user})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func TestAPITokens(t *testing.T) {
	f := newFixture(t)
	token, hash, err := NewAPIToken()
	require.NoError(t, err)
	require.True(t, IsAPIToken(token))
	row := models.APIToken{UserID: f.user.ID, Name: "script", TokenHash: hash}
	require.NoError(t, f.db.Conn(f.ctx).Create(&row).Error)

	for want := range []int{2, 1} { // the first use is noted, the second is too soon
		before := f.db.Statements()
		identity, err := f.AuthenticateAPIToken(f.ctx, token)
		require.NoError(t, err)
		require.EqualValues(t, 2-want, f.db.Statements()-before)
		require.Equal(t, f.user.ID, identity.Principal.UserID)
		require.Zero(t, identity.Principal.SessionID)
	}
	_, err = f.AuthenticateAPIToken(f.ctx, token+"x")
	require.ErrorIs(t, err, ErrTokenInvalid)
	f.exec(t, `UPDATE api_tokens SET expires_at = now()`, nil)
	_, err = f.AuthenticateAPIToken(f.ctx, token)
	require.ErrorIs(t, err, ErrTokenExpired)
	f.exec(t, `UPDATE api_tokens SET expires_at = NULL, revoked_at = now()`, nil)
	_, err = f.AuthenticateAPIToken(f.ctx, token)
	require.ErrorIs(t, err, ErrTokenExpired)
}

func TestAPIClients(t *testing.T) {
	f := newFixture(t)
	key, secret, hash, err := NewClientSecret()
	require.NoError(t, err)
	row := models.APIClient{OrganizationID: &f.organization.ID, Name: "lms", ClientKey: key, SecretHash: hash}
	require.NoError(t, f.db.Conn(f.ctx).Create(&row).Error)

	client, err := f.AuthenticateClient(t.Context(), key, secret)
	require.NoError(t, err)
	require.Equal(t, row.ID, client.ID)
	require.Equal(t, f.user.AccountID, client.AccountID)
	for _, wrong := range [][2]string{{key, secret + "x"}, {key, ""}, {"", ""}, {"quadk_unknown", secret}} {
		_, err = f.AuthenticateClient(t.Context(), wrong[0], wrong[1])
		require.ErrorIs(t, err, ErrTokenInvalid)
	}
	f.exec(t, `UPDATE organizations SET status = 'INACTIVE'`, nil)
	_, err = f.AuthenticateClient(t.Context(), key, secret)
	require.ErrorIs(t, err, ErrTokenInvalid)
	f.exec(t, `UPDATE organizations SET status = 'ACTIVE'`, nil)
	f.exec(t, `UPDATE api_clients SET revoked_at = now()`, nil)
	_, err = f.AuthenticateClient(t.Context(), key, secret)
	require.ErrorIs(t, err, ErrTokenInvalid)
}

func TestAccountOfAHost(t *testing.T) {
	f := newFixture(t)
	one, two := f.user.AccountID, f.other.AccountID
	f.exec(t, `INSERT INTO account_domains (host, account_id) VALUES ('two.test', @two)`, store.Args{"two": two})
	for host, want := range map[string]int64{
		"two.test": two, "TWO.test:8080": two, "two.test.": two, "127.0.0.1:8080": one, "[::1]:80": one, "": one, "sub.two.test": one,
	} {
		got, err := f.ResolveAccount(t.Context(), host)
		require.NoError(t, err)
		require.Equal(t, want, got, host)
	}
	before := f.db.Statements()
	_, err := f.ResolveAccount(t.Context(), "two.test")
	require.NoError(t, err)
	require.EqualValues(t, 0, f.db.Statements()-before, "remembered")

	f.exec(t, `UPDATE accounts SET status = 'INACTIVE' WHERE id = @two`, store.Args{"two": two})
	f.ForgetHosts()
	_, err = f.ResolveAccount(t.Context(), "two.test")
	require.ErrorIs(t, err, ErrNoAccount, "an inactive account's host must not fall to the default account")

	for n := range 3 * hostLimit / 2 {
		f.hosts.put(fmt.Sprintf("host%d.test", n), 1, time.Now())
	}
	require.LessOrEqual(t, len(f.hosts.hosts), hostLimit)
}

func TestPurgeRemovesWhatHasLostItsMeaning(t *testing.T) {
	f := newFixture(t)
	kept, ended := f.open(t), f.open(t)
	f.exec(t, `UPDATE sessions SET ended_at = now() - interval '31 days' WHERE id = @id`, store.Args{"id": ended.SessionID})
	_, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	f.exec(t, `UPDATE one_time_codes SET expires_at = now() - interval '31 days'`, nil)
	require.NoError(t, f.Failed(f.ctx, f.NewAttempt(f.ctx, "a@b.test", "10.0.0.1")))
	f.exec(t, `UPDATE login_failures SET updated_at = now() - interval '3 hours'`, nil)
	require.NoError(t, f.Failed(f.ctx, f.NewAttempt(f.ctx, "c@d.test", "10.0.0.2")))

	require.NoError(t, f.Purge(t.Context()))
	var left struct{ Sessions, Codes, Failures, Kept int64 }
	require.NoError(t, f.db.Query(store.AsSystem(t.Context()), &left, `SELECT (SELECT count(*) FROM sessions) AS sessions,
		(SELECT count(*) FROM one_time_codes) AS codes, (SELECT count(*) FROM login_failures) AS failures, (SELECT min(id) FROM sessions) AS kept`, nil))
	require.EqualValues(t, 1, left.Sessions)
	require.Equal(t, kept.SessionID, left.Kept)
	require.EqualValues(t, 0, left.Codes)
	require.EqualValues(t, 3, left.Failures)
}
