package orgupload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"quad/internal/csvfile"
	"quad/models"
)

// MaxRows is the most rows of one file.
const MaxRows = 200_000

// Columns of the files: the properties of the single calls' bodies.
const (
	colIdentifier       = "identifier"
	colUsername         = "username"
	colFirstName        = "firstName"
	colLastName         = "lastName"
	colEmail            = "email"
	colPhone            = "phone"
	colAddress          = "address"
	colPassword         = "password"
	colIsActive         = "isActive"
	colPossibleRoles    = "possibleRoles"
	colCustomAttributes = "customAttributes"
	colSubAccountName   = "subAccountName"
	colName             = "name"
	colType             = "type"
	colParentIdentifier = "parentIdentifier"
	colUserIdentifier   = "userIdentifier"
	colGroupIdentifier  = "groupIdentifier"
)

// columns says which columns the header of a file may name and which it must.
type columns struct{ needed, other []string }

func (c columns) all() []string { return slices.Concat(c.needed, c.other) }

// layouts are the columns of each kind of file.
var layouts = map[models.OrgFileKind]columns{
	models.OrgFileUsers: {
		needed: []string{colIdentifier},
		other: []string{colUsername, colFirstName, colLastName, colEmail, colPhone, colAddress, colPassword, colIsActive,
			colPossibleRoles, colSubAccountName, colCustomAttributes},
	},
	models.OrgFileGroups:     {needed: []string{colIdentifier}, other: []string{colName, colType, colParentIdentifier, colSubAccountName}},
	models.OrgFileUserGroups: {needed: []string{colUserIdentifier, colGroupIdentifier}},
}

// unusable is why a file as a whole is rejected, for people.
type unusable string

// Error implements error.
func (u unusable) Error() string { return string(u) }

// table is a file that has been read: its columns and where its rows are.
type table struct {
	content []byte
	delim   byte
	columns []string // of the cells, by their names in layouts
	rows    []span   // row number i+1 is rows[i]
}

// span is where a row is in the content, without its line end.
type span struct {
	from, to int
	fault    csvfile.Fault
}

// readTable finds the columns and the rows of a file. Errors: unusable.
func readTable(kind models.OrgFileKind, content []byte) (*table, error) {
	t := &table{content: content}
	scan := csvfile.NewScanner(bytes.NewReader(content), ',', 0)
	finder := finder{layout: layouts[kind]}
	header, err := csvfile.ReadHeader(scan, finder.find)
	switch {
	case errors.Is(err, csvfile.ErrEmpty):
		return nil, unusable("The file is empty: its first line must name the columns.")
	case errors.Is(err, csvfile.ErrUTF16), errors.Is(err, csvfile.ErrNotText):
		return nil, unusable("The file is not UTF-8 text.")
	case errors.Is(err, csvfile.ErrHeader):
		return nil, unusable(finder.mistake(string(kind)))
	case err != nil:
		return nil, fmt.Errorf("orgupload: %w", err)
	}
	t.delim, t.columns = header.Delimiter, finder.columns
	for {
		rec, err := scan.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("orgupload: read: %w", err)
		}
		if rec.Fault == csvfile.NoFault && csvfile.Blank(rec.Raw, t.delim) {
			continue
		}
		if !csvfile.Text(rec.Raw) {
			return nil, unusable(fmt.Sprintf("The file is not UTF-8 text: row %d cannot be read.", len(t.rows)+1))
		}
		if len(t.rows) == MaxRows {
			return nil, unusable(fmt.Sprintf("The file has more than the %d rows allowed. Split it.", MaxRows))
		}
		t.rows = append(t.rows, span{from: int(rec.From), to: int(rec.From) + len(rec.Raw), fault: rec.Fault})
	}
}

// finder finds the columns of a file in its header and remembers what is wrong
// with it.
type finder struct {
	layout  columns
	columns []string

	cells                      int
	unknown, repeated, missing []string
}

