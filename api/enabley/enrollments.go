package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/ref"
	"quad/models"
)

// assignGroupToChannel makes the members of a group learners of a channel.
func (d *door) assignGroupToChannel(c *fiber.Ctx, req wire.AssignGroup) (reply, error) {
	err := d.Enrollments.LinkGroup(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier), ref.ByIdentifier(req.GroupIdentifier), req.Recursive)
	return onChannel(req.ChannelIdentifier, err)
}

// removeGroupFromChannel takes a group off a channel.
func (d *door) removeGroupFromChannel(c *fiber.Ctx, req wire.ChannelGroup) (reply, error) {
	err := d.Enrollments.UnlinkGroup(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier), ref.ByIdentifier(req.GroupIdentifier))
	return onChannel(req.ChannelIdentifier, err)
}

// assignUserToChannel puts a person into a channel.
func (d *door) assignUserToChannel(c *fiber.Ctx, req wire.AssignUser) (reply, error) {
	roles := all(req.Roles, func(word string) models.CourseRole { return courseRoles[word] })
	err := d.Enrollments.Assign(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier), ref.ByIdentifier(req.UserIdentifier), roles)
	return onChannel(req.ChannelIdentifier, err)
}

// removeUserFromChannel ends all that a person is in a channel.
func (d *door) removeUserFromChannel(c *fiber.Ctx, req wire.ChannelUser) (reply, error) {
	err := d.Enrollments.Remove(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier), ref.ByIdentifier(req.UserIdentifier))
	return onChannel(req.ChannelIdentifier, err)
}

// forceCompleteChannel completes a channel on behalf of a learner.
func (d *door) forceCompleteChannel(c *fiber.Ctx, req wire.ChannelUser) (reply, error) {
	err := d.Enrollments.ForceComplete(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier), ref.ByIdentifier(req.UserIdentifier))
	return onChannel(req.ChannelIdentifier, err)
}

// countChannelMembers counts the learners of a channel.
func (d *door) countChannelMembers(c *fiber.Ctx, req wire.CountChannelMembers) (reply, error) {
	n, err := d.Enrollments.CountLearners(c.UserContext(), ref.ByIdentifier(req.ChannelIdentifier))
	if err != nil {
		return reply{}, err
	}
	return ok(wire.ChannelMemberCount{Learners: n})
}

// onChannel acknowledges what was done on a channel.
func onChannel(identifier string, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return acknowledged(identifier)
}
