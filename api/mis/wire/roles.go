package wire

// RoleRef names a role in the path.
type RoleRef struct{ ID int64 }

// Read implements the request.
func (r *RoleRef) Read(in *Input) { r.ID = in.Number("id") }

// RoleUser names a role and a user in the path.
type RoleUser struct{ RoleID, UserID int64 }

// Read implements the request.
func (r *RoleUser) Read(in *Input) { r.RoleID, r.UserID = in.Number("id"), in.ID("userId") }

// Role is a role with the number of its holders.
type Role struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Permissions []string `json:"permissions"`
	UserCount   int64    `json:"userCount"`
}

// RoleDetail is a role with its holders.
type RoleDetail struct {
	Role
	Users []UserSummary `json:"users"`
}

// RoleList is all roles.
type RoleList struct {
	Roles []Role `json:"roles"`
}

// UserSummaryList is people in short.
type UserSummaryList struct {
	Users []UserSummary `json:"users"`
}

// RoleShare is how many users hold a role, also in percent of all.
type RoleShare struct {
	ID         int64   `json:"id"`
	Name       string  `json:"name"`
	UserCount  int64   `json:"userCount"`
	Percentage float64 `json:"percentage"`
}

// RoleStatistics is how the roles are spread.
type RoleStatistics struct {
	TotalRoles       int         `json:"totalRoles"`
	TotalUsers       int64       `json:"totalUsers"`
	UsersWithoutRole int64       `json:"usersWithoutRole"`
	Roles            []RoleShare `json:"roles"`
}
