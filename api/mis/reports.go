package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/reporting"
	"quad/models"
)

// generateReport starts the making of a report.
func (d *door) generateReport(c *fiber.Ctx, req wire.GenerateReport) (reply, error) {
	r, err := d.Reports.Generate(c.UserContext(), reporting.Request{
		Title: req.Title, Type: models.ReportType(req.Type), From: req.From, Until: req.Until, OrganizationID: req.TenantID,
	})
	if err != nil {
		return reply{}, err
	}
	return created(report(r))
}

// saveReport stores a report that the caller wrote.
func (d *door) saveReport(c *fiber.Ctx, req wire.SaveReport) (reply, error) {
	r, err := d.Reports.Save(c.UserContext(), reporting.Written{
		Title: req.Title, Type: models.ReportType(req.Type), FullReport: req.FullReport, WordCount: count(req.WordCount), Sections: req.Sections,
	})
	if err != nil {
		return reply{}, err
	}
	return created(report(r))
}

// listReports gives a page of the reports that the caller sees.
func (d *door) listReports(c *fiber.Ctx, req wire.ListReports) (reply, error) {
	page, total, err := d.Reports.Page(c.UserContext(), req.Page.Offset(), req.Page.Limit)
	if err != nil {
		return reply{}, err
	}
	return ok(wire.PageOf[wire.Report]{Data: all(page, reportSummary), Total: total, Page: req.Page.Page, Limit: req.Page.Limit})
}

// getReport shows a report.
func (d *door) getReport(c *fiber.Ctx, req wire.ByID) (reply, error) {
	r, err := d.Reports.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(report(r))
}

// updateReport changes a report.
func (d *door) updateReport(c *fiber.Ctx, req wire.UpdateReport) (reply, error) {
	r, err := d.Reports.Update(c.UserContext(), req.ID, reporting.Change{
		Title: req.Title, FullReport: req.FullReport, WordCount: count(req.WordCount), Sections: req.Sections,
	})
	if err != nil {
		return reply{}, err
	}
	return ok(report(r))
}

// deleteReport removes a report.
func (d *door) deleteReport(c *fiber.Ctx, req wire.ByID) (reply, error) {
	if err := d.Reports.Delete(c.UserContext(), req.ID); err != nil {
		return reply{}, err
	}
	return done("Report deleted")
}

// count narrows a number that the request has bounded.
func count(n *int64) *int {
	if n == nil {
		return nil
	}
	return new(int(*n))
}
