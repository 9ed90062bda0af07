package people

import (
	"encoding/json"
	"strings"

	"quad/internal/input"
	"quad/models"
)

// Errors of people as calling systems know them.
var (
	ErrUsernameTaken   = models.Refuse(models.KindConflict, "user.username_taken", "a user with this user name exists already")
	ErrIdentifierTaken = models.Refuse(models.KindConflict, "user.identifier_taken", "a user with this identifier exists already")
)

// UsersLeft says that UserIDs do not belong to the organization OrganizationID
// any more, but stay in the account.
const UsersLeft EventKind = "users_left"

// External is a person as calling systems know them that keep people under keys
// of their own.
type External struct {
	models.User                      // FirstName and LastName are never nil
	Login            string          // the user name, or the address of who has none
	Phone            *string         //
	Address          *string         //
	CustomAttributes json.RawMessage // an object
	PossibleRoles    []string        // titles of models.PossibleRoles, at least one
	SubAccounts      []string        // names of ACTIVE organizations, the home first
}

// reservedIdentifiers are words that calling systems use in place of an
// identifier in the paths of their requests.
var reservedIdentifiers = []string{"entitlements", "identityManagement"}

// NameParts gives the two parts of a person's name: as they were given, or the
// first word and the rest.
func NameParts(u models.User) (first, last string) {
	if u.FirstName != nil && u.LastName != nil {
		return *u.FirstName, *u.LastName
	}
	first, last, _ = strings.Cut(strings.TrimSpace(u.Name), " ")
	return first, strings.TrimSpace(last)
}

// The parts of the name and the user name, in SQL, as NameParts has them.
const (
	firstNameSQL = `CASE WHEN u.first_name IS NOT NULL AND u.last_name IS NOT NULL THEN u.first_name ELSE split_part(btrim(u.name), ' ', 1) END`
	lastNameSQL  = `CASE WHEN u.first_name IS NOT NULL AND u.last_name IS NOT NULL THEN u.last_name
		WHEN strpos(btrim(u.name), ' ') = 0 THEN '' ELSE btrim(substr(btrim(u.name), strpos(btrim(u.name), ' ') + 1)) END`
	loginSQL = `coalesce(u.username, u.email)`
)

// ExternalChange is what a calling system says of a person, who is found or
// made by Identifier. Nil stays as it is.
type ExternalChange struct {
	Identifier       string
	Username         *string
	FirstName        *string
	LastName         *string
	Email            input.Field[string]
	Phone            input.Field[string]
	Address          input.Field[string]
	CustomAttributes json.RawMessage // replaces all attributes
	Active           *bool           // who is made without it is ACTIVE
	Password         *string
	PossibleRoles    []string // titles in any case; replace all that were held. Nil: as they are
	SubAccount       *string  // name of one to which the person is added
}

// complete gives a change with all that a person needs who is made.
func (c ExternalChange) complete() error {
	var r rules
	for _, need := range []struct {
		field string
		value *string
	}{{"username", c.Username}, {"firstName", c.FirstName}, {"lastName", c.LastName}} {
		if need.value == nil {
			r.Bad(need.field, input.Required, "is needed for a new user")
		}
	}
	for _, word := range reservedIdentifiers {
		if c.Identifier == word {
			r.Bad("identifier", ruleReserved, "is reserved")
		}
	}
	return r.Err()
}
