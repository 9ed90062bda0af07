package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/process"
	"quad/models"
)

// startProcess starts a process, or gives the one that the same request started
// before.
func (d *door) startProcess(c *fiber.Ctx, req wire.StartProcess) (reply, error) {
	p, made, err := d.desk.Start(c.UserContext(), req.Kind, req.Input, req.Key)
	if err != nil {
		return reply{}, err
	}
	if !made {
		return ok(d.process(p))
	}
	return created(d.process(p))
}

// listProcesses pages through the processes that the caller sees.
func (d *door) listProcesses(c *fiber.Ctx, req wire.ListProcesses) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	f := process.Filter{
		OrganizationID: req.OrganizationID, SubjectType: req.SubjectType, SubjectID: req.SubjectID,
		From: req.From, Until: req.Until, Before: before, Limit: req.Limit,
	}
	if req.Kind != "" {
		f.Kinds = []models.ProcessKind{models.ProcessKind(req.Kind)}
	}
	if req.State != "" {
		f.States = []models.ProcessState{models.ProcessState(req.State)}
	}
	page, next, err := d.desk.List(c.UserContext(), f)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, d.process)
}

// getProcess shows a process.
func (d *door) getProcess(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.desk.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(d.process(p))
}

// getTimeline shows what happened to a process.
func (d *door) getTimeline(c *fiber.Ctx, req wire.Timeline) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.desk.Timeline(c.UserContext(), req.ID, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, timelineEvent)
}

// cancelProcess asks a process to stop.
func (d *door) cancelProcess(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.desk.Cancel(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(d.process(p))
}

// retryProcess makes the next attempt.
func (d *door) retryProcess(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.desk.Retry(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return created(d.process(p))
}

// decideProcess brings the caller's decision to a process.
func (d *door) decideProcess(c *fiber.Ctx, req wire.Decide) (reply, error) {
	p, err := d.desk.Decide(c.UserContext(), req.ID, process.Decision{Decision: req.Decision, Comments: req.Comments})
	if err != nil {
		return reply{}, err
	}
	return ok(d.process(p))
}

// getHolders shows who holds a process now.
func (d *door) getHolders(c *fiber.Ctx, req wire.ByID) (reply, error) {
	hold, err := d.desk.Holders(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(holders(hold))
}
