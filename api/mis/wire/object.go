package wire

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"quad/internal/httpx"
	"quad/models"
)

// Body reads the JSON object of the body. Members that are not asked for are
// ignored.
func (in *Input) Body() Object {
	var value any
	if err := in.Decode(&value); err != nil {
		in.failed = err
		return Object{in: in}
	}
	values, ok := value.(map[string]any)
	if !ok {
		in.fail("body", "object", "must be a JSON object")
	}
	return Object{in: in, values: values}
}

// Object is the body, or an object inside it. Absent members differ from null
// ones.
type Object struct {
	in     *Input
	values map[string]any
	prefix string
}

func (o Object) fail(name, rule, text string) { o.in.fail(o.prefix+name, rule, text) }

// get gives a member.
func (o Object) get(name string) (value any, there bool) {
	value, there = o.values[name]
	return value, there
}

// missing reports a member that must be there and is not.
func (o Object) missing(name string) bool {
	if o.values == nil {
		return true // already told
	}
	if _, there := o.values[name]; !there {
		o.fail(name, "required", "is required")
		return true
	}
	return false
}

// Text reads a text of so many characters that must be there.
func (o Object) Text(name string, least, most int) string {
	if o.missing(name) {
		return ""
	}
	if s := o.OptionalText(name, least, most); s != nil {
		return *s
	}
	return ""
}

// OptionalText reads a text that may be absent, but not null. Where a least
// length is wanted, blanks are no text.
func (o Object) OptionalText(name string, least, most int) *string {
	value, there := o.get(name)
	if !there {
		return nil
	}
	s, ok := value.(string)
	n := utf8.RuneCountInString(s)
	switch {
	case !ok:
		o.fail(name, "string", "must be a string")
	case least > 0 && strings.TrimSpace(s) == "":
		o.fail(name, "required", "should not be empty")
	case n < least:
		o.fail(name, "too_short", fmt.Sprintf("must be longer than or equal to %d characters", least))
	case n > most:
		o.fail(name, "too_long", fmt.Sprintf("must be shorter than or equal to %d characters", most))
	case !storable(s):
		o.fail(name, "string", "must be a valid text")
	default:
		return &s
	}
	return nil
}

// storable refuses what no database keeps.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Email reads an e-mail address that must be there, in lower case.
func (o Object) Email(name string) string {
	if o.missing(name) {
		return ""
	}
	if s := o.OptionalEmail(name); s != nil {
		return *s
	}
	return ""
}

// OptionalEmail reads an e-mail address that may be absent, but not null.
func (o Object) OptionalEmail(name string) *string {
	value, there := o.get(name)
	if !there {
		return nil
	}
	s, ok := value.(string)
	a, err := mail.ParseAddress(s)
	if !ok || err != nil || a.Address != s || len(s) > 254 || !storable(s) {
		o.fail(name, "email", "must be an email")
		return nil
	}
	s = models.NormalizeEmail(s)
	return &s
}

// ID reads the id of a record that must be there. What is no id reads as 0,
// which names nothing.
func (o Object) ID(name string) int64 {
	text := o.Text(name, 1, MaxTitle)
	id, _ := httpx.ParseID(text)
	return id
}

// Nullable is a member that may be absent (not Set), null, or there.
type Nullable[T any] struct {
	Set   bool
	Value *T // nil: null
}

// NullableID reads the id of a record that may be absent or null.
func (o Object) NullableID(name string) Nullable[int64] {
	value, there := o.get(name)
	if !there || value == nil {
		return Nullable[int64]{Set: there}
	}
	id := o.ID(name)
	return Nullable[int64]{Set: true, Value: &id}
}

// Day reads a day that must be there.
func (o Object) Day(name string) time.Time {
	if o.missing(name) {
		return time.Time{}
	}
	if day := o.OptionalDay(name); day != nil {
		return *day
	}
	return time.Time{}
}

// OptionalDay reads a day that may be absent, but not null.
func (o Object) OptionalDay(name string) *time.Time {
	value, there := o.get(name)
	if !there {
		return nil
	}
	s, _ := value.(string)
	day, ok := parseDay(s)
	if !ok {
		o.fail(name, "date", "must be a valid day such as 2024-01-31")
		return nil
	}
	return &day
}

