package conformance

import (
	"math"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventLimits = area{name: "Events/Limits", behaviours: []behaviour{
	{"ZeroMeansTheDefault", limitsZero},
	{"TheHighestIsAllowed", limitsHighest},
	{"NegativeIsRefused", limitsNegative},
	{"AboveTheHighestIsRefused", limitsTooHigh},
}}

// subject is an event like those that saveMany saves.
func subject() driver.Event {
	event := newEvent()
	event.CorrelationID, event.ContextID = ptr(newID()), ptr(newID())
	return event
}

func limitsZero(t *test) {
	one := subject()
	events := make([]driver.Event, driver.DefaultLimit+5)
	for i := range events {
		events[i] = one
	}
	t.saveAll(events)
	for _, list := range lists {
		found, err := list.call(t, one, 0)
		t.ok(err)
		equal(t, "events from "+list.name, len(found), driver.DefaultLimit)
		found, err = list.call(t, one, len(events))
		t.ok(err)
		equal(t, "events from "+list.name+", limit given", len(found), len(events))
	}
	t.inTx(func(tx driver.Store) {
		found, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
		t.ok(err)
		equal(t, "events from GetUnprocessedForUpdate", len(found), driver.DefaultLimit)
	})
	_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		equal(t, "events from ProcessUnprocessed", len(events), driver.DefaultLimit)
		return nil, nil
	})
	t.ok(err)
}

func limitsHighest(t *test) {
	one := t.save(subject())
	for _, list := range lists {
		found, err := list.call(t, one, driver.MaxLimit)
		t.ok(err)
		t.sameEvents(list.name, found, []driver.Event{one})
	}
}

func limitsNegative(t *test) { t.refusesLimits(-1, -100, math.MinInt) }

func limitsTooHigh(t *test) { t.refusesLimits(driver.MaxLimit+1, math.MaxInt) }

func (t *test) refusesLimits(limits ...int) {
	t.Helper()
	one := t.save(subject())
	for _, limit := range limits {
		for _, list := range lists {
			_, err := list.call(t, one, limit)
			t.wantInvalid(err, "Events."+list.name, "limit")
		}
		t.inTx(func(tx driver.Store) {
			_, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Limit: limit})
			t.wantInvalid(err, "Events.GetUnprocessedForUpdate", "limit")
		})
		_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Limit: limit}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
			t.Error("ProcessUnprocessed called its function in spite of an invalid limit")
			return nil, nil
		})
		t.wantInvalid(err, "Events.ProcessUnprocessed", "limit")
		for _, err := range t.events.AllUnprocessed(t.ctx, limit) {
			t.wantInvalid(err, "Events.AllUnprocessed", "limit")
		}
	}
}
