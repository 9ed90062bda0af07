package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t, nil)
	in := w.signIn(t, w.user)
	require.Equal(t, w.user.Email, in.Text(t, "user.email"))
	me := w.withToken(in.Text(t, "accessToken"))
	require.Equal(t, "user", me.Do(t, 200, "GET", "/hub/v1/me", nil).Text(t, "name"))

	problem(t, w.anyone().Do(t, 401, "POST", "/hub/v1/login", object{"email": w.user.Email, "password": "wrong password"}), "auth.bad_credentials")
	problem(t, w.anyone().Do(t, 401, "POST", "/hub/v1/login", object{"email": "nobody@example.test", "password": hubtest.Password}), "auth.bad_credentials")
	invalid := w.anyone().Do(t, 422, "POST", "/hub/v1/login", object{})
	require.ElementsMatch(t, []string{"email", "password"}, fields(t, invalid))

	no := w.anyone().Do(t, 401, "GET", "/hub/v1/me", nil)
	problem(t, no, "unauthenticated")
	require.Equal(t, "Bearer", no.Header.Get("WWW-Authenticate"))
	w.withToken("not a token").Do(t, 401, "GET", "/hub/v1/me", nil)

	me.Do(t, 204, "POST", "/hub/v1/logout", nil)
	problem(t, me.Do(t, 401, "GET", "/hub/v1/me", nil), "auth.token_expired")
	me.Do(t, 401, "POST", "/hub/v1/logout", nil)
	w.anyone().Do(t, 401, "POST", "/hub/v1/refresh", object{"refreshToken": in.Text(t, "refreshToken")})
}

// A spent refresh token is the sign of a copy: its session ends for both holders.
func TestRefreshTokensRotate(t *testing.T) {
	w := newWorld(t, nil)
	first := w.signIn(t, w.user)
	second := w.anyone().Do(t, 200, "POST", "/hub/v1/refresh", object{"refreshToken": first.Text(t, "refreshToken")})
	require.NotEqual(t, first.Text(t, "refreshToken"), second.Text(t, "refreshToken"))
	owner := w.withToken(second.Text(t, "accessToken"))
	owner.Do(t, 200, "GET", "/hub/v1/me", nil)

	problem(t, w.anyone().Do(t, 401, "POST", "/hub/v1/refresh", object{"refreshToken": first.Text(t, "refreshToken")}), "auth.token_reused")
	owner.Do(t, 401, "GET", "/hub/v1/me", nil)
	w.anyone().Do(t, 401, "POST", "/hub/v1/refresh", object{"refreshToken": second.Text(t, "refreshToken")})
	// An access token is no refresh token.
	w.anyone().Do(t, 401, "POST", "/hub/v1/refresh", object{"refreshToken": second.Text(t, "accessToken")})
}

func TestGuessingIsLocked(t *testing.T) {
	w := newWorld(t, map[string]string{"AUTH_LOCK_AFTER": "3"})
	for range 3 {
		w.anyone().Do(t, 401, "POST", "/hub/v1/login", object{"email": w.user.Email, "password": "wrong password"})
	}
	problem(t, w.anyone().Do(t, 429, "POST", "/hub/v1/login", object{"email": w.user.Email, "password": hubtest.Password}), "auth.locked")
}

func TestAPITokens(t *testing.T) {
	w := newWorld(t, nil)
	user := w.as(t, w.user)
	made := user.Do(t, 201, "POST", "/hub/v1/api-tokens", object{"name": "script", "expiresAt": "2099-01-01T00:00:00Z"})
	require.Regexp(t, `^quad_`, made.Text(t, "token"))
	script := w.withToken(made.Text(t, "token"))
	require.Equal(t, w.user.Email, script.Do(t, 200, "GET", "/hub/v1/me", nil).Text(t, "email"))

	// What a leaked token must not do: outlive its revocation, end a session.
	problem(t, script.Do(t, 403, "POST", "/hub/v1/api-tokens", object{"name": "another"}), "forbidden")
	problem(t, script.Do(t, 403, "POST", "/hub/v1/logout", nil), "auth.no_session")

	list := script.Do(t, 200, "GET", "/hub/v1/api-tokens", nil)
	require.Equal(t, []string{made.Text(t, "id")}, ids(t, list))
	require.NotContains(t, string(list.Body), "token")
	require.Empty(t, ids(t, w.as(t, w.otherUser).Do(t, 200, "GET", "/hub/v1/api-tokens", nil)))

	invalid := user.Do(t, 422, "POST", "/hub/v1/api-tokens", object{"name": "", "expiresAt": "2020-01-01T00:00:00Z"})
	require.ElementsMatch(t, []string{"name", "expiresAt"}, fields(t, invalid))

	w.as(t, w.otherUser).Do(t, 404, "DELETE", path("/api-tokens/%s", made.Text(t, "id")), nil)
	user.Do(t, 204, "DELETE", path("/api-tokens/%s", made.Text(t, "id")), nil)
	user.Do(t, 404, "DELETE", path("/api-tokens/%s", made.Text(t, "id")), nil)
	script.Do(t, 401, "GET", "/hub/v1/me", nil)
	w.anyone().Do(t, 401, "GET", "/hub/v1/api-tokens", nil)
}

func TestAPIClients(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	made := admin.Do(t, 201, "POST", "/hub/v1/api-clients", object{"name": "lms", "organizationId": w.other.ID})
	_, err := w.Auth.AuthenticateClient(t.Context(), made.Text(t, "clientKey"), made.Text(t, "secret"))
	require.NoError(t, err)
	second := admin.Do(t, 201, "POST", "/hub/v1/api-clients", object{"name": "whole account"})
	require.Equal(t, []string{made.Text(t, "id"), second.Text(t, "id")}, walk(t, admin, "/hub/v1/api-clients?limit=1"))
	require.NotContains(t, string(admin.Do(t, 200, "GET", "/hub/v1/api-clients", nil).Body), made.Text(t, "secret"))

	_, elsewhere := w.NewAccount("clients.test")
	admin.Do(t, 404, "POST", "/hub/v1/api-clients", object{"name": "x", "organizationId": elsewhere.ID})
	require.Equal(t, []string{"name"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/api-clients", object{"name": " "})))
	w.as(t, w.orgAdmin).Do(t, 403, "GET", "/hub/v1/api-clients", nil)

	admin.Do(t, 204, "DELETE", path("/api-clients/%s", made.Text(t, "id")), nil)
	admin.Do(t, 404, "DELETE", path("/api-clients/%s", made.Text(t, "id")), nil)
	_, err = w.Auth.AuthenticateClient(t.Context(), made.Text(t, "clientKey"), made.Text(t, "secret"))
	require.Error(t, err)
}
