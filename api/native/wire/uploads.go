package wire

import (
	"time"

	"quad/models"
)

// ListUploadRows is the request of listUploadRows.
type ListUploadRows struct {
	ID      int64
	Verdict string
	Kind    string
	Paging  `json:"-"`
}

// Read implements the door's request.
func (r *ListUploadRows) Read(in *Input) {
	r.ID, r.Verdict = in.ID("id"), in.Word("verdict", words(models.OrgVerdicts)...)
	r.Kind, r.Paging = in.Word("kind", words(models.OrgFileKinds)...), in.Paging()
}

// OrgUpload is an upload of an organization's data.
type OrgUpload struct {
	ID        int64           `json:"id"`
	ProcessID *int64          `json:"processId"`
	CreatedAt time.Time       `json:"createdAt"`
	Files     []OrgUploadFile `json:"files"`
}

// OrgUploadFile is one of its files.
type OrgUploadFile struct {
	Name    string              `json:"name"`
	Kind    *models.OrgFileKind `json:"kind"`
	Status  string              `json:"status"`
	Message *string             `json:"message"`
	Rows    int64               `json:"rows"`
	Done    int64               `json:"done"`
	Failed  int64               `json:"failed"`
}

// OrgUploadRow is the verdict on one row.
type OrgUploadRow struct {
	File    string  `json:"file"`
	Row     int64   `json:"row"`
	Verdict string  `json:"verdict"`
	Message *string `json:"message"`
}
