// Package wire holds the request and response structs of the native API, with
// the names of openapi.yaml and nothing else. Rules about values are the
// areas'; here is only what can be read at all.
package wire

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Page sizes of lists.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// Problem is a parameter that cannot be read.
type Problem struct {
	Name string // as in the contract
	Rule string // stable word
	Text string
}

// Input is where a request struct reads itself from. It collects every
// parameter that cannot be read, so that one answer names all mistakes; such
// values read as zero.
type Input struct {
	Param  func(name string) string
	Query  func(name string) string
	Header func(name string) string
	// Decode reads the JSON body into v.
	Decode func(v any) error

	Problems []Problem
	Missing  bool  // the path holds an id that nothing can have
	BodyErr  error // of Decode
}

// Body reads the JSON body into v.
func (in *Input) Body(v any) { in.BodyErr = in.Decode(v) }

// ID reads an id of the path. What is no id is the id of nothing.
func (in *Input) ID(name string) int64 {
	id, ok := parseID(in.Param(name))
	in.Missing = in.Missing || !ok
	return id
}

// Number reads an optional id of the query, nil without one.
func (in *Input) Number(name string) *int64 {
	text := in.Query(name)
	if text == "" {
		return nil
	}
	id, ok := parseID(text)
	if !ok {
		in.fail(name, "integer", "must be a positive integer")
		return nil
	}
	return &id
}

// Text reads an optional text of the query.
func (in *Input) Text(name string, most int) string {
	text := in.Query(name)
	if len(text) > most {
		in.fail(name, "too_long", fmt.Sprintf("must not be longer than %d bytes", most))
		return ""
	}
	return text
}

// Word reads an optional value of the query that is one of several.
func (in *Input) Word(name string, words ...string) string {
	text := in.Query(name)
	if text != "" && !slices.Contains(words, text) {
		in.fail(name, "enum", "must be one of "+strings.Join(words, ", "))
		return ""
	}
	return text
}

// Time reads an optional time of the query.
func (in *Input) Time(name string) time.Time {
	text := in.Query(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1 {
		in.fail(name, "date-time", "must be a time as 2026-01-31T12:00:00Z")
		return time.Time{}
	}
	return t
}

var subjectPattern = regexp.MustCompile(`^[a-z_]{1,40}:[0-9]{1,19}$`)

// Subject reads an optional "type:id" of the query.
func (in *Input) Subject(name string) (kind string, id int64) {
	text := in.Query(name)
	if text == "" {
		return "", 0
	}
	kind, number, _ := strings.Cut(text, ":")
	id, ok := parseID(number)
	if !ok || !subjectPattern.MatchString(text) {
		in.fail(name, "subject", "must be type and id as role_request:12")
		return "", 0
	}
	return kind, id
}

// Paging is what every list takes.
type Paging struct {
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// Paging reads the parameters of a page.
func (in *Input) Paging() Paging {
	p := Paging{Cursor: in.Text("cursor", 1024), Limit: DefaultLimit}
	if text := in.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxLimit {
			in.fail("limit", "range", fmt.Sprintf("must be an integer from 1 to %d", MaxLimit))
			return p
		}
		p.Limit = n
	}
	return p
}

const maxKey = 200

// Key reads the header Idempotency-Key: printable ASCII.
func (in *Input) Key() string {
	const name = "Idempotency-Key"
	key := in.Header(name)
	if len(key) > maxKey || strings.IndexFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) >= 0 {
		in.fail(name, "text", fmt.Sprintf("must be at most %d printable ASCII characters", maxKey))
		return ""
	}
	return key
}

// LastEventID reads the header of the same name, 0 without it.
func (in *Input) LastEventID() int64 {
	const name = "Last-Event-ID"
	text := in.Header(name)
	if text == "" || text == "0" {
		return 0
	}
	id, ok := parseID(text)
	if !ok {
		in.fail(name, "integer", "must be the id of an event")
	}
	return id
}

func (in *Input) fail(name, rule, text string) {
	in.Problems = append(in.Problems, Problem{Name: name, Rule: rule, Text: name + " " + text})
}

// parseID reads decimal digits, 1 to 2^63-1.
func parseID(text string) (int64, bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0
}
