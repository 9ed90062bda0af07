package people_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

func (w *world) signIn(email, pass string) (people.SignedIn, error) {
	return w.SignIn(w.public, people.SignIn{Email: email, Password: pass, Address: address})
}

func TestSignInNeedsAtMostSixStatements(t *testing.T) {
	w := newWorld(t)
	before := w.db.Statements()
	signed, err := w.signIn(" Learner@MAIL.test", password)
	require.NoError(t, err)
	require.LessOrEqual(t, w.db.Statements()-before, int64(6))
	require.Equal(t, w.learner.User.ID, signed.User.ID)
	require.Equal(t, []string{models.RoleMentee}, titles(signed.Person))
	require.NotNil(t, signed.User.LastLoggedInAt)
	require.True(t, w.audited("session.opened", signed.Tokens.SessionID, signed.User.ID))

	before = w.db.Statements()
	ctx := w.with(signed.Tokens.Access)
	me, err := w.Profile(ctx, signed.User.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, w.db.Statements()-before, "an authenticated read of the own profile")
	require.NotNil(t, me.User.LastLoggedInAt)
	require.WithinDuration(t, *signed.User.LastLoggedInAt, *me.User.LastLoggedInAt, 1e9*60)
}

func TestEveryRefusedSignInIsTheSame(t *testing.T) {
	w := newWorld(t)
	o, err := w.CreateOrganization(w.as(w.admin), people.OrganizationInput{Name: "Closed", Code: "closed", Description: "x"})
	require.NoError(t, err)
	_, err = w.EnsureUser(w.public, people.NewUser{Name: "In closed", Email: "closed@mail.test", Password: password, OrganizationID: o.ID})
	require.NoError(t, err)
	w.exec(`UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": o.ID})
	w.user(w.public, "inactive")
	w.exec(`UPDATE users SET status = 'INACTIVE' WHERE email = 'inactive@mail.test'`, nil)
	w.user(w.public, "deleted")
	w.exec(`UPDATE users SET status = 'DELETED' WHERE email = 'deleted@mail.test'`, nil)
	_, err = w.EnsureUser(w.public, people.NewUser{Name: "No password", Email: "nopassword@mail.test"})
	require.NoError(t, err)

	for name, in := range map[string]people.SignIn{
		"wrong password": {Email: "learner@mail.test", Password: password + " "}, "unknown": {Email: "nobody@mail.test", Password: password},
		"inactive": {Email: "inactive@mail.test", Password: password}, "deleted": {Email: "deleted@mail.test", Password: password},
		"inactive organization": {Email: "closed@mail.test", Password: password}, "other account": {Email: "stranger@mail.test", Password: password},
		"no password set": {Email: "nopassword@mail.test", Password: password}, "wrong password of an admin": {Email: "admin@mail.test", Password: "wrong", Role: models.RoleAdmin},
		"lacks the role": {Email: "learner@mail.test", Password: password, Role: models.RoleAdmin}, "unknown, role asked for": {Email: "nobody@mail.test", Password: password, Role: models.RoleAdmin},
	} {
		in.Address = name
		before := w.db.Statements()
		_, err := w.SignIn(w.public, in)
		require.ErrorIs(t, err, people.ErrBadCredentials, name)
		require.Equal(t, name == "lacks the role" || name == "unknown, role asked for", errors.Is(err, people.ErrLoginUnknown), name)
		require.EqualValues(t, 3, w.db.Statements()-before, name)
	}
	_, err = w.SignIn(w.public, people.SignIn{Email: "admin@mail.test", Password: password, Role: models.RoleAdmin})
	require.NoError(t, err)
	_, err = w.SignIn(w.public, people.SignIn{})
	require.Equal(t, []string{"email:required", "password:required"}, rulesOf(t, err))
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.id = @id`, store.Args{"id": w.learner.User.ID}))
}

