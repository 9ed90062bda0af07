package access

import (
	"slices"
	"strings"
	"unicode"

	"quad/internal/input"
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

// check is an input's check with what only this area has.
type check struct{ input.Check }

// status takes ACTIVE and INACTIVE in any case; "" is fallback.
func (c *check) status(value *models.Status, fallback models.Status) {
	if strings.TrimSpace(string(*value)) == "" {
		*value = fallback
		return
	}
	input.OneOf(&c.Check, "status", value, models.StatusActive, models.StatusInactive)
}

// methods brings them into one order, each once and in upper case.
func (c *check) methods(field string, values *[]string) {
	given := make([]string, len(*values))
	for i, m := range *values {
		given[i] = strings.ToUpper(strings.TrimSpace(m))
		if !slices.Contains(Methods, given[i]) {
			c.Bad(field, input.Enum, "is invalid, must be one of: "+strings.Join(Methods, ","))
			return
		}
	}
	if len(given) == 0 {
		c.Bad(field, input.Required, "field is empty")
		return
	}
	*values = slices.DeleteFunc(slices.Clone(Methods), func(m string) bool { return !slices.Contains(given, m) })
}

// path checks the path of a permission, which may end in *.
func (c *check) path(field string, value *string) {
	if c.Line(field, value, MaxPath) && (!strings.HasPrefix(*value, "/") || *value == "/" || strings.ContainsFunc(*value, unicode.IsSpace)) {
		c.Bad(field, input.Invalid, "is invalid")
	}
}
