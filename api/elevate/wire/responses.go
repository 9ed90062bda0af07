package wire

import (
	"encoding/json"
	"time"
)

// Time is written in ISO 8601, UTC, with milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// Meta is sent with every answer. Some operations name the meeting platform, in
// one of two spellings.
type Meta struct {
	Correlation          string        `json:"correlation"`
	FormsVersion         []FormVersion `json:"formsVersion"`
	MeetingPlatform      string        `json:"meetingPlatform,omitempty"`
	MeetingPlatformSnake string        `json:"meeting_platform,omitempty"`
}

// FormVersion lets clients drop stale copies of a form.
type FormVersion struct {
	ID      int64  `json:"id"`
	Type    string `json:"type"`
	Version int    `json:"version"`
}

// Success is the envelope of an answer that is no error.
type Success struct {
	ResponseCode string `json:"responseCode"` // always OK
	Message      string `json:"message"`
	Result       any    `json:"result"`
	Meta         Meta   `json:"meta"`
	Parameters   *[]any `json:"parameters,omitempty"` // listEntities only, always empty
}

// Failure is the envelope of an error.
type Failure struct {
	ResponseCode string       `json:"responseCode"`
	StatusCode   int          `json:"statusCode,omitempty"` // templates and inherit only
	Message      string       `json:"message"`
	Error        []FieldError `json:"error"`
	Meta         Meta         `json:"meta"`
}

// Option is a value with the text that people see.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// OrganizationRef names an organization inside another answer.
type OrganizationRef struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Code string `json:"code"`
}

// RoleSummary is a role inside a user.
type RoleSummary struct {
	ID       int64  `json:"id"`
	Title    string `json:"title"`
	UserType int    `json:"user_type"`
	Status   string `json:"status"`
	Label    string `json:"label,omitempty"`
}

// Account is a user as sign-up shows it: e-mail state as text, language as code.
type Account struct {
	ID                int64            `json:"id"`
	Email             string           `json:"email"`
	EmailVerified     string           `json:"email_verified"` // "true" or "false"
	Name              string           `json:"name"`
	Status            string           `json:"status"`
	AcceptedTerms     bool             `json:"has_accepted_terms_and_conditions"`
	OrganizationID    int64            `json:"organization_id"`
	Organization      *OrganizationRef `json:"organization,omitempty"`
	Roles             []int64          `json:"roles"`
	UserRoles         []RoleSummary    `json:"user_roles"`
	PreferredLanguage string           `json:"preferred_language"`
	CreatedAt         Time             `json:"created_at"`
	UpdatedAt         Time             `json:"updated_at"`
}

// Details is what sign-in and profile add to a user.
type Details struct {
	Gender         *Option  `json:"gender"`
	About          *string  `json:"about"`
	ShareLink      *string  `json:"share_link"`
	LastLoggedInAt *Time    `json:"last_logged_in_at"`
	Image          *string  `json:"image"`
	Location       []Option `json:"location"`
	Languages      []Option `json:"languages"`
}

// SignedInUser is a user as sign-in shows it.
type SignedInUser struct {
	Account
	Details
	PreferredLanguage Option `json:"preferred_language"`
	DeletedAt         *Time  `json:"deleted_at"`
}

// UserProfile is the result of readUser.
type UserProfile struct {
	Account
	Details
	EmailVerified     bool   `json:"email_verified"`
	PreferredLanguage Option `json:"preferred_language"`
	Role              string `json:"role"`
}

// SignUpResponse is the result of createAccount.
type SignUpResponse struct {
	AccessToken  string  `json:"access_token"`
	RefreshToken string  `json:"refresh_token"`
	User         Account `json:"user"`
}

// LoginResponse is the result of login.
type LoginResponse struct {
	AccessToken  string       `json:"access_token"`
	RefreshToken string       `json:"refresh_token"`
	User         SignedInUser `json:"user"`
}

// GenerateTokenResponse is the result of generateToken.
type GenerateTokenResponse struct {
	AccessToken string `json:"access_token"`
}

// Organization is a line of listOrganizations.
type Organization struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Code        string `json:"code"`
	Description string `json:"description"`
}

// List is the result of the list operations.
type List[T any] struct {
	Data  []T   `json:"data"`
	Count int64 `json:"count"`
}

// PersonRef names a person.
type PersonRef struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// RoleRequestReceipt is the result of requestOrgRole. The id of the
// organization is sent under both spellings.
type RoleRequestReceipt struct {
	RequestID      int64           `json:"request_id"`
	OrgID          int64           `json:"org_id"`
	OrganizationID int64           `json:"organization_id"`
	Status         string          `json:"status"`
	Meta           json.RawMessage `json:"meta"`
}

// RoleRequest is a role request. Role is the id in the list, the title in the
// details and absent after a decision.
type RoleRequest struct {
	ID             int64     `json:"id"`
	RequesterID    int64     `json:"requester_id"`
	Role           any       `json:"role,omitempty"`
	Status         string    `json:"status"`
	OrgID          int64     `json:"org_id"`
	OrganizationID int64     `json:"organization_id"`
	HandledBy      *int64    `json:"handled_by"`
	Requester      PersonRef `json:"requester"`
}

// RoleRequestDetails is the result of getRoleRequest.
type RoleRequestDetails struct {
	RoleRequest
	Handler  *PersonRef      `json:"handler"`
	Comments []string        `json:"comments"`
	Meta     json.RawMessage `json:"meta"`
}

// SignedURL is the result of getSignedUrl, with the contract's slip in
// dest_file_ath and the later spellings beside it.
type SignedURL struct {
	SignedURL         string `json:"signed_url"`
	FilePath          string `json:"file_path"`
	DestFilePathSlip  string `json:"dest_file_ath"`
	SignedURLCamel    string `json:"signedUrl"`
	FilePathCamel     string `json:"filePath"`
	DestFilePathCamel string `json:"destFilePath"`
}

// InviteFile is an invite file; in lists the paths are download links.
type InviteFile struct {
	ID             int64   `json:"id"`
	Name           string  `json:"name"`
	InputPath      string  `json:"input_path"`
	OutputPath     *string `json:"output_path"`
	Status         string  `json:"status"`
	Type           string  `json:"type"`
	CreatedBy      int64   `json:"created_by"`
	OrganizationID int64   `json:"organization_id"`
	CreatedAt      Time    `json:"created_at"`
	UpdatedAt      Time    `json:"updated_at"`
}

// Template is a notification template.
type Template struct {
	ID             int64   `json:"id"`
	Status         string  `json:"status"`
	Type           string  `json:"type"`
	Code           string  `json:"code"`
	Subject        string  `json:"subject"`
	Body           string  `json:"body"`
	EmailHeader    *string `json:"email_header"`
	EmailFooter    *string `json:"email_footer"`
	OrganizationID int64   `json:"organization_id"`
	CreatedBy      *int64  `json:"created_by"`
	UpdatedBy      *int64  `json:"updated_by"`
	CreatedAt      Time    `json:"created_at"`
	UpdatedAt      Time    `json:"updated_at"`
	DeletedAt      *Time   `json:"deleted_at"`
}
