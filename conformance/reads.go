package conformance

import (
	"math"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventReads = area{name: "Events/Reads", behaviours: []behaviour{
	{"GetByIDOfAnUnknownIDIsNotFound", readsUnknownID},
	{"GetByIDShowsWhenItWasProcessed", readsProcessed},
	{"ExistsTellsWhatIsStored", readsExists},
	{"ListsOfNothingAreEmpty", readsListsOfNothing},
	{"GetByAggregateStartsAtAVersion", readsFromVersion},
	{"GetByAggregateRefusesAnInvalidAggregate", readsInvalidAggregate},
	{"GetByContextOfNilIsTheUnrestrictedOnly", readsNilContext},
	{"GetByContextSeesOneContextOnly", readsOneContext},
	{"GetByTypeIsExact", readsExactType},
	{"GetByTypeRefusesTextThatCannotBeStored", readsTypeText},
	{"GetByCorrelationIDSeesOneCorrelationOnly", readsOneCorrelation},
	{"ListsShowProcessedEventsToo", readsProcessedToo},
}}

func readsUnknownID(t *test) {
	t.save(newEvent())
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		got, err := t.events.GetByID(t.ctx, id)
		t.wantErr(err, driver.ErrNotFound, "Events.GetByID")
		t.sameEvent("event beside the error", got, driver.Event{})
	}
}

func readsProcessed(t *test) {
	saved := t.save(newEvent())
	if got := t.get(saved.ID); got.ProcessedAt != nil {
		t.Errorf("ProcessedAt of a waiting event: got %s, want nil", got.ProcessedAt)
	}
	t.mark(saved.ID)
	if got := t.get(saved.ID); got.ProcessedAt == nil {
		t.Error("ProcessedAt of a processed event: got nil, want a time")
	}
}

func readsExists(t *test) {
	saved := t.save(newEvent())
	t.wantStored(true, saved.ID)
	t.wantStored(false, newID(), uuid.Nil)
	t.mark(saved.ID)
	t.wantStored(true, saved.ID)
}

// A list is a method that returns events, asked for those that match a subject.
type list struct {
	name string
	call func(t *test, subject driver.Event, limit int) ([]driver.Event, error)
}

// lists are all of them. They work outside a transaction.
var lists = []list{
	{"GetByAggregate", func(t *test, e driver.Event, limit int) ([]driver.Event, error) {
		return t.events.GetByAggregate(t.ctx, e.Aggregate(), driver.HistoryOptions{Limit: limit})
	}},
	{"GetByCorrelationID", func(t *test, e driver.Event, limit int) ([]driver.Event, error) {
		return t.events.GetByCorrelationID(t.ctx, *e.CorrelationID, limit)
	}},
	{"GetByContext", func(t *test, e driver.Event, limit int) ([]driver.Event, error) {
		return t.events.GetByContext(t.ctx, e.ContextID, limit)
	}},
	{"GetByType", func(t *test, e driver.Event, limit int) ([]driver.Event, error) {
		return t.events.GetByType(t.ctx, e.EventType, limit)
	}},
	{"GetUnprocessed", func(t *test, _ driver.Event, limit int) ([]driver.Event, error) {
		return t.events.GetUnprocessed(t.ctx, limit)
	}},
	{"GetUnprocessedPage", func(t *test, _ driver.Event, limit int) ([]driver.Event, error) {
		return t.events.GetUnprocessedPage(t.ctx, 0, limit)
	}},
}

func readsListsOfNothing(t *test) {
	for _, list := range lists {
		found, err := list.call(t, fullEvent(), 0)
		t.ok(err)
		equal(t, "events from "+list.name, len(found), 0)
	}
	found, err := t.events.GetByContext(t.ctx, nil, 0)
	t.ok(err)
	equal(t, "events without context", len(found), 0)
	found, err = t.events.GetUnprocessedPage(t.ctx, math.MaxInt64, 0)
	t.ok(err)
	equal(t, "events behind the last position", len(found), 0)
}

