// Package invitepage serves the page that the link of an invitation leads to: a
// person sees who invites them and sets a password. The page is static; its
// script calls the native API. The token stays in the browser's address and is
// sent in bodies only, so that it is in no log.
package invitepage

import (
	_ "embed"

	"github.com/gofiber/fiber/v2"
)

//go:embed page.html
var page []byte

//go:embed page.js
var script []byte

// policy lets the page run its own script, call the hub and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes adds /invite to the root app.
func Routes(app fiber.Router) {
	app.Get("/invite", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentSecurityPolicy, policy)
		c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
		c.Set(fiber.HeaderCacheControl, "no-store")
		c.Type("html", "utf-8")
		return c.Send(page)
	})
	app.Get("/invite/page.js", func(c *fiber.Ctx) error {
		c.Type("js", "utf-8")
		return c.Send(script)
	})
}
