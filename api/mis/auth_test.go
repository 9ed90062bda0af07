package mis_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

const (
	authPath    = "/mis/auth/"
	newPassword = "another long one"
)

// signIn signs in with a password through the door.
func (w *world) signIn(t *testing.T, status int, email, password string) contracttest.Answer {
	t.Helper()
	return w.anyone().Do(t, status, "POST", authPath+"login", object{"email": email, "password": password})
}

// bearer is a client with an access token.
func (w *world) bearer(token string) contracttest.Client {
	return w.anyone().With("Authorization", "Bearer "+token)
}

// dead asserts that an access token is refused.
func (w *world) dead(t *testing.T, token string) {
	t.Helper()
	fails(t, w.bearer(token).Do(t, http.StatusUnauthorized, "GET", authPath+"me", nil), "Unauthorized")
}

// refresh trades a refresh token.
func (w *world) refresh(t *testing.T, status int, token string) contracttest.Answer {
	t.Helper()
	return w.anyone().Do(t, status, "POST", authPath+"refresh", object{"refreshToken": token})
}

func (w *world) number(t *testing.T, text string, args store.Args) (n int64) {
	t.Helper()
	require.NoError(t, w.DB.Query(w.Context(), &n, text, args))
	return n
}

// audited counts events of the audit trail.
func (w *world) audited(t *testing.T, action string, subject int64) int64 {
	t.Helper()
	return w.number(t, `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = @action AND subject_id = @subject`,
		store.Args{"action": action, "subject": subject})
}

// statementsOf counts the statements of a call.
func (w *world) statementsOf(do func()) int64 {
	before := w.DB.Statements()
	do()
	return w.DB.Statements() - before
}

// claimsOf reads a token as a client does.
func claimsOf(t *testing.T, token string) object {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims object
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}

func cookieOf(t *testing.T, a contracttest.Answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.Header}).Cookies()
	require.Len(t, cookies, 1)
	require.Equal(t, "auth_token", cookies[0].Name)
	return cookies[0]
}

