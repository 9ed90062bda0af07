package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"quad/internal/blob"
	"quad/internal/httpx"
	"quad/internal/obs"
)

// dialect is a door for tests that answers every error in a shape of its own.
func dialect(name, prefix string, more ...httpx.Operation) httpx.Door {
	ok := func(c *fiber.Ctx) error { return c.SendString(name + " " + httpx.Param(c, "id")) }
	return httpx.Door{
		Name: name, Title: "The " + name + " API", Prefixes: []string{prefix}, Contract: []byte("openapi: 3.0.3\ninfo: {title: " + name + "}\n"),
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			e := httpx.ErrorOf(err)
			if e == nil {
				e = httpx.ErrInternal
			}
			return c.Status(e.Status).JSON(fiber.Map{"from": name, "code": e.Code})
		},
		Operations: append([]httpx.Operation{
			{ID: "read", Method: "GET", Path: prefix + "/user/read/{id}", Access: httpx.Public, Handler: ok},
			{ID: "save", Method: "POST", Path: prefix + "/user", Access: httpx.Public, Handler: ok},
			{ID: "later", Method: "GET", Path: prefix + "/later", Access: httpx.Public},
			{ID: "panic", Method: "GET", Path: prefix + "/panic", Access: httpx.Public, Handler: func(*fiber.Ctx) error {
				panic("something broke")
			}},
			{ID: "deadline", Method: "GET", Path: prefix + "/deadline", Access: httpx.Public, Handler: func(c *fiber.Ctx) error {
				at, set := c.UserContext().Deadline()
				return c.JSON(fiber.Map{"set": set, "ms": time.Until(at).Milliseconds()})
			}},
		}, more...),
	}
}

// start serves deps on a loopback port.
func start(t *testing.T, deps Deps) (*httpx.App, string) {
	t.Helper()
	deps.HTTP.Logger = obs.NewLogger(io.Discard, obs.LogOptions{Level: slog.LevelDebug})
	app, err := New(deps)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = app.Shutdown(ctx)
		require.NoError(t, <-served)
	})
	return app, "http://" + ln.Addr().String()
}

func do(t *testing.T, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

func fourDoors() []httpx.Door {
	return []httpx.Door{dialect("academy", "/api"), dialect("enabley", "/api/v1"), dialect("elevate", "/user/v1"), dialect("native", "/hub/v1")}
}

func TestEachPathBelongsToOneDoor(t *testing.T) {
	_, base := start(t, Deps{Doors: fourDoors()})
	for path, want := range map[string]string{
		"/api/user/read/1": "academy 1", "/api/v1/user/read/1": "enabley 1", "/user/v1/user/read/1": "elevate 1", "/hub/v1/user/read/1": "native 1",
		"/api/v1/nothing": `"from":"enabley"`, "/api/v11/nothing": `"from":"academy"`, "/api/nothing": `"from":"academy"`,
		"/user/v1": `"from":"elevate"`, "/hub/v1/later": `"from":"native"`, "/user/v2/x": `"status":404`, "/nothing": `"status":404`,
	} {
		_, body := do(t, "GET", base+path, nil)
		require.Contains(t, body, want, path)
	}
	res, body := do(t, "DELETE", base+"/user/v1/user", nil)
	require.Equal(t, 405, res.StatusCode)
	require.Contains(t, body, `"from":"elevate"`)
	require.Equal(t, "OPTIONS, POST", res.Header.Get("Allow"))
	res, body = do(t, "POST", base+"/healthz", nil)
	require.Equal(t, 405, res.StatusCode)
	require.Contains(t, body, `"method_not_allowed"`)
}

func TestErrorsBeforeAnyHandlerHaveTheDialectsShape(t *testing.T) {
	_, base := start(t, Deps{Doors: fourDoors(), HTTP: httpx.Options{BodyLimit: 10_000}})
	res, body := do(t, "POST", base+"/user/v1/user", strings.NewReader(strings.Repeat("x", 10_001)))
	require.Equal(t, 413, res.StatusCode)
	require.JSONEq(t, `{"from":"elevate","code":"body_too_large"}`, body)
	res, body = do(t, "GET", base+"/user/v1/panic", nil)
	require.Equal(t, 500, res.StatusCode)
	require.JSONEq(t, `{"from":"elevate","code":"internal"}`, body)

	for request, want := range map[string]string{
		"GET /api/v1/user/read/1 HTTP/1.1\r\nbroken\r\nHost: a\r\n\r\n":                                 `{"from":"enabley","code":"bad_request"}`,
		"POST /user/v1/user HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n":                           `{"from":"elevate","code":"bad_request"}`,
		"GET /hub/v1/later HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n":       `{"from":"native","code":"headers_too_large"}`,
		"BREW /user/v1/user HTTP/1.1\r\nHost: a\r\n\r\n":                                                `{"from":"elevate","code":"method_not_allowed"}`,
		"POST /user/v1/user HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n\r\n": `{"from":"elevate","code":"body_aborted"}`,
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, request[:20])
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.NoError(t, conn.Close())
		require.JSONEq(t, want, string(b))
	}
}

