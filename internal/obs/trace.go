package obs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const tracerName = "quad"

// TraceOptions configures tracing.
type TraceOptions struct {
	Endpoint    string  // OTLP over HTTP, "http://host:4318"; empty: no traces
	Service     string  // "quad-api"
	Version     string  // of the build
	SampleRatio float64 // share of traces kept when the caller did not decide, 0 to 1
}

// StartTracing sets the process's tracer and W3C propagation. stop sends what is
// left and must be called at the end. Errors: an endpoint that is no address; an
// endpoint that does not answer is no error, its spans are dropped.
func StartTracing(ctx context.Context, o TraceOptions) (stop func(context.Context) error, err error) {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	if o.Endpoint == "" {
		otel.SetTracerProvider(noop.NewTracerProvider())
		return func(context.Context) error { return nil }, nil
	}
	target, err := url.Parse(o.Endpoint)
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return nil, fmt.Errorf("traces: %q is no http(s) address", o.Endpoint)
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpoint(target.Host),
		otlptracehttp.WithURLPath(strings.TrimSuffix(target.Path, "/") + "/v1/traces"),
	}
	if target.Scheme == "http" {
		options = append(options, otlptracehttp.WithInsecure())
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.name", o.Service), attribute.String("service.version", o.Version)))
	if err != nil && !errors.Is(err, resource.ErrPartialResource) && !errors.Is(err, resource.ErrSchemaURLConflict) {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(res),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.SampleRatio))),
	)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}

// StartSpan starts a span below the one in ctx. End it.
func StartSpan(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	return otel.Tracer(tracerName).Start(ctx, name, trace.WithAttributes(attrs...))
}

// StartServerSpan starts the span of an incoming request, below the caller's
// span when the headers name one.
func StartServerSpan(ctx context.Context, headers propagation.TextMapCarrier, name string) (context.Context, trace.Span) {
	ctx = otel.GetTextMapPropagator().Extract(ctx, headers)
	return otel.Tracer(tracerName).Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
}
