package conformance

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventBatch = area{name: "Events/SaveBatch", behaviours: []behaviour{
	{"SavesAllInOrder", batchSavesAllInOrder},
	{"KeepsEveryField", batchKeepsEveryField},
	{"QueuesAllInOrder", batchQueuesAllInOrder},
	{"OfNothingIsFine", batchOfNothing},
	{"SavesFiveThousand", batchSavesThousands},
	{"NumbersEventsOfOneAggregateInOrder", batchNumbersInOrder},
	{"NumbersOnAfterStoredEvents", batchNumbersOn},
	{"NumbersManyAggregatesAtOnce", batchNumbersManyAggregates},
	{"MixesGivenAndZeroVersions", batchMixesVersions},
	{"RefusesAnIDThatIsInItTwice", batchRefusesADoubleID},
	{"RefusesAStoredID", batchRefusesAStoredID},
	{"RefusesABadEventAndNamesIt", batchRefusesABadEvent},
	{"RefusesATakenVersion", batchRefusesATakenVersion},
	{"RefusesAVersionThatIsInItTwice", batchRefusesADoubleVersion},
	{"NamesTheAggregateInConflict", batchNamesTheAggregate},
	{"ConcurrentBatchesNumberEachVersionOnce", batchConcurrent},
}}

func batchSavesAllInOrder(t *test) {
	given := withIDs(newEvents(20))
	saved := t.saveAll(given)
	equalList(t, "ids returned", idsOf(saved), idsOf(given))
	for i := 1; i < len(saved); i++ {
		if saved[i].Position <= saved[i-1].Position {
			t.Errorf("position of event %d: got %d, want it above %d, the one before", i, saved[i].Position, saved[i-1].Position)
		}
	}
}

func batchKeepsEveryField(t *test) {
	at := time.Date(2021, 6, 1, 0, 0, 0, 1000, time.UTC)
	given := []driver.Event{fullEvent(), newEvent(), fullEvent()}
	given[2].ProcessedAt = &at
	saved := t.saveAll(given)
	for i, got := range saved {
		t.sameEvent(fmt.Sprintf("event %d read back", i), t.get(got.ID), got)
	}
	for _, i := range []int{0, 2} {
		want := given[i]
		want.Position, want.CreatedAt = saved[i].Position, saved[i].CreatedAt
		t.sameEvent(fmt.Sprintf("event %d returned", i), saved[i], want)
	}
}

func batchQueuesAllInOrder(t *test) {
	first := t.save(newEvent())
	batch := idsOf(t.saveAll(newEvents(5)))
	last := t.save(newEvent())
	want := append([]uuid.UUID{first.ID}, append(batch, last.ID)...)
	equalList(t, "queue", t.queue(), want)
}

func batchOfNothing(t *test) {
	for _, nothing := range [][]driver.Event{nil, {}} {
		saved, err := t.events.SaveBatch(t.ctx, nothing)
		t.ok(err)
		equal(t, "events saved", len(saved), 0)
	}
}

func batchSavesThousands(t *test) {
	n := scale(5000, 500)
	events := newEvents(n)
	saved := t.saveAll(events)
	waiting, err := t.events.CountUnprocessed(t.ctx)
	t.ok(err)
	equal(t, "events in the queue", waiting, int64(n))
	for _, i := range []int{0, n / 2, n - 1} {
		t.sameEvent(fmt.Sprintf("event %d read back", i), t.get(saved[i].ID), saved[i])
	}
}

func batchNumbersInOrder(t *test) {
	aggregate, events := history(5)
	saved := t.saveAll(events)
	equalList(t, "versions returned", versionsOf(saved), upTo(5))
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
	t.ok(err)
	t.sameEvents("the aggregate", found, saved)
}

func batchNumbersOn(t *test) {
	aggregate, events := history(3)
	t.saveAll(events)
	saved := t.saveAll(moreHistory(aggregate, 2))
	equalList(t, "versions", versionsOf(saved), []int64{4, 5})
}

func batchNumbersManyAggregates(t *test) {
	const aggregates, each = 30, 3
	var events []driver.Event
	histories := make([][]driver.Event, aggregates)
	for i := range histories {
		_, histories[i] = history(each)
	}
	for version := range each {
		for i := range histories {
			events = append(events, histories[i][version])
		}
	}
	for i, saved := range t.saveAll(events) {
		equal(t, fmt.Sprintf("version of event %d", i), saved.AggregateVersion, int64(i/aggregates+1))
	}
}

