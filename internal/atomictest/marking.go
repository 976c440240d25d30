// Package atomictest shows, on every backend, that a call which changes several tables changes all of them or none,
// when the database refuses a part of it.
package atomictest

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Marking marks an event of the queue and a dead letter together, first while the database refuses to delete dead letters.
func Marking(t *testing.T, events driver.EventRepository, refuse, allow func()) {
	event := driver.Event{EventType: "order.placed", AggregateType: "Order", EventData: json.RawMessage("{}")}
	first, second := event, event
	first.AggregateID, second.AggregateID = uuid.New(), uuid.New()
	if _, err := events.SaveBatch(t.Context(), []driver.Event{first, second}); err != nil {
		t.Fatal(err)
	}
	claims, err := events.Claim(t.Context(), driver.ClaimOptions{Limit: 2})
	if err != nil || len(claims) != 2 {
		t.Fatalf("claimed %d, %v, want 2", len(claims), err)
	}
	waiting, dead := claims[0].Event.ID, claims[1].Event.ID
	if err := events.DeadLetter(t.Context(), claims[1], "it is broken"); err != nil {
		t.Fatal(err)
	}
	refuse()

	if n, err := events.MarkMultipleAsProcessed(t.Context(), []uuid.UUID{waiting, dead}); err == nil || n != 0 {
		t.Errorf("marked %d, %v, want none and an error", n, err)
	}
	for _, id := range []uuid.UUID{waiting, dead} {
		if event, err := events.GetByID(t.Context(), id); err != nil || event.ProcessedAt != nil {
			t.Errorf("the event is %+v, %v, want it not processed", event, err)
		}
	}
	allow()
	if n, err := events.MarkMultipleAsProcessed(t.Context(), []uuid.UUID{waiting, dead}); err != nil || n != 2 {
		t.Errorf("marked %d, %v, want 2", n, err)
	}
}
