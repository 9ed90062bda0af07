package wire

import (
	"encoding/json"
	"time"

	"quad/models"
)

// None is the request of operations without parameters.
type None struct{}

// Read implements the door's request.
func (*None) Read(*Input) {}

// ByID is the request of operations that take nothing but an id in the path.
type ByID struct{ ID int64 }

// Read implements the door's request.
func (r *ByID) Read(in *Input) { r.ID = in.ID("id") }

// List is the request of lists without filters.
type List struct{ Paging }

// Read implements the door's request.
func (r *List) Read(in *Input) { r.Paging = in.Paging() }

// Login is the body of login.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Read implements the door's request.
func (r *Login) Read(in *Input) { in.Body(r) }

// Refresh is the body of refreshSession.
type Refresh struct {
	RefreshToken string `json:"refreshToken"`
}

// Read implements the door's request.
func (r *Refresh) Read(in *Input) { in.Body(r) }

// StartProcess is the request of startProcess.
type StartProcess struct {
	Kind  models.ProcessKind `json:"kind"`
	Input json.RawMessage    `json:"input"`
	Key   string             `json:"-"`
}

// Read implements the door's request.
func (r *StartProcess) Read(in *Input) {
	in.Body(r)
	r.Key = in.Key()
}

// ListProcesses is the request of listProcesses.
type ListProcesses struct {
	Kind           string
	State          string
	OrganizationID *int64
	SubjectType    string
	SubjectID      int64
	From, Until    time.Time
	Paging         `json:"-"`
}

// Read implements the door's request.
func (r *ListProcesses) Read(in *Input) {
	kinds := make([]string, 0, len(models.ProcessSpecs))
	for _, k := range models.ProcessKinds() {
		kinds = append(kinds, string(k))
	}
	states := make([]string, len(models.ProcessStates))
	for i, s := range models.ProcessStates {
		states[i] = string(s)
	}
	r.Kind, r.State = in.Word("kind", kinds...), in.Word("state", states...)
	r.OrganizationID = in.Number("organizationId")
	r.SubjectType, r.SubjectID = in.Subject("subject")
	r.From, r.Until = in.Time("createdFrom"), in.Time("createdTo")
	r.Paging = in.Paging()
}

// Timeline is the request of getTimeline.
type Timeline struct {
	ID     int64
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *Timeline) Read(in *Input) { r.ID, r.Paging = in.ID("id"), in.Paging() }

// Events is the request of streamEvents.
type Events struct {
	ID    int64
	After int64
}

// Read implements the door's request.
func (r *Events) Read(in *Input) { r.ID, r.After = in.ID("id"), in.LastEventID() }

// Decide is the request of decideProcess.
type Decide struct {
	ID       int64    `json:"-"`
	Decision string   `json:"decision"`
	Comments []string `json:"comments"`
}

// Read implements the door's request.
func (r *Decide) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// Deadline is the request of moveDeadline.
type Deadline struct {
	ID       int64     `json:"-"`
	Deadline time.Time `json:"deadline"`
}

// Read implements the door's request.
func (r *Deadline) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// CreateUpload is the body of createUpload.
type CreateUpload struct {
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
}

// Read implements the door's request.
func (r *CreateUpload) Read(in *Input) { in.Body(r) }

// CreateDownload is the body of createDownload.
type CreateDownload struct {
	Path string `json:"path"`
}

// Read implements the door's request.
func (r *CreateDownload) Read(in *Input) { in.Body(r) }

// ListNotifications is the request of listNotifications.
type ListNotifications struct {
	State     string
	Template  string
	Recipient string
	ProcessID *int64
	Paging    `json:"-"`
}

// Read implements the door's request.
func (r *ListNotifications) Read(in *Input) {
	r.State = in.Word("state", "pending", "queued", "sending", "sent", "dead", "cancelled")
	r.Template, r.Recipient = in.Text("template", 100), in.Text("recipient", 254)
	r.ProcessID, r.Paging = in.Number("processId"), in.Paging()
}

// ListAudit is the request of listAudit.
type ListAudit struct {
	SubjectType string
	SubjectID   int64
	Paging      `json:"-"`
}

// Read implements the door's request.
func (r *ListAudit) Read(in *Input) {
	r.SubjectType, r.SubjectID = in.Subject("subject")
	r.Paging = in.Paging()
}
