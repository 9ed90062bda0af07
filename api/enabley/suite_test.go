package enabley_test

import (
	"testing"

	"quad/api"
	"quad/api/enabley"
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/hubtest"
)

// proof is this door as the generated suites see it.
func proof() suite.Door {
	refused := suite.Refusal{Status: 401, Text: "access_denied"}
	return suite.Door{
		Name: enabley.Name, Contract: contract, Served: enabley.Served(),
		Authorize: func(token string) (string, string) { return "Authorization", "Bearer " + token },
		Clients:   true,
		Rules: suite.Rules{
			NoToken: refused, BadToken: refused, Expired: refused, Ended: refused,
			Lacks: func(contracttest.Operation, string) suite.Refusal { return refused },
		},
		Fixtures: fixtures(), ErrorSchema: "Error",
	}
}

func TestGeneratedRequestsAreValid(t *testing.T) {
	suite.RequestsAreValid(t, contract)
	suite.RolesAreKnown(t, proof())
}

func TestWhoMayCallWhat(t *testing.T) {
	suite.Matrix(t, hubtest.New(t, hubtest.Options{App: api.ForHub}), proof())
}

func TestMalformedRequests(t *testing.T) {
	suite.Malformed(t, hubtest.New(t, hubtest.Options{App: api.ForHub}), proof())
}
