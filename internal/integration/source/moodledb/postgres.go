package moodledb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"quad/internal/integration/source"
)

// postgresEngine is PostgreSQL 12 or newer.
type postgresEngine struct{}

func (postgresEngine) open(s settings, options source.Options) (*sql.DB, error) {
	// The text names neither user nor password, and keeps those of the hub's own
	// environment out; they are set below.
	c, err := pgx.ParseConfig("host=localhost port=5432 user=nobody dbname=none sslmode=disable")
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(s.port, 10, 16)
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.Database, c.User, c.Password = s.host, uint16(port), s.database, s.user, s.password
	c.TLSConfig, c.Fallbacks = s.tls, nil
	if s.plaintext {
		c.Fallbacks = []*pgconn.FallbackConfig{{Host: s.host, Port: uint16(port)}}
	}
	c.RuntimeParams = map[string]string{"application_name": "quad", "client_encoding": "UTF8"}
	c.ConnectTimeout = options.Timeout
	// Who dials finds the address, and judges the one that it dials.
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	if options.Dial != nil {
		c.DialFunc = options.Dial
	}
	// Through a pooler, too, nothing outlives its statement.
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return stdlib.OpenDB(*c), nil
}

func (postgresEngine) version() string { return "SELECT version()" }

func (postgresEngine) now() string {
	return "SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS bigint)"
}

func (postgresEngine) begin(timeout time.Duration, _ string) []string {
	return []string{
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		fmt.Sprintf("SET LOCAL statement_timeout = %d", max(timeout.Milliseconds(), 1)),
		// Between two pages the hub may have to wait for its own database.
		"SET LOCAL idle_in_transaction_session_timeout = '1h'",
		"SET LOCAL standard_conforming_strings = on",
	}
}

func (postgresEngine) server(ctx context.Context, c *session) (string, error) {
	version, err := c.text(ctx, "SELECT current_setting('server_version')")
	number, _, _ := strings.Cut(version, " ")
	return "PostgreSQL " + number, err
}

func (postgresEngine) table(s settings, name string) string {
	return pgx.Identifier{s.schema, s.prefix + name}.Sanitize()
}

func (postgresEngine) columns(s settings, tables []string) string {
	// The catalogue and not information_schema, which has no column that only an
	// inherited role may read.
	return "SELECT t.relname, a.attname FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace " +
		"JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped " +
		"WHERE n.nspname = '" + strings.ReplaceAll(s.schema, "'", "''") + "' AND t.relkind IN ('r', 'v', 'm', 'f', 'p') AND t.relname IN (" + quoted(tables) + ") " +
		"AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(t.oid, a.attnum, 'SELECT')"
}

func (postgresEngine) sameName(asked, found string) bool { return asked == found }

func (postgresEngine) number(e string) string { return "CAST(" + e + " AS bigint)" }

func (postgresEngine) text(e string) string { return "CAST(" + e + " AS text)" }

// sum adds instead of BIT_XOR, which PostgreSQL has from version 14 on.
func (postgresEngine) sum(columns []column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "COALESCE(CAST(" + c.name + " AS text), '-')"
		if c.text {
			parts[i] = "COALESCE(length(" + c.name + ") || ':' || " + c.name + ", '-')"
		}
	}
	return "CAST(COALESCE(sum(CAST(CAST('x' || left(md5(concat_ws('|', " + strings.Join(parts, ", ") + ")), 16) AS bit(64)) AS bigint)), 0) AS text)"
}

// fault sorts PostgreSQL's error codes.
func (postgresEngine) fault(err error) (fault, bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		// The driver has no name for it.
		return faultTLS, err != nil && strings.Contains(err.Error(), "server refused TLS connection")
	}
	switch e.Code {
	case "3D000":
		return faultDatabase, true
	case "42P01", "42703", "42501", "3F000":
		if strings.Contains(e.Message, "permission denied for database") {
			return faultDatabase, true
		}
		return faultMissing, true
	case "53300", "57P03", "53400":
		return faultBusy, true
	case "57014":
		return faultSlow, true
	case "57P01", "57P02", "57P04", "57P05", "25P03", "25P04", "40001", "72000":
		return faultEnded, true
	}
	switch e.Code[:min(len(e.Code), 2)] {
	case "28":
		return faultRefused, true
	case "08":
		return faultEnded, true
	}
	return faultOther, true
}