func TestGuessingLocks(t *testing.T) {
	w := newWorld(t)
	for range authConfig.LockAfter {
		_, err := w.signIn("learner@mail.test", "wrong")
		require.ErrorIs(t, err, people.ErrBadCredentials)
	}
	_, err := w.signIn("learner@mail.test", password)
	require.ErrorIs(t, err, auth.ErrLocked)
	_, err = w.signIn("nobody@mail.test", password)
	require.ErrorIs(t, err, people.ErrBadCredentials)
	_, err = w.SignIn(w.public, people.SignIn{Email: "learner@mail.test", Password: password, Address: "192.0.2.2"})
	require.NoError(t, err, "the owner, from elsewhere")
}

func TestParallelGuessingHasNoMoreTries(t *testing.T) {
	w := newWorld(t)
	for _, err := range race(func(int) error {
		_, err := w.signIn("learner@mail.test", "wrong")
		return err
	}) {
		require.True(t, errors.Is(err, people.ErrBadCredentials) || errors.Is(err, auth.ErrLocked), err)
	}
	_, err := w.signIn("learner@mail.test", password)
	require.ErrorIs(t, err, auth.ErrLocked)
}

func TestParallelSignInsAllSucceed(t *testing.T) {
	w := newWorld(t)
	for _, err := range race(func(int) error {
		_, err := w.signIn("learner@mail.test", password)
		return err
	}) {
		require.NoError(t, err)
	}
}

