package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/projects"
)

func (d *door) listActivities(c *fiber.Ctx, r wire.OfProject) (reply, error) {
	list, err := d.Projects.Activities(c.UserContext(), r.ProjectID)
	if err != nil {
		return reply{}, err
	}
	return ok(all(list, wireActivity))
}

func (d *door) createActivity(c *fiber.Ctx, r wire.CreateActivity) (reply, error) {
	a, err := d.Projects.CreateActivity(c.UserContext(), r.ProjectID, projects.ActivityInput{
		Name: r.Name, Description: r.Description, Status: r.Status, StartsOn: r.StartDate, EndsOn: r.EndDate,
	})
	if err != nil {
		return reply{}, err
	}
	return created(wireActivity(a))
}

func (d *door) getActivity(c *fiber.Ctx, r wire.InProject) (reply, error) {
	a, err := d.Projects.Activity(c.UserContext(), r.ProjectID, r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireActivity(a))
}

func (d *door) updateActivity(c *fiber.Ctx, r wire.UpdateActivity) (reply, error) {
	a, err := d.Projects.UpdateActivity(c.UserContext(), r.ProjectID, r.ID, projects.ActivityChange{
		Name: r.Name, Description: r.Description, Status: r.Status, StartsOn: r.StartDate, EndsOn: r.EndDate,
	})
	if err != nil {
		return reply{}, err
	}
	return ok(wireActivity(a))
}

func (d *door) deleteActivity(c *fiber.Ctx, r wire.InProject) (reply, error) {
	if err := d.Projects.DeleteActivity(c.UserContext(), r.ProjectID, r.ID); err != nil {
		return reply{}, err
	}
	return done("Activity deleted")
}

func (d *door) assignUserToActivity(c *fiber.Ctx, r wire.AssignActivity) (reply, error) {
	a, err := d.Projects.Assign(c.UserContext(), r.ProjectID, r.ID, r.UserID)
	if err != nil {
		return reply{}, err
	}
	return created(wireActivityAssignment(a))
}

func (d *door) removeActivityAssignment(c *fiber.Ctx, r wire.AssignmentByID) (reply, error) {
	if err := d.Projects.Unassign(c.UserContext(), r.ProjectID, r.ID); err != nil {
		return reply{}, err
	}
	return done("Assignment removed")
}
