package mis_test

import (
	"github.com/stretchr/testify/require"

	"quad/api/mis"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/hubtest"
	"quad/models"
)

// authFixtures are those of sign-in and of people's accounts.
func authFixtures() map[string]suite.Fixture {
	type values = contracttest.Values
	missing := values{"body.email": "nobody@nowhere.test"}
	freshEmail := func(c suite.Cell) values { return values{"body.email": c.Caller.Place.Email()} }
	user := suite.Fixture{Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) values {
		return values{"path.id": p.NewPerson(models.RoleUser).ID}
	}}
	changed := user
	changed.Values = func(c suite.Cell) values { return values{"body": object{"firstName": "Jane", "lastName": "Smith"}} }
	return map[string]suite.Fixture{
		"login": {Missing: missing, Record: func(_ suite.Cell, p *suite.Place) values {
			return values{"body.email": p.NewPerson(models.RoleUser).Email, "body.password": hubtest.Password}
		}},
		"registerUser": {Values: freshEmail},
		"refreshTokens": {
			Record: func(c suite.Cell, p *suite.Place) values {
				return values{"body.refreshToken": c.World.Session(c.World.T, p.NewPerson(models.RoleUser), mis.Name).Refresh}
			},
			Missing: values{"body.refreshToken": "nonsense"},
		},
		"forgotPassword": {Values: freshEmail},
		"resetPassword": {
			Record: func(c suite.Cell, p *suite.Place) values {
				issued, err := c.World.Auth.IssueLink(p.Context(), models.CodePasswordLink, p.NewPerson(models.RoleUser).Email)
				require.NoError(c.World.T, err)
				token, _, err := c.World.Auth.LinkToken(p.Context(), issued.ID)
				require.NoError(c.World.T, err)
				return values{"body.token": token, "body.password": newPassword}
			},
			Missing: values{"body.token": "nonsense"},
		},
		"logout": {Values: func(suite.Cell) values { return values{"body": object{}} }, EndsSession: true},
		"changePassword": {
			Values: func(suite.Cell) values {
				return values{"body.currentPassword": hubtest.Password, "body.newPassword": newPassword}
			},
		},
		"createUser": {Values: func(c suite.Cell) values {
			return values{"body.email": c.Caller.Place.Email(), "body.tenantId": contracttest.Absent}
		}},
		"getUser": user, "updateUser": changed, "deleteUser": user,
	}
}
