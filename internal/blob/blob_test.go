package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testKey = bytes.Repeat([]byte("k"), 32)

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func openFolder(t *testing.T) (*Store, *clock, string) {
	t.Helper()
	dir, c := t.TempDir(), newClock()
	s, err := Open(t.Context(), Options{
		URL: "file://" + dir, PublicURL: "https://hub.test/", Keys: [][]byte{testKey}, Now: c.now, MaxUpload: 1 << 20,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, c, dir
}

// conformance is what every store must do.
func conformance(t *testing.T, s *Store) {
	ctx := t.Context()
	n, err := s.Write(ctx, "a/b/Zoë +%.csv", strings.NewReader("0123456789"), WriteOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
	info, err := s.Attributes(ctx, "a/b/Zoë +%.csv")
	require.NoError(t, err)
	require.EqualValues(t, 10, info.Size)
	require.Equal(t, "text/csv; charset=utf-8", info.ContentType)
	require.NotEmpty(t, info.Version)

	for want, o := range map[string]ReadOptions{
		"0123456789": {}, "345": {Offset: 3, Length: 3}, "789": {Offset: 7}, "89": {Offset: 8, Length: 100},
		"012": {Length: 3, Version: info.Version},
	} {
		r, err := s.Open(ctx, "a/b/Zoë +%.csv", o)
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, want, string(b))
		require.EqualValues(t, 10, r.Size)
	}
	_, err = s.NewReader(ctx, "a/b/none.csv")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.Attributes(ctx, "a/b/none.csv")
	require.ErrorIs(t, err, ErrNotFound)
	ok, err := s.Exists(ctx, "a/b/none.csv")
	require.NoError(t, err)
	require.False(t, ok)

	_, err = s.Write(ctx, "a/b/Zoë +%.csv", io.MultiReader(strings.NewReader("half"), errReader{}), WriteOptions{})
	require.ErrorIs(t, err, errBroken)
	_, err = s.Write(ctx, "a/b/Zoë +%.csv", strings.NewReader("0123456789x"), WriteOptions{Max: 10})
	require.ErrorIs(t, err, ErrTooLarge)
	again, err := s.Attributes(ctx, "a/b/Zoë +%.csv")
	require.NoError(t, err)
	require.Equal(t, info.Version, again.Version, "a failed write leaves the object alone")

	_, err = s.Write(ctx, "a/b/Zoë +%.csv", strings.NewReader("another"), WriteOptions{})
	require.NoError(t, err)
	_, err = s.Open(ctx, "a/b/Zoë +%.csv", ReadOptions{Version: info.Version})
	require.ErrorIs(t, err, ErrChanged)

	_, err = s.Write(ctx, "once.txt", strings.NewReader("1"), WriteOptions{Once: true})
	require.NoError(t, err)
	_, err = s.Write(ctx, "once.txt", strings.NewReader("2"), WriteOptions{Once: true})
	require.ErrorIs(t, err, ErrExists)

	require.NoError(t, s.Delete(ctx, "once.txt"))
	require.NoError(t, s.Delete(ctx, "once.txt"), "deleting twice is fine")
	ok, err = s.Exists(ctx, "once.txt")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, s.Check(ctx))

	for _, call := range []error{
		func() error { _, err := s.Write(ctx, "../x", nil, WriteOptions{}); return err }(),
		func() error { _, err := s.NewReader(ctx, "../x"); return err }(),
		func() error { _, err := s.Attributes(ctx, "../x"); return err }(),
		func() error { _, err := s.Exists(ctx, "../x"); return err }(),
		func() error { _, err := s.SignedUploadURL(ctx, "../x", "", 0); return err }(),
		func() error { _, err := s.SignedDownloadURL(ctx, "../x", 0, ""); return err }(),
		s.Delete(ctx, "../x"),
	} {
		require.ErrorIs(t, call, ErrKey)
	}
}

var errBroken = errors.New("the client is gone")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }

func TestFolder(t *testing.T) {
	s, _, dir := openFolder(t)
	conformance(t, s)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		require.NotContains(t, path, ".tmp", "nothing is left of broken writes")
		return err
	}))
}

func TestNothingIsVisibleBeforeItIsWhole(t *testing.T) {
	s, _, _ := openFolder(t)
	w, err := s.NewWriter(t.Context(), "result.csv", WriteOptions{})
	require.NoError(t, err)
	_, err = w.Write(bytes.Repeat([]byte("x"), 1<<20))
	require.NoError(t, err)
	ok, err := s.Exists(t.Context(), "result.csv")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, w.Commit())
	w.Abort() // after Commit: nothing
	ok, err = s.Exists(t.Context(), "result.csv")
	require.NoError(t, err)
	require.True(t, ok)

	ctx, cancel := context.WithCancel(t.Context())
	w, err = s.NewWriter(ctx, "cancelled.csv", WriteOptions{})
	require.NoError(t, err)
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, w.Commit(), context.Canceled)
	ok, err = s.Exists(t.Context(), "cancelled.csv")
	require.NoError(t, err)
	require.False(t, ok)
}

