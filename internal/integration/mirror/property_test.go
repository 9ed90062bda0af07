package mirror_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
)

// settled are people who were there before any system was connected.
func (s *side) settled() {
	s.exec(`INSERT INTO users (account_id, organization_id, name, email) SELECT @account_id, @home, 'Settled ' || n, 'p' || n || '@mail.test'
		FROM generate_series(0, 50, 5) n WHERE @connection > 0`, map[string]any{"home": s.home})
}

// same compares two sides, table by table.
func same(t *testing.T, want, got *side) {
	t.Helper()
	a, b := want.mirrored(), got.mirrored()
	for _, table := range source.Tables {
		require.Equal(t, a[table.Name], b[table.Name], "lms_"+table.Name)
	}
	a, b = want.shared(), got.shared()
	for name, rows := range a {
		require.Equal(t, rows, b[name], name)
		require.True(t, len(rows) > 0 || name == "ranges", name) // which systems that can't sum up don't have
	}
}

// Any sequence of runs gives what one run over the last state gives, and a run
// over everything changes nothing then.
func TestIncrementalIsFull(t *testing.T) {
	w := newWorld(t)
	for seed := uint64(1); seed <= 3; seed++ {
		t.Logf("seed %d", seed)
		l := newLife(seed)
		l.begin()
		one := w.side("One" + string(rune('0'+seed)))
		one.settled()
		one.sync(l.snapshot(), false)
		for range 3 {
			l.day()
			one.sync(l.snapshot(), false)
		}
		other := w.side("Other" + string(rune('0'+seed)))
		other.settled()
		first := other.sync(l.snapshot(), false)
		same(t, other, one)

		for name, c := range one.sync(l.snapshot(), true) { // nothing to do
			require.Zero(t, c.Inserted+c.Updated+c.Deleted, name)
			require.Equal(t, first[name].Skipped, c.Skipped, name)
			require.Equal(t, first[name].Inserted, c.Unchanged, name)
			require.Equal(t, first[name].Read, c.Read, name)
		}
		before := one.versions()
		one.sync(l.snapshot(), true)
		require.Equal(t, before, one.versions(), "a full run writes nothing")
		require.NoError(t, w.Reset(one.ctx, one.connection))
		for name, rows := range one.mirrored() {
			require.Empty(t, rows, name)
		}
		one.sync(l.snapshot(), false)
		require.Equal(t, before, one.versions(), "a new mirror finds what there is")
		same(t, other, one)
	}
}

// A run that is cut again and again, and goes on with a new snapshot each time,
// of a system that changes meanwhile, is as one that was not.
func TestCutRuns(t *testing.T) {
	w := newWorld(t)
	for _, canSum := range []bool{true, false} {
		for seed := uint64(11); seed <= 12; seed++ {
			t.Logf("seed %d, digests %v", seed, canSum)
			name := fmt.Sprint(seed, canSum)
			l := newLife(seed)
			l.begin()
			cut, whole := w.side("Cut"+name), w.side("Whole"+name)
			for _, s := range []*side{cut, whole} {
				s.settled()
				s.sync(l.snapshot(), false)
			}
			for range 2 {
				l.day()
				r, cuts := cut.open(), 0
				for {
					l.left = l.r.IntN(80 + 40*cuts)
					err := cut.Stage(cut.ctx, r, view(l.snapshot(), canSum), func(mirror.Progress) {})
					if l.left = -1; err == nil {
						break
					}
					require.ErrorIs(t, err, source.ErrEnded)
					_, err = cut.Merge(cut.ctx, r, mirror.MergeOptions{AllowDeletions: true})
					require.ErrorIs(t, err, mirror.ErrNotStaged)
					cuts++
					if canSum && cuts < 4 { // what was staged before is checked
						l.day()
					}
				}
				require.NotZero(t, cuts)
				_, err := cut.Merge(cut.ctx, r, mirror.MergeOptions{AllowDeletions: true})
				require.NoError(t, err)
				cut.end(r)
				whole.sync(view(l.snapshot(), canSum), false)
				same(t, whole, cut)
			}
		}
	}
}

// view is a snapshot that can sum up, or one that can't.
func view(s *snapshot, canSum bool) source.Snapshot {
	if canSum {
		return s
	}
	return plain{s}
}
