package mis_test

import (
	"fmt"

	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/store"
	"quad/models"
)

// inTenant is the fixture of an operation about a record of a tenant: who sees
// all finds it from every tenant, everybody else from its own.
func inTenant(record func(*suite.Place) contracttest.Values) suite.Fixture {
	return suite.Fixture{
		Record: func(_ suite.Cell, p *suite.Place) contracttest.Values { return record(p) },
		Reach: func(role string) suite.Reach {
			if role == models.RoleAdmin {
				return suite.OwnAccount
			}
			return suite.OwnOrganization
		},
	}
}

// projectOf makes a project of a tenant.
func projectOf(p *suite.Place) int64 {
	return p.Insert(`INSERT INTO projects (account_id, organization_id, name, status, starts_on, ends_on)
		VALUES (@account_id, @organization, @name, 'active', '2024-01-01', '2024-12-31') RETURNING id`, store.Args{"name": p.Name()})
}

func milestoneOf(p *suite.Place, project int64) int64 {
	return p.Insert(`INSERT INTO milestones (account_id, project_id, name, due_on, status)
		VALUES (@account_id, @project, @name, '2024-02-15', 'pending') RETURNING id`, store.Args{"project": project, "name": p.Name()})
}

func activityOf(p *suite.Place, project int64) int64 {
	return p.Insert(`INSERT INTO activities (account_id, project_id, name, status, starts_on, ends_on)
		VALUES (@account_id, @project, @name, 'active', '2024-01-15', '2024-01-20') RETURNING id`, store.Args{"project": project, "name": p.Name()})
}

// projectFixtures are about projects, expenses, milestones and activities.
func projectFixtures() map[string]suite.Fixture {
	byID := inTenant(func(p *suite.Place) contracttest.Values { return contracttest.Values{"path.id": projectOf(p)} })
	ofProject := inTenant(func(p *suite.Place) contracttest.Values { return contracttest.Values{"path.projectId": projectOf(p)} })
	milestone := inTenant(func(p *suite.Place) contracttest.Values {
		project := projectOf(p)
		return contracttest.Values{"path.projectId": project, "path.id": milestoneOf(p, project)}
	})
	activity := inTenant(func(p *suite.Place) contracttest.Values {
		project := projectOf(p)
		return contracttest.Values{"path.projectId": project, "path.id": activityOf(p, project)}
	})
	assign := inTenant(func(p *suite.Place) contracttest.Values {
		v := activity.Record(suite.Cell{}, p)
		v["body.user_id"] = fmt.Sprint(p.NewPerson(models.RoleUser).ID)
		return v
	})
	return map[string]suite.Fixture{
		"getProject": byID, "updateProject": byID, "deleteProject": byID, "listProjectExpenses": byID, "createProjectExpense": byID,
		"deleteProjectExpense": inTenant(func(p *suite.Place) contracttest.Values {
			project := projectOf(p)
			return contracttest.Values{"path.id": project, "path.expenseId": p.Insert(`INSERT INTO project_expenses
				(account_id, project_id, description, amount, category, spent_on)
				VALUES (@account_id, @project, @name, 1, 'food', '2024-01-10') RETURNING id`, store.Args{"project": project, "name": p.Name()})}
		}),
		"listMilestones": ofProject, "createMilestone": ofProject, "getMilestone": milestone, "updateMilestone": milestone, "deleteMilestone": milestone,
		"listActivities": ofProject, "createActivity": ofProject, "getActivity": activity, "updateActivity": activity, "deleteActivity": activity,
		"assignUserToActivity": assign,
		"removeActivityAssignment": inTenant(func(p *suite.Place) contracttest.Values {
			project := projectOf(p)
			return contracttest.Values{"path.projectId": project, "path.assignmentId": p.Insert(`INSERT INTO activity_assignments
				(account_id, activity_id, user_id) VALUES (@account_id, @activity, @user) RETURNING id`,
				store.Args{"activity": activityOf(p, project), "user": p.NewPerson(models.RoleUser).ID})}
		}),
	}
}
