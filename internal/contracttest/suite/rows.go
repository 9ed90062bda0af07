package suite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/store"
)

// rows is what the tables hold: a hash of all rows of each.
type rows map[string]string

// ledger reads tables, to tell what a batch of requests wrote.
type ledger struct {
	db     *store.DB
	text   string   // one statement for all tables
	tables []string // that it reads
}

const tablesWith = `SELECT t.table_name::text, coalesce(bool_or(c.column_name = 'account_id'), false) FROM information_schema.tables t
	LEFT JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
	WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1`

// newLedger reads all tables but those named; of an account, or of all (0).
func newLedger(ctx context.Context, db *store.DB, account int64, but ...string) (*ledger, error) {
	l := &ledger{db: db}
	var parts []string
	err := db.QueryRows(store.AsSystem(ctx), tablesWith, nil, func(row pgx.CollectableRow) error {
		var name string
		var owned bool
		if err := row.Scan(&name, &owned); err != nil {
			return err
		}
		if slices.Contains(but, name) || name == "goose_db_version" {
			return nil
		}
		where := ""
		switch {
		case account == 0:
		case name == "accounts":
			where = fmt.Sprintf(" WHERE x.id = %d", account)
		case owned:
			where = fmt.Sprintf(" WHERE x.account_id = %d", account)
		default:
			return fmt.Errorf("table %s has no account_id", name)
		}
		table := pgx.Identifier{name}.Sanitize()
		l.tables = append(l.tables, name)
		parts = append(parts, fmt.Sprintf(`SELECT '%s', count(*) || ' ' || coalesce(sum(hashtextextended(x::text, 0)), 0) FROM %s x%s`, name, table, where))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	l.text = strings.Join(parts, " UNION ALL ")
	return l, nil
}

func (l *ledger) read(ctx context.Context) (rows, error) {
	out := rows{}
	err := l.db.QueryRows(store.AsSystem(ctx), l.text, nil, func(row pgx.CollectableRow) error {
		var name, hash string
		err := row.Scan(&name, &hash)
		out[name] = hash
		return err
	})
	return out, err
}

// newest shows the rows of a table that were written last.
func (l *ledger) newest(ctx context.Context, table string) string {
	var texts []string
	// xmin is the transaction that wrote a row version.
	err := l.db.QueryRows(store.AsSystem(ctx), `SELECT x::text FROM `+pgx.Identifier{table}.Sanitize()+` x ORDER BY x.xmin::text::bigint DESC LIMIT 3`, nil,
		func(row pgx.CollectableRow) error {
			var text string
			err := row.Scan(&text)
			texts = append(texts, fmt.Sprintf("%.300s", text))
			return err
		})
	if err != nil {
		return err.Error()
	}
	return strings.Join(texts, "\n    ")
}

// changed names the tables whose rows differ.
func (r rows) changed(after rows) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if r[name] != after[name] {
			out = append(out, name)
		}
	}
	return out
}

// unchanged runs do and reports the tables that it wrote; empty is none.
func (w *World) unchanged(l *ledger, do func()) string {
	w.T.Helper()
	before, err := l.read(w.T.Context())
	require.NoError(w.T, err)
	do()
	after, err := l.read(w.T.Context())
	require.NoError(w.T, err)
	var out []string
	for _, table := range before.changed(after) {
		out = append(out, fmt.Sprintf("  %s: %s, then %s; newest rows:\n    %s", table, before[table], after[table], l.newest(w.T.Context(), table)))
	}
	return strings.Join(out, "\n")
}

// ledger is newLedger for a test.
func (w *World) ledger(account int64, but ...string) *ledger {
	w.T.Helper()
	l, err := newLedger(w.T.Context(), w.DB, account, but...)
	require.NoError(w.T, err)
	return l
}
