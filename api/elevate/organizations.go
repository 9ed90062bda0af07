package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people"
	"quad/models"
)

// createOrganization adds an organization.
func (d *door) createOrganization(c *fiber.Ctx, req wire.CreateOrganizationRequest) (reply, error) {
	_, err := d.people.CreateOrganization(c.UserContext(), people.OrganizationInput{
		Name: req.Name, Code: req.Code, Description: req.Description, Domains: req.Domains, AdminEmail: req.AdminEmail,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Organization created successfully", result: empty}, nil
}

// updateOrganization changes an organization.
func (d *door) updateOrganization(c *fiber.Ctx, req wire.UpdateOrganizationRequest) (reply, error) {
	_, err := d.people.UpdateOrganization(c.UserContext(), req.ID, people.OrganizationInput{
		Name: req.Name, Code: req.Code, Description: req.Description, Domains: req.Domains,
	})
	if err != nil {
		return reply{}, instead(err, errOrganizationLocked, models.ErrForbidden)
	}
	return reply{message: "Organization updated successfully", result: empty}, nil
}

// listOrganizations pages through the active organizations by name.
func (d *door) listOrganizations(c *fiber.Ctx, req wire.ListOrganizationsRequest) (reply, error) {
	page, count, err := d.people.ListOrganizations(c.UserContext(), people.OrganizationFilter{
		Search: req.Search, Status: models.StatusActive, Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Organization fetched successfully.", result: listOf(page, count, organizationLine)}, nil
}
