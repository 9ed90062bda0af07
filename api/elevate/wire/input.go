// Package wire holds the request and response structs of the Elevate User API:
// its spellings, its field errors, nothing else.
package wire

import (
	"encoding/json"
	"math"
	"net/mail"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Longest texts taken, in characters. The contract names none; these keep rows
// and mails sane.
const (
	MaxText  = 255
	MaxEmail = 254
	MaxLong  = 100_000
	maxItems = 1_000
)

// FieldError is one entry of `error` in a 422 answer.
type FieldError struct {
	Location string `json:"location"` // body, query or params
	Param    string `json:"param"`
	Msg      string `json:"msg"`
	Value    any    `json:"value,omitempty"`
}

// Input reads the parameters of a request and collects everything that is
// wrong with them, so that one answer names all mistakes. Values that break a
// rule read as zero.
type Input struct {
	Body   map[string]any // decoded with json.Number; nil for an absent or non-object body
	Query  func(name string) string
	Param  func(name string) string
	Errors []FieldError
}

func (in *Input) fail(location, param, msg string, value any) {
	switch v := value.(type) {
	case string:
		value = start(v)
	case json.Number: // may have more digits, or a larger exponent, than a client can read as a number
		if _, err := v.Float64(); err != nil || len(v) > MaxText {
			value = start(v.String())
		}
	case map[string]any, []any:
		value = nil // never echo whole documents
	}
	if secret(param) {
		value = nil
	}
	in.Errors = append(in.Errors, FieldError{Location: location, Param: param, Msg: msg, Value: value})
}

// start is as much of a text as an error gives back.
func start(s string) string {
	if utf8.RuneCountInString(s) > MaxText {
		return string([]rune(s)[:MaxText])
	}
	return s
}

// secret tells whether a parameter's value is for the hub's eyes only.
func secret(param string) bool {
	param = strings.ToLower(param)
	return strings.Contains(param, "password") || strings.Contains(param, "token") || param == "otp" || param == "secret_code"
}

// Has tells whether the body has the key with a value other than null.
func (in *Input) Has(name string) bool { return in.Body[name] != nil }

// Text reads a required text of the body, trimmed.
func (in *Input) Text(name string, maxLen int) string {
	s, ok := in.text(name, maxLen)
	if ok && s == "" {
		in.fail("body", name, name+" field is empty", in.Body[name])
	}
	return s
}

// OptionalText reads a text of the body that may be absent.
func (in *Input) OptionalText(name string, maxLen int) string {
	s, _ := in.text(name, maxLen)
	return s
}

func (in *Input) text(name string, maxLen int) (string, bool) {
	v := in.Body[name]
	if v == nil {
		return "", true
	}
	s, ok := v.(string)
	if !ok || utf8.RuneCountInString(s) > maxLen {
		in.fail("body", name, name+" is invalid", v)
		return "", false
	}
	return strings.TrimSpace(s), true
}

// Word reads a required text without white space.
func (in *Input) Word(name string, maxLen int) string {
	s := in.Text(name, maxLen)
	if strings.ContainsFunc(s, isSpace) {
		in.fail("body", name, name+" is invalid", s)
		return ""
	}
	return s
}

func isSpace(r rune) bool { return r <= ' ' || r == 0x85 || r == 0xA0 }

// Email reads a required e-mail address; it is given back in lower case.
func (in *Input) Email(name string) string {
	s := in.Text(name, MaxEmail)
	if s == "" {
		return ""
	}
	return in.email(name, s)
}

// OptionalEmail reads an e-mail address that may be absent or empty.
func (in *Input) OptionalEmail(name string) string {
	if s := in.OptionalText(name, MaxEmail); s != "" {
		return in.email(name, s)
	}
	return ""
}

func (in *Input) email(name, s string) string {
	addr, err := mail.ParseAddress(s)
	_, host, _ := strings.Cut(s, "@")
	if err != nil || addr.Address != s || !strings.Contains(host, ".") {
		in.fail("body", name, name+" is invalid", s)
		return ""
	}
	return strings.ToLower(s)
}

// Password reads a required password as it is: spaces count.
func (in *Input) Password(name string, minLen int) string {
	s, ok := in.Body[name].(string)
	n := utf8.RuneCountInString(s)
	switch {
	case in.Body[name] == nil, ok && n == 0:
		in.fail("body", name, name+" field is empty", nil)
	case !ok || n < minLen || n > MaxText:
		in.fail("body", name, name+" is invalid", nil)
	default:
		return s
	}
	return ""
}

// Digits reads a code of digits that may be sent as text or number and may be
// absent.
func (in *Input) Digits(name string) string {
	var s string
	switch v := in.Body[name].(type) {
	case nil:
		return ""
	case string:
		s = strings.TrimSpace(v)
		if s == "" {
			return ""
		}
	case json.Number:
		// A number has lost the zeros that the code began with.
		s = v.String()
		s = strings.Repeat("0", max(otpDigits-len(s), 0)) + s
	}
	if s == "" || len(s) > 20 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		in.fail("body", name, name+" is invalid", nil)
		return ""
	}
	return s
}

