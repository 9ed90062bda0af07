package wire

import (
	"fmt"
	"time"
	"unicode/utf8"

	"quad/internal/ref"
	"quad/models"
)

// ListUserEntitlements is the request of listUserEntitlements.
type ListUserEntitlements struct {
	ID     int64
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListUserEntitlements) Read(in *Input) { r.ID, r.Paging = in.ID("id"), in.Paging() }

// ListEntitlements is the request of listEntitlements.
type ListEntitlements struct {
	UserID           int64
	UserIdentifier   string
	EntityType       string
	EntityIdentifier string
	Paging           `json:"-"`
}

// Read implements the door's request.
func (r *ListEntitlements) Read(in *Input) {
	if id := in.Number("userId"); id != nil {
		r.UserID = *id
	}
	r.UserIdentifier, r.EntityIdentifier = in.Identifier("userIdentifier"), in.Identifier("entityIdentifier")
	r.EntityType = in.Word("entityType", "COURSE", "GROUP", "WORKSPACE")
	if r.UserID != 0 && r.UserIdentifier != "" {
		in.fail("userIdentifier", "one_of", "cannot go with userId")
	}
	if r.EntityIdentifier != "" && r.EntityType == "" {
		in.fail("entityType", "required", "is needed with entityIdentifier")
	}
	r.Paging = in.Paging()
}

// Identifier reads an optional identifier of the query.
func (in *Input) Identifier(name string) string {
	const bytes = 4 * ref.MaxIdentifier
	text := in.Text(name, bytes)
	if utf8.RuneCountInString(text) > ref.MaxIdentifier {
		in.fail(name, "too_long", fmt.Sprintf("must not be longer than %d characters", ref.MaxIdentifier))
		return ""
	}
	return text
}

// Entitlement is a role that a person has on one course, group or workspace.
type Entitlement struct {
	ID               int64                    `json:"id"`
	UserID           int64                    `json:"userId"`
	UserIdentifier   *string                  `json:"userIdentifier"`
	UserName         string                   `json:"userName"`
	EntityType       models.EntitlementEntity `json:"entityType"`
	EntityID         int64                    `json:"entityId"`
	EntityIdentifier string                   `json:"entityIdentifier"`
	EntityName       string                   `json:"entityName"`
	Role             models.EntitlementRole   `json:"role"`
	CreatedAt        time.Time                `json:"createdAt"`
}
