package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

var errUnwanted = errors.New("changed my mind")

func codes(t *testing.T, ctx context.Context, db *store.DB) []string {
	t.Helper()
	var found []string
	require.NoError(t, db.Conn(ctx).Model(&models.Module{}).Order("code").Pluck("code", &found).Error)
	return found
}

// What fails in a savepoint is taken back with its hooks, at any depth, and the
// transaction around it goes on, even after an error of the database.
func TestSavepointsTakeBackTheirOwnOnly(t *testing.T) {
	db, ctx := openDB(t)
	var ran []string
	add := func(ctx context.Context, code string) error {
		store.AfterCommit(ctx, func(context.Context) { ran = append(ran, code) })
		return addModule(ctx, db, code)
	}
	require.NoError(t, db.InTx(ctx, func(ctx context.Context) error {
		require.NoError(t, add(ctx, "a"))
		require.ErrorIs(t, db.InSavepoint(ctx, func(ctx context.Context) error {
			require.NoError(t, add(ctx, "b"))
			return add(ctx, "A") // breaks the transaction
		}), models.ErrConflict)
		require.NoError(t, db.InSavepoint(ctx, func(ctx context.Context) error {
			require.NoError(t, add(ctx, "c"))
			require.ErrorIs(t, db.InSavepoint(ctx, func(ctx context.Context) error {
				require.NoError(t, db.InTx(ctx, func(ctx context.Context) error { return add(ctx, "d") }))
				return errUnwanted
			}), errUnwanted)
			return db.InSavepoint(ctx, func(ctx context.Context) error { return add(ctx, "e") })
		}))
		require.Panics(t, func() {
			_ = db.InSavepoint(ctx, func(ctx context.Context) error {
				require.NoError(t, add(ctx, "f"))
				panic("no")
			})
		})
		return add(ctx, "b") // free again
	}))
	require.Equal(t, []string{"a", "b", "c", "e"}, codes(t, ctx, db))
	require.Equal(t, []string{"a", "c", "e", "b"}, ran)
}

// Without a transaction around it a savepoint is one, and what is around it
// decides in the end.
func TestSavepointsOutsideAndUndone(t *testing.T) {
	db, ctx := openDB(t)
	require.NoError(t, db.InSavepoint(ctx, func(ctx context.Context) error {
		require.True(t, store.HasTx(ctx))
		return addModule(ctx, db, "kept")
	}))
	require.ErrorIs(t, db.InSavepoint(ctx, func(ctx context.Context) error {
		require.NoError(t, addModule(ctx, db, "gone"))
		return errUnwanted
	}), errUnwanted)
	require.ErrorIs(t, db.InTx(ctx, func(ctx context.Context) error {
		require.NoError(t, db.InSavepoint(ctx, func(ctx context.Context) error { return addModule(ctx, db, "gone") }))
		return errUnwanted
	}), errUnwanted)
	require.Equal(t, []string{"kept"}, codes(t, ctx, db))
}

// Where the connection is gone there is nothing to take back, and the error
// says so.
func TestSavepointOfALostConnection(t *testing.T) {
	db, ctx := openDB(t)
	err := db.InTx(ctx, func(ctx context.Context) error {
		return db.InSavepoint(ctx, func(ctx context.Context) error {
			var gone bool
			return db.Query(store.AsSystem(ctx), &gone, "SELECT pg_terminate_backend(pg_backend_pid())", nil)
		})
	})
	require.Equal(t, models.KindUnavailable, models.KindOf(err))
	require.ErrorContains(t, err, "back to the savepoint")
	require.NoError(t, addModule(ctx, db, "after"))
}
