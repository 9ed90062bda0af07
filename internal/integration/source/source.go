// Package source says what the hub wants of a learning system that it reads:
// which tables, in which shape, and how they are read. A system is one
// implementation of Connector in a folder of its own below this one; nothing
// outside of that folder knows more of it than this package tells.
package source

import (
	"context"
	"net"
	"time"
)

// Connector opens one kind of learning system.
type Connector interface {
	// Kind is its name in connections, "moodle-db".
	Kind() string
	// Fields are the settings that a connection of this kind has.
	Fields() []Field
	// Check tells what is wrong with the settings, as models.Invalid.
	Check(Settings) error
	// Open connects. Errors: those of this package.
	Open(context.Context, Settings, Options) (Source, error)
}

// Field is one setting of a connection.
type Field struct {
	Name     string // "host"
	Text     string // for people: what it is, with its unit and an example
	Secret   bool   // is encrypted at rest and never shown
	Required bool
	Default  string
	Words    []string // what it may be, if that is a fixed set
	// Leads tells that it decides who is sent the secrets. Whoever changes it has
	// to give them again: else they could be had by sending them elsewhere.
	Leads bool
}

// Settings are the values of a connection's fields, by name.
type Settings map[string]string

// Or gives a setting, or its default where it is empty.
func (s Settings) Or(f Field) string {
	if v := s[f.Name]; v != "" {
		return v
	}
	return f.Default
}

// Options are what the hub sets for every connection.
type Options struct {
	// Dial connects to the system. It refuses addresses that the hub must not
	// talk to.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout is how long one statement or request may take.
	Timeout time.Duration
	// Pace waits until the next request may be sent; nil: as fast as it goes. A
	// request is what the system has work with: a page or a digest of a database,
	// each call of a web service. It is safe for concurrent use.
	Pace func(context.Context) error
}

// Wait waits until the next request may be sent.
func (o Options) Wait(ctx context.Context) error {
	if o.Pace == nil {
		return ctx.Err()
	}
	return o.Pace(ctx)
}

// Source is an open learning system. It is only read.
type Source interface {
	// Describe tells what there is and whether everything needed is there.
	Describe(context.Context) (Description, error)
	// Snapshot begins to read: all that is read from one snapshot fits together
	// as far as the system allows that.
	Snapshot(context.Context) (Snapshot, error)
	Close() error
}

// Description is what a connection test shows.
type Description struct {
	Product string // "Moodle 4.5.6 (Build: 20250811)"
	Server  string // "MariaDB 10.11.6"
	// Tables are those that can be read here, in the order of Tables.
	Tables []string
	// Absent are those that can't, with the reason: a plugin that is not
	// installed, a function that the token may not call.
	Absent map[string]string
}

// Snapshot is a view of the system as it is at one moment.
type Snapshot interface {
	// At is the moment, by the clock of the system.
	At() time.Time
	// Read gives rows of a table whose id is above after and at most until, in
	// the order of their ids, about limit of them.
	Read(ctx context.Context, table string, after, until int64, limit int) (Page, error)
	Close() error
}

// Digester is a Snapshot that can tell whether rows have changed without giving
// them.
type Digester interface {
	Snapshot
	// Digest sums up the next rows of a table whose id is above after and at most
	// until, at most so many (math.MaxInt64: as far as there are). Equal digests
	// of a range say, short of a coincidence of 2^-64, that Read gives the same
	// rows; unequal ones that it nearly always gives others. Bounded by until, a
	// row that goes or comes changes its own range and none after it.
	Digest(ctx context.Context, table string, after, until int64, rows int) (Range, error)
}

// Range is a run of neighbouring keys of a table.
type Range struct {
	First  int64 // keys are above it
	Last   int64 // the highest key; First if there is none
	Rows   int64 // with those that Read skips
	Digest int64
}

// Page is what one Read gives.
type Page struct {
	Rows []Row
	// Last is how far the page reaches; reading goes on above it.
	Last int64
	// Done tells that there is nothing above Last.
	Done bool
	// Skipped are rows that the hub does not take, by reason.
	Skipped map[Reason]Skipped
	// Kept are keys of this page about which nothing could be found out now, in
	// ascending order: the rows that the hub has of them stay as they are.
	Kept []Span
}

// Span is the keys above First and up to Last.
type Span struct{ First, Last int64 }

// Skip counts a row that is not taken.
func (p *Page) Skip(reason Reason, id int64) {
	if p.Skipped == nil {
		p.Skipped = map[Reason]Skipped{}
	}
	s := p.Skipped[reason]
	s.Count++
	if len(s.Samples) < MaxSamples {
		s.Samples = append(s.Samples, id)
	}
	p.Skipped[reason] = s
}

// MaxSamples bounds the examples of skipped rows.
const MaxSamples = 5

// Skipped are rows that were not taken for one reason, with the ids of some.
type Skipped struct {
	Count   int64   `json:"count"`
	Samples []int64 `json:"samples"`
}

// Reason says why a row is not taken.
type Reason string

// The reasons that a connector has. Those that need more than the row itself,
// such as a course that is not there, are the hub's.
const (
	ReasonGuest     Reason = "guest_account"
	ReasonFrontPage Reason = "front_page"
	ReasonPreview   Reason = "preview"
	ReasonBadValue  Reason = "value_out_of_range"
	ReasonNoSubject Reason = "definition_missing" // an award without its definition
	// ReasonNotShown is for what the system does not tell the connection's
	// account: what the hub had of it stays.
	ReasonNotShown Reason = "not_shown"
	// ReasonTimeUnknown is for a result whose time the system does not tell.
	ReasonTimeUnknown Reason = "time_not_told"
)

// Row is one row of a table.
type Row struct {
	ID int64
	// Values are in the order of the table's columns: int64, float64, string,
	// bool, time.Time (UTC), or nil.
	Values []any
}
