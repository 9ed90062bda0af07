package demo

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
)

// The size of the list: every sixteenth row is special, a bad one or one about
// a known person; all others are invited.
const (
	listRows    = 1000
	eachKind    = 5
	badRows     = eachKind * len(badKinds)
	knownRows   = 2
	invitedRows = listRows - badRows - knownRows
	specialStep = 16
)

// row is a row of the list with the verdict that it must get.
type row struct {
	cells   []string
	email   string // that comes back in the result; "": the row is too long to come back
	verdict string // as the process counts it
	status  string // cell of statusOrUserId in the result; "": the id of the invitation
}

// badKind makes the n-th bad row of one kind. who is a name or part of an
// address that no other row has, earlier the address of a good row before it.
type badKind func(who, earlier string, n int) row

const (
	alreadyExists = "User already exist"
	otherOrg      = "Unauthorised to bulk upload user from another organisation"
)

// badKinds are the ways in which rows are bad. The texts are those of the
// contract.
var badKinds = [...]badKind{
	func(who, _ string, _ int) row { // no name
		return bad("invalid_name", "name is invalid.", "", who+"@list.test", "mentee")
	},
	func(who, _ string, _ int) row { // a name of more than 255 characters
		return bad("invalid_name", "name is invalid.", strings.Repeat("n", 256), who+"@list.test", "mentee")
	},
	func(who, _ string, _ int) row { // no address
		return bad("invalid_email", "email is invalid.", who, who+".list.test", "mentee")
	},
	func(who, _ string, _ int) row { // neither name nor address
		return bad("invalid_name_email", "name and email are invalid.", "", who+"@list", "mentee")
	},
	func(who, _ string, _ int) row { // a role that does not exist
		return bad("unknown_role", "roles are invalid.", who, who+"@list.test", "mentee,headmaster")
	},
	func(who, _ string, _ int) row { // a role that no list can give
		return bad("forbidden_role", "roles are invalid.", who, who+"@list.test", "admin")
	},
	func(who, _ string, _ int) row { // nothing right
		return bad("invalid_all", "name, email, and roles are invalid.", "", who, "headmaster")
	},
	func(who, _ string, _ int) row { // columns missing
		return bad("invalid_roles", "roles are invalid.", who, who+"@list.test")
	},
	func(who, earlier string, _ int) row { // the address of an earlier row
		return bad("duplicate", alreadyExists, who, earlier, "mentee")
	},
	func(who, earlier string, _ int) row { // the same in another case
		return bad("duplicate", alreadyExists, who, strings.ToUpper(earlier), "mentee")
	},
	func(who, _ string, n int) row { // somebody else's person
		return bad("other_organization", otherOrg, who, neighbours.email(n), "mentee")
	},
	func(who, _ string, _ int) row { // a record of more than 64 KiB
		r := bad("row_too_long", "row is invalid.", who, who+"@list.test", strings.Repeat("mentee,", 10_000))
		r.email = ""
		return r
	},
}

func bad(verdict, status string, cells ...string) row {
	return row{cells: cells, email: cells[1], verdict: verdict, status: status}
}

// list is an invite list with what must become of it.
type list struct {
	rows     []row
	invitees []string // addresses that get an invitation
}

// newList makes the list of a run. newcomer is a person of the organization
// without the role session_manager.
func newList(tag, newcomer string) list {
	type maker func(i int, earlier string) row
	var special []maker
	for n := range eachKind {
		for _, kind := range badKinds {
			special = append(special, func(i int, earlier string) row { return kind(fmt.Sprintf("bad-%s-%04d", tag, i), earlier, n) })
		}
	}
	for _, known := range [knownRows]row{
		{[]string{"Known", knownMentor, "mentor"}, knownMentor, "unchanged", "No updates needed. User details are already up to date"},
		{[]string{"Known", newcomer, "session_manager"}, newcomer, "updated", "Success"},
	} {
		special = append(special, func(int, string) row { return known })
	}
	roles := []string{"mentee", "mentor", "mentor,session_manager"}
	var l list
	for i := 1; i <= listRows; i++ {
		if i%specialStep == 0 && len(special) > 0 {
			l.rows = append(l.rows, special[0](i, l.invitees[len(l.invitees)-1]))
			special = special[1:]
			continue
		}
		email := fmt.Sprintf("invitee-%s-%04d@list.test", tag, i)
		l.rows = append(l.rows, row{[]string{fmt.Sprintf("Invitee %d", i), email, roles[i%len(roles)]}, email, "invited", ""})
		l.invitees = append(l.invitees, email)
	}
	return l
}

// csv is the file.
func (l list) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write([]string{"name", "email", "roles"}); err != nil {
		return nil, err
	}
	for _, r := range l.rows {
		if err := w.Write(r.cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// counters are what the process must have counted.
func (l list) counters() map[string]int64 {
	out := map[string]int64{}
	for _, r := range l.rows {
		out[r.verdict]++
	}
	return out
}

// check compares a result file with what was expected. All differences are
// counted, the first one is told.
func (l list) check(result []byte) error {
	table, err := csv.NewReader(bytes.NewReader(result)).ReadAll()
	if err != nil {
		return fmt.Errorf("the result is no CSV: %w", err)
	}
	if len(table) != len(l.rows)+1 {
		return fmt.Errorf("the result has %d rows below its header, not %d", len(table)-1, len(l.rows))
	}
	if header := strings.Join(table[0], ","); header != "name,email,roles,statusOrUserId" {
		return fmt.Errorf("the header of the result is %q", header)
	}
	wrong, first := 0, ""
	ids := map[string]bool{}
	for i, want := range l.rows {
		email, status := table[i+1][1], table[i+1][3]
		ok := email == want.email && status == want.status
		if want.status == "" {
			ok = email == want.email && isID(status) && !ids[status]
			ids[status] = true
		}
		if ok {
			continue
		}
		if wrong++; wrong == 1 {
			expected := want.status
			if expected == "" {
				expected = "an id of its own"
			}
			first = fmt.Sprintf("row %d (%s) says %q, not %s", i+1, want.verdict, status, expected)
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d rows are not as expected; the first one: %s", wrong, first)
	}
	return nil
}

func isID(s string) bool {
	return s != "" && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}
