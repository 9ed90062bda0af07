// Package resetpage serves the page that a mailed link for a new password leads
// to. The page is static; its script calls the MIS door. The token stays in the
// browser's address and is sent in a body only, so that it is in no log.
package resetpage

import (
	_ "embed"

	"github.com/gofiber/fiber/v2"

	"quad/internal/people"
)

//go:embed page.html
var page []byte

//go:embed page.js
var script []byte

// policy lets the page run its own script, call the hub and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes adds the page to the root app.
func Routes(app fiber.Router) {
	app.Get(people.ResetPage, func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentSecurityPolicy, policy)
		c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
		c.Set(fiber.HeaderCacheControl, "no-store")
		c.Type("html", "utf-8")
		return c.Send(page)
	})
	app.Get(people.ResetPage+"/page.js", func(c *fiber.Ctx) error {
		c.Type("js", "utf-8")
		return c.Send(script)
	})
}
