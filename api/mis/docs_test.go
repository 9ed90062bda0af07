package mis_test

import (
	"testing"

	"quad/api/mis"
	"quad/internal/contracttest"
)

// Every operation that is served and about which something had to be decided is
// on the page, and the limits there are the defaults of the settings beside them.
func TestPageIsTrue(t *testing.T) {
	page := contracttest.ReadPage(t, "../../docs/mis.md")
	page.NamesDecisions(t, "What differs, operation by operation", contract, 20, mis.Served()...)
	page.TellsLimits(t, "Limits", 4)
}
