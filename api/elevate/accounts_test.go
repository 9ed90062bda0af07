package elevate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

func TestSignUpWithOneTimeCode(t *testing.T) {
	w := newWorld(t, nil)
	w.StartWorker(worker.Run)
	c, email := w.anyone(), newEmail()

	c.Do(t, 200, "POST", "/user/v1/account/registrationOtp", object{"email": strings.ToUpper(email), "name": "Ann"})
	code := w.code(t, email)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	person := object{"name": " Ann Lee ", "email": email, "password": "with spaces in", "has_accepted_terms_and_conditions": true}

	person["otp"] = wrong
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/create", person), "CLIENT_ERROR", "The OTP you entered is wrong.")
	person["otp"] = code
	a := c.Do(t, 200, "POST", "/user/v1/account/create", person)
	require.Equal(t, "Ann Lee", a.Text(t, "result.user.name"))
	require.Equal(t, "true", a.Text(t, "result.user.email_verified"))
	require.Equal(t, "true", a.Text(t, "result.user.has_accepted_terms_and_conditions"))
	require.Contains(t, string(a.Body), `"title":"mentee"`)

	me := w.withToken(a.Text(t, "result.access_token"))
	profile := me.Do(t, 200, "GET", "/user/v1/user/read/"+a.Text(t, "result.user.id"), nil)
	require.Equal(t, "mentee", profile.Text(t, "result.role"))

	fails(t, c.Do(t, 406, "POST", "/user/v1/account/create", person), "CLIENT_ERROR", "User already exists.")
	fails(t, c.Do(t, 406, "POST", "/user/v1/account/registrationOtp", object{"email": email}), "CLIENT_ERROR", "User already exists.")
}

func TestSignUpRefusesBadInput(t *testing.T) {
	w := newWorld(t, nil)
	c := w.anyone()
	a := c.Do(t, 422, "POST", "/user/v1/account/create", object{"name": " ", "email": "nobody", "password": "short", "otp": "12a"})
	fails(t, a, "CLIENT_ERROR", "Validation failed, Entered data is incorrect!")
	require.ElementsMatch(t, []string{"body.name", "body.email", "body.password", "body.otp"}, params(t, a))
	require.NotContains(t, string(a.Body), "short", "a password is never repeated")

	require.Equal(t, []string{"body.email"}, params(t, c.Do(t, 422, "POST", "/user/v1/account/registrationOtp", object{})))
	for _, broken := range []string{`{"email":`, `{} {}`, "\xff\xfe"} {
		a := contracttest.Client{Contract: contract, BaseURL: w.URL}
		got := a.Do(t, 400, "POST", "/user/v1/account/create", broken)
		require.Equal(t, "CLIENT_ERROR", got.Text(t, "responseCode"))
	}
	a = c.Do(t, 422, "POST", "/user/v1/account/create", `[]`)
	require.Contains(t, params(t, a), "body.email", "JSON that is no object has no keys")
}

func TestOneOfManySignUpsWins(t *testing.T) {
	w := newWorld(t, map[string]string{"AUTH_VERIFY_EMAIL": "false"})
	email := newEmail()
	twin := object{"name": "Twin", "email": email, "password": "long enough"}
	require.Equal(t, map[int]int{200: 1, 406: 49}, w.anyone().AtOnce(t, 50, "POST", "/user/v1/account/create", twin))
	w.joinedOnce(t, email)
	twin["email"] = strings.ToUpper(email)
	fails(t, w.anyone().Do(t, 406, "POST", "/user/v1/account/create", twin), "CLIENT_ERROR", "User already exists.")
}

func TestOneOfManySignUpsWithOneCodeWins(t *testing.T) {
	w := newWorkingWorld(t)
	email := newEmail()
	w.anyone().Do(t, 200, "POST", "/user/v1/account/registrationOtp", object{"email": email})
	twin := object{"name": "Twin", "email": email, "password": "long enough", "otp": w.code(t, email)}
	counts := w.anyone().AtOnce(t, 50, "POST", "/user/v1/account/create", twin)
	require.Equal(t, 1, counts[200], counts)
	require.Equal(t, 49, counts[406]+counts[400], "taken, or the code used: %v", counts)
	w.joinedOnce(t, email)
}

// joinedOnce asserts that an address has one user, one session, one role and
// one welcome.
func (w *world) joinedOnce(t *testing.T, email string) {
	t.Helper()
	var got struct{ Users, Sessions, Roles, Mails int }
	require.NoError(t, w.DB.Query(w.Context(), &got, `SELECT count(*) AS users, sum((SELECT count(*) FROM sessions s WHERE s.user_id = u.id)) AS sessions,
			sum((SELECT count(*) FROM user_roles r WHERE r.user_id = u.id)) AS roles,
			(SELECT count(*) FROM notifications WHERE account_id = @account_id AND recipient = @email AND template = 'registration') AS mails
		FROM users u WHERE account_id = @account_id AND email = @email`, store.Args{"email": email}))
	require.Equal(t, struct{ Users, Sessions, Roles, Mails int }{1, 1, 1, 1}, got)
}

