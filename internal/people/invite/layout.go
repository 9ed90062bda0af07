package invite

import (
	"bytes"
	"strings"
	"unicode/utf8"
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

var (
	utf8BOM  = []byte("\xEF\xBB\xBF")
	utf16BOM = [][]byte{{0xFE, 0xFF}, {0xFF, 0xFE}}
)

// The columns of a file, by their names in the header.
const (
	columnName  = "name"
	columnEmail = "email"
	columnRoles = "roles"
)

// headerLayout reads the header, the file's first line. False: it does not
// name the columns.
func headerLayout(line []byte) (Layout, bool) {
	for _, delim := range []byte{',', ';'} {
		q := quotes{delim: delim}
		if q.feed(line); q.bad || q.open {
			continue
		}
		l := Layout{Delimiter: string(delim), Name: -1, Email: -1, Roles: -1}
		if l.find(cells(nil, line, delim)) {
			return l, true
		}
	}
	return Layout{}, false
}

// find locates the known columns, in any order and case. Other columns are
// allowed: they are not looked at and come back in the result. A known column
// that stands twice is a mistake.
func (l *Layout) find(header [][]byte) bool {
	l.Columns = len(header)
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

// text tells whether bytes are text that the hub can keep: UTF-8 without NUL,
// which PostgreSQL refuses.
func text(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
