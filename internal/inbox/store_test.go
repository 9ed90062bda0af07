package inbox

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newStore(t *testing.T, opts storeOptions) *store {
	t.Helper()
	if opts.maxMessages == 0 {
		opts.maxMessages = 1000
	}
	if opts.maxBytes == 0 {
		opts.maxBytes = 1 << 20
	}
	opts.maxMessageBytes = 1 << 20
	s, err := openStore(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	return s
}

func fill(t *testing.T, s *store, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		require.NoError(t, s.add("a@hub.test", []string{"b@hub.test"}, []byte(mailOf(fmt.Sprint("mail ", i), "")), time.Now().UTC()))
	}
}

func ids(s *store) (out []uint64) {
	entries, _, _ := s.find(Filter{})
	for _, e := range entries {
		out = append(out, e.id)
	}
	return out
}

func TestStoreDropsTheOldestByCount(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, storeOptions{dir: dir, maxMessages: 3, segmentBytes: 300})
	fill(t, s, 1, 3000)
	require.Equal(t, []uint64{3000, 2999, 2998}, ids(s))
	require.Less(t, cap(s.entries), 5000, "dropped entries are given back")
	files, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	require.NoError(t, err)
	require.LessOrEqual(t, len(files), 4, "files of dropped messages are deleted")
	require.Nil(t, s.get(2997))
	require.Equal(t, "mail 2998", s.get(2998).subject)
	require.Nil(t, s.get(3001))
}

func TestStoreDropsTheOldestBySize(t *testing.T) {
	s := newStore(t, storeOptions{maxBytes: 4000})
	fill(t, s, 1, 100)
	require.LessOrEqual(t, s.bytes, int64(4000+500))
	require.Greater(t, s.len(), 5)
	require.Equal(t, uint64(100), ids(s)[0])
	for _, e := range s.entries[s.head:] {
		raw, err := s.raw(e)
		require.NoError(t, err)
		require.Contains(t, string(raw), fmt.Sprint("mail ", e.id))
	}
}

func TestStoreCutsOffAHalfWrittenRecord(t *testing.T) {
	for _, cut := range []int64{1, 10, 100} {
		dir := t.TempDir()
		s := newStore(t, storeOptions{dir: dir})
		fill(t, s, 1, 3)
		path := s.segments[0].path
		size := s.segments[0].size
		require.NoError(t, s.close())
		require.NoError(t, os.Truncate(path, size-cut))

		again := newStore(t, storeOptions{dir: dir})
		require.Equal(t, []uint64{2, 1}, ids(again))
		fill(t, again, 3, 4)
		require.NoError(t, again.close())
		require.Equal(t, []uint64{4, 3, 2, 1}, ids(newStore(t, storeOptions{dir: dir})))
	}
}

func TestStoreStopsAtGarbage(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, storeOptions{dir: dir})
	fill(t, s, 1, 2)
	require.NoError(t, s.close())
	f, err := os.OpenFile(s.segments[0].path, os.O_RDWR, 0)
	require.NoError(t, err)
	second := s.entries[1].offset
	_, err = f.WriteAt([]byte("garbage"), second-10) // in the head of the second record
	require.NoError(t, err)
	require.NoError(t, f.Close())
	again := newStore(t, storeOptions{dir: dir})
	require.Equal(t, []uint64{1}, ids(again))
}

func TestStoreReadsManySegmentsBack(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, storeOptions{dir: dir, segmentBytes: 500})
	fill(t, s, 1, 50)
	require.Greater(t, len(s.segments), 5)
	want := ids(s)
	require.NoError(t, s.close())
	again := newStore(t, storeOptions{dir: dir, segmentBytes: 500, maxMessages: 20})
	require.Equal(t, want[:20], ids(again))
}

func TestClosedStoreRefuses(t *testing.T) {
	s := newStore(t, storeOptions{})
	fill(t, s, 1, 1)
	e := s.entries[0]
	require.NoError(t, s.close())
	require.Error(t, s.add("a", nil, nil, time.Now()))
	require.Error(t, s.clear())
	_, err := s.raw(e)
	require.Error(t, err)
}
