// Package wire holds the request and response structs of the Enabley
// integration API: its names and its syntax, nothing else.
package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"quad/models"
)

// Longest texts taken, in characters. The contract names few; these keep rows sane.
const (
	MaxIdentifier = 255
	MaxText       = 255
	MaxLong       = 2_000
	maxObject     = 100_000 // bytes of a free object
	maxItems      = 1_000
)

// Input is where a request struct reads itself from. It keeps the first thing
// that is wrong; values that break the syntax read as zero.
type Input struct {
	Param  func(name string) string
	Query  func(name string) []string
	Decode func(v any) error // reads the JSON body
	Err    error
}

func (in *Input) fail(name, rule, text string) {
	if in.Err == nil {
		in.Err = models.Invalid(models.FieldError{Field: name, Rule: rule, Text: name + " " + text})
	}
}

// Path reads a path parameter.
func (in *Input) Path(name string) string { return in.Param(name) }

// QueryText reads an optional text of the query; what is empty was not sent.
func (in *Input) QueryText(name string) string {
	text := first(in.Query(name))
	if utf8.RuneCountInString(text) > MaxText {
		in.fail(name, "too_long", fmt.Sprintf("must not be longer than %d characters", MaxText))
		return ""
	}
	return text
}

// QueryNeeded reads a text of the query that must be there.
func (in *Input) QueryNeeded(name string) string {
	text := in.QueryText(name)
	if text == "" {
		in.fail(name, "required", "is missing")
	}
	return text
}

// QueryBool reads a switch of the query.
func (in *Input) QueryBool(name string, otherwise bool) bool {
	switch first(in.Query(name)) {
	case "":
		return otherwise
	case "true":
		return true
	case "false":
		return false
	}
	in.fail(name, "boolean", "must be true or false")
	return otherwise
}

// QueryInt reads an integer of the query between low and high.
func (in *Input) QueryInt(name string, otherwise, low, high int) int {
	text := first(in.Query(name))
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		in.fail(name, "range", fmt.Sprintf("must be an integer from %d to %d", low, high))
		return otherwise
	}
	return n
}

// QueryTime reads a timestamp of the query, in the one form that there is.
func (in *Input) QueryTime(name string) *time.Time {
	text := first(in.Query(name))
	if text == "" {
		return nil
	}
	t, err := time.Parse(timestampFormat, text)
	if err != nil || len(text) != len(timestampFormat) {
		in.fail(name, "date-time", "must be a time such as 2024-03-01T08:00:00.000Z")
		return nil
	}
	return &t
}

// QueryWord reads a word of the query out of a fixed set.
func (in *Input) QueryWord(name, otherwise string, allowed ...string) string {
	words := in.QueryWords(name, allowed...)
	if len(words) == 0 {
		return otherwise
	}
	return words[0]
}

