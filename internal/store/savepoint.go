package store

import (
	"context"
	"fmt"
)

// InSavepoint runs fn so that its failure costs no more than its own work: in
// the transaction of the context, if there is one, what fn has written is taken
// back and the transaction goes on; else it is InTx. A method that tries again
// after a race that it lost, which breaks a transaction, makes its tries with it
// and so can be called by others in transactions of theirs. Locks that fn took
// are given back with its work. Errors: those of fn; one of taking it back, with
// which the transaction has ended.
func (db *DB) InSavepoint(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	tx, ok := ctx.Value(txKey{}).(*txState)
	if !ok {
		return db.InTx(ctx, fn)
	}
	tx.depth++
	defer func() { tx.depth-- }()
	name := fmt.Sprintf("quad_%d", tx.depth)
	// Not GORM's SavePoint: it is raw SQL too.
	run := func(ctx context.Context, text string) error {
		return Err(tx.db.WithContext(ctx).Set(checkedKey, true).Exec(text + name).Error)
	}
	if err := run(ctx, "SAVEPOINT "); err != nil {
		return fmt.Errorf("store: savepoint: %w", err)
	}
	hooks, whole := len(tx.after), false
	defer func() {
		if whole {
			return
		}
		// Also after a panic that somebody further up catches.
		tx.after = tx.after[:hooks]
		if back := run(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT "); back != nil && err != nil {
			err = fmt.Errorf("%w; store: back to the savepoint: %w", err, back)
		}
	}()
	if err := fn(ctx); err != nil {
		return Err(err)
	}
	if err := run(ctx, "RELEASE SAVEPOINT "); err != nil {
		return fmt.Errorf("store: release savepoint: %w", err)
	}
	whole = true
	return nil
}
