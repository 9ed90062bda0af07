package moodledb

import (
	"database/sql"
	"strconv"
	"strings"

	"quad/internal/integration/source/moodle"
)

// raw is one row as the database gives it. The methods make values of it; one
// that can't be made sets wrong.
type raw struct {
	snapshot *snapshot
	id       int64
	into     []any // what a row is scanned into
	ints     map[string]*sql.NullInt64
	texts    map[string]*sql.NullString
	parts    int
	wrong    bool
}

func newRaw(s *snapshot, q query) *raw {
	r := &raw{snapshot: s, ints: map[string]*sql.NullInt64{}, texts: map[string]*sql.NullString{}, parts: len(q.parts)}
	r.into = append(r.into, &r.id)
	for _, f := range q.parts[0].fields {
		if f.text {
			r.texts[f.name] = new(sql.NullString)
			r.into = append(r.into, r.texts[f.name])
		} else {
			r.ints[f.name] = new(sql.NullInt64)
			r.into = append(r.into, r.ints[f.name])
		}
	}
	return r
}

// number is a column, 0 for null.
func (r *raw) number(name string) int64 { return r.ints[name].Int64 }

// given tells whether a number is not null.
func (r *raw) given(name string) bool { return r.ints[name].Valid }

// reference is the id of something else: nil for 0 and null.
func (r *raw) reference(name string) any {
	return moodle.Reference(r.number(name))
}

// moment is a unix time: nil for never and for no end.
func (r *raw) moment(name string) any {
	at, ok := moodle.Moment(r.number(name))
	if !ok {
		r.wrong = true
	}
	return at
}

// text is a column as it is, "" for null, without what no text column of the
// hub can hold.
func (r *raw) text(name string) string { return moodle.Text(r.texts[name].String) }

// name is a text that may be given in several languages.
func (r *raw) name(column string) string {
	return moodle.InLanguage(r.text(column), r.snapshot.site.settings.language)
}

// email is an address in the form in which addresses are compared, or nil.
func (r *raw) email(name string) any { return moodle.Email(r.texts[name].String) }

// decimal is a grade as a whole number of units; false: null.
func (r *raw) decimal(name string) (int64, bool) {
	v := r.texts[name]
	if !v.Valid {
		return 0, false
	}
	n, ok := moodle.ParseDecimal(v.String)
	if !ok {
		r.wrong = true
	}
	return n, ok
}

// float is a grade: nil for null.
func (r *raw) float(name string) any {
	if n, ok := r.decimal(name); ok {
		return float64(n) / moodle.Unit
	}
	return nil
}

// wholeNumber is 0 for what is none.
func wholeNumber(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
