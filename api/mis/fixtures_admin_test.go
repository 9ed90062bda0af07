package mis_test

import (
	"github.com/stretchr/testify/require"

	"quad/api/mis/wire"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// idText is an id as this door writes it.
func idText(id int64) string { return wire.ID(id) }

// accountWide is the reach of roles: SUPER_ADMIN the whole account, others their
// tenants.
func accountWide(role string) suite.Reach {
	if role == models.RoleAdmin {
		return suite.OwnAccount
	}
	return suite.OwnOrganization
}

// emptyTenant is a new one of a place's account, without anybody in it.
func emptyTenant(p *suite.Place) models.Organization {
	name := p.Name()
	id := p.Insert(`INSERT INTO organizations (account_id, name, code) VALUES (@account_id, @name, @name) RETURNING id`, store.Args{"name": name})
	return models.Organization{ID: id, Name: name}
}

// freePerson is somebody who is in no tenant.
func freePerson(c suite.Cell, p *suite.Place) int64 {
	who, err := c.World.People.EnsureUser(p.Context(), people.NewUser{Name: p.Name(), Email: p.Email(), Roles: []string{models.RoleUser}})
	require.NoError(c.World.T, err)
	return who.User.ID
}

// adminFixtures are those of roles, tenants, settings and the audit trail.
func adminFixtures() map[string]suite.Fixture {
	role := func(name string) func(suite.Cell) contracttest.Values {
		return func(suite.Cell) contracttest.Values { return contracttest.Values{"path.id": name} }
	}
	tenant := suite.Fixture{Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
		return contracttest.Values{"path.id": emptyTenant(p).ID}
	}}
	newName := func(c suite.Cell) contracttest.Values {
		return contracttest.Values{"body.name": c.Caller.Place.Name()}
	}
	renamed := tenant
	renamed.Values = newName
	return map[string]suite.Fixture{
		"getRole": {Values: role("2")}, "listRoleAvailableUsers": {Values: role("2")},
		"assignUserToRole": {Values: role("3"), Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
			return contracttest.Values{"path.userId": p.NewPerson(models.RoleUser).ID}
		}},
		"unassignUserFromRole": {Values: role("3"), Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
			return contracttest.Values{"path.userId": p.NewPerson(models.RoleProjectManager).ID}
		}},
		"updateSetting": {Values: func(suite.Cell) contracttest.Values {
			return contracttest.Values{"path.key": "reports.retention_days", "body.value": "30"}
		}},
		"createTenant": {Values: newName},
		"getTenant": {Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
			return contracttest.Values{"path.id": p.Organization.ID}
		}},
		"updateTenant": renamed, "updateTenantViaPut": renamed, "deleteTenant": tenant, "activateTenant": tenant,
		"assignUserToTenant": {
			Reach: accountWide, Missing: contracttest.Values{"body.userId": "9000000000"},
			Record: func(c suite.Cell, p *suite.Place) contracttest.Values {
				return contracttest.Values{"path.id": p.Organization.ID, "body.userId": idText(freePerson(c, p))}
			},
		},
		"removeUserFromTenant": {Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
			return contracttest.Values{"path.id": p.Organization.ID, "path.userId": p.NewPerson(models.RoleUser).ID}
		}},
	}
}
