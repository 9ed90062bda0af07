package store

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// A remembered text means what pgx would make of it each time.
func TestTextsAreNumberedAsByPgx(t *testing.T) {
	named := map[string]any{"account_id": int64(7), "name": "x", "n1": nil, "mail": "no parameter"}
	for _, text := range []string{
		"SELECT 1",
		"SELECT @name, @account_id, @name WHERE @missing IS NULL AND @n1",
		"SELECT 'a@mail.test', \"@name\", E'\\'@name' -- @name\n, @account_id /* @name */ , @name::text, a <@ b, a @> @name, $$ @name $$",
		"@name",
		"SELECT @",
	} {
		var known texts
		for range 2 { // read, then remembered
			wantSQL, wantValues, err := pgx.NamedArgs(named).RewriteQuery(t.Context(), nil, text, nil)
			require.NoError(t, err)
			sql, values, err := known.positional(t.Context(), text, named)
			require.NoError(t, err)
			require.Equal(t, wantSQL, sql)
			require.Equal(t, wantValues, values)
		}
	}
}

func TestTextsAreBounded(t *testing.T) {
	var known texts
	for i := range maxTexts + 10 {
		_, values, err := known.positional(context.Background(), fmt.Sprintf("SELECT %d, @n", i), map[string]any{"n": i})
		require.NoError(t, err)
		require.Equal(t, []any{i}, values)
	}
	require.EqualValues(t, maxTexts, known.count.Load())
}
