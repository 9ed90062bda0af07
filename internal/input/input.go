// Package input checks what callers send. Its rules are those that every area
// has; an area adds its own to a Check of its own.
package input

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"quad/internal/store"
	"quad/models"
)

// Rules that inputs break, as FieldError.Rule.
const (
	Required = "required"
	Email    = "email"
	TooShort = "too_short"
	TooLong  = "too_long"
	Invalid  = "invalid"
	Digits   = "digits"
	NoSpace  = "no_space"
	Enum     = "enum"
)

// Check collects what is wrong with an input, so that a caller sees all of it
// at once. The zero value is ready. Its methods trim what they check and tell
// whether it will do; nil stands for what was not sent and will always do.
type Check struct{ fields []models.FieldError }

// Bad notes that a field breaks a rule. The text goes on after the field's
// name: "is too long".
func (c *Check) Bad(field, rule, text string) bool {
	c.fields = append(c.fields, models.FieldError{Field: field, Rule: rule, Text: field + " " + text})
	return false
}

// Err is nil, or an error of models.KindInvalid with all that was noted.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return models.Invalid(c.fields...)
}

// Text is some text of at most so many characters.
func (c *Check) Text(field string, value *string, most int) bool {
	if !c.Optional(field, value, most) {
		return false
	}
	if value != nil && *value == "" {
		return c.Bad(field, Required, "field is empty")
	}
	return true
}

// Optional is Text that may be empty.
func (c *Check) Optional(field string, value *string, most int) bool {
	if value == nil {
		return true
	}
	*value = strings.TrimSpace(*value)
	switch {
	case utf8.RuneCountInString(*value) > most:
		return c.Bad(field, TooLong, "is too long")
	case !store.Storable(*value):
		return c.Bad(field, Invalid, "is invalid")
	}
	return true
}

// Line is Text without control characters, line breaks among them.
func (c *Check) Line(field string, value *string, most int) bool {
	return c.Text(field, value, most) && c.noControl(field, value)
}

// OptionalLine is Line that may be empty.
func (c *Check) OptionalLine(field string, value *string, most int) bool {
	return c.Optional(field, value, most) && c.noControl(field, value)
}

func (c *Check) noControl(field string, value *string) bool {
	if value != nil && strings.ContainsFunc(*value, unicode.IsControl) {
		return c.Bad(field, Invalid, "is invalid")
	}
	return true
}

// Word is Line without white space: a title or code that machines use.
func (c *Check) Word(field string, value *string, most int) bool {
	if !c.Line(field, value, most) {
		return false
	}
	if value != nil && strings.ContainsFunc(*value, unicode.IsSpace) {
		return c.Bad(field, NoSpace, "is invalid, must not contain spaces")
	}
	return true
}

// OneOf is one of the values, in any case; it becomes what the list has.
func OneOf[T ~string](c *Check, field string, value *T, values ...T) bool {
	if value == nil {
		return true
	}
	given := strings.TrimSpace(string(*value))
	i := slices.IndexFunc(values, func(v T) bool { return strings.EqualFold(given, string(v)) })
	if i < 0 {
		names := make([]string, len(values))
		for i, v := range values {
			names[i] = string(v)
		}
		return c.Bad(field, Enum, "is invalid, must be one of: "+strings.Join(names, ","))
	}
	*value = values[i]
	return true
}
