package elevate

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"quad/internal/config"
)

// page is what users read about this door.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/elevate.md")
	require.NoError(t, err)
	return string(text)
}

// section is the part of the page below a heading, down to the next one of its
// level.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(page(t), "\n## "+heading+"\n")
	require.True(t, found, "docs/elevate.md lacks the section %q", heading)
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// Every operation about which something had to be decided is on the page.
func TestPageNamesEveryDecision(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(Contract)
	require.NoError(t, err)
	differs, decided := section(t, "What differs, operation by operation"), 0
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Extensions["x-gap"] == nil {
				continue
			}
			decided++
			require.Contains(t, differs, "`"+op.OperationID+"`", op.Extensions["x-gap"])
		}
	}
	require.Greater(t, decided, 60)
}

var spelling = regexp.MustCompile("`(GET|POST|PATCH|PUT|DELETE) (/[^` ]+)`")

// The tolerated spellings on the page are those that are mounted.
func TestPageListsTheToleratedSpellings(t *testing.T) {
	var mounted, listed []string
	for _, op := range (&door{}).operations() {
		if op.Handler == nil {
			continue
		}
		for _, alias := range op.Aliases {
			if !strings.Contains(alias, " ") {
				alias = op.Method + " " + alias
			}
			mounted = append(mounted, alias)
		}
		if op.Extra {
			mounted = append(mounted, op.Method+" "+op.Path)
		}
	}
	for _, found := range spelling.FindAllStringSubmatch(section(t, "Tolerated spellings"), -1) {
		listed = append(listed, found[1]+" "+found[2])
	}
	require.ElementsMatch(t, mounted, listed)
}

var variable = regexp.MustCompile("`([A-Z0-9]+(?:_[A-Z0-9]+)+)`")

// The limits on the page are the defaults of the settings beside them.
func TestPageTellsTheLimits(t *testing.T) {
	defaults := map[string]string{}
	for _, s := range config.Settings() {
		defaults[s.Name] = s.Default
	}
	shown := 0
	for line := range strings.Lines(section(t, "Limits")) {
		cells := strings.Split(line, "|")
		for _, found := range variable.FindAllStringSubmatch(line, -1) {
			value, known := defaults[found[1]]
			require.True(t, known, "there is no setting %s", found[1])
			if value == "0" {
				value = "none"
			}
			words := regexp.MustCompile(`[0-9a-z]+`).FindAllString(cells[2], -1)
			require.True(t, slices.Contains(words, value), "%s is %s by default: %s", found[1], value, line)
			shown++
		}
	}
	require.Greater(t, shown, 15)
}
