package moodledb

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"quad/internal/integration/source"
)

// engine is what differs between database servers.
type engine interface {
	// open makes a handle; nothing is sent yet.
	open(settings, source.Options) (*sql.DB, error)
	// begin are the statements that begin a transaction which sees one moment
	// and only reads, with a limit on the time of each statement.
	begin(timeout time.Duration, version string) []string
	// version is a statement that gives the server's own version.
	version() string
	// now is a statement that gives the server's unix time.
	now() string
	// server is what people call it, "MariaDB 10.11.6".
	server(context.Context, *session) (string, error)
	// table quotes the full name of a table.
	table(s settings, name string) string
	// columns is a statement that gives table and column names of some tables,
	// as far as the account sees them.
	columns(s settings, tables []string) string
	// sameName tells whether a name that was asked for is the one that was found.
	sameName(asked, found string) bool
	// number and text make an expression of a type that is the same everywhere.
	number(expression string) string
	text(expression string) string
	// sum is an expression over all rows of columns that are numbers or texts
	// made by the above: a text that stands for a whole number of any size, the
	// lowest 64 bits of which sum up the rows.
	sum(columns []column) string
	// fault names the kind of an error of the server, if it is one.
	fault(error) (fault, bool)
}

var engines = map[string]engine{engineMySQL: mysqlEngine{}, enginePostgres: postgresEngine{}}

// column is a column of a query: its name there, and whether it is a text.
type column struct {
	name string
	text bool
}

// fault is a kind of error that servers report.
type fault int

const (
	faultOther    fault = iota
	faultRefused        // wrong account or password, address not let in
	faultTLS            // no encryption
	faultDatabase       // no such database, or not for this account
	faultMissing        // no such table or column, or not for this account
	faultBusy           // too many connections, or starting
	faultSlow           // a statement took too long
	faultEnded          // the server ended the connection or what ran on it
)

// quoted is a list of quoted texts; what is in them is checked before.
func quoted(texts []string) string { return "'" + strings.Join(texts, "', '") + "'" }
