package native

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/store"
	"quad/models"
)

// Name is the door's name in logs, metrics and rows.
const Name = "native"

// authenticate turns the bearer token, of a session or an API token, into the
// caller and checks the role that the operation needs. Public operations do not
// look at a token; their account is that of the host.
func (d *door) authenticate(c *fiber.Ctx, op httpx.Operation) error {
	ctx := auth.WithDoor(c.UserContext(), Name)
	if op.Access.Public {
		account, err := d.Auth.ResolveAccount(ctx, httpx.Host(c))
		if err != nil {
			return err
		}
		c.SetUserContext(store.WithAccount(ctx, account))
		httpx.SetCaller(c, account, 0)
		return nil
	}
	token, ok := bearer(c.Get(fiber.HeaderAuthorization))
	if !ok {
		return models.ErrUnauthenticated
	}
	identity, err := d.identify(ctx, token)
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

// identify tells whose token it is, if it still works.
func (d *door) identify(ctx context.Context, token string) (auth.Identity, error) {
	if auth.IsAPIToken(token) {
		return d.Auth.AuthenticateAPIToken(ctx, token)
	}
	return d.Auth.Authenticate(ctx, token)
}

func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}
