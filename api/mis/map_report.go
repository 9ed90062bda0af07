package mis

import (
	"quad/api/mis/wire"
	"quad/internal/reporting"
	"quad/models"
)

// reportSummary is a report as lists show it.
func reportSummary(r models.Report) wire.Report {
	out := wire.Report{
		ID: wire.ID(r.ID), Title: r.Title, Type: string(r.Type), Status: string(r.Status), WordCount: r.WordCount,
		CreatedAt: wire.Time(r.CreatedAt), UpdatedAt: wire.Time(r.UpdatedAt),
	}
	if !contractTypes[r.Type] {
		out.Type = string(models.ReportCustom)
	}
	if r.Status == models.ReportFailed {
		out.ErrorMessage = r.ErrorMessage
	}
	return out
}

// contractTypes are the types that the contract knows; others of the hub are
// custom ones here.
var contractTypes = map[models.ReportType]bool{
	models.ReportTrainingSummary: true, models.ReportCoursePerformance: true, models.ReportProjectProgress: true,
	models.ReportExpenseSummary: true, models.ReportFormResponses: true, models.ReportCustom: true,
}

// report is a whole report.
func report(r models.Report) wire.Report {
	out := reportSummary(r)
	out.FullReport, out.Sections = &r.FullReport, reporting.Sections(r)
	return out
}
