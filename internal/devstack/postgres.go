package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresUser is the role that owns the cluster.
const postgresUser = "quad"

// PostgresOptions say where and how a private PostgreSQL runs.
type PostgresOptions struct {
	// Dir is the data folder that all children share; the cluster and its
	// password go below it.
	Dir string
	// Port is the loopback port.
	Port int
	// Throwaway trades crash safety for speed: for data nobody will miss. A
	// killed server still recovers, a crash of the machine may lose the data.
	Throwaway bool
	// Settings are further settings of the server, by name.
	Settings map[string]string
}

// Postgres is a private PostgreSQL cluster, ready to be started.
type Postgres struct {
	// Child runs the server.
	Child Child
	// Cluster is where the data is.
	Cluster string
	// Notes are things to tell people, such as an unusual place of the data.
	Notes []string

	password string
	port     int
}

// NewPostgres prepares a private cluster: on the first start it is initialised
// (about a second). The server listens on the loopback address only and asks
// for a generated password. PostgreSQL refuses to run as root: then the user
// postgres, or else nobody, runs it and owns the cluster. The error wraps
// ErrMissing when PostgreSQL is not installed.
func NewPostgres(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	dirs := postgresDirs()
	if len(dirs) == 0 {
		return nil, missing("PostgreSQL (initdb, postgres)", "PATH and /usr/lib/postgresql/*/bin")
	}
	home, err := newPostgresHome(options.Dir)
	if err != nil {
		return nil, err
	}
	p := &Postgres{Cluster: filepath.Join(home.path, "data"), Notes: home.notes, password: home.password, port: options.Port}
	programs := dirs[0]
	version, err := os.ReadFile(filepath.Join(p.Cluster, "PG_VERSION"))
	switch {
	case err == nil:
		if programs, err = programsFor(ctx, dirs, strings.TrimSpace(string(version))); err != nil {
			return nil, fmt.Errorf("%w; the data in %s needs it", err, p.Cluster)
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := home.initdb(ctx, programs, p.Cluster, options.Throwaway); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("read the version of the cluster: %w", err)
	}
	p.Child = Child{
		Name:       "postgres",
		Path:       filepath.Join(programs, "postgres"),
		Args:       postgresArgs(p.Cluster, options),
		Env:        home.env(),
		Dir:        home.path,
		Credential: home.credential,
		Prepare:    func(ctx context.Context) error { return clearLeftovers(ctx, p.Cluster) },
		Ready:      p.probe,
		Quiet:      true,           // it calls our first probes fatal
		StopSignal: syscall.SIGINT, // "fast": clients are disconnected, data is written
		// "immediate": the server's own children end too, and its shared memory
		// is freed; after SIGKILL that is left to the next start.
		DeathSignal: syscall.SIGQUIT,
		StopTimeout: 30 * time.Second, // the last checkpoint may be large
		// After a crash it replays its log first; to kill it then begins that anew.
		ReadyTimeout: 5 * time.Minute,
	}
	return p, nil
}

// URL is the address of the named database, password included.
func (p *Postgres) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(postgresUser, p.password),
		Host:     Address(p.port),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (p *Postgres) probe(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// CreateDatabase makes the named database when it is missing.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing depends on it
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// postgresArgs passes every setting on the command line: the cluster's own
// configuration files stay as initdb made them, so a later version of this
// list holds for old clusters too.
func postgresArgs(cluster string, options PostgresOptions) []string {
	settings := map[string]string{
		"listen_addresses":        Loopback,
		"port":                    strconv.Itoa(options.Port),
		"unix_socket_directories": "", // none: no path that can be too long, nobody else can reach it
		"max_connections":         "300",
		"shared_buffers":          "256MB",
		"work_mem":                "16MB",
		"maintenance_work_mem":    "128MB",
		"max_wal_size":            "2GB",
		"random_page_cost":        "1.1",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_line_prefix":         "",
		"log_min_messages":        "warning",
		"log_checkpoints":         "off",
	}
	if options.Throwaway {
		maps.Copy(settings, map[string]string{
			// Commits are still handed to the system before they are answered, so
			// that a server which is killed has lost none of them.
			"fsync":            "off",
			"full_page_writes": "off",
			"shared_buffers":   "128MB",
			"max_connections":  "500", // many packages at once, each with its pools
			// Tests provoke errors on purpose; the reader of a test sees them there.
			"log_min_messages": "fatal",
		})
	}
	maps.Copy(settings, options.Settings)
	args := []string{"-D", cluster}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// programsFor picks the folder whose postgres has the cluster's major version.
func programsFor(ctx context.Context, dirs []string, major string) (string, error) {
	for _, dir := range dirs {
		out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
		if err != nil {
			return "", fmt.Errorf("version of %s: %w", dir, err)
		}
		// "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
		if fields := strings.Fields(string(out)); len(fields) >= 3 {
			if found, _, _ := strings.Cut(fields[2], "."); found == major {
				return dir, nil
			}
		}
	}
	return "", fmt.Errorf("%w: PostgreSQL %s (found others in %s)", ErrMissing, major, strings.Join(dirs, ", "))
}

// initdb makes the cluster beside its place and moves it there when it is
// whole: an interrupted start leaves nothing that looks like a cluster.
func (h *postgresHome) initdb(ctx context.Context, programs, cluster string, throwaway bool) error {
	unfinished := cluster + ".new"
	passwordFile := cluster + ".password"
	for _, path := range []string{unfinished, passwordFile} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("clear an unfinished cluster: %w", err)
		}
	}
	defer os.Remove(passwordFile)
	if err := os.WriteFile(passwordFile, []byte(h.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("initialise PostgreSQL: %w", err)
	}
	if err := h.give(passwordFile); err != nil {
		return err
	}
	locale := "C.UTF-8" // case mapping of all letters, the sort order of bytes
	if runtime.GOOS == "darwin" {
		locale = "en_US.UTF-8"
	}
	args := []string{
		"-D", unfinished, "--username=" + postgresUser, "--pwfile=" + passwordFile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=" + locale, "--no-instructions",
	}
	if throwaway {
		args = append(args, "--no-sync")
	} else {
		args = append(args, "--data-checksums")
	}
	out := newOutput(nil)
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = h.env(), h.path, out, out, drainTimeout
	if err := spawn(cmd, h.credential, syscall.SIGKILL); err != nil {
		return fmt.Errorf("start initdb: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("initialise PostgreSQL: %w%s", err, out.tail())
	}
	if err := os.Rename(unfinished, cluster); err != nil {
		return fmt.Errorf("initialise PostgreSQL: %w", err)
	}
	return nil
}
