package conformance

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventAppend = area{name: "Events/Append", behaviours: []behaviour{
	{"FillsInTheAggregateAndTheVersions", appendFillsIn},
	{"TakesEventsThatSayTheSame", appendTakesTheSame},
	{"RefusesEventsThatSayOtherwise", appendRefusesOthers},
	{"QueuesAllInOrder", appendQueuesAllInOrder},
	{"OfNothingIsFine", appendOfNothing},
	{"RefusesATakenID", appendRefusesATakenID},
	{"RefusesABadEventAndNamesIt", appendRefusesABadEvent},
	{"RefusesAnInvalidAggregate", appendRefusesAnInvalidAggregate},
	{"LeavesTheGivenEventsAlone", appendLeavesTheGivenAlone},
}}

var eventAppendVersions = area{name: "Events/AppendVersions", behaviours: []behaviour{
	{"NoEventsTakesANewAggregateOnly", appendNoEvents},
	{"AnExpectedVersionMustBeTheLast", appendExpected},
	{"AnyVersionTakesWhatThereIs", appendAnyVersion},
	{"AConflictTellsTheActualVersion", appendConflictTells},
	{"RefusesOtherNegativeVersions", appendRefusesNegative},
	{"ExactlyOneOfManyAppendersWins", appendOneWins},
	{"AppendersThatRetryAllGetThrough", appendRetryingAll},
	{"TheSameCallAgainIsAlreadyThere", appendAgain},
}}

func (t *test) append(aggregate driver.Aggregate, expected int64, n int) []driver.Event {
	t.Helper()
	saved, err := t.events.Append(t.ctx, aggregate, expected, fillers(n))
	t.ok(err)
	return saved
}

func newAggregate() driver.Aggregate { return driver.Aggregate{Type: "Order", ID: newID()} }

func appendFillsIn(t *test) {
	aggregate := newAggregate()
	saved := t.append(aggregate, driver.NoEvents, 3)
	equalList(t, "versions", versionsOf(saved), upTo(3))
	for _, event := range saved {
		equal(t, "aggregate", event.Aggregate(), aggregate)
		t.sameEvent("event read back", t.get(event.ID), event)
	}
}

func appendTakesTheSame(t *test) {
	aggregate := newAggregate()
	t.append(aggregate, driver.NoEvents, 2)
	events := moreHistory(aggregate, 2)
	events[0].AggregateVersion, events[1].AggregateVersion = 3, 4
	saved, err := t.events.Append(t.ctx, aggregate, 2, events)
	t.ok(err)
	equalList(t, "versions", versionsOf(saved), []int64{3, 4})
}

func appendRefusesOthers(t *test) {
	aggregate := newAggregate()
	t.append(aggregate, driver.NoEvents, 1)
	before := t.state()
	for field, spoil := range map[string]func(*driver.Event){
		"events[1].aggregate_type":    func(e *driver.Event) { e.AggregateType = "order" },
		"events[1].aggregate_id":      func(e *driver.Event) { e.AggregateID = newID() },
		"events[1].aggregate_version": func(e *driver.Event) { e.AggregateVersion = 2 }, // it is the one of events[0]
	} {
		events := moreHistory(aggregate, 2)
		spoil(&events[1])
		_, err := t.events.Append(t.ctx, aggregate, 1, events)
		t.wantInvalid(err, "Events.Append", field)
	}
	t.wantState(before)
}

func appendQueuesAllInOrder(t *test) {
	saved := t.append(newAggregate(), driver.NoEvents, 4)
	equalList(t, "queue", t.queue(), idsOf(saved))
}

func appendOfNothing(t *test) {
	aggregate := newAggregate()
	for _, nothing := range [][]driver.Event{nil, {}} {
		saved, err := t.events.Append(t.ctx, aggregate, driver.NoEvents, nothing)
		t.ok(err)
		equal(t, "events saved", len(saved), 0)
	}
}

func appendRefusesATakenID(t *test) {
	taken := t.save(newEvent())
	before := t.state()
	events := withIDs(fillers(3))
	events[1].ID = taken.ID
	_, err := t.events.Append(t.ctx, newAggregate(), driver.NoEvents, events)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Append")

	events[1].ID = events[0].ID
	_, err = t.events.Append(t.ctx, newAggregate(), driver.NoEvents, events)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Append")
	t.wantState(before)
}

func appendRefusesABadEvent(t *test) {
	before := t.state()
	events := fillers(3)
	events[2].EventData = nil
	_, err := t.events.Append(t.ctx, newAggregate(), driver.NoEvents, events)
	t.wantInvalid(err, "Events.Append", "events[2].event_data")
	t.wantState(before)
}

