package mis

import (
	"slices"

	"quad/api/mis/wire"
	"quad/internal/people"
	"quad/models"
)

// roleLine is one of the contract's roles. It is an ordinary role of the hub
// under another name: who holds it through this door holds it everywhere.
type roleLine struct {
	id          int64
	name        string
	title       string // in the hub
	description string
	permissions []string
}

// roleBook is the fixed set of roles, by id.
var roleBook = []roleLine{
	{1, "SUPER_ADMIN", models.RoleAdmin, "Administers the whole system", []string{"*"}},
	{
		2, "TENANT_ADMIN", models.RoleOrgAdmin, "Administers the users and data of its own tenants",
		[]string{"users:manage", "projects:manage", "forms:manage", "reports:manage"},
	},
	{
		3, "PROJECT_MANAGER", models.RoleProjectManager, "Runs the projects and forms of its own tenants",
		[]string{"projects:manage", "forms:manage", "submissions:read", "analytics:read"},
	},
	{
		4, "REPORT_VIEWER", models.RoleReportViewer, "Generates and reads the reports of its own tenants",
		[]string{"reports:manage", "projects:read", "submissions:read", "analytics:read"},
	},
	{
		5, "USER", models.RoleUser, "Reads projects and forms, fills forms, keeps reports of its own",
		[]string{"projects:read", "forms:read", "forms:submit", "reports:own"},
	},
}

// roleByID finds a role of the contract. Errors: people.ErrRoleUnknown.
func roleByID(id int64) (roleLine, error) {
	i := slices.IndexFunc(roleBook, func(r roleLine) bool { return r.id == id })
	if i < 0 {
		return roleLine{}, people.ErrRoleUnknown
	}
	return roleBook[i], nil
}

// roleTitles are the titles of all roles of the contract.
func roleTitles() []string { return all(roleBook, func(r roleLine) string { return r.title }) }

func wireRole(r roleLine, holders int64) wire.Role {
	return wire.Role{ID: r.id, Name: r.name, Description: r.description, Permissions: r.permissions, UserCount: holders}
}

func wireUserSummary(p people.Summary) wire.UserSummary {
	return wire.UserSummary{ID: wire.ID(p.ID), Email: p.Login, FirstName: p.FirstName, LastName: p.LastName}
}

func wireRoleStatistics(n people.RoleCounts) wire.RoleStatistics {
	return wire.RoleStatistics{
		TotalRoles: len(roleBook), TotalUsers: n.Users, UsersWithoutRole: n.Without,
		Roles: all(roleBook, func(r roleLine) wire.RoleShare {
			held := n.Holders[r.title]
			return wire.RoleShare{ID: r.id, Name: r.name, UserCount: held, Percentage: percent(held, n.Users)}
		}),
	}
}

// percent is a share with one decimal, half away from zero; nothing of nothing
// is 0.
func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64((2000*part+whole)/(2*whole)) / 10
}
