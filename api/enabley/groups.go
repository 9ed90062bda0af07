package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/ref"
)

// upsertGroup makes a group or changes the one with this identifier.
func (d *door) upsertGroup(c *fiber.Ctx, req wire.UpsertGroup) (reply, error) {
	created, err := d.Groups.Upsert(c.UserContext(), req.Identifier, groupChange(req))
	if err != nil {
		return reply{}, asInvalid(inBody(err))
	}
	return stored(req.Identifier, created)
}

// getGroupHierarchy lists the types of groups, top first.
func (d *door) getGroupHierarchy(c *fiber.Ctx, _ wire.None) (reply, error) {
	types, err := d.Groups.Hierarchy(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(append([]string{}, types...))
}

// listGroups lists all groups of the account or of a sub-account.
func (d *door) listGroups(c *fiber.Ctx, req wire.SubAccount) (reply, error) {
	groups, err := d.Groups.All(c.UserContext(), req.SubAccountName)
	if err != nil {
		return reply{}, err
	}
	return ok(all(groups, groupOut))
}

// getGroup shows a group.
func (d *door) getGroup(c *fiber.Ctx, req wire.InSubAccount) (reply, error) {
	g, err := d.Groups.Get(c.UserContext(), ref.ByIdentifier(req.Identifier), req.SubAccountName)
	if err != nil {
		return reply{}, err
	}
	return ok(groupOut(g))
}

// deleteGroup takes a group away.
func (d *door) deleteGroup(c *fiber.Ctx, req wire.ByIdentifier) (reply, error) {
	if err := d.Groups.Delete(c.UserContext(), ref.ByIdentifier(req.Identifier)); err != nil {
		return reply{}, err
	}
	return acknowledged(req.Identifier)
}

// assignUserToGroup makes a person a member of a group.
func (d *door) assignUserToGroup(c *fiber.Ctx, req wire.GroupUser) (reply, error) {
	err := d.Groups.AddMember(c.UserContext(), ref.ByIdentifier(req.GroupIdentifier), ref.ByIdentifier(req.UserIdentifier), req.Replace)
	if err != nil {
		return reply{}, err
	}
	return acknowledged(req.GroupIdentifier)
}

// removeUserFromGroup takes a person out of a group.
func (d *door) removeUserFromGroup(c *fiber.Ctx, req wire.GroupUser) (reply, error) {
	err := d.Groups.RemoveMember(c.UserContext(), ref.ByIdentifier(req.GroupIdentifier), ref.ByIdentifier(req.UserIdentifier))
	if err != nil {
		return reply{}, err
	}
	return acknowledged(req.GroupIdentifier)
}

// listUserGroups lists the groups that a person is a member of.
func (d *door) listUserGroups(c *fiber.Ctx, req wire.InSubAccount) (reply, error) {
	groups, err := d.Groups.GroupsOf(c.UserContext(), ref.ByIdentifier(req.Identifier), req.SubAccountName)
	if err != nil {
		return reply{}, err
	}
	return ok(all(groups, groupOut))
}
