package moodledb

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/models"
)

// with copies settings and changes some.
func with(settings source.Settings, changes ...string) source.Settings {
	s := maps.Clone(settings)
	for i := 0; i < len(changes); i += 2 {
		s[changes[i]] = changes[i+1]
	}
	return s
}

// textOf is what people are told of an error.
func textOf(t *testing.T, err error) string {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	return e.Text
}

// What is wrong with a connection is told in words, and no error has a
// password in it.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, closedPort, err := net.SplitHostPort(closed.Addr().String())
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	_, silentPort, err := net.SplitHostPort(silent.Addr().String())
	require.NoError(t, err)

	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			const secret = "hunter2-and-more"
			quick := options()
			quick.Timeout = 250 * time.Millisecond
			forbidden := options()
			forbidden.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, source.ErrForbiddenHost }
			for name, c := range map[string]struct {
				settings source.Settings
				options  source.Options
				want     error
				text     string
			}{
				"closed port":     {with(site.Settings, "port", closedPort), options(), source.ErrUnreachable, "does not answer"},
				"silent":          {with(site.Settings, "port", silentPort), quick, source.ErrUnreachable, "does not answer"},
				"unknown host":    {with(site.Settings, "host", "moodle.invalid"), options(), source.ErrUnreachable, "does not answer"},
				"forbidden host":  {site.Settings, forbidden, source.ErrForbiddenHost, "not allowed"},
				"wrong password":  {with(site.Settings, "password", secret), options(), source.ErrRefused, "refuses the user name"},
				"unknown account": {with(site.Settings, "user", "nobody_at_all", "password", secret), options(), source.ErrRefused, "refuses the user name"},
				"wrong database":  {with(site.Settings, "database", "no_such_database"), options(), source.ErrIncomplete, `database "no_such_database"`},
				"wrong prefix":    {with(site.Settings, "prefix", "xyz_"), options(), source.ErrIncomplete, `is the prefix "xyz_" right`},
				"no prefix":       {with(site.Settings, "prefix", "-"), options(), source.ErrIncomplete, `is the prefix "" right`},
				"TLS required":    {with(site.Settings, "tls", "verify-full"), options(), source.ErrTLS, "encrypted"},
			} {
				t.Run(name, func(t *testing.T) {
					err := openError(t, c.settings, c.options)
					require.ErrorIs(t, err, c.want)
					require.Contains(t, textOf(t, err), c.text)
					require.NotContains(t, err.Error(), secret)
					require.NotContains(t, err.Error(), site.Settings["password"])
					require.Equal(t, errors.Is(c.want, source.ErrUnreachable), source.Passing(err), "trying again helps only there")
				})
			}
			if engine == moodletest.Postgres {
				err := openError(t, with(site.Settings, "schema", "elsewhere"), options())
				require.ErrorIs(t, err, source.ErrIncomplete)
				require.Contains(t, textOf(t, err), "table mdl_config nor any other")
			}
		})
	}
}

// Missing tables and columns are named; a plugin that Moodle calls installed
// and whose tables are not seen is no plugin that is not there.
func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			missing := func(text string) {
				t.Helper()
				err := openError(t, site.Settings, options())
				require.ErrorIs(t, err, source.ErrIncomplete)
				require.Contains(t, textOf(t, err), text)
				s := connect(t, site.Settings)
				_, err = s.Snapshot(t.Context())
				require.ErrorIs(t, err, source.ErrIncomplete, "nothing is read then")
			}
			require.NoError(t, openError(t, site.Settings, options()))
			site.Exec(t, "ALTER TABLE mdl_quiz RENAME TO away")
			missing("table mdl_quiz that the account")
			site.Exec(t, "ALTER TABLE away RENAME TO mdl_quiz; ALTER TABLE mdl_user_enrolments RENAME COLUMN timeend TO away")
			missing("column mdl_user_enrolments.timeend")
			site.Exec(t, "ALTER TABLE mdl_user_enrolments RENAME COLUMN away TO timeend; ALTER TABLE mdl_course_completions RENAME TO away")
			missing("table mdl_course_completions that the account")
			site.Exec(t, "ALTER TABLE away RENAME TO mdl_course_completions")
			require.NoError(t, openError(t, site.Settings, options()))

			// It goes while it is read.
			snap := look(t, connect(t, site.Settings))
			site.Exec(t, "DROP TABLE mdl_cohort_members")
			_, err := snap.Read(t.Context(), source.CohortMembers, 0, math.MaxInt64, 10)
			require.ErrorIs(t, err, source.ErrIncomplete)
			require.Contains(t, textOf(t, err), "mdl_cohort_members")
			_, err = snap.Read(t.Context(), "no such table", 0, math.MaxInt64, 10)
			require.ErrorIs(t, err, source.ErrIncomplete)
		})
	}
}

