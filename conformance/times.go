package conformance

import (
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var eventTimes = area{name: "Events/Times", behaviours: []behaviour{
	{"AreTruncatedToMicroseconds", timesTruncated},
	{"AreUTC", timesUTC},
	{"ReachFromYear1To9999", timesReach},
	{"RefuseOtherYears", timesRefuse},
	{"ComeBackAsTheyWereReturned", timesReturnedEqualsRead},
	{"OfProcessedEventsFollowTheSameRules", timesProcessed},
	{"OfMarkingAreTheDatabases", timesMarking},
}}

// savedAt saves an event that occurred at a moment, alone and in a batch.
func (t *test) savedAt(at time.Time) []driver.Event {
	t.Helper()
	event := newEvent()
	event.OccurredAt = at
	return append(t.saveAll([]driver.Event{event}), t.save(event))
}

func (t *test) wantOccurredAt(given, want time.Time) {
	t.Helper()
	for _, saved := range t.savedAt(given) {
		equal(t, "OccurredAt returned", instant(&saved.OccurredAt), instant(&want))
		t.sameEvent("event read back", t.get(saved.ID), saved)
	}
}

func timesTruncated(t *test) {
	t.wantOccurredAt(time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC), time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC))
	t.wantOccurredAt(time.Date(2024, 5, 6, 7, 8, 9, 999999999, time.UTC), time.Date(2024, 5, 6, 7, 8, 9, 999999000, time.UTC))
	t.wantOccurredAt(time.Date(2024, 5, 6, 7, 8, 9, 999, time.UTC), time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC))
	// Before 1970 truncation goes to the earlier microsecond too, not towards 1970.
	t.wantOccurredAt(time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC))
	t.wantOccurredAt(time.Date(1900, 1, 1, 0, 0, 0, 1999, time.UTC), time.Date(1900, 1, 1, 0, 0, 0, 1000, time.UTC))
}

func timesUTC(t *test) {
	want := time.Date(2024, 3, 31, 0, 30, 0, 1000, time.UTC)
	for _, zone := range []*time.Location{
		time.Local, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600), time.FixedZone("", 5*3600+45*60), time.FixedZone("odd", 1),
	} {
		t.wantOccurredAt(want.In(zone), want)
	}
}

func timesReach(t *test) {
	for _, at := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), // zero means now, so the first moment is one later
		time.Date(1, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(1582, 10, 10, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	} {
		t.wantOccurredAt(at, at)
	}
}

func timesRefuse(t *test) {
	for _, at := range []time.Time{
		time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(-4713, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("west", -3600)), // in UTC the year 10000
		time.Unix(1<<60, 0),
	} {
		t.refuses(map[string]func(*driver.Event){
			"occurred_at":  func(e *driver.Event) { e.OccurredAt = at },
			"processed_at": func(e *driver.Event) { e.ProcessedAt = &at },
		})
	}
}

func timesReturnedEqualsRead(t *test) {
	now := time.Now() // has nanoseconds, a monotonic reading and the local zone
	for _, saved := range t.savedAt(now) {
		equal(t, "OccurredAt returned", instant(&saved.OccurredAt), instant(ptr(now.UTC().Truncate(time.Microsecond))))
		equal(t, "CreatedAt, truncated", instant(ptr(saved.CreatedAt.Truncate(time.Microsecond))), instant(&saved.CreatedAt))
		t.sameEvent("event read back", t.get(saved.ID), saved)
	}
}

func timesProcessed(t *test) {
	event := newEvent()
	event.ProcessedAt = ptr(time.Date(1969, 7, 20, 20, 17, 40, 123456789, time.FixedZone("west", -4*3600)))
	want := time.Date(1969, 7, 21, 0, 17, 40, 123456000, time.UTC)
	for _, saved := range append(t.saveAll([]driver.Event{event}), t.save(event)) {
		equal(t, "ProcessedAt returned", instant(saved.ProcessedAt), instant(&want))
		t.sameEvent("event read back", t.get(saved.ID), saved)
	}
}

func timesMarking(t *test) {
	saved := t.save(newEvent())
	t.mark(saved.ID)
	got := t.get(saved.ID)
	if got.ProcessedAt == nil || got.ProcessedAt.Before(got.CreatedAt) {
		t.Fatalf("ProcessedAt: got %s, want a moment after CreatedAt, %s", instant(got.ProcessedAt), instant(&got.CreatedAt))
	}
	equal(t, "ProcessedAt, truncated and in UTC", instant(ptr(got.ProcessedAt.UTC().Truncate(time.Microsecond))), instant(got.ProcessedAt))
	want := saved
	want.ProcessedAt = got.ProcessedAt
	t.sameEvent("all else", got, want)
}