func TestEveryRequestHasADeadline(t *testing.T) {
	_, base := start(t, Deps{Doors: fourDoors(), HTTP: httpx.Options{RequestTimeout: 5 * time.Second}})
	_, body := do(t, "GET", base+"/user/v1/deadline", nil)
	var got struct {
		Set bool
		MS  int64
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.True(t, got.Set)
	require.InDelta(t, 5000, got.MS, 1000)
}

func TestValuesOutliveTheirRequest(t *testing.T) {
	var mu sync.Mutex
	kept := map[string][3]string{}
	keep := httpx.Operation{ID: "keep", Method: "POST", Path: "/user/v1/keep/{id}", Access: httpx.Public, Handler: func(c *fiber.Ctx) error {
		mu.Lock()
		defer mu.Unlock()
		kept[httpx.Param(c, "id")] = [3]string{c.Query("q"), c.Get("X-Value"), string(c.Body())}
		return nil
	}}
	_, base := start(t, Deps{Doors: []httpx.Door{dialect("elevate", "/user/v1", keep)}})
	for i := range 40 {
		do(t, "POST", fmt.Sprintf("%s/user/v1/keep/id-%02d?q=query-%02d", base, i, i), strings.NewReader(fmt.Sprintf("body-%02d", i)), "X-Value", fmt.Sprintf("value-%02d", i))
	}
	require.Len(t, kept, 40)
	for i := range 40 {
		n := fmt.Sprintf("%02d", i)
		require.Equal(t, [3]string{"query-" + n, "value-" + n, "body-" + n}, kept["id-"+n])
	}
}

func TestProbes(t *testing.T) {
	var redis, postgres atomic.Bool
	var asked atomic.Int32
	checks := []Check{
		{Name: "postgres", Required: true, Ask: func(context.Context) error {
			asked.Add(1)
			if postgres.Load() {
				return errors.New("dial tcp 10.1.2.3:5432: refused")
			}
			return nil
		}},
		{Name: "redis", Ask: func(ctx context.Context) error {
			if redis.Load() {
				<-ctx.Done() // hangs
				return ctx.Err()
			}
			return nil
		}},
	}
	probe := func(base string) (int, readiness, string) {
		res, body := do(t, "GET", base+"/readyz", nil)
		var r readiness
		require.NoError(t, json.Unmarshal([]byte(body), &r))
		return res.StatusCode, r, body
	}
	app, base := start(t, Deps{Doors: fourDoors(), Checks: checks})
	status, r, _ := probe(base)
	require.Equal(t, 200, status)
	require.Equal(t, "ready", r.Status)
	require.Equal(t, "up", r.Checks["postgres"].Status)
	for range 20 {
		probe(base)
	}
	require.LessOrEqual(t, asked.Load(), int32(3), "many probes are one question a second")

	redis.Store(true)
	require.Eventually(t, func() bool { status, r, _ = probe(base); return r.Status == "degraded" }, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, 200, status, "without Redis the API still answers")
	require.Equal(t, "timeout", r.Checks["redis"].Status)
	postgres.Store(true)
	var body string
	require.Eventually(t, func() bool { status, r, body = probe(base); return r.Status == "not_ready" }, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, 503, status)
	require.NotContains(t, body, "10.1.2.3", "no addresses for strangers")
	res, _ := do(t, "GET", base+"/healthz", nil)
	require.Equal(t, 200, res.StatusCode, "the process itself is well")
	require.False(t, app.Draining())
}

func TestReadinessFailsBeforeTheListenerCloses(t *testing.T) {
	app, base := start(t, Deps{Doors: fourDoors(), HTTP: httpx.Options{DrainDelay: time.Minute}})
	ctx, cancel := context.WithCancel(t.Context())
	down := make(chan error, 1)
	go func() { down <- app.Shutdown(ctx) }()
	require.Eventually(t, app.Draining, 5*time.Second, time.Millisecond)
	res, body := do(t, "GET", base+"/readyz", nil)
	require.Equal(t, 503, res.StatusCode)
	require.Contains(t, body, `"draining"`)
	res, _ = do(t, "GET", base+"/user/v1/user/read/1", nil)
	require.Equal(t, 200, res.StatusCode, "requests are still served")
	require.True(t, res.Close, "and told to connect elsewhere")
	cancel()
	if err := <-down; err != nil { // the listener may have closed before the end of the context was seen
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestInvitationPage(t *testing.T) {
	_, base := start(t, Deps{Doors: fourDoors()})
	res, body := do(t, "GET", base+"/invite?token=secret", nil)
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, res.Header.Get("Content-Type"), "text/html")
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "script-src 'self'")
	require.Equal(t, "no-referrer", res.Header.Get("Referrer-Policy"))
	require.NotContains(t, body, "secret", "the token stays in the browser")
	require.Contains(t, body, `src="/invite/page.js"`)
	res, body = do(t, "GET", base+"/invite/page.js", nil)
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, body, "/hub/v1/invitations/accept")
}

