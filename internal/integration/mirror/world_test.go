package mirror_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/integration/mirror"
	"quad/internal/integration/mirror/mirrortest"
	"quad/internal/integration/source"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/store"
	"quad/internal/testenv"
)

var start = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)

// world is a hub with accounts.
type world struct {
	*mirror.Engine
	t      *testing.T
	db     *store.DB
	people *people.Service
	system context.Context
	told   map[[2]int64]bool // pairs that Changed was told
	fail   error             // what Changed gives

	pageRows int // of runs
}

// side is an account with a connection to a learning system.
type side struct {
	*world
	ctx        context.Context
	account    int64
	home       int64 // its default organization
	connection int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, system: store.AsSystem(t.Context()), told: map[[2]int64]bool{}, pageRows: 20}
	var err error
	w.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	cfg := config.Auth{AccessTTL: time.Hour, RefreshTTL: time.Hour, OTPTTL: time.Hour, OTPMaxAttempts: 5, PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1}
	keys, err := auth.NewKeyring([]string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))})
	require.NoError(t, err)
	a, err := auth.New(auth.Deps{DB: w.db, Keys: keys, Config: cfg})
	require.NoError(t, err)
	mail, err := notify.New(notify.Deps{DB: w.db})
	require.NoError(t, err)
	w.people, err = people.New(people.Deps{DB: w.db, Auth: a, Mail: mail, Config: cfg, PublicURL: "https://quad.test"})
	require.NoError(t, err)
	w.Engine, err = mirror.New(mirror.Deps{DB: w.db, Clock: func() time.Time { return start }, Changed: w.hear})
	require.NoError(t, err)
	w.SetRangeRows(25)
	return w
}

func (w *world) hear(ctx context.Context, userIDs, courseIDs []int64) error {
	if !store.HasTx(ctx) || len(userIDs) != len(courseIDs) {
		return fmt.Errorf("told of %d people and %d courses", len(userIDs), len(courseIDs))
	}
	for i := range userIDs {
		w.told[[2]int64{userIDs[i], courseIDs[i]}] = true
	}
	return w.fail
}

// side makes an account with a connection.
func (w *world) side(name string) *side {
	w.t.Helper()
	account, home, err := w.people.EnsureAccount(w.t.Context(), people.AccountSpec{Name: name, Hosts: []string{strings.ToLower(name) + ".test"}})
	require.NoError(w.t, err)
	s := &side{world: w, ctx: store.WithAccount(w.t.Context(), account.ID), account: account.ID, home: home.ID}
	s.connection = s.number(`INSERT INTO connections (account_id, name, kind) VALUES (@account_id, 'LMS', 'fake') RETURNING id`)
	return s
}

// number reads one number.
func (s *side) number(text string, args ...store.Args) (n int64) {
	s.t.Helper()
	require.NoError(s.t, s.db.Query(s.ctx, &n, text, s.args(args)))
	return n
}

func (s *side) args(args []store.Args) store.Args {
	out := store.Args{"connection": s.connection}
	for _, a := range args {
		for k, v := range a {
			out[k] = v
		}
	}
	return out
}

func (s *side) exec(text string, args ...store.Args) {
	s.t.Helper()
	_, err := s.db.Exec(s.ctx, text, s.args(args))
	require.NoError(s.t, err)
}

// lines reads rows as texts.
func (s *side) lines(text string, args ...store.Args) []string {
	s.t.Helper()
	out := []string{}
	require.NoError(s.t, s.db.Query(s.ctx, &out, text, s.args(args)))
	return out
}

func allTables() []string {
	out := make([]string, len(source.Tables))
	for i, t := range source.Tables {
		out[i] = t.Name
	}
	return out
}

// open begins a run over all tables.
func (s *side) open() mirror.Run {
	s.t.Helper()
	id := s.number(`INSERT INTO sync_runs (account_id, connection_id) VALUES (@account_id, @connection) RETURNING id`)
	return mirror.Run{ID: id, ConnectionID: s.connection, Tables: allTables(), PageRows: s.pageRows}
}

func (s *side) end(r mirror.Run) {
	s.t.Helper()
	s.exec(`UPDATE sync_runs SET state = 'completed', ended_at = now() WHERE account_id = @account_id AND id = @run`, store.Args{"run": r.ID})
}

// stage reads a system for a run.
func (s *side) stage(r mirror.Run, snap source.Snapshot) {
	s.t.Helper()
	require.NoError(s.t, s.Stage(s.ctx, r, snap, func(mirror.Progress) {}))
}

// sync runs from begin to end.
func (s *side) sync(snap source.Snapshot, full bool) map[string]mirror.Counts {
	s.t.Helper()
	r := s.open()
	r.Full = full
	s.stage(r, snap)
	out, err := s.Merge(s.ctx, r, mirror.MergeOptions{AllowDeletions: true})
	require.NoError(s.t, err)
	s.end(r)
	counts := map[string]mirror.Counts{}
	for _, c := range out.Tables {
		counts[c.Table] = c
	}
	return counts
}

// mirrored gives all rows of the mirror.
func (s *side) mirrored() map[string][]string {
	s.t.Helper()
	return mirrortest.Mirror(s.ctx, s.t, s.db, s.connection)
}

// shared gives what the shared tables say of the connection now.
func (s *side) shared() map[string][]string {
	s.t.Helper()
	return mirrortest.Shared(s.ctx, s.t, s.db, s.connection)
}

// versions tells by which transaction each row of the shared tables was written.
func (s *side) versions() []string {
	s.t.Helper()
	var out []string
	for _, table := range []string{"users", "user_roles", "courses", "enrollments", "quizzes", "quiz_attempts", "assignments", "assignment_submissions", "external_certificates", "lms_people"} {
		out = append(out, s.lines(`SELECT '`+table+`' || CAST(ctid AS text) || CAST(xmin AS text) FROM `+table+` WHERE account_id = @account_id AND @connection > 0 ORDER BY ctid`)...)
	}
	return out
}
