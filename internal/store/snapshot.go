package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// InSnapshot runs fn in a transaction that only reads, and in which every
// statement sees the database as it was at the first one: figures that are read
// one after the other fit together. It must not be called within a transaction.
func (db *DB) InSnapshot(ctx context.Context, fn func(ctx context.Context) error) error {
	if HasTx(ctx) {
		return errors.New("store: a snapshot within a transaction")
	}
	err := db.gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return fn(context.WithValue(ctx, txKey{}, &txState{db: tx}))
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	return Err(err)
}

// EachRow runs a raw SELECT in the transaction of the context and calls scan for
// each row as it comes, so that any number of rows needs the memory of one. The
// text must use @account_id as in Query.
func (db *DB) EachRow(ctx context.Context, text string, args Args, scan func(*sql.Rows) error) error {
	named, err := checked(ctx, text, args)
	if err != nil {
		return err
	}
	rows, err := db.Conn(ctx).Set(checkedKey, true).Raw(text, vars(text, named)...).Rows()
	if err != nil {
		return Err(err)
	}
	defer func() { _ = rows.Close() }() // what it could tell, Err has told
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("store: row: %w", err)
		}
	}
	return Err(rows.Err())
}
