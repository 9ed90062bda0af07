package mis

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/store"
	"quad/models"
)

// Name is the door's name in logs, metrics and rows.
const Name = "mis"

// cookieName is the cookie that holds an access token for browsers.
const cookieName = "auth_token"

// authenticate turns the token, of the header or else of the cookie, into the
// caller with their reach, in one statement, and checks the role that the operation needs. Public
// operations do not look at a token; their account is that of the host.
func (d *door) authenticate(c *fiber.Ctx, op httpx.Operation) error {
	ctx := auth.WithDoor(c.UserContext(), Name)
	if op.Unlimited { // about the service itself: no account, and no need of the database
		return nil
	}
	if op.Access.Public {
		account, err := d.Auth.ResolveAccount(ctx, httpx.Host(c))
		if err != nil {
			return err
		}
		c.SetUserContext(store.WithAccount(ctx, account))
		httpx.SetCaller(c, account, 0)
		return nil
	}
	token := tokenOf(c)
	if token == "" {
		return auth.ErrTokenInvalid
	}
	identity, err := d.Auth.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	c.SetUserContext(auth.WithIdentity(ctx, identity))
	httpx.SetCaller(c, identity.Principal.AccountID, identity.Principal.UserID)
	if roles := op.Access.Roles; len(roles) > 0 && !identity.Principal.Has(roles...) {
		return models.ErrForbidden
	}
	return nil
}

// tokenOf is the token of a request: the header wins over the cookie.
func tokenOf(c *fiber.Ctx) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(c.Get(fiber.HeaderAuthorization)), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "bearer") && token != "" {
		return token
	}
	return strings.Clone(c.Cookies(cookieName))
}
