package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/projects"
)

func (d *door) listProjects(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	list, err := d.Projects.List(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(all(list, wireProject))
}

func (d *door) createProject(c *fiber.Ctx, r wire.CreateProject) (reply, error) {
	p, err := d.Projects.Create(c.UserContext(), projects.Input{
		Name: r.Name, Description: r.Description, Status: r.Status, StartsOn: r.StartDate, EndsOn: r.EndDate, Budget: r.Budget, OrganizationID: r.TenantID,
	})
	if err != nil {
		return reply{}, err
	}
	return created(wireProject(p))
}

func (d *door) getProject(c *fiber.Ctx, r wire.ByID) (reply, error) {
	p, err := d.Projects.Get(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireProject(p))
}

func (d *door) updateProject(c *fiber.Ctx, r wire.UpdateProject) (reply, error) {
	p, err := d.Projects.Update(c.UserContext(), r.ID, projects.Change{
		Name: r.Name, Description: r.Description, Status: r.Status, StartsOn: r.StartDate, EndsOn: r.EndDate, Budget: r.Budget,
	})
	if err != nil {
		return reply{}, err
	}
	return ok(wireProject(p))
}

func (d *door) deleteProject(c *fiber.Ctx, r wire.ByID) (reply, error) {
	if err := d.Projects.Delete(c.UserContext(), r.ID); err != nil {
		return reply{}, err
	}
	return done("Project deleted")
}

func (d *door) listProjectExpenses(c *fiber.Ctx, r wire.ByID) (reply, error) {
	list, err := d.Projects.Expenses(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(all(list, wireExpense))
}

func (d *door) createProjectExpense(c *fiber.Ctx, r wire.CreateExpense) (reply, error) {
	e, err := d.Projects.AddExpense(c.UserContext(), r.ProjectID, projects.ExpenseInput{
		Description: r.Description, Amount: r.Amount, Category: r.Category, SpentOn: r.Date,
	})
	if err != nil {
		return reply{}, err
	}
	return created(wireExpense(e))
}

func (d *door) deleteProjectExpense(c *fiber.Ctx, r wire.ExpenseByID) (reply, error) {
	if err := d.Projects.DeleteExpense(c.UserContext(), r.ProjectID, r.ID); err != nil {
		return reply{}, err
	}
	return done("Expense deleted")
}
