package moodledb

import (
	"context"
	"math"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
)

var bothEngines = []string{moodletest.MySQL, moodletest.Postgres}

// options are those of most tests: no address is forbidden.
func options() source.Options {
	return source.Options{Dial: new(net.Dialer).DialContext, Timeout: 20 * time.Second}
}

// connect opens a source that the end of the test closes.
func connect(t *testing.T, settings source.Settings) source.Source {
	t.Helper()
	s, err := New().Open(t.Context(), settings, options())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// look begins a snapshot that the end of the test ends.
func look(t *testing.T, s source.Source) source.Digester {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, snap.Close()) })
	return snap.(source.Digester)
}

// content is all that a snapshot gives of one table.
type content struct {
	rows    []source.Row
	skipped map[source.Reason]int64
}

// readTable reads a table page by page and holds the pages to their promises.
func readTable(t *testing.T, snap source.Snapshot, table string, limit int) content {
	t.Helper()
	c := content{skipped: map[source.Reason]int64{}}
	after := int64(0)
	for {
		page, err := snap.Read(t.Context(), table, after, math.MaxInt64, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Rows), limit)
		require.True(t, page.Done || page.Last > after, "a page leads on")
		for _, row := range page.Rows {
			require.Greater(t, row.ID, after, "rows come in the order of their ids")
			require.LessOrEqual(t, row.ID, page.Last)
			after = row.ID
		}
		c.rows = append(c.rows, page.Rows...)
		for reason, s := range page.Skipped {
			c.skipped[reason] += s.Count
			require.NotEmpty(t, s.Samples)
			require.LessOrEqual(t, len(s.Samples), source.MaxSamples)
		}
		if after = page.Last; page.Done {
			return c
		}
	}
}

// readAll reads all tables.
func readAll(t *testing.T, snap source.Snapshot) map[string]content {
	t.Helper()
	all := map[string]content{}
	for _, table := range source.Tables {
		all[table.Name] = readTable(t, snap, table.Name, 1000)
	}
	return all
}

// openError is what opening and reading with changed settings fails with.
func openError(t *testing.T, settings source.Settings, o source.Options) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := New().Open(ctx, settings, o)
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, s.Close()) }()
	_, err = s.Describe(ctx)
	return err
}
