package demo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/learning/figures"
	"quad/internal/store"
)

func TestSeededFigures(t *testing.T) {
	h := emptyHub(t)
	data, _, err := Seed(t.Context(), h, keep)
	require.NoError(t, err)
	ctx, all := store.WithAccount(t.Context(), data.Account.ID), figures.Scope{All: true}
	training, err := h.Figures.Training(ctx, all, figures.Period{})
	require.NoError(t, err)
	require.Equal(t, int64(40), training.Trainees)
	require.Greater(t, training.AverageScore, 60.0)
	require.Less(t, training.AverageScore, 95.0)
	listed, err := h.Figures.Quizzes(ctx, all, figures.Period{})
	require.NoError(t, err)
	require.Len(t, listed, len(quizzes))
	for _, q := range listed {
		require.Positive(t, q.Attempts, q.Name)
		require.Positive(t, q.AverageMinutes, q.Name)
	}
	tasks, err := h.Figures.Assignments(ctx, all, figures.Period{})
	require.NoError(t, err)
	require.Len(t, tasks, len(assignments))
	for _, a := range tasks {
		require.Positive(t, a.AverageScore, a.Name)
	}

	// Again: nothing is added.
	_, _, err = Seed(t.Context(), h, keep)
	require.NoError(t, err)
	again, err := h.Figures.Quizzes(ctx, all, figures.Period{})
	require.NoError(t, err)
	require.Equal(t, listed, again)
}
