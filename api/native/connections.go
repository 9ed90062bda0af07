package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/integration"
	"quad/models"
)

// listConnectionKinds shows what can be connected.
func (d *door) listConnectionKinds(c *fiber.Ctx, _ wire.None) (reply, error) {
	return pageOf(d, c, nil, d.Integrations.Connectors(), 0, connectionKind)
}

// listConnections shows all connections of the account.
func (d *door) listConnections(c *fiber.Ctx, _ wire.None) (reply, error) {
	list, err := d.Integrations.List(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	last, err := d.Integrations.LastRuns(c.UserContext(), list...)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, nil, list, 0, func(one integration.Connection) wire.Connection { return connection(one, last) })
}

// showConnection answers with a connection that was found or changed, unless
// that failed.
func (d *door) showConnection(c *fiber.Ctx, one integration.Connection, failure error) (reply, error) {
	if failure != nil {
		return reply{}, failure
	}
	last, err := d.Integrations.LastRuns(c.UserContext(), one)
	if err != nil {
		return reply{}, err
	}
	return ok(connection(one, last))
}

// createConnection connects a learning system.
func (d *door) createConnection(c *fiber.Ctx, req wire.CreateConnection) (reply, error) {
	made, err := d.Integrations.Create(c.UserContext(), integration.Change{
		Kind: req.Kind, Name: req.Name, Settings: connectionSettings(req.Settings), OrganizationID: req.OrganizationID, Enabled: req.Enabled,
		ScheduleMinutes: req.ScheduleMinutes, PagesPerSecond: req.PagesPerSecond, DeletionPercent: req.DeletionPercent,
	})
	if err != nil {
		return reply{}, err
	}
	return created(connection(made, nil))
}

// getConnection shows a connection.
func (d *door) getConnection(c *fiber.Ctx, req wire.ByID) (reply, error) {
	found, err := d.Integrations.Get(c.UserContext(), req.ID)
	return d.showConnection(c, found, err)
}

// updateConnection changes a connection.
func (d *door) updateConnection(c *fiber.Ctx, req wire.UpdateConnection) (reply, error) {
	changed, err := d.Integrations.Update(c.UserContext(), req.ID, integration.Change{
		Name: req.Name, Settings: connectionSettings(req.Settings), OrganizationID: req.OrganizationID, Enabled: req.Enabled,
		ScheduleMinutes: req.ScheduleMinutes, PagesPerSecond: req.PagesPerSecond, DeletionPercent: req.DeletionPercent,
	})
	return d.showConnection(c, changed, err)
}

// deleteConnection removes a connection that has brought nothing.
func (d *door) deleteConnection(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.Integrations.Delete(c.UserContext(), req.ID)
}

// testConnection tells what is at the other end.
func (d *door) testConnection(c *fiber.Ctx, req wire.ByID) (reply, error) {
	found, err := d.Integrations.Test(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(connectionTest(found))
}

// pauseConnection keeps a connection from running.
func (d *door) pauseConnection(c *fiber.Ctx, req wire.ByID) (reply, error) {
	paused, err := d.Integrations.Pause(c.UserContext(), req.ID)
	return d.showConnection(c, paused, err)
}

// resumeConnection lets a connection run again.
func (d *door) resumeConnection(c *fiber.Ctx, req wire.ByID) (reply, error) {
	resumed, err := d.Integrations.Resume(c.UserContext(), req.ID)
	return d.showConnection(c, resumed, err)
}

// resetConnection forgets what was read.
func (d *door) resetConnection(c *fiber.Ctx, req wire.ByID) (reply, error) {
	reset, err := d.Integrations.Reset(c.UserContext(), req.ID)
	return d.showConnection(c, reset, err)
}

// listConnectionRuns pages through the runs of a connection.
func (d *door) listConnectionRuns(c *fiber.Ctx, req wire.ListOf) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Integrations.Runs(c.UserContext(), req.ID, before, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, connectionRunEntry)
}

// startConnectionRun runs a connection. It is startProcess with another answer.
func (d *door) startConnectionRun(c *fiber.Ctx, req wire.StartConnectionRun) (reply, error) {
	in, err := req.ProcessInput()
	if err != nil {
		return reply{}, err
	}
	p, made, err := d.desk.Start(c.UserContext(), models.ProcessLMSSync, in, req.Key)
	if err != nil {
		return reply{}, err
	}
	out, err := d.wholeRun(c, wire.ConnectionRunPath{ID: req.ID, RunID: p.SubjectID})
	if err != nil {
		return reply{}, err
	}
	if !made {
		return ok(out)
	}
	return reply{status: fiber.StatusAccepted, body: out}, nil
}

// getConnectionRun shows a run.
func (d *door) getConnectionRun(c *fiber.Ctx, req wire.ConnectionRunPath) (reply, error) {
	out, err := d.wholeRun(c, req)
	if err != nil {
		return reply{}, err
	}
	return ok(out)
}

// confirmConnectionRun lets a run delete what it found gone.
func (d *door) confirmConnectionRun(c *fiber.Ctx, req wire.ConnectionRunPath) (reply, error) {
	if err := d.Integrations.Confirm(c.UserContext(), req.ID, req.RunID); err != nil {
		return reply{}, err
	}
	return d.getConnectionRun(c, req)
}

// cancelConnectionRun asks a run to stop.
func (d *door) cancelConnectionRun(c *fiber.Ctx, req wire.ConnectionRunPath) (reply, error) {
	if err := d.Integrations.Cancel(c.UserContext(), req.ID, req.RunID); err != nil {
		return reply{}, err
	}
	return d.getConnectionRun(c, req)
}

func (d *door) wholeRun(c *fiber.Ctx, req wire.ConnectionRunPath) (wire.WholeConnectionRun, error) {
	run, err := d.Integrations.RunOf(c.UserContext(), req.ID, req.RunID)
	if err != nil {
		return wire.WholeConnectionRun{}, err
	}
	return wholeConnectionRun(run), nil
}

// listConnectionChanges goes on with the feed of a connection.
func (d *door) listConnectionChanges(c *fiber.Ctx, req wire.ListOf) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, more, err := d.Integrations.Changes(c.UserContext(), req.ID, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	out := wire.Feed[wire.ConnectionChange]{Items: make([]wire.ConnectionChange, len(page)), More: more}
	for i, change := range page {
		out.Items[i], after = connectionChange(change), change.ID
	}
	if out.Next, err = d.cursors.Encode(scope(c, req), after); err != nil {
		return reply{}, err
	}
	return ok(out)
}
