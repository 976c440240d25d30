package workerotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

// instruments are the metrics of one Config.
type instruments struct {
	common     []attribute.KeyValue
	processing metric.Float64Histogram
	calls      metric.Float64Histogram
	consumed   metric.Int64Counter
	outcomes   metric.Int64Counter
	lag        metric.Float64Histogram
	errors     metric.Int64Counter
}

// The boundaries of the histograms, in seconds: the conventions' for durations, and up to a day for
// how long events wait.
var (
	durations = metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
	lags      = metric.WithExplicitBucketBoundaries(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)
)

func newInstruments(meter metric.Meter, common []attribute.KeyValue) (*instruments, error) {
	processing, err1 := messagingconv.NewProcessDuration(meter, durations)
	calls, err2 := messagingconv.NewClientOperationDuration(meter, durations)
	consumed, err3 := messagingconv.NewClientConsumedMessages(meter)
	outcomes, err4 := meter.Int64Counter("neoevents.worker.handled",
		metric.WithUnit("{event}"), metric.WithDescription("Events that were handled, by outcome."))
	lag, err5 := meter.Float64Histogram("neoevents.worker.lag", lags,
		metric.WithUnit("s"), metric.WithDescription("How old events are when their handler begins."))
	failures, err6 := meter.Int64Counter("neoevents.worker.errors",
		metric.WithUnit("{error}"), metric.WithDescription("Failed calls of the database, by operation."))
	return &instruments{
		common:     common,
		processing: processing.Inst(), calls: calls.Inst(), consumed: consumed.Inst(),
		outcomes: outcomes, lag: lag, errors: failures,
	}, errors.Join(err1, err2, err3, err4, err5, err6)
}

// with returns the attributes of a measurement.
func (i *instruments) with(attributes ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(attributes, i.common...)...)
}

func (i *instruments) claimed(events int, took time.Duration) {
	ctx, claim := context.Background(), semconv.MessagingOperationName("claim")
	i.calls.Record(ctx, took.Seconds(), i.with(claim, semconv.MessagingOperationTypeReceive))
	i.consumed.Add(ctx, int64(events), i.with(claim))
}

func (i *instruments) handled(ctx context.Context, claim driver.Claim, outcome worker.Outcome, err error, took time.Duration) {
	i.outcomes.Add(ctx, 1, i.with(append(eventType(claim), attribute.String("neoevents.outcome", string(outcome)))...))
	attributes := append(eventType(claim), semconv.MessagingOperationName("process"))
	if kind, failed := errorType(err); failed {
		attributes = append(attributes, kind)
	}
	i.processing.Record(ctx, took.Seconds(), i.with(attributes...))
}

func (i *instruments) acked(_ int, took time.Duration) {
	i.calls.Record(context.Background(), took.Seconds(),
		i.with(semconv.MessagingOperationName("ack"), semconv.MessagingOperationTypeSettle))
}

func (i *instruments) failed(op string, err error) {
	kind, _ := errorType(err)
	i.errors.Add(context.Background(), 1, i.with(attribute.String("neoevents.operation", op), kind))
}

// eventType returns the attribute for the type of an event, if it was read.
func eventType(claim driver.Claim) []attribute.KeyValue {
	if claim.Event.EventType == "" {
		return nil
	}
	return []attribute.KeyValue{attribute.String("neoevents.event.type", claim.Event.EventType)}
}

// errorType returns the attribute for an error: the kind of one of the driver's, else the type of
// the innermost cause. False for what is no failure.
func errorType(err error) (attribute.KeyValue, bool) {
	var failed *driver.Error
	var panicked *worker.PanicError
	switch {
	case err == nil || errors.Is(err, worker.Done):
		return attribute.KeyValue{}, false
	case errors.As(err, &panicked):
		return semconv.ErrorTypeKey.String("panic"), true
	case errors.As(err, &failed) && failed.Kind != nil:
		return semconv.ErrorTypeKey.String(failed.Kind.Error()), true
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return semconv.ErrorType(err), true
}
