package enabley

import (
	"strconv"

	"quad/api/enabley/wire"
	"quad/internal/people/orgupload"
	"quad/models"
)

// uploadAccepted is the status of an upload that was just taken in.
const uploadAccepted = "ACCEPTED"

func filesIn(files []wire.OrgFile) []orgupload.File {
	return all(files, func(f wire.OrgFile) orgupload.File { return orgupload.File{Name: f.FileName, Content: f.Content} })
}

// uploadOut shows an upload that was just taken in. It is followed by the id of
// its process.
func uploadOut(u orgupload.Upload) wire.OrgBulkUploadResult {
	out := wire.OrgBulkUploadResult{
		Status: uploadAccepted, Created: wire.Timestamp(u.CreatedAt),
		Files: all(u.Files, func(f models.OrgUploadFile) wire.OrgFileOut {
			return wire.OrgFileOut{FileName: f.Name, Status: string(f.Status), Message: f.Message}
		}),
	}
	if u.ProcessID != nil {
		out.ID = strconv.FormatInt(*u.ProcessID, 10)
	}
	return out
}
