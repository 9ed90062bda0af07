package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
)

// createUpload gives the caller an address to PUT one file to.
func (d *door) createUpload(c *fiber.Ctx, req wire.CreateUpload) (reply, error) {
	link, err := d.Files.Upload(c.UserContext(), req.Name, req.ContentType)
	if err != nil {
		return reply{}, err
	}
	return created(wire.Upload{Path: link.Path, URL: link.URL, Method: fiber.MethodPut, ExpiresAt: link.ExpiresAt.UTC()})
}

// createDownload gives the caller an address to read a stored file from.
func (d *door) createDownload(c *fiber.Ctx, req wire.CreateDownload) (reply, error) {
	link, err := d.Files.Download(c.UserContext(), req.Path)
	if err != nil {
		return reply{}, err
	}
	return created(wire.Download{URL: link.URL, ExpiresAt: link.ExpiresAt.UTC()})
}
