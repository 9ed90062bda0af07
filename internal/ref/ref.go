// Package ref names things by the key that a caller has: the hub's id or the
// identifier that a calling system has chosen.
package ref

import (
	"unicode/utf8"

	"quad/internal/store"
)

// MaxIdentifier is the longest identifier, in characters.
const MaxIdentifier = 255

// Ref names one thing of an account: by its id, or, when that is 0, by its
// identifier. The zero Ref names nothing.
type Ref struct {
	ID         int64
	Identifier string
}

// ByID names a thing by the hub's id.
func ByID(id int64) Ref { return Ref{ID: id} }

// ByIdentifier names a thing by the identifier of a calling system.
func ByIdentifier(identifier string) Ref { return Ref{Identifier: identifier} }

// Valid tells whether the Ref can name something; one that can't is as unknown
// as one that nothing has.
func (r Ref) Valid() bool {
	return r.ID > 0 || r.ID == 0 && ValidIdentifier(r.Identifier)
}

// IsZero tells whether nothing is named.
func (r Ref) IsZero() bool { return r == Ref{} }

// ValidIdentifier tells whether a text can be an identifier: 1 to
// MaxIdentifier characters that the database can hold.
func ValidIdentifier(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= MaxIdentifier && store.Storable(s)
}

// Args gives the parameters @ref_id and @ref_identifier of Condition.
func (r Ref) Args() store.Args {
	return store.Args{"ref_id": r.ID, "ref_identifier": r.Identifier}
}

// Condition is, in SQL, what holds for the thing that is named. alias names the
// table, which has the columns id and identifier.
func (r Ref) Condition(alias string) string {
	if r.ID != 0 {
		return alias + ".id = @ref_id"
	}
	return alias + ".identifier = @ref_identifier"
}
