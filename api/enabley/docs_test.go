package enabley_test

import (
	"testing"

	"quad/internal/contracttest"
)

// Every operation about which something had to be decided is on the page, and
// the limits there are the defaults of the settings beside them.
func TestPageIsTrue(t *testing.T) {
	page := contracttest.ReadPage(t, "../../docs/enabley.md")
	page.NamesDecisions(t, "What differs, operation by operation", contract, 48)
	page.TellsLimits(t, "Limits", 5)
}
