package invite

import (
	"strconv"

	"quad/models"
)

// Verdict is what became of a row. The codes are stored and shown by the
// native API; doors with texts of their own get them from Texts.
type Verdict string

// The verdicts. A row with several bad cells gets the one that names them all.
const (
	Invited               Verdict = "invited"             // a new invitation
	Updated               Verdict = "updated"             // a known user was moved into the organization or given roles
	Unchanged             Verdict = "unchanged"           // a known user who has all of it already
	AlreadyInvited        Verdict = "already_invited"     // the organization's invitation is still open
	InvitedElsewhere      Verdict = "invited_elsewhere"   // another organization's invitation is open
	OtherOrganization     Verdict = "other_organization"  // the user belongs to another organization
	InactiveUser          Verdict = "inactive_user"       // the user is deactivated
	Duplicate             Verdict = "duplicate"           // an earlier row names the same address
	InvalidName           Verdict = "invalid_name"        // missing, too long or with control characters
	InvalidEmail          Verdict = "invalid_email"       // missing or no address
	InvalidRoles          Verdict = "invalid_roles"       // no role named
	UnknownRole           Verdict = "unknown_role"        // there is no such role
	ForbiddenRole         Verdict = "forbidden_role"      // a system role, or one that is not active
	InvalidNameEmail      Verdict = "invalid_name_email"  // each of the next: several cells
	InvalidNameRoles      Verdict = "invalid_name_roles"  //
	InvalidEmailRoles     Verdict = "invalid_email_roles" //
	InvalidAll            Verdict = "invalid_all"         //
	Malformed             Verdict = "malformed_row"       // quotes that do not pair, or more cells than the header has
	RowTooLong            Verdict = "row_too_long"        // over 64 KiB
	NotProcessed          Verdict = "not_processed"       // only in result files: the import ended before the row
	notJudged             Verdict = ""
	textNotProcessed              = "Not processed"
	textInvalidRow                = "row is invalid."
	textAlreadyExists             = "User already exist"
	textOtherOrganization         = "Unauthorised to bulk upload user from another organisation"
)

// outcome describes a verdict: whether the row got what it asked for, and the
// texts for it.
type outcome struct {
	bad     bool
	elevate string // cell of statusOrUserId; empty: the id of the invitation
	native  string
}

var outcomes = map[Verdict]outcome{
	Invited:           {native: "invited"},
	Updated:           {elevate: "Success", native: "known user, moved into the organization or given roles"},
	Unchanged:         {elevate: "No updates needed. User details are already up to date", native: "known user, nothing to change"},
	AlreadyInvited:    {elevate: textAlreadyExists, native: "an invitation is open already"},
	InvitedElsewhere:  {bad: true, elevate: textAlreadyExists, native: "an invitation of another organization is open"},
	OtherOrganization: {bad: true, elevate: textOtherOrganization, native: "the user belongs to another organization"},
	InactiveUser:      {bad: true, elevate: textAlreadyExists, native: "the user is deactivated"},
	Duplicate:         {bad: true, elevate: textAlreadyExists, native: "an earlier row of the file names the same address"},
	InvalidName:       {bad: true, elevate: "name is invalid.", native: "name is invalid"},
	InvalidEmail:      {bad: true, elevate: "email is invalid.", native: "email is invalid"},
	InvalidRoles:      {bad: true, elevate: "roles are invalid.", native: "no role is named"},
	UnknownRole:       {bad: true, elevate: "roles are invalid.", native: "there is no such role"},
	ForbiddenRole:     {bad: true, elevate: "roles are invalid.", native: "the role cannot be given by invitation"},
	InvalidNameEmail:  {bad: true, elevate: "name and email are invalid.", native: "name and email are invalid"},
	InvalidNameRoles:  {bad: true, elevate: "name and roles are invalid.", native: "name and roles are invalid"},
	InvalidEmailRoles: {bad: true, elevate: "email and roles are invalid.", native: "email and roles are invalid"},
	InvalidAll:        {bad: true, elevate: "name, email, and roles are invalid.", native: "name, email and roles are invalid"},
	Malformed:         {bad: true, elevate: textInvalidRow, native: "the quotes do not pair, or there are more cells than columns"},
	RowTooLong:        {bad: true, elevate: textInvalidRow, native: "the row is longer than 64 KiB"},
	NotProcessed:      {bad: true, elevate: textNotProcessed, native: "not processed"},
}

// Bad tells whether the row did not get what it asked for. Only such rows are
// looked at again when a file is retried.
func (v Verdict) Bad() bool { return outcomes[v].bad }

// doorElevate is the door whose result files have a wire format of their own.
const doorElevate = "elevate"

// resultColumns are the columns that a result file has after those of the
// source.
func resultColumns(door string) []string {
	if door == doorElevate {
		return []string{"statusOrUserId"}
	}
	return []string{"verdict", "explanation", "id"}
}

// resultCells are the cells of the result columns for one row.
func resultCells(dst []string, door string, row models.InviteRow) []string {
	verdict := Verdict(row.Verdict)
	if verdict == notJudged {
		verdict = NotProcessed
	}
	o := outcomes[verdict]
	id := ""
	switch {
	case row.InviteID != nil:
		id = strconv.FormatInt(*row.InviteID, 10)
	case row.UserID != nil:
		id = strconv.FormatInt(*row.UserID, 10)
	}
	if door != doorElevate {
		return append(dst, string(verdict), o.native, id)
	}
	switch {
	case o.elevate != "":
		return append(dst, o.elevate)
	case id == "": // a dry run invites nobody
		return append(dst, "Success")
	}
	return append(dst, id)
}
