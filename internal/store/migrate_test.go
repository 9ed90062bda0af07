package store_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/internal/testenv"
)

func TestReplicasMigrateAtOnce(t *testing.T) {
	url := testenv.EmptyDatabase(t)
	errs := make([]error, 5)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = store.Migrate(t.Context(), url) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	all, err := store.Migrations(t.Context(), url)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, m := range all {
		require.True(t, m.Applied, m.Name)
	}
}

func TestEveryMigrationGoesDownAndUpAgain(t *testing.T) {
	url := testenv.EmptyDatabase(t)
	require.NoError(t, store.Migrate(t.Context(), url))
	all, err := store.Migrations(t.Context(), url)
	require.NoError(t, err)
	for range all {
		require.NoError(t, store.MigrateDown(t.Context(), url))
	}
	db, err := store.Open(t.Context(), store.Options{URL: url})
	require.NoError(t, err)
	defer db.Close()
	var left int
	require.NoError(t, db.Query(store.AsSystem(t.Context()), &left,
		`SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`, nil))
	require.Zero(t, left, "tables left after the last migration was taken back")
	require.NoError(t, store.Migrate(t.Context(), url))
}

func TestAMalformedAddressIsNotRepeated(t *testing.T) {
	_, err := store.Open(t.Context(), store.Options{URL: "postgres://quad:secret@host:notaport/x"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	err = store.Migrate(t.Context(), "postgres://quad:secret@host:notaport/x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
