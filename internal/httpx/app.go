package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Options configures the root app. The zero value of a field takes the default
// named; a negative duration switches a timeout off.
type Options struct {
	Logger *slog.Logger // default slog.Default()

	BodyLimit       int64              // bytes, default 4 MiB
	HeaderLimit     int                // bytes of request line and headers, default 16 KiB
	RequestTimeout  time.Duration      // deadline on c.UserContext(), default 30 s
	ReadTimeout     time.Duration      // whole request, or between reads of a streamed body; default 30 s
	WriteTimeout    time.Duration      // whole answer, or between writes of a stream; default 60 s
	IdleTimeout     time.Duration      // between requests of a connection, default 120 s
	MaxConnections  int                // default 65,536
	TrustedProxies  []string           // addresses and networks whose X-Forwarded-* is believed
	CORSOrigins     []string           // origins browsers may call from; "*" for all; empty: none
	NoCompression   bool               // leave answers uncompressed
	HSTS            bool               // send Strict-Transport-Security (the public URL is https)
	DrainDelay      time.Duration      // between "not ready" and closing the listener, default 0
	Limiter         *Limiter           // nil: no rate limits
	Metrics         Metrics            // nil: none
	ErrorHandler    fiber.ErrorHandler // outside of all doors; default: problem details
	AccessLogSample int                // log one of n successful requests; default 1 = all
}

// Metrics receives what the middleware measures; internal/obs implements it.
type Metrics interface {
	// Request counts an answered request. Operation is the operationId, or ""
	// for a path that no operation has; door is "" outside of all doors.
	Request(door, operation string, status int, took time.Duration)
	// InFlight adds to the number of requests being answered.
	InFlight(delta int)
}

// App is the root Fiber app with its doors.
type App struct {
	*fiber.App
	opts    Options
	log     *slog.Logger
	proxies []netip.Prefix
	doors   []*mounted

	base     context.Context // ends when streams must end
	stop     context.CancelFunc
	draining atomic.Bool
	inFlight atomic.Int64
	logged   atomic.Uint64
}

type mounted struct {
	door   Door
	router *router
}

// NewApp makes the root app with all middleware. Mount doors and add plain
// routes to it, then Serve. Errors: a trusted proxy that is no address.
func NewApp(opts Options) (*App, error) {
	setDefault(&opts.BodyLimit, 4<<20)
	setDefault(&opts.HeaderLimit, 16<<10)
	setDefault(&opts.RequestTimeout, 30*time.Second)
	setDefault(&opts.ReadTimeout, 30*time.Second)
	setDefault(&opts.WriteTimeout, 60*time.Second)
	setDefault(&opts.IdleTimeout, 120*time.Second)
	setDefault(&opts.MaxConnections, 65_536)
	setDefault(&opts.AccessLogSample, 1)
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.ErrorHandler == nil {
		opts.ErrorHandler = ProblemErrorHandler
	}
	proxies, err := parseProxies(opts.TrustedProxies)
	if err != nil {
		return nil, err
	}
	a := &App{opts: opts, log: opts.Logger, proxies: proxies}
	a.base, a.stop = context.WithCancel(context.Background())
	a.App = fiber.New(fiber.Config{
		// Set here because Fiber ignores them on mounted apps.
		Immutable:     true,
		StrictRouting: true,
		CaseSensitive: true,
		// Bodies are streamed and limited per operation (BufferBody); this is
		// only the size up to which fasthttp reads the head start by itself.
		BodyLimit:                    int(opts.BodyLimit),
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true, // it would read the form unlimited
		ReadTimeout:                  max(opts.ReadTimeout, 0),
		WriteTimeout:                 max(opts.WriteTimeout, 0),
		IdleTimeout:                  max(opts.IdleTimeout, 0),
		ReadBufferSize:               opts.HeaderLimit,
		Concurrency:                  opts.MaxConnections,
		DisableStartupMessage:        true,
		Network:                      fiber.NetworkTCP,
		ErrorHandler:                 a.lastResort,
	})
	a.Server().CloseOnShutdown = true
	// Fiber answers methods it does not know in plain text, before any handler.
	serve := a.Server().Handler
	a.Server().Handler = func(ctx *fasthttp.RequestCtx) {
		if !slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
			c := a.AcquireCtx(ctx)
			defer a.ReleaseCtx(c)
			_ = a.lastResort(c, fiber.NewError(fiber.StatusMethodNotAllowed)) // it answers itself
			return
		}
		serve(ctx)
	}
	refuse := a.Server().ErrorHandler
	a.Server().ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		restoreRequestLine(ctx, err)
		refuse(ctx, err)
	}
	a.Use(a.observe, a.protect())
	if cors := corsHandler(opts.CORSOrigins); cors != nil {
		a.Use(cors)
	}
	if !opts.NoCompression {
		a.Use(compressHandler())
	}
	a.Use(a.dispatch)
	return a, nil
}

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Mount adds a door. The order of calls does not matter: a request belongs to
// the door with the longest prefix. Errors: mistakes in the table, all at once,
// and a prefix that another door has.
func Mount(a *App, door Door) error {
	if err := door.validate(); err != nil {
		return err
	}
	for _, other := range a.doors {
		for _, p := range door.Prefixes {
			if slices.ContainsFunc(other.door.Prefixes, func(q string) bool { return strings.EqualFold(p, q) }) {
				return fmt.Errorf("door %q: prefix %s belongs to door %q", door.Name, p, other.door.Name)
			}
		}
	}
	r, err := newRouter(&door)
	if err != nil {
		return err
	}
	a.doors = append(a.doors, &mounted{door: door, router: r})
	return nil
}

