package workerotel

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

// tracing makes a span of each call of a handler.
type tracing struct {
	tracer   trace.Tracer
	spanName string
	common   []attribute.KeyValue
}

func (t *tracing) wrap(next worker.Handler) worker.Handler {
	return func(ctx context.Context, claim driver.Claim) error {
		options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(t.attributes(claim)...)}
		if producer := extract(claim.Event.EventMetadata); producer.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: producer}))
		}
		ctx, span := t.tracer.Start(ctx, t.spanName, options...)
		defer span.End()
		err := errPanic // unless next returns
		defer func() {
			if kind, failed := errorType(err); failed {
				span.SetAttributes(kind)
				span.SetStatus(codes.Error, fmt.Sprint(err))
			}
		}()
		err = next(ctx, claim)
		return err
	}
}

// errPanic stands for what a handler panics with, which passes by.
var errPanic error = &worker.PanicError{Value: "see the log of the worker"}

// attributes describes an event. What was not read of it is left out.
func (t *tracing) attributes(claim driver.Claim) []attribute.KeyValue {
	event := &claim.Event
	attributes := append([]attribute.KeyValue{
		semconv.MessagingOperationName("process"),
		semconv.MessagingOperationTypeProcess,
		semconv.MessagingMessageID(event.ID.String()),
		attribute.Int("neoevents.attempt", claim.Attempt),
	}, t.common...)
	attributes = append(attributes, eventType(claim)...)
	if event.CorrelationID != nil {
		attributes = append(attributes, semconv.MessagingMessageConversationID(event.CorrelationID.String()))
	}
	if event.AggregateType != "" {
		attributes = append(attributes, attribute.String("neoevents.aggregate.type", event.AggregateType))
	}
	if event.AggregateID != uuid.Nil {
		attributes = append(attributes, attribute.String("neoevents.aggregate.id", event.AggregateID.String()))
	}
	if event.AggregateVersion != 0 {
		attributes = append(attributes, attribute.Int64("neoevents.aggregate.version", event.AggregateVersion))
	}
	return attributes
}

// Inject returns an event's metadata with the span of ctx in it, for EventMetadata of an event that is
// to be saved: the members traceparent and tracestate of W3C Trace Context are set, the others stay.
// Without a span metadata is returned as it is. Nil counts as an object without members; an error
// says that it is no JSON object.
func Inject(ctx context.Context, metadata json.RawMessage) (json.RawMessage, error) {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if len(carrier) == 0 {
		return metadata, nil
	}
	members := map[string]json.RawMessage{}
	if metadata != nil {
		if err := json.Unmarshal(metadata, &members); err != nil || members == nil {
			return nil, &driver.InvalidError{Field: "event_metadata", Reason: "must be a JSON object"}
		}
	}
	for name, value := range carrier {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("workerotel: %s: %w", name, err)
		}
		members[name] = text
	}
	return json.Marshal(members)
}

// extract returns the span in which an event was saved, or an invalid one.
func extract(metadata json.RawMessage) trace.SpanContext {
	var members struct {
		TraceParent string `json:"traceparent"`
		TraceState  string `json:"tracestate"`
	}
	if len(metadata) == 0 || json.Unmarshal(metadata, &members) != nil {
		return trace.SpanContext{} // somebody else's traceparent may be anything
	}
	carrier := propagation.MapCarrier{"traceparent": members.TraceParent, "tracestate": members.TraceState}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}
