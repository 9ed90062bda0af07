package elevate_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"quad/api"
	"quad/api/elevate"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/hubtest"
	"quad/models"
)

// proof is this door as the generated suites see it.
func proof() suite.Door {
	// Every answer tells the versions of all forms, so those that make forms come last.
	served := elevate.Served()
	slices.SortStableFunc(served, func(a, b string) int {
		return cmp.Compare(strings.Count(a, "createForm"), strings.Count(b, "createForm"))
	})
	refused := func(text string) suite.Refusal { return suite.Refusal{Status: 401, Text: text} }
	return suite.Door{
		Name: elevate.Name, Contract: contract, Served: served,
		Authorize: func(token string) (string, string) { return "X-auth-token", "bearer " + token },
		Roles: []string{
			models.RoleUser, models.RoleMentee, models.RoleMentor, models.RoleSessionManager, models.RoleOrgAdmin, models.RoleAdmin,
		},
		Rules: suite.Rules{
			NoToken: refused("Unauthorized request"), BadToken: refused("Unauthorized request"),
			Expired: refused("Access token expired"), Ended: refused("Access token expired"), Inactive: refused("Access token expired"),
			Lacks: func(_ contracttest.Operation, role string) suite.Refusal {
				if role == models.RoleAdmin { // passes the gate everywhere, without being everything
					return suite.Refusal{Status: 400, Text: "User does't have admin access."}
				}
				return refused("You do not have the required permissions to access this resource. Please contact your administrator for assistance.")
			},
		},
		Fixtures: fixtures(), ErrorSchema: "Error",
		// Failed sign-ins and tries of a code are counted.
		MayGrow: []string{"login_failures", "one_time_codes"},
	}
}

// suiteSettings let sign-ups through without a mailed code, and decisions wait
// for no worker.
var suiteSettings = map[string]string{"AUTH_VERIFY_EMAIL": "false", "API_DECISION_TIMEOUT": "100ms", "AUTH_LOCK_AFTER": "1000000"}

func TestGeneratedRequestsAreValid(t *testing.T) {
	suite.RequestsAreValid(t, contract)
	suite.RolesAreKnown(t, proof())
	for _, id := range contract.Operations() { // one that is not served yet has its fixture all the same
		op := contract.Operation(id)
		if slices.ContainsFunc(op.Params, func(p *contracttest.Param) bool { return p.In == "path" }) {
			if f := proof().Fixtures[id]; f.Record == nil {
				t.Errorf("%s has no fixture", id)
			}
		}
	}
}

func TestWhoMayCallWhat(t *testing.T) {
	suite.Matrix(t, hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: suiteSettings}), proof())
}

func TestMalformedRequests(t *testing.T) {
	suite.Malformed(t, hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: suiteSettings}), proof())
}
