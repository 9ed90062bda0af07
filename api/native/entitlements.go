package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/people/entitlement"
	"quad/internal/ref"
	"quad/models"
)

// listUserEntitlements pages through the roles that a person has on single
// courses, groups and workspaces.
func (d *door) listUserEntitlements(c *fiber.Ctx, req wire.ListUserEntitlements) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Entitlements.ListOf(c.UserContext(), req.ID, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, entitled)
}

// listEntitlements pages through those of the account.
func (d *door) listEntitlements(c *fiber.Ctx, req wire.ListEntitlements) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Entitlements.List(c.UserContext(), entitlement.Filter{
		User: ref.Ref{ID: req.UserID, Identifier: req.UserIdentifier}, EntityType: models.EntitlementEntity(req.EntityType),
		Entity: ref.ByIdentifier(req.EntityIdentifier), After: after, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, entitled)
}

func entitled(l entitlement.Listed) wire.Entitlement {
	return wire.Entitlement{
		ID: l.ID, UserID: l.UserID, UserIdentifier: l.UserIdentifier, UserName: l.UserName, EntityType: l.EntityType, EntityID: l.EntityID,
		EntityIdentifier: l.EntityIdentifier, EntityName: l.EntityName, Role: l.Role, CreatedAt: l.CreatedAt,
	}
}
