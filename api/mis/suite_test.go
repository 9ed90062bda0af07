package mis_test

import (
	"testing"

	"quad/api"
	"quad/api/mis"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/hubtest"
	"quad/models"
)

// proof is this door as the generated suites see it.
func proof() suite.Door {
	refused := suite.Refusal{Status: 401, Text: "Unauthorized"}
	return suite.Door{
		Name: mis.Name, Contract: contract, Served: mis.Served(),
		Authorize: func(token string) (string, string) { return "Authorization", "Bearer " + token },
		Roles: []string{
			models.RoleUser, models.RoleReportViewer, models.RoleProjectManager, models.RoleOrgAdmin, models.RoleAdmin,
		},
		Rules: suite.Rules{
			NoToken: refused, BadToken: refused, Expired: refused, Ended: refused, Inactive: refused,
			Lacks: func(contracttest.Operation, string) suite.Refusal {
				return suite.Refusal{Status: 403, Text: "Forbidden resource"}
			},
		},
		Fixtures: fixtures(), ErrorSchema: "Error",
		MayGrow: []string{"login_failures", "audit_events"}, // refused sign-ins are in the trail
	}
}

// suiteSettings: the suites have no worker, so nobody waits long for one.
var suiteSettings = map[string]string{"MIS_SYNC_WAIT": "50ms"}

func TestGeneratedRequestsAreValid(t *testing.T) {
	suite.RequestsAreValid(t, contract)
	suite.RolesAreKnown(t, proof())
}

func TestWhoMayCallWhat(t *testing.T) {
	suite.Matrix(t, hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: suiteSettings}), proof())
}

func TestMalformedRequests(t *testing.T) {
	suite.Malformed(t, hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: suiteSettings}), proof())
}
