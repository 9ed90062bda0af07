package wire

import (
	"encoding/json"
	"strings"
)

// CreateAccountRequest is the body of createAccount.
type CreateAccountRequest struct {
	Name, Email, Password, OTP string
	AcceptedTerms              bool
}

// Read fills the request.
func (r *CreateAccountRequest) Read(in *Input) {
	r.Name, r.Email, r.Password = in.Text("name", MaxText), in.Email("email"), in.Password("password", 8)
	r.OTP, r.AcceptedTerms = in.Digits("otp"), in.Bool("has_accepted_terms_and_conditions")
}

// LoginRequest is the body of login.
type LoginRequest struct{ Email, Password string }

// Read fills the request.
func (r *LoginRequest) Read(in *Input) {
	r.Email, r.Password = in.Email("email"), in.Password("password", 1)
}

// GenerateTokenRequest is the body of generateToken.
type GenerateTokenRequest struct{ RefreshToken string }

// Read fills the request.
func (r *GenerateTokenRequest) Read(in *Input) { r.RefreshToken = in.Text("refresh_token", 4_096) }

// LogoutRequest is the body of logout. The contract knows no 422 for it: what
// is no text is Broken, and no refresh token of anybody.
type LogoutRequest struct {
	RefreshToken string
	Broken       bool
}

// Read fills the request.
func (r *LogoutRequest) Read(in *Input) {
	if token, ok := in.Body["refresh_token"].(string); ok {
		r.RefreshToken = strings.TrimSpace(token)
		r.Broken = len(token) > 4_096
	} else {
		r.Broken = in.Has("refresh_token")
	}
}

// RegistrationOTPRequest is the body of generateRegistrationOtp.
type RegistrationOTPRequest struct{ Name, Email string }

// Read fills the request.
func (r *RegistrationOTPRequest) Read(in *Input) {
	r.Name, r.Email = in.OptionalText("name", MaxText), in.Email("email")
}

// ReadUserRequest is the path of readUser: an id, or the value of a share link.
type ReadUserRequest struct {
	ID        int64
	ShareLink string
}

// Read fills the request.
func (r *ReadUserRequest) Read(in *Input) {
	if r.ID = in.PathID("userId"); r.ID == 0 {
		r.ShareLink = in.Param("userId")
	}
}

// CreateOrganizationRequest is the body of createOrganization.
type CreateOrganizationRequest struct {
	Name, Code, Description string
	Domains                 []string
	AdminEmail              string
}

// Read fills the request.
func (r *CreateOrganizationRequest) Read(in *Input) {
	r.Name, r.Code = in.Text("name", MaxText), in.Word("code", 100)
	r.Description = in.OptionalText("description", 2_000)
	r.Domains, r.AdminEmail = in.Texts("domains", 253), in.OptionalEmail("admin_email")
}

// ListOrganizationsRequest is the query of listOrganizations.
type ListOrganizationsRequest struct {
	Page   Page
	Search string
}

// Read fills the request.
func (r *ListOrganizationsRequest) Read(in *Input) { r.Page, r.Search = in.Page(), in.Search() }

// RequestOrgRoleRequest is the body of requestOrgRole.
type RequestOrgRoleRequest struct {
	Role     int64
	FormData json.RawMessage
}

// Read fills the request.
func (r *RequestOrgRoleRequest) Read(in *Input) {
	r.Role, r.FormData = in.ID("role"), in.Object("form_data")
}

// ListRoleRequestsRequest is query and body of listRoleRequests.
type ListRoleRequestsRequest struct {
	Page      Page
	Roles     []int64
	Statuses  []string
	HandledBy []int64
}

// Read fills the request.
func (r *ListRoleRequestsRequest) Read(in *Input) {
	f := in.Sub("filters")
	r.Page = in.Page()
	r.Roles, r.HandledBy = f.IDs("role"), f.IDs("handled_by")
	r.Statuses = f.Enum("status", "REQUESTED", "UNDER_REVIEW", "APPROVED", "REJECTED")
}