func TestPasswordsAreHashedAnewWhenParametersChange(t *testing.T) {
	w := newWorld(t)
	stronger := authConfig
	stronger.PasswordTime = 2
	s, _ := w.replica(stronger)
	_, err := s.SignIn(w.public, people.SignIn{Email: "learner@mail.test", Password: password})
	require.NoError(t, err)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM user_credentials WHERE user_id = @id AND password_hash LIKE '%t=2,%'`, store.Args{"id": w.learner.User.ID}))
	_, err = w.signIn("learner@mail.test", password)
	require.NoError(t, err)
}

func TestSignOut(t *testing.T) {
	w := newWorld(t)
	one, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	two, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	foreign, err := w.signIn("admin@mail.test", password)
	require.NoError(t, err)
	ctx := w.with(one.Tokens.Access)

	require.ErrorIs(t, w.SignOut(ctx, foreign.Tokens.Refresh), auth.ErrTokenInvalid)
	require.ErrorIs(t, w.SignOut(ctx, one.Tokens.Access), auth.ErrTokenInvalid)
	_, err = w.auth.Authenticate(w.public, one.Tokens.Access)
	require.NoError(t, err, "a refused sign-out ends nothing")
	require.NoError(t, w.SignOut(ctx, two.Tokens.Refresh))
	for _, token := range []string{one.Tokens.Access, two.Tokens.Access} {
		_, err = w.auth.Authenticate(w.public, token)
		require.ErrorIs(t, err, auth.ErrTokenExpired)
	}
	_, err = w.Refresh(w.public, one.Tokens.Refresh, false)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	_, err = w.auth.Authenticate(w.public, foreign.Tokens.Access)
	require.NoError(t, err)
	require.ErrorIs(t, w.SignOut(w.public, ""), models.ErrUnauthenticated)
}

func TestRefreshWithAndWithoutRotation(t *testing.T) {
	w := newWorld(t)
	signed, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	kept, err := w.Refresh(w.public, signed.Tokens.Refresh, false)
	require.NoError(t, err)
	require.Equal(t, signed.Tokens.Refresh, kept.Tokens.Refresh)
	rotated, err := w.Refresh(w.public, signed.Tokens.Refresh, true)
	require.NoError(t, err)
	require.Equal(t, w.learner.User.ID, rotated.User.ID)
	_, err = w.Refresh(w.public, signed.Tokens.Refresh, true)
	require.ErrorIs(t, err, auth.ErrTokenReused)
	_, err = w.auth.Authenticate(w.public, rotated.Tokens.Access)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
}

func TestPasswordReset(t *testing.T) {
	w := newWorld(t)
	old, err := w.signIn("learner@mail.test", password)
	require.NoError(t, err)
	const fresh = "New password"
	require.ErrorIs(t, w.RequestPasswordReset(w.public, "learner@mail.test", password, address), people.ErrPasswordReused)
	require.NoError(t, w.RequestPasswordReset(w.public, "Learner@mail.test", fresh, address))
	require.Len(t, w.mails("learner@mail.test", "emailotp"), 1)
	for _, unknown := range []string{"nobody@mail.test", "stranger@mail.test"} {
		require.NoError(t, w.RequestPasswordReset(w.public, unknown, fresh, address))
		require.Empty(t, w.mails(unknown, "emailotp"), "answered alike, and nothing sent")
	}

	code := w.code(w.public, "learner@mail.test", "emailotp")
	in := people.PasswordReset{Email: "learner@mail.test", Password: fresh, Code: wrong(code), Address: address}
	_, err = w.ResetPassword(w.public, in)
	require.ErrorIs(t, err, auth.ErrCodeWrong)
	in.Code = code
	in.Password = password
	_, err = w.ResetPassword(w.public, in)
	require.ErrorIs(t, err, people.ErrPasswordReused)
	in.Password = fresh
	signed, err := w.ResetPassword(w.public, in)
	require.NoError(t, err)
	require.True(t, signed.User.EmailVerified)
	require.True(t, w.audited("user.password_reset", signed.User.ID, signed.User.ID))
	_, err = w.auth.Authenticate(w.public, old.Tokens.Access)
	require.ErrorIs(t, err, auth.ErrTokenExpired, "older sessions end")
	_, err = w.auth.Authenticate(w.public, signed.Tokens.Access)
	require.NoError(t, err)
	_, err = w.ResetPassword(w.public, in)
	require.ErrorIs(t, err, auth.ErrCodeWrong, "a code works once")
	_, err = w.signIn("learner@mail.test", password)
	require.ErrorIs(t, err, people.ErrBadCredentials)
	_, err = w.signIn("learner@mail.test", fresh)
	require.NoError(t, err)

	_, err = w.ResetPassword(w.public, people.PasswordReset{Email: "x", Password: "short", Code: "12345"})
	require.Equal(t, []string{"email:email", "password:too_short", "otp:digits"}, rulesOf(t, err))
}

func TestPasswordResetIsNoWayToGuess(t *testing.T) {
	w := newWorld(t)
	for range authConfig.LockAfter {
		require.NoError(t, w.RequestPasswordReset(w.public, "learner@mail.test", "wrong guess", address))
	}
	require.NoError(t, w.RequestPasswordReset(w.public, "learner@mail.test", password, address), "compared no more")
	_, err := w.signIn("learner@mail.test", password)
	require.ErrorIs(t, err, auth.ErrLocked)
	code := w.code(w.public, "learner@mail.test", "emailotp")
	_, err = w.ResetPassword(w.public, people.PasswordReset{Email: "learner@mail.test", Password: "New password", Code: code, Address: address})
	require.NoError(t, err)
	_, err = w.signIn("learner@mail.test", "New password")
	require.NoError(t, err, "who reads the mailbox unlocks the login")
}

func TestResetAndSignInWithTheOldPasswordAtOnce(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.RequestPasswordReset(w.public, "learner@mail.test", "New password", address))
	code := w.code(w.public, "learner@mail.test", "emailotp")
	var reset people.SignedIn
	for n, err := range race(func(n int) (err error) {
		if n == 25 {
			reset, err = w.ResetPassword(w.public, people.PasswordReset{Email: "learner@mail.test", Password: "New password", Code: code, Address: address})
			return err
		}
		_, err = w.SignIn(w.public, people.SignIn{Email: "learner@mail.test", Password: password, Address: string(rune('a' + n))})
		return err
	}) {
		if n == 25 {
			require.NoError(t, err)
		} else if err != nil {
			require.ErrorIs(t, err, people.ErrBadCredentials)
		}
	}
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM sessions WHERE user_id = @id AND ended_at IS NULL`, store.Args{"id": w.learner.User.ID}))
	_, err := w.auth.Authenticate(w.public, reset.Tokens.Access)
	require.NoError(t, err)
}

func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}
