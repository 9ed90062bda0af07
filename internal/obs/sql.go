package obs

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// SQLTracer makes a span of every SQL statement, COPY and batch that runs below
// a recorded span. It has the statement's text with its placeholders, never a
// value; errors are told by their SQLSTATE.
type SQLTracer struct{}

var (
	_ pgx.QueryTracer    = SQLTracer{}
	_ pgx.CopyFromTracer = SQLTracer{}
	_ pgx.BatchTracer    = SQLTracer{}
)

// maxSQLText is how much of a statement a span carries, in bytes.
const maxSQLText = 2000

// begin starts a span, but only below one that is recorded: work nobody traces
// pays a type assertion and no more.
func (SQLTracer) begin(ctx context.Context, name string, attrs ...attribute.KeyValue) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	ctx, span := otel.Tracer(tracerName).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(append(attrs, attribute.String("db.system.name", "postgresql"))...)
	return context.WithValue(ctx, sqlSpanKey{}, span)
}

type sqlSpanKey struct{}

func (SQLTracer) end(ctx context.Context, rows int64, err error) {
	span, ok := ctx.Value(sqlSpanKey{}).(trace.Span)
	if !ok {
		return
	}
	defer span.End()
	if err == nil {
		span.SetAttributes(attribute.Int64("db.response.affected_rows", rows))
		return
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		span.SetAttributes(attribute.String("db.response.status_code", state.SQLState()))
	}
	span.SetStatus(codes.Error, "") // the text may repeat values
}

// TraceQueryStart implements pgx.QueryTracer.
func (t SQLTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	return t.begin(ctx, "sql "+verb(data.SQL), attribute.String("db.query.text", clip(data.SQL)))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t SQLTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, data.CommandTag.RowsAffected(), data.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (t SQLTracer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return t.begin(ctx, "sql COPY", attribute.String("db.collection.name", strings.Join(data.TableName, ".")))
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (t SQLTracer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	t.end(ctx, data.CommandTag.RowsAffected(), data.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (t SQLTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	size := 0
	if data.Batch != nil {
		size = data.Batch.Len()
	}
	return t.begin(ctx, "sql batch", attribute.Int("db.operation.batch.size", size))
}

// TraceBatchQuery implements pgx.BatchTracer; a batch is one span.
func (SQLTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (t SQLTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(ctx, 0, data.Err)
}

// verb is the first word of a statement: a span's name must not vary with it.
func verb(sql string) string {
	sql = strings.TrimLeft(sql, " \t\r\n(")
	i := strings.IndexFunc(sql, func(ch rune) bool { return !(ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z') })
	if i < 0 {
		i = len(sql)
	}
	if i == 0 || i > 20 {
		return "statement"
	}
	return strings.ToUpper(sql[:i])
}

func clip(sql string) string {
	if len(sql) <= maxSQLText {
		return sql
	}
	return strings.ToValidUTF8(sql[:maxSQLText], "") + "…"
}
