package httpx

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"quad/internal/obs"
)

// logBuffer collects log lines of concurrent requests.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shaped is a dialect's error handler for tests: status and a body that names
// the dialect.
func shaped(dialect string) fiber.ErrorHandler {
	return func(c *fiber.Ctx, err error) error {
		e := ErrorOf(err)
		if e == nil {
			e = ErrInternal
		}
		SetRetryAfter(c, err)
		return c.Status(e.Status).JSON(fiber.Map{"dialect": dialect, "code": e.Code})
	}
}

// serve starts app on a loopback port and returns its address.
func serve(t *testing.T, app *App) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = app.Shutdown(ctx)
		require.NoError(t, <-done)
	})
	return ln.Addr().String()
}

func newTestApp(t *testing.T, opts Options, doors ...Door) (*App, *logBuffer) {
	t.Helper()
	logs := &logBuffer{}
	opts.Logger = obs.NewLogger(logs, obs.LogOptions{Format: "json", Level: slog.LevelDebug})
	app, err := NewApp(opts)
	require.NoError(t, err)
	for _, d := range doors {
		require.NoError(t, Mount(app, d))
	}
	return app, logs
}

func call(t *testing.T, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

// raw sends bytes and reads one answer.
func raw(t *testing.T, addr, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

func echoDoor() Door {
	return Door{
		Name: "echo", Prefixes: []string{"/echo"}, ErrorHandler: shaped("echo"), Tolerant: true,
		Operations: []Operation{
			{ID: "get", Method: "GET", Path: "/echo/item/{id}", Access: Public, Handler: func(c *fiber.Ctx) error {
				return c.SendString("item " + Param(c, "id"))
			}, Aliases: []string{"PATCH /echo/thing/{id}"}},
			{ID: "new", Method: "GET", Path: "/echo/item/new", Access: Public, Handler: func(c *fiber.Ctx) error {
				return c.SendString("the form")
			}},
			{ID: "planned", Method: "POST", Path: "/echo/planned", Access: Public},
			{ID: "body", Method: "POST", Path: "/echo/body", Access: Public, BodyLimit: 100_000, Handler: func(c *fiber.Ctx) error {
				return c.SendString(fmt.Sprint(len(c.Body())))
			}},
			{ID: "stream", Method: "PUT", Path: "/echo/stream", Access: Public, Stream: true, BodyLimit: 1 << 20, Handler: func(c *fiber.Ctx) error {
				body, err := BodyStream(c)
				if err != nil {
					return err
				}
				n, err := io.Copy(io.Discard, body)
				if err != nil {
					return err
				}
				return c.SendString(fmt.Sprint(n))
			}},
			{ID: "ignore", Method: "PUT", Path: "/echo/ignore", Access: Public, Stream: true, Handler: func(c *fiber.Ctx) error {
				return c.SendString("not read")
			}},
			{ID: "panic", Method: "GET", Path: "/echo/panic", Access: Public, Handler: func(*fiber.Ctx) error {
				panic("boom at secret place")
			}},
			{ID: "slow", Method: "GET", Path: "/echo/slow", Access: Public, Timeout: 20 * time.Millisecond, Handler: func(c *fiber.Ctx) error {
				<-c.UserContext().Done()
				return c.UserContext().Err()
			}},
		},
	}
}

func TestRoutesAndCatchAlls(t *testing.T) {
	app, _ := newTestApp(t, Options{}, echoDoor())
	base := "http://" + serve(t, app)
	for _, tc := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/echo/item/7", 200, "item 7"},
		{"GET", "/ECHO/Item/7/", 200, "item 7"},
		{"GET", "/echo/item/new", 200, "the form"},
		{"GET", "/echo/item/a%2Fb%20c", 200, "item a/b c"},
		{"PATCH", "/echo/thing/9", 200, "item 9"},
		{"GET", "/echo/item/%ff", 404, `"no_such_resource"`},
		{"GET", "/echo/item/%00", 404, `"no_such_resource"`},
		{"GET", "/echo/item/7//", 404, `"no_such_resource"`},
		{"GET", "/echo/item", 404, `"no_such_resource"`},
		{"GET", "/echo", 404, `"dialect":"echo"`},
		{"GET", "/echoes/item/7", 404, `"status":404`},
		{"POST", "/echo/planned", 404, `"dialect":"echo"`},
		{"DELETE", "/echo/item/7", 405, `"method_not_allowed"`},
		{"PROPFIND", "/echo/item/7", 405, `"dialect":"echo"`},
		{"GET", "/echo/item/7?name=%ff", 400, `"bad_request"`},
		{"GET", "/echo/item/7?name=a%00", 400, `"bad_request"`},
	} {
		t.Run(tc.method+tc.path, func(t *testing.T) {
			res, body := call(t, tc.method, base+tc.path, nil)
			require.Equal(t, tc.status, res.StatusCode, body)
			require.Contains(t, body, tc.body)
			require.NotEmpty(t, res.Header.Get("X-Request-ID"))
			require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
			require.Empty(t, res.Header.Get("Server"))
		})
	}
	res, _ := call(t, "DELETE", base+"/echo/item/7", nil)
	require.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Allow"))
	res, _ = call(t, "OPTIONS", base+"/echo/body", nil)
	require.Equal(t, 204, res.StatusCode)
	require.Equal(t, "OPTIONS, POST", res.Header.Get("Allow"))
	res, body := call(t, "HEAD", base+"/echo/item/7", nil)
	require.Equal(t, 200, res.StatusCode)
	require.Empty(t, body)
	require.EqualValues(t, 6, res.ContentLength)
}

func TestTheLongestPrefixWins(t *testing.T) {
	answer := func(name string) fiber.Handler {
		return func(c *fiber.Ctx) error { return c.SendString(name) }
	}
	wide := Door{Name: "wide", Prefixes: []string{"/api"}, ErrorHandler: shaped("wide"), Operations: []Operation{
		{ID: "any", Method: "GET", Path: "/api/{a}/{b}", Access: Public, Handler: answer("wide")},
	}}
	narrow := Door{Name: "narrow", Prefixes: []string{"/api/v1", "/api/v2"}, ErrorHandler: shaped("narrow"), Operations: []Operation{
		{ID: "x", Method: "GET", Path: "/api/v1/x", Access: Public, Handler: answer("narrow")},
	}}
	app, _ := newTestApp(t, Options{}, wide, narrow)
	base := "http://" + serve(t, app)
	for path, want := range map[string]string{
		"/api/v1/x": "narrow", "/api/v10/x": "wide", "/api/v1/y": `"dialect":"narrow"`,
		"/api/v2/x": `"dialect":"narrow"`, "/api/v3/x": "wide", "/api": `"dialect":"wide"`,
	} {
		_, body := call(t, "GET", base+path, nil)
		require.Contains(t, body, want, path)
	}
}

func TestMistakesInATable(t *testing.T) {
	app, _ := newTestApp(t, Options{})
	noop := func(*fiber.Ctx) error { return nil }
	err := Mount(app, Door{Name: "bad", Prefixes: []string{"/bad/"}, Operations: []Operation{
		{ID: "a", Method: "GET", Path: "/other", Handler: noop},
		{ID: "a", Method: "BREW", Path: "/bad/x"},
	}})
	require.Error(t, err)
	for _, part := range []string{"no error handler", "must start with a slash", "under none of the prefixes", "listed twice", "BREW", "cannot authenticate"} {
		require.ErrorContains(t, err, part)
	}
	same := Door{Name: "same", Prefixes: []string{"/s"}, ErrorHandler: shaped("s"), Operations: []Operation{
		{ID: "a", Method: "GET", Path: "/s/{x}"}, {ID: "b", Method: "GET", Path: "/s/{y}"},
	}}
	require.ErrorContains(t, Mount(app, same), "share GET /s/{y}")
	same.Operations = nil
	require.NoError(t, Mount(app, same))
	require.ErrorContains(t, Mount(app, same), "belongs to door")
}

func TestBodies(t *testing.T) {
	app, _ := newTestApp(t, Options{BodyLimit: 50_000}, echoDoor())
	addr := serve(t, app)
	base := "http://" + addr

	_, body := call(t, "POST", base+"/echo/body", strings.NewReader(strings.Repeat("x", 90_000)))
	require.Equal(t, "90000", body, "a body larger than fasthttp's head start arrives whole")
	_, body = call(t, "POST", base+"/echo/body", io.MultiReader(strings.NewReader(strings.Repeat("x", 90_000))))
	require.Equal(t, "90000", body, "chunked too")
	res, body := call(t, "POST", base+"/echo/body", strings.NewReader(strings.Repeat("x", 100_001)))
	require.Equal(t, 413, res.StatusCode)
	require.Contains(t, body, `"dialect":"echo"`)
	res, _ = call(t, "POST", base+"/echo/body", io.MultiReader(strings.NewReader(strings.Repeat("x", 100_001))))
	require.Equal(t, 413, res.StatusCode, "chunked too")
	res, body = call(t, "POST", base+"/echo/body", strings.NewReader("abc"), "Content-Encoding", "gzip")
	require.Equal(t, 415, res.StatusCode, body)

	_, body = call(t, "PUT", base+"/echo/stream", strings.NewReader(strings.Repeat("x", 1<<20)))
	require.Equal(t, "1048576", body)
	res, _ = call(t, "PUT", base+"/echo/stream", io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20+1))))
	require.Equal(t, 413, res.StatusCode)

	t.Run("an unread body is never taken for a request", func(t *testing.T) {
		hidden := strings.Repeat("x", 9000) + "GET /echo/panic HTTP/1.1\r\nHost: a\r\n\r\n"
		for _, path := range []string{"/echo/ignore", "/echo/nowhere"} {
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", path, len(hidden), hidden)
			require.NoError(t, err)
			br := bufio.NewReader(conn)
			res, err := http.ReadResponse(br, nil)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, res.Body)
			require.NoError(t, res.Body.Close())
			require.True(t, res.Close, "the connection must not be used again")
			rest, _ := io.ReadAll(br)
			require.Empty(t, rest)
		}
	})
}

