// Package obs is how the hub is watched: structured logs, Prometheus metrics
// and OpenTelemetry traces. It knows nothing of the hub's rules; other packages
// hand it numbers and put their ids into the context.
package obs

import (
	"context"
	"log/slog"
	"strings"
)

type scopeKey struct{}

// scope is what a log line should say about the work it belongs to. It is
// copied on every change, so contexts can be shared between goroutines.
type scope struct {
	requestID string
	door      string
	operation string
	process   string
	account   int64
	user      int64
	client    Client
}

// Client is from where a request came.
type Client struct {
	IP        string // "" for the hub's own work
	UserAgent string // what the client calls itself, at most maxUserAgent bytes
}

func scopeOf(ctx context.Context) scope {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return *s
	}
	return scope{}
}

func withScope(ctx context.Context, s scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, &s)
}

// WithRequestID marks all log lines of ctx with the id of the HTTP request.
func WithRequestID(ctx context.Context, id string) context.Context {
	s := scopeOf(ctx)
	s.requestID = id
	return withScope(ctx, s)
}

// WithOperation marks all log lines of ctx with a front door and the id of the
// operation in its contract.
func WithOperation(ctx context.Context, door, operation string) context.Context {
	s := scopeOf(ctx)
	s.door, s.operation = door, operation
	return withScope(ctx, s)
}

// WithCaller marks all log lines of ctx with the account and the user that act.
// Zero means unknown and is left out of the log.
func WithCaller(ctx context.Context, account, user int64) context.Context {
	s := scopeOf(ctx)
	s.account, s.user = account, user
	return withScope(ctx, s)
}

// WithAccount marks all log lines of ctx with an account, keeping the user.
func WithAccount(ctx context.Context, account int64) context.Context {
	s := scopeOf(ctx)
	s.account = account
	return withScope(ctx, s)
}

// WithProcess marks all log lines of ctx with the id of a long process.
func WithProcess(ctx context.Context, id string) context.Context {
	s := scopeOf(ctx)
	s.process = id
	return withScope(ctx, s)
}

// maxUserAgent bounds what is kept of the name that a client gives itself.
const maxUserAgent = 300

// WithClient says from where the request of ctx came. No log line has it; the
// audit trail does.
func WithClient(ctx context.Context, ip, userAgent string) context.Context {
	s := scopeOf(ctx)
	userAgent = strings.ReplaceAll(userAgent[:min(len(userAgent), maxUserAgent)], "\x00", "")
	s.client = Client{IP: ip, UserAgent: strings.ToValidUTF8(userAgent, "")}
	return withScope(ctx, s)
}

// ClientOf returns what WithClient set.
func ClientOf(ctx context.Context) Client { return scopeOf(ctx).client }

// RequestID returns the id set by WithRequestID, or "".
func RequestID(ctx context.Context) string { return scopeOf(ctx).requestID }

// Attrs returns what the context says about its work, in a fixed order.
func Attrs(ctx context.Context) []slog.Attr {
	s := scopeOf(ctx)
	attrs := make([]slog.Attr, 0, 6)
	if s.requestID != "" {
		attrs = append(attrs, slog.String("request_id", s.requestID))
	}
	if s.door != "" {
		attrs = append(attrs, slog.String("door", s.door))
	}
	if s.operation != "" {
		attrs = append(attrs, slog.String("operation", s.operation))
	}
	if s.account != 0 {
		attrs = append(attrs, slog.Int64("account", s.account))
	}
	if s.user != 0 {
		attrs = append(attrs, slog.Int64("user", s.user))
	}
	if s.process != "" {
		attrs = append(attrs, slog.String("process", s.process))
	}
	return attrs
}
