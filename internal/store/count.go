package store

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// statementCounter counts statements, so that tests can assert the number that
// an operation needs. Transaction control (begin, commit, rollback, savepoint)
// is not counted.
type statementCounter struct{ n atomic.Int64 }

// TraceQueryStart implements pgx.QueryTracer.
func (c *statementCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	word, _, _ := strings.Cut(data.SQL, " ")
	switch strings.ToLower(word) {
	case "begin", "commit", "rollback", "savepoint", "release", "begin;", "commit;", "rollback;", "-- ping", "--", ";":
	default:
		c.n.Add(1)
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (c *statementCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Statements is the number of statements run so far.
func (db *DB) Statements() int64 { return db.count.n.Load() }
