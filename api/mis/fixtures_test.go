package mis_test

import (
	"maps"

	"quad/internal/contracttest/suite"
)

// fixtures complete the generated requests: what must be new each time, and the
// records that requests are about. Each resource has its own file.
func fixtures() map[string]suite.Fixture {
	out := map[string]suite.Fixture{}
	for _, more := range []map[string]suite.Fixture{projectFixtures(), authFixtures(), adminFixtures(), analyticsFixtures(), reportFixtures(), formFixtures(), integrationFixtures()} {
		maps.Copy(out, more)
	}
	return out
}
