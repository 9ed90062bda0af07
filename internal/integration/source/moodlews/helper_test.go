package moodlews

import (
	"context"
	"math"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodletest"
	"quad/internal/integration/source/moodletest/wsserver"
)

// options are those of most tests: no address is forbidden.
func options() source.Options {
	return source.Options{Dial: new(net.Dialer).DialContext, Timeout: 20 * time.Second}
}

// look begins a snapshot that the end of the test ends.
func look(t *testing.T, c source.Connector, settings source.Settings) source.Snapshot {
	t.Helper()
	s, err := c.Open(t.Context(), settings, options())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	snap, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, snap.Close()) })
	return snap
}

// content is all that a snapshot gives of one table.
type content struct {
	table   source.Table
	rows    []source.Row
	skipped map[source.Reason]int64
	kept    []source.Span
}

// readTable reads a table page by page and holds the pages to their promises.
func readTable(t *testing.T, snap source.Snapshot, table string, limit int) content {
	t.Helper()
	known, ok := source.TableOf(table)
	require.True(t, ok)
	c := content{table: known, skipped: map[source.Reason]int64{}}
	after, last := int64(0), int64(0)
	for {
		page, err := snap.Read(t.Context(), table, after, math.MaxInt64, limit)
		require.NoError(t, err, table)
		require.LessOrEqual(t, len(page.Rows), limit)
		require.True(t, page.Done || page.Last > after, "a page leads on")
		for _, row := range page.Rows {
			require.Greater(t, row.ID, last, "rows come in the order of their ids")
			require.LessOrEqual(t, row.ID, page.Last)
			last = row.ID
			requireTyped(t, known, row)
		}
		for _, k := range page.Kept {
			require.GreaterOrEqual(t, k.First, after)
			require.Greater(t, k.Last, k.First)
			require.LessOrEqual(t, k.Last, page.Last)
		}
		c.rows, c.kept = append(c.rows, page.Rows...), append(c.kept, page.Kept...)
		for reason, s := range page.Skipped {
			c.skipped[reason] += s.Count
		}
		if after = page.Last; page.Done {
			return c
		}
	}
}

// requireTyped holds the values of a row to the types of the columns.
func requireTyped(t *testing.T, table source.Table, r source.Row) {
	t.Helper()
	require.Len(t, r.Values, len(table.Columns))
	for i, c := range table.Columns {
		if r.Values[i] == nil {
			require.True(t, c.Nullable, "%s.%s of %d", table.Name, c.Name, r.ID)
			continue
		}
		want := map[source.Type]any{source.Int: int64(0), source.Float: 0.0, source.Text: "", source.Bool: false, source.Time: time.Time{}}[c.Type]
		require.IsType(t, want, r.Values[i], "%s.%s of %d", table.Name, c.Name, r.ID)
	}
}

// readAll reads all tables.
func readAll(t *testing.T, snap source.Snapshot, limit int) map[string]content {
	t.Helper()
	all := map[string]content{}
	for _, table := range source.Tables {
		all[table.Name] = readTable(t, snap, table.Name, limit)
	}
	return all
}

func (c content) value(r source.Row, column string) any { return r.Values[c.table.Index(column)] }
func (c content) id(r source.Row, column string) int64 {
	id, _ := c.value(r, column).(int64)
	return id
}
func (c content) is(r source.Row, column string) bool { return c.value(r, column).(bool) }

// moodleOf loads a site and starts its web services.
func moodleOf(t *testing.T, seed int) (*moodletest.Site, *wsserver.Server) {
	t.Helper()
	site := moodletest.Load(t, moodletest.Postgres, seed)
	return site, wsserver.New(t, site)
}

// database reads a site as moodle-db does.
func database(t *testing.T, site *moodletest.Site) map[string]content {
	t.Helper()
	return readAll(t, look(t, moodledb.New(), site.Settings), 5000)
}

// fails is what a connection fails with, at whatever of its steps, when a table
// is read.
func fails(t *testing.T, settings source.Settings, o source.Options, table string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := New().Open(ctx, settings, o)
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, s.Close()) }()
	if _, err := s.Describe(ctx); err != nil {
		return err
	}
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		page, err := snap.Read(ctx, table, after, math.MaxInt64, 100)
		if err != nil || page.Done {
			return err
		}
		after = page.Last
	}
}
