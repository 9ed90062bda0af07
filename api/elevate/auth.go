package elevate

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/store"
)

// Name is the door's name in logs, metrics and rows.
const Name = "elevate"

// tokenHeader carries "bearer <token>", "Bearer <token>" or the bare token.
const tokenHeader = "X-auth-token"

// authenticate turns the token into the caller and asks the permission gate.
// Operations that are public by contract accept a token and do not check it.
func (d *door) authenticate(c *fiber.Ctx, op httpx.Operation) error {
	ctx := auth.WithDoor(c.UserContext(), Name)
	if op.Access.Public {
		account, err := d.auth.ResolveAccount(ctx, httpx.Host(c))
		if err != nil {
			return err
		}
		ctx = store.WithAccount(ctx, account)
		c.SetUserContext(ctx)
		httpx.SetCaller(c, account, 0)
		return d.permit(c, auth.Principal{AccountID: account, Door: Name})
	}
	identity, err := d.auth.Authenticate(ctx, bearer(c.Get(tokenHeader)))
	if err != nil {
		return err
	}
	c.SetUserContext(auth.WithIdentity(ctx, identity))
	httpx.SetCaller(c, identity.Principal.AccountID, identity.Principal.UserID)
	return d.permit(c, identity.Principal)
}

// permit asks the gate, which decides from the account's data.
func (d *door) permit(c *fiber.Ctx, p auth.Principal) error {
	ok, err := d.people.Allowed(c.UserContext(), p, c.Method(), c.Path())
	if err != nil {
		return err
	}
	if !ok {
		return errNoPermission
	}
	return nil
}

func bearer(header string) string {
	header = strings.TrimSpace(header)
	if scheme, token, ok := strings.Cut(header, " "); ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return header
}
