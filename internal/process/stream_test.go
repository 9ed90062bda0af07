package process_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// drain reads a stream to its end and gives the ids of the events.
func drain(ctx context.Context, st *process.Stream) (ids []int64, err error) {
	for {
		events, err := st.Next(ctx, time.Minute)
		if errors.Is(err, io.EOF) {
			return ids, nil
		}
		if err != nil {
			return ids, err
		}
		for _, e := range events {
			ids = append(ids, e.ID)
		}
	}
}

func TestStreamGivesEachEventOnceAndEnds(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)

	const readers = 5
	type outcome struct {
		ids []int64
		err error
	}
	done := make(chan outcome, readers)
	for range readers {
		st, err := s.Subscribe(w.ctx, p.ID, 0)
		require.NoError(t, err)
		go func() {
			defer st.Close()
			ids, err := drain(w.ctx, st)
			done <- outcome{ids, err}
		}()
	}
	_, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessRunning})
	require.NoError(t, err)
	for range 150 { // more than a page
		require.NoError(t, s.Note(w.ctx, p.ID, "note", "again", nil))
	}
	_, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessCompleted})
	require.NoError(t, err)

	var want []int64
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &want, `SELECT id FROM process_events ORDER BY id`, nil))
	require.Len(t, want, 153)
	for range readers {
		got := <-done
		require.NoError(t, got.err)
		require.Equal(t, want, got.ids)
	}

	// A client that comes back goes on after the last event it has seen.
	st, err := s.Subscribe(w.ctx, p.ID, want[100])
	require.NoError(t, err)
	defer st.Close()
	rest, err := drain(w.ctx, st)
	require.NoError(t, err)
	require.Equal(t, want[101:], rest)
}

func TestStreamIsWokenAtOnce(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	st, err := s.Subscribe(w.ctx, p.ID, 0)
	require.NoError(t, err)
	defer st.Close()
	_, err = st.Next(w.ctx, time.Minute)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return w.count(t, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`, nil) == 1
	}, patience, 10*time.Millisecond)

	quiet, err := st.Next(w.ctx, time.Millisecond)
	require.NoError(t, err)
	require.Empty(t, quiet)

	for range 3 {
		got := make(chan time.Time)
		go func() {
			if events, err := st.Next(w.ctx, time.Minute); err == nil && len(events) == 1 {
				got <- time.Now()
			}
		}()
		begin := time.Now()
		require.NoError(t, s.Note(w.ctx, p.ID, "note", "hello", nil))
		require.Less(t, (<-got).Sub(begin), 3*time.Second, "sooner than the poll")
	}

	_, err = s.Subscribe(store.WithAccount(t.Context(), 2), p.ID, 0)
	require.ErrorIs(t, err, models.ErrNotFound)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	_, err = st.Next(ctx, time.Minute)
	require.ErrorIs(t, err, context.Canceled)

	// The last stream takes the listening connection with it.
	st.Close()
	require.Eventually(t, func() bool {
		return w.count(t, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`, nil) == 0
	}, patience, 10*time.Millisecond)
}
