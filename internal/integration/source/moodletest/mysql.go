package moodletest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
)

// loadMySQL makes the tables in a database and fills them.
func (s *Site) loadMySQL(t testing.TB, config *mysql.Config) {
	t.Helper()
	config.MultiStatements = true
	require.NoError(t, config.Apply(mysql.Charset("utf8mb4", "")))
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	s.db = sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })

	schema, err := testdata.ReadFile("testdata/schema.sql")
	require.NoError(t, err)
	s.Exec(t, string(schema))
	s.fillMySQL(t, config.DBName)

	s.reader = "r_" + strings.ToLower(rand.Text()[:16])
	password := rand.Text()
	s.Exec(t, "CREATE USER "+s.reader+"@'%' IDENTIFIED BY '"+password+"'; GRANT SELECT ON "+config.DBName+".* TO "+s.reader+"@'%'")
	if !s.own {
		t.Cleanup(func() { s.Exec(t, "DROP USER IF EXISTS "+s.reader+"@'%'") })
	}
	host, port, err := net.SplitHostPort(config.Addr)
	require.NoError(t, err)
	s.Settings = source.Settings{
		"engine": MySQL, "host": host, "port": port, "database": config.DBName, "user": s.reader, "password": password, "tls": "off", "language": "de",
	}
}

// fillMySQL loads all tables in one transaction.
func (s *Site) fillMySQL(t testing.TB, database string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := s.db.Conn(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	run := func(statement string) {
		_, err := conn.ExecContext(ctx, statement)
		require.NoError(t, err)
	}
	run("SET unique_checks = 0, foreign_key_checks = 0, autocommit = 0")
	for table, content := range s.data.tables() {
		columns, rows := header(content)
		if len(rows) == 0 {
			continue
		}
		name := database + "." + table
		mysql.RegisterReaderHandler(name, func() io.Reader { return bytes.NewReader(rows) })
		run("LOAD DATA LOCAL INFILE 'Reader::" + name + "' INTO TABLE mdl_" + table + " CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' " +
			"OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n' (" + columns + ")")
		mysql.DeregisterReaderHandler(name)
	}
	run("COMMIT")
	run("SET unique_checks = 1, foreign_key_checks = 1, autocommit = 1")
}
