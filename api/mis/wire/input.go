// Package wire holds the request and response structs of the ALiVE MIS API: its
// names and its syntax, nothing else.
package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"quad/internal/httpx"
	"quad/models"
)

// Longest texts taken, in characters, where the contract names no limit.
const (
	MaxTitle  = 200
	MaxName   = 100 // of people
	MaxText   = 20_000
	MaxReport = 1_000_000
	MaxToken  = 8_192
)

// Days are written like this.
const dayFormat = "2006-01-02"

// Input is where a request struct reads itself from. It collects every fault of
// path, query and body, so that one answer names all of them; what is faulty
// reads as zero.
type Input struct {
	Param  func(name string) string
	Query  func(name string) string
	Decode func(v any) error // reads the JSON body

	misplaced []string            // what is wrong with path and query
	faults    []models.FieldError // what is wrong with the members of the body
	failed    error               // the body is no JSON object at all
}

// Err is what is wrong with the request, nil for nothing.
func (in *Input) Err() error {
	switch {
	case len(in.misplaced) > 0: // path and query come before the body, as one text
		return models.Refuse(models.KindInvalid, "request.parameters", strings.Join(in.misplaced, ", "))
	case len(in.faults) > 0:
		return models.Invalid(in.faults...)
	}
	return in.failed
}

func (in *Input) misplace(name, text string) { in.misplaced = append(in.misplaced, name+" "+text) }

func (in *Input) fail(name, rule, text string) {
	in.faults = append(in.faults, models.FieldError{Field: name, Rule: rule, Text: name + " " + text})
}

// ID reads a path parameter that names a record. What is no id reads as 0,
// which names nothing.
func (in *Input) ID(name string) int64 {
	id, _ := httpx.ParseID(in.Param(name))
	return id
}

// Path reads a path parameter as it is.
func (in *Input) Path(name string) string { return in.Param(name) }

// Number reads a path parameter that must be a positive integer.
func (in *Input) Number(name string) int64 {
	id, ok := httpx.ParseID(in.Param(name))
	if !ok {
		in.misplace(name, "must be a positive integer")
	}
	return id
}

// Page is where a paged list is read, from 1.
type Page struct{ Page, Limit int }

// Offset is how many rows are before the page.
func (p Page) Offset() int { return (p.Page - 1) * p.Limit }

// Bounds of paged lists.
const (
	maxLimit = 100
	maxPage  = 1_000_000
)

// Page reads page and limit. What can't be used falls back, what is too large
// is capped.
func (in *Input) Page(limit int) Page {
	return Page{Page: in.Count("page", 1, maxPage), Limit: in.Count("limit", limit, maxLimit)}
}

// Count reads a positive number of the query. What can't be used falls back,
// what is too large is capped.
func (in *Input) Count(name string, otherwise, most int) int {
	text := in.Query(name)
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return min(n, most)
	}
	if len(text) > 10 && strings.Trim(text, "0123456789") == "" { // too large to be read
		return most
	}
	return otherwise
}

// QueryText reads a filter; what is empty was not sent.
func (in *Input) QueryText(name string) string {
	text := in.Query(name)
	if utf8.RuneCountInString(text) > MaxTitle {
		in.misplace(name, fmt.Sprintf("must not be longer than %d characters", MaxTitle))
		return ""
	}
	return text
}

// QueryID reads a filter that names a record: nil when it was not sent, 0 when
// it is no id and so names nothing.
func (in *Input) QueryID(name string) *int64 {
	text := in.QueryText(name)
	if text == "" {
		return nil
	}
	id, _ := httpx.ParseID(text)
	return &id
}

// QueryDay reads a day; nil when it was not sent.
func (in *Input) QueryDay(name string) *time.Time {
	text := in.Query(name)
	if text == "" {
		return nil
	}
	day, ok := parseDay(text)
	if !ok {
		in.misplace(name, "must be a valid day such as 2024-01-31")
		return nil
	}
	return &day
}

// QueryWord reads a filter out of a fixed set; "" when it was not sent.
func (in *Input) QueryWord(name string, allowed ...string) string {
	text := in.QueryText(name)
	if text != "" && !slices.Contains(allowed, text) {
		in.misplace(name, "must be one of the following values: "+strings.Join(allowed, ", "))
		return ""
	}
	return text
}

// parseDay reads a day of the years 1900 to 9999.
func parseDay(text string) (time.Time, bool) {
	day, err := time.Parse(dayFormat, text)
	return day, err == nil && day.Year() >= 1900
}

// Day writes a day.
func Day(t time.Time) string { return t.Format(dayFormat) }

// OptionalDay writes a day that may be missing.
func OptionalDay(t *time.Time) *string {
	if t == nil {
		return nil
	}
	day := Day(*t)
	return &day
}

// Time writes a moment, in UTC with seconds.
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// OptionalTime writes a moment that may be missing.
func OptionalTime(t *time.Time) *string {
	if t == nil {
		return nil
	}
	moment := Time(*t)
	return &moment
}

// ID writes an id.
func ID(id int64) string { return strconv.FormatInt(id, 10) }

// OptionalID writes an id that may be missing.
func OptionalID(id *int64) *string {
	if id == nil {
		return nil
	}
	text := ID(*id)
	return &text
}
