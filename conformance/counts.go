package conformance

import (
	"maps"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var eventCounts = area{name: "Events/Counts", behaviours: []behaviour{
	{"CountUnprocessedCountsTheQueue", countsUnprocessed},
	{"CountProcessingIsZeroWithoutLeases", countsProcessing},
	{"CountByTypeCountsPerType", countsByType},
	{"CountByTypeCountsFromAMomentOn", countsSince},
	{"CountByTypeTruncatesItsMoment", countsTruncated},
	{"SeeWhatTheirTransactionDid", countsInTx},
}}

func (t *test) wantWaiting(store driver.Store, want int64) {
	t.Helper()
	waiting, err := store.Events().CountUnprocessed(t.ctx)
	t.ok(err)
	equal(t, "CountUnprocessed", waiting, want)
}

func (t *test) wantCounts(since time.Time, want map[string]int64) {
	t.Helper()
	counts, err := t.events.CountByType(t.ctx, since)
	t.ok(err)
	if !maps.Equal(counts, want) {
		t.Errorf("CountByType since %s: got %v, want %v", since, counts, want)
	}
}

func countsUnprocessed(t *test) {
	t.wantWaiting(t.store, 0)
	saved := t.saveAll(newEvents(7))
	t.wantWaiting(t.store, 7)
	t.mark(idsOf(saved[:3])...)
	t.wantWaiting(t.store, 4)
	imported := newEvent()
	imported.ProcessedAt = ptr(time.Now())
	t.save(imported)
	t.wantWaiting(t.store, 4)
}

func countsProcessing(t *test) {
	t.saveAll(newEvents(3))
	processing, err := t.events.CountProcessing(t.ctx)
	t.ok(err)
	equal(t, "CountProcessing", processing, 0)
	t.inTx(func(tx driver.Store) {
		_, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
		t.ok(err)
		processing, err := tx.Events().CountProcessing(t.ctx)
		t.ok(err)
		equal(t, "CountProcessing with locked events", processing, 0)
		t.wantWaiting(tx, 3)
	})
}

// saveTyped saves one event of each type, which occurred at a moment.
func (t *test) saveTyped(at time.Time, types ...string) []driver.Event {
	t.Helper()
	events := newEvents(len(types))
	for i := range events {
		events[i].EventType, events[i].OccurredAt = types[i], at
	}
	return t.saveAll(events)
}

func countsByType(t *test) {
	t.wantCounts(time.Time{}, map[string]int64{})
	saved := t.saveTyped(time.Time{}, "user.created", "User.created", "user.deleted", "user.created")
	t.mark(saved[0].ID) // processed ones count too
	t.wantCounts(time.Time{}, map[string]int64{"user.created": 2, "User.created": 1, "user.deleted": 1})
}

func countsSince(t *test) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 10000, time.UTC)
	t.saveTyped(at.Add(-time.Microsecond), "a", "b")
	t.saveTyped(at, "b", "c")
	t.saveTyped(at.Add(time.Microsecond), "c")
	for since, want := range map[time.Time]map[string]int64{
		at.Add(-time.Hour):                    {"a": 1, "b": 2, "c": 2},
		at.Add(-time.Microsecond):             {"a": 1, "b": 2, "c": 2},
		at:                                    {"b": 1, "c": 2},
		at.In(time.FixedZone("east", 5*3600)): {"b": 1, "c": 2},
		at.Add(time.Microsecond):              {"c": 1},
		at.Add(2 * time.Microsecond):          {},
	} {
		t.wantCounts(since, want)
	}
}

func countsTruncated(t *test) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 10999, time.UTC)
	t.saveTyped(at, "a")
	t.wantCounts(at, map[string]int64{"a": 1})
}

func countsInTx(t *test) {
	t.save(newEvent())
	t.undone(t.store, func(tx driver.Store) {
		t.saveTo(tx, newEvent())
		t.wantWaiting(tx, 2)
		counts, err := tx.Events().CountByType(t.ctx, time.Time{})
		t.ok(err)
		equal(t, "events counted by type", counts["order.placed"], 2)
	})
	t.wantWaiting(t.store, 1)
}
