package testenv

import (
	"database/sql"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

func mariadbAt(t *testing.T, config *mysql.Config) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestMariaDBGivesEveryTestADatabase(t *testing.T) {
	var name string
	t.Run("own", func(t *testing.T) {
		first, second := MariaDB(t), MariaDB(t)
		require.NotEqual(t, first.DBName, second.DBName)
		name = first.DBName
		db := mariadbAt(t, first)
		_, err := db.ExecContext(t.Context(), "CREATE TABLE t (v varchar(9))")
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES ('🎓')")
		require.NoError(t, err)
		var v string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT v FROM t").Scan(&v))
		require.Equal(t, "🎓", v)
		_, err = mariadbAt(t, second).ExecContext(t.Context(), "SELECT v FROM t")
		require.ErrorContains(t, err, "doesn't exist")
		// Accounts can be made, and a nameless one is not there.
		nobody := first.Clone()
		nobody.User, nobody.Passwd = "", ""
		require.ErrorContains(t, mariadbAt(t, nobody).PingContext(t.Context()), "Access denied")
	})
	var left int
	require.NoError(t, mariadbAt(t, MariaDB(t)).QueryRowContext(t.Context(),
		"SELECT count(*) FROM information_schema.schemata WHERE schema_name = '"+name+"'").Scan(&left))
	require.Zero(t, left, "the end of a test drops its database")
}