// An account that may SELECT is enough, and even one that may do more changes
// nothing.
func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			moodle := moodletest.Load(t, engine, 1)
			src := connect(t, moodle.Settings)
			write := func() error {
				c, err := src.(*site).begin(t.Context())
				require.NoError(t, err)
				_, err = c.conn.ExecContext(t.Context(), "UPDATE mdl_user SET city = 'x'")
				require.NoError(t, c.end())
				return err
			}
			// The tests of reading are made with such an account.
			if engine == moodletest.MySQL {
				require.ErrorContains(t, write(), "denied")
			} else { // it looks at the kind of transaction first
				require.Zero(t, moodle.Int(t, "SELECT CAST(has_table_privilege('"+moodle.Settings["user"]+"', 'mdl_user', 'INSERT, UPDATE, DELETE') AS int)"))
			}
			moodle.Exec(t, map[string]string{
				moodletest.MySQL:    "GRANT ALL ON " + moodle.Settings["database"] + ".* TO " + moodle.Settings["user"] + "@'%'",
				moodletest.Postgres: "GRANT ALL ON ALL TABLES IN SCHEMA public TO " + moodle.Settings["user"],
			}[engine])
			err := write()
			require.Error(t, err)
			require.Contains(t, strings.ReplaceAll(strings.ToLower(err.Error()), "-", " "), "read only")
		})
	}
}

// A connection that the server ends, too many of them, and a statement that
// takes too long.
func TestServersThatEndOrWait(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			read := func(ctx context.Context, snap source.Snapshot) error {
				_, err := snap.Read(ctx, source.Users, 0, math.MaxInt64, 100)
				return err
			}

			snap := look(t, connect(t, site.Settings))
			require.NoError(t, read(t.Context(), snap))
			require.Equal(t, 1, site.EndConnections(t))
			require.ErrorIs(t, read(t.Context(), snap), source.ErrEnded)
			require.ErrorIs(t, read(t.Context(), snap), source.ErrEnded, "and it stays so")
			require.True(t, source.Passing(source.ErrEnded))

			snap = look(t, connect(t, site.Settings))
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, read(cancelled, snap), context.Canceled)
			require.NoError(t, snap.Close())

			limit := map[string]string{moodletest.MySQL: " WITH MAX_USER_CONNECTIONS ", moodletest.Postgres: " CONNECTION LIMIT "}[engine]
			account := map[string]string{moodletest.MySQL: "USER " + site.Settings["user"] + "@'%'", moodletest.Postgres: "ROLE " + site.Settings["user"]}[engine]
			one := connect(t, site.Settings)
			site.Exec(t, "ALTER "+account+limit+"1")
			var held source.Snapshot
			require.Eventually(t, func() bool { // servers count those that have ended for a moment
				var err error
				held, err = one.Snapshot(t.Context())
				return err == nil
			}, 30*time.Second, 10*time.Millisecond)
			err := openError(t, site.Settings, options())
			var busy *source.BusyError
			require.ErrorAs(t, err, &busy)
			require.ErrorIs(t, err, source.ErrBusy)
			require.Positive(t, busy.After)
			require.True(t, source.Passing(err))
			require.NoError(t, held.Close())
			site.Exec(t, "ALTER "+account+limit+map[string]string{moodletest.MySQL: "0", moodletest.Postgres: "-1"}[engine])

			// Somebody holds the table.
			quick := options()
			quick.Timeout = 300 * time.Millisecond
			s, err := New().Open(t.Context(), site.Settings, quick)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			snap = look(t, s)
			release := site.Lock(t, "mdl_user")
			require.ErrorIs(t, read(t.Context(), snap), source.ErrSlow)
			release()
		})
	}
}

