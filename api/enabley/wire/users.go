package wire

import (
	"encoding/json"
	"math"
	"strings"

	"quad/models"
)

// userRoles are the possible roles as this API spells them.
var userRoles = strings.Split(strings.ToUpper(strings.Join(models.PossibleRoles, ",")), ",")

// User is a person.
type User struct {
	Address             *string         `json:"address"`
	Created             string          `json:"created"`
	CustomAttributes    json.RawMessage `json:"customAttributes"`
	Email               *string         `json:"email"`
	FirstName           string          `json:"firstName"`
	Identifier          *string         `json:"identifier"`
	IsActive            bool            `json:"isActive"`
	LastName            string          `json:"lastName"`
	Modified            string          `json:"modified"`
	Phone               *string         `json:"phone"`
	PossibleRoles       []string        `json:"possibleRoles"`
	UserSubAccountNames []string        `json:"userSubAccountNames"`
	Username            string          `json:"username"`
}

// UserFilter searches people.
type UserFilter struct {
	EmailSubstring, FirstNameSubstring, Identifier, LastNameSubstring, SubAccountName, UsernameSubstring string
}

// Read implements the door's request.
func (r *UserFilter) Read(in *Input) {
	r.EmailSubstring, r.UsernameSubstring = in.QueryText("emailSubstring"), in.QueryText("usernameSubstring")
	r.FirstNameSubstring, r.LastNameSubstring = in.QueryText("firstNameSubstring"), in.QueryText("lastNameSubstring")
	r.Identifier, r.SubAccountName = in.QueryText("identifier"), in.QueryText("subAccountName")
}

// ListUsersV2 searches people with an offset.
type ListUsersV2 struct {
	UserFilter
	Start, Limit int
}

const usersAtOnce = 200

// Read implements the door's request.
func (r *ListUsersV2) Read(in *Input) {
	r.UserFilter.Read(in)
	r.Start, r.Limit = in.QueryInt("start", 0, 0, math.MaxInt32), in.QueryInt("limit", usersAtOnce, 1, usersAtOnce)
}

// UserInput makes or changes a person.
type UserInput struct {
	Identifier            string
	Username              *string
	FirstName, LastName   *string
	Email, Phone, Address Nullable[string]
	CustomAttributes      json.RawMessage // nil: absent
	IsActive              *bool
	Password              *string
	PossibleRoles         *[]string
	SubAccountName        *string
}

// Read implements the door's request.
func (r *UserInput) Read(in *Input) {
	b := in.Body()
	r.Identifier, r.Username = b.Identifier("identifier"), b.OptionalText("username", MaxText)
	r.FirstName, r.LastName = b.OptionalText("firstName", MaxText), b.OptionalText("lastName", MaxText)
	r.Email, r.Phone, r.Address = b.NullableEmail("email"), b.NullableText("phone", 0, MaxLong), b.NullableText("address", 0, MaxLong)
	r.CustomAttributes, r.IsActive = b.OptionalObject("customAttributes"), b.OptionalBool("isActive")
	r.Password, r.PossibleRoles = b.OptionalText("password", MaxText), b.OptionalWords("possibleRoles", 1, userRoles...)
	r.SubAccountName = b.OptionalText("subAccountName", MaxText)
}

// GetUser names a person, and the sub-account that they must belong to.
type GetUser struct{ Identifier, SubAccountName string }

// Read implements the door's request.
func (r *GetUser) Read(in *Input) {
	r.Identifier, r.SubAccountName = in.Path("identifier"), in.QueryText("subAccountName")
}

// UserStatus activates or deactivates a person.
type UserStatus struct {
	Identifier string
	IsActive   bool
}

// Read implements the door's request.
func (r *UserStatus) Read(in *Input) {
	r.Identifier, r.IsActive = in.Path("identifier"), in.QueryBool("isActive", true)
}

// UserPath names a person.
type UserPath struct{ Identifier string }

// Read implements the door's request.
func (r *UserPath) Read(in *Input) { r.Identifier = in.Path("identifier") }

// UserSubAccount names a person and a sub-account.
type UserSubAccount struct{ Identifier, SubAccountName string }

// Read implements the door's request.
func (r *UserSubAccount) Read(in *Input) {
	r.Identifier, r.SubAccountName = in.Path("identifier"), in.Path("subAccountName")
}

// UserPermissions replaces the permissions of an instructor.
type UserPermissions struct {
	UserIdentifier string
	Permissions    []string
}

// Read implements the door's request.
func (r *UserPermissions) Read(in *Input) {
	b := in.Body()
	b.need("permissions")
	r.UserIdentifier = in.Path("userIdentifier")
	if list := b.OptionalWords("permissions", 0, models.InstructorPermissions...); list != nil {
		r.Permissions = *list
	}
}

// UserIdentityChange gives a person another identifier.
type UserIdentityChange struct{ CurrentUserIdentifier, NewUserIdentifier string }

// Read implements the door's request.
func (r *UserIdentityChange) Read(in *Input) {
	b := in.Body()
	r.CurrentUserIdentifier, r.NewUserIdentifier = b.Identifier("currentUserIdentifier"), b.Identifier("newUserIdentifier")
}

// Entitlement is a role of a person on one entity.
type Entitlement struct{ UserIdentifier, EntityType, EntityIdentifier, UserRole string }

// Read implements the door's request.
func (r *Entitlement) Read(in *Input) {
	b := in.Body()
	r.UserIdentifier, r.EntityIdentifier = b.Identifier("userIdentifier"), b.Identifier("entityIdentifier")
	r.EntityType = b.Word("entityType", "COURSE", "GROUP", "WORKSPACE")
	r.UserRole = b.Word("userRole", "MANAGER", "EDITOR", "INSTRUCTOR")
}
