package moodletest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/testenv"
)

// postgresVersion changes when the same files fill a database in another way.
const postgresVersion = "1"

// loadPostgres copies a database that was filled before, or fills one.
func (s *Site) loadPostgres(t testing.TB) {
	t.Helper()
	schema, err := testdata.ReadFile("testdata/schema.pg.sql")
	require.NoError(t, err)
	packed, err := testdata.ReadFile(fmt.Sprintf("testdata/seed-%d.zip", s.data.seed))
	require.NoError(t, err)
	content := fstest.MapFS{"version": {Data: []byte(postgresVersion)}, "schema": {Data: schema}, "data": {Data: packed}}
	url := testenv.DatabaseOf(t, content, func(ctx context.Context, url string) error {
		return fillPostgres(ctx, url, string(schema), s.data)
	})
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	s.db = stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })

	s.reader = "r_" + strings.ToLower(rand.Text()[:16])
	password := rand.Text()
	s.Exec(t, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD '%[2]s'; GRANT USAGE ON SCHEMA public TO %[1]s; GRANT SELECT ON ALL TABLES IN SCHEMA public TO %[1]s;
		ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO %[1]s`, s.reader, password))
	t.Cleanup(func() {
		s.EndConnections(t)
		s.Exec(t, "DROP OWNED BY "+s.reader+"; DROP ROLE "+s.reader)
	})
	s.Settings = source.Settings{
		"engine": Postgres, "host": config.Host, "port": fmt.Sprint(config.Port), "database": config.Database, "user": s.reader, "password": password,
		"tls": "off", "language": "de",
	}
}

// fillPostgres makes and fills the tables.
func fillPostgres(ctx context.Context, url, schema string, d *data) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing depends on it
	if _, err := conn.Exec(ctx, schema); err != nil {
		return fmt.Errorf("make Moodle's tables: %w", err)
	}
	for table, content := range d.tables() {
		columns, rows := header(content)
		if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows),
			"COPY mdl_"+table+" ("+columns+") FROM STDIN WITH (FORMAT csv, NULL 'NULL')"); err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
	}
	_, err = conn.Exec(ctx, "ANALYZE")
	return err
}
