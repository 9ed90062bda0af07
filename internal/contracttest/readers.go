package contracttest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// ReadersAreAll holds a list of request structs to the package in the current
// directory: what has a method Read there is in the list, so that no reader
// escapes the tests that go over the list.
func ReadersAreAll[R any](t *testing.T, readers []R) {
	t.Helper()
	listed := map[string]bool{}
	for _, r := range readers {
		listed[reflect.TypeOf(r).Elem().Name()] = true
	}
	packages, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0) //nolint:staticcheck // no build tags here
	require.NoError(t, err)
	declared := map[string]bool{}
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			method, ok := n.(*ast.FuncDecl)
			if ok && method.Recv != nil && method.Name.Name == "Read" {
				star, ok := method.Recv.List[0].Type.(*ast.StarExpr)
				require.True(t, ok)
				name, ok := star.X.(*ast.Ident)
				require.True(t, ok)
				declared[name.Name] = true
			}
			return true
		})
	}
	require.Equal(t, declared, listed)
}
