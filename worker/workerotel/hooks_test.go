package workerotel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
	"github.com/neomultitenant/neoevents/worker/workerotel"
)

// queue is a store that hands out its events once. What the worker does not use panics.
type queue struct {
	driver.Store
	driver.EventRepository
	mu      sync.Mutex
	waiting []driver.Event
	told    int              // events of which it was told what became of them
	done    func()           // called when that are all
	fails   map[string]error // the first call of a method
}

func (q *queue) Schema() string                 { return "tenant_test" }
func (q *queue) Events() driver.EventRepository { return q }

func (q *queue) fail(op string) error {
	err := q.fails[op]
	delete(q.fails, op)
	return err
}

func (q *queue) Claim(_ context.Context, opts driver.ClaimOptions) (claims []driver.Claim, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.fail("Claim"); err != nil {
		return nil, err
	}
	for _, event := range q.waiting[:min(opts.Limit, len(q.waiting))] {
		claims = append(claims, driver.Claim{Event: event, Token: uuid.New(), Attempt: 2, MaxAttempts: opts.MaxAttempts})
	}
	q.waiting = q.waiting[len(claims):]
	return claims, nil
}

func (q *queue) tell(op string, events int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.fail(op); err != nil {
		return err
	}
	if q.told += events; q.told == 4 {
		q.done()
	}
	return nil
}

func (q *queue) Ack(_ context.Context, claims []driver.Claim) error {
	return q.tell("Ack", len(claims))
}

func (q *queue) Retry(context.Context, driver.Claim, time.Duration, string) error {
	return q.tell("Retry", 1)
}

func (q *queue) DeadLetter(context.Context, driver.Claim, string) error {
	return q.tell("DeadLetter", 1)
}

func (q *queue) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

type codeError struct{}

func (codeError) Error() string { return "code 7" }

// work handles four events, one of which succeeds.
func work(t *testing.T, config workerotel.Config, events []driver.Event, fails map[string]error) {
	t.Helper()
	hooks, err := workerotel.Hooks(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // against hangs only
	defer cancel()
	q := &queue{waiting: events, done: cancel, fails: fails}
	err = worker.Process(ctx, q, func(ctx context.Context, claim driver.Claim) error {
		if span := trace.SpanFromContext(ctx); !span.SpanContext().IsValid() {
			t.Error("the handler has no span in its context")
		}
		switch claim.Event.EventType {
		case "order.refused":
			return worker.DeadLetter(fmt.Errorf("the server: %w", codeError{}))
		case "order.delayed":
			return driver.Fail("Events.Save", "tenant_test", "event", "", &driver.UnavailableError{Err: errors.New("connection reset")})
		case "order.broken":
			panic("boom")
		}
		return nil
	}, worker.Options{Hooks: hooks, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if q.told != 4 {
		t.Fatalf("got %d events settled, want 4", q.told)
	}
}

func fourEvents() []driver.Event {
	var events []driver.Event
	for i, eventType := range []string{"order.placed", "order.refused", "order.delayed", "order.broken"} {
		events = append(events, driver.Event{
			ID: uuid.New(), EventType: eventType, AggregateType: "Order", AggregateID: uuid.New(), AggregateVersion: int64(i + 1),
			CreatedAt: time.Now().Add(-2 * time.Minute),
		})
	}
	return events
}

func TestEachHandledEventIsASpan(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	correlation := uuid.New()

	// Saved in a span, handled in another one.
	producing, producer := provider.Tracer("app").Start(t.Context(), "place order")
	producer.End()
	spans.Reset()
	metadata, err := workerotel.Inject(producing, json.RawMessage(`{"source": "shop"}`))
	if err != nil {
		t.Fatal(err)
	}
	events := fourEvents()
	events[0].EventMetadata, events[0].CorrelationID = metadata, &correlation
	work(t, workerotel.Config{TracerProvider: provider, Destination: "tenant_test"}, events, nil)

	type want struct {
		status codes.Code
		kind   string
	}
	wants := map[string]want{
		"order.placed":  {codes.Unset, ""},
		"order.refused": {codes.Error, "github.com/neomultitenant/neoevents/worker/workerotel_test.codeError"},
		"order.delayed": {codes.Error, "unavailable"},
		"order.broken":  {codes.Error, "panic"},
	}
	got := spans.GetSpans()
	if len(got) != len(wants) {
		t.Fatalf("got %d spans, want %d", len(got), len(wants))
	}
	for _, span := range got {
		is := attributes(span.Attributes)
		wanted := wants[is["neoevents.event.type"]]
		if span.Name != "process tenant_test" || span.SpanKind != trace.SpanKindConsumer {
			t.Errorf("got span %q of kind %s", span.Name, span.SpanKind)
		}
		if span.Status.Code != wanted.status || is["error.type"] != wanted.kind {
			t.Errorf("%s: got status %s, error.type %q, want %s, %q", is["neoevents.event.type"], span.Status.Code, is["error.type"], wanted.status, wanted.kind)
		}
		if is["neoevents.event.type"] != "order.placed" {
			if len(span.Links) != 0 {
				t.Errorf("got links %v of an event without a trace", span.Links)
			}
			continue
		}
		wantAttributes := map[string]string{
			"messaging.system": "neoevents", "messaging.operation.name": "process", "messaging.operation.type": "process",
			"messaging.destination.name": "tenant_test", "messaging.message.id": events[0].ID.String(),
			"messaging.message.conversation_id": correlation.String(), "neoevents.event.type": "order.placed",
			"neoevents.aggregate.type": "Order", "neoevents.aggregate.id": events[0].AggregateID.String(),
			"neoevents.aggregate.version": "1", "neoevents.attempt": "2",
		}
		if !maps.Equal(is, wantAttributes) {
			t.Errorf("got attributes %v, want %v", is, wantAttributes)
		}
		if len(span.Links) != 1 || span.Links[0].SpanContext.SpanID() != producer.SpanContext().SpanID() {
			t.Errorf("got links %v, want one to the span that saved the event", span.Links)
		}
	}
}

func TestMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracers := sdktrace.NewTracerProvider()
	unavailable := driver.Fail("Events.Ack", "tenant_test", "event", "", &driver.UnavailableError{Err: errors.New("connection reset")})
	work(t, workerotel.Config{TracerProvider: tracers, MeterProvider: meters, Destination: "tenant_test"}, fourEvents(), map[string]error{"Ack": unavailable})

	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{} // how many were counted or measured, by name and some attributes
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch points := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, point := range points.DataPoints {
					got[key(t, m, point.Attributes)] += point.Value
				}
			case metricdata.Histogram[float64]:
				for _, point := range points.DataPoints {
					got[key(t, m, point.Attributes)] += int64(point.Count)
					if m.Name == "neoevents.worker.lag" && (point.Sum < 120 || point.Sum > 240) {
						t.Errorf("lag: got %v s, want some 120", point.Sum)
					}
				}
			}
		}
	}
	for want, count := range map[string]int64{
		"neoevents.worker.handled {event} order.placed success":          1,
		"neoevents.worker.handled {event} order.refused dead_letter":     1,
		"neoevents.worker.handled {event} order.delayed retry":           1,
		"neoevents.worker.handled {event} order.broken retry":            1,
		"messaging.process.duration s process order.placed":              1,
		"messaging.process.duration s process order.delayed unavailable": 1,
		"messaging.process.duration s process order.broken panic":        1,
		"messaging.client.operation.duration s ack settle":               1,
		"messaging.client.consumed.messages {message} claim":             4,
		"neoevents.worker.lag s order.placed":                            1,
		"neoevents.worker.lag s order.broken":                            1,
		"neoevents.worker.errors {error} Ack unavailable":                1,
	} {
		if got[want] != count {
			t.Errorf("%s: got %d, want %d", want, got[want], count)
		}
	}
	if got["messaging.client.operation.duration s claim receive"] == 0 {
		t.Error("no call of Claim was measured")
	}
	if t.Failed() {
		t.Logf("got %v", slices.Sorted(maps.Keys(got)))
	}
}