// A line that goes silent in the middle is given up, one that breaks too.
func TestLinesThatBreak(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			for name, want := range map[string]error{"silent": source.ErrSlow, "cut": source.ErrEnded} {
				line := &line{}
				o := options()
				o.Timeout, o.Dial = time.Second, line.dial
				s, err := New().Open(t.Context(), site.Settings, o)
				require.NoError(t, err)
				snap, err := s.Snapshot(t.Context())
				require.NoError(t, err)
				if name == "cut" {
					line.cut()
				} else {
					line.silent.Store(true)
				}
				_, err = snap.Read(t.Context(), source.Users, 0, math.MaxInt64, 100)
				require.ErrorIs(t, err, want, name)
				require.NoError(t, snap.Close())
				require.NoError(t, s.Close())
			}
		})
	}
}

// line dials, and spoils what it dialled.
type line struct {
	silent atomic.Bool
	mu     sync.Mutex
	conns  []net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	far, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, mine := net.Pipe()
	l.mu.Lock()
	l.conns = append(l.conns, mine, far)
	l.mu.Unlock()
	pass := func(to, from net.Conn) {
		_, err := io.Copy(to, readerFunc(func(b []byte) (int, error) {
			n, err := from.Read(b)
			if l.silent.Load() {
				n = 0 // lost on the way
			}
			return n, err
		}))
		_ = errors.Join(err, to.Close())
	}
	go pass(far, mine)
	go pass(mine, far)
	return near, nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// All mistakes in the settings are told at once.
func TestSettingsAreChecked(t *testing.T) {
	good := source.Settings{"engine": "mysql", "host": "db.example.org", "database": "moodle", "user": "quad"}
	require.NoError(t, New().Check(good))
	require.NoError(t, New().Check(with(good, "host", "2001:db8::7", "prefix", "-", "port", "3307", "tls", "verify-ca", "language", "pt_br")))
	for field, values := range map[string][]string{
		"engine": {"", "oracle"}, "host": {"", "a/b", "/var/run", "a,b", "db:3306", "a b"}, "port": {"0", "65536", "x", "-1"}, "database": {"", "a\x00b"},
		"user": {" "}, "prefix": {"a-b", "mdl_; DROP", "aaaaaaaaaaaaaaaaaaaaa"}, "tls": {"yes"}, "language": {"x", "de;"},
		"ca": {"not PEM"}, "password": {strings.Repeat("x", maxField+1)},
	} {
		for _, v := range values {
			var e *models.Error
			require.ErrorAs(t, New().Check(with(good, field, v)), &e, "%s %q", field, v)
			require.Equal(t, models.KindInvalid, e.Kind)
			require.Equal(t, field, e.Fields[0].Field)
			require.NotContains(t, e.Fields[0].Text, "xxxx")
		}
	}
	var e *models.Error
	require.ErrorAs(t, New().Check(source.Settings{"port": "x", "tls": "y"}), &e)
	require.Len(t, e.Fields, 6)
	for _, f := range New().Fields() {
		require.NotEmpty(t, f.Text)
		require.Equal(t, f.Name == "password", f.Secret, f.Name)
	}
	require.Equal(t, "moodle-db", New().Kind())
}
