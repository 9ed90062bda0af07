package hubtest

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/inbox"
	"quad/internal/store"
)

// Token opens a session for a person, as a sign-in through the door named does,
// and gives its access token. No password is hashed and no host asked, so it is
// the quick way to act as somebody, also of another account.
func (e *Env) Token(t testing.TB, p Person, door string) string {
	t.Helper()
	return e.Session(t, p, door).Access
}

// Session is Token with everything that a sign-in gives.
func (e *Env) Session(t testing.TB, p Person, door string) auth.TokenPair {
	t.Helper()
	return Session(t, e.Auth, p, door)
}

// Session opens a session with an auth service of the test's own, whose tokens
// live shorter, say.
func Session(t testing.TB, service *auth.Service, p Person, door string) auth.TokenPair {
	t.Helper()
	ctx := auth.WithDoor(store.WithAccount(t.Context(), p.AccountID), door)
	who, err := service.Person(ctx, p.ID)
	require.NoError(t, err)
	tokens, err := service.OpenSession(ctx, auth.NewSession{User: who.User, Roles: who.Roles})
	require.NoError(t, err)
	return tokens
}

// Mail waits for the newest mail to an address.
func (e *Env) Mail(t testing.TB, email string) inbox.Message {
	t.Helper()
	var found []inbox.Message
	Eventually(t, "a mail to "+email, func() bool {
		found = e.Inbox.Messages(inbox.Filter{To: email, Limit: 10})
		return len(found) > 0
	})
	return found[0]
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// Code reads the one-time code in the newest mail to an address that has one.
func (e *Env) Code(t testing.TB, email string) string {
	t.Helper()
	var code string
	Eventually(t, "a code for "+email, func() bool {
		for _, m := range e.Inbox.Messages(inbox.Filter{To: email, Limit: 10}) {
			if code = sixDigits.FindString(m.Text); code != "" {
				return true
			}
		}
		return false
	})
	return code
}

// Transfer sends a request to a signed link and gives status and body.
func Transfer(t testing.TB, method, url, content string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(content))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(got)
}

// Put uploads to a signed link and gives the status.
func Put(t testing.TB, url, content string) int {
	t.Helper()
	status, _ := Transfer(t, http.MethodPut, url, content)
	return status
}

// Get downloads from a signed link.
func Get(t testing.TB, url string) (status int, content string) {
	t.Helper()
	return Transfer(t, http.MethodGet, url, "")
}
