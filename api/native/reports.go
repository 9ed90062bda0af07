package native

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/reporting"
	"quad/models"
)

// listReports pages through the reports that the caller sees.
func (d *door) listReports(c *fiber.Ctx, req wire.ListReports) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	filter := reporting.Filter{Type: models.ReportType(req.Type), Status: models.ReportStatus(req.Status)}
	page, next, err := d.Reports.List(c.UserContext(), filter, before, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, report)
}

// createReport starts the making of a report.
func (d *door) createReport(c *fiber.Ctx, req wire.CreateReport) (reply, error) {
	r, err := d.Reports.Generate(c.UserContext(), reporting.Request{
		Title: req.Title, Type: req.Type, From: req.StartDate.Time(), Until: req.EndDate.Time(), OrganizationID: req.OrganizationID,
	})
	if err != nil {
		return reply{}, err
	}
	return created(wholeReport(r))
}

// getReport shows a report.
func (d *door) getReport(c *fiber.Ctx, req wire.ByID) (reply, error) {
	r, err := d.Reports.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wholeReport(r))
}

// deleteReport removes a report with its files.
func (d *door) deleteReport(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.Reports.Delete(c.UserContext(), req.ID)
}

// createReportLink gives the caller an address to read a report's file from.
func (d *door) createReportLink(c *fiber.Ctx, req wire.CreateReportLink) (reply, error) {
	link, err := d.Reports.Link(c.UserContext(), req.ID, req.Format)
	if err != nil {
		return reply{}, err
	}
	return created(wire.ReportLink{URL: link.URL, ExpiresAt: link.ExpiresAt.UTC()})
}

// listReportSchedules pages through the account's schedules.
func (d *door) listReportSchedules(c *fiber.Ctx, req wire.List) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Reports.Schedules(c.UserContext(), after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, reportSchedule)
}

// createReportSchedule has a report made again and again.
func (d *door) createReportSchedule(c *fiber.Ctx, req wire.SetReportSchedule) (reply, error) {
	p, err := d.Reports.CreateSchedule(c.UserContext(), scheduleInput(req))
	if err != nil {
		return reply{}, err
	}
	return created(reportSchedule(p))
}

// getReportSchedule shows a schedule.
func (d *door) getReportSchedule(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.Reports.Schedule(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(reportSchedule(p))
}

// updateReportSchedule makes a schedule another one.
func (d *door) updateReportSchedule(c *fiber.Ctx, req wire.SetReportSchedule) (reply, error) {
	p, err := d.Reports.UpdateSchedule(c.UserContext(), req.ID, scheduleInput(req))
	if err != nil {
		return reply{}, err
	}
	return ok(reportSchedule(p))
}

// deleteReportSchedule ends a schedule.
func (d *door) deleteReportSchedule(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.Reports.DeleteSchedule(c.UserContext(), req.ID)
}

func scheduleInput(req wire.SetReportSchedule) reporting.ScheduleInput {
	in := reporting.ScheduleInput{
		Title: req.Title, Type: req.Type, OrganizationID: req.OrganizationID, Frequency: req.Frequency, Day: 1, Minute: req.Minute(),
		Recipients: req.Recipients, Active: req.Active,
	}
	if req.Day != nil {
		in.Day = *req.Day
	}
	return in
}

func report(r models.Report) wire.Report {
	out := wire.Report{
		ID: r.ID, Title: r.Title, Type: r.Type, Status: r.Status, OrganizationID: r.OrganizationID, AuthorID: r.AuthorID, ScheduleID: r.ScheduleID,
		ProcessID: r.ProcessID, AsOf: r.AsOf, Narrator: r.Narrator, Note: r.Note, WordCount: r.WordCount, Error: r.ErrorMessage,
		Files: []wire.ReportFile{}, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	if r.FromDay != nil {
		out.StartDate = new(wire.Day(*r.FromDay))
	}
	if r.UntilDay != nil {
		out.EndDate = new(wire.Day(*r.UntilDay))
	}
	if r.Status == models.ReportCompleted { // not before they are all there
		_ = json.Unmarshal(r.Files, &out.Files) // what is stored was written by the hub
	}
	return out
}

func wholeReport(r models.Report) wire.WholeReport {
	return wire.WholeReport{Report: report(r), FullReport: r.FullReport, Sections: reporting.Sections(r)}
}

func reportSchedule(p models.ReportSchedule) wire.ReportSchedule {
	return wire.ReportSchedule{
		ID: p.ID, Title: p.Title, Type: p.Type, OrganizationID: p.OrganizationID, OwnerID: p.OwnerID, Frequency: p.Frequency, Day: p.Day,
		At: wire.TimeOfDay(p.Minute), Recipients: p.Recipients, Active: p.Active, NextRunAt: p.NextRunAt, LastRunAt: p.LastRunAt,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
}
