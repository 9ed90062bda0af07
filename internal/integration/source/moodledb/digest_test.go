package moodledb

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
)

// piece is a range with what Read gives of it.
type piece struct {
	source.Range
	until   int64 // up to where it was asked for
	rows    []source.Row
	skipped map[source.Reason]source.Skipped
}

// pieces cuts a table into ranges of at most so many rows; the last is open.
func pieces(t *testing.T, snap source.Digester, table string, rows int) (out []piece) {
	t.Helper()
	after := int64(0)
	for {
		r, err := snap.Digest(t.Context(), table, after, math.MaxInt64, rows)
		require.NoError(t, err)
		require.Equal(t, after, r.First)
		if r.Rows == 0 {
			require.Equal(t, r.First, r.Last)
			return append(out, again(t, snap, table, piece{Range: r, until: math.MaxInt64}))
		}
		require.LessOrEqual(t, r.Rows, int64(rows))
		p := again(t, snap, table, piece{Range: r, until: r.Last})
		require.Equal(t, r, p.Range, "the same rows have the same digest")
		out = append(out, p)
		after = r.Last
	}
}

// again sums up and reads a range that is known.
func again(t *testing.T, snap source.Digester, table string, p piece) piece {
	t.Helper()
	r, err := snap.Digest(t.Context(), table, p.First, p.until, math.MaxInt32)
	require.NoError(t, err)
	page, err := snap.Read(t.Context(), table, p.First, p.until, math.MaxInt32)
	require.NoError(t, err)
	require.True(t, page.Done)
	require.Equal(t, r.Last, page.Last)
	require.GreaterOrEqual(t, r.Rows, int64(len(page.Rows)))
	return piece{Range: r, until: p.until, rows: page.Rows, skipped: page.Skipped}
}

// home tells which of our tables has the rows of one of Moodle's, and which
// key they have there.
func home(t *testing.T, s source.Source) map[string]func(id int64) (string, int64) {
	t.Helper()
	src := s.(*site)
	out := map[string]func(int64) (string, int64){}
	require.NoError(t, src.once(t.Context(), func(c *session) error {
		l, err := src.layout(t.Context(), c)
		require.NoError(t, err)
		for name, q := range l.catalogue() {
			for n, p := range q.parts {
				out[p.from] = func(id int64) (string, int64) { return name, id*int64(len(q.parts)) + int64(n) }
			}
		}
		return nil
	}))
	return out
}

// readColumns are the columns that are read of Moodle's tables.
func readColumns() map[string][]string {
	out := map[string][]string{}
	for _, n := range slices.Concat(core, optional) {
		out[n.table] = append(out[n.table], strings.Fields(n.columns)...)
	}
	for _, p := range plugins {
		for _, n := range p.tables {
			out[n.table] = append(out[n.table], strings.Fields(n.columns)...)
		}
	}
	return out
}

// Over a day of changes: the digest of a range is the same if and only if Read
// gives the same rows, and each row that changes in what is read changes the
// digest of its range, also where no time of change tells of it.
func TestDigestsFollowTheRows(t *testing.T) {
	for seed, engine := range map[int]string{3: moodletest.MySQL, 4: moodletest.Postgres} {
		t.Run(fmt.Sprint(engine, seed), func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, seed)
			s := connect(t, site.Settings)
			before, after := map[string][]piece{}, map[string][]piece{}
			snap := look(t, s)
			for _, table := range source.Tables {
				before[table.Name] = pieces(t, snap, table.Name, 100)
			}
			site.Mutate(t)
			for table, old := range before { // the snapshot sees nothing of it
				for _, p := range old[:1] {
					require.Equal(t, p, again(t, snap, table, p))
				}
			}
			snap = look(t, s)
			same, differ := 0, 0
			for table, old := range before {
				for _, p := range old {
					now := again(t, snap, table, p)
					after[table] = append(after[table], now)
					equal := slices.EqualFunc(p.rows, now.rows, func(a, b source.Row) bool { return a.ID == b.ID && slices.Equal(a.Values, b.Values) }) &&
						maps.EqualFunc(p.skipped, now.skipped, func(a, b source.Skipped) bool { return a.Count == b.Count && slices.Equal(a.Samples, b.Samples) })
					require.Equal(t, equal, p.Digest == now.Digest, "%s above %d", table, p.First)
					if equal {
						same++
					} else {
						differ++
					}
				}
			}
			require.Greater(t, same, 5)
			require.Greater(t, differ, 20)

			homes, columns, checked := home(t, s), readColumns(), 0
			for _, change := range site.Changes() {
				where := homes[change.Table]
				if where == nil {
					continue // others hang on it, if it is read at all
				}
				if change.Op == "update" && !slices.ContainsFunc(columns[change.Table], func(c string) bool { _, set := change.Set[c]; return set }) {
					continue // in a column that is not read
				}
				table, key := where(change.ID)
				if table == source.Grades && !slices.ContainsFunc(slices.Concat(before[table], after[table]), func(p piece) bool {
					return slices.ContainsFunc(p.rows, func(r source.Row) bool { return r.ID == key })
				}) {
					continue // no course total
				}
				i := slices.IndexFunc(before[table], func(p piece) bool { return p.First < key && key <= p.until })
				require.NotEqual(t, before[table][i].Digest, after[table][i].Digest, "%+v", change)
				checked++
			}
			require.Greater(t, checked, 100)
		})
	}
}

// What depends on a setting of the connection changes digests with it, and a
// range has no rows of its neighbours.
func TestDigestsOfSettingsAndBounds(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			snap := look(t, connect(t, site.Settings))
			all, err := snap.Digest(t.Context(), source.Courses, 0, math.MaxInt64, 1000)
			require.NoError(t, err)
			other := maps.Clone(site.Settings)
			other["language"] = "en"
			translated, err := look(t, connect(t, other)).Digest(t.Context(), source.Courses, 0, math.MaxInt64, 1000)
			require.NoError(t, err)
			require.NotEqual(t, all.Digest, translated.Digest)
			translated.Digest = all.Digest
			require.Equal(t, all, translated)

			for _, table := range []string{source.Users, source.Roles, source.Awards} {
				whole := readTable(t, snap, table, 1_000_000)
				require.Equal(t, whole, readTable(t, snap, table, 7), "%s in small pages", table)
				middle := whole.rows[len(whole.rows)/3 : len(whole.rows)/2]
				first, last := whole.rows[len(whole.rows)/3-1].ID, middle[len(middle)-1].ID
				page, err := snap.Read(t.Context(), table, first, last, 1_000_000)
				require.NoError(t, err)
				require.True(t, page.Done)
				require.Equal(t, middle, page.Rows, table)
				none, err := snap.Digest(t.Context(), table, math.MaxInt64-1, math.MaxInt64, 10)
				require.NoError(t, err)
				require.Equal(t, source.Range{First: math.MaxInt64 - 1, Last: math.MaxInt64 - 1}, none)
			}
		})
	}
}
