package enabley

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
)

// listUsersV2 searches people with an offset.
func (d *door) listUsersV2(c *fiber.Ctx, req wire.ListUsersV2) (reply, error) {
	rows, err := d.People.ListExternalFrom(c.UserContext(), userFilter(req.UserFilter), req.Start, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return ok(all(rows, userOut))
}

// listUsersV3 searches people page by page.
func (d *door) listUsersV3() fiber.Handler {
	return paged(d, list[wire.UserFilter, people.External, wire.User]{
		filters: []string{"emailSubstring", "firstNameSubstring", "identifier", "lastNameSubstring", "subAccountName", "usernameSubstring"},
		count: func(ctx context.Context, r wire.UserFilter) (int64, store.Place, error) {
			return d.People.CountExternal(ctx, userFilter(r))
		},
		rows: func(ctx context.Context, r wire.UserFilter, w store.Window) ([]people.External, error) {
			return d.People.ListExternal(ctx, userFilter(r), w)
		},
		place: func(e people.External) store.Place { return store.Place{At: e.CreatedAt, ID: e.ID} },
		one:   userOut,
	})
}

// upsertUser makes a person or changes the one with this identifier.
func (d *door) upsertUser(c *fiber.Ctx, req wire.UserInput) (reply, error) {
	created, err := d.People.UpsertExternal(c.UserContext(), userChange(req))
	if errors.Is(err, people.ErrLastAdmin) { // nothing is taken
		err = asInvalid(err)
	}
	if err != nil {
		return reply{}, inBody(err)
	}
	return stored(req.Identifier, created)
}

// getUser gives a person.
func (d *door) getUser(c *fiber.Ctx, req wire.GetUser) (reply, error) {
	user, err := d.People.ExternalUser(c.UserContext(), ref.ByIdentifier(req.Identifier), req.SubAccountName)
	if err != nil {
		return reply{}, err
	}
	return ok(userOut(user))
}

// setUserStatus activates or deactivates a person.
func (d *door) setUserStatus(c *fiber.Ctx, req wire.UserStatus) (reply, error) {
	if err := d.People.SetUserActive(c.UserContext(), ref.ByIdentifier(req.Identifier), req.IsActive); err != nil {
		return reply{}, asInvalid(err)
	}
	return acknowledged(req.Identifier)
}

// deleteUser deletes a person.
func (d *door) deleteUser(c *fiber.Ctx, req wire.UserPath) (reply, error) {
	if err := d.People.DeleteExternal(c.UserContext(), ref.ByIdentifier(req.Identifier)); err != nil {
		return reply{}, asInvalid(err)
	}
	return acknowledged(req.Identifier)
}

// removeUserFromSubAccount takes a person out of a sub-account.
func (d *door) removeUserFromSubAccount(c *fiber.Ctx, req wire.UserSubAccount) (reply, error) {
	if err := d.People.LeaveSubAccount(c.UserContext(), ref.ByIdentifier(req.Identifier), req.SubAccountName); err != nil {
		return reply{}, err
	}
	return acknowledged(req.Identifier)
}

// setUserPermissions replaces the permissions of an instructor.
func (d *door) setUserPermissions(c *fiber.Ctx, req wire.UserPermissions) (reply, error) {
	if err := d.People.SetPermissions(c.UserContext(), ref.ByIdentifier(req.UserIdentifier), req.Permissions); err != nil {
		return reply{}, err
	}
	return acknowledged(req.UserIdentifier)
}

// changeUserIdentifier gives a person another identifier.
func (d *door) changeUserIdentifier(c *fiber.Ctx, req wire.UserIdentityChange) (reply, error) {
	if err := d.People.ChangeIdentifier(c.UserContext(), req.CurrentUserIdentifier, req.NewUserIdentifier); err != nil {
		return reply{}, inBody(err)
	}
	return acknowledged(req.NewUserIdentifier)
}
