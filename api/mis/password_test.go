package mis_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/store"
	"quad/models"
)

const forgotten = "If that email is registered you will receive a reset link shortly"

func (w *world) forgot(t *testing.T, email string) {
	t.Helper()
	a := w.anyone().Do(t, http.StatusOK, "POST", authPath+"forgot-password", object{"email": email})
	require.JSONEq(t, `{"message":"`+forgotten+`"}`, string(a.Body))
}

func (w *world) reset(t *testing.T, status int, token, password string) contracttest.Answer {
	t.Helper()
	return w.anyone().Do(t, status, "POST", authPath+"reset-password", object{"token": token, "password": password})
}

// linkToken makes a link as a request for one does, and gives its token.
func (w *world) linkToken(t *testing.T, email string) string {
	t.Helper()
	issued, err := w.Auth.IssueLink(w.Context(), models.CodePasswordLink, email)
	require.NoError(t, err)
	token, _, err := w.Auth.LinkToken(w.Context(), issued.ID)
	require.NoError(t, err)
	return token
}

var mailedLink = regexp.MustCompile(`https?://\S+`)

// mailedTokens reads the tokens in the links mailed to an address.
func (w *world) mailedTokens(t *testing.T, email string, want int) []string {
	t.Helper()
	var mails []inbox.Message
	hubtest.Eventually(t, "mails to "+email, func() bool {
		mails = w.Inbox.Messages(inbox.Filter{To: email, Limit: 10})
		mails = withSubject(mails, "Set a new password")
		return len(mails) >= want
	})
	tokens := make([]string, len(mails))
	for i, m := range mails {
		link, err := url.Parse(mailedLink.FindString(m.Text))
		require.NoError(t, err)
		require.Equal(t, w.URL+"/reset-password", strings.TrimSuffix(link.String(), "?"+link.RawQuery))
		tokens[i] = link.Query().Get("token")
		require.NotEmpty(t, tokens[i])
	}
	return tokens
}

func withSubject(mails []inbox.Message, subject string) []inbox.Message {
	var out []inbox.Message
	for _, m := range mails {
		if m.Subject == subject {
			out = append(out, m)
		}
	}
	return out
}

func TestForgottenPassword(t *testing.T) {
	w := newWorkingWorld(t)
	w.exec(t, `UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.viewer.ID})
	one, two := w.Session(t, w.user, "mis"), w.Session(t, w.user, "elevate")
	w.forgot(t, "nobody@example.test")
	w.forgot(t, w.viewer.Email)
	w.forgot(t, "NORTHUSER@example.test")
	token := w.mailedTokens(t, w.user.Email, 1)[0]
	status, body := hubtest.Get(t, w.URL+"/reset-password?token="+url.QueryEscape(token))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "/reset-password/page.js")

	fails(t, w.reset(t, http.StatusBadRequest, token, "short"), []string{"password must be longer than or equal to 8 characters"})
	fails(t, w.reset(t, http.StatusBadRequest, token, strings.Repeat("x", 73)), []string{"password must be shorter than or equal to 72 characters"})
	fails(t, w.reset(t, http.StatusBadRequest, token, hubtest.Password), "New password must differ from the current one")
	fails(t, w.reset(t, http.StatusBadRequest, token[:len(token)-2]+"AA", newPassword), "Invalid or expired reset token")
	fails(t, w.reset(t, http.StatusBadRequest, "nonsense", newPassword), "Invalid or expired reset token")
	a := w.reset(t, http.StatusOK, token, newPassword)
	require.Equal(t, "Password reset successfully. Please sign in with your new password.", a.Text(t, "message"))
	fails(t, w.reset(t, http.StatusBadRequest, token, "yet another one"), "Invalid or expired reset token")
	w.dead(t, one.Access)
	w.dead(t, two.Access)
	w.refresh(t, http.StatusUnauthorized, one.Refresh)
	w.signIn(t, http.StatusUnauthorized, w.user.Email, hubtest.Password)
	w.signIn(t, http.StatusOK, w.user.Email, newPassword)
	require.EqualValues(t, 1, w.audited(t, "user.password_reset", w.user.ID))

	// Nobody else got a mail: theirs were taken back when they were made.
	hubtest.Eventually(t, "mails to nobody to be cancelled", func() bool {
		return w.number(t, `SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'password_link' AND state = 'cancelled'`, nil) == 2
	})
	require.Empty(t, w.Inbox.Messages(inbox.Filter{To: "nobody@example.test", Limit: 10}))
	require.Empty(t, withSubject(w.Inbox.Messages(inbox.Filter{To: w.viewer.Email, Limit: 10}), "Set a new password"))
}

// The answer takes the same way for every address: the same statements and no
// password hash.
func TestForgottenPasswordTellsNothing(t *testing.T) {
	w := newWorld(t)
	ask := func(email string) int64 { return w.statementsOf(func() { w.forgot(t, email) }) }
	ask("first@example.test") // fills caches
	known := ask(w.user.Email)
	require.Equal(t, known, ask("nobody@example.test"))
	require.Equal(t, ask(w.user.Email), ask("nobody@example.test"), "asked again")
	require.LessOrEqual(t, known, int64(5))
	fails(t, w.anyone().Do(t, http.StatusBadRequest, "POST", authPath+"forgot-password", object{"email": 7}), []string{"email must be an email"})

	for range 30 { // nobody's mailbox is flooded
		w.forgot(t, w.manager.Email)
	}
	require.EqualValues(t, 20, w.number(t, `SELECT count(*) FROM notifications WHERE account_id = @account_id AND recipient = @email AND template = 'password_link'`,
		store.Args{"email": w.manager.Email}))
}

func TestResetTokensLiveOnce(t *testing.T) {
	w := newWorld(t)
	old := w.linkToken(t, w.user.Email)
	token := w.linkToken(t, w.user.Email)
	require.NotEqual(t, old, token)
	fails(t, w.reset(t, http.StatusBadRequest, old, newPassword), "Invalid or expired reset token")
	counts := w.anyone().AtOnce(t, 20, "POST", authPath+"reset-password", object{"token": token, "password": newPassword})
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusBadRequest: 19}, counts)

	late := w.linkToken(t, w.user.Email)
	require.InDelta(t, time.Hour.Seconds(), w.number(t, `SELECT CAST(extract(epoch FROM expires_at - now()) AS bigint) FROM one_time_codes
		WHERE account_id = @account_id AND purpose = 'password_link' AND ended_at IS NULL`, nil), 60)
	w.exec(t, `UPDATE one_time_codes SET expires_at = now() WHERE ended_at IS NULL`, nil)
	w.reset(t, http.StatusBadRequest, late, "yet another one")

	gone := w.linkToken(t, w.user.Email)
	w.exec(t, `UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.user.ID})
	w.reset(t, http.StatusBadRequest, gone, "yet another one")
}

