package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
)

// addEntitlement gives a person a role on a course, group or workspace.
func (d *door) addEntitlement(c *fiber.Ctx, req wire.Entitlement) (reply, error) {
	if err := d.Entitlements.Grant(c.UserContext(), entitlementChange(req)); err != nil {
		return reply{}, inBody(err)
	}
	return acknowledged(req.UserIdentifier)
}

// removeEntitlement takes it back.
func (d *door) removeEntitlement(c *fiber.Ctx, req wire.Entitlement) (reply, error) {
	if err := d.Entitlements.Take(c.UserContext(), entitlementChange(req)); err != nil {
		return reply{}, inBody(err)
	}
	return acknowledged(req.UserIdentifier)
}
