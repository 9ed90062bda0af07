package devstack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// mariadbUser is the account that may do everything.
const mariadbUser = "quad"

// MariaDBOptions say where and how a private MariaDB runs.
type MariaDBOptions struct {
	// Dir is the data folder that all children share; the server's is below it.
	Dir string
	// Port is the loopback port.
	Port int
	// Settings are further options of the server, by name without dashes.
	Settings map[string]string
}

// MariaDB is a private MariaDB server, ready to be started. The hub itself has
// no use for one: learning systems keep their data there, so tests and
// benchmarks do. Nobody will miss that data: what is written is not synced.
type MariaDB struct {
	// Child runs the server.
	Child Child
	// Config is how to reach it, without a database, as an account that may do
	// everything.
	Config *mysql.Config
	// Home is its folder.
	Home string
}

// mariadbDefaults are the options of all servers.
var mariadbDefaults = map[string]string{
	"innodb-flush-log-at-trx-commit": "0", "innodb-flush-method": "nosync", "innodb-doublewrite": "0", "sync-frm": "0",
	"innodb-log-file-size": "32M", "innodb-buffer-pool-size": "64M", "innodb-use-native-aio": "0", "innodb-file-per-table": "0", "log-warnings": "1",
}

// mariadbBootstrap comes before the scripts that make the system tables; they
// ask for these variables.
const mariadbBootstrap = `CREATE DATABASE mysql;
USE mysql;
SET @auth_root_socket=NULL;
SET @skip_auth_anonymous=1;
SET @current_hostname='localhost';
`

// NewMariaDB prepares a MariaDB server that listens on the loopback address
// only. Its data folder is made by the server program itself: the script that
// usually does it needs a package more. The error wraps ErrMissing when MariaDB
// is not installed.
func NewMariaDB(ctx context.Context, options MariaDBOptions) (*MariaDB, error) {
	program, err := exec.LookPath("mariadbd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
			return nil, missing("MariaDB (mariadbd)", "PATH and /usr/sbin")
		}
	}
	m := &MariaDB{Home: filepath.Join(options.Dir, "mariadb"), Config: mysql.NewConfig()}
	data := filepath.Join(m.Home, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make MariaDB's folder: %w", err)
	}
	settings := maps.Clone(mariadbDefaults)
	maps.Copy(settings, options.Settings)
	args := []string{"--no-defaults", "--datadir=" + data, "--tmpdir=" + m.Home, "--performance-schema=off", "--skip-log-bin"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "--"+name+"="+settings[name])
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root") // it wants to hear that this is meant
	}
	if _, err := os.Stat(filepath.Join(data, "mysql")); err != nil {
		if err := bootstrapMariaDB(ctx, program, args); err != nil {
			return nil, err
		}
	}
	m.Config.User, m.Config.Passwd, m.Config.Net, m.Config.Addr = mariadbUser, newSecret(), "tcp", net.JoinHostPort(Loopback, strconv.Itoa(options.Port))
	m.Config.Logger = &mysql.NopLogger{} // while the server starts, failures are no news
	first := filepath.Join(m.Home, "first.sql")
	// A file and not arguments: everybody on the machine can read those.
	if err := WriteFile(first, []byte(fmt.Sprintf("CREATE OR REPLACE USER %[1]s@'%%' IDENTIFIED BY '%[2]s';\n"+
		"GRANT ALL ON *.* TO %[1]s@'%%' WITH GRANT OPTION;\nDROP USER IF EXISTS root@localhost, root@'127.0.0.1', root@'::1';\n",
		m.Config.User, m.Config.Passwd))); err != nil {
		return nil, fmt.Errorf("write MariaDB's first statements: %w", err)
	}
	m.Child = Child{
		Name: "mariadb",
		Path: program,
		Args: append(args, "--init-file="+first, "--bind-address="+Loopback, "--port="+strconv.Itoa(options.Port),
			"--socket=", "--pid-file="+filepath.Join(m.Home, "pid"), "--skip-name-resolve", "--max-connections=300"),
		Dir:         m.Home,
		Ready:       func(ctx context.Context) error { return m.Exec(ctx, "SELECT 1") },
		Quiet:       true,
		DeathSignal: syscall.SIGKILL,
	}
	return m, nil
}

// Exec runs one statement on a connection of its own.
func (m *MariaDB) Exec(ctx context.Context, statement string) (err error) {
	connector, err := mysql.NewConnector(m.Config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// bootstrapMariaDB makes the system tables.
func bootstrapMariaDB(ctx context.Context, program string, args []string) error {
	script := strings.Builder{}
	script.WriteString(mariadbBootstrap)
	for _, name := range []string{"mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"} {
		var text []byte
		var err error
		for _, folder := range []string{"/usr/share/mysql", "/usr/share/mariadb"} {
			if text, err = os.ReadFile(filepath.Join(folder, name)); err == nil {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("initialise MariaDB: %w", err)
		}
		script.Write(text)
		script.WriteByte('\n')
	}
	cmd := exec.CommandContext(ctx, program, slices.Concat(args, []string{"--bootstrap", "--skip-networking"})...) //nolint:gosec // our own arguments
	cmd.Stdin = strings.NewReader(script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialise MariaDB: %w\n%s", err, out)
	}
	return nil
}
