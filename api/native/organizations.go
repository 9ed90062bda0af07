package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/people"
	"quad/models"
)

// listOrganizations pages through the organizations that the caller sees.
func (d *door) listOrganizations(c *fiber.Ctx, req wire.ListOrganizations) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.People.ListShownOrganizations(c.UserContext(), people.OrganizationFilter{
		Search: req.Search, Status: models.Status(req.Status), After: after, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, organization)
}

// createOrganization adds an organization.
func (d *door) createOrganization(c *fiber.Ctx, req wire.CreateOrganization) (reply, error) {
	o, err := d.People.CreateOrganization(c.UserContext(), people.OrganizationInput{
		Name: req.Name, Code: req.Code, Description: req.Description, Domains: req.Domains, AdminEmail: req.AdminEmail,
	})
	if err != nil {
		return reply{}, err
	}
	return created(organization(o))
}

// getOrganization shows an organization.
func (d *door) getOrganization(c *fiber.Ctx, req wire.ByID) (reply, error) {
	o, err := d.People.ShownOrganization(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(organization(o))
}

// updateOrganization changes an organization.
func (d *door) updateOrganization(c *fiber.Ctx, req wire.UpdateOrganization) (reply, error) {
	o, err := d.People.ChangeOrganization(c.UserContext(), req.ID, people.OrganizationChange{
		Name: req.Name, Description: req.Description, Domains: req.Domains,
	})
	if err != nil {
		return reply{}, err
	}
	return ok(organization(o))
}

// deactivateOrganization deactivates an organization with its users.
func (d *door) deactivateOrganization(c *fiber.Ctx, req wire.ByID) (reply, error) {
	ctx := c.UserContext()
	if _, err := d.People.DeactivateOrganization(ctx, req.ID); err != nil {
		return reply{}, err
	}
	o, err := d.People.ShownOrganization(ctx, req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(organization(o))
}

func organization(o people.Organization) wire.Organization {
	return wire.Organization{
		ID: o.ID, Name: o.Name, Code: o.Code, Description: o.Description, Status: o.Status, IsDefault: o.IsDefault,
		Domains: append([]string{}, o.Domains...), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}