func appendRefusesAnInvalidAggregate(t *test) {
	for field, aggregate := range map[string]driver.Aggregate{
		"aggregate_type": {Type: "", ID: newID()},
		"aggregate_id":   {Type: "Order", ID: uuid.Nil},
	} {
		_, err := t.events.Append(t.ctx, aggregate, driver.AnyVersion, fillers(1))
		t.wantInvalid(err, "Events.Append", field)
	}
}

func appendLeavesTheGivenAlone(t *test) {
	events := fillers(1)
	before := events[0]
	_, err := t.events.Append(t.ctx, newAggregate(), driver.NoEvents, events)
	t.ok(err)
	t.sameEvent("event given to Append", events[0], before)
}

func appendNoEvents(t *test) {
	aggregate := newAggregate()
	t.append(aggregate, driver.NoEvents, 1)
	before := t.state()
	_, err := t.events.Append(t.ctx, aggregate, driver.NoEvents, fillers(1))
	t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: aggregate, Expected: 0, Actual: 1})
	t.wantState(before)
}

// appendAgain is what a caller does that doesn't know whether the first call was committed.
func appendAgain(t *test) {
	aggregate, events := newAggregate(), fillers(2)
	for i := range events {
		events[i].ID = newID()
	}
	_, err := t.events.Append(t.ctx, aggregate, driver.NoEvents, events)
	t.ok(err)
	before := t.state()
	_, err = t.events.Append(t.ctx, aggregate, driver.NoEvents, events)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Append")
	t.wantState(before)
}

func appendExpected(t *test) {
	aggregate := newAggregate()
	t.append(aggregate, driver.NoEvents, 2)
	equalList(t, "versions", versionsOf(t.append(aggregate, 2, 2)), []int64{3, 4})
	before := t.state()
	for _, expected := range []int64{1, 2, 3, 5, 1 << 40} {
		_, err := t.events.Append(t.ctx, aggregate, expected, fillers(2))
		t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: aggregate, Expected: expected, Actual: 4})
	}
	t.wantState(before)
}

func appendAnyVersion(t *test) {
	aggregate := newAggregate()
	equalList(t, "first versions", versionsOf(t.append(aggregate, driver.AnyVersion, 2)), []int64{1, 2})
	equalList(t, "next versions", versionsOf(t.append(aggregate, driver.AnyVersion, 2)), []int64{3, 4})
}

func appendConflictTells(t *test) {
	aggregate := newAggregate()
	_, err := t.events.Append(t.ctx, aggregate, 3, fillers(1))
	t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: aggregate, Expected: 3, Actual: 0})

	event := moreHistory(aggregate, 1)[0]
	event.AggregateVersion = 9
	t.save(event)
	_, err = t.events.Append(t.ctx, aggregate, 3, fillers(1))
	t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: aggregate, Expected: 3, Actual: 9})
}

func appendRefusesNegative(t *test) {
	for _, version := range []int64{-2, -1 << 63} {
		_, err := t.events.Append(t.ctx, newAggregate(), version, fillers(1))
		t.wantInvalid(err, "Events.Append", "expected_version")
	}
}

func appendOneWins(t *test) {
	const appenders, rounds, size = 6, 4, 3
	aggregate := newAggregate()
	for round := range int64(rounds) {
		var winners atomic.Int64
		expected := round * size
		t.together(appenders, func(int) error {
			_, err := t.events.Append(t.ctx, aggregate, expected, fillers(size))
			if err == nil {
				winners.Add(1)
				return nil
			}
			return asError(faultOf(err, driver.ErrVersionConflict, "Events.Append"))
		})
		equal(t, fmt.Sprintf("appenders that won version %d", expected+1), winners.Load(), 1)
	}
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{Limit: driver.MaxLimit})
	t.ok(err)
	equalList(t, "versions", versionsOf(found), upTo(rounds*size))
}

func appendRetryingAll(t *test) {
	const appenders = 6
	aggregate := newAggregate()
	t.together(appenders, func(int) error {
		expected := driver.NoEvents
		for {
			_, err := t.events.Append(t.ctx, aggregate, expected, fillers(1))
			var conflict *driver.VersionConflictError
			if !errors.As(err, &conflict) {
				return err
			}
			if conflict.Actual <= expected {
				return fmt.Errorf("conflict at %d tells version %d", expected, conflict.Actual)
			}
			expected = conflict.Actual
		}
	})
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
	t.ok(err)
	equalList(t, "versions", versionsOf(found), upTo(appenders))
}
