package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/people"
	"quad/models"
)

// login opens a session.
func (d *door) login(c *fiber.Ctx, req wire.Login) (reply, error) {
	in, err := d.People.SignIn(c.UserContext(), people.SignIn{Email: req.Email, Password: req.Password, Address: httpx.ClientIP(c).String()})
	if err != nil {
		return reply{}, err
	}
	return ok(session(in))
}

// refreshSession trades a refresh token for a new pair. A spent one ends its
// session.
func (d *door) refreshSession(c *fiber.Ctx, req wire.Refresh) (reply, error) {
	in, err := d.People.Refresh(c.UserContext(), req.RefreshToken, true)
	if err != nil {
		return reply{}, err
	}
	return ok(session(in))
}

// logout ends the caller's session.
func (d *door) logout(c *fiber.Ctx, _ wire.None) (reply, error) {
	return reply{}, d.People.EndSession(c.UserContext())
}

// getMe shows the caller.
func (d *door) getMe(c *fiber.Ctx, _ wire.None) (reply, error) {
	p, found := auth.From(c.UserContext())
	if !found {
		return reply{}, models.ErrUnauthenticated
	}
	return person(d.People.User(c.UserContext(), p.UserID))
}
