package testenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models/migrations"
)

// Database returns the URL of a new database with all migrations applied. It
// is dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	server := mustGet(t, sharedPostgres)
	template := mustGet(t, migratedTemplate)
	return newDatabase(t, server, template, true)
}

// EmptyDatabase returns the URL of a new database without any table. It is
// dropped when the test ends.
func EmptyDatabase(t testing.TB) string {
	t.Helper()
	return newDatabase(t, mustGet(t, sharedPostgres), "template0", true)
}

// DatabaseOf returns the URL of a new database with what fill puts into one. It
// is filled once for a server and the content of files, and copied then. It is
// dropped when the test ends.
func DatabaseOf(t testing.TB, files fs.FS, fill func(ctx context.Context, url string) error) string {
	t.Helper()
	server := mustGet(t, sharedPostgres)
	ctx, cancel := setup()
	defer cancel()
	template := mustGet(t, func() (string, error) { return makeTemplate(ctx, server, files, fill) })
	return newDatabase(t, server, template, true)
}

// sharedPostgres is the URL of the server that all tests share.
var sharedPostgres = sync.OnceValues(func() (string, error) {
	return shared(DatabaseVariable, func(dir string) prepare { return postgresIn(dir) })
})

// shared is the address of a service: the environment's, or that of our own.
func shared(variable string, in func(dir string) prepare) (string, error) {
	if address := os.Getenv(variable); address != "" {
		return address, nil
	}
	dir, err := newFolder()
	if err != nil {
		return "", err
	}
	ctx, cancel := setup()
	defer cancel()
	service, err := launch(ctx, in(dir))
	return service.address, err
}

// migratedTemplate is the name of the template database of this process.
var migratedTemplate = sync.OnceValues(func() (string, error) {
	server, err := sharedPostgres()
	if err != nil {
		return "", err
	}
	ctx, cancel := setup()
	defer cancel()
	return migrateOn(ctx, server)
})

// migrateOn returns the name of a database with all migrations on the server.
func migrateOn(ctx context.Context, server string) (string, error) {
	return makeTemplate(ctx, server, migrations.FS, store.Migrate)
}

// makeTemplate makes a database that migrate fills on the server, unless it is
// there: that is done once for a server and the content of files, and tests
// get copies. Processes that ask at the same time wait for the one
// that makes it.
func makeTemplate(ctx context.Context, server string, files fs.FS, migrate func(ctx context.Context, url string) error) (name string, err error) {
	sum, err := contentHash(files)
	if err != nil {
		return "", err
	}
	name = "quad_template_" + sum
	err = onServer(ctx, server, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey(name)); err != nil {
			return err
		}
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil || exists {
			return err
		}
		// Under another name until it is whole, so that an interrupted run
		// leaves no half template behind.
		unfinished := name + "_new"
		for _, statement := range []string{
			"DROP DATABASE IF EXISTS " + unfinished + " WITH (FORCE)",
			"CREATE DATABASE " + unfinished + " TEMPLATE template0",
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if err := migrate(ctx, inDatabase(server, unfinished)); err != nil {
			return err
		}
		for _, statement := range []string{
			"ALTER DATABASE " + unfinished + " WITH ALLOW_CONNECTIONS false", // a connection would block copying
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + unfinished + "'",
			"ALTER DATABASE " + unfinished + " RENAME TO " + name,
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("make the template database: %w", err)
	}
	return name, nil
}

// newDatabase copies template into a database of the test's own; drop says
// whether the end of the test drops it.
func newDatabase(t testing.TB, server, template string, drop bool) string {
	t.Helper()
	ctx, cancel := setup()
	defer cancel()
	name := "quad_test_" + unique()
	err := onServer(ctx, server, func(conn *pgx.Conn) error {
		// Copied file by file, which takes half as long as through the log.
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy")
		return err
	})
	if err != nil {
		t.Fatalf("testenv: create a database: %v", err)
	}
	if !drop {
		return inDatabase(server, name)
	}
	t.Cleanup(func() {
		ctx, cancel := setup()
		defer cancel()
		err := onServer(ctx, server, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			return err
		})
		if err != nil {
			t.Errorf("testenv: drop a database: %v", err)
		}
	})
	return inDatabase(server, name)
}

// onServer runs do on a connection of its own.
func onServer(ctx context.Context, server string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing depends on it
	return do(conn)
}

// inDatabase is the URL of another database of the same server.
func inDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // pgx has parsed it before; it reports the mistake
	}
	u.Path = "/" + name
	return u.String()
}

// contentHash names the content of all files.
func contentHash(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", path, len(content))
		sum.Write(content)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read what a template is made of: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// lockKey is the number of the advisory lock that stands for name.
func lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64()) //nolint:gosec // any bits will do
}

// mustGet calls get and ends the test when it fails.
func mustGet[T any](t testing.TB, get func() (T, error)) T {
	t.Helper()
	value, err := get()
	return must(t, value, err)
}
