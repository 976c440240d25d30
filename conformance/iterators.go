package conformance

import (
	"context"
	"encoding/json"
	"iter"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventIterators = area{name: "Events/Iterators", behaviours: []behaviour{
	{"AllUnprocessedYieldsTheQueue", iteratorsQueue},
	{"AllByAggregateYieldsTheHistory", iteratorsHistory},
	{"OfNothingYieldNothing", iteratorsOfNothing},
	{"StopWhenTheLoopBreaks", iteratorsBreak},
	{"CanBeRangedOverAgain", iteratorsAgain},
	{"LetTheLoopProcessWhatItGets", iteratorsProcessing},
	{"YieldAnErrorOnceAndEnd", iteratorsError},
	{"EndWithTheirContext", iteratorsContext},
	{"EndAtTheLargestVersion", iteratorsLargestVersion},
	{"YieldSmallAndVeryLargeEventsInOrder", iteratorsLarge},
	{"WorkInATransaction", iteratorsInTx},
}}

// collect ranges over all events, and fails the test on an error.
func (t *test) collect(all iter.Seq2[driver.Event, error]) []driver.Event {
	t.Helper()
	var events []driver.Event
	for event, err := range all {
		t.ok(err)
		events = append(events, event)
	}
	return events
}

func iteratorsQueue(t *test) {
	saved := t.saveAll(newEvents(driver.DefaultLimit + 10))
	for _, size := range []int{0, 7, 10, len(saved), driver.MaxLimit} {
		t.sameEvents("the queue", t.collect(t.events.AllUnprocessed(t.ctx, size)), saved)
	}
}

func iteratorsHistory(t *test) {
	aggregate, events := history(2*driver.DefaultLimit + 10)
	saved := t.saveAll(events)
	t.save(newEvent())
	t.mark(saved[3].ID)
	saved[3] = t.get(saved[3].ID)
	for _, from := range []int64{0, 1, 5, driver.DefaultLimit + 1, int64(len(saved))} {
		want := saved[max(0, from-1):]
		t.sameEvents("the history", t.collect(t.events.AllByAggregate(t.ctx, aggregate, from)), want)
	}
}

func iteratorsOfNothing(t *test) {
	equal(t, "events of an empty queue", len(t.collect(t.events.AllUnprocessed(t.ctx, 0))), 0)
	equal(t, "events of a new aggregate", len(t.collect(t.events.AllByAggregate(t.ctx, newAggregate(), 0))), 0)
}

func iteratorsBreak(t *test) {
	aggregate, events := history(6)
	saved := t.saveAll(events)
	for _, all := range []iter.Seq2[driver.Event, error]{
		t.events.AllUnprocessed(t.ctx, 2), t.events.AllByAggregate(t.ctx, aggregate, 0),
	} {
		var seen []uuid.UUID
		for event, err := range all {
			t.ok(err)
			if seen = append(seen, event.ID); len(seen) == 3 {
				break
			}
		}
		equalList(t, "seen before the break", seen, idsOf(saved[:3]))
	}
	t.mark(idsOf(saved)...) // nothing is left locked
}

func iteratorsAgain(t *test) {
	aggregate, events := history(5)
	saved := t.saveAll(events)
	queue, history := t.events.AllUnprocessed(t.ctx, 2), t.events.AllByAggregate(t.ctx, aggregate, 2)
	for range 2 {
		t.sameEvents("the queue", t.collect(queue), saved)
		t.sameEvents("the history", t.collect(history), saved[1:])
	}
}

func iteratorsProcessing(t *test) {
	saved := t.saveAll(newEvents(20))
	var seen []uuid.UUID
	for event, err := range t.events.AllUnprocessed(t.ctx, 3) {
		t.ok(err)
		seen = append(seen, event.ID)
		t.mark(event.ID)
	}
	equalList(t, "seen", seen, idsOf(saved))
	equalList(t, "queue afterwards", t.queue(), nil)
}

// wantOneError fails the test unless the iterator yields one error, at its end. It returns how many events came before.
func (t *test) wantOneError(all iter.Seq2[driver.Event, error], kind error, op string) int {
	t.Helper()
	events, errs := 0, 0
	for event, err := range all {
		switch {
		case errs > 0:
			t.Fatalf("%s went on after an error", op)
		case err == nil:
			events++
		default:
			errs++
			t.wantErr(err, kind, op)
			t.sameEvent("event beside the error", event, driver.Event{})
		}
	}
	equal(t, "errors from "+op, errs, 1)
	return events
}

func iteratorsError(t *test) {
	t.save(newEvent())
	t.wantOneError(t.events.AllUnprocessed(t.ctx, -1), driver.ErrInvalid, "Events.AllUnprocessed")
	t.wantOneError(t.events.AllByAggregate(t.ctx, driver.Aggregate{Type: "Order"}, 0), driver.ErrInvalid, "Events.AllByAggregate")
	for _, err := range t.events.AllUnprocessed(t.ctx, -1) {
		t.wantErr(err, driver.ErrInvalid, "Events.AllUnprocessed")
		break // after an error the loop may break as well
	}
}

func iteratorsContext(t *test) {
	aggregate, events := history(2*driver.DefaultLimit + 1)
	t.saveAll(events)
	for op, all := range map[string]func(context.Context) iter.Seq2[driver.Event, error]{
		"Events.AllUnprocessed": func(ctx context.Context) iter.Seq2[driver.Event, error] { return t.events.AllUnprocessed(ctx, 2) },
		"Events.AllByAggregate": func(ctx context.Context) iter.Seq2[driver.Event, error] {
			return t.events.AllByAggregate(ctx, aggregate, 0)
		},
	} {
		ctx, cancel := context.WithCancel(t.ctx)
		defer cancel()
		seen := t.wantOneError(func(yield func(driver.Event, error) bool) {
			for event, err := range all(ctx) {
				cancel() // while it stands on the first event
				if !yield(event, err) {
					return
				}
			}
		}, context.Canceled, op)
		if seen == 0 || seen == len(events) {
			t.Errorf("%s yielded %d events, want some of %d", op, seen, len(events))
		}
	}
}

func iteratorsLargestVersion(t *test) {
	aggregate, events := history(driver.DefaultLimit) // a full page, whose last event has no next version
	events[len(events)-1].AggregateVersion = math.MaxInt64
	saved := t.saveAll(events)
	seen := 0
	for _, err := range t.events.AllByAggregate(t.ctx, aggregate, 0) {
		t.ok(err)
		if seen++; seen > len(saved) {
			t.Fatal("AllByAggregate started again behind the largest version")
		}
	}
	equal(t, "events", seen, len(saved))
}

func iteratorsInTx(t *test) {
	aggregate, events := history(5)
	saved := t.saveAll(events)
	t.inTx(func(tx driver.Store) {
		more := t.saveTo(tx, moreHistory(aggregate, 1)[0])
		want := append(saved, more)
		t.sameEvents("the queue", t.collect(tx.Events().AllUnprocessed(t.ctx, 2)), want)
		t.sameEvents("the history", t.collect(tx.Events().AllByAggregate(t.ctx, aggregate, 0)), want)
	})
}

// What fits in a page of small events is too much of large ones.
func iteratorsLarge(t *test) {
	aggregate, events := history(2*driver.DefaultLimit + 10)
	for i := range events {
		if size := map[int]int{0: 3, 1: 1, 9: 5, 100: 2, 101: 2, 102: 2, 103: 9, 209: 1}[i]; size > 0 {
			events[i].EventData = json.RawMessage(`{"text":"` + strings.Repeat("x", size<<20) + `"}`)
		}
	}
	saved := t.saveAll(events)
	t.sameEvents("the queue", t.collect(t.events.AllUnprocessed(t.ctx, driver.MaxLimit)), saved)
	t.sameEvents("the history", t.collect(t.events.AllByAggregate(t.ctx, aggregate, 0)), saved)
}
