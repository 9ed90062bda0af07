package httpx

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"quad/internal/obs"
)

// begun is a request with what must be undone at its end.
type begun struct {
	*request
	cancel context.CancelFunc
	span   trace.Span
}

// begin finds door and operation and builds the request's context.
func (a *App) begin(c *fiber.Ctx) begun {
	path := rawPath(c)
	r := &request{app: a, id: requestID(c.Get(fiber.HeaderXRequestID)), start: time.Now(), limit: a.opts.BodyLimit}
	r.client = a.clientAddr(c)
	timeout := a.opts.RequestTimeout
	if r.mounted = a.doorOf(path); r.mounted != nil {
		r.match = r.mounted.router.find(c.Method(), path)
		if r.match.target != nil {
			op := r.match.target.op
			if op.BodyLimit > 0 {
				r.limit = op.BodyLimit
			}
			if op.Timeout != 0 {
				timeout = op.Timeout
			}
		}
	}
	ctx, cancel := r.context(context.Background(), timeout)
	if door := r.door(); door != "" {
		ctx = obs.WithOperation(ctx, door, r.operation())
	}
	ctx = obs.WithClient(ctx, clientText(r.client), strings.Clone(c.Get(fiber.HeaderUserAgent)))
	ctx, span := obs.StartServerSpan(ctx, requestHeaders{c}, spanName(c, r))
	c.SetUserContext(ctx)
	c.Locals(localsKey{}, r)
	c.Set(fiber.HeaderXRequestID, r.id)
	return begun{request: r, cancel: cancel, span: span}
}

func spanName(c *fiber.Ctx, r *request) string {
	if op := r.operation(); op != "" {
		return r.door() + "." + op
	}
	return c.Method()
}

// requestHeaders lets the propagator read W3C trace headers.
type requestHeaders struct{ c *fiber.Ctx }

func (h requestHeaders) Get(key string) string { return h.c.Get(key) }
func (h requestHeaders) Set(string, string)    {}
func (h requestHeaders) Keys() []string        { return nil }

// requestID takes a sane id of the caller, so that logs of several systems can
// be joined, else makes one. Sane is what is harmless in a log and a header.
func requestID(given string) string {
	if len(given) >= 8 && len(given) <= 64 && strings.IndexFunc(given, func(ch rune) bool {
		return !(ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch == '-' || ch == '_' || ch == '.')
	}) < 0 {
		return strings.Clone(given)
	}
	return uuid.NewString()
}

// observe is the outermost middleware: context, panics, errors in the door's
// shape, then log, metrics and trace of what was really answered.
func (a *App) observe(c *fiber.Ctx) error {
	r := a.begin(c)
	defer r.cancel()
	defer r.span.End()
	a.inFlight.Add(1)
	if a.opts.Metrics != nil {
		a.opts.Metrics.InFlight(1)
	}
	err := a.guard(c, c.Next)
	if err != nil {
		a.answer(c, r.mounted, err)
	}
	if a.draining.Load() {
		c.Context().Response.SetConnectionClose()
	}
	r.finishBody(c)
	if r.span.IsRecording() {
		status := c.Response().StatusCode()
		r.span.SetAttributes(
			attribute.String("http.request.method", c.Method()),
			attribute.String("http.route", r.route()),
			attribute.Int("http.response.status_code", status),
			attribute.String("quad.request_id", r.id))
		if status >= 500 {
			r.span.SetStatus(codes.Error, "")
		}
	}
	a.report(c, r.request, err)
	if r.stream == nil { // a stream is in flight until it is closed
		a.leave()
	}
	return nil
}

func (a *App) leave() {
	a.inFlight.Add(-1)
	if a.opts.Metrics != nil {
		a.opts.Metrics.InFlight(-1)
	}
}

// guard runs fn and turns a panic into an error, with the stack in the log.
func (a *App) guard(c *fiber.Ctx, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			a.log.ErrorContext(c.UserContext(), "panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = &PanicError{Value: v}
		}
	}()
	return fn()
}

