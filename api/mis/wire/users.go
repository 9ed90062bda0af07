package wire

// User is an account of a person.
type User struct {
	UserProfile
	TenantID    *string `json:"tenantId"`
	IsActive    bool    `json:"isActive"`
	LastLoginAt *string `json:"lastLoginAt"`
	CreatedAt   string  `json:"createdAt"`
	UpdatedAt   string  `json:"updatedAt"`
}

// UserList is the answer of listUsers.
type UserList struct {
	Users []User `json:"users"`
}

// CreateUser is the request of createUser.
type CreateUser struct {
	Register
	TenantID *int64 // 0: named, but nothing
}

// Read implements the request.
func (r *CreateUser) Read(in *Input) {
	o := in.Body()
	r.read(o)
	r.TenantID = o.NullableID("tenantId").Value
}

// UpdateUser is the request of updateUser.
type UpdateUser struct {
	ID int64
	UpdateMe
	Email    *string
	TenantID Nullable[int64]
	IsActive *bool
}

// Read implements the request.
func (r *UpdateUser) Read(in *Input) {
	r.ID = in.ID("id")
	o := in.Body()
	r.read(o)
	r.Email, r.TenantID, r.IsActive = o.OptionalEmail("email"), o.NullableID("tenantId"), o.OptionalBool("isActive")
}