func TestDocs(t *testing.T) {
	_, base := start(t, Deps{Doors: fourDoors(), Metrics: obs.NewMetrics("api").Handler()})
	res, body := do(t, "GET", base+"/docs", nil)
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, body, `<a href="/docs/elevate">The elevate API</a>`)
	require.Contains(t, body, "4 of 5")
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "script-src 'self'")
	_, body = do(t, "GET", base+"/docs/elevate", nil)
	require.Contains(t, body, `spec-url="/docs/elevate/openapi.yaml"`)
	require.NotContains(t, body, "//", "nothing comes from elsewhere")
	_, body = do(t, "GET", base+"/docs/elevate/openapi.yaml", nil)
	require.Contains(t, body, "title: elevate")
	res, body = do(t, "GET", base+"/docs/assets/redoc.js", nil, "Accept-Encoding", "identity")
	require.Contains(t, res.Header.Get("Content-Type"), "javascript")
	require.Greater(t, len(body), 500_000)
	res, _ = do(t, "GET", base+"/docs/assets/redoc.js", nil, "If-None-Match", res.Header.Get("ETag"))
	require.Equal(t, 304, res.StatusCode)
	res, _ = do(t, "GET", base+"/", nil)
	require.Equal(t, "/docs", res.Header.Get("Location"))
	_, body = do(t, "GET", base+"/metrics", nil)
	require.Contains(t, body, "go_goroutines")
}

func TestDepsAreChecked(t *testing.T) {
	_, err := New(Deps{Checks: []Check{{Name: "x"}}})
	require.ErrorContains(t, err, "no doors")
	require.ErrorContains(t, err, `check "x" is incomplete`)
	_, err = New(Deps{Doors: []httpx.Door{dialect("a", "/x"), dialect("b", "/x")}})
	require.ErrorContains(t, err, "belongs to door")
}

