package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people/invite"
)

// sampleCSV is where the sample of an invite file is, as clients know it.
const sampleCSV = "sample/bulk_user_creation.csv"

// getSignedURL gives the caller a place to upload one file to.
func (d *door) getSignedURL(c *fiber.Ctx, req wire.FileNameRequest) (reply, error) {
	link, err := d.files.Upload(c.UserContext(), req.Name, "")
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Signed Url Generated Successfully.", result: wire.SignedURL{
		SignedURL: link.URL, FilePath: link.Path, DestFilePathSlip: link.Path,
		SignedURLCamel: link.URL, FilePathCamel: link.Path, DestFilePathCamel: link.Path,
	}}, nil
}

// getDownloadableURL gives a download address of a file of the caller's
// organization.
func (d *door) getDownloadableURL(c *fiber.Ctx, req wire.FilePathRequest) (reply, error) {
	link, err := d.files.Download(c.UserContext(), req.Path)
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Download Url Generated Successfully.", result: link.URL}, nil
}

// getSampleCSV gives a download address of the sample invite file.
func (d *door) getSampleCSV(c *fiber.Ctx, _ wire.EmptyRequest) (reply, error) {
	link, err := d.files.Shared(c.UserContext(), sampleCSV, invite.Sample())
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Download Url Generated Successfully.", result: link.URL}, nil
}
