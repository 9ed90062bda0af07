package enabley_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/models"
)

func TestToken(t *testing.T) {
	w := newWorld(t)
	a := w.anyone().Do(t, http.StatusOK, "POST", tokenPath(w.client.key, w.client.secret), nil)
	require.Equal(t, "3600000", a.Text(t, "expires_in"))
	require.Equal(t, "bearer", a.Text(t, "token_type"))

	for name, path := range map[string]string{
		"wrong secret": tokenPath(w.client.key, "wrong"), "unknown key": tokenPath("quadk_none", w.client.secret),
	} {
		a := w.anyone().Do(t, http.StatusUnauthorized, "POST", path, nil)
		fails(t, a, "invalid_client")
		require.Equal(t, "Invalid client key or secret", a.Text(t, "error_description"), name)
	}
	for _, path := range []string{"/api/v1/token", "/api/v1/token?clientKey=" + w.client.key, "/api/v1/token?clientKey=&secret=x"} {
		fails(t, w.anyone().Do(t, http.StatusBadRequest, "POST", path, nil), "invalid_request")
	}
}

// A client that is limited to one organization has no business here: a token
// may do everything in its account.
func TestTokenOfALimitedClient(t *testing.T) {
	w := newWorld(t)
	secret, client, err := w.People.IssueAPIClient(w.Context(), "limited", &w.north.ID)
	require.NoError(t, err)
	fails(t, w.anyone().Do(t, http.StatusUnauthorized, "POST", tokenPath(client.ClientKey, secret), nil), "invalid_client")
}

func TestTokensThatDoNotWork(t *testing.T) {
	w := newWorld(t)
	const path = "/api/v1/groups/hierarchy"
	person := w.NewPerson(0, 0, "admin", models.RoleAdmin)
	for name, header := range map[string]string{
		"none": "", "garbage": "Bearer nothing", "no scheme": strings.TrimPrefix(w.api.Header.Get("Authorization"), "Bearer "),
		"a person's": "Bearer " + w.Token(t, person, "elevate"),
	} {
		c := w.anyone()
		if header != "" {
			c = c.With("Authorization", header)
		}
		a := c.Do(t, http.StatusUnauthorized, "GET", path, nil)
		fails(t, a, "access_denied")
		require.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"), name)
	}
}

// A revoked client is refused from its next request on.
func TestRevokedClient(t *testing.T) {
	w := newWorld(t)
	admin := w.NewPerson(0, 0, "admin", models.RoleAdmin)
	w.api.Do(t, http.StatusOK, "GET", "/api/v1/groups/hierarchy", nil)
	require.NoError(t, w.People.RevokeAPIClient(w.AdminContext(admin), w.client.id))
	fails(t, w.api.Do(t, http.StatusUnauthorized, "GET", "/api/v1/groups/hierarchy", nil), "access_denied")
	fails(t, w.anyone().Do(t, http.StatusUnauthorized, "POST", tokenPath(w.client.key, w.client.secret), nil), "invalid_client")
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]struct {
		method string
		status int
		code   string
	}{
		"/api/v1/nothing":          {"GET", http.StatusNotFound, "not_found"},
		"/api/v2/certificates/a/b": {"GET", http.StatusNotFound, "not_found"},
		"/api/v1/token":            {"DELETE", http.StatusMethodNotAllowed, "invalid_request"},
		"/api/v1/certificates":     {"DELETE", http.StatusMethodNotAllowed, "invalid_request"},
	} {
		fails(t, w.api.Do(t, want.status, want.method, path, nil), want.code)
	}
}
