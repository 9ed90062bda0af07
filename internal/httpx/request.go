package httpx

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"quad/internal/obs"
)

// request is what the middleware knows of one request. It lives in the Fiber
// context's locals under one private key.
type request struct {
	app     *App
	id      string
	start   time.Time
	client  netip.Addr
	mounted *mounted
	match   match
	account int64
	user    int64
	limit   int64 // largest body of this request, bytes

	bodyRead bool // the whole body left the connection
	stream   *streamState
}

type localsKey struct{}

func requestOf(c *fiber.Ctx) *request {
	if r, ok := c.Locals(localsKey{}).(*request); ok {
		return r
	}
	return nil
}

// RequestID returns the id of this request: the caller's X-Request-ID if it was
// sane, else a new UUID. It is in the answer's X-Request-ID and in the logs.
func RequestID(c *fiber.Ctx) string {
	if r := requestOf(c); r != nil {
		return r.id
	}
	return ""
}

// OperationOf returns the operation that was matched, also in ErrorHandler and
// NotFound; ok is false for an unknown path.
func OperationOf(c *fiber.Ctx) (op Operation, ok bool) {
	if r := requestOf(c); r != nil && r.match.target != nil {
		return *r.match.target.op, true
	}
	return Operation{}, false
}

// ClientIP returns the address of the client: the peer, or what trusted proxies
// in front of the hub say of it. It is invalid only in tests without a network.
func ClientIP(c *fiber.Ctx) netip.Addr {
	if r := requestOf(c); r != nil {
		return r.client
	}
	return netip.Addr{}
}

// SetCaller tells the middleware who calls, for logs, traces and rate limits.
// A door's Authenticate calls it; user is 0 for an API client of the account.
func SetCaller(c *fiber.Ctx, account, user int64) {
	if r := requestOf(c); r != nil {
		r.account, r.user = account, user
	}
	ctx := obs.WithCaller(c.UserContext(), account, user)
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.Int64("quad.account", account), attribute.Int64("quad.user", user))
	}
	c.SetUserContext(ctx)
}

// ParamError is a path or query parameter that is not what it must be.
type ParamError struct {
	Name   string // as in the contract
	In     string // "path" or "query"
	Reason string // "must be a positive integer"
}

func (e *ParamError) Error() string { return fmt.Sprintf("%s parameter %s %s", e.In, e.Name, e.Reason) }

// Param returns a path parameter, percent-decoded, valid UTF-8 without NUL, and
// safe to keep after the request; "" when this path has no such parameter.
// Fiber's own c.Params does not see the parameters of a door's table.
func Param(c *fiber.Ctx, name string) string {
	r := requestOf(c)
	if r == nil || r.match.target == nil {
		return ""
	}
	for i, p := range r.match.target.params {
		if p == name {
			return r.match.values[i]
		}
	}
	return ""
}

// ParamID returns a path parameter that is an id: decimal digits, 1 to 2^63-1.
// Anything else is a *ParamError; a door may answer it as "not found".
func ParamID(c *fiber.Ctx, name string) (int64, error) {
	id, ok := ParseID(Param(c, name))
	if !ok {
		return 0, &ParamError{Name: name, In: "path", Reason: "must be a positive integer"}
	}
	return id, nil
}

// ParseID reads an id: decimal digits only, no sign, no space, 1 to 2^63-1.
func ParseID(s string) (int64, bool) {
	if s == "" || len(s) > 19 || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0
}

// Query returns a query parameter, safe to keep. The middleware has refused
// queries that are not UTF-8 or hold NUL.
func Query(c *fiber.Ctx, name string) string {
	return string(c.Context().QueryArgs().Peek(name))
}

// QueryInt returns a query parameter between low and high: fallback when it is
// missing or empty, a *ParamError when it is no integer or out of range.
func QueryInt(c *fiber.Ctx, name string, fallback, low, high int) (int, error) {
	s := Query(c, name)
	if s == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, &ParamError{Name: name, In: "query", Reason: fmt.Sprintf("must be an integer from %d to %d", low, high)}
	}
	return n, nil
}

// checkQuery refuses what no store can keep and no log should show.
func checkQuery(c *fiber.Ctx) error {
	ok := true
	c.Context().QueryArgs().VisitAll(func(key, value []byte) {
		ok = ok && cleanText(key) && cleanText(value)
	})
	if !ok {
		return ErrBadRequest.because(fmt.Errorf("query is not UTF-8 or holds NUL"))
	}
	return nil
}

func cleanText(b []byte) bool {
	for _, ch := range b {
		if ch == 0 {
			return false
		}
		if ch >= utf8.RuneSelf {
			return utf8.Valid(b) && !strings.Contains(string(b), "\x00")
		}
	}
	return true
}

// context returns the request's context: request id, operation, deadline.
func (r *request) context(parent context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx := obs.WithRequestID(parent, r.id)
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// operation returns the id metrics and logs use; "" for an unknown path.
func (r *request) operation() string {
	if r.match.target == nil {
		return ""
	}
	return r.match.target.op.ID
}

// door returns the name of the door, or "" outside of all doors.
func (r *request) door() string {
	if r.mounted == nil {
		return ""
	}
	return r.mounted.door.Name
}