// Doors returns the mounted doors in the order they were mounted.
func (a *App) Doors() []Door {
	out := make([]Door, len(a.doors))
	for i, m := range a.doors {
		out[i] = m.door
	}
	return out
}

// doorOf returns the door that a raw path belongs to, or nil.
func (a *App) doorOf(path string) *mounted {
	var best *mounted
	longest := 0
	for _, m := range a.doors {
		if p := prefixOf(path, m.door.Prefixes, m.door.Tolerant); len(p) > longest {
			best, longest = m, len(p)
		}
	}
	return best
}

// rawPath is the path as the client wrote it, still percent-encoded, so that an
// encoded slash does not become a separator.
func rawPath(c *fiber.Ctx) string {
	path, _, _ := strings.Cut(string(c.Request().Header.RequestURI()), "?")
	if i := strings.Index(path, "://"); i >= 0 && !strings.HasPrefix(path, "/") { // absolute form
		rest := path[i+3:]
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			return rest[j:]
		}
		return "/"
	}
	path, _, _ = strings.Cut(path, "#")
	return path
}

// restoreRequestLine puts method and path back into a request whose headers
// could not be parsed, so that the error has its door's shape. fasthttp forgets
// them, but quotes the first 200 bytes of the request in its error.
func restoreRequestLine(ctx *fasthttp.RequestCtx, err error) {
	_, quoted, found := strings.Cut(err.Error(), "contents: ")
	if !found {
		return
	}
	if quoted, err = strconv.QuotedPrefix(quoted); err != nil {
		return
	}
	head, err := strconv.Unquote(quoted)
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(strings.TrimLeft(head, "\r\n"), "\n")
	parts := strings.Fields(line)
	if len(parts) >= 2 && strings.HasPrefix(parts[1], "/") && slices.Contains(fiber.DefaultMethods, parts[0]) {
		ctx.Request.Header.SetMethod(parts[0])
		ctx.Request.Header.SetRequestURI(parts[1])
	}
}

