package mis

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/people"
)

// login opens a session. A locked login is answered like a wrong password, so
// that nobody learns that it is locked.
func (d *door) login(c *fiber.Ctx, r wire.Login) (reply, error) {
	in, err := d.People.SignIn(c.UserContext(), people.SignIn{Email: r.Email, Password: r.Password, Address: httpx.ClientIP(c).String(), Tell: true})
	switch {
	case errors.Is(err, auth.ErrLocked):
		return reply{}, people.ErrBadCredentials
	case err != nil:
		return reply{}, err
	}
	d.setCookie(c, in.Tokens)
	return ok(wire.LoginResult{TokenPair: wireTokens(in.Tokens), User: userSummary(in.User)})
}

// registerUser makes an account for whoever asks.
func (d *door) registerUser(c *fiber.Ctx, r wire.Register) (reply, error) {
	who, err := d.People.Register(c.UserContext(), registration(r))
	if err != nil {
		return reply{}, err
	}
	return created(userSummary(who.User))
}

// refreshTokens trades a refresh token for a new pair.
func (d *door) refreshTokens(c *fiber.Ctx, r wire.Refresh) (reply, error) {
	in, err := d.People.Refresh(c.UserContext(), r.RefreshToken, true)
	if err != nil {
		return reply{}, err
	}
	d.setCookie(c, in.Tokens)
	return ok(wireTokens(in.Tokens))
}

// forgotPassword answers alike whoever the address belongs to.
func (d *door) forgotPassword(c *fiber.Ctx, r wire.ForgotPassword) (reply, error) {
	if err := d.People.RequestPasswordLink(c.UserContext(), r.Email); err != nil {
		return reply{}, err
	}
	return ok(wire.MessageResult{Message: "If that email is registered you will receive a reset link shortly"})
}

// resetPassword sets a new password with a mailed token.
func (d *door) resetPassword(c *fiber.Ctx, r wire.ResetPassword) (reply, error) {
	if err := d.People.ResetPasswordByLink(c.UserContext(), r.Token, r.Password, httpx.ClientIP(c).String()); err != nil {
		return reply{}, err
	}
	return ok(wire.MessageResult{Message: "Password reset successfully. Please sign in with your new password."})
}

// logout ends the session.
func (d *door) logout(c *fiber.Ctx, r wire.Logout) (reply, error) {
	if err := d.People.SignOutOf(c.UserContext(), r.RefreshToken); err != nil {
		return reply{}, err
	}
	d.cookie(c, "", -1)
	return ok(wire.MessageResult{Message: "Logged out successfully"})
}

// getMe shows the caller, as they were read with the token.
func (d *door) getMe(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	me, err := d.me(c)
	if err != nil {
		return reply{}, err
	}
	return ok(userProfile(me))
}

func (d *door) me(c *fiber.Ctx) (people.Person, error) {
	p, err := auth.Caller(c.UserContext())
	if err != nil {
		return people.Person{}, err
	}
	return d.People.Profile(c.UserContext(), p.UserID)
}

// updateMe changes the caller's own name.
func (d *door) updateMe(c *fiber.Ctx, r wire.UpdateMe) (reply, error) {
	who, err := d.People.ChangeOwnName(c.UserContext(), r.FirstName, r.LastName)
	if err != nil {
		return reply{}, err
	}
	return ok(userProfile(who))
}

// changePassword replaces the caller's password.
func (d *door) changePassword(c *fiber.Ctx, r wire.ChangePassword) (reply, error) {
	err := d.People.ChangePassword(c.UserContext(), people.PasswordChange{Current: r.CurrentPassword, New: r.NewPassword, Address: httpx.ClientIP(c).String()})
	if err != nil {
		return reply{}, err
	}
	return ok(wire.MessageResult{Message: "Password changed successfully"})
}

// setCookie keeps the access token in a browser, where no script reads it.
func (d *door) setCookie(c *fiber.Ctx, tokens auth.TokenPair) {
	d.cookie(c, tokens.Access, int(d.Config.AccessTTL.Seconds()))
}

// cookie sets the cookie for so many seconds; a negative number clears it.
func (d *door) cookie(c *fiber.Ctx, value string, seconds int) {
	cookie := http.Cookie{
		Name: cookieName, Value: value, Path: "/mis", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: d.secure || httpx.Secure(c),
	}
	c.Append(fiber.HeaderSetCookie, cookie.String())
}
