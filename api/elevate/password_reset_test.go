package elevate_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

const (
	freshPassword = "a new password"
	reused        = "Please enter a new password, that has not been used before"
	wrongOTP      = "Please enter the correct OTP."
)

func otherThan(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestPasswordReset(t *testing.T) {
	w := newWorkingWorld(t)
	c := w.anyone()
	old := w.signIn(t, w.user)
	ask := object{"email": strings.ToUpper(w.user.Email), "password": freshPassword}

	fails(t, c.Do(t, 400, "POST", "/user/v1/account/generateOtp", object{"email": w.user.Email, "password": hubtest.Password}), "CLIENT_ERROR", reused)
	require.ElementsMatch(t, []string{"body.email", "body.password"}, params(t, c.Do(t, 422, "POST", "/user/v1/account/generateOtp", object{"password": "short"})))
	known := c.Do(t, 200, "POST", "/user/v1/account/generateOtp", ask)
	unknown := c.Do(t, 200, "POST", "/user/v1/account/generateOtp", object{"email": "nobody@example.test", "password": freshPassword})
	require.Equal(t, known.Text(t, "message"), unknown.Text(t, "message"), "the answer does not tell who is known")
	code := w.code(t, w.user.Email)
	require.NotContains(t, string(known.Body), code)
	require.Empty(t, w.Inbox.Messages(inbox.Filter{To: "nobody@example.test", Limit: 1}))

	in := object{"email": w.user.Email, "password": freshPassword, "otp": otherThan(code)}
	fails(t, c.Do(t, 401, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", wrongOTP)
	for _, otp := range []any{nil, "", "12345", "1234567", "12345a", "１２３４５６", -1, 1.5, []string{code}} {
		in["otp"] = otp
		require.Equal(t, []string{"body.otp"}, params(t, c.Do(t, 422, "POST", "/user/v1/account/resetPassword", in)), "%v", otp)
	}
	in["otp"], in["password"] = code, hubtest.Password
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", reused)
	number, err := strconv.Atoi(code)
	require.NoError(t, err)
	in["otp"], in["password"] = number, freshPassword // as a number, which has no leading zeros
	a := c.Do(t, 200, "POST", "/user/v1/account/resetPassword", in)
	require.Equal(t, "true", a.Text(t, "result.user.email_verified"), "the code came by mail")
	require.Equal(t, "en", a.Text(t, "result.user.preferred_language"), "a plain code here")
	w.withToken(a.Text(t, "result.access_token")).Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil)

	fails(t, w.withToken(old.Text(t, "result.access_token")).Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Access token expired")
	c.Do(t, 401, "POST", "/user/v1/account/generateToken", object{"refresh_token": old.Text(t, "result.refresh_token")})
	c.Do(t, 400, "POST", "/user/v1/account/login", object{"email": w.user.Email, "password": hubtest.Password})
	c.Do(t, 200, "POST", "/user/v1/account/login", object{"email": w.user.Email, "password": freshPassword})
	in["password"] = "another password"
	fails(t, c.Do(t, 401, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", wrongOTP)
}

func TestPasswordResetCodesAreForOnePurposeAndFewTries(t *testing.T) {
	w := newWorkingWorld(t)
	c := w.anyone()
	email := newEmail()
	c.Do(t, 200, "POST", "/user/v1/account/registrationOtp", object{"email": email})
	code := w.code(t, email)
	joined, err := w.People.EnsureUser(w.Context(), newUser("Joined otherwise", email))
	require.NoError(t, err)
	in := object{"email": email, "password": freshPassword, "otp": code}
	fails(t, c.Do(t, 401, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", wrongOTP)

	person := w.NewPerson(0, 0, "forgetful", models.RoleMentee)
	c.Do(t, 200, "POST", "/user/v1/account/generateOtp", object{"email": person.Email, "password": freshPassword})
	code = w.code(t, person.Email)
	in = object{"email": person.Email, "password": freshPassword, "otp": otherThan(code)}
	for range 5 {
		fails(t, c.Do(t, 401, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", wrongOTP)
	}
	in["otp"] = code
	fails(t, c.Do(t, 401, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", wrongOTP)
	var alive int
	require.NoError(t, w.DB.Query(w.Context(), &alive, `SELECT count(*) FROM one_time_codes WHERE account_id = @account_id AND email = @email AND ended_at IS NULL`,
		store.Args{"email": person.Email}))
	require.Zero(t, alive, "the code is void")

	// Who was deactivated after the code was sent stays outside.
	late := w.NewPerson(0, 0, "late", models.RoleMentee)
	c.Do(t, 200, "POST", "/user/v1/account/generateOtp", object{"email": late.Email, "password": freshPassword})
	code = w.code(t, late.Email)
	_, err = w.People.DeactivateUsers(w.AdminContext(w.admin), late.ID, joined.User.ID)
	require.NoError(t, err)
	in = object{"email": late.Email, "password": freshPassword, "otp": code}
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/resetPassword", in), "CLIENT_ERROR", "User doesn't exist.")
}

func TestOneOfManyPasswordResetsWins(t *testing.T) {
	w := newWorkingWorld(t)
	c := w.anyone()
	c.Do(t, 200, "POST", "/user/v1/account/generateOtp", object{"email": w.user.Email, "password": freshPassword})
	code := w.code(t, w.user.Email)
	counts := c.AtOnce(t, 50, "POST", "/user/v1/account/resetPassword", object{"email": w.user.Email, "password": freshPassword, "otp": code})
	require.Equal(t, 1, counts[200], counts)
	// Who comes after the winner finds the code used, or the password in use.
	require.Equal(t, 49, counts[401]+counts[400], counts)
	var sessions int
	require.NoError(t, w.DB.Query(w.Context(), &sessions, `SELECT count(*) FROM sessions WHERE account_id = @account_id AND user_id = @user AND ended_at IS NULL`,
		store.Args{"user": w.user.ID}))
	require.Equal(t, 1, sessions)
}

func TestCodesThatCannotBeStored(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.DB.Exec(store.AsSystem(t.Context()), `ALTER TABLE one_time_codes RENAME TO away`, nil)
	require.NoError(t, err)
	const text = "Unable to send otp, may be redis server is down."
	a := w.anyone().Do(t, 500, "POST", "/user/v1/account/generateOtp", object{"email": w.user.Email, "password": freshPassword})
	fails(t, a, "SERVER_ERROR", text)
	a = w.anyone().Do(t, 500, "POST", "/user/v1/account/registrationOtp", object{"email": newEmail()})
	fails(t, a, "SERVER_ERROR", text)
}

func TestAcceptTerms(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	own := path("/user/v1/user/read/%d", w.user.ID)
	require.Equal(t, "false", me.Do(t, 200, "GET", own, nil).Text(t, "result.has_accepted_terms_and_conditions"))
	const terms = "/user/v1/account/acceptTermsAndCondition"
	for range 2 {
		require.Equal(t, "User successfully updated.", me.Do(t, 200, "PATCH", terms, nil).Text(t, "message"))
	}
	profile := me.Do(t, 200, "GET", own, nil)
	require.Equal(t, "true", profile.Text(t, "result.has_accepted_terms_and_conditions"))
	require.Equal(t, "true", profile.Text(t, "result.email_verified"))
	fails(t, w.anyone().Do(t, 401, "PATCH", terms, nil), "UNAUTHORIZED", "Unauthorized request")
}

func newUser(name, email string) people.NewUser {
	return people.NewUser{Name: name, Email: email, Password: hubtest.Password}
}
