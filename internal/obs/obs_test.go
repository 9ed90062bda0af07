package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func logLine(t *testing.T, b *bytes.Buffer) map[string]any {
	t.Helper()
	var line map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &line), b.String())
	b.Reset()
	return line
}

func TestLogLinesCarryTheContext(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, LogOptions{Attrs: []slog.Attr{slog.String("role", "api")}})
	ctx := WithProcess(WithCaller(WithOperation(WithRequestID(t.Context(), "r-1"), "elevate", "login"), 7, 9), "bulk-invite/7/1")
	log.InfoContext(ctx, "hello", "n", 1)
	line := logLine(t, &b)
	for k, v := range map[string]any{
		"request_id": "r-1", "door": "elevate", "operation": "login", "account": 7.0, "user": 9.0, "process": "bulk-invite/7/1", "role": "api", "n": 1.0,
	} {
		require.Equal(t, v, line[k], k)
	}
	log.DebugContext(ctx, "hidden")
	require.Zero(t, b.Len())
	log.InfoContext(WithAccount(ctx, 8), "other")
	require.Equal(t, 8.0, logLine(t, &b)["account"])
	log.InfoContext(ctx, "the first context is unchanged")
	require.Equal(t, 7.0, logLine(t, &b)["account"])
	require.Equal(t, "r-1", RequestID(ctx))
}

func TestSecretsAreMasked(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, LogOptions{Format: "json"})
	log.Info("x", "password", "hunter2", "X-auth-token", "hunter2", "DATABASE_URL", "hunter2", "otp", "hunter2", "email", "hunter2",
		"refreshToken", "hunter2", slog.Group("g", "client_secret", "hunter2"), "token_id", 5, "user", 3)
	require.NotContains(t, b.String(), "hunter2")
	line := logLine(t, &b)
	require.Equal(t, 5.0, line["token_id"])
	require.Equal(t, 3.0, line["user"])
	text := NewLogger(&b, LogOptions{Format: "text"}).With("authorization", "hunter2")
	text.Info("x")
	require.NotContains(t, b.String(), "hunter2")
	require.Equal(t, slog.LevelWarn, ParseLevel("warn"))
	require.Equal(t, slog.LevelInfo, ParseLevel("?"))
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code, w.Body.String())
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("api")
	m.Request("elevate", "login", 200, 30*time.Millisecond)
	m.InFlight(2)
	m.InFlight(-1)
	m.WatchOutbox(func(context.Context) ([]Backlog, error) {
		return []Backlog{{"notifications", 12, 90 * time.Second}}, nil
	})
	m.WatchProcesses(func(context.Context) ([]ProcessCount, error) {
		return []ProcessCount{{"bulk-invite", "running", 3}}, nil
	})
	asked := 0
	m.WatchQueues(func(context.Context) ([]QueueStat, error) { asked++; return nil, errors.New("redis is away") })
	out := scrape(t, m)
	for _, line := range []string{
		`quad_http_request_duration_seconds_bucket{door="elevate",operation="login",status="200",le="0.05"} 1`,
		`quad_http_request_duration_seconds_bucket{door="elevate",operation="login",status="200",le="0.025"} 0`,
		`quad_http_requests_in_flight 1`,
		`quad_outbox_pending{outbox="notifications"} 12`,
		`quad_outbox_oldest_seconds{outbox="notifications"} 90`,
		`quad_processes{kind="bulk-invite",state="running"} 3`,
		`quad_build_info{revision=`,
	} {
		require.Contains(t, out, line)
	}
	require.NotContains(t, out, "quad_queue_tasks{")
	require.Contains(t, scrape(t, m), `quad_metrics_failures_total{source="queues"} 1`)
	require.Equal(t, 1, asked, "asked at most once in five seconds")
}