// take parts a link into what a server sees.
func take(t *testing.T, link string) (key string, q url.Values) {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	require.Equal(t, "hub.test", u.Host)
	key, ok := strings.CutPrefix(u.Path, FilesPath)
	require.True(t, ok)
	return key, u.Query()
}

func TestLinks(t *testing.T) {
	s, clock, _ := openFolder(t)
	up, err := s.SignedUploadURL(t.Context(), "users/7-ä b.csv", "text/csv", 0)
	require.NoError(t, err)
	key, q := take(t, up)
	g, err := s.Verify("PUT", key, q)
	require.NoError(t, err)
	require.Equal(t, "users/7-ä b.csv", g.Key)

	for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "put"} {
		_, err = s.Verify(method, key, q)
		require.ErrorIs(t, err, ErrLink, method)
	}
	_, err = s.Verify("PUT", "users/8-ä b.csv", q)
	require.ErrorIs(t, err, ErrLink, "one object")

	_, err = s.Receive(t.Context(), g, "image/png", strings.NewReader("x"))
	require.ErrorIs(t, err, ErrLinkType)
	n, err := s.Receive(t.Context(), g, "text/csv; charset=latin1", strings.NewReader("name"))
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	_, err = s.Receive(t.Context(), g, "text/csv", bytes.NewReader(make([]byte, 1<<20+1)))
	require.ErrorIs(t, err, ErrTooLarge)
	n, err = s.Receive(t.Context(), g, "text/csv", strings.NewReader("a repeated upload stands"))
	require.NoError(t, err)
	require.EqualValues(t, 24, n)

	down, err := s.SignedDownloadURL(t.Context(), "users/7-ä b.csv", time.Minute, "../my file.csv")
	require.NoError(t, err)
	dkey, dq := take(t, down)
	got, err := s.Verify("HEAD", dkey, dq)
	require.NoError(t, err)
	require.Equal(t, "my file.csv", got.FileName)
	_, err = s.Verify("PUT", dkey, dq)
	require.ErrorIs(t, err, ErrLink)
	_, err = s.Receive(t.Context(), got, "", strings.NewReader("x"))
	require.ErrorIs(t, err, ErrLink, "a download link stores nothing")

	clock.advance(time.Minute - time.Second)
	_, err = s.Verify("GET", dkey, dq)
	require.NoError(t, err)
	clock.advance(time.Second)
	_, err = s.Verify("GET", dkey, dq)
	require.ErrorIs(t, err, ErrLinkExpired)
	clock.advance(DefaultTTL)
	_, err = s.Verify("PUT", key, q)
	require.ErrorIs(t, err, ErrLinkExpired)
}

func TestTamperedLinks(t *testing.T) {
	s, _, _ := openFolder(t)
	link, err := s.SignedDownloadURL(t.Context(), "reports/1.pdf", 0, "r.pdf")
	require.NoError(t, err)
	key, good := take(t, link)
	change := func(name, value string) url.Values {
		q := url.Values{}
		for k, v := range good {
			q[k] = append([]string(nil), v...)
		}
		if q.Set(name, value); value == "" {
			q.Del(name)
		}
		return q
	}
	for _, q := range []url.Values{
		change("expires", "99999999999"), change("expires", ""), change("expires", "x"), change("name", "other.exe"),
		change("name", ""), change("type", "text/html"), change("signature", ""), change("signature", "AAAA"),
		change("signature", good.Get("signature")+"="), {},
	} {
		_, err := s.Verify("GET", key, q)
		require.ErrorIs(t, err, ErrLink, q.Encode())
	}
	for i := range good.Get("signature") {
		sig := []byte(good.Get("signature"))
		sig[i] ^= 1
		_, err := s.Verify("GET", key, change("signature", string(sig)))
		require.ErrorIs(t, err, ErrLink, i)
	}
	other, err := Open(t.Context(), Options{URL: "file://" + t.TempDir(), Keys: [][]byte{bytes.Repeat([]byte("z"), 32)}, Now: s.opts.Now})
	require.NoError(t, err)
	_, err = other.Verify("GET", key, good)
	require.ErrorIs(t, err, ErrLink, "another deployment's link")
	rotated, err := Open(t.Context(), Options{URL: "file://" + t.TempDir(), Keys: [][]byte{bytes.Repeat([]byte("z"), 32), testKey}, Now: s.opts.Now})
	require.NoError(t, err)
	_, err = rotated.Verify("GET", key, good)
	require.NoError(t, err, "links survive a key rotation")
}

// zeros is an endless file without memory.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	z.left -= n
	return int(n), nil
}

func TestBigFilesNeedNoMemory(t *testing.T) {
	s, _, _ := openFolder(t)
	const size = 256 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := s.Write(t.Context(), "big.bin", &zeros{left: size}, WriteOptions{})
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	r, err := s.NewReader(t.Context(), "big.bin")
	require.NoError(t, err)
	n, err = io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.EqualValues(t, size, n)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), "bytes allocated in all for %d bytes moved", 2*size)
}

