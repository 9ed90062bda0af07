package invite

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPages: whatever a file holds, the pages that its check found are read
// again with the same rows, in one go and each on its own.
func FuzzPages(f *testing.F) {
	f.Add([]byte("name,email,roles\nA,a@b.example,mentor\nB,a@b.example,mentor\n\n\"x\ny\",,\n\"open\nC,c@b.example,mentor"))
	f.Add([]byte("\xEF\xBB\xBFroles;name;email\r\n\"mentor;user\";A;a@b.example\r\n;;\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		cfg := testConfig()
		cfg.PageRows = 2
		book := roleBook{"mentor": {id: 1, givable: true}}
		index := indexer{cfg: cfg, book: book, heartbeat: func(int64) {}, seen: map[addressKey]struct{}{}}
		if err := index.read(t.Context(), bytes.NewReader(in)); err != nil {
			require.ErrorAs(t, err, new(unusable))
			return
		}
		open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(in[offset:])), nil
		}
		through := pageReader{layout: index.layout, open: open}
		seen := map[string]bool{}
		next := int64(1)
		for _, entry := range index.pages {
			whole, alone := page{InviteFilePage: entry}, page{InviteFilePage: entry}
			require.NoError(t, through.read(t.Context(), &whole, book))
			reader := pageReader{layout: index.layout, open: open}
			require.NoError(t, reader.read(t.Context(), &alone, book))
			require.Equal(t, whole.rows, alone.rows)
			for _, r := range whole.rows {
				require.Equal(t, next, r.no)
				next++
				if r.verdict == notJudged || r.verdict == Duplicate {
					require.Equal(t, seen[r.email], r.verdict == Duplicate)
					seen[r.email] = true
				}
			}
		}
		require.Equal(t, index.total, next-1)
	})
}
