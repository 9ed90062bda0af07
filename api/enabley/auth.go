package enabley

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
)

// Name is the door's name in logs, metrics and rows.
const Name = "enabley"

// authenticate turns the bearer token into the API client that calls. A token
// may do everything in its account, so there are no roles to check.
func (d *door) authenticate(c *fiber.Ctx, op httpx.Operation) error {
	ctx := auth.WithDoor(c.UserContext(), Name)
	if op.Access.Public { // the account is that of the key, not of the host
		c.SetUserContext(ctx)
		return nil
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(c.Get(fiber.HeaderAuthorization)), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return auth.ErrTokenInvalid
	}
	p, err := d.Auth.AuthenticateClientToken(ctx, strings.TrimSpace(token))
	if err != nil {
		return err
	}
	c.SetUserContext(auth.WithPrincipal(ctx, p))
	httpx.SetCaller(c, p.AccountID, 0)
	return nil
}

// createToken exchanges key and secret for a token.
func (d *door) createToken(c *fiber.Ctx, req wire.CreateToken) (reply, error) {
	token, err := d.Auth.SignInClient(c.UserContext(), req.ClientKey, req.Secret)
	if errors.Is(err, auth.ErrTokenInvalid) {
		return reply{}, errClient
	}
	if err != nil {
		return reply{}, err
	}
	return ok(wire.Token{AccessToken: token, ExpiresIn: auth.ClientTokenLife.Milliseconds(), TokenType: "bearer"})
}
