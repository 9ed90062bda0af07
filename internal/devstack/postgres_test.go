package devstack

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// newTestPostgres prepares a throwaway cluster in dir on a free port.
func newTestPostgres(t *testing.T, dir string) *Postgres {
	t.Helper()
	port, err := RandomPort()
	require.NoError(t, err)
	p, err := NewPostgres(t.Context(), PostgresOptions{Dir: dir, Port: port, Throwaway: true})
	require.NoError(t, err)
	return p
}

// openDir is a data folder that other users can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711)) //nolint:gosec // as the name says
	return dir
}

// run starts child for the rest of the test.
func run(t *testing.T, child Child) *Process {
	t.Helper()
	process, err := Start(t.Context(), child, nil)
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process
}

func execSQL(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func queryString(t *testing.T, url, sql string) (value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func TestPostgresKeepsItsData(t *testing.T) {
	dir := openDir(t)
	port, err := RandomPort()
	require.NoError(t, err)
	options := PostgresOptions{Dir: dir, Port: port, Settings: map[string]string{"max_connections": "17"}}
	first, err := NewPostgres(t.Context(), options)
	require.NoError(t, err)
	process := run(t, first.Child)
	require.NoError(t, first.CreateDatabase(t.Context(), "quad"))
	require.NoError(t, first.CreateDatabase(t.Context(), "quad"), "making it again changes nothing")
	execSQL(t, first.URL("quad"), "CREATE TABLE kept AS SELECT 'yes'::text AS value")
	for setting, want := range map[string]string{
		"fsync": "on", "data_checksums": "on", "max_connections": "17", "TimeZone": "UTC",
		"unix_socket_directories": "", "listen_addresses": Loopback, "server_encoding": "UTF8",
	} {
		require.Equal(t, want, queryString(t, first.URL("quad"), "SHOW "+setting), setting)
	}
	require.Equal(t, "straße é", queryString(t, first.URL("quad"), "SELECT lower('STRAßE É')"))

	wrong := strings.Replace(first.URL("quad"), first.password, "wrong", 1)
	_, err = pgx.Connect(t.Context(), wrong)
	require.ErrorContains(t, err, "password authentication failed")

	require.NoError(t, process.Stop(t.Context()))
	require.ErrorContains(t, process.Err(), "exit status 0")

	second := newTestPostgres(t, dir)
	run(t, second.Child)
	require.Equal(t, "yes", queryString(t, second.URL("quad"), "SELECT value FROM kept"))
}

func TestKilledPostgresStartsAgain(t *testing.T) {
	dir := openDir(t)
	p := newTestPostgres(t, dir)
	process := run(t, p.Child)
	execSQL(t, p.URL("postgres"), "CREATE TABLE kept AS SELECT 'yes'::text AS value")
	require.NoError(t, process.Signal(syscall.SIGKILL))
	<-process.Done()
	pidFile := filepath.Join(p.Cluster, "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	require.NoError(t, err, "a killed server leaves its pid file")

	// By now the number may belong to anybody, here to an innocent sleeper.
	sleeper := exec.Command("/bin/sleep", "1000")
	require.NoError(t, sleeper.Start())
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	_, rest, _ := strings.Cut(string(content), "\n")
	require.NoError(t, os.WriteFile(pidFile, []byte(strconv.Itoa(sleeper.Process.Pid)+"\n"+rest), 0o600))

	again := newTestPostgres(t, dir)
	run(t, again.Child)
	require.Equal(t, "yes", queryString(t, again.URL("postgres"), "SELECT value FROM kept"))
	require.True(t, alive(sleeper.Process.Pid))
}

func TestPostgresLeftRunningIsEnded(t *testing.T) {
	dir := openDir(t)
	p := newTestPostgres(t, dir)
	left := run(t, p.Child)
	execSQL(t, p.URL("postgres"), "CREATE TABLE kept AS SELECT 'yes'::text AS value")

	again := newTestPostgres(t, dir)
	run(t, again.Child)
	<-left.Done()
	require.Equal(t, "yes", queryString(t, again.URL("postgres"), "SELECT value FROM kept"))
}

func TestInterruptedInitdbIsDoneAgain(t *testing.T) {
	dir := openDir(t)
	p := newTestPostgres(t, dir)
	require.NoError(t, os.Rename(p.Cluster, p.Cluster+".new"))
	require.NoError(t, os.Remove(filepath.Join(p.Cluster+".new", "PG_VERSION")))
	p = newTestPostgres(t, dir)
	run(t, p.Child)
	_, err := os.Stat(p.Cluster + ".new")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = os.Stat(p.Cluster + ".password")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestClusterWithoutItsPasswordIsLeftAlone(t *testing.T) {
	dir := openDir(t)
	p := newTestPostgres(t, dir)
	password := filepath.Join(dir, "postgres.password")
	require.NoError(t, os.Remove(password))
	_, err := NewPostgres(t.Context(), PostgresOptions{Dir: dir, Port: 1, Throwaway: true})
	require.ErrorContains(t, err, password+" is gone")
	require.FileExists(t, filepath.Join(p.Cluster, "PG_VERSION"))
	require.NoFileExists(t, password, "a second try says the same")
}

func TestClusterOfAnotherVersionNamesIt(t *testing.T) {
	dir := openDir(t)
	p := newTestPostgres(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(p.Cluster, "PG_VERSION"), []byte("7\n"), 0o600))
	_, err := NewPostgres(t.Context(), PostgresOptions{Dir: dir, Port: 1})
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorContains(t, err, "PostgreSQL 7")
}

// As root the server runs as another user, who may not be able to enter the
// data folder, as in a checkout below /root.
func TestPostgresInAClosedFolder(t *testing.T) {
	closed := openDir(t)
	require.NoError(t, os.Chmod(closed, 0o700))
	dir := filepath.Join(closed, ".quad")
	p := newTestPostgres(t, dir)
	process := run(t, p.Child)
	execSQL(t, p.URL("postgres"), "CREATE TABLE kept AS SELECT 'yes'::text AS value")
	if os.Geteuid() != 0 {
		require.Equal(t, filepath.Join(dir, "postgres", "data"), p.Cluster)
		require.Empty(t, p.Notes)
		return
	}
	home := filepath.Dir(p.Cluster)
	t.Cleanup(func() {
		process.Kill()
		require.NoError(t, os.RemoveAll(home))
		require.NoError(t, os.RemoveAll(home+".removed"))
		_ = os.Remove(outsideDir) // when nothing else is in it
	})
	require.Equal(t, outsideDir, filepath.Dir(home))
	require.Len(t, p.Notes, 1)
	require.Contains(t, p.Notes[0], "cannot enter "+closed)
	require.Contains(t, p.Notes[0], home)
	require.NoError(t, process.Stop(t.Context()))

	// The next start finds the data there.
	p = newTestPostgres(t, dir)
	process = run(t, p.Child)
	require.Equal(t, "yes", queryString(t, p.URL("postgres"), "SELECT value FROM kept"))
	require.NoError(t, process.Stop(t.Context()))

	// Who removes the data folder wants a new database; the old is not lost yet.
	require.NoError(t, os.RemoveAll(dir))
	p = newTestPostgres(t, dir)
	require.Len(t, p.Notes, 2)
	require.Contains(t, p.Notes[1], home+".removed")
	require.FileExists(t, filepath.Join(home+".removed", "data", "PG_VERSION"))
	process = run(t, p.Child)
	require.Equal(t, "0", queryString(t, p.URL("postgres"), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'kept'"))
}
