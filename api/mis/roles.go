package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
)

func (d *door) listRoles(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	counts, err := d.People.CountRoles(c.UserContext(), roleTitles()...)
	if err != nil {
		return reply{}, err
	}
	return ok(wire.RoleList{Roles: all(roleBook, func(r roleLine) wire.Role { return wireRole(r, counts.Holders[r.title]) })})
}

func (d *door) getRoleStatistics(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	counts, err := d.People.CountRoles(c.UserContext(), roleTitles()...)
	if err != nil {
		return reply{}, err
	}
	return ok(wireRoleStatistics(counts))
}

func (d *door) getRole(c *fiber.Ctx, r wire.RoleRef) (reply, error) {
	role, err := roleByID(r.ID)
	if err != nil {
		return reply{}, err
	}
	holders, err := d.People.RoleHolders(c.UserContext(), role.title)
	if err != nil {
		return reply{}, err
	}
	return ok(wire.RoleDetail{Role: wireRole(role, int64(len(holders))), Users: all(holders, wireUserSummary)})
}

func (d *door) listRoleAvailableUsers(c *fiber.Ctx, r wire.RoleRef) (reply, error) {
	role, err := roleByID(r.ID)
	if err != nil {
		return reply{}, err
	}
	candidates, err := d.People.RoleCandidates(c.UserContext(), role.title)
	if err != nil {
		return reply{}, err
	}
	return ok(wire.UserSummaryList{Users: all(candidates, wireUserSummary)})
}

func (d *door) assignUserToRole(c *fiber.Ctx, r wire.RoleUser) (reply, error) {
	role, err := roleByID(r.RoleID)
	if err != nil {
		return reply{}, err
	}
	if err := d.People.Grant(c.UserContext(), r.UserID, role.title); err != nil {
		return reply{}, err
	}
	return created(wire.ActionResult{Success: true, Message: "User assigned to role"})
}

func (d *door) unassignUserFromRole(c *fiber.Ctx, r wire.RoleUser) (reply, error) {
	role, err := roleByID(r.RoleID)
	if err != nil {
		return reply{}, err
	}
	if err := d.People.Withdraw(c.UserContext(), r.UserID, role.title); err != nil {
		return reply{}, err
	}
	return done("User removed from role")
}
