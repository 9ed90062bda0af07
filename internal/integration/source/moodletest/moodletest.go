// Package moodletest gives tests the database of a Moodle, on MariaDB or
// PostgreSQL, with the right counts of what is in it. testdata/README.md tells
// where the data comes from.
package moodletest

import (
	"archive/zip"
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/testenv"
)

//go:embed testdata/schema.sql testdata/schema.pg.sql testdata/*.zip
var testdata embed.FS

// Words for Load.
const (
	MySQL    = "mysql" // it is MariaDB
	Postgres = "postgres"
)

// Seeds is the highest number of a set of data; they begin with 1.
const Seeds = 5

// Site is the database of a Moodle of one test.
type Site struct {
	// Settings are those of a connection. Its account may do nothing but SELECT.
	Settings source.Settings

	engine string
	data   *data
	db     *sql.DB // of an account that may do everything
	reader string
	own    bool // the server ends with the test, or before
}

// Truth is what must come out of the data: numbers by name, as generate.py
// explains them, at a moment.
type Truth struct {
	Now   time.Time
	Count map[string]float64
}

// Change is one row that Mutate changes.
type Change struct {
	Step  string         `json:"step"`
	Table string         `json:"table"` // without prefix
	Op    string         `json:"op"`    // insert, update or delete
	ID    int64          `json:"id"`
	Set   map[string]any `json:"set"`
}

// Load makes a database with one of the sets of data. It goes with the test.
func Load(t testing.TB, engine string, seed int) *Site {
	t.Helper()
	s := &Site{engine: engine, data: open(t, seed)}
	switch engine {
	case MySQL:
		s.loadMySQL(t, testenv.MariaDB(t))
	case Postgres:
		s.loadPostgres(t)
	default:
		require.FailNow(t, "there is no engine "+engine)
	}
	return s
}

// LoadOn is Load on a MariaDB of the test's own, which the test may kill. The
// data goes with the server.
func LoadOn(t testing.TB, server *testenv.Service, seed int) *Site {
	t.Helper()
	s := &Site{engine: MySQL, data: open(t, seed), own: true}
	config, err := mysql.ParseDSN(server.URL())
	require.NoError(t, err)
	config.Logger = &mysql.NopLogger{} // its death is meant
	s.loadMySQL(t, config)
	return s
}

// Mutate applies a day of changes.
func (s *Site) Mutate(t testing.TB) {
	t.Helper()
	script := "mutate.mysql.sql"
	if s.engine == Postgres {
		script = "mutate.pg.sql"
	}
	s.Exec(t, string(s.data.files[script]))
}

// Truth is what is right before Mutate, TruthAfter what is right after it.
func (s *Site) Truth() Truth { return s.data.before }

// TruthAfter is what is right after Mutate.
func (s *Site) TruthAfter() Truth { return s.data.after }

// Changes are the rows that Mutate changes.
func (s *Site) Changes() []Change { return s.data.changes }

// Exec runs statements, separated by semicolons, as an account that may do
// everything.
func (s *Site) Exec(t testing.TB, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := s.db.ExecContext(ctx, statements)
	require.NoError(t, err)
}

// Int reads one number as an account that may do everything.
func (s *Site) Int(t testing.TB, query string) (v int64) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), query).Scan(&v))
	return v
}

// Connections are those of the settings' account, by the server's numbers.
func (s *Site) Connections(t testing.TB) (ids []int64) {
	t.Helper()
	list := "SELECT id FROM information_schema.processlist WHERE user = '" + s.reader + "'"
	if s.engine == Postgres {
		list = "SELECT pid FROM pg_stat_activity WHERE usename = '" + s.reader + "'"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also when the test's own has ended
	defer cancel()
	rows, err := s.db.QueryContext(ctx, list)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	return ids
}

// EndConnections makes the server end all connections of the settings' account
// and tells how many there were.
func (s *Site) EndConnections(t testing.TB) (ended int) {
	t.Helper()
	end := "KILL CONNECTION %d"
	if s.engine == Postgres {
		end = "SELECT pg_terminate_backend(%d)"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, id := range s.Connections(t) {
		var gone *mysql.MySQLError
		_, err := s.db.ExecContext(ctx, fmt.Sprintf(end, id))
		if errors.As(err, &gone) && gone.Number == unknownThread {
			continue // it has ended by itself in this moment
		}
		require.NoError(t, err)
		ended++
	}
	return ended
}

// unknownThread is MySQL's number for a connection that is not there.
const unknownThread = 1094

// Lock keeps everybody else from reading a table, named with its prefix, until
// release is called.
func (s *Site) Lock(t testing.TB, table string) (release func()) {
	t.Helper()
	conn, err := s.db.Conn(t.Context())
	require.NoError(t, err)
	lock, unlock := []string{"LOCK TABLES " + table + " WRITE"}, "UNLOCK TABLES"
	if s.engine == Postgres {
		lock, unlock = []string{"BEGIN", "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"}, "ROLLBACK"
	}
	for _, statement := range lock {
		_, err = conn.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return func() {
		t.Helper()
		_, err := conn.ExecContext(t.Context(), unlock)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

// patience bounds every step of the preparation.
const patience = 2 * time.Minute

// data is the content of one zip file.
type data struct {
	seed          int
	files         map[string][]byte
	before, after Truth
	changes       []Change
}

var (
	opened   = map[int]*data{}
	openLock sync.Mutex
)

// open reads a set of data, once for a process.
func open(t testing.TB, seed int) *data {
	t.Helper()
	openLock.Lock()
	defer openLock.Unlock()
	if opened[seed] == nil {
		d, err := read(seed)
		require.NoError(t, err)
		opened[seed] = d
	}
	return opened[seed]
}

func read(seed int) (*data, error) {
	packed, err := testdata.ReadFile(fmt.Sprintf("testdata/seed-%d.zip", seed))
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	d := &data{seed: seed, files: map[string][]byte{}}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		d.files[f.Name], err = io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
	}
	var truth struct {
		Now      int64              `json:"now"`
		NowAfter int64              `json:"now_after"`
		Base     map[string]float64 `json:"base"`
		After    map[string]float64 `json:"after"`
	}
	if err := json.Unmarshal(d.files["truth.json"], &truth); err != nil {
		return nil, err
	}
	d.before = Truth{Now: time.Unix(truth.Now, 0).UTC(), Count: truth.Base}
	d.after = Truth{Now: time.Unix(truth.NowAfter, 0).UTC(), Count: truth.After}
	lines := json.NewDecoder(bytes.NewReader(d.files["mutation.jsonl"]))
	for lines.More() {
		var c Change
		if err := lines.Decode(&c); err != nil {
			return nil, err
		}
		d.changes = append(d.changes, c)
	}
	return d, nil
}

// tables are the tables of the set with their files, as CSV with a header.
func (d *data) tables() map[string][]byte {
	out := map[string][]byte{}
	for name, content := range d.files {
		if table, ok := strings.CutPrefix(name, "base/mdl_"); ok {
			out[strings.TrimSuffix(table, ".csv")] = content
		}
	}
	return out
}

// header gives the columns of a CSV file and what follows them.
func header(content []byte) (columns string, rest []byte) {
	line, rest, _ := bytes.Cut(content, []byte("\n"))
	return string(line), rest
}
