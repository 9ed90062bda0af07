package people

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Limits and rules of what calling systems say of a person.
const (
	maxContact    = 2_000   // characters of a telephone number or an address
	maxAttributes = 100_000 // bytes of the custom attributes
	maxDepth      = 32      // of values in values there

	ruleReserved = "reserved"
)

// check normalizes a change and tells all that is wrong with it.
func (c *ExternalChange) check() error {
	var r rules
	if !ref.ValidIdentifier(c.Identifier) {
		r.Bad("identifier", input.Invalid, "is empty, too long or invalid")
	}
	r.part("username", &c.Username)
	r.part("firstName", &c.FirstName)
	r.part("lastName", &c.LastName)
	if c.FirstName != nil && c.LastName != nil {
		r.wholeName(*c.FirstName, *c.LastName)
	}
	if c.Email.Sent && c.Email.Value != nil {
		email := r.email("email", *c.Email.Value)
		c.Email.Value = &email
	}
	r.contact("phone", c.Phone)
	r.contact("address", c.Address)
	r.attributes("customAttributes", &c.CustomAttributes)
	if c.Password != nil {
		r.password("password", *c.Password)
	}
	r.possible("possibleRoles", &c.PossibleRoles)
	return r.Err()
}

// part checks a user name or a part of a name.
func (r *rules) part(field string, value **string) {
	if *value != nil {
		text := **value // what the caller has stays as it is
		r.Line(field, &text, maxName)
		*value = &text
	}
}

// wholeName checks the name that two parts make.
func (r *rules) wholeName(first, last string) {
	if utf8.RuneCountInString(first)+1+utf8.RuneCountInString(last) > maxName {
		r.Bad("lastName", input.TooLong, "is too long, together with firstName")
	}
}

func (r *rules) contact(field string, value input.Field[string]) {
	if !value.Sent || value.Value == nil {
		return
	}
	switch {
	case utf8.RuneCountInString(*value.Value) > maxContact:
		r.Bad(field, input.TooLong, "is too long")
	case !store.Storable(*value.Value):
		r.Bad(field, input.Invalid, "is invalid")
	}
}

// attributes checks that a JSON text is an object that the database can hold,
// and writes it anew: a half of a pair of surrogates, which JSON allows, is
// replaced.
func (r *rules) attributes(field string, value *json.RawMessage) {
	if *value == nil {
		return
	}
	if len(*value) > maxAttributes {
		r.Bad(field, input.TooLong, "is too long")
		return
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(*value))
	decoder.UseNumber() // numbers stay as they are
	if json.Valid(*value) && decoder.Decode(&object) == nil && object != nil && storableJSON(object, maxDepth) {
		if encoded, err := json.Marshal(object); err == nil {
			*value = encoded
			return
		}
	}
	r.Bad(field, input.Invalid, "is not an object that can be stored")
}

// storableJSON tells whether the database can hold a decoded value.
func storableJSON(value any, depth int) bool {
	if depth == 0 {
		return false
	}
	switch v := value.(type) {
	case string:
		return store.Storable(v)
	case []any:
		for _, item := range v {
			if !storableJSON(item, depth-1) {
				return false
			}
		}
	case map[string]any:
		for key, item := range v {
			if !store.Storable(key) || !storableJSON(item, depth-1) {
				return false
			}
		}
	}
	return true
}

// possible checks titles of possible roles and gives them in the order of
// models.PossibleRoles.
func (r *rules) possible(field string, titles *[]string) {
	if *titles == nil {
		return
	}
	if len(*titles) == 0 {
		r.Bad(field, input.Required, "is empty")
		return
	}
	out := make([]string, 0, len(models.PossibleRoles))
	for _, t := range *titles {
		if t = strings.ToLower(t); !slices.Contains(models.PossibleRoles, t) {
			r.Bad(field, input.Enum, "is invalid, must be one of: "+strings.ToUpper(strings.Join(models.PossibleRoles, ",")))
			return
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	*titles = sortPossible(out)
}
