package wire

import (
	"time"

	"quad/internal/input"
	"quad/models"
)

// Hierarchy is the types of groups, top first: body of setGroupHierarchy and
// answer of both operations.
type Hierarchy struct {
	Types []string `json:"types"`
}

// Read implements the door's request.
func (r *Hierarchy) Read(in *Input) { in.Body(r) }

// ListGroups is the request of listGroups.
type ListGroups struct {
	ParentID       *int64
	Top            string
	Type           string
	OrganizationID *int64
	Search         string
	Paging         `json:"-"`
}

// Read implements the door's request.
func (r *ListGroups) Read(in *Input) {
	r.ParentID, r.Top, r.Type = in.Number("parentId"), in.Word("top", "true", "false"), in.Text("type", 1020)
	r.OrganizationID, r.Search, r.Paging = in.Number("organizationId"), in.Text("search", 1020), in.Paging()
}

// CreateGroup is the body of createGroup.
type CreateGroup struct {
	Identifier     string  `json:"identifier"`
	Name           *string `json:"name"`
	Type           *string `json:"type"`
	ParentID       *int64  `json:"parentId"`
	OrganizationID *int64  `json:"organizationId"`
}

// Read implements the door's request.
func (r *CreateGroup) Read(in *Input) { in.Body(r) }

// UpdateGroup is the request of updateGroup; what is not sent stays.
type UpdateGroup struct {
	ID             int64              `json:"-"`
	Name           *string            `json:"name"`
	Type           *string            `json:"type"`
	ParentID       input.Field[int64] `json:"parentId"`
	OrganizationID input.Field[int64] `json:"organizationId"`
}

// Read implements the door's request.
func (r *UpdateGroup) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// ListGroupMembers is the request of listGroupMembers.
type ListGroupMembers struct {
	ID        int64
	Recursive bool
	Paging    `json:"-"`
}

// Read implements the door's request.
func (r *ListGroupMembers) Read(in *Input) {
	r.ID, r.Recursive, r.Paging = in.ID("id"), in.Word("recursive", "true", "false") == "true", in.Paging()
}

// FindGroupMembers is the request of findGroupMembers.
type FindGroupMembers struct {
	GroupIDs         []int64  `json:"groupIds"`
	GroupIdentifiers []string `json:"groupIdentifiers"`
	Recursive        bool     `json:"recursive"`
	Paging           `json:"-"`
}

// Read implements the door's request.
func (r *FindGroupMembers) Read(in *Input) {
	in.Body(r)
	r.Paging = in.Paging()
}

// GroupUser is the request of addGroupMember and removeGroupMember.
type GroupUser struct {
	ID, UserID int64
	Replace    bool
}

// Read implements the door's request.
func (r *GroupUser) Read(in *Input) {
	r.ID, r.UserID, r.Replace = in.ID("id"), in.ID("userId"), in.Word("replace", "true", "false") == "true"
}

// ListUserGroups is the request of listUserGroups.
type ListUserGroups struct {
	OrganizationID *int64
	Paging         `json:"-"`
}

// Read implements the door's request.
func (r *ListUserGroups) Read(in *Input) {
	r.OrganizationID, r.Paging = in.Number("organizationId"), in.Paging()
}

// Group is a group.
type Group struct {
	ID               int64     `json:"id"`
	Identifier       string    `json:"identifier"`
	Name             string    `json:"name"`
	Type             string    `json:"type"`
	ParentID         *int64    `json:"parentId"`
	ParentIdentifier *string   `json:"parentIdentifier"`
	OrganizationID   *int64    `json:"organizationId"`
	OrganizationName *string   `json:"organizationName"`
	CreatedAt        time.Time `json:"createdAt"`
	UpdatedAt        time.Time `json:"updatedAt"`
}

// GroupMember is a membership.
type GroupMember struct {
	GroupID         int64         `json:"groupId"`
	GroupIdentifier string        `json:"groupIdentifier"`
	UserID          int64         `json:"userId"`
	UserIdentifier  *string       `json:"userIdentifier"`
	Name            string        `json:"name"`
	Email           *string       `json:"email"`
	Status          models.Status `json:"status"`
	Since           time.Time     `json:"since"`
}

// UserGroups is a person with the groups that they are a member of.
type UserGroups struct {
	UserID         int64         `json:"userId"`
	UserIdentifier *string       `json:"userIdentifier"`
	OrganizationID int64         `json:"organizationId"`
	Name           string        `json:"name"`
	Email          *string       `json:"email"`
	Status         models.Status `json:"status"`
	Groups         []GroupRef    `json:"groups"`
}

// GroupRef names a group.
type GroupRef struct {
	ID         int64  `json:"id"`
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Type       string `json:"type"`
}
