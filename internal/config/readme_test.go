package config

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table of the README stands between these lines.
const (
	readme    = "../../README.md"
	tableFrom = "<!-- settings: printed by `quad config`, compared by internal/config/readme_test.go -->\n"
	tableTo   = "<!-- end of settings -->"
)

func TestReadmeShowsAllSettings(t *testing.T) {
	content, err := os.ReadFile(readme)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(content), tableFrom)
	require.True(t, found, "README.md lacks the line %q", tableFrom)
	table, _, found := strings.Cut(rest, tableTo)
	require.True(t, found, "README.md lacks the line %q", tableTo)
	require.Equal(t, Table(), table, "put the output of `quad config` between the two lines of README.md")
}
