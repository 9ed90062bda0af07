package wire

const (
	maxFiles   = 1_000    // how many may be used is up to the rules
	maxContent = 16 << 20 // characters; the body is bounded too
)

// OrgFile is one file of an upload.
type OrgFile struct{ FileName, Content string }

// UploadOrgBulk brings an organization's data as files.
type UploadOrgBulk struct{ Files []OrgFile }

// Read implements the door's request.
func (r *UploadOrgBulk) Read(in *Input) {
	for _, file := range in.Body().Objects("files", maxFiles) {
		r.Files = append(r.Files, OrgFile{FileName: file.Text("fileName", MaxText), Content: file.Text("content", maxContent)})
	}
}

// OrgBulkUploadResult is the answer of uploadOrgBulk.
type OrgBulkUploadResult struct {
	ID      string       `json:"id"`
	Status  string       `json:"status"`
	Created string       `json:"created"`
	Files   []OrgFileOut `json:"files"`
}

// OrgFileOut is what became of a file.
type OrgFileOut struct {
	FileName string  `json:"fileName"`
	Status   string  `json:"status"`
	Message  *string `json:"message"`
}
