package contracttest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
)

// Page is what users read about a door. Its tests hold it to what is true.
type Page struct {
	file, text string
}

// ReadPage reads a page of the docs.
func ReadPage(t testing.TB, file string) Page {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return Page{file: file, text: string(text)}
}

// Section is the part of the page below a heading, down to the next one of its
// level.
func (p Page) Section(t testing.TB, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(p.text, "\n## "+heading+"\n")
	require.True(t, found, "%s lacks the section %q", p.file, heading)
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// NamesDecisions proves that every operation about which something had to be
// decided (x-gap) is in the section, and that those are at least so many. With
// operations only these are looked at.
func (p Page) NamesDecisions(t testing.TB, heading string, c *Contract, least int, operations ...string) {
	t.Helper()
	differs, decided := p.Section(t, heading), 0
	for _, item := range c.Document().Paths.Map() {
		for _, op := range item.Operations() {
			if op.Extensions["x-gap"] == nil || len(operations) > 0 && !slices.Contains(operations, op.OperationID) {
				continue
			}
			decided++
			require.Contains(t, differs, "`"+op.OperationID+"`", op.Extensions["x-gap"])
		}
	}
	require.GreaterOrEqual(t, decided, least)
}

var settingName = regexp.MustCompile("`([A-Z0-9]+(?:_[A-Z0-9]+)+)`")

// TellsLimits proves that the limits in the section's table are the defaults of
// the settings beside them, and that those are at least so many.
func (p Page) TellsLimits(t testing.TB, heading string, least int) {
	t.Helper()
	defaults := map[string]string{}
	for _, s := range config.Settings() {
		defaults[s.Name] = s.Default
	}
	shown := 0
	for line := range strings.Lines(p.Section(t, heading)) {
		cells := strings.Split(line, "|")
		for _, found := range settingName.FindAllStringSubmatch(line, -1) {
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
	require.GreaterOrEqual(t, shown, least)
}
