package wire

import "encoding/json"

// CreateInviteFile is the request of createInviteFile: the input of the process
// bulk-invite, which reads it.
type CreateInviteFile struct {
	Input json.RawMessage
	Key   string
}

// Read implements the door's request.
func (r *CreateInviteFile) Read(in *Input) {
	in.Body(&r.Input)
	r.Key = in.Key()
}

// ListInviteFiles is the request of listInviteFiles.
type ListInviteFiles struct {
	OrganizationID *int64
	Paging         `json:"-"`
}

// Read implements the door's request.
func (r *ListInviteFiles) Read(in *Input) {
	r.OrganizationID, r.Paging = in.Number("organizationId"), in.Paging()
}

// ListInviteRows is the request of listInviteRows.
type ListInviteRows struct {
	ID      int64
	Verdict string
	Paging  `json:"-"`
}

// Read implements the door's request.
func (r *ListInviteRows) Read(in *Input) {
	r.ID, r.Verdict, r.Paging = in.ID("id"), in.Text("verdict", 64), in.Paging()
}

// ListInvites is the request of listInvites.
type ListInvites struct {
	ID     int64
	Status string
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListInvites) Read(in *Input) {
	r.ID, r.Status = in.ID("id"), in.Word("status", "PENDING", "ACCEPTED", "REVOKED", "LAPSED")
	r.Paging = in.Paging()
}

// InvitationToken is the body of inspectInvitation.
type InvitationToken struct {
	Token string `json:"token"`
}

// Read implements the door's request.
func (r *InvitationToken) Read(in *Input) { in.Body(r) }

// AcceptInvitation is the body of acceptInvitation.
type AcceptInvitation struct {
	Token    string `json:"token"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// Read implements the door's request.
func (r *AcceptInvitation) Read(in *Input) { in.Body(r) }
