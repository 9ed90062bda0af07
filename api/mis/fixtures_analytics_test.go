package mis_test

import (
	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
)

// analyticsFixtures name the caller's own tenant.
func analyticsFixtures() map[string]suite.Fixture {
	own := func(parameter string) suite.Fixture {
		return suite.Fixture{Values: func(c suite.Cell) contracttest.Values {
			return contracttest.Values{parameter: idText(c.Caller.Place.Organization.ID)}
		}}
	}
	return map[string]suite.Fixture{
		"getTrainingKpis": own("query.tenantId"), "listCoursePerformance": own("query.tenantId"),
		"getProgramKpis": own("query.tenant"), "listTrainingTrends": own("query.tenant"), "listCourseAnalytics": own("query.tenant"),
	}
}
