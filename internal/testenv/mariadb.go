package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"quad/internal/devstack"
)

// sharedMariaDB is the DSN of the server that all tests share.
var sharedMariaDB = sync.OnceValues(func() (string, error) {
	return shared(MariaDBVariable, func(dir string) prepare { return mariadbIn(dir, false) })
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

// PrivateMariaDB starts a MariaDB of the test's own, which keeps what was
// committed when it is killed. URL is the DSN of an account that may do
// everything, on a server with a database (utf8mb4) for the test.
func PrivateMariaDB(t testing.TB) *Service {
	t.Helper()
	s := private(t, func(dir string) prepare { return mariadbIn(dir, true) })
	config, err := mysql.ParseDSN(s.service.address)
	config = must(t, config, err)
	ctx, cancel := setup()
	defer cancel()
	config.DBName = "quad_test"
	server := config.Clone()
	server.DBName = ""
	if err := onMariaDB(ctx, server, "CREATE DATABASE "+config.DBName+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"); err != nil {
		t.Fatalf("testenv: create a MariaDB database: %v", err)
	}
	s.url = config.FormatDSN()
	return s
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

// mariadbIn prepares a MariaDB server on the loopback address, with TLS. keeps
// says whether what was committed survives when it is killed.
func mariadbIn(dir string, keeps bool) prepare {
	return func(ctx context.Context, port int) (running, error) {
		home := filepath.Join(dir, "mariadb")
		if err := os.MkdirAll(home, 0o700); err != nil {
			return running{}, fmt.Errorf("make MariaDB's folder: %w", err)
		}
		options, err := certify(home)
		if err != nil {
			return running{}, err
		}
		if keeps {
			options["innodb-flush-log-at-trx-commit"] = "2"
		}
		server, err := devstack.NewMariaDB(ctx, devstack.MariaDBOptions{Dir: dir, Port: port, Settings: options})
		if err != nil {
			return running{}, err
		}
		return running{child: server.Child, address: server.Config.FormatDSN(), data: server.Home}, nil
	}
}

// certify makes a certificate for the server and gives the options to use it.
func certify(home string) (map[string]string, error) {
	authority, certificate, key, err := NewCertificate(devstack.Loopback)
	if err != nil {
		return nil, err
	}
	options := map[string]string{}
	for option, content := range map[string]string{"ca": authority, "cert": certificate, "key": key} {
		path := filepath.Join(home, option+".pem")
		if err := devstack.WriteFile(path, []byte(content)); err != nil {
			return nil, fmt.Errorf("write MariaDB's certificate: %w", err)
		}
		options["ssl-"+option] = path
	}
	return options, nil
}