// GetRoleRequestRequest is the query of getRoleRequest; the id may also be the
// last segment of the path.
type GetRoleRequestRequest struct{ ID int64 }

// Read fills the request.
func (r *GetRoleRequestRequest) Read(in *Input) {
	raw := in.Param("id")
	if raw == "" {
		raw = in.Query("request_id")
	}
	if raw == "" {
		in.fail("query", "request_id", "request_id param is empty", nil)
		return
	}
	id, ok := integer(raw)
	if !ok || id < 1 {
		in.fail("query", "request_id", "request_id is invalid", raw)
		return
	}
	r.ID = id
}

// UpdateRoleRequestStatusRequest is the body of updateRoleRequestStatus.
type UpdateRoleRequestStatusRequest struct {
	RequestID int64
	Status    string
	Comments  []string
}

// Read fills the request.
func (r *UpdateRoleRequestStatusRequest) Read(in *Input) {
	r.RequestID, r.Status = in.ID("request_id"), in.Enum("status", "APPROVED", "REJECTED", "UNDER_REVIEW")
	r.Comments = in.Texts("comments", 2_000)
}

// BulkInviteUsersRequest is the body of bulkInviteUsers.
type BulkInviteUsersRequest struct{ FilePath string }

// Read fills the request.
func (r *BulkInviteUsersRequest) Read(in *Input) {
	name := "file_path"
	if !in.Has(name) && in.Has("filePath") {
		name = "filePath"
	}
	r.FilePath = in.Text(name, 1_024)
}

// ListInviteFilesRequest is the query of listInviteFiles. A status that is
// absent or unknown means all.
type ListInviteFilesRequest struct {
	Page   Page
	Status string
}

// Read fills the request.
func (r *ListInviteFilesRequest) Read(in *Input) { r.Page, r.Status = in.Page(), in.Query("status") }

// FileNameRequest is the query of getSignedUrl.
type FileNameRequest struct{ Name string }

// Read fills the request.
func (r *FileNameRequest) Read(in *Input) { r.Name = in.QueryText("fileName", "file_name") }

// FilePathRequest is the query of getDownloadableUrl.
type FilePathRequest struct{ Path string }

// Read fills the request.
func (r *FilePathRequest) Read(in *Input) { r.Path = in.QueryText("file_path", "filePath") }

// TemplateRequest is path and body of createNotificationTemplate and
// updateNotificationTemplate.
type TemplateRequest struct {
	ID                        int64
	Type, Code, Subject, Body string
	Header, Footer            *string
	Status                    string
}

// Read fills the request.
func (r *TemplateRequest) Read(in *Input) {
	r.ID = in.PathID("id")
	r.Type, r.Code = in.Text("type", MaxText), in.Word("code", 100)
	r.Subject, r.Body = in.OptionalText("subject", MaxText), in.Text("body", MaxLong)
	if in.Has("email_header") {
		s := in.OptionalText("email_header", 100)
		r.Header = &s
	}
	if in.Has("email_footer") {
		s := in.OptionalText("email_footer", 100)
		r.Footer = &s
	}
	r.Status = in.OptionalText("status", 20)
	switch r.Type {
	case "", "email", "emailHeader", "emailFooter":
	default:
		in.fail("body", "type", "type is invalid", r.Type)
	}
	if r.Type == "email" && !in.Has("subject") {
		in.fail("body", "subject", "subject field is empty", nil)
	}
}

// IDRequest is the path of operations on one record.
type IDRequest struct{ ID int64 }

// Read fills the request.
func (r *IDRequest) Read(in *Input) { r.ID = in.PathID("id") }

// EmptyRequest is for operations without parameters.
type EmptyRequest struct{}

// Read does nothing.
func (*EmptyRequest) Read(*Input) {}