// find tells whether header names columns of the layout, in any order and case,
// each once, and all that are needed.
func (f *finder) find(header [][]byte) bool {
	found := finder{layout: f.layout, cells: len(header)}
	for _, cell := range header {
		given := string(bytes.TrimSpace(cell))
		i := slices.IndexFunc(f.layout.all(), func(name string) bool { return strings.EqualFold(name, given) })
		switch {
		case i < 0:
			found.unknown = append(found.unknown, given)
			continue
		case slices.Contains(found.columns, f.layout.all()[i]):
			found.repeated = append(found.repeated, f.layout.all()[i])
		}
		found.columns = append(found.columns, f.layout.all()[i])
	}
	for _, name := range f.layout.needed {
		if !slices.Contains(found.columns, name) {
			found.missing = append(found.missing, name)
		}
	}
	ok := len(found.unknown)+len(found.repeated)+len(found.missing) == 0
	if ok || found.cells > f.cells { // of two ways to part the line the one that parts it more
		*f = found
	}
	return ok
}

// shown is how much of a header a message repeats, in bytes.
const shown = 100

// mistake says what is wrong with the header.
func (f *finder) mistake(kind string) string {
	list := func(names []string) string {
		text := strings.Join(names, ", ")
		if len(text) > shown {
			text = strings.ToValidUTF8(text[:shown], "") + "…"
		}
		return text
	}
	allowed := fmt.Sprintf(" The columns of %s.csv are %s.", kind, strings.Join(f.layout.all(), ", "))
	switch {
	case len(f.missing) > 0:
		return "The header lacks " + list(f.missing) + "." + allowed
	case len(f.repeated) > 0:
		return "The header names " + list(f.repeated) + " twice." + allowed
	case len(f.unknown) > 0:
		return "The header names columns that are not known: " + list(f.unknown) + "." + allowed
	}
	return "The header cannot be read." + allowed
}

// row is the cells of a row by their column. A cell that is empty is not there.
type row map[string]string

var (
	errRowTooLong   = models.Invalid(models.FieldError{Field: "row", Rule: "too_long", Text: fmt.Sprintf("the row has more than %d bytes", csvfile.MaxRecord)})
	errRowMalformed = models.Invalid(models.FieldError{Field: "row", Rule: "malformed", Text: "the row has quotes that do not pair"})
	errRowCells     = models.Invalid(models.FieldError{Field: "row", Rule: "cells", Text: "the row has more cells than the header"})
)

// row reads the cells of row i+1. Missing cells at the end of a row are empty.
// Errors: models.KindInvalid.
func (t *table) row(i int) (row, error) {
	at := t.rows[i]
	switch at.fault {
	case csvfile.TooLong:
		return nil, errRowTooLong
	case csvfile.Malformed:
		return nil, errRowMalformed
	case csvfile.NoFault:
	}
	cells := csvfile.Cells(nil, t.content[at.from:at.to], t.delim)
	out := make(row, len(t.columns))
	for i, cell := range cells {
		switch {
		case len(bytes.TrimSpace(cell)) == 0:
		case i >= len(t.columns):
			return nil, errRowCells
		default:
			out[t.columns[i]] = string(cell)
		}
	}
	return out, nil
}

// sequence gives the rows' indexes in the order in which they are worked on:
// that of the file, except that a group comes after the row of the group that it
// is to be below. Rows that are each above the other stay as they are; they are
// refused by the rules of the tree.
func (t *table) sequence(kind models.OrgFileKind) []int {
	order := make([]int, len(t.rows))
	for i := range order {
		order[i] = i
	}
	if kind != models.OrgFileGroups {
		return order
	}
	parents, first := make([]string, len(t.rows)), make(map[string]int, len(t.rows))
	for i := range t.rows {
		if r, err := t.row(i); err == nil {
			parents[i] = r[colParentIdentifier]
			if _, known := first[r[colIdentifier]]; !known && r[colIdentifier] != "" {
				first[r[colIdentifier]] = i
			}
		}
	}
	// Each row is put out after the rows above it. The way up is kept in a slice,
	// because a tree may be as deep as the file is long.
	order = order[:0]
	put := make([]bool, len(t.rows))
	var way []int
	for i := range t.rows {
		way = way[:0]
		for at, known := i, true; known && !put[at]; {
			put[at] = true // also ends a circle
			way = append(way, at)
			at, known = first[parents[at]] // no row has the identifier ""
		}
		for _, at := range slices.Backward(way) {
			order = append(order, at)
		}
	}
	return order
}