// QueryWords reads a parameter that may be repeated, each time with a word out
// of a fixed set. Repetitions are dropped.
func (in *Input) QueryWords(name string, allowed ...string) []string {
	var out []string
	for _, word := range in.Query(name) {
		switch {
		case word == "", slices.Contains(out, word):
		case slices.Contains(allowed, word):
			out = append(out, word)
		default:
			in.fail(name, "enum", "must be one of "+strings.Join(allowed, ", "))
			return nil
		}
	}
	return out
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Body reads the JSON object of the body.
func (in *Input) Body() Object {
	var values map[string]any
	in.decode(&values)
	if in.Err == nil && values == nil {
		in.fail("body", "object", "must be a JSON object")
	}
	return Object{in: in, values: values}
}

// BodyTexts reads a body that is an array of at most so many texts.
func (in *Input) BodyTexts(most int) []string {
	var values any
	in.decode(&values)
	return in.texts("body", values, most, MaxIdentifier)
}

func (in *Input) decode(v any) {
	if in.Err == nil {
		in.Err = in.Decode(v)
	}
}

func (in *Input) texts(name string, value any, most, maxLen int) []string {
	if in.Err != nil {
		return nil
	}
	items, ok := value.([]any)
	if !ok || len(items) > most {
		in.fail(name, "array", fmt.Sprintf("must be an array of at most %d texts", most))
		return nil
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := item.(string)
		if !ok || s == "" || utf8.RuneCountInString(s) > maxLen {
			in.fail(name, "text", fmt.Sprintf("must hold texts of 1 to %d characters", maxLen))
			return nil
		}
		out = append(out, s)
	}
	return out
}

// Object is the body, or an object inside it. Absent keys differ from null ones.
type Object struct {
	in     *Input
	values map[string]any
	prefix string
}

// Nullable is a value that may be absent (not Set), null, or there.
type Nullable[T any] struct {
	Set   bool
	Value *T // nil: null
}

// text reads a text; nil when it is absent or breaks the syntax.
func (o Object) text(name string, least, most int) *string {
	value, there := o.values[name]
	if !there {
		return nil
	}
	s, ok := value.(string)
	if n := utf8.RuneCountInString(s); !ok || n < least || n > most {
		o.in.fail(o.prefix+name, "text", fmt.Sprintf("must be a text of %d to %d characters", least, most))
		return nil
	}
	return &s
}

func (o Object) need(name string) {
	if _, there := o.values[name]; !there {
		o.in.fail(o.prefix+name, "required", "is missing")
	}
}

// Text reads a text that must be there.
func (o Object) Text(name string, most int) string {
	o.need(name)
	if s := o.text(name, 1, most); s != nil {
		return *s
	}
	return ""
}

// Identifier reads an identifier that must be there.
func (o Object) Identifier(name string) string { return o.Text(name, MaxIdentifier) }

// OptionalText reads a text that may be absent, but not null or empty.
func (o Object) OptionalText(name string, most int) *string { return o.text(name, 1, most) }

// NullableText reads a text that may be absent or null. least is 1 where it may
// not be empty.
func (o Object) NullableText(name string, least, most int) Nullable[string] {
	value, there := o.values[name]
	if !there || value == nil {
		return Nullable[string]{Set: there}
	}
	return Nullable[string]{Set: true, Value: o.text(name, least, most)}
}

// NullableEmail reads an e-mail address that may be absent or null.
func (o Object) NullableEmail(name string) Nullable[string] {
	email := o.NullableText(name, 1, MaxText)
	if email.Value != nil {
		if a, err := mail.ParseAddress(*email.Value); err != nil || a.Address != *email.Value {
			o.in.fail(o.prefix+name, "email", "must be an e-mail address")
		}
	}
	return email
}

// Bool reads a boolean that must be there.
func (o Object) Bool(name string) bool {
	o.need(name)
	b := o.OptionalBool(name)
	return b != nil && *b
}

// OptionalBool reads a boolean that may be absent, but not null.
func (o Object) OptionalBool(name string) *bool {
	value, there := o.values[name]
	if !there {
		return nil
	}
	b, ok := value.(bool)
	if !ok {
		o.in.fail(o.prefix+name, "boolean", "must be true or false")
		return nil
	}
	return &b
}

// Word reads a word out of a fixed set that must be there.
func (o Object) Word(name string, allowed ...string) string {
	o.need(name)
	if word := o.OptionalWord(name, allowed...); word != nil {
		return *word
	}
	return ""
}

// OptionalWord reads a word out of a fixed set that may be absent, but not null.
func (o Object) OptionalWord(name string, allowed ...string) *string {
	value, there := o.values[name]
	if !there {
		return nil
	}
	s, ok := value.(string)
	if !ok || !slices.Contains(allowed, s) {
		o.in.fail(o.prefix+name, "enum", "must be one of "+strings.Join(allowed, ", "))
		return nil
	}
	return &s
}

// OptionalWords reads a list of words out of a fixed set that may be absent, but
// not null. Repetitions are dropped.
func (o Object) OptionalWords(name string, least int, allowed ...string) *[]string {
	value, there := o.values[name]
	if !there {
		return nil
	}
	out := []string{}
	for _, word := range o.in.texts(o.prefix+name, value, maxItems, MaxText) {
		if !slices.Contains(allowed, word) {
			o.in.fail(o.prefix+name, "enum", "must hold only "+strings.Join(allowed, ", "))
			return nil
		}
		if !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	if len(out) < least {
		o.in.fail(o.prefix+name, "array", fmt.Sprintf("must hold at least %d", least))
		return nil
	}
	return &out
}

// OptionalObject reads a free object that may be absent, but not null; it is
// given back as JSON text.
func (o Object) OptionalObject(name string) json.RawMessage {
	value, there := o.values[name]
	if !there {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok || !finite(object) {
		o.in.fail(o.prefix+name, "object", "must be an object")
		return nil
	}
	raw, err := json.Marshal(object)
	if err != nil || len(raw) > maxObject {
		o.in.fail(o.prefix+name, "too_long", fmt.Sprintf("must not be larger than %d bytes", maxObject))
		return nil
	}
	return raw
}

// finite tells whether all numbers of a JSON value are such that clients can
// read them back.
func finite(value any) bool {
	switch v := value.(type) {
	case json.Number:
		f, err := v.Float64()
		return err == nil && !math.IsInf(f, 0) && len(v) <= 64
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !finite(item) })
	case map[string]any:
		for _, item := range v {
			if !finite(item) {
				return false
			}
		}
	}
	return true
}

// Objects reads a list of 1 to most objects that must be there.
func (o Object) Objects(name string, most int) []Object {
	o.need(name)
	items, ok := o.values[name].([]any)
	if !ok || len(items) == 0 || len(items) > most {
		o.in.fail(o.prefix+name, "array", fmt.Sprintf("must be an array of 1 to %d objects", most))
		return nil
	}
	out := make([]Object, 0, len(items))
	for i, item := range items {
		values, ok := item.(map[string]any)
		if !ok {
			o.in.fail(o.prefix+name, "array", "must hold objects")
			return nil
		}
		out = append(out, Object{in: o.in, values: values, prefix: fmt.Sprintf("%s[%d].", name, i)})
	}
	return out
}