// key names a measurement by what distinguishes it.
func key(t *testing.T, m metricdata.Metrics, set attribute.Set) string {
	t.Helper()
	is := attributes(set.ToSlice())
	if is["messaging.system"] != "neoevents" || is["messaging.destination.name"] != "tenant_test" {
		t.Errorf("%s: got attributes %v", m.Name, is)
	}
	text := m.Name + " " + m.Unit
	for _, name := range []string{
		"messaging.operation.name", "messaging.operation.type", "neoevents.operation", "neoevents.event.type", "neoevents.outcome", "error.type",
	} {
		if is[name] != "" {
			text += " " + is[name]
		}
	}
	return text
}

func attributes(pairs []attribute.KeyValue) map[string]string {
	is := map[string]string{}
	for _, pair := range pairs {
		is[string(pair.Key)] = pair.Value.String()
	}
	return is
}

func TestInject(t *testing.T) {
	ctx, span := sdktrace.NewTracerProvider().Tracer("app").Start(t.Context(), "place order")
	defer span.End()
	parent := fmt.Sprintf("00-%s-%s-01", span.SpanContext().TraceID(), span.SpanContext().SpanID())
	for _, test := range []struct {
		name     string
		ctx      context.Context
		metadata string
		want     string
	}{
		{"no metadata", ctx, "", fmt.Sprintf(`{"traceparent":%q}`, parent)},
		{"other members", ctx, `{"n": 1.50, "traceparent": "old"}`, fmt.Sprintf(`{"n":1.50,"traceparent":%q}`, parent)},
		{"no span", t.Context(), `{"n": 1}`, `{"n": 1}`},
		{"no span and no metadata", t.Context(), "", ""},
	} {
		var metadata json.RawMessage
		if test.metadata != "" {
			metadata = json.RawMessage(test.metadata)
		}
		got, err := workerotel.Inject(test.ctx, metadata)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s, %v; want %s", test.name, got, err, test.want)
		}
	}
	for _, metadata := range []string{"[]", "null", "{"} {
		if got, err := workerotel.Inject(ctx, json.RawMessage(metadata)); !errors.Is(err, driver.ErrInvalid) {
			t.Errorf("%s: got %s, %v; want %v", metadata, got, err, driver.ErrInvalid)
		}
	}
}

func TestEventsWithSomeOtherTraceparentAreHandled(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	events := fourEvents()
	for i, metadata := range []string{`{"traceparent": 7}`, `{"traceparent": "none"}`, `{}`, ``} {
		events[i].EventMetadata = json.RawMessage(metadata)
	}
	work(t, workerotel.Config{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))}, events, nil)
	for _, span := range spans.GetSpans() {
		if len(span.Links) != 0 || span.Name != "process" {
			t.Errorf("got span %q with links %v", span.Name, span.Links)
		}
	}
}