func TestLogin(t *testing.T) {
	w := newWorld(t, nil)
	c := w.anyone()
	a := w.signIn(t, w.user)
	require.Equal(t, "default", a.Text(t, "result.user.organization.code"))
	require.NotEmpty(t, a.Text(t, "result.user.last_logged_in_at"))

	const refused = "Please enter the correct login ID and Password."
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/login", object{"email": w.user.Email, "password": "wrong password"}), "CLIENT_ERROR", refused)
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/login", object{"email": "nobody@example.test", "password": "wrong password"}), "CLIENT_ERROR", refused)
	require.Equal(t, []string{"body.password"}, params(t, c.Do(t, 422, "POST", "/user/v1/account/login", object{"email": w.user.Email})))

	gone := w.NewPerson(0, 0, "gone", models.RoleMentee)
	session := w.as(t, gone)
	_, err := w.People.DeactivateUsers(w.AdminContext(w.admin), gone.ID)
	require.NoError(t, err)
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/login", object{"email": gone.Email, "password": hubtest.Password}), "CLIENT_ERROR", refused)
	fails(t, session.Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Access token expired")
}

func TestRefreshAndLogout(t *testing.T) {
	w := newWorld(t, nil)
	c := w.anyone()
	a := w.signIn(t, w.user)
	access, refresh := a.Text(t, "result.access_token"), a.Text(t, "result.refresh_token")

	again := c.Do(t, 200, "POST", "/user/v1/account/generateToken", object{"refresh_token": refresh})
	w.withToken(again.Text(t, "result.access_token")).Do(t, 200, "GET", "/user/v1/organization/list", nil)
	// A refresh token stays good until it expires, so a client may use it twice.
	c.Do(t, 200, "POST", "/user/v1/account/generateToken", object{"refresh_token": refresh})
	fails(t, c.Do(t, 401, "POST", "/user/v1/account/generateToken", object{"refresh_token": access}), "CLIENT_ERROR", "Refresh token not found")
	c.Do(t, 422, "POST", "/user/v1/account/generateToken", object{})
	fails(t, w.withToken(refresh).Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Unauthorized request")

	me := w.withToken(access)
	fails(t, me.Do(t, 401, "POST", "/user/v1/account/logout", object{"refresh_token": "nonsense"}), "UNAUTHORIZED", "Invalid refresh token")
	fails(t, me.Do(t, 401, "POST", "/user/v1/account/logout", object{"refresh_token": 7}), "UNAUTHORIZED", "Invalid refresh token")
	me.Do(t, 200, "POST", "/user/v1/account/logout", object{"refresh_token": refresh})
	fails(t, me.Do(t, 401, "POST", "/user/v1/account/logout", nil), "UNAUTHORIZED", "Access token expired")
	fails(t, c.Do(t, 401, "POST", "/user/v1/account/generateToken", object{"refresh_token": refresh}), "SERVER_ERROR", "Refresh token expired")
}

func TestTokenSpellings(t *testing.T) {
	w := newWorld(t, nil)
	token := w.signIn(t, w.user).Text(t, "result.access_token")
	for _, header := range []string{"bearer " + token, "Bearer " + token, token} {
		w.anyone().With("X-auth-token", header).Do(t, 200, "GET", "/user/v1/organization/list", nil)
	}
	for _, header := range []string{"", "bearer", "bearer x.y.z", token + "x"} {
		a := w.anyone().With("X-auth-token", header).Do(t, 401, "GET", "/user/v1/organization/list", nil)
		fails(t, a, "UNAUTHORIZED", "Unauthorized request")
	}
}

func TestReadUser(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	a := me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.orgAdmin.ID), nil)
	require.Equal(t, "org_admin", a.Text(t, "result.role"))
	for _, id := range []string{"999999999", "0", "nothing", "99999999999999999999", path("+%d", w.user.ID)} {
		fails(t, me.Do(t, 400, "GET", "/user/v1/user/read/"+id, nil), "CLIENT_ERROR", "User doesn't exist.")
	}
	// Another account's people do not exist.
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleMentee)
	fails(t, me.Do(t, 400, "GET", path("/user/v1/user/read/%d", stranger.ID), nil), "CLIENT_ERROR", "User doesn't exist.")
}

func TestUnknownRoutesAnswerInTheDialect(t *testing.T) {
	w := newWorld(t, nil)
	for _, p := range []string{"/user/v1/nothing", "/user/v1/account/nothing", "/user/v1", "/mentoring/v1/x"} {
		a := w.anyone().Do(t, 404, "GET", p, nil)
		fails(t, a, "RESOURCE_ERROR", "Requested resource not found!")
	}
	fails(t, w.anyone().Do(t, 404, "DELETE", "/user/v1/account/login", nil), "RESOURCE_ERROR", "Requested resource not found!")
}

func TestStatementsOfTheHotPaths(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	statements := func(do func()) int64 {
		before := w.DB.Statements()
		do()
		return w.DB.Statements() - before
	}
	own, others := path("/user/v1/user/read/%d", w.user.ID), path("/user/v1/user/read/%d", w.orgAdmin.ID)
	me.Do(t, 200, "GET", own, nil) // permissions are cached from here on
	require.LessOrEqual(t, statements(func() { me.Do(t, 200, "GET", own, nil) }), int64(1), "own profile")
	require.LessOrEqual(t, statements(func() { me.Do(t, 200, "GET", others, nil) }), int64(2), "another's profile")
	require.LessOrEqual(t, statements(func() { w.signIn(t, w.user) }), int64(6), "login")
	require.LessOrEqual(t, statements(func() { me.Do(t, 200, "GET", "/user/v1/organization/list", nil) }), int64(3), "list of organizations")
}

// The account of a sign-in is that of the host that the request came to; what a
// stranger writes into a proxy's header does not count.
func TestForwardedHostOfAStrangerIsNotBelieved(t *testing.T) {
	w := newWorld(t, nil)
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleMentee)
	login := object{"email": stranger.Email, "password": hubtest.Password}
	w.anyone().With("X-Forwarded-Host", "elsewhere.test").Do(t, 400, "POST", "/user/v1/account/login", login)
}
