package conformance

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventSave = area{name: "Events/Save", behaviours: []behaviour{
	{"ReturnsWhatAReadReturns", saveReturnsWhatARead},
	{"KeepsEveryField", saveKeepsEveryField},
	{"LeavesOptionalFieldsEmpty", saveLeavesOptionalFieldsEmpty},
	{"DefaultsMetadataToAnEmptyObject", saveDefaultsMetadata},
	{"DefaultsOccurredAtToNow", saveDefaultsOccurredAt},
	{"IgnoresAGivenPositionAndCreatedAt", saveIgnoresPositionAndCreatedAt},
	{"AssignsRisingPositions", saveAssignsRisingPositions},
	{"PutsTheEventInTheQueue", savePutsTheEventInTheQueue},
	{"NeverQueuesAnEventThatIsProcessed", saveNeverQueuesProcessed},
	{"LeavesTheGivenEventAlone", saveLeavesTheGivenEventAlone},
	{"ServesManyGoroutines", saveServesManyGoroutines},
}}

func saveReturnsWhatARead(t *test) {
	saved := t.save(newEvent())
	t.sameEvent("event read back", t.get(saved.ID), saved)
}

func saveKeepsEveryField(t *test) {
	given := fullEvent()
	saved := t.save(given)
	want := given
	want.Position, want.CreatedAt = saved.Position, saved.CreatedAt
	t.sameEvent("event saved", saved, want)
	t.sameEvent("event read back", t.get(given.ID), want)
}

func saveLeavesOptionalFieldsEmpty(t *test) {
	for _, event := range []driver.Event{t.save(newEvent()), t.saveAll(newEvents(1))[0]} {
		got := t.get(event.ID)
		equal(t, "EventName", got.EventName, "")
		for name, id := range map[string]*uuid.UUID{
			"CorrelationID": got.CorrelationID, "CausationID": got.CausationID,
			"TriggeredByUserID": got.TriggeredByUserID, "ContextID": got.ContextID,
		} {
			if id != nil {
				t.Errorf("%s: got %s, want nil", name, id)
			}
		}
		if got.ProcessedAt != nil {
			t.Errorf("ProcessedAt: got %s, want nil", got.ProcessedAt)
		}
	}
}

func saveDefaultsMetadata(t *test) {
	event := newEvent()
	event.EventMetadata = nil
	saved := t.save(event)
	equal(t, "metadata returned", string(saved.EventMetadata), "{}")
	equal(t, "metadata read back", string(t.get(saved.ID).EventMetadata), "{}")
}

func saveDefaultsOccurredAt(t *test) {
	one, batch := t.save(newEvent()), t.saveAll(newEvents(2))
	for _, saved := range append(batch, one) {
		if saved.OccurredAt.Year() < 2000 || saved.CreatedAt.Year() < 2000 {
			t.Errorf("occurred at %s, created at %s: want both to be now", saved.OccurredAt, saved.CreatedAt)
		}
		t.sameEvent("event read back", t.get(saved.ID), saved)
	}
}

func saveIgnoresPositionAndCreatedAt(t *test) {
	first := t.save(newEvent())
	event := newEvent()
	event.Position, event.CreatedAt = first.Position, time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	saved := t.save(event)
	if saved.Position <= first.Position {
		t.Errorf("position: got %d, want it above %d, the one before", saved.Position, first.Position)
	}
	if saved.CreatedAt.Year() < 2000 {
		t.Errorf("created at: got %s, want the database's now", saved.CreatedAt)
	}
	t.sameEvent("event read back", t.get(saved.ID), saved)
}

func saveAssignsRisingPositions(t *test) {
	last := int64(0)
	for range 5 {
		for _, saved := range append([]driver.Event{t.save(newEvent())}, t.saveAll(newEvents(3))...) {
			if saved.Position <= last {
				t.Fatalf("position: got %d, want it above %d, the one before", saved.Position, last)
			}
			last = saved.Position
		}
	}
}

func savePutsTheEventInTheQueue(t *test) {
	saved := t.save(newEvent())
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func saveNeverQueuesProcessed(t *test) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	one, few := newEvent(), newEvents(3)
	one.ProcessedAt, few[1].ProcessedAt = &at, &at
	imported, saved := t.save(one), t.saveAll(few)

	equalList(t, "queue", t.queue(), []uuid.UUID{saved[0].ID, saved[2].ID})
	for _, want := range []driver.Event{imported, saved[1]} {
		got := t.get(want.ID)
		equal(t, "ProcessedAt", instant(got.ProcessedAt), instant(&at))
		t.sameEvent("event read back", got, want)
		marked, err := t.events.MarkAsProcessed(t.ctx, want.ID)
		t.ok(err)
		equal(t, "marked what was processed already", marked, false)
	}
}

func saveLeavesTheGivenEventAlone(t *test) {
	event := newEvent()
	event.EventMetadata = nil
	events := []driver.Event{event}
	if _, err := t.events.SaveBatch(t.ctx, events); err != nil {
		t.Fatal(err)
	}
	t.sameEvent("event given to SaveBatch", events[0], event)
	if _, err := t.events.Append(t.ctx, driver.Aggregate{Type: "Order", ID: newID()}, driver.NoEvents, fillers(1)); err != nil {
		t.Fatal(err)
	}

	data := json.RawMessage(`{"a": 1}`)
	event.EventData = data
	saved := t.save(event)
	copy(data, `{"b": 2}`)
	equal(t, "data read back", string(t.get(saved.ID).EventData), `{"a": 1}`)
}

func saveServesManyGoroutines(t *test) {
	const savers, each = 8, 10
	saved := make([][]driver.Event, savers)
	t.together(savers, func(i int) error {
		for range each {
			event, err := t.events.Save(t.ctx, newEvent())
			if err != nil {
				return err
			}
			saved[i] = append(saved[i], event)
		}
		return nil
	})
	seen := map[int64]bool{}
	for _, event := range slices.Concat(saved...) {
		if seen[event.Position] {
			t.Errorf("position %d was given twice", event.Position)
		}
		seen[event.Position] = true
		t.sameEvent("event read back", t.get(event.ID), event)
	}
	equal(t, "length of the queue", len(t.queue()), savers*each)
}
