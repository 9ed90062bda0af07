package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/people"
	"quad/models"
)

func (d *door) listTenants(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	tenants, err := d.People.Tenants(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(all(tenants, wireTenant))
}

func (d *door) listAccessibleTenants(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	tenants, err := d.People.Tenants(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(all(tenants, wireTenantSummary))
}

func (d *door) createTenant(c *fiber.Ctx, r wire.CreateTenant) (reply, error) {
	tenant, err := d.People.CreateTenant(c.UserContext(), people.TenantChange{Name: &r.Name, Email: &r.Email, Phone: r.Phone, Address: r.Address})
	if err != nil {
		return reply{}, err
	}
	return created(wireTenant(tenant))
}

func (d *door) getTenant(c *fiber.Ctx, r wire.ByID) (reply, error) {
	tenant, err := d.People.Tenant(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireTenant(tenant))
}

// updateTenant serves PATCH and PUT alike: what is left out stays.
func (d *door) updateTenant(c *fiber.Ctx, r wire.UpdateTenant) (reply, error) {
	tenant, err := d.People.ChangeTenant(c.UserContext(), r.ID, tenantChange(r))
	if err != nil {
		return reply{}, err
	}
	return ok(wireTenant(tenant))
}

func (d *door) activateTenant(c *fiber.Ctx, r wire.ByID) (reply, error) {
	active := models.StatusActive
	tenant, err := d.People.ChangeTenant(c.UserContext(), r.ID, people.TenantChange{Status: &active})
	if err != nil {
		return reply{}, err
	}
	return ok(wireTenantSummary(tenant))
}

func (d *door) deleteTenant(c *fiber.Ctx, r wire.ByID) (reply, error) {
	if err := d.People.DeleteTenant(c.UserContext(), r.ID); err != nil {
		return reply{}, err
	}
	return done("Tenant deleted")
}

func (d *door) assignUserToTenant(c *fiber.Ctx, r wire.AssignUser) (reply, error) {
	membership, err := d.People.AssignToOrganization(c.UserContext(), r.TenantID, r.UserID)
	if err != nil {
		return reply{}, err
	}
	return created(wireTenantAssignment(membership))
}

func (d *door) removeUserFromTenant(c *fiber.Ctx, r wire.TenantUser) (reply, error) {
	if err := d.People.RemoveFromOrganization(c.UserContext(), r.TenantID, r.UserID); err != nil {
		return reply{}, err
	}
	return done("User removed from tenant")
}