// OptionalBool reads a switch that may be absent, but not null.
func (o Object) OptionalBool(name string) *bool {
	value, there := o.get(name)
	if !there {
		return nil
	}
	b, ok := value.(bool)
	if !ok {
		o.fail(name, "boolean", "must be a boolean value")
		return nil
	}
	return &b
}

// OptionalInt reads an integer between low and high that may be absent, but not
// null.
func (o Object) OptionalInt(name string, low, high int64) *int64 {
	value, there := o.get(name)
	if !there {
		return nil
	}
	number, _ := value.(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || n < low || n > high {
		o.fail(name, "integer", fmt.Sprintf("must be an integer from %d to %d", low, high))
		return nil
	}
	return &n
}

// Decimal reads a number between low and high that must be there.
func (o Object) Decimal(name string, low, high float64) float64 {
	if o.missing(name) {
		return 0
	}
	if f := o.OptionalDecimal(name, low, high); f != nil {
		return *f
	}
	return 0
}

// OptionalDecimal reads a number between low and high that may be absent, but
// not null.
func (o Object) OptionalDecimal(name string, low, high float64) *float64 {
	value, there := o.get(name)
	if !there {
		return nil
	}
	number, _ := value.(json.Number)
	f, err := number.Float64()
	if err != nil || f < low || f > high {
		o.fail(name, "number", fmt.Sprintf("must be a number from %g to %g", low, high))
		return nil
	}
	return &f
}

// Money reads an amount of money, of at least so much, that must be there.
func (o Object) Money(name string, least models.Money) models.Money {
	if o.missing(name) {
		return 0
	}
	if m := o.OptionalMoney(name, least); m != nil {
		return *m
	}
	return 0
}

// OptionalMoney reads an amount of money, of at least so much, that may be
// absent, but not null.
func (o Object) OptionalMoney(name string, least models.Money) *models.Money {
	value, there := o.get(name)
	if !there {
		return nil
	}
	number, _ := value.(json.Number)
	m, err := models.ParseMoney(number.String())
	if err != nil || m < least {
		o.fail(name, "number", fmt.Sprintf("must be a number from %s to %s with at most 4 decimal places", least, models.MaxMoney))
		return nil
	}
	return &m
}

// Word reads a word out of a fixed set that must be there.
func (o Object) Word(name string, allowed ...string) string {
	if o.missing(name) {
		return ""
	}
	if word := o.OptionalWord(name, allowed...); word != nil {
		return *word
	}
	return ""
}

// OptionalWord reads a word out of a fixed set that may be absent, but not null.
func (o Object) OptionalWord(name string, allowed ...string) *string {
	value, there := o.get(name)
	if !there {
		return nil
	}
	s, ok := value.(string)
	if !ok || !slices.Contains(allowed, s) {
		o.fail(name, "enum", "must be one of the following values: "+strings.Join(allowed, ", "))
		return nil
	}
	return &s
}

// OptionalTexts reads a list of at most so many texts that may be absent, but
// not null.
func (o Object) OptionalTexts(name string, most, longest int) *[]string {
	value, there := o.get(name)
	if !there {
		return nil
	}
	items, ok := value.([]any)
	if !ok || len(items) > most {
		o.fail(name, "array", fmt.Sprintf("must be an array of at most %d texts", most))
		return nil
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := item.(string)
		if n := utf8.RuneCountInString(s); !ok || n == 0 || n > longest || !storable(s) {
			o.fail(name, "array", fmt.Sprintf("must hold texts of 1 to %d characters", longest))
			return nil
		}
		out = append(out, s)
	}
	return &out
}

// OptionalObject reads an object that may be absent, but not null.
func (o Object) OptionalObject(name string) (Object, bool) {
	value, there := o.get(name)
	if !there {
		return Object{in: o.in}, false
	}
	values, ok := value.(map[string]any)
	if !ok {
		o.fail(name, "object", "must be an object")
		return Object{in: o.in}, false
	}
	return Object{in: o.in, values: values, prefix: o.prefix + name + "."}, true
}

// Values are the members as they came: numbers are json.Number.
func (o Object) Values() map[string]any { return o.values }
