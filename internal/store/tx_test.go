package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

func openDB(t *testing.T) (*store.DB, context.Context) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t)})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	account := models.Account{Name: "Test"}
	require.NoError(t, db.Conn(store.AsSystem(t.Context())).Select("Name").Create(&account).Error)
	return db, store.WithAccount(t.Context(), account.ID)
}

func addModule(ctx context.Context, db *store.DB, code string) error {
	return db.Conn(ctx).Create(&models.Module{Code: code, Status: models.StatusActive}).Error
}

func TestHooksRunAfterTheCommitOnly(t *testing.T) {
	db, ctx := openDB(t)
	var ran []string
	hook := func(name string) func(context.Context) {
		return func(context.Context) { ran = append(ran, name) }
	}
	require.NoError(t, db.InTx(ctx, func(ctx context.Context) error {
		store.AfterCommit(ctx, hook("outer"))
		require.NoError(t, db.InTx(ctx, func(ctx context.Context) error {
			store.AfterCommit(ctx, hook("inner"))
			store.AfterCommit(ctx, func(context.Context) { panic("a hook must not harm its request") })
			return addModule(ctx, db, "one")
		}))
		require.Empty(t, ran, "not before the commit")
		return nil
	}))
	require.Equal(t, []string{"outer", "inner"}, ran)

	gone := errors.New("changed my mind")
	require.ErrorIs(t, db.InTx(ctx, func(ctx context.Context) error {
		store.AfterCommit(ctx, hook("never"))
		if err := addModule(ctx, db, "two"); err != nil {
			return err
		}
		return gone
	}), gone)
	require.Len(t, ran, 2)
	store.AfterCommit(ctx, hook("at once"))
	require.Equal(t, "at once", ran[2])
	var codes []string
	require.NoError(t, db.Conn(ctx).Model(&models.Module{}).Pluck("code", &codes).Error)
	require.Equal(t, []string{"one"}, codes)
}

func TestDriverErrorsAreTyped(t *testing.T) {
	db, ctx := openDB(t)
	require.NoError(t, addModule(ctx, db, "twice"))
	err := addModule(ctx, db, "TWICE")
	require.ErrorIs(t, err, models.ErrConflict)
	require.True(t, store.Violates(err, "modules_code"))
	require.False(t, store.Violates(err, "users_email"))
	var m models.Module
	require.ErrorIs(t, db.Conn(ctx).First(&m, "code = ?", "none").Error, models.ErrNotFound)
}

func TestBulkIsOneTransactionOfTheAccount(t *testing.T) {
	db, ctx := openDB(t)
	rows := [][]any{{"a"}, {"b"}}
	fill := func(tx *store.BulkTx) error {
		if err := tx.Stage("staged_codes", "code text"); err != nil {
			return err
		}
		if _, err := tx.Copy("staged_codes", []string{"code"}, pgx.CopyFromRows(rows)); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO modules (account_id, code) SELECT @account_id, code FROM staged_codes`, nil)
		require.EqualValues(t, 2, n)
		return err
	}
	gone := errors.New("stop")
	require.ErrorIs(t, db.Bulk(ctx, func(tx *store.BulkTx) error { return errors.Join(fill(tx), gone) }), gone)
	require.NoError(t, db.Bulk(ctx, fill), "nothing of the first try is left, staged rows included")
	require.ErrorIs(t, db.Bulk(t.Context(), fill), store.ErrNoAccount)
	require.ErrorContains(t, db.Bulk(ctx, func(tx *store.BulkTx) error {
		_, err := tx.Exec(`DELETE FROM modules`, nil)
		return err
	}), "@account_id")
	var codes []string
	require.NoError(t, db.QueryRows(ctx, `SELECT code FROM modules WHERE account_id = @account_id ORDER BY code`, nil, func(row pgx.CollectableRow) error {
		var code string
		defer func() { codes = append(codes, code) }()
		return row.Scan(&code)
	}))
	require.Equal(t, []string{"a", "b"}, codes)
}

func TestListenHearsWhatIsNotified(t *testing.T) {
	db, ctx := openDB(t)
	ctx, cancel := context.WithCancel(ctx)
	ready, heard, ended := make(chan struct{}), make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- db.Listen(ctx, "test_channel", func() { close(ready) }, func(payload string) { heard <- payload })
	}()
	<-ready
	_, err := db.Exec(store.AsSystem(t.Context()), `SELECT pg_notify('test_channel', 'hello')`, nil)
	require.NoError(t, err)
	require.Equal(t, "hello", <-heard)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}