func TestSignInAndOut(t *testing.T) {
	w := newWorld(t)
	a := w.signIn(t, http.StatusOK, "NorthAdmin@Example.test", hubtest.Password)
	access, refresh := a.Text(t, "accessToken"), a.Text(t, "refreshToken")
	id := strconv.FormatInt(w.tenantAdmin.ID, 10)
	require.Equal(t, object{"id": id, "email": w.tenantAdmin.Email, "firstName": "northadmin", "lastName": ""}, a.Map(t)["user"])

	claims := claimsOf(t, access)
	require.Equal(t, id, claims["sub"])
	require.Equal(t, w.tenantAdmin.Email, claims["email"])
	require.Equal(t, []any{"TENANT_ADMIN"}, claims["roles"])
	require.Equal(t, strconv.FormatInt(w.north.ID, 10), claims["tenantId"])
	require.NotEmpty(t, claims["jti"])
	require.EqualValues(t, 3600, claims["exp"].(float64)-claims["iat"].(float64))
	require.Len(t, claims, 7)
	require.NotContains(t, refresh, ".", "it is no JWT")

	cookie := cookieOf(t, a)
	require.Equal(t, access, cookie.Value)
	require.Equal(t, "/mis", cookie.Path)
	require.Equal(t, 3600, cookie.MaxAge)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	require.False(t, cookie.Secure, "the hub of the test is reached without TLS")

	me := w.bearer(access).Do(t, http.StatusOK, "GET", authPath+"me", nil)
	require.Equal(t, []any{"TENANT_ADMIN"}, me.Map(t)["roles"])
	require.JSONEq(t, string(me.Body), string(w.bearer(access).Do(t, http.StatusOK, "GET", authPath+"profile", nil).Body))
	byCookie := w.anyone().With("Cookie", "auth_token="+access)
	require.JSONEq(t, string(me.Body), string(byCookie.Do(t, http.StatusOK, "GET", authPath+"me", nil).Body))
	byCookie.With("Authorization", "Bearer nonsense").Do(t, http.StatusUnauthorized, "GET", authPath+"profile", nil) // the header wins

	session := w.number(t, `SELECT max(id) FROM sessions WHERE account_id = @account_id AND door = 'mis' AND user_id = @user`, store.Args{"user": w.tenantAdmin.ID})
	require.EqualValues(t, 1, w.audited(t, "session.opened", session))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'session.opened'
		AND ip = '127.0.0.1' AND user_agent <> '' AND door = 'mis'`, nil))

	w.bearer(access).Do(t, http.StatusBadRequest, "POST", authPath+"logout", object{"refreshToken": 7})
	out := w.bearer(access).Do(t, http.StatusOK, "POST", authPath+"logout", object{"refreshToken": refresh})
	require.Equal(t, "Logged out successfully", out.Text(t, "message"))
	cleared := cookieOf(t, out)
	require.Empty(t, cleared.Value)
	require.Negative(t, cleared.MaxAge, "Max-Age=0")
	w.dead(t, access)
	fails(t, w.refresh(t, http.StatusUnauthorized, refresh), "Unauthorized")
	require.EqualValues(t, 1, w.audited(t, "session.closed", session))
}

func TestLogoutTakesAnyToken(t *testing.T) {
	w := newWorld(t)
	mine, other, foreign := w.Session(t, w.user, "mis"), w.Session(t, w.user, "mis"), w.Session(t, w.southUser, "mis")
	spent := other.Refresh
	living := w.refresh(t, http.StatusOK, spent).Text(t, "refreshToken")
	for _, token := range []string{"nonsense", spent, foreign.Refresh} {
		w.bearer(mine.Access).Do(t, http.StatusOK, "POST", authPath+"logout", object{"refreshToken": token})
		w.dead(t, mine.Access)
		mine = w.Session(t, w.user, "mis")
	}
	w.bearer(other.Access).Do(t, http.StatusOK, "GET", authPath+"me", nil)
	w.bearer(foreign.Access).Do(t, http.StatusOK, "GET", authPath+"me", nil)
	w.bearer(mine.Access).Do(t, http.StatusOK, "POST", authPath+"logout", object{"refreshToken": living})
	w.dead(t, other.Access)
}

func TestRefusedSignIns(t *testing.T) {
	w := newWorld(t)
	const wrong = "Invalid email or password"
	fails(t, w.signIn(t, http.StatusUnauthorized, w.user.Email, "wrong password"), wrong)
	fails(t, w.signIn(t, http.StatusUnauthorized, "nobody@example.test", hubtest.Password), wrong)
	fails(t, w.signIn(t, http.StatusBadRequest, "nobody", ""), []string{"email must be an email", "password should not be empty"})
	fails(t, w.anyone().Do(t, http.StatusBadRequest, "POST", authPath+"login", object{}), []string{"email is required", "password is required"})
	require.EqualValues(t, 1, w.audited(t, "session.refused", w.user.ID))
	require.EqualValues(t, 1, w.audited(t, "session.refused", 0))

	known := w.statementsOf(func() { w.signIn(t, http.StatusUnauthorized, w.user.Email, "wrong password") })
	unknown := w.statementsOf(func() { w.signIn(t, http.StatusUnauthorized, "nobody@example.test", "wrong password") })
	require.Equal(t, known, unknown)

	// Deactivated: told after the right password only; the live token is dead.
	token := w.Token(t, w.user, "mis")
	w.exec(t, `UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.user.ID})
	fails(t, w.signIn(t, http.StatusForbidden, w.user.Email, hubtest.Password), "Account is deactivated")
	fails(t, w.signIn(t, http.StatusUnauthorized, w.user.Email, "wrong password"), wrong)
	w.dead(t, token)
}

// Who is only in inactive tenants is refused, SUPER_ADMIN excepted; one ACTIVE
// tenant is enough.
func TestInactiveTenantsKeepTheirPeopleOut(t *testing.T) {
	w := newWorld(t)
	boss := w.NewPerson(0, w.north.ID, "boss", models.RoleAdmin)
	token, bossToken, refresh := w.Token(t, w.viewer, "mis"), w.Token(t, boss, "mis"), w.Session(t, w.viewer, "mis").Refresh
	w.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.north.ID})
	fails(t, w.signIn(t, http.StatusForbidden, w.viewer.Email, hubtest.Password), "Account is deactivated")
	w.dead(t, token)
	w.refresh(t, http.StatusUnauthorized, refresh)
	w.signIn(t, http.StatusOK, boss.Email, hubtest.Password)
	w.bearer(bossToken).Do(t, http.StatusOK, "GET", authPath+"me", nil)

	w.exec(t, `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @organization)`,
		store.Args{"account_id": w.Account.ID, "user": w.viewer.ID, "organization": w.south.ID})
	w.signIn(t, http.StatusOK, w.viewer.Email, hubtest.Password)
	w.bearer(token).Do(t, http.StatusOK, "GET", authPath+"me", nil)
	// The rule is the hub's: it holds at other doors too, where the membership
	// is not read with the session.
	elsewhere := w.Token(t, w.viewer, "native")
	identity, err := w.Auth.Authenticate(t.Context(), elsewhere)
	require.NoError(t, err)
	require.Nil(t, identity.Membership)
	w.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.south.ID})
	_, err = w.Auth.Authenticate(t.Context(), elsewhere)
	require.Error(t, err)
	w.dead(t, token)
	w.exec(t, `UPDATE organizations SET status = 'ACTIVE' WHERE id = @id`, store.Args{"id": w.north.ID})
	w.bearer(token).Do(t, http.StatusOK, "GET", authPath+"me", nil)
}

