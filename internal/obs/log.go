package obs

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// LogOptions configures a logger.
type LogOptions struct {
	Format string     // "json" (default) or "text"
	Level  slog.Level // lowest level written
	Attrs  []slog.Attr
}

// ParseLevel reads "debug", "info", "warn" or "error"; anything else is info.
func ParseLevel(s string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// NewLogger writes to w. Every line carries what the context says (request id,
// operation, account, user, process, trace id), and values of keys that name a
// secret are masked, whatever code logged them.
func NewLogger(w io.Writer, o LogOptions) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.Level, ReplaceAttr: redact}
	var h slog.Handler = slog.NewJSONHandler(w, options)
	if o.Format == "text" {
		h = slog.NewTextHandler(w, options)
	}
	if len(o.Attrs) > 0 {
		h = h.WithAttrs(o.Attrs)
	}
	return slog.New(contextHandler{h})
}

// contextHandler adds the context's attributes to each record. They stay at the
// top level even inside a group.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if attrs := Attrs(ctx); len(attrs) > 0 {
		r.AddAttrs(attrs...)
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}

// secretParts are parts of key names whose values must not be in a log.
var secretParts = []string{
	"password", "passwd", "secret", "token", "authorization", "cookie", "otp", "api_key", "apikey", "private_key", "credential", "signature", "dsn",
}

// secretKeys are whole key names that hold secrets or personal data.
var secretKeys = map[string]bool{"email": true, "e_mail": true, "phone": true, "database_url": true, "redis_url": true, "smtp_url": true}

// notSecret are names that only look like one.
var notSecret = map[string]bool{"token_id": true, "token_kind": true}

const mask = "***"

func redact(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindGroup || a.Key == "" {
		return a
	}
	if key := strings.ToLower(a.Key); IsSecretKey(key) {
		return slog.String(a.Key, mask)
	}
	return a
}

// IsSecretKey tells whether values under this name are masked in logs.
func IsSecretKey(key string) bool {
	key = strings.ReplaceAll(strings.ToLower(key), "-", "_")
	if notSecret[key] {
		return false
	}
	if secretKeys[key] {
		return true
	}
	for _, part := range secretParts {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}