func readsFromVersion(t *test) {
	aggregate, events := history(5)
	saved := t.saveAll(events)
	for from, want := range map[int64][]driver.Event{0: saved, 1: saved, 2: saved[1:], 5: saved[4:], 6: nil, math.MaxInt64: nil} {
		found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{FromVersion: from})
		t.ok(err)
		t.sameEvents("the aggregate", found, want)
	}
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{FromVersion: 2, Limit: 2})
	t.ok(err)
	t.sameEvents("two from version 2 on", found, saved[1:3])
}

func readsInvalidAggregate(t *test) {
	for field, aggregate := range map[string]driver.Aggregate{
		"aggregate_type": {Type: "no words", ID: newID()},
		"aggregate_id":   {Type: "Order"},
	} {
		_, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
		t.wantInvalid(err, "Events.GetByAggregate", field)
	}
}

func readsNilContext(t *test) {
	free, bound := newEvent(), newEvent()
	bound.ContextID = ptr(newID())
	want := t.save(free)
	t.save(bound)
	found, err := t.events.GetByContext(t.ctx, nil, 0)
	t.ok(err)
	t.sameEvents("events of no context", found, []driver.Event{want})
}

func readsOneContext(t *test) {
	a, b, free := newEvent(), newEvent(), newEvent()
	a.ContextID, b.ContextID = ptr(newID()), ptr(newID())
	want := t.save(a)
	t.save(b)
	t.save(free)
	found, err := t.events.GetByContext(t.ctx, a.ContextID, 0)
	t.ok(err)
	t.sameEvents("events of the context", found, []driver.Event{want})
	found, err = t.events.GetByContext(t.ctx, ptr(uuid.Nil), 0)
	t.ok(err)
	equal(t, "events of the zero context", len(found), 0)
}

func readsExactType(t *test) {
	for _, eventType := range []string{"user.created", "user.created.v2", "user_created", "user-created", "userXcreated", "user"} {
		event := newEvent()
		event.EventType = eventType
		want := t.save(event)
		found, err := t.events.GetByType(t.ctx, eventType, 0)
		t.ok(err)
		t.sameEvents("events of type "+eventType, found, []driver.Event{want})
	}
	for _, pattern := range []string{"user.*", "*", "user%", "user_%", "%"} {
		if found, err := t.events.GetByType(t.ctx, pattern, 0); err != nil {
			t.wantErr(err, driver.ErrInvalid, "Events.GetByType") // to refuse it is fine, too
		} else {
			equal(t, "events of type "+pattern, len(found), 0)
		}
	}
}

func readsTypeText(t *test) {
	for _, eventType := range []string{"user\x00", "user\xff"} {
		_, err := t.events.GetByType(t.ctx, eventType, 0)
		t.wantInvalid(err, "Events.GetByType", "event_type")
	}
}

func readsOneCorrelation(t *test) {
	a, b := newEvent(), newEvent()
	a.CorrelationID, b.CorrelationID = ptr(newID()), ptr(newID())
	want := t.save(a)
	t.save(b)
	t.save(newEvent())
	found, err := t.events.GetByCorrelationID(t.ctx, *a.CorrelationID, 0)
	t.ok(err)
	t.sameEvents("events of the correlation", found, []driver.Event{want})
	found, err = t.events.GetByCorrelationID(t.ctx, uuid.Nil, 0)
	t.ok(err)
	equal(t, "events of the zero correlation", len(found), 0)
}

func readsProcessedToo(t *test) {
	saved := t.save(fullEvent())
	t.mark(saved.ID)
	want := t.get(saved.ID)
	for _, list := range lists {
		found, err := list.call(t, saved, 0)
		t.ok(err)
		if list.name == "GetUnprocessed" || list.name == "GetUnprocessedPage" {
			equal(t, "events from "+list.name, len(found), 0)
		} else {
			t.sameEvents(list.name, found, []driver.Event{want})
		}
	}
}
