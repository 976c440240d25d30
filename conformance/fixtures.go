package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// canary is in the payload of every event here, so that any error that repeats
// a payload is found out.
const canary = "canary-93d1"

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func ptr[T any](v T) *T { return &v }

// newEvent returns an event with what is required, of an aggregate of its own.
func newEvent() driver.Event {
	return driver.Event{
		EventType:     "order.placed",
		AggregateType: "Order",
		AggregateID:   newID(),
		EventData:     json.RawMessage(`{"note": "` + canary + `"}`),
		EventMetadata: json.RawMessage(`{"source": "` + canary + `"}`),
	}
}

// fullEvent returns an event with all that can be given, but for ProcessedAt.
func fullEvent() driver.Event {
	event := newEvent()
	event.ID = newID()
	event.EventName = "Order placed"
	event.AggregateVersion = 7
	event.CorrelationID = ptr(newID())
	event.CausationID = ptr(newID())
	event.TriggeredByUserID = ptr(newID())
	event.ContextID = ptr(newID())
	event.OccurredAt = time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC)
	return event
}

// newEvents returns events of aggregates of their own.
func newEvents(n int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = newEvent()
	}
	return events
}

// history returns events of one aggregate, not numbered yet.
func history(n int) (driver.Aggregate, []driver.Event) {
	aggregate := driver.Aggregate{Type: "Order", ID: newID()}
	return aggregate, moreHistory(aggregate, n)
}

func moreHistory(aggregate driver.Aggregate, n int) []driver.Event {
	events := newEvents(n)
	for i := range events {
		events[i].AggregateType, events[i].AggregateID = aggregate.Type, aggregate.ID
	}
	return events
}

// fillers returns events to be appended: without an aggregate.
func fillers(n int) []driver.Event { return moreHistory(driver.Aggregate{}, n) }

// withIDs gives ids to events that have none.
func withIDs(events []driver.Event) []driver.Event {
	for i := range events {
		if events[i].ID == uuid.Nil {
			events[i].ID = newID()
		}
	}
	return events
}

func idsOf(events []driver.Event) []uuid.UUID {
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return ids
}

func versionsOf(events []driver.Event) []int64 {
	versions := make([]int64, len(events))
	for i := range events {
		versions[i] = events[i].AggregateVersion
	}
	return versions
}

// upTo returns 1 to n.
func upTo(n int) []int64 {
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i) + 1
	}
	return numbers
}

func reversed[T any](s []T) []T {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// object returns a JSON object of exactly size bytes.
func object(size int) json.RawMessage {
	const frame = len(`{"a":""}`)
	return fmt.Appendf(nil, `{"a":"%s"}`, slices.Repeat([]byte{'x'}, size-frame))
}

// nested returns a JSON object of so many levels.
func nested(levels int) json.RawMessage {
	return slices.Concat(slices.Repeat([]byte(`{"a":`), levels-1), []byte(`{}`), slices.Repeat([]byte(`}`), levels-1))
}