func TestMalformedRequestsAreShapedToo(t *testing.T) {
	app, logs := newTestApp(t, Options{}, echoDoor())
	addr := serve(t, app)
	for name, request := range map[string]string{
		"header without colon": "GET /echo/item/1 HTTP/1.1\r\nnonsense\r\nHost: a\r\n\r\n",
		"content length":       "POST /echo/body HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
	} {
		res, body := raw(t, addr, request)
		require.Equal(t, 400, res.StatusCode, name)
		require.JSONEq(t, `{"dialect":"echo","code":"bad_request"}`, body, name)
	}
	res, body := raw(t, addr, "GET /echo/item/1 HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 20_000)+"\r\n\r\n")
	require.Equal(t, 431, res.StatusCode)
	require.Contains(t, body, `"headers_too_large"`)
	res, body = raw(t, addr, "GARBAGE\r\n\r\n")
	require.Equal(t, 400, res.StatusCode)
	require.Contains(t, body, `"status":400`, "outside of all doors: problem details")
	require.Contains(t, logs.String(), `"status":431`)
}

func TestPanicsAndDeadlines(t *testing.T) {
	app, logs := newTestApp(t, Options{}, echoDoor())
	base := "http://" + serve(t, app)
	res, body := call(t, "GET", base+"/echo/panic", nil, "X-Request-ID", "trace-me-12345")
	require.Equal(t, 500, res.StatusCode)
	require.JSONEq(t, `{"dialect":"echo","code":"internal"}`, body)
	require.Equal(t, "trace-me-12345", res.Header.Get("X-Request-ID"))
	require.Contains(t, logs.String(), "boom at secret place")
	require.Contains(t, logs.String(), "app_test.go", "the stack is in the log")
	require.Contains(t, logs.String(), `"request_id":"trace-me-12345"`)
	require.Contains(t, logs.String(), `"operation":"panic"`)

	res, body = call(t, "GET", base+"/echo/slow", nil)
	require.Equal(t, 503, res.StatusCode)
	require.Contains(t, body, `"timeout"`)

	res, _ = call(t, "GET", base+"/echo/item/1?token=hidden-value", nil, "X-Request-ID", "bad id\u00e9")
	require.NotContains(t, res.Header.Get("X-Request-ID"), "bad")
	require.NotContains(t, logs.String(), "hidden-value")
}

func TestClientAddress(t *testing.T) {
	door := Door{Name: "ip", Prefixes: []string{"/ip"}, ErrorHandler: shaped("ip"), Operations: []Operation{
		{ID: "ip", Method: "GET", Path: "/ip/me", Access: Public, Handler: func(c *fiber.Ctx) error {
			return c.SendString(ClientIP(c).String() + " " + Host(c))
		}},
	}}
	trusting, _ := newTestApp(t, Options{TrustedProxies: []string{"127.0.0.0/8", "10.0.0.1"}}, door)
	plain, _ := newTestApp(t, Options{}, door)
	url := "http://" + serve(t, trusting) + "/ip/me"
	for forwarded, want := range map[string]string{
		"":                               "127.0.0.1",
		"203.0.113.9":                    "203.0.113.9",
		"6.6.6.6, 203.0.113.9, 10.0.0.1": "203.0.113.9",
		"6.6.6.6, garbage, 10.0.0.1":     "10.0.0.1",
		"2001:db8::1":                    "2001:db8::1",
		"10.0.0.1":                       "10.0.0.1",
		"::ffff:203.0.113.9":             "203.0.113.9",
	} {
		_, body := call(t, "GET", url, nil, "X-Forwarded-For", forwarded, "X-Forwarded-Host", "Learn.Example:443")
		require.Equal(t, want+" learn.example", body, forwarded)
	}
	_, body := call(t, "GET", "http://"+serve(t, plain)+"/ip/me", nil, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Host", "evil.example")
	require.Equal(t, "127.0.0.1 127.0.0.1", body)
	_, err := NewApp(Options{TrustedProxies: []string{"proxy.local"}})
	require.ErrorContains(t, err, "proxy.local")
}

func TestCORSAndCompression(t *testing.T) {
	door := Door{Name: "big", Prefixes: []string{"/big"}, ErrorHandler: shaped("big"), Operations: []Operation{
		{ID: "big", Method: "GET", Path: "/big/one", Access: Public, Handler: func(c *fiber.Ctx) error {
			return c.JSON(strings.Repeat("x", 5000))
		}},
	}}
	app, _ := newTestApp(t, Options{CORSOrigins: []string{"https://console.example"}}, door)
	url := "http://" + serve(t, app) + "/big/one"
	res, _ := call(t, "OPTIONS", url, nil, "Origin", "https://console.example", "Access-Control-Request-Method", "GET")
	require.Equal(t, 204, res.StatusCode)
	require.Equal(t, "https://console.example", res.Header.Get("Access-Control-Allow-Origin"))
	res, _ = call(t, "GET", url, nil, "Origin", "https://evil.example", "Accept-Encoding", "gzip")
	require.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	require.Contains(t, strings.Join(res.Header.Values("Vary"), ","), "Accept-Encoding")
}

func TestShutdownLetsRequestsFinishAndEndsStreams(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	door := Door{Name: "d", Prefixes: []string{"/d"}, ErrorHandler: shaped("d"), Operations: []Operation{
		{ID: "slow", Method: "GET", Path: "/d/slow", Access: Public, Handler: func(c *fiber.Ctx) error {
			close(entered)
			<-release
			return c.SendString("done")
		}},
		{ID: "events", Method: "GET", Path: "/d/events", Access: Public, Timeout: time.Millisecond, Handler: func(c *fiber.Ctx) error {
			return SendEvents(c, func(ctx context.Context, w *EventWriter) error {
				if err := w.Send(Event{ID: "1", Type: "state", Data: []byte("a\nb")}); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			})
		}},
	}}
	app, _ := newTestApp(t, Options{}, door)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	base := "http://" + ln.Addr().String()

	res, err := http.Get(base + "/d/events")
	require.NoError(t, err)
	defer res.Body.Close()
	first := make([]byte, len("id: 1\nevent: state\ndata: a\ndata: b\n\n"))
	_, err = io.ReadFull(res.Body, first)
	require.NoError(t, err)
	require.Equal(t, "id: 1\nevent: state\ndata: a\ndata: b\n\n", string(first))

	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(base + "/d/slow")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	<-entered
	require.EqualValues(t, 2, app.InFlight())
	down := make(chan error, 1)
	go func() { down <- app.Shutdown(context.Background()) }()
	_, err = io.ReadAll(res.Body)
	require.NoError(t, err, "the stream ends by itself")
	require.True(t, app.Draining())
	close(release)
	require.Equal(t, "done", <-answer)
	require.NoError(t, <-down)
	require.NoError(t, <-served)
	require.Eventually(t, func() bool { return app.InFlight() == 0 }, 5*time.Second, 5*time.Millisecond)
}

func TestParametersOutliveTheirRequest(t *testing.T) {
	var mu sync.Mutex
	kept := map[string]string{}
	door := Door{Name: "keep", Prefixes: []string{"/keep"}, ErrorHandler: shaped("keep"), Operations: []Operation{
		{ID: "keep", Method: "GET", Path: "/keep/{a}", Access: Public, Handler: func(c *fiber.Ctx) error {
			mu.Lock()
			defer mu.Unlock()
			kept[Param(c, "a")] = Query(c, "q")
			return nil
		}},
	}}
	app, _ := newTestApp(t, Options{}, door)
	base := "http://" + serve(t, app)
	for i := range 50 {
		call(t, "GET", fmt.Sprintf("%s/keep/value-%02d?q=query-%02d", base, i, i), nil)
	}
	require.Len(t, kept, 50)
	for i := range 50 {
		require.Equal(t, fmt.Sprintf("query-%02d", i), kept[fmt.Sprintf("value-%02d", i)])
	}
}

func TestProblem(t *testing.T) {
	app, _ := newTestApp(t, Options{})
	res, body := call(t, "GET", "http://"+serve(t, app)+"/nowhere", nil)
	require.Equal(t, ProblemType, res.Header.Get("Content-Type"))
	var p Problem
	require.NoError(t, json.Unmarshal([]byte(body), &p))
	require.Equal(t, Problem{Type: "about:blank", Title: "Not Found", Status: 404, Code: "no_such_resource",
		Detail: "There is nothing at this address.", Request: res.Header.Get("X-Request-ID")}, p)
}

func TestABodyThatStopsShortIsNotWhole(t *testing.T) {
	handled := make(chan string, 1)
	door := Door{Name: "d", Prefixes: []string{"/d"}, ErrorHandler: shaped("d"), Operations: []Operation{
		{ID: "d", Method: "POST", Path: "/d/x", Access: Public, Handler: func(*fiber.Ctx) error {
			handled <- "the handler ran"
			return nil
		}},
	}}
	app, logs := newTestApp(t, Options{}, door)
	addr := serve(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST /d/x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n%s", strings.Repeat("x", 20_000))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return strings.Contains(logs.String(), `"status":400`) }, 5*time.Second, time.Millisecond)
	require.Empty(t, handled)
}
