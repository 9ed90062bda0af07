package group

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhoMayStandBelow tries every pair of types.
func TestWhoMayStandBelow(t *testing.T) {
	t.Parallel()
	h := hierarchy{"CONTA", "REGIONAL", "UNIDADE", "EIXO", "CURSO", "TURMA", "SETOR", "CARGO"}
	for above, parent := range h {
		for below, child := range h {
			last := len(h) - 1
			require.Equal(t, above < below || above == last && below == last, h.allows(parent, child), "%s below %s", child, parent)
		}
		require.False(t, h.allows(parent, "conta"))
		require.False(t, h.allows("conta", parent))
	}
	require.True(t, hierarchy{"X"}.allows("X", "X"))
	require.False(t, hierarchy{}.allows("X", "X"))
	require.False(t, hierarchy{}.allows("", ""))
}

func TestSharedSubAccounts(t *testing.T) {
	t.Parallel()
	one, again, two := int64(1), int64(1), int64(2)
	require.True(t, shares(nil, nil))
	require.True(t, shares(nil, &one))
	require.True(t, shares(&one, &again))
	require.False(t, shares(&one, &two))
	require.False(t, shares(&one, nil))
}