func TestRolesAndTenantsActAtOnce(t *testing.T) {
	w := newWorld(t)
	client := w.as(t, w.loner)
	require.Equal(t, []any{"USER"}, client.Do(t, http.StatusOK, "GET", authPath+"me", nil).Map(t)["roles"])
	client.Do(t, http.StatusForbidden, "GET", "/mis/users", nil)
	w.exec(t, `INSERT INTO user_roles (account_id, user_id, role_id) SELECT account_id, @user, id FROM roles WHERE account_id = @account_id AND title = 'org_admin'`,
		store.Args{"account_id": w.Account.ID, "user": w.loner.ID})
	require.Equal(t, []any{"TENANT_ADMIN", "USER"}, client.Do(t, http.StatusOK, "GET", authPath+"me", nil).Map(t)["roles"])
	require.Empty(t, client.Do(t, http.StatusOK, "GET", "/mis/users", nil).Map(t)["users"], "an admin of no tenant reaches nobody")
}

func TestEachCallIsOneStatementForTheCaller(t *testing.T) {
	w := newWorld(t)
	client := w.as(t, w.tenantAdmin)
	require.EqualValues(t, 1, w.statementsOf(func() { client.Do(t, http.StatusOK, "GET", authPath+"me", nil) }))
	require.EqualValues(t, 2, w.statementsOf(func() { client.Do(t, http.StatusOK, "GET", "/mis/users", nil) }), "the reach comes with the session")
}

func TestRefreshTokensAreUsedOnce(t *testing.T) {
	w := newWorld(t)
	first := w.Session(t, w.user, "mis")
	a := w.refresh(t, http.StatusOK, first.Refresh)
	access, second := a.Text(t, "accessToken"), a.Text(t, "refreshToken")
	require.NotEqual(t, first.Refresh, second)
	require.Equal(t, access, cookieOf(t, a).Value)
	w.bearer(access).Do(t, http.StatusOK, "GET", authPath+"me", nil)
	require.InDelta(t, (7 * 24 * time.Hour).Seconds(), w.number(t, `SELECT CAST(extract(epoch FROM expires_at - now()) AS bigint) FROM sessions
		WHERE account_id = @account_id AND id = @id`, store.Args{"id": first.SessionID}), 60)
	require.Zero(t, w.number(t, `SELECT count(*) FROM sessions WHERE account_id = @account_id AND position(CAST(@token AS text) IN encode(refresh_hash, 'escape')) > 0`,
		store.Args{"token": second}), "only a hash is stored")

	// What was never given out ends nothing.
	forged := strings.Replace(second, second[20:24], "AAAA", 1)
	w.refresh(t, http.StatusUnauthorized, forged)
	w.refresh(t, http.StatusUnauthorized, "nonsense")
	w.refresh(t, http.StatusUnauthorized, access)
	fails(t, w.refresh(t, http.StatusBadRequest, ""), []string{"refreshToken should not be empty"})
	second = w.refresh(t, http.StatusOK, second).Text(t, "refreshToken")

	// A spent one ends the whole session.
	fails(t, w.refresh(t, http.StatusUnauthorized, first.Refresh), "Unauthorized")
	w.refresh(t, http.StatusUnauthorized, second)
	w.dead(t, access)
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM sessions WHERE account_id = @account_id AND id = @id AND end_reason = 'refresh_reused'`,
		store.Args{"id": first.SessionID}))

	gone := w.Session(t, w.user, "mis")
	w.exec(t, `UPDATE sessions SET expires_at = now() WHERE id = @id`, store.Args{"id": gone.SessionID})
	w.refresh(t, http.StatusUnauthorized, gone.Refresh)
}

func TestManyRefreshesOfOneToken(t *testing.T) {
	w := newWorld(t)
	pair := w.Session(t, w.user, "mis")
	counts := w.anyone().AtOnce(t, 50, "POST", authPath+"refresh", object{"refreshToken": pair.Refresh})
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusUnauthorized: 49}, counts)
	w.dead(t, pair.Access)
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM sessions WHERE account_id = @account_id AND id = @id AND end_reason = 'refresh_reused'
		AND refresh_generation = 1`, store.Args{"id": pair.SessionID}))
}