// route is the path template, "" for an unknown path: it holds no values.
func (r *request) route() string {
	if r.match.target == nil {
		return ""
	}
	return r.match.target.op.Path
}

// report writes the access log and the metrics. The log has the template of the
// path, never values of query, headers or body.
func (a *App) report(c *fiber.Ctx, r *request, err error) {
	took := time.Since(r.start)
	status := c.Response().StatusCode()
	if a.opts.Metrics != nil {
		a.opts.Metrics.Request(r.door(), r.operation(), status, took)
	}
	level := slog.LevelInfo
	switch {
	case status >= 500:
		level = slog.LevelError
	case r.mounted == nil && status < 400:
		level = slog.LevelDebug // probes and scrapes, every few seconds
	case status < 400 && a.opts.AccessLogSample > 1 && a.logged.Add(1)%uint64(a.opts.AccessLogSample) != 0:
		return
	}
	ctx := c.UserContext()
	if !a.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("method", c.Method()),
		slog.Int("status", status),
		slog.Duration("took", took),
		slog.String("client", r.client.String()))
	if r.match.target != nil {
		attrs = append(attrs, slog.String("route", r.route()))
	} else {
		path := rawPath(c)
		attrs = append(attrs, slog.String("path", strings.ToValidUTF8(path[:min(len(path), 200)], "?")))
	}
	if n := c.Context().Response.Header.ContentLength(); n > 0 {
		attrs = append(attrs, slog.Int("bytes", n))
	}
	if err != nil && status >= 500 {
		attrs = append(attrs, slog.Any("error", err))
	}
	a.log.LogAttrs(ctx, level, "request", attrs...)
}

// protect sets the headers every answer carries unless a handler chose its own.
func (a *App) protect() fiber.Handler {
	return func(c *fiber.Ctx) error {
		a.securityHeaders(c)
		return c.Next()
	}
}

func (a *App) securityHeaders(c *fiber.Ctx) {
	h := &c.Response().Header
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	h.Set(fiber.HeaderXFrameOptions, "DENY")
	h.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	h.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set(fiber.HeaderCacheControl, "no-store")
	if a.opts.HSTS {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

// corsHandler lets browsers of the origins configured call; nil for none.
// Tokens travel in headers, never in cookies, so credentials are not allowed.
func corsHandler(origins []string) fiber.Handler {
	if len(origins) == 0 {
		return nil
	}
	handler := cors.New(cors.Config{
		AllowOrigins: strings.Join(origins, ","),
		AllowMethods: "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS",
		AllowHeaders: "Authorization, Content-Type, X-auth-token, X-Request-ID, Idempotency-Key, Last-Event-ID, " +
			"If-Match, If-None-Match, traceparent, tracestate",
		ExposeHeaders: "X-Request-ID, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Location, Content-Disposition",
		MaxAge:        3600,
	})
	return func(c *fiber.Ctx) error {
		if c.Get(fiber.HeaderOrigin) != "" {
			c.Response().Header.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		return handler(c)
	}
}

// compressHandler compresses answers, but not streams: an event must leave at
// once, and a file's ranges count its own bytes.
func compressHandler() fiber.Handler {
	pack := fasthttp.CompressHandlerBrotliLevel(func(*fasthttp.RequestCtx) {},
		fasthttp.CompressBrotliBestSpeed, fasthttp.CompressBestSpeed)
	return func(c *fiber.Ctx) error {
		if err := c.Next(); err != nil {
			return err
		}
		if !c.Context().Response.IsBodyStream() {
			pack(c.Context())
		}
		return nil
	}
}

// protectStream is guard for work that goes on after the handler returned.
func (a *App) protectStream(ctx context.Context, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			a.log.ErrorContext(ctx, "panic in a stream", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = &PanicError{Value: v}
		}
	}()
	return fn()
}
