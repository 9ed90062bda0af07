package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
)

// uploadLimit is the largest upload in bytes: it is in memory as a whole.
const uploadLimit = 10 << 20

// uploadOrgBulk takes files in; their rows are worked on by a process.
func (d *door) uploadOrgBulk(c *fiber.Ctx, req wire.UploadOrgBulk) (reply, error) {
	u, err := d.Uploads.Submit(c.UserContext(), filesIn(req.Files))
	if err != nil {
		return reply{}, err
	}
	return ok(uploadOut(u))
}
