package workerotel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

// scope is the name of the instrumentation.
const scope = "github.com/neomultitenant/neoevents/worker/workerotel"

// Config says where traces and metrics go. The zero value is the default.
type Config struct {
	// TracerProvider is nil for the global one, otel.GetTracerProvider.
	TracerProvider trace.TracerProvider
	// MeterProvider is nil for the global one, otel.GetMeterProvider.
	MeterProvider metric.MeterProvider
	// Destination becomes messaging.destination.name: store.Schema(), usually. Every metric is kept
	// once for each; with very many tenants leave it empty, or let a view drop it.
	Destination string
}

// Hooks returns hooks for [worker.Options]. The error is the meter's, of an instrument that it can't
// make. They can be used in several calls of worker.Process.
func Hooks(config Config) (worker.Hooks, error) {
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	common := []attribute.KeyValue{semconv.MessagingSystemKey.String("neoevents")}
	spanName := "process"
	if config.Destination != "" {
		common = append(common, semconv.MessagingDestinationName(config.Destination))
		spanName += " " + config.Destination
	}
	instruments, err := newInstruments(config.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL)), common)
	if err != nil {
		return worker.Hooks{}, err
	}
	tracing := &tracing{
		tracer:   config.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		spanName: spanName,
		common:   common,
	}
	return worker.Hooks{
		Wrap: func(next worker.Handler) worker.Handler {
			return instruments.measureLag(tracing.wrap(next))
		},
		Claimed: instruments.claimed,
		Handled: instruments.handled,
		Acked:   instruments.acked,
		Error:   instruments.failed,
	}, nil
}

// measureLag returns a handler that notes how old an event is before it calls next.
func (i *instruments) measureLag(next worker.Handler) worker.Handler {
	return func(ctx context.Context, claim driver.Claim) error {
		since := claim.Event.CreatedAt
		if since.IsZero() {
			since = claim.Event.OccurredAt
		}
		if !since.IsZero() {
			lag := max(0, time.Since(since)) // the clocks may differ
			i.lag.Record(ctx, lag.Seconds(), i.with(eventType(claim)...))
		}
		return next(ctx, claim)
	}
}
