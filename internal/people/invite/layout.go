package invite

import (
	"bytes"
	"strings"
)

// Layout says how a file is to be read. It is found when the file is checked
// and kept with the file.
type Layout struct {
	Delimiter string `json:"delimiter"` // comma or semicolon
	BOM       bool   `json:"bom,omitempty"`
	Columns   int    `json:"columns"`
	Name      int    `json:"name"` // positions of the known columns
	Email     int    `json:"email"`
	Roles     int    `json:"roles"`
	DataFrom  int64  `json:"dataFrom"` // position behind the header
	Header    string `json:"header"`   // as it stands in the file
	Source    string `json:"source"`   // version of the stored file that was checked
}

func (l Layout) delim() byte {
	if l.Delimiter == "" {
		return ','
	}
	return l.Delimiter[0]
}

// The columns of a file, by their names in the header.
const (
	columnName  = "name"
	columnEmail = "email"
	columnRoles = "roles"
)

// find locates the known columns, in any order and case. Other columns are
// allowed: they are not looked at and come back in the result. A known column
// that stands twice is a mistake.
func (l *Layout) find(header [][]byte) bool {
	l.Columns, l.Name, l.Email, l.Roles = len(header), -1, -1, -1
	at := map[string]*int{columnName: &l.Name, columnEmail: &l.Email, columnRoles: &l.Roles}
	for i, cell := range header {
		position, known := at[strings.ToLower(string(bytes.TrimSpace(cell)))]
		switch {
		case !known:
		case *position >= 0:
			return false
		default:
			*position = i
		}
	}
	return l.Name >= 0 && l.Email >= 0 && l.Roles >= 0
}