func TestTemporalMetrics(t *testing.T) {
	m := NewMetrics("worker")
	h := m.TemporalHandler()
	core := h.WithTags(map[string]string{"task_queue": "core", "worker-type": "Activity"})
	core.Counter("temporal_request").Inc(2)
	core.WithTags(map[string]string{"task_queue": "bulk"}).Counter("temporal_request").Inc(5)
	h.Counter("temporal_request").Inc(1) // the same name with other tags
	h.Counter("temporal_request").Inc(-1)
	h.Gauge("temporal_worker_task_slots_available").Update(7.5)
	for _, d := range []time.Duration{time.Millisecond, 2 * time.Millisecond, time.Hour} {
		h.Timer("temporal_request_latency").Record(d)
	}
	out := scrape(t, m)
	for _, line := range []string{
		`temporal_request_total 1`,
		`temporal_request_total{task_queue="core",worker_type="Activity"} 2`,
		`temporal_request_total{task_queue="bulk",worker_type="Activity"} 5`,
		`temporal_worker_task_slots_available 7.5`,
		`temporal_request_latency_seconds_bucket{le="0.001"} 1`,
		`temporal_request_latency_seconds_bucket{le="0.005"} 2`,
		`temporal_request_latency_seconds_bucket{le="300"} 2`,
		`temporal_request_latency_seconds_bucket{le="+Inf"} 3`,
		`temporal_request_latency_seconds_count 3`,
	} {
		require.Contains(t, out, line)
	}
}

func TestTemporalSeriesAreBounded(t *testing.T) {
	m := NewMetrics("worker")
	h := m.TemporalHandler()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range maxTemporalSeries / 2 {
				h.WithTags(map[string]string{"id": strconv.Itoa(worker*maxTemporalSeries + i)}).Counter("x").Inc(1)
			}
		})
	}
	wg.Wait()
	require.Len(t, m.temporal.byKey, maxTemporalSeries)
	require.EqualValues(t, maxTemporalSeries, m.temporal.dropped.Load())
}

func TestTracesReachTheCollector(t *testing.T) {
	var got atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" && bytes.Contains(b, []byte("elevate.login")) && bytes.Contains(b, []byte("quad-api")) {
			got.Add(1)
		}
	}))
	defer collector.Close()
	stop, err := StartTracing(t.Context(), TraceOptions{Endpoint: collector.URL, Service: "quad-api", SampleRatio: 1})
	require.NoError(t, err)
	parent := propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	ctx, span := StartServerSpan(t.Context(), parent, "elevate.login")
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.SpanContext().TraceID().String())
	var b bytes.Buffer
	NewLogger(&b, LogOptions{}).InfoContext(ctx, "x")
	require.Contains(t, b.String(), `"trace_id":"0af7651916cd43dd8448eb211c80319c"`)
	span.End()
	require.NoError(t, stop(context.Background()))
	require.EqualValues(t, 1, got.Load())

	stop, err = StartTracing(t.Context(), TraceOptions{})
	require.NoError(t, err)
	_, span = StartServerSpan(t.Context(), propagation.MapCarrier{}, "x")
	require.False(t, span.IsRecording())
	require.NoError(t, stop(context.Background()))
	for _, bad := range []string{"localhost:4318", "ftp://x", "http://"} {
		_, err = StartTracing(t.Context(), TraceOptions{Endpoint: bad})
		require.Error(t, err, bad)
	}
}

func TestSQLSpansHoldNoValues(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	var tracer SQLTracer

	query := pgx.TraceQueryStartData{SQL: "select * from users where email = $1", Args: []any{"ada@example.test"}}
	ctx := tracer.TraceQueryStart(t.Context(), nil, query)
	tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	require.Empty(t, recorder.Ended(), "nothing without a span above")

	parent, span := StartSpan(t.Context(), "parent")
	ctx = tracer.TraceQueryStart(parent, nil, query)
	tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{Err: errors.New("duplicate key (email)=(ada@example.test)")})
	ctx = tracer.TraceCopyFromStart(parent, nil, pgx.TraceCopyFromStartData{TableName: pgx.Identifier{"invites"}})
	tracer.TraceCopyFromEnd(ctx, nil, pgx.TraceCopyFromEndData{})
	span.End()
	ended := recorder.Ended()
	require.Len(t, ended, 3)
	require.Equal(t, "sql SELECT", ended[0].Name())
	require.Equal(t, "sql COPY", ended[1].Name())
	require.Equal(t, span.SpanContext().SpanID(), ended[0].Parent().SpanID())
	for _, s := range ended {
		for _, a := range s.Attributes() {
			require.NotContains(t, a.Value.String(), "ada@")
		}
		require.Empty(t, s.Events())
		require.NotContains(t, s.Status().Description, "ada@")
	}
	for sql, want := range map[string]string{"": "statement", "  (select 1)": "SELECT", "\ninsert into x": "INSERT", "123": "statement", "begin": "BEGIN"} {
		require.Equal(t, want, verb(sql), sql)
	}
	require.LessOrEqual(t, len(clip(strings.Repeat("é", 5000))), maxSQLText+3)
}
