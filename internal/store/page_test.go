package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
)

func TestPageSize(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 100, 0: 100, 1: 1, 100: 100, 101: 100} {
		require.Equal(t, want, store.PageSize(limit), "limit %d", limit)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	key := func(n int) int64 { return int64(n) }
	for _, c := range []struct {
		rows, page []int
		next       int64
	}{
		{nil, nil, 0},
		{[]int{9}, []int{9}, 0},
		{[]int{9, 7}, []int{9, 7}, 0}, // full, and nothing behind it
		{[]int{9, 7, 5}, []int{9, 7}, 7},
	} {
		page, next := store.Cut(c.rows, 2, key)
		require.Equal(t, c.page, page)
		require.Equal(t, c.next, next)
	}
}

func TestStorable(t *testing.T) {
	t.Parallel()
	require.True(t, store.Storable("naïve ☕\n"))
	require.True(t, store.Storable(""))
	require.False(t, store.Storable("a\x00b"))
	require.False(t, store.Storable("a\xff"))
}
