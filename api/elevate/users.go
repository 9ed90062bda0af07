package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people"
)

// listUsers pages through the people of one role by name.
func (d *door) listUsers(c *fiber.Ctx, req wire.ListUsersRequest) (reply, error) {
	page, count, err := d.people.Directory(c.UserContext(), people.DirectoryFilter{
		Roles: []string{req.Type}, Start: req.Search, Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: usersMessage(req.Type), result: userGroups(page, count)}, nil
}

// searchUsers finds people by role, ids, e-mail addresses or part of the name.
func (d *door) searchUsers(c *fiber.Ctx, req wire.SearchUsersRequest) (reply, error) {
	page, count, err := d.people.Directory(c.UserContext(), people.DirectoryFilter{
		Roles: req.Types, Search: req.Search, IDs: req.IDs, Emails: req.Emails, Excluded: req.Excluded,
		Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: usersMessage(req.Types...), result: userGroups(page, count)}, nil
}

// updateUser changes the caller's profile.
func (d *door) updateUser(c *fiber.Ctx, req wire.ProfileRequest) (reply, error) {
	if req.Email {
		return reply{}, errEmailFixed
	}
	who, err := d.people.ChangeProfile(c.UserContext(), profileChange(req))
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Profile updated successfully.", result: updatedUser(who, d.labels(c.UserContext(), languageChoice(who.User)))}, nil
}

// setLanguagePreference is updateUser under another path.
func (d *door) setLanguagePreference(c *fiber.Ctx, req wire.LanguageRequest) (reply, error) {
	return d.updateUser(c, req.ProfileRequest)
}

// shareUserProfile gives the key that readUser takes in place of an id.
func (d *door) shareUserProfile(c *fiber.Ctx, req wire.ShareUserRequest) (reply, error) {
	link, err := d.people.ShareLink(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Profile share link generated successfully.", result: wire.ShareLink{ShareLink: link, ShareLinkCamel: link}}, nil
}
