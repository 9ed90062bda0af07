package wire

// CreateAdminRequest is the body of createAdmin.
type CreateAdminRequest struct{ Name, Email, Password, SecretCode string }

// Read fills the request.
func (r *CreateAdminRequest) Read(in *Input) {
	r.Name, r.Email, r.Password = in.Text("name", MaxText), in.Email("email"), in.Password("password", 8)
	r.SecretCode = in.Text("secret_code", MaxText)
}

// AddOrgAdminRequest is the body of addOrgAdmin. The user is named by id, by
// e-mail address or by both.
type AddOrgAdminRequest struct {
	UserID         int64
	Email          string
	OrganizationID int64
}

// Read fills the request.
func (r *AddOrgAdminRequest) Read(in *Input) {
	if in.Has("user_id") {
		r.UserID = in.ID("user_id")
	}
	r.Email, r.OrganizationID = in.OptionalEmail("email"), in.ID("organization_id")
	if !in.Has("user_id") && !in.Has("email") {
		in.fail("body", "user_id", "user_id field is empty", nil)
	}
}

// UsersRequest is the body of deactivateUsers: ids, e-mail addresses or both.
// Neither is for the operation to refuse.
type UsersRequest struct {
	IDs    []int64
	Emails []string
}

// notAList is the contract's text about ids.
const notAList = " must be an array and should not be empty."

// Read fills the request.
func (r *UsersRequest) Read(in *Input) {
	if in.notEmptyList("id") {
		r.IDs = list(in, in.Body, "id", "id", integer)
	}
	if in.notEmptyList("email") {
		r.Emails = list(in, in.Body, "email", "email", func(v any) (string, bool) {
			s, ok := v.(string)
			if !ok {
				return "", false
			}
			one := Input{}
			s = one.email("email", s)
			return s, len(one.Errors) == 0
		})
	}
}

// Empty tells whether nobody is named.
func (r *UsersRequest) Empty() bool { return len(r.IDs) == 0 && len(r.Emails) == 0 }

// notEmptyList tells whether the body has a list, and refuses what is none.
func (in *Input) notEmptyList(name string) bool {
	if !in.Has(name) {
		return false
	}
	items, ok := in.Body[name].([]any)
	if !ok || len(items) == 0 {
		in.fail("body", name, name+notAList, in.Body[name])
		return false
	}
	return true
}

// DeactivateOrgUserRequest is path and body of deactivateOrgUser: one id in the
// path, or without it a body as that of deactivateUsers.
type DeactivateOrgUserRequest struct{ UsersRequest }

// Read fills the request.
func (r *DeactivateOrgUserRequest) Read(in *Input) {
	if in.Param("id") != "" {
		r.IDs = []int64{in.PathID("id")}
		return
	}
	r.UsersRequest.Read(in)
	if r.Empty() && len(in.Errors) == 0 {
		in.fail("body", "id", "id"+notAList, nil)
	}
}

// UpdateOrganizationRequest is path and body of updateOrganization. Domains
// that are not sent stay as they are.
type UpdateOrganizationRequest struct {
	ID                      int64
	Name, Code, Description string
	Domains                 []string
}

// Read fills the request.
func (r *UpdateOrganizationRequest) Read(in *Input) {
	r.ID = in.PathID("id")
	r.Name, r.Code, r.Description = in.Text("name", MaxText), in.Word("code", 100), in.Text("description", 2_000)
	r.Domains = in.Texts("domains", 253)
	in.OptionalEmail("admin_email") // for creations; here it only has to be one
}

// ListTemplatesRequest is the query of listNotificationTemplates.
type ListTemplatesRequest struct {
	Page         Page
	Code, Search string
}

// Read fills the request.
func (r *ListTemplatesRequest) Read(in *Input) {
	r.Page, r.Search = in.Page(), in.Search()
	r.Code = in.Query("code")
}

// OrgAdmin is the result of addOrgAdmin. The id of the organization is sent
// under both spellings.
type OrgAdmin struct {
	UserID         int64         `json:"user_id"`
	OrgID          int64         `json:"org_id"`
	OrganizationID int64         `json:"organization_id"`
	UserRoles      []RoleSummary `json:"user_roles"`
}

// DeletedUser is what deleteUser answers, in a list.
type DeletedUser struct {
	UserID int64 `json:"user_id"`
}

// DeactivatedUsers is what deactivateOrganization answers, in a list.
type DeactivatedUsers struct {
	Count int64 `json:"deactivated_users"`
}
