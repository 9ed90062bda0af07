package mis_test

import (
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/store"
	"quad/models"
)

// reportFixtures are those of reports: the caller's own where everybody has
// only their own.
func reportFixtures() map[string]suite.Fixture {
	written := func(c suite.Cell, p *suite.Place) contracttest.Values {
		var author *int64
		if c.Caller.Place == p && c.Caller.Person.ID > 0 {
			author = &c.Caller.Person.ID
		}
		id := p.Insert(`INSERT INTO reports (account_id, organization_id, author_id, title, type, status, full_report)
VALUES (@account_id, @organization, @author, @name, 'custom', 'completed', 'Words') RETURNING id`,
			store.Args{"organization": p.Organization.ID, "author": author, "name": p.Name()})
		return contracttest.Values{"path.id": id}
	}
	one := suite.Fixture{Reach: accountWide, Record: written}
	return map[string]suite.Fixture{
		"generateReport": {Values: func(c suite.Cell) contracttest.Values {
			return contracttest.Values{"body.filters": map[string]any{}, "body.type": string(models.ReportTrainingSummary)}
		}},
		"getReport": one, "updateReport": one, "deleteReport": one,
	}
}