func TestManyWritersOneKey(t *testing.T) {
	s, _, _ := openFolder(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte('a' + i)}, 200_000)
			for range 5 {
				_, err := s.Write(context.Background(), "shared.bin", bytes.NewReader(body), WriteOptions{})
				if err != nil {
					t.Error(err)
				}
				r, err := s.NewReader(context.Background(), "shared.bin")
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				if err != nil || len(got) != len(body) || bytes.Count(got, got[:1]) != len(got) {
					t.Errorf("a mixed or partial file of %d bytes: %v", len(got), err)
				}
				_ = r.Close()
			}
		})
	}
	wg.Wait()
}

func TestOneWriterOnceWins(t *testing.T) {
	s, _, _ := openFolder(t)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := s.Write(context.Background(), "once.bin", strings.NewReader(fmt.Sprint(i)), WriteOptions{Once: true})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrExists):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
}

func TestKeys(t *testing.T) {
	for _, key := range []string{"a", "a/b.csv", "userInviteStatusCSV/1/output-user-invite2026_01_31_12_00.csv", "ä/ö ü.csv", "a..b"} {
		require.NoError(t, CheckKey(key), key)
	}
	for _, key := range []string{
		"", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "a/./b", ".hidden", "a/.b", `a\b`, `..\a`, "a\x00b", "a\nb",
		"a\x7f", "a\u202eb", "a\xffb", "C:/x", "a*", "a?", "con|", "a.attrs", "a.tmp", "a ", " a", "a/b.", strings.Repeat("a", 201),
		strings.Repeat("a/", 256) + "a",
	} {
		require.ErrorIs(t, CheckKey(key), ErrKey, "%q", key)
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"users.csv": "users.csv", "/etc/passwd": "passwd", `C:\Users\me\list.csv`: "list.csv", "../../x": "x", "..": "file", "": "file",
		"a/b/": "file", ".htaccess": "htaccess", "a\x00b\r\nc.csv": "abc.csv", `we"ird<>:|?*.csv`: "we_ird______.csv", "x.tmp.": "x.tmp_",
		"\xff\xfe.csv": "_.csv", "\u202egnp.exe": "gnp.exe", "tab\tname.csv": "tabname.csv",
	} {
		require.Equal(t, want, CleanName(in), "%q", in)
	}
	long := CleanName(strings.Repeat("ü", 300) + ".csv")
	require.LessOrEqual(t, len(long), maxName)
	require.True(t, strings.HasSuffix(long, "ü.csv"))
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "..\\x", "%2e%2e/", "a\x00", ".tmp", "x.tmp", strings.Repeat("é", 100) + "." + strings.Repeat("x", 30)} {
		f.Add(s)
	}
	root := filepath.FromSlash("/store")
	f.Fuzz(func(t *testing.T, s string) {
		name := CleanName(s)
		require.NoError(t, CheckKey(name), "%q", name)
		require.NotContains(t, name, "/")
		d := Disposition(s)
		require.Equal(t, -1, strings.IndexFunc(d, func(r rune) bool { return r < ' ' || r > '~' }), "%q", d)
		if CheckKey(s) == nil {
			path := filepath.Join(root, filepath.FromSlash(s))
			require.True(t, strings.HasPrefix(path, root+string(filepath.Separator)), path)
			require.Equal(t, root+"/"+s, filepath.ToSlash(path), "no segment may be folded away")
		}
	})
}

func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(f.Context(), Options{URL: "file://" + dir, Keys: [][]byte{testKey}})
	require.NoError(f, err)
	f.Add("PUT", "a/b", "expires=1&signature=AAAA")
	f.Add("GET", "../a", "expires=99999999999&name=x")
	f.Fuzz(func(t *testing.T, method, key, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		_, err = s.Verify(method, key, q)
		require.Error(t, err, "a link nobody signed")
	})
}

func TestMistakesAtStart(t *testing.T) {
	for _, o := range []Options{
		{URL: "ftp://x"}, {URL: "file://relative/x", Keys: [][]byte{testKey}}, {URL: "file:///" + t.TempDir()},
		{URL: "file://" + t.TempDir(), Keys: [][]byte{[]byte("short")}}, {URL: "file:///proc/nowhere", Keys: [][]byte{testKey}},
		{URL: "http://user:hunter2@%zz"},
	} {
		_, err := Open(t.Context(), o)
		require.Error(t, err, o.URL)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestRandomBytesSurvive(t *testing.T) {
	s, _, _ := openFolder(t)
	want := make([]byte, 300_000)
	_, err := rand.Read(want)
	require.NoError(t, err)
	_, err = s.Write(t.Context(), "r.bin", bytes.NewReader(want), WriteOptions{})
	require.NoError(t, err)
	r, err := s.NewReader(t.Context(), "r.bin")
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.True(t, bytes.Equal(want, got))
}
