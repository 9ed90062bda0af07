package mirror_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
)

// The mirrors and the staging tables have the columns of source.Tables.
func TestTablesAreThoseOfSource(t *testing.T) {
	s := newWorld(t).side("One")
	for _, prefix := range []string{"lms_", "lms_stage_"} {
		for _, table := range source.Tables {
			key := "connection_id"
			if prefix == "lms_stage_" {
				key = "run_id"
			}
			want := []string{key + " bigint NO", "account_id bigint NO", "source_id bigint NO"}
			for _, c := range table.Columns {
				kind, null := string(c.Type), "NO"
				if c.Type == source.Time {
					kind = "timestamp with time zone"
				}
				if c.Nullable {
					null = "YES"
				}
				want = append(want, fmt.Sprint(c.Name, " ", kind, " ", null))
			}
			require.Equal(t, want, s.lines(`SELECT column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
				WHERE table_name = @table AND CAST(@account_id AS bigint) > 0 ORDER BY ordinal_position`, map[string]any{"table": prefix + table.Name}), prefix+table.Name)
		}
	}
}

// A page that leads nowhere, or beyond what was asked for, is no answer.
func TestPagesThatMakeNoSense(t *testing.T) {
	s := newWorld(t).side("One")
	for name, page := range map[string]source.Page{
		"stands still": {},
		"too far":      {Last: 1 << 40, Rows: []source.Row{{ID: 1 << 40, Values: make([]any, len(source.Tables[0].Columns))}}},
		"other values": {Last: 1, Done: true, Rows: []source.Row{{ID: 1}}},
	} {
		r := s.open()
		err := s.Stage(s.ctx, r, fixed{school().snapshot(), page}, func(mirror.Progress) {})
		require.ErrorIs(t, err, source.ErrProtocol, name)
		s.end(r)
	}
	_, err := mirror.New(mirror.Deps{DB: s.db})
	require.Error(t, err)
	r := s.open()
	r.Tables = []string{"nothing"}
	require.Error(t, s.Stage(s.ctx, r, school().snapshot(), func(mirror.Progress) {}))
}

// fixed gives always the same page.
type fixed struct {
	*snapshot
	page source.Page
}

func (f fixed) Read(context.Context, string, int64, int64, int) (source.Page, error) {
	return f.page, nil
}
