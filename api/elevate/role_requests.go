package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people/rolerequest"
	"quad/models"
)

// requestOrgRole asks the caller's organization for a role.
func (d *door) requestOrgRole(c *fiber.Ctx, req wire.RequestOrgRoleRequest) (reply, error) {
	r, err := d.roleRequests.Ask(c.UserContext(), rolerequest.Ask{RoleID: req.Role, FormData: req.FormData})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Mentor role requested successfully", result: roleRequestReceipt(r)}, nil
}

// listRoleRequests pages through the requests of the caller's organization.
func (d *door) listRoleRequests(c *fiber.Ctx, req wire.ListRoleRequestsRequest) (reply, error) {
	page, count, err := d.roleRequests.List(c.UserContext(), rolerequest.Filter{
		RoleIDs: req.Roles, Statuses: roleRequestStatuses(req.Statuses), HandledBy: req.HandledBy,
		Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Organization requests fetched successfully", result: listOf(page, count, roleRequestLine)}, nil
}

// getRoleRequest shows one request of the caller's organization.
func (d *door) getRoleRequest(c *fiber.Ctx, req wire.GetRoleRequestRequest) (reply, error) {
	v, err := d.roleRequests.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Organisation request details fetched successfully", result: roleRequestDetails(v)}, nil
}

// updateRoleRequestStatus brings the caller's decision to a request.
func (d *door) updateRoleRequestStatus(c *fiber.Ctx, req wire.UpdateRoleRequestStatusRequest) (reply, error) {
	v, err := d.roleRequests.Decide(c.UserContext(), rolerequest.Decision{
		RequestID: req.RequestID, Status: models.RoleRequestStatus(req.Status), Comments: req.Comments,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Successfully updated organization request status", result: roleRequest(v)}, nil
}