func TestFileLinks(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Now().Unix())
	opts := blob.Options{URL: "file://" + t.TempDir(), Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}, MaxUpload: 200 << 20,
		Now: func() time.Time { return time.Unix(now.Load(), 0) }}
	store, err := blob.Open(t.Context(), opts)
	require.NoError(t, err)
	_, base := start(t, Deps{Doors: fourDoors(), Files: store})
	link := func(path string, err error) string { require.NoError(t, err); return base + path }

	up := link(store.SignedUploadURL(t.Context(), "users/7 ä.csv", "", 0))
	down := link(store.SignedDownloadURL(t.Context(), "users/7 ä.csv", 0, "my list.csv"))
	res, body := do(t, "GET", down, nil)
	require.Equal(t, 404, res.StatusCode, body)
	res, body = do(t, "PUT", up, strings.NewReader("0123456789"))
	require.Equal(t, 200, res.StatusCode, body)
	require.JSONEq(t, `{"key":"users/7 ä.csv","size":10}`, body)
	for _, wrong := range []struct{ method, url string }{
		{"GET", up}, {"PUT", down}, {"GET", strings.Replace(down, "7%20", "8%20", 1)}, {"GET", down + "x"},
		{"GET", strings.Replace(down, "/files/", "/files/x/../", 1)}, {"GET", base + "/files/users/7%20%C3%A4.csv"}, {"GET", base + "/files/..%2f..%2fetc%2fpasswd"},
	} {
		res, body = do(t, wrong.method, wrong.url, strings.NewReader("x"))
		require.Equal(t, 403, res.StatusCode, wrong)
		require.Contains(t, body, "file.bad_link")
	}
	res, _ = do(t, "POST", up, nil)
	require.Equal(t, 405, res.StatusCode)

	res, body = do(t, "GET", down, nil, "Accept-Encoding", "gzip")
	require.Equal(t, "0123456789", body)
	require.Equal(t, `attachment; filename="my list.csv"`, res.Header.Get("Content-Disposition"))
	require.Equal(t, "text/csv; charset=utf-8", res.Header.Get("Content-Type"))
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	require.Empty(t, res.Header.Get("Content-Encoding"))
	etag := res.Header.Get("ETag")
	res, body = do(t, "HEAD", down, nil)
	require.EqualValues(t, 10, res.ContentLength)
	require.Empty(t, body)
	for header, want := range map[string]string{
		"bytes=2-4": "206 234 bytes 2-4/10", "bytes=7-": "206 789 bytes 7-9/10", "bytes=-3": "206 789 bytes 7-9/10",
		"bytes=0-99": "206 0123456789 bytes 0-9/10", "bytes=10-": "416  bytes */10", "bytes=-0": "416  bytes */10",
		"bytes=1-2,4-5": "200 0123456789 ", "bytes=x": "200 0123456789 ", "bytes=5-2": "200 0123456789 ",
	} {
		res, body = do(t, "GET", down, nil, "Range", header)
		if res.StatusCode == 416 {
			body = ""
		}
		require.Equal(t, want, fmt.Sprintf("%d %s %s", res.StatusCode, body, res.Header.Get("Content-Range")), header)
	}
	res, _ = do(t, "GET", down, nil, "Range", "bytes=1-2", "If-Range", `"other"`)
	require.Equal(t, 200, res.StatusCode)
	res, _ = do(t, "GET", down, nil, "If-None-Match", etag)
	require.Equal(t, 304, res.StatusCode)
	now.Add(int64(blob.DefaultTTL.Seconds()))
	res, body = do(t, "GET", down, nil)
	require.Equal(t, 403, res.StatusCode)
	require.Contains(t, body, "file.link_expired")
}

// filler is an endless file without memory.
type filler struct{ left int64 }

func (f *filler) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), f.left)
	f.left -= n
	return int(n), nil
}

func TestBigUploadsNeedNoMemory(t *testing.T) {
	const size = 128 << 20
	store, err := blob.Open(t.Context(), blob.Options{URL: "file://" + t.TempDir(), Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}, MaxUpload: size})
	require.NoError(t, err)
	_, base := start(t, Deps{Doors: fourDoors(), Files: store})
	path, err := store.SignedUploadURL(t.Context(), "big.bin", "", 0)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res, body := do(t, "PUT", base+path, &filler{left: size}) // chunked
	require.Equal(t, 200, res.StatusCode, body)
	require.Contains(t, body, fmt.Sprint(size))
	down, err := store.SignedDownloadURL(t.Context(), "big.bin", 0, "")
	require.NoError(t, err)
	got, err := http.Get(base + down)
	require.NoError(t, err)
	defer got.Body.Close()
	n, err := io.Copy(io.Discard, got.Body)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "allocated in all while %d bytes came and went", size)

	res, body = do(t, "PUT", base+path, &filler{left: size + 1})
	require.Equal(t, 413, res.StatusCode, body)
	info, err := store.Attributes(t.Context(), "big.bin")
	require.NoError(t, err)
	require.EqualValues(t, size, info.Size, "the refused upload left the file alone")
}

func TestABrokenUploadLeavesNothing(t *testing.T) {
	store, err := blob.Open(t.Context(), blob.Options{URL: "file://" + t.TempDir(), Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}})
	require.NoError(t, err)
	app, base := start(t, Deps{Doors: fourDoors(), Files: store})
	path, err := store.SignedUploadURL(t.Context(), "half.bin", "", 0)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n%s", path, strings.Repeat("x", 100_000))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return app.InFlight() == 1 }, 5*time.Second, time.Millisecond)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return app.InFlight() == 0 }, 5*time.Second, time.Millisecond)
	ok, err := store.Exists(t.Context(), "half.bin")
	require.NoError(t, err)
	require.False(t, ok)
}
