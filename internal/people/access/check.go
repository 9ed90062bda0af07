package access

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"quad/models"
)

// Longest texts taken, in characters.
const (
	MaxCode = 100   // titles of roles, codes
	MaxText = 255   // labels, visibility
	MaxPath = 1_000 // API paths
)

// Methods are the HTTP methods that a permission can allow.
var Methods = []string{"GET", "POST", "PATCH", "PUT", "DELETE"}

// check collects what is wrong with an input, so that a caller sees all of it.
type check struct{ fields []models.FieldError }

func (c *check) bad(field, rule, text string) {
	c.fields = append(c.fields, models.FieldError{Field: field, Rule: rule, Text: field + " " + text})
}

func (c *check) err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return models.Invalid(c.fields...)
}

// text trims a text and checks it.
func (c *check) text(field string, value *string, most int, required bool) {
	*value = strings.TrimSpace(*value)
	switch {
	case *value == "" && required:
		c.bad(field, "required", "field is empty")
	case utf8.RuneCountInString(*value) > most:
		c.bad(field, "too_long", "is too long")
	case !utf8.ValidString(*value) || strings.ContainsFunc(*value, unicode.IsControl): // PostgreSQL stores no NUL
		c.bad(field, "invalid", "is invalid")
	}
}

// word is text without white space.
func (c *check) word(field string, value *string) {
	before := len(c.fields)
	if c.text(field, value, MaxCode, true); len(c.fields) == before && strings.ContainsFunc(*value, unicode.IsSpace) {
		c.bad(field, "no_space", "is invalid, must not contain spaces")
	}
}

// status takes ACTIVE and INACTIVE in any case; "" is fallback.
func (c *check) status(value *models.Status, fallback models.Status) {
	*value = models.Status(strings.ToUpper(strings.TrimSpace(string(*value))))
	switch *value {
	case "":
		*value = fallback
	case models.StatusActive, models.StatusInactive:
	default:
		c.bad("status", "enum", "is invalid, must be one of: ACTIVE,INACTIVE")
	}
}

// methods brings them into one order, each once and in upper case.
func (c *check) methods(field string, values *[]string) {
	given := make([]string, len(*values))
	for i, m := range *values {
		given[i] = strings.ToUpper(strings.TrimSpace(m))
		if !slices.Contains(Methods, given[i]) {
			c.bad(field, "enum", "is invalid, must be one of: "+strings.Join(Methods, ","))
			return
		}
	}
	if len(given) == 0 {
		c.bad(field, "required", "field is empty")
		return
	}
	*values = slices.DeleteFunc(slices.Clone(Methods), func(m string) bool { return !slices.Contains(given, m) })
}

// path checks the path of a permission, which may end in *.
func (c *check) path(field string, value *string) {
	before := len(c.fields)
	c.text(field, value, MaxPath, true)
	if len(c.fields) == before && (!strings.HasPrefix(*value, "/") || *value == "/" || strings.ContainsFunc(*value, unicode.IsSpace)) {
		c.bad(field, "invalid", "is invalid")
	}
}
