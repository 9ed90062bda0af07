package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/input"
	"quad/internal/people"
)

// listUsers shows everybody in reach.
func (d *door) listUsers(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	list, err := d.People.Members(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wire.UserList{Users: all(list, wireUser)})
}

// createUser makes an account for somebody.
func (d *door) createUser(c *fiber.Ctx, r wire.CreateUser) (reply, error) {
	who, err := d.People.AddMember(c.UserContext(), registration(r.Register), r.TenantID)
	if err != nil {
		return reply{}, err
	}
	return created(userSummary(who.User))
}

func (d *door) getUser(c *fiber.Ctx, r wire.ByID) (reply, error) {
	m, err := d.People.Member(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireUser(m))
}

func (d *door) updateUser(c *fiber.Ctx, r wire.UpdateUser) (reply, error) {
	m, err := d.People.ChangeMember(c.UserContext(), r.ID, people.MemberChange{
		FirstName: r.FirstName, LastName: r.LastName, Email: r.Email, Active: r.IsActive,
		Tenant: input.Field[int64]{Sent: r.TenantID.Set, Value: r.TenantID.Value},
	})
	if err != nil {
		return reply{}, err
	}
	return ok(wireUser(m))
}

func (d *door) deleteUser(c *fiber.Ctx, r wire.ByID) (reply, error) {
	if err := d.People.RemoveMember(c.UserContext(), r.ID); err != nil {
		return reply{}, err
	}
	return done("User deleted")
}
