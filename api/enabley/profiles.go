package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/ref"
)

// getUserProfiles gives the profiles of a list of identifiers.
func (d *door) getUserProfiles(c *fiber.Ctx, req wire.GetUserProfiles) (reply, error) {
	profiles, err := d.Profiles.Get(c.UserContext(), req.Identifiers)
	if err != nil {
		return reply{}, err
	}
	return ok(all(profiles, userProfile))
}

// upsertUserProfile makes a profile or changes the one with this identifier.
func (d *door) upsertUserProfile(c *fiber.Ctx, req wire.UpsertUserProfile) (reply, error) {
	created, err := d.Profiles.Upsert(c.UserContext(), req.Identifier, req.Name)
	if err != nil {
		return reply{}, err
	}
	return stored(req.Identifier, created)
}

// listProfilesOfUser lists the profiles of a person.
func (d *door) listProfilesOfUser(c *fiber.Ctx, req wire.ByIdentifier) (reply, error) {
	profiles, err := d.Profiles.ListOf(c.UserContext(), ref.ByIdentifier(req.Identifier))
	if err != nil {
		return reply{}, err
	}
	return ok(all(profiles, userProfile))
}

// assignProfileToUser gives a person a profile.
func (d *door) assignProfileToUser(c *fiber.Ctx, req wire.ProfileUser) (reply, error) {
	err := d.Profiles.Assign(c.UserContext(), ref.ByIdentifier(req.ProfileIdentifier), ref.ByIdentifier(req.UserIdentifier), req.Replace)
	if err != nil {
		return reply{}, err
	}
	return acknowledged(req.ProfileIdentifier)
}

// removeProfileFromUser takes a profile from a person.
func (d *door) removeProfileFromUser(c *fiber.Ctx, req wire.ProfileUser) (reply, error) {
	err := d.Profiles.Remove(c.UserContext(), ref.ByIdentifier(req.ProfileIdentifier), ref.ByIdentifier(req.UserIdentifier))
	if err != nil {
		return reply{}, err
	}
	return acknowledged(req.ProfileIdentifier)
}
