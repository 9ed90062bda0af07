package mis_test

import (
	"net/http"

	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/store"
)

// integrationFixtures are those of connections and loads. The suites have no
// worker: what earlier requests started ends here, since an account runs one
// thing at a time.
func integrationFixtures() map[string]suite.Fixture {
	end := func(p *suite.Place) {
		p.Insert(`WITH ended AS (
				UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE account_id = @account_id AND ended_at IS NULL),
			off AS (UPDATE connections SET enabled = false WHERE account_id = @account_id)
			SELECT CAST(@account_id AS bigint)`, store.Args{})
	}
	connection := func(p *suite.Place, enabled bool) contracttest.Values {
		return contracttest.Values{"path.id": p.Insert(`INSERT INTO connections (account_id, organization_id, name, kind, enabled)
			VALUES (@account_id, @organization, @name, 'moodle-db', CAST(@enabled AS boolean)) RETURNING id`, store.Args{"name": p.Name(), "enabled": enabled})}
	}
	one := suite.Fixture{Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values { return connection(p, true) }}
	// Requests come at the same time and runs of an account do not: one that is
	// switched off tells who would have been let through.
	off := suite.Fixture{Reach: accountWide, Status: http.StatusConflict, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
		return connection(p, false)
	}}
	return map[string]suite.Fixture{
		"runEtl": {Values: func(c suite.Cell) contracttest.Values {
			end(c.World.Home)
			end(c.World.Far)
			return nil
		}},
		"testIntegration": one, "syncIntegration": off, "listSyncHistory": one, "disconnectIntegration": one, "reconnectIntegration": one,
	}
}
