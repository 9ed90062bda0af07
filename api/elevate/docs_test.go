package elevate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
)

// page is what users read about this door.
func page(t *testing.T) contracttest.Page {
	t.Helper()
	return contracttest.ReadPage(t, "../../docs/elevate.md")
}

// Every operation about which something had to be decided is on the page.
func TestPageNamesEveryDecision(t *testing.T) {
	page(t).NamesDecisions(t, "What differs, operation by operation", contracttest.Load(Name, Contract), 60)
}

// The limits on the page are the defaults of the settings beside them.
func TestPageTellsTheLimits(t *testing.T) { page(t).TellsLimits(t, "Limits", 15) }

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
	for _, found := range spelling.FindAllStringSubmatch(page(t).Section(t, "Tolerated spellings"), -1) {
		listed = append(listed, found[1]+" "+found[2])
	}
	require.ElementsMatch(t, mounted, listed)
}
