package mis_test

import (
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/store"
)

// integrationFixtures are those of connections and loads. The suites have no
// worker: what earlier requests started ends here, since an account runs one
// thing at a time.
func integrationFixtures() map[string]suite.Fixture {
	end := func(p *suite.Place, off bool) {
		p.Insert(`WITH ended AS (
				UPDATE sync_runs SET state = 'cancelled', ended_at = now() WHERE account_id = @account_id AND ended_at IS NULL),
			off AS (UPDATE connections SET enabled = false WHERE account_id = @account_id AND CAST(@off AS boolean))
			SELECT CAST(@account_id AS bigint)`, store.Args{"off": off})
	}
	one := suite.Fixture{Reach: accountWide, Record: func(_ suite.Cell, p *suite.Place) contracttest.Values {
		end(p, false)
		return contracttest.Values{"path.id": p.Insert(`INSERT INTO connections (account_id, organization_id, name, kind)
			VALUES (@account_id, @organization, @name, 'moodle-db') RETURNING id`, store.Args{"name": p.Name()})}
	}}
	return map[string]suite.Fixture{
		"runEtl": {Values: func(c suite.Cell) contracttest.Values {
			end(c.World.Home, true)
			end(c.World.Far, true)
			return nil
		}},
		"testIntegration": one, "syncIntegration": one, "listSyncHistory": one, "disconnectIntegration": one, "reconnectIntegration": one,
	}
}
