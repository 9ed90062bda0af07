package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/people/orgupload"
	"quad/models"
)

// getUpload shows an upload of an organization's data with its files.
func (d *door) getUpload(c *fiber.Ctx, req wire.ByID) (reply, error) {
	u, err := d.Uploads.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	out := wire.OrgUpload{ID: u.ID, ProcessID: u.ProcessID, CreatedAt: u.CreatedAt, Files: make([]wire.OrgUploadFile, len(u.Files))}
	for i, f := range u.Files {
		out.Files[i] = wire.OrgUploadFile{
			Name: f.Name, Kind: f.Kind, Status: string(f.Status), Message: f.Message, Rows: f.Rows, Done: f.Done, Failed: f.Failed,
		}
	}
	return ok(out)
}

// listUploadRows pages through the verdicts of an upload.
func (d *door) listUploadRows(c *fiber.Ctx, req wire.ListUploadRows) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Uploads.Rows(c.UserContext(), req.ID, orgupload.RowFilter{
		Verdict: models.OrgVerdict(req.Verdict), Kind: models.OrgFileKind(req.Kind), After: after, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, func(r orgupload.Row) wire.OrgUploadRow {
		return wire.OrgUploadRow{File: r.File, Row: r.RowNo, Verdict: string(r.Verdict), Message: r.Message}
	})
}
