package mis

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/httpx"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/models"
)

// waitLimit is the time of the calls that wait for the end of a synchronisation,
// at most MIS_SYNC_WAIT.
const waitLimit = 5 * time.Minute

// historyEntries is how many entries of the history are given.
const historyEntries = 100

// integrationOf finds the connection that a path names.
func (d *door) integrationOf(c *fiber.Ctx, id string) (integration.Connection, error) {
	if id == moodle {
		return d.Integrations.Configured(c.UserContext())
	}
	number, _ := httpx.ParseID(id)
	return d.Integrations.Get(c.UserContext(), number)
}

func (d *door) listIntegrations(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	list, err := d.Integrations.List(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(all(list, wireIntegration))
}

// attempt answers how an exchange with a system went; that it failed is no
// failure of the call.
func attempt(err error, good, bad string) (reply, error) {
	switch kind := models.KindOf(err); {
	case err == nil:
		return done(good)
	case errors.Is(err, integration.ErrUnknown), kind == models.KindForbidden, kind == models.KindUnauthenticated:
		return reply{}, err
	}
	return ok(wire.ActionResult{Message: bad + ": " + integration.Cause(err)})
}

func (d *door) testIntegration(c *fiber.Ctx, r wire.IntegrationPath) (reply, error) {
	conn, err := d.integrationOf(c, r.ID)
	if err == nil {
		_, err = d.Integrations.Test(c.UserContext(), conn.ID)
	}
	return attempt(err, "Connection successful", "Connection failed")
}

func (d *door) reconnectIntegration(c *fiber.Ctx, r wire.IntegrationPath) (reply, error) {
	conn, err := d.integrationOf(c, r.ID)
	if err == nil {
		_, err = d.Integrations.Reconnect(c.UserContext(), conn.ID)
	}
	return attempt(err, "Reconnected successfully", "Reconnect failed")
}

// disconnectIntegration refuses, as the original does: connections are switched
// off where they are made.
func (d *door) disconnectIntegration(c *fiber.Ctx, r wire.IntegrationPath) (reply, error) {
	if _, err := d.integrationOf(c, r.ID); err != nil {
		return reply{}, err
	}
	return ok(wire.ActionResult{Message: "Disconnect not supported for Moodle — update env vars to disable"})
}

func (d *door) syncIntegration(c *fiber.Ctx, r wire.IntegrationPath) (reply, error) {
	conn, err := d.integrationOf(c, r.ID)
	if err != nil {
		return reply{}, err
	}
	run, err := d.Integrations.RunAndWait(c.UserContext(), conn.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireSyncResult(run))
}

func (d *door) listSyncHistory(c *fiber.Ctx, r wire.IntegrationPath) (reply, error) {
	conn, err := d.integrationOf(c, r.ID)
	if err != nil {
		return reply{}, err
	}
	runs, _, err := d.Integrations.Runs(c.UserContext(), conn.ID, 0, historyEntries)
	if err != nil {
		return reply{}, err
	}
	return ok(wireHistory(runs, prefixOf(conn.Values), historyEntries))
}

// prefixOf is what Moodle's tables are called with.
func prefixOf(values source.Settings) string {
	switch prefix := values["prefix"]; prefix {
	case "":
		return "mdl_"
	case "-": // none
		return ""
	default:
		return prefix
	}
}

func (d *door) runEtl(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	load, err := d.Integrations.LoadAll(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wire.EtlRunResult{Success: len(load.Faults()) == 0, RowsProcessed: load.Rows(), DurationMs: took(load.StartedAt, load.Ended())})
}

func (d *door) listEtlJobRuns(c *fiber.Ctx, r wire.ListJobRuns) (reply, error) {
	loads, err := d.Integrations.Loads(c.UserContext(), r.Limit)
	if err != nil {
		return reply{}, err
	}
	return ok(all(loads, wireJobRun))
}
