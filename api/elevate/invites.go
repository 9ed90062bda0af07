package elevate

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people/invite"
	"quad/models"
)

// bulkInviteUsers starts the import of an uploaded file. It answers before the
// file is read.
func (d *door) bulkInviteUsers(c *fiber.Ctx, req wire.BulkInviteUsersRequest) (reply, error) {
	file, err := d.invites.Submit(c.UserContext(), invite.Submission{Path: req.FilePath})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Bulk User Invites CSV Uploaded Successfully", result: inviteFile(file)}, nil
}

// listInviteFiles pages through the files of the caller's organization, with
// download links in place of the paths.
func (d *door) listInviteFiles(c *fiber.Ctx, req wire.ListInviteFilesRequest) (reply, error) {
	files, count, err := d.invites.Files(c.UserContext(), invite.FileFilter{
		Statuses: inviteFileStatuses(req.Status), Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	out := wire.List[wire.InviteFile]{Data: make([]wire.InviteFile, 0, len(files)), Count: count}
	for _, f := range files {
		line := inviteFile(f.InviteFile)
		input, output, err := d.invites.Links(c.UserContext(), f)
		if err != nil {
			return reply{}, err
		}
		line.InputPath, line.OutputPath = input, nil
		if output != "" {
			line.OutputPath = &output
		}
		out.Data = append(out.Data, line)
	}
	return reply{message: "Bulk Invites CSV List Fetched Successfully", result: out}, nil
}

func inviteFile(f models.InviteFile) wire.InviteFile {
	return wire.InviteFile{
		ID: f.ID, Name: f.Name, InputPath: f.InputPath, OutputPath: f.OutputPath, Status: inviteFileStatus(f.Status),
		// The contract knows one type; a workbook that came through the native
		// API is imported as the CSV that was made of it.
		Type: "text/csv", CreatedBy: f.CreatedBy, OrganizationID: f.OrganizationID,
		CreatedAt: wire.Time{Time: f.CreatedAt}, UpdatedAt: wire.Time{Time: f.UpdatedAt},
	}
}

// inviteFileStatus is the status in the contract's words. It has none for a
// file whose import was cancelled: not all its rows have a verdict, so it is
// not PROCESSED.
func inviteFileStatus(s models.InviteFileStatus) string {
	if s == models.InviteFileCancelled {
		s = models.InviteFileFailed
	}
	return string(s)
}

// inviteFileStatuses is the reverse, for the filter: any case; what the
// contract does not know means all.
func inviteFileStatuses(word string) []models.InviteFileStatus {
	switch s := models.InviteFileStatus(strings.ToUpper(strings.TrimSpace(word))); s {
	case models.InviteFileUploaded, models.InviteFileProcessed:
		return []models.InviteFileStatus{s}
	case models.InviteFileFailed:
		return []models.InviteFileStatus{s, models.InviteFileCancelled}
	}
	return nil
}
