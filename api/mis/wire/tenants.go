package wire

// Longest texts of a tenant, in characters.
const (
	maxPhone   = 200
	maxAddress = 2_000
)

// TenantSummary is a tenant in short.
type TenantSummary struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Tenant is a tenant.
type Tenant struct {
	TenantSummary
	Email     string `json:"email"`
	Phone     string `json:"phone"`
	Address   string `json:"address"`
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

// TenantAssignment is that a user is a member of a tenant.
type TenantAssignment struct {
	ID         string `json:"id"`
	TenantID   string `json:"tenantId"`
	UserID     string `json:"userId"`
	AssignedAt string `json:"assignedAt"`
}

// CreateTenant makes a tenant.
type CreateTenant struct {
	Name, Email    string
	Phone, Address *string
}

// Read implements the request.
func (r *CreateTenant) Read(in *Input) {
	o := in.Body()
	r.Name, r.Email = o.Text("name", 1, MaxTitle), o.Email("email")
	r.Phone, r.Address = o.OptionalText("phone", 0, maxPhone), o.OptionalText("address", 0, maxAddress)
}

// UpdateTenant changes what is sent.
type UpdateTenant struct {
	ID                                  int64
	Name, Email, Phone, Address, Status *string
}

// Read implements the request.
func (r *UpdateTenant) Read(in *Input) {
	r.ID = in.ID("id")
	o := in.Body()
	r.Name, r.Email = o.OptionalText("name", 1, MaxTitle), o.OptionalEmail("email")
	r.Phone, r.Address = o.OptionalText("phone", 0, maxPhone), o.OptionalText("address", 0, maxAddress)
	r.Status = o.OptionalWord("status", "active", "inactive")
}

// AssignUser names a tenant in the path and a user in the body.
type AssignUser struct{ TenantID, UserID int64 }

// Read implements the request.
func (r *AssignUser) Read(in *Input) {
	r.TenantID = in.ID("id")
	r.UserID = in.Body().ID("userId")
}

// TenantUser names a tenant and a user in the path.
type TenantUser struct{ TenantID, UserID int64 }

// Read implements the request.
func (r *TenantUser) Read(in *Input) { r.TenantID, r.UserID = in.ID("id"), in.ID("userId") }