func TestChangePassword(t *testing.T) {
	w := newWorld(t)
	mine, other := w.Session(t, w.user, "mis"), w.Session(t, w.user, "mis")
	change := func(status int, current, wanted string) contracttest.Answer {
		return w.bearer(mine.Access).Do(t, status, "PATCH", authPath+"change-password", object{"currentPassword": current, "newPassword": wanted})
	}
	fails(t, change(http.StatusBadRequest, "wrong password", newPassword), "Current password is incorrect")
	fails(t, change(http.StatusBadRequest, hubtest.Password, hubtest.Password), "New password must differ from the current one")
	fails(t, change(http.StatusBadRequest, hubtest.Password, "short"), []string{"newPassword must be longer than or equal to 8 characters"})
	require.Equal(t, "Password changed successfully", change(http.StatusOK, hubtest.Password, newPassword).Text(t, "message"))
	w.bearer(mine.Access).Do(t, http.StatusOK, "GET", authPath+"me", nil)
	w.refresh(t, http.StatusOK, mine.Refresh)
	w.dead(t, other.Access)
	w.refresh(t, http.StatusUnauthorized, other.Refresh)
	w.signIn(t, http.StatusOK, w.user.Email, newPassword)
	w.signIn(t, http.StatusUnauthorized, w.user.Email, hubtest.Password)
	require.EqualValues(t, 1, w.audited(t, "user.password_changed", w.user.ID))
}

// A lock against guessing is not told: its answer is that of a wrong password.
func TestGuessingLocks(t *testing.T) {
	w := buildWorld(t, hubtest.Options{App: api.ForHub, Settings: map[string]string{"AUTH_LOCK_AFTER": "3"}})
	client := w.as(t, w.user)
	for range 3 {
		w.signIn(t, http.StatusUnauthorized, w.user.Email, "wrong password")
	}
	fails(t, w.signIn(t, http.StatusUnauthorized, w.user.Email, hubtest.Password), "Invalid email or password")
	fails(t, client.Do(t, http.StatusBadRequest, "PATCH", authPath+"change-password", object{"currentPassword": hubtest.Password, "newPassword": newPassword}),
		"Current password is incorrect")
	w.reset(t, http.StatusOK, w.linkToken(t, w.user.Email), newPassword)
	w.signIn(t, http.StatusOK, w.user.Email, newPassword)
}
