package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	"quad/internal/devstack"
)

// mariadbUser is the account of tests, which may do everything.
const mariadbUser = "quad"

// sharedMariaDB is the DSN of the server that all tests share.
var sharedMariaDB = sync.OnceValues(func() (string, error) {
	return shared(MariaDBVariable, mariadbIn)
})

// MariaDB returns how to reach a new, empty database (utf8mb4) of a MariaDB
// server, as an account that may do everything, on all of the server. The hub
// itself has no use for it: it is what learning systems keep their data in.
// The database is dropped when the test ends. The server offers TLS with a
// certificate for 127.0.0.1; @@ssl_ca is the file of who issued it.
func MariaDB(t testing.TB) *mysql.Config {
	t.Helper()
	server := mustGet(t, sharedMariaDB)
	config, err := mysql.ParseDSN(server)
	config = must(t, config, err)
	name := "quad_test_" + unique()
	execute := func(statement string) error {
		ctx, cancel := setup()
		defer cancel()
		return onMariaDB(ctx, config, statement)
	}
	if err := execute("CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"); err != nil {
		t.Fatalf("testenv: create a MariaDB database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute("DROP DATABASE IF EXISTS " + name); err != nil {
			t.Errorf("testenv: drop a MariaDB database: %v", err)
		}
	})
	own := config.Clone()
	own.DBName = name
	return own
}

// onMariaDB runs one statement on a connection of its own.
func onMariaDB(ctx context.Context, config *mysql.Config, statement string) (err error) {
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// mariadbBootstrap comes before the scripts that make the system tables; they
// ask for these variables.
const mariadbBootstrap = `CREATE DATABASE mysql;
USE mysql;
SET @auth_root_socket=NULL;
SET @skip_auth_anonymous=1;
SET @current_hostname='localhost';
`

// mariadbIn prepares a MariaDB server on the loopback address. Its data folder
// is made by the server program itself: the script that usually does it needs
// a package more.
func mariadbIn(dir string) prepare {
	return func(ctx context.Context, port int) (running, error) {
		program, err := exec.LookPath("mariadbd")
		if err != nil {
			if program, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
				return running{}, fmt.Errorf("%w: mariadbd (looked in PATH and /usr/sbin); deploy/install.sh test installs what is missing", devstack.ErrMissing)
			}
		}
		home := filepath.Join(dir, "mariadb")
		data := filepath.Join(home, "data")
		if err := os.MkdirAll(data, 0o700); err != nil {
			return running{}, fmt.Errorf("make MariaDB's folder: %w", err)
		}
		common := []string{
			"--no-defaults", "--datadir=" + data, "--tmpdir=" + home, "--performance-schema=off", "--skip-log-bin",
			// Nobody will miss the data.
			"--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--sync-frm=0",
			"--innodb-log-file-size=32M", "--innodb-buffer-pool-size=64M", "--innodb-use-native-aio=0", "--innodb-file-per-table=0", "--log-warnings=1",
		}
		if os.Geteuid() == 0 {
			common = append(common, "--user=root") // it wants to hear that this is meant
		}
		if _, err := os.Stat(filepath.Join(data, "mysql")); err != nil {
			if err := bootstrapMariaDB(ctx, program, common); err != nil {
				return running{}, err
			}
		}
		config := mysql.NewConfig()
		config.User, config.Passwd, config.Net, config.Addr = mariadbUser, rand.Text(), "tcp", net.JoinHostPort(devstack.Loopback, strconv.Itoa(port))
		config.Logger = &mysql.NopLogger{} // while the server starts, failures are no news
		first := filepath.Join(home, "first.sql")
		// A file and not arguments: everybody on the machine can read those.
		if err := devstack.WriteFile(first, []byte(fmt.Sprintf("CREATE OR REPLACE USER %[1]s@'%%' IDENTIFIED BY '%[2]s';\n"+
			"GRANT ALL ON *.* TO %[1]s@'%%' WITH GRANT OPTION;\nDROP USER IF EXISTS root@localhost, root@'127.0.0.1', root@'::1';\n",
			config.User, config.Passwd))); err != nil {
			return running{}, fmt.Errorf("write MariaDB's first statements: %w", err)
		}
		certificate, err := certify(home)
		if err != nil {
			return running{}, err
		}
		child := devstack.Child{
			Name: "mariadb",
			Path: program,
			Args: slices.Concat(common, []string{
				"--init-file=" + first, "--bind-address=" + devstack.Loopback, "--port=" + strconv.Itoa(port),
				"--socket=", "--pid-file=" + filepath.Join(home, "pid"), "--skip-name-resolve", "--max-connections=300",
			}, certificate),
			Dir:         home,
			Ready:       func(ctx context.Context) error { return onMariaDB(ctx, config, "SELECT 1") },
			Quiet:       true,
			DeathSignal: syscall.SIGKILL,
		}
		return running{child: child, address: config.FormatDSN(), data: home}, nil
	}
}

// certify makes a certificate for the server and gives the arguments to use it.
func certify(home string) ([]string, error) {
	authority, certificate, key, err := NewCertificate(devstack.Loopback)
	if err != nil {
		return nil, err
	}
	var args []string
	for option, content := range map[string]string{"ca": authority, "cert": certificate, "key": key} {
		path := filepath.Join(home, option+".pem")
		if err := devstack.WriteFile(path, []byte(content)); err != nil {
			return nil, fmt.Errorf("write MariaDB's certificate: %w", err)
		}
		args = append(args, "--ssl-"+option+"="+path)
	}
	return args, nil
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
