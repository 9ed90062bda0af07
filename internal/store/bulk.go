package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// BulkTx is a transaction for set-based work on many rows: COPY into a staging
// table, then INSERT … SELECT. Its raw statements must use @account_id like
// those of Query.
type BulkTx struct {
	tx  pgx.Tx
	ctx context.Context
}

// Bulk runs fn in a transaction of its own on one connection of the pool.
func (db *DB) Bulk(ctx context.Context, fn func(tx *BulkTx) error) error {
	if _, ok := AccountID(ctx); !ok && !isSystem(ctx) {
		return ErrNoAccount
	}
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		return fn(&BulkTx{tx: tx, ctx: ctx})
	})
	return Err(err)
}

// Copy streams rows into a table with COPY and gives their number.
func (b *BulkTx) Copy(table string, columns []string, rows pgx.CopyFromSource) (int64, error) {
	n, err := b.tx.CopyFrom(b.ctx, pgx.Identifier{table}, columns, rows)
	return n, Err(err)
}

// Stage creates a temporary table that empties itself at the end of the
// transaction. Columns is SQL, "row_no bigint, email text".
func (b *BulkTx) Stage(table, columns string) error {
	_, err := b.tx.Exec(b.ctx, fmt.Sprintf("CREATE TEMP TABLE IF NOT EXISTS %s (%s) ON COMMIT DELETE ROWS", pgx.Identifier{table}.Sanitize(), columns))
	return Err(err)
}

// Exec runs a statement and gives the number of rows it touched.
func (b *BulkTx) Exec(text string, args Args) (int64, error) {
	named, err := checked(b.ctx, text, args)
	if err != nil {
		return 0, err
	}
	tag, err := b.tx.Exec(b.ctx, text, pgx.NamedArgs(named))
	return tag.RowsAffected(), Err(err)
}

// Query runs a statement and calls scan for each row.
func (b *BulkTx) Query(text string, args Args, scan func(pgx.CollectableRow) error) error {
	named, err := checked(b.ctx, text, args)
	if err != nil {
		return err
	}
	rows, err := b.tx.Query(b.ctx, text, pgx.NamedArgs(named))
	if err != nil {
		return Err(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return Err(rows.Err())
}

// QueryRows runs a raw statement outside of any transaction through pgx and
// calls scan for each row: the short way for hot reads and for streaming many
// rows in constant memory. The text must use @account_id.
func (db *DB) QueryRows(ctx context.Context, text string, args Args, scan func(pgx.CollectableRow) error) error {
	return db.queryRows(ctx, text, args, scan)
}

// QueryRowsPlanned is QueryRows for a statement whose best plan depends on its
// parameters, such as the text of a search or how far in a list begins. It is
// planned for each execution with the values at hand; a prepared statement
// would get one plan for all values after a while.
func (db *DB) QueryRowsPlanned(ctx context.Context, text string, args Args, scan func(pgx.CollectableRow) error) error {
	return db.queryRows(ctx, text, args, scan, pgx.QueryExecModeExec)
}

func (db *DB) queryRows(ctx context.Context, text string, args Args, scan func(pgx.CollectableRow) error, options ...any) error {
	named, err := checked(ctx, text, args)
	if err != nil {
		return err
	}
	sql, values, err := db.texts.positional(ctx, text, named)
	if err != nil {
		return err
	}
	rows, err := db.pool.Query(ctx, sql, append(options, values...)...)
	if err != nil {
		return Err(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return Err(rows.Err())
}
