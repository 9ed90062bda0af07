package validate

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// root is the hub's repository, seen from here.
const root = "../.."

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return content
}

// setting is one field of the hub's configuration.
type setting struct {
	fallback string
	secret   bool
}

// settings reads the names of all settings from the source of the configuration
// struct, so that this module need not depend on the hub's.
func settings(t *testing.T) map[string]setting {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/config/config.go"), nil, 0)
	require.NoError(t, err)
	found := map[string]setting{}
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return true
		}
		raw, err := strconv.Unquote(field.Tag.Value)
		require.NoError(t, err)
		tag := reflect.StructTag(raw)
		if name, _, _ := strings.Cut(tag.Get("env"), ","); name != "" {
			found[name] = setting{fallback: tag.Get("envDefault"), secret: tag.Get("secret") == "true"}
		}
		return true
	})
	require.Contains(t, found, "DATABASE_URL", "the struct is no longer where this test looks")
	return found
}

// roles are the subcommands of the binary, from its source.
func roles(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "cmd/quad/*.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isIdent := pair.Key.(*ast.Ident)
			value, isLiteral := pair.Value.(*ast.BasicLit)
			if isIdent && isLiteral && key.Name == "Use" {
				use, err := strconv.Unquote(value.Value)
				require.NoError(t, err)
				name, _, _ := strings.Cut(use, " ")
				found[name] = true
			}
			return true
		})
	}
	require.True(t, found["api"] && found["worker"] && found["migrate"], "the commands are no longer where this test looks: %v", found)
	return found
}

// envFile reads NAME=value lines. With all, it also reads those commented out.
func envFile(t *testing.T, path string, all bool) map[string]string {
	t.Helper()
	vars := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(read(t, path))))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if all {
			line = strings.TrimPrefix(line, "#")
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.ContainsAny(name, " #") {
			continue
		}
		vars[name] = value
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, vars)
	return vars
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	require.NoError(t, err)
	return d
}
