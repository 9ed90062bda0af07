package mis

import (
	"quad/api/mis/wire"
	"quad/models"
)

func wireProject(p models.Project) wire.Project {
	return wire.Project{
		ID: wire.ID(p.ID), Name: p.Name, Description: p.Description, Status: string(p.Status), StartDate: wire.Day(p.StartsOn),
		EndDate: wire.Day(p.EndsOn), Budget: p.Budget, TenantID: wire.OptionalID(p.OrganizationID),
		CreatedAt: wire.Time(p.CreatedAt), UpdatedAt: wire.Time(p.UpdatedAt),
	}
}

func wireExpense(e models.ProjectExpense) wire.Expense {
	return wire.Expense{
		ID: wire.ID(e.ID), ProjectID: wire.ID(e.ProjectID), Description: e.Description, Amount: e.Amount, Category: e.Category,
		Date: wire.Day(e.SpentOn), CreatedAt: wire.Time(e.CreatedAt),
	}
}

func wireMilestone(m models.Milestone) wire.Milestone {
	return wire.Milestone{
		ID: wire.ID(m.ID), ProjectID: wire.ID(m.ProjectID), Name: m.Name, Description: m.Description, DueDate: wire.Day(m.DueOn),
		Status: string(m.Status), CreatedAt: wire.Time(m.CreatedAt), UpdatedAt: wire.Time(m.UpdatedAt),
	}
}

func wireActivity(a models.Activity) wire.Activity {
	return wire.Activity{
		ID: wire.ID(a.ID), ProjectID: wire.ID(a.ProjectID), Name: a.Name, Description: a.Description, Status: string(a.Status),
		StartDate: wire.Day(a.StartsOn), EndDate: wire.Day(a.EndsOn), CreatedAt: wire.Time(a.CreatedAt), UpdatedAt: wire.Time(a.UpdatedAt),
	}
}

func wireActivityAssignment(a models.ActivityAssignment) wire.ActivityAssignment {
	return wire.ActivityAssignment{
		ID: wire.ID(a.ID), ActivityID: wire.ID(a.ActivityID), UserID: wire.ID(a.UserID), AssignedAt: wire.Time(a.AssignedAt),
	}
}
