package moodledb

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
)

// tables are all of Moodle's tables that are read and are in the test data.
func tables() []string {
	names := map[string]bool{}
	for _, n := range core {
		names[n.table] = true
	}
	for _, p := range plugins[:4] {
		for _, n := range p.tables {
			names[n.table] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// digests sums up all tables.
func digests(t *testing.T, snap source.Digester) map[string]source.Range {
	t.Helper()
	out := map[string]source.Range{}
	for _, table := range source.Tables {
		r, err := snap.Digest(t.Context(), table.Name, 0, math.MaxInt64, 1_000_000)
		require.NoError(t, err)
		out[table.Name] = r
	}
	return out
}

// However the tables are named and stored, the rows and digests are the same.
func TestEveryPrefixSchemaAndVersion(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			quote := map[string]string{moodletest.MySQL: "`", moodletest.Postgres: `"`}[engine]
			site := moodletest.Load(t, engine, 4)
			settings := site.Settings
			snap := look(t, connect(t, settings))
			rows, sums := readAll(t, snap), digests(t, snap)
			require.NoError(t, snap.Close())
			same := func(what string) {
				t.Helper()
				snap := look(t, connect(t, settings))
				defer func() { require.NoError(t, snap.Close()) }()
				require.Equal(t, rows, readAll(t, snap), what)
				require.Equal(t, sums, digests(t, snap), what)
			}
			rename := func(from, to string) {
				var b strings.Builder
				for _, table := range tables() {
					b.WriteString("ALTER TABLE " + quote + from + table + quote + " RENAME TO " + quote + to + table + quote + ";\n")
				}
				site.Exec(t, b.String())
			}
			rename("mdl_", "")
			settings = with(settings, "prefix", "-")
			same("no prefix")
			rename("", "M45_x")
			settings = with(settings, "prefix", "M45_x")
			same("another prefix")
			if engine == moodletest.Postgres {
				site.Exec(t, `ALTER SCHEMA public RENAME TO "Moodle's"`)
				settings = with(settings, "schema", "Moodle's")
				same("another schema")
				return
			}
			// Tables of an old site, half of them converted.
			for _, table := range []string{"enrol", "badge", "certificate_issues", "role", "config", "grade_items"} {
				site.Exec(t, "ALTER TABLE M45_x"+table+" CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci")
			}
			site.Exec(t, "ALTER TABLE M45_xcohort CONVERT TO CHARACTER SET latin1")
			same("mixed character sets")
		})
	}
}

// What Moodle 4.0 lacks is not asked for.
func TestOldVersions(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			snap := look(t, connect(t, site.Settings))
			before := readAll(t, snap)
			require.NoError(t, snap.Close()) // who changes a table waits for those who read it
			site.Exec(t, `ALTER TABLE mdl_course DROP COLUMN pdfexportfont; ALTER TABLE mdl_course_modules DROP COLUMN lang; ALTER TABLE mdl_quiz DROP COLUMN reviewmaxmarks;
				ALTER TABLE mdl_assign DROP COLUMN markinganonymous; ALTER TABLE mdl_assign_submission DROP COLUMN timestarted;
				ALTER TABLE mdl_course_modules_completion ADD COLUMN viewed smallint; DROP TABLE mdl_course_modules_viewed`)
			require.Equal(t, before, readAll(t, look(t, connect(t, site.Settings))))
		})
	}
}

// A description says what a site is and what it can't have.
func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 4)
			src := connect(t, site.Settings)
			d, err := src.Describe(t.Context())
			require.NoError(t, err)
			require.Equal(t, "Moodle 4.5.6 (Build: 20250811)", d.Product)
			require.Regexp(t, map[string]string{moodletest.MySQL: `^MariaDB \d+\.\d+\.\d+$`, moodletest.Postgres: `^PostgreSQL \d+\.\d+$`}[engine], d.Server)
			require.Len(t, d.Tables, len(source.Tables))
			require.Equal(t, map[string]string{"awards.tool_certificate": "the plugin tool_certificate is not installed"}, d.Absent)
			snap := look(t, src)
			badges := byKey(readTable(t, snap, source.Awards, 1000))
			require.NoError(t, snap.Close())

			// Without the plugins: fewer awards, under the same keys.
			site.Exec(t, `DROP TABLE mdl_customcert; DROP TABLE mdl_customcert_issues; DROP TABLE mdl_certificate; DROP TABLE mdl_certificate_issues;
				DROP TABLE mdl_assign; DROP TABLE mdl_assign_submission; DROP TABLE mdl_assign_grades; DROP TABLE mdl_assign_user_flags;
				DROP TABLE mdl_quiz; DROP TABLE mdl_quiz_attempts;
				DELETE FROM mdl_config_plugins WHERE plugin IN ('mod_customcert', 'mod_certificate', 'mod_assign', 'mod_quiz')`)
			maps.DeleteFunc(badges, func(_ int64, values []any) bool { return values[0] != "badge" })
			require.NotEmpty(t, badges)
			snap = look(t, src)
			require.Equal(t, badges, byKey(readTable(t, snap, source.Awards, 3)))
			d, err = src.Describe(t.Context())
			require.NoError(t, err)
			require.Len(t, d.Absent, 8)
			for _, table := range []string{source.Quizzes, source.QuizAttempts, source.Assignments, source.Submissions, source.SubmissionMarks} {
				require.NotContains(t, d.Tables, table)
				require.Contains(t, d.Absent[table], "is not installed")
				_, err := snap.Read(t.Context(), table, 0, math.MaxInt64, 1)
				require.ErrorIs(t, err, source.ErrIncomplete)
			}
			require.NotEmpty(t, readTable(t, snap, source.Grades, 1000).rows)
		})
	}
}

// byKey are the values of rows by their ids.
func byKey(c content) map[int64][]any {
	out := map[int64][]any{}
	for _, r := range c.rows {
		out[r.ID] = r.Values
	}
	return out
}

// Who may read the columns that docs/connectors.md names, and no others, may
// read all that is needed.
func TestGrantsOfColumnsAreEnough(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 4)
			snap := look(t, connect(t, site.Settings))
			rows, sums := readAll(t, snap), digests(t, snap)
			require.NoError(t, snap.Close())
			account := site.Settings["user"]
			statement := "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM " + account
			if engine == moodletest.MySQL {
				account += "@'%'"
				statement = "REVOKE SELECT ON " + site.Settings["database"] + ".* FROM " + account
			}
			columns := readColumns()
			for _, table := range tables() {
				statement += "; GRANT SELECT (" + strings.Join(columns[table], ", ") + ") ON mdl_" + table + " TO " + account
			}
			site.Exec(t, statement)
			snap = look(t, connect(t, site.Settings))
			require.Equal(t, rows, readAll(t, snap))
			require.Equal(t, sums, digests(t, snap))
			err := snap.(*snapshot).session.rows(t.Context(), "SELECT password FROM mdl_user", nil)
			require.ErrorIs(t, err, source.ErrIncomplete)
		})
	}
}