// ID reads a required id of the body: a positive integer.
func (in *Input) ID(name string) int64 {
	v := in.Body[name]
	if v == nil || v == "" {
		in.fail("body", name, name+" field is empty", nil)
		return 0
	}
	id, ok := integer(v)
	if !ok || id < 1 {
		in.fail("body", name, name+" is invalid", v)
		return 0
	}
	return id
}

// integer takes JSON integers, and texts of digits as old clients send them.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i, true
		}
		if f, err := n.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f), true // 1e3 and 2.0 are integers in JSON
		}
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// Bool reads a boolean that may be absent.
func (in *Input) Bool(name string) bool {
	switch v := in.Body[name].(type) {
	case nil:
	case bool:
		return v
	default:
		in.fail("body", name, name+" is invalid", v)
	}
	return false
}

// Object reads a JSON object that may be absent; it is given back as JSON text.
func (in *Input) Object(name string) json.RawMessage {
	switch v := in.Body[name].(type) {
	case nil:
	case map[string]any:
		if raw, err := json.Marshal(v); err == nil && len(raw) <= MaxLong {
			return raw
		}
		in.fail("body", name, name+" is invalid", nil)
	default:
		in.fail("body", name, name+" is invalid", v)
	}
	return nil
}

// Texts reads a list of texts that may be absent.
func (in *Input) Texts(name string, maxLen int) []string {
	return list(in, in.Body, name, name, func(v any) (string, bool) {
		s, ok := v.(string)
		return strings.TrimSpace(s), ok && utf8.RuneCountInString(s) <= maxLen
	})
}

// Sub reads an object inside the body whose keys are then read with Texts and
// IDs of the returned Part.
func (in *Input) Sub(name string) Part {
	switch v := in.Body[name].(type) {
	case nil:
	case map[string]any:
		return Part{in: in, values: v, prefix: name + "."}
	default:
		in.fail("body", name, name+" is invalid", v)
	}
	return Part{in: in, prefix: name + "."}
}

// Part is an object inside the body.
type Part struct {
	in     *Input
	values map[string]any
	prefix string
}

// IDs reads a list of integers that may be absent.
func (p Part) IDs(name string) []int64 {
	return list(p.in, p.values, name, p.prefix+name, integer)
}

// Enum reads a list of words out of a fixed set, in any case; they are given
// back in upper case.
func (p Part) Enum(name string, allowed ...string) []string {
	return list(p.in, p.values, name, p.prefix+name, func(v any) (string, bool) {
		s, ok := v.(string)
		s = strings.ToUpper(strings.TrimSpace(s))
		for _, a := range allowed {
			if ok && s == a {
				return s, true
			}
		}
		return "", false
	})
}

func list[T any](in *Input, values map[string]any, key, param string, read func(any) (T, bool)) []T {
	v := values[key]
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	if !ok || len(items) > maxItems {
		in.fail("body", param, key+" is invalid", v)
		return nil
	}
	out := make([]T, 0, len(items))
	for _, item := range items {
		one, ok := read(item)
		if !ok {
			in.fail("body", param, key+" is invalid", item)
			return nil
		}
		out = append(out, one)
	}
	return out
}

// Enum reads a required word out of a fixed set, in any case; it is given back
// in upper case.
func (in *Input) Enum(name string, allowed ...string) string {
	s := in.Text(name, MaxText)
	if s == "" {
		return ""
	}
	up := strings.ToUpper(s)
	for _, a := range allowed {
		if up == a {
			return up
		}
	}
	in.fail("body", name, name+" is invalid", s)
	return ""
}

// QueryText reads a query parameter under any of its spellings; the first one
// names it in the error when all are absent.
func (in *Input) QueryText(names ...string) string {
	for _, name := range names {
		if s := strings.TrimSpace(in.Query(name)); s != "" {
			if utf8.RuneCountInString(s) > 1_024 {
				in.fail("query", name, name+" is invalid", s)
				return ""
			}
			return s
		}
	}
	in.fail("query", names[0], names[0]+" field is empty", nil)
	return ""
}

// PathID reads an id of the path. The contract knows no 422 for paths: what is
// no id is no record, so it reads as zero, which no record has.
func (in *Input) PathID(name string) int64 {
	id, err := strconv.ParseUint(in.Param(name), 10, 63) // no sign
	if err != nil {
		return 0
	}
	return int64(id)
}

// Page is the part of a list that is asked for.
type Page struct{ Number, Limit int }

// Page reads page and limit. What is absent or out of range falls back to the
// first page and 100 rows, as the contract wants.
func (in *Input) Page() Page {
	p := Page{Number: 1, Limit: 100}
	if n, err := strconv.Atoi(in.Query("page")); err == nil && n >= 1 && n <= math.MaxInt32/100 {
		p.Number = n
	}
	if n, err := strconv.Atoi(in.Query("limit")); err == nil && n >= 1 && n <= 100 {
		p.Limit = n
	}
	return p
}

// Search reads the search text; any characters are allowed.
func (in *Input) Search() string {
	s := strings.TrimSpace(in.Query("search"))
	if r := []rune(s); len(r) > MaxText {
		s = string(r[:MaxText])
	}
	return s
}
