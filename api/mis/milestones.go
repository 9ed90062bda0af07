package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/projects"
)

func (d *door) listMilestones(c *fiber.Ctx, r wire.OfProject) (reply, error) {
	list, err := d.Projects.Milestones(c.UserContext(), r.ProjectID)
	if err != nil {
		return reply{}, err
	}
	return ok(all(list, wireMilestone))
}

func (d *door) createMilestone(c *fiber.Ctx, r wire.CreateMilestone) (reply, error) {
	m, err := d.Projects.CreateMilestone(c.UserContext(), r.ProjectID, projects.MilestoneInput{
		Name: r.Name, Description: r.Description, DueOn: r.DueDate, Status: r.Status,
	})
	if err != nil {
		return reply{}, err
	}
	return created(wireMilestone(m))
}

func (d *door) getMilestone(c *fiber.Ctx, r wire.InProject) (reply, error) {
	m, err := d.Projects.Milestone(c.UserContext(), r.ProjectID, r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireMilestone(m))
}

func (d *door) updateMilestone(c *fiber.Ctx, r wire.UpdateMilestone) (reply, error) {
	m, err := d.Projects.UpdateMilestone(c.UserContext(), r.ProjectID, r.ID, projects.MilestoneChange{
		Name: r.Name, Description: r.Description, DueOn: r.DueDate, Status: r.Status,
	})
	if err != nil {
		return reply{}, err
	}
	return ok(wireMilestone(m))
}

func (d *door) deleteMilestone(c *fiber.Ctx, r wire.InProject) (reply, error) {
	if err := d.Projects.DeleteMilestone(c.UserContext(), r.ProjectID, r.ID); err != nil {
		return reply{}, err
	}
	return done("Milestone deleted")
}