func batchMixesVersions(t *test) {
	aggregate, events := history(2)
	t.saveAll(events)
	mixed := moreHistory(aggregate, 6)
	for i, version := range []int64{0, 7, 0, 0, 5, 0} {
		mixed[i].AggregateVersion = version
	}
	saved := t.saveAll(mixed)
	equalList(t, "versions", versionsOf(saved), []int64{3, 7, 8, 9, 5, 10})
}

func batchRefusesADoubleID(t *test) {
	before := t.state()
	events := withIDs(newEvents(4))
	events[3].ID = events[1].ID
	_, err := t.events.SaveBatch(t.ctx, events)
	t.wantTaken(err, "Events.SaveBatch", events[1].ID)
	t.wantState(before)
}

func batchRefusesAStoredID(t *test) {
	saved := t.save(newEvent())
	before := t.state()
	events := withIDs(newEvents(5))
	events[2].ID = saved.ID
	_, err := t.events.SaveBatch(t.ctx, events)
	t.wantTaken(err, "Events.SaveBatch", saved.ID)
	t.wantState(before)
	t.sameEvent("event that had the id", t.get(saved.ID), saved)
}

func batchRefusesABadEvent(t *test) {
	before := t.state()
	events := withIDs(newEvents(5))
	events[3].EventType = ""
	_, err := t.events.SaveBatch(t.ctx, events)
	t.wantInvalid(err, "Events.SaveBatch", "events[3].event_type")
	t.wantState(before)
	t.wantStored(false, idsOf(events)...)
}

func batchRefusesATakenVersion(t *test) {
	aggregate, events := history(3)
	t.saveAll(events)
	before := t.state()
	batch := newEvents(4)
	batch[2] = moreHistory(aggregate, 1)[0]
	batch[2].AggregateVersion = 2
	_, err := t.events.SaveBatch(t.ctx, withIDs(batch))
	t.wantConflict(err, "Events.SaveBatch", driver.VersionConflictError{Aggregate: aggregate, Expected: 1, Actual: 3})
	t.wantState(before)
	t.wantStored(false, idsOf(batch)...)
}

func batchRefusesADoubleVersion(t *test) {
	before := t.state()
	_, given := history(2)
	given[0].AggregateVersion, given[1].AggregateVersion = 4, 4
	_, numbered := history(2)
	numbered[1].AggregateVersion = 1 // which the one before it got
	for _, events := range [][]driver.Event{given, numbered} {
		_, err := t.events.SaveBatch(t.ctx, events)
		t.wantErr(err, driver.ErrVersionConflict, "Events.SaveBatch")
		t.wantState(before)
	}
}

func batchNamesTheAggregate(t *test) {
	_, gap := history(1)
	gap[0].AggregateVersion = 5
	full, events := history(1)
	t.saveAll(append(gap, events...))

	free, taken := moreHistory(gap[0].Aggregate(), 1)[0], moreHistory(full, 1)[0]
	free.AggregateVersion, taken.AggregateVersion = 3, 1
	_, err := t.events.SaveBatch(t.ctx, []driver.Event{free, taken})
	t.wantConflict(err, "Events.SaveBatch", driver.VersionConflictError{Aggregate: full, Expected: 0, Actual: 1})
}

func batchConcurrent(t *test) {
	const savers, each, size = 6, 3, 4
	a, b := driver.Aggregate{Type: "Order", ID: newID()}, driver.Aggregate{Type: "Order", ID: newID()}
	t.together(savers, func(i int) error {
		for range each {
			events := append(moreHistory(a, size), moreHistory(b, size)...)
			if i%2 == 1 { // in the other order: nobody may deadlock
				events = reversed(events)
			}
			if _, err := t.events.SaveBatch(t.ctx, events); err != nil {
				return err
			}
		}
		return nil
	})
	for _, aggregate := range []driver.Aggregate{a, b} {
		found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{Limit: driver.MaxLimit})
		t.ok(err)
		equalList(t, "versions", versionsOf(found), upTo(savers*each*size))
	}
}
