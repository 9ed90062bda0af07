package arch

import (
	"fmt"
	"io/fs"
	"path"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// contractProblems checks one OpenAPI document beyond its syntax: what our
// doors, their clients and the metrics rely on.
func contractProblems(text []byte) (problems []string) {
	loader := openapi3.NewLoader() // follows no reference out of the document
	document, err := loader.LoadFromData(text)
	if err != nil {
		return []string{fmt.Sprintf("does not load: %v", err)}
	}
	if err := document.Validate(loader.Context); err != nil {
		problems = append(problems, fmt.Sprintf("is not valid: %v", err))
	}
	if document.OpenAPI != "3.0.3" {
		problems = append(problems, fmt.Sprintf("is OpenAPI %s, not 3.0.3", document.OpenAPI))
	}
	if document.Paths.Len() == 0 {
		problems = append(problems, "has no path")
	}

	for route, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.OperationID == "" {
				problems = append(problems, method+" "+route+" has no operationId")
			}
		}
	}
	return problems
}

func TestContractsAreValid(t *testing.T) {
	contracts, err := fs.Glob(repository, "api/*/openapi.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, contracts, "no door has a contract")

	for _, contract := range contracts {
		t.Run(path.Base(path.Dir(contract)), func(t *testing.T) {
			text, err := fs.ReadFile(repository, contract)
			require.NoError(t, err)
			require.Empty(t, contractProblems(text), contract)
		})
	}
}

func TestContractCheckFindsMistakes(t *testing.T) {
	const head = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths:\n"
	const answer = "responses: {'200': {description: fine}}"
	cases := map[string]struct {
		text string
		want string // part of the only problem; none if empty
	}{
		"fine":           {head + "  /a: {get: {operationId: a, " + answer + "}}\n", ""},
		"no yaml":        {"\t:", "does not load"},
		"outside":        {head + "  /a: {$ref: 'other.yaml#/a'}\n", "does not load"},
		"invalid":        {head + "  /a: {get: {operationId: a}}\n", "is not valid"},
		"other version":  {"openapi: 3.0.1" + head[len("openapi: 3.0.3"):] + "  /a: {get: {operationId: a, " + answer + "}}\n", "not 3.0.3"},
		"empty":          {"openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths: {}\n", "has no path"},
		"same id twice":  {head + "  /a: {get: {operationId: a, " + answer + "}}\n  /b: {get: {operationId: a, " + answer + "}}\n", "same operation id"},
		"no operationId": {head + "  /a: {get: {" + answer + "}}\n", "GET /a has no operationId"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			problems := contractProblems([]byte(c.text))
			if c.want == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Contains(t, problems[0], c.want)
		})
	}
}
