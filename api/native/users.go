package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/people"
	"quad/models"
)

// listUsers pages through the users that the caller manages.
func (d *door) listUsers(c *fiber.Ctx, req wire.ListUsers) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	f := people.UserFilter{Status: models.Status(req.Status), Email: req.Email, After: after, Limit: req.Limit}
	if req.OrganizationID != nil {
		f.OrganizationID = *req.OrganizationID
	}
	page, next, err := d.People.ListUsers(c.UserContext(), f)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, user)
}

// createUser adds a user.
func (d *door) createUser(c *fiber.Ctx, req wire.CreateUser) (reply, error) {
	ctx := c.UserContext()
	titles, err := d.People.RoleTitles(ctx, req.RoleIDs...)
	if err != nil {
		return reply{}, err
	}
	who, err := d.People.CreateUser(ctx, people.NewUser{
		Name: req.Name, Email: req.Email, Password: req.Password, OrganizationID: req.OrganizationID, Roles: titles,
	})
	if err != nil {
		return reply{}, err
	}
	return created(user(who))
}

// getUser shows a user.
func (d *door) getUser(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return person(d.People.User(c.UserContext(), req.ID))
}

// updateUser changes a user.
func (d *door) updateUser(c *fiber.Ctx, req wire.UpdateUser) (reply, error) {
	return person(d.People.UpdateUser(c.UserContext(), req.ID, people.UserChange{Name: req.Name, OrganizationID: req.OrganizationID}))
}

// deactivateUser deactivates a user.
func (d *door) deactivateUser(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return person(d.People.DeactivateUser(c.UserContext(), req.ID))
}

// grantRole gives a user a role.
func (d *door) grantRole(c *fiber.Ctx, req wire.UserRole) (reply, error) {
	return person(d.People.GrantRoleByID(c.UserContext(), req.ID, req.RoleID))
}

// revokeRole takes a role from a user.
func (d *door) revokeRole(c *fiber.Ctx, req wire.UserRole) (reply, error) {
	return person(d.People.RevokeRoleByID(c.UserContext(), req.ID, req.RoleID))
}

// listRoles pages through the roles of the account.
func (d *door) listRoles(c *fiber.Ctx, req wire.List) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.People.ListRoles(c.UserContext(), after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, func(r models.Role) wire.Role {
		return wire.Role{ID: r.ID, Title: r.Title, Label: r.Label, UserType: r.UserType, Status: r.Status}
	})
}

func person(who people.Person, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return ok(user(who))
}

func session(in people.SignedIn) wire.Session {
	return wire.Session{
		AccessToken: in.Tokens.Access, RefreshToken: in.Tokens.Refresh, ExpiresAt: in.Tokens.AccessExpiresAt.UTC(),
		RefreshExpiresAt: in.Tokens.RefreshExpiresAt.UTC(), User: user(in.Person),
	}
}

func user(p people.Person) wire.User {
	u := p.User
	out := wire.User{
		ID: u.ID, OrganizationID: u.OrganizationID, Identifier: u.Identifier, Email: u.Email, EmailVerified: u.EmailVerified, Name: u.Name,
		Status: u.Status, Roles: make([]wire.RoleRef, 0, len(p.Roles)), LastLoggedInAt: u.LastLoggedInAt, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
	for _, r := range p.Roles {
		out.Roles = append(out.Roles, wire.RoleRef{ID: r.ID, Title: r.Title})
	}
	return out
}