// dispatch routes a request of a door; anything else goes on to plain routes.
func (a *App) dispatch(c *fiber.Ctx) error {
	r := requestOf(c)
	if r.mounted == nil {
		return c.Next()
	}
	door := &r.mounted.door
	if r.match.target == nil {
		return a.unmatched(c, r)
	}
	op := r.match.target.op
	if op.Handler == nil {
		return notFound(c, door)
	}
	if err := checkQuery(c); err != nil {
		return err
	}
	for _, before := range door.Before {
		if err := before(c); err != nil {
			return err
		}
	}
	if err := a.limitAddress(c, r, op); err != nil {
		return err
	}
	var refused error
	if door.Authenticate != nil {
		refused = door.Authenticate(c, *op)
	}
	if err := a.limitCaller(c, r, op); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	if err := a.limitAccount(c, r, op); err != nil {
		return err
	}
	if !op.Stream {
		if err := BufferBody(c); err != nil {
			return err
		}
	}
	return op.Handler(c)
}

func (a *App) unmatched(c *fiber.Ctx, r *request) error {
	door := &r.mounted.door
	if len(r.match.allow) == 0 {
		return notFound(c, door)
	}
	allow := append([]string{fiber.MethodOptions}, r.match.allow...)
	if slices.Contains(allow, fiber.MethodGet) {
		allow = append(allow, fiber.MethodHead)
	}
	slices.Sort(allow)
	c.Set(fiber.HeaderAllow, strings.Join(allow, ", "))
	switch {
	case c.Method() == fiber.MethodOptions:
		return c.SendStatus(fiber.StatusNoContent)
	case door.MethodNotAllowed != nil:
		return door.MethodNotAllowed(c)
	case door.NotFound != nil:
		return door.NotFound(c)
	}
	return ErrMethodNotAllowed
}

func notFound(c *fiber.Ctx, door *Door) error {
	if door.NotFound != nil {
		return door.NotFound(c)
	}
	return ErrNotFound
}

// answer lets the door, or the app, shape an error.
func (a *App) answer(c *fiber.Ctx, m *mounted, err error) {
	handler := a.opts.ErrorHandler
	if m != nil {
		handler = m.door.ErrorHandler
	}
	if failed := a.guard(c, func() error { return handler(c, err) }); failed != nil {
		a.log.ErrorContext(c.UserContext(), "error handler failed", "error", failed)
		c.Response().ResetBody()
		_ = c.Status(fiber.StatusInternalServerError).SendString("internal error") // nothing is left to try
	}
}

// lastResort is Fiber's own error handler. Only what happens before the
// middleware comes here: requests that cannot be parsed.
func (a *App) lastResort(c *fiber.Ctx, err error) error {
	if r := requestOf(c); r != nil {
		a.answer(c, r.mounted, err)
		return nil
	}
	r := a.begin(c)
	defer r.cancel()
	a.answer(c, r.mounted, err)
	a.securityHeaders(c)
	r.finishBody(c)
	a.report(c, r.request, err)
	return nil
}

// Draining tells whether Shutdown has begun; readiness checks fail from then on.
func (a *App) Draining() bool { return a.draining.Load() }

// InFlight returns the number of requests and streams being answered.
func (a *App) InFlight() int64 { return a.inFlight.Load() }

// Serve answers requests on ln until Shutdown; then it returns nil.
func (a *App) Serve(ln net.Listener) error {
	err := a.Listener(ln)
	if a.draining.Load() && (err == nil || errors.Is(err, net.ErrClosed)) {
		return nil
	}
	return err
}

// Shutdown drains the app: readiness fails at once, after DrainDelay the
// listener closes, streams are told to end, and requests in flight get until
// ctx ends. It returns ctx's error when some were still running.
func (a *App) Shutdown(ctx context.Context) error {
	if again := a.draining.Swap(true); !again && a.opts.DrainDelay > 0 {
		select {
		case <-time.After(a.opts.DrainDelay):
		case <-ctx.Done():
		}
	}
	a.stop()
	if err := a.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("shut down with %d requests in flight: %w", a.inFlight.Load(), err)
	}
	return nil
}
