package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
)

func (d *door) listAuditLogs(c *fiber.Ctx, r wire.AuditQuery) (reply, error) {
	page, total, err := d.Trail.Page(c.UserContext(), auditQuery(r))
	if err != nil {
		return reply{}, err
	}
	return ok(wire.PageOf[wire.AuditLog]{Data: all(page, wireAuditLog), Total: total, Page: r.Page.Page, Limit: r.Page.Limit})
}

func (d *door) getAuditLogStatistics(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	statistics, err := d.Trail.Statistics(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wireAuditStatistics(statistics))
}

func (d *door) getEventMetrics(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	stream, err := d.Trail.Stream(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wireEventMetrics(stream))
}

func (d *door) listSettings(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	list, err := d.Settings.List(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wire.SettingList{Settings: all(list, wireSetting)})
}

func (d *door) updateSetting(c *fiber.Ctx, r wire.UpdateSetting) (reply, error) {
	setting, err := d.Settings.Set(c.UserContext(), r.Key, r.Value)
	if err != nil {
		return reply{}, err
	}
	return ok(wireSetting(setting))
}

func (d *door) getSystemHealth(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	return ok(wireSystemHealth(d.Health.Report(c.UserContext())))
}
