package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/people/rolerequest"
)

// getRoleRequest shows a role request.
func (d *door) getRoleRequest(c *fiber.Ctx, req wire.ByID) (reply, error) {
	v, err := d.RoleRequests.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(roleRequest(v))
}

// moveDeadline gives an open role request another deadline.
func (d *door) moveDeadline(c *fiber.Ctx, req wire.Deadline) (reply, error) {
	v, err := d.RoleRequests.MoveDeadline(c.UserContext(), req.ID, req.Deadline)
	if err != nil {
		return reply{}, err
	}
	return ok(roleRequest(v))
}

func roleRequest(v rolerequest.View) wire.RoleRequest {
	return wire.RoleRequest{
		ID: v.ID, OrganizationID: v.OrganizationID, UserID: v.UserID, UserName: v.Requester.Name, RoleID: v.RoleID, RoleTitle: v.RoleTitle,
		ProcessID: v.ProcessID, Status: v.Status, EndReason: v.EndReason, HandledBy: v.HandledBy,
		Comments: append([]string{}, v.Comments...), Meta: object(v.Meta), Reminders: v.Reminders, EscalatedAt: v.EscalatedAt,
		ExpiresAt: v.ExpiresAt, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, EndedAt: v.EndedAt,
	}
}
