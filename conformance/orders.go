package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventOrders = area{name: "Events/Orders", behaviours: []behaviour{
	{"GetByAggregateIsByVersion", ordersByVersion},
	{"GetByCorrelationIDIsOldestFirst", ordersByCorrelation},
	{"GetByContextIsNewestFirst", ordersByContext},
	{"GetByTypeIsNewestFirst", ordersByType},
	{"TheQueueIsByPosition", ordersOfTheQueue},
	{"TheLimitKeepsTheFirst", ordersLimitKeepsTheFirst},
}}

// saveInDisorder saves events that occurred out of the order in which they are saved,
// some of them at the same moment, and returns them by OccurredAt, then Position.
func (t *test) saveInDisorder(prepare func(*driver.Event)) []driver.Event {
	t.Helper()
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	minutes := []int{5, 1, 3, 1, 5, 1, -1_000_000, 3}
	order := []int{6, 1, 3, 5, 2, 7, 0, 4} // indices into minutes, the smaller first among equals
	events := newEvents(len(minutes))
	for i := range events {
		events[i].OccurredAt = start.Add(time.Duration(minutes[i]) * time.Minute)
		prepare(&events[i])
	}
	saved := append(t.saveAll(events[:4]), t.save(events[4]), t.save(events[5]), t.save(events[6]), t.save(events[7]))
	sorted := make([]driver.Event, len(order))
	for i, index := range order {
		sorted[i] = saved[index]
	}
	return sorted
}

func ordersByVersion(t *test) {
	aggregate, events := history(5)
	versions := []int64{9, 2, 30, 1, 4}
	byVersion := []int{3, 1, 4, 0, 2}
	want := make([]driver.Event, len(events))
	for i := range events {
		events[i].AggregateVersion = versions[i]
		events[i].OccurredAt = time.Date(2024, 1, 1, 0, 0, -i, 0, time.UTC)
	}
	saved := t.saveAll(events)
	for i, index := range byVersion {
		want[i] = saved[index]
	}
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
	t.ok(err)
	t.sameEvents("the aggregate", found, want)
}

func ordersByCorrelation(t *test) {
	id := newID()
	want := t.saveInDisorder(func(e *driver.Event) { e.CorrelationID = &id })
	found, err := t.events.GetByCorrelationID(t.ctx, id, 0)
	t.ok(err)
	t.sameEvents("the correlation", found, want)
}

func ordersByContext(t *test) {
	for name, id := range map[string]*uuid.UUID{"a context": ptr(newID()), "no context": nil} {
		want := reversed(t.saveInDisorder(func(e *driver.Event) { e.ContextID = id }))
		found, err := t.events.GetByContext(t.ctx, id, 0)
		t.ok(err)
		t.sameEvents("events of "+name, found, want)
	}
}

func ordersByType(t *test) {
	want := reversed(t.saveInDisorder(func(e *driver.Event) { e.EventType = "stock.moved" }))
	found, err := t.events.GetByType(t.ctx, "stock.moved", 0)
	t.ok(err)
	t.sameEvents("events of the type", found, want)
}

func ordersOfTheQueue(t *test) {
	saved := t.saveInDisorder(func(*driver.Event) {})
	found, err := t.events.GetUnprocessed(t.ctx, 0)
	t.ok(err)
	equal(t, "length of the queue", len(found), len(saved))
	for i := 1; i < len(found); i++ {
		if found[i].Position <= found[i-1].Position {
			t.Errorf("position of event %d in the queue: got %d, want it above %d, the one before", i, found[i].Position, found[i-1].Position)
		}
	}
}

func ordersLimitKeepsTheFirst(t *test) {
	aggregate := newAggregate()
	correlation, context := newID(), newID()
	saved := t.saveInDisorder(func(e *driver.Event) {
		e.AggregateID, e.CorrelationID, e.ContextID = aggregate.ID, &correlation, &context
	})
	for _, list := range lists {
		all, err := list.call(t, saved[0], 0)
		t.ok(err)
		for _, limit := range []int{1, 3, len(all), len(all) + 1} {
			found, err := list.call(t, saved[0], limit)
			t.ok(err)
			t.sameEvents(fmt.Sprintf("%s, limit %d", list.name, limit), found, all[:min(limit, len(all))])
		}
		if strings.HasPrefix(list.name, "GetUnprocessed") {
			continue
		}
		equal(t, "events from "+list.name, len(all), len(saved))
	}
}
