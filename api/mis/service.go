package mis

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
)

// getHello greets in plain text.
func (d *door) getHello(c *fiber.Ctx) error {
	return c.SendString("Hello World!")
}

// getHealth tells whether the service can do its work.
func (d *door) getHealth(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	r := d.probe.Report(c.UserContext())
	out := reply{body: wire.Health{Status: "ok", Version: r.Version, UptimeSeconds: int64(r.Uptime.Seconds()), Timestamp: wire.Time(r.At)}}
	if r.Broken() {
		out.status = http.StatusServiceUnavailable
		out.body = wire.Health{Status: "error", Version: r.Version, UptimeSeconds: int64(r.Uptime.Seconds()), Timestamp: wire.Time(r.At)}
	}
	return out, nil
}
