package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/input"
	"quad/internal/people/group"
	"quad/internal/ref"
)

// getGroupHierarchy shows the types of groups, top first.
func (d *door) getGroupHierarchy(c *fiber.Ctx, _ wire.None) (reply, error) {
	types, err := d.Groups.Hierarchy(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wire.Hierarchy{Types: append([]string{}, types...)})
}

// setGroupHierarchy replaces the types of groups.
func (d *door) setGroupHierarchy(c *fiber.Ctx, req wire.Hierarchy) (reply, error) {
	if err := d.Groups.SetHierarchy(c.UserContext(), req.Types); err != nil {
		return reply{}, err
	}
	return d.getGroupHierarchy(c, wire.None{})
}

// listGroups pages through groups.
func (d *door) listGroups(c *fiber.Ctx, req wire.ListGroups) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Groups.List(c.UserContext(), group.Filter{
		ParentID: orZero(req.ParentID), Roots: req.Top == "true", Type: req.Type, OrganizationID: orZero(req.OrganizationID), Search: req.Search,
		After: after, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, groupOut)
}

// createGroup makes a group.
func (d *door) createGroup(c *fiber.Ctx, req wire.CreateGroup) (reply, error) {
	g, err := d.Groups.Create(c.UserContext(), req.Identifier, group.Change{
		Name: req.Name, Type: req.Type,
		Parent: refTo(input.Field[int64]{Value: req.ParentID}), SubAccount: refTo(input.Field[int64]{Value: req.OrganizationID}),
	})
	if err != nil {
		return reply{}, err
	}
	return created(groupOut(g))
}

// getGroup shows a group.
func (d *door) getGroup(c *fiber.Ctx, req wire.ByID) (reply, error) {
	g, err := d.Groups.Get(c.UserContext(), ref.ByID(req.ID), "")
	if err != nil {
		return reply{}, err
	}
	return ok(groupOut(g))
}

// updateGroup changes a group.
func (d *door) updateGroup(c *fiber.Ctx, req wire.UpdateGroup) (reply, error) {
	g, err := d.Groups.Update(c.UserContext(), ref.ByID(req.ID), group.Change{
		Name: req.Name, Type: req.Type, Parent: refTo(req.ParentID), SubAccount: refTo(req.OrganizationID),
	})
	if err != nil {
		return reply{}, err
	}
	return ok(groupOut(g))
}

// deleteGroup deletes a group.
func (d *door) deleteGroup(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.Groups.Delete(c.UserContext(), ref.ByID(req.ID))
}

// listGroupMembers pages through the members of a group.
func (d *door) listGroupMembers(c *fiber.Ctx, req wire.ListGroupMembers) (reply, error) {
	after, err := d.membership(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Groups.MembersOf(c.UserContext(), ref.ByID(req.ID), group.MemberFilter{Recursive: req.Recursive, After: after, Limit: req.Limit})
	if err != nil {
		return reply{}, err
	}
	return d.members(c, req, page, next)
}

// findGroupMembers pages through the members of many groups.
func (d *door) findGroupMembers(c *fiber.Ctx, req wire.FindGroupMembers) (reply, error) {
	after, err := d.membership(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Groups.Members(c.UserContext(), group.MemberFilter{
		GroupIDs: req.GroupIDs, Identifiers: req.GroupIdentifiers, Recursive: req.Recursive, After: after, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return d.members(c, req, page, next)
}

// membership is cursor for lists of members.
func (d *door) membership(c *fiber.Ctx, filters any, p wire.Paging) (after group.Membership, err error) {
	if p.Cursor != "" {
		err = d.cursors.Decode(scope(c, filters), p.Cursor, &after)
	}
	return after, err
}

// members is pageOf for lists of members.
func (d *door) members(c *fiber.Ctx, filters any, page []group.Member, next *group.Membership) (reply, error) {
	out := wire.Page[wire.GroupMember]{Items: make([]wire.GroupMember, 0, len(page))}
	for _, m := range page {
		out.Items = append(out.Items, wire.GroupMember{
			GroupID: m.GroupID, GroupIdentifier: m.GroupIdentifier, UserID: m.UserID, UserIdentifier: m.UserIdentifier,
			Name: m.Name, Email: m.Email, Status: m.Status, Since: m.Since,
		})
	}
	if next != nil {
		marker, err := d.cursors.Encode(scope(c, filters), next)
		if err != nil {
			return reply{}, err
		}
		out.Next = &marker
	}
	return ok(out)
}

// addGroupMember makes a person a member of a group.
func (d *door) addGroupMember(c *fiber.Ctx, req wire.GroupUser) (reply, error) {
	return reply{}, d.Groups.AddMember(c.UserContext(), ref.ByID(req.ID), ref.ByID(req.UserID), req.Replace)
}

// removeGroupMember takes a person out of a group.
func (d *door) removeGroupMember(c *fiber.Ctx, req wire.GroupUser) (reply, error) {
	return reply{}, d.Groups.RemoveMember(c.UserContext(), ref.ByID(req.ID), ref.ByID(req.UserID))
}

// listUserGroups pages through people with their groups.
func (d *door) listUserGroups(c *fiber.Ctx, req wire.ListUserGroups) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Groups.Users(c.UserContext(), group.UserFilter{OrganizationID: orZero(req.OrganizationID), After: after, Limit: req.Limit})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, userGroups)
}

func groupOut(g group.Group) wire.Group {
	return wire.Group{
		ID: g.ID, Identifier: g.Identifier, Name: g.Name, Type: g.Type, ParentID: g.ParentID, ParentIdentifier: g.ParentIdentifier,
		OrganizationID: g.OrganizationID, OrganizationName: g.SubAccount, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt,
	}
}

func userGroups(u group.UserGroups) wire.UserGroups {
	out := wire.UserGroups{
		UserID: u.User.ID, UserIdentifier: u.User.Identifier, OrganizationID: u.User.OrganizationID, Name: u.User.Name, Email: u.User.Email,
		Status: u.User.Status, Groups: make([]wire.GroupRef, len(u.Groups)),
	}
	for i, g := range u.Groups {
		out.Groups[i] = wire.GroupRef{ID: g.ID, Identifier: g.Identifier, Name: g.Name, Type: g.Type}
	}
	return out
}

// refTo passes on what a field of a body names by id.
func refTo(f input.Field[int64]) input.Field[ref.Ref] {
	if f.Value == nil {
		return input.Field[ref.Ref]{Sent: f.Sent}
	}
	return input.To(ref.ByID(*f.Value))
}
