package wire

import "time"

// ListOrganizations is the request of listOrganizations.
type ListOrganizations struct {
	Search string
	Status string
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListOrganizations) Read(in *Input) {
	r.Search, r.Status, r.Paging = in.Text("search", 255), in.Word("status", "ACTIVE", "INACTIVE"), in.Paging()
}

// CreateOrganization is the body of createOrganization.
type CreateOrganization struct {
	Name        string   `json:"name"`
	Code        string   `json:"code"`
	Description string   `json:"description"`
	Domains     []string `json:"domains"`
	AdminEmail  string   `json:"adminEmail"`
}

// Read implements the door's request.
func (r *CreateOrganization) Read(in *Input) { in.Body(r) }

// UpdateOrganization is the request of updateOrganization; what is nil stays.
type UpdateOrganization struct {
	ID          int64     `json:"-"`
	Name        *string   `json:"name"`
	Description *string   `json:"description"`
	Domains     *[]string `json:"domains"`
}

// Read implements the door's request.
func (r *UpdateOrganization) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// ListUsers is the request of listUsers.
type ListUsers struct {
	OrganizationID *int64
	Status         string
	Email          string
	Paging         `json:"-"`
}

// Read implements the door's request.
func (r *ListUsers) Read(in *Input) {
	r.OrganizationID, r.Status = in.Number("organizationId"), in.Word("status", "ACTIVE", "INACTIVE")
	r.Email, r.Paging = in.Text("email", 254), in.Paging()
}

// CreateUser is the body of createUser.
type CreateUser struct {
	OrganizationID int64   `json:"organizationId"`
	Name           string  `json:"name"`
	Email          string  `json:"email"`
	Password       string  `json:"password"`
	RoleIDs        []int64 `json:"roleIds"`
}

// Read implements the door's request.
func (r *CreateUser) Read(in *Input) { in.Body(r) }

// UpdateUser is the request of updateUser; what is nil stays.
type UpdateUser struct {
	ID             int64   `json:"-"`
	Name           *string `json:"name"`
	OrganizationID *int64  `json:"organizationId"`
}

// Read implements the door's request.
func (r *UpdateUser) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// UserRole is the request of grantRole and revokeRole.
type UserRole struct {
	ID     int64
	RoleID int64
}

// Read implements the door's request.
func (r *UserRole) Read(in *Input) { r.ID, r.RoleID = in.ID("id"), in.ID("roleId") }

// CreateAPIToken is the body of createAPIToken.
type CreateAPIToken struct {
	Name      string     `json:"name"`
	ExpiresAt *time.Time `json:"expiresAt"`
}

// Read implements the door's request.
func (r *CreateAPIToken) Read(in *Input) { in.Body(r) }

// CreateAPIClient is the body of createAPIClient.
type CreateAPIClient struct {
	Name           string `json:"name"`
	OrganizationID *int64 `json:"organizationId"`
}

// Read implements the door's request.
func (r *CreateAPIClient) Read(in *Input) { in.Body(r) }
