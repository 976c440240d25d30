package conformance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveReads = area{name: "Archives/Reads", behaviours: []behaviour{
	{"GetByIDOfAnUnknownIDIsNotFound", archiveGetUnknown},
	{"ExistsTellsWhatIsStored", archiveExists},
	{"GetByStatusIsExact", archivesByStatus},
	{"GetByStatusIsNewestFirst", archivesByStatusOrder},
	{"GetByDateRangeShowsThoseWhoseTimeMeetsIt", archivesByTime},
	{"GetByDateRangeHasAnEndThatIsNotInIt", archivesByTimeEdges},
	{"GetByDateRangeIsByEventsFromThenID", archivesByTimeOrder},
	{"GetByAggregateShowsThoseThatHoldItsEvents", archivesByAggregate},
	{"GetByAggregateLeavesOutWhatWasRestored", archivesByAggregateRestored},
	{"GetByPositionShowsThoseAtOrBehindIt", archivesByPosition},
	{"GetByPositionIsByFirstPosition", archivesByPositionOrder},
	{"ShowCompletedOnesOnly", archivesCompletedOnly},
	{"GetExpiredIsByTheDatabasesClock", archivesExpired},
	{"GetExpiredShowsThoseCompletedOrRestored", archivesExpiredStates},
	{"GetExpiredIsByArchivedAtThenID", archivesExpiredOrder},
	{"GetExpiredCountsTheMostDaysThereCanBe", archivesExpiredDays},
	{"RefuseWhatCanNotBeBeforeAnythingIsSent", archivesRefuse},
	{"HoldToTheLimits", archivesLimits},
	{"GetExpiredHoldsToTheLimits", archivesExpiredLimits},
	{"OfNothingAreEmpty", archivesNone},
}}

func archiveGetUnknown(t *test) {
	t.plan()
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		got, err := t.store.Archives().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "Archives.GetByID", "archive", id.String())
		sameEntity(t, "archive beside the error", got, driver.Archive{})
	}
}

func archiveExists(t *test) {
	for _, stored := range t.archivesInStates() {
		equal(t, "a stored one exists", must(t, t.store.Archives().Exists, stored.ID), true)
	}
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "an unknown one exists", must(t, t.store.Archives().Exists, id), false)
	}
}

func archivesByStatus(t *test) {
	for status, want := range t.archivesInStates() {
		sameEntities(t, "archives "+string(status), must2(t, t.store.Archives().GetByStatus, status, 0), []driver.Archive{want})
	}
}

// planMany saves pending archives in one transaction, where a database may have one moment only.
func (t *test) planMany(n int, changes ...func(*driver.Archive)) []driver.Archive {
	t.Helper()
	saved := make([]driver.Archive, n)
	t.inTx(func(tx driver.Store) {
		for i := range saved {
			saved[i] = t.planIn(tx, changes...)
		}
	})
	return saved
}

func newestArchivesFirst(archives []driver.Archive) []driver.Archive {
	return slices.SortedFunc(slices.Values(archives), func(a, b driver.Archive) int { return -byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
}

// randomID gives archives ids that are in no order.
func randomID(a *driver.Archive) { a.ID = uuid.New() }

func archivesByStatusOrder(t *test) {
	saved := slices.Concat(t.planMany(8, randomID), t.planMany(8, randomID), t.planMany(1))
	found := must2(t, t.store.Archives().GetByStatus, driver.ArchivePending, 0)
	sameEntities(t, "pending archives", found, newestArchivesFirst(saved))
}

// archiveOf archives new events that occurred at these moments.
func (t *test) archiveOf(occurred ...time.Time) driver.Archive {
	t.Helper()
	events := newEvents(len(occurred))
	for i := range events {
		events[i].OccurredAt = occurred[i]
	}
	archived, _ := t.archive(events)
	return archived
}

func (t *test) archivesFrom(from, to time.Time) []driver.Archive {
	t.Helper()
	found, err := t.store.Archives().GetByDateRange(t.ctx, from, to, 0)
	t.ok(err)
	return found
}

func archivesByTime(t *test) {
	day := func(n int) time.Time { return time.Date(2024, 3, n, 12, 0, 0, 0, time.UTC) }
	early, long, late, other := t.archiveOf(day(3), day(1), day(2)), t.archiveOf(day(2), day(20)), t.archiveOf(day(18), day(19)), t.archiveOf(day(10))
	for _, c := range []struct {
		from, to int
		want     []driver.Archive
	}{
		{1, 31, []driver.Archive{early, long, other, late}},
		{1, 2, []driver.Archive{early}},
		{2, 3, []driver.Archive{early, long}},
		{4, 9, []driver.Archive{long}}, // may have events there
		{4, 11, []driver.Archive{long, other}},
		{19, 20, []driver.Archive{long, late}},
		{20, 31, []driver.Archive{long}},
		{21, 31, nil},
		{-10, 1, nil},
	} {
		sameEntities(t, fmt.Sprintf("archives of the days %d to %d", c.from, c.to), t.archivesFrom(day(c.from), day(c.to)), c.want)
	}
	elsewhere := time.FixedZone("east", 5*3600)
	sameEntities(t, "archives of days elsewhere", t.archivesFrom(day(2).In(elsewhere), day(3).In(elsewhere)), []driver.Archive{early, long})
	sameEntities(t, "archives of all times", t.archivesFrom(time.Time{}, time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)),
		[]driver.Archive{early, long, other, late})
}

func archivesByTimeEdges(t *test) {
	at := time.Date(2024, 2, 29, 23, 59, 59, 123_456_000, time.UTC)
	all := []driver.Archive{t.archiveOf(at)}
	for _, c := range []struct {
		from, to time.Duration
		want     []driver.Archive
	}{
		{0, time.Microsecond, all},
		{0, 1, all},
		{-1, 1, all},
		{-time.Hour, 0, nil},
		{-time.Hour, -1, nil},
		{1, time.Hour, nil},
		{time.Microsecond, time.Hour, nil},
		{-time.Hour, time.Microsecond, all},
	} {
		sameEntities(t, fmt.Sprintf("archives from %s to %s of it", c.from, c.to), t.archivesFrom(at.Add(c.from), at.Add(c.to)), c.want)
	}
	first, last := time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	ancient, future := t.archiveOf(first), t.archiveOf(last)
	sameEntities(t, "archives of the first moment", t.archivesFrom(first, first.Add(1)), []driver.Archive{ancient})
	sameEntities(t, "archives of the last moment", t.archivesFrom(last, last.Add(1)), []driver.Archive{future})
}

func archivesByTimeOrder(t *test) {
	var saved []driver.Archive
	for i := range 10 {
		events := newEvents(1)
		events[0].OccurredAt = longAgo.AddDate(0, 0, i%3)
		archived, _ := t.archive(events, randomID)
		saved = append(saved, archived)
	}
	slices.SortFunc(saved, func(a, b driver.Archive) int { return byAge(*a.EventsFrom, *b.EventsFrom, a.ID, b.ID) })
	sameEntities(t, "archives", t.archivesFrom(longAgo, longAgo.AddDate(1, 0, 0)), saved)
}

func archivesByAggregate(t *test) {
	aggregate, events := history(6)
	other := driver.Aggregate{Type: "order", ID: aggregate.ID} // only the type is another one
	events = append(events, moreHistory(other, 2)...)
	events[3], events[6] = events[6], events[3]
	events = t.saveProcessed(append(events, newEvents(1)...))
	t.saveProcessed(newEvents(1)) // not archived
	first, second, third := t.archiveStored(events[:3]), t.archiveStored(events[3:4]), t.archiveStored(events[4:])
	of := func(a driver.Aggregate) []driver.Archive {
		return must2(t, t.store.Archives().GetByAggregate, a, 0)
	}
	sameEntities(t, "archives of the aggregate", of(aggregate), []driver.Archive{first, third})
	sameEntities(t, "archives of that of another type", of(other), []driver.Archive{second, third})
	sameEntities(t, "archives of that of one event", of(events[8].Aggregate()), []driver.Archive{third})
	sameEntities(t, "archives of one without events", of(newAggregate()), nil)
	sameEntities(t, "archives of another type", of(driver.Aggregate{Type: "Orde", ID: aggregate.ID}), nil)
}

func archivesByAggregateRestored(t *test) {
	aggregate, events := history(2)
	archive, events := t.archive(append(events, newEvents(2)...))
	archive = t.restored(archive, events[0], events[2])
	sameEntities(t, "archives of an aggregate with one event left", must2(t, t.store.Archives().GetByAggregate, aggregate, 0), []driver.Archive{archive})
	sameEntities(t, "archives of one that is back", must2(t, t.store.Archives().GetByAggregate, events[2].Aggregate(), 0), nil)
	t.restored(archive, events[1])
	sameEntities(t, "archives of the aggregate", must2(t, t.store.Archives().GetByAggregate, aggregate, 0), nil)
}

func (t *test) archivesAt(position int64) []driver.Archive {
	t.Helper()
	return must2(t, t.store.Archives().GetByPosition, position, 0)
}

func archivesByPosition(t *test) {
	first := t.archiveNew(3)
	t.save(newEvent())
	second := t.archiveNew(2)
	sameEntities(t, "all archives", t.archivesAt(0), []driver.Archive{first, second})
	sameEntities(t, "at the last one of the first", t.archivesAt(first.LastPosition), []driver.Archive{first, second})
	sameEntities(t, "behind the first", t.archivesAt(first.LastPosition+1), []driver.Archive{second})
	sameEntities(t, "within the second", t.archivesAt(second.LastPosition), []driver.Archive{second})
	sameEntities(t, "behind all", t.archivesAt(second.LastPosition+1), nil)
	sameEntities(t, "at the highest there is", t.archivesAt(math.MaxInt64), nil)
}

// archivesByPositionOrder has archives that go across each other, and were not made in their order.
func archivesByPositionOrder(t *test) {
	events := t.saveProcessed(newEvents(9))
	archive := func(criteria driver.ArchiveCriteria) driver.Archive {
		begun, err := t.store.Archives().Begin(t.ctx, t.plan().ID, criteria, 0)
		t.ok(err)
		return begun
	}
	complete := func(begun driver.Archive) driver.Archive {
		file := fileOf(events)
		file.EventCount = begun.EventCount
		completed, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, file)
		t.ok(err)
		return completed
	}
	middle := archive(driver.ArchiveCriteria{AfterPosition: events[3].Position, MaxEvents: 1})
	around := archive(driver.ArchiveCriteria{AfterPosition: events[1].Position, MaxEvents: 5})
	first := archive(driver.ArchiveCriteria{MaxEvents: 1})
	rest := archive(driver.ArchiveCriteria{}) // the second one, and the last two
	middle, rest, around, first = complete(middle), complete(rest), complete(around), complete(first)
	sameEntities(t, "all archives", t.archivesAt(0), []driver.Archive{first, rest, around, middle})
	sameEntities(t, "behind the middle", t.archivesAt(events[5].Position), []driver.Archive{rest, around})
}

func archivesCompletedOnly(t *test) {
	aggregate := newAggregate()
	saved := t.archivesInStates()
	completed := []driver.Archive{saved[driver.ArchiveCompleted]}
	sameEntities(t, "by time", t.archivesFrom(longAgo, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), completed)
	sameEntities(t, "by position", t.archivesAt(0), completed)
	for _, end := range []func(archive driver.Archive, events []driver.Event){
		func(archive driver.Archive, _ []driver.Event) { must(t, t.store.Archives().Purge, archive.ID) },
		func(archive driver.Archive, events []driver.Event) { t.restored(archive, events...) },
	} {
		archive, events := t.archive(moreHistory(aggregate, 2))
		sameEntities(t, "by aggregate", must2(t, t.store.Archives().GetByAggregate, aggregate, 0), []driver.Archive{archive})
		end(archive, events)
		sameEntities(t, "by aggregate", must2(t, t.store.Archives().GetByAggregate, aggregate, 0), nil)
	}
}

func (t *test) expired() []driver.Archive {
	t.Helper()
	return must(t, t.store.Archives().GetExpired, 0)
}

func archivesExpired(t *test) {
	first := t.archivedAgo(t.archiveNew(1, expiresAfter(30)), 30*oneDay)
	second := t.archivedAgo(t.archiveNew(1, expiresAfter(1)), oneDay+time.Minute)
	t.archivedAgo(t.archiveNew(1, expiresAfter(30)), 30*oneDay-time.Hour)
	t.archivedAgo(t.archiveNew(1, expiresAfter(0)), 1000*oneDay) // never
	t.archiveNew(1, expiresAfter(1))
	sameEntities(t, "expired archives", t.expired(), []driver.Archive{first, second})
	updated := must(t, t.store.Archives().Update, changed(first, expiresAfter(31)))
	sameEntities(t, "expired archives", t.expired(), []driver.Archive{second})
	first = must(t, t.store.Archives().Update, changed(updated, expiresAfter(29)))
	sameEntities(t, "expired archives", t.expired(), []driver.Archive{first, second})
}

func archivesExpiredStates(t *test) {
	var want []driver.Archive
	for i, status := range archiveStatuses {
		archive := t.archivedAgo(t.archiveIn(status, expiresAfter(1)), 10*oneDay-time.Duration(i)*time.Hour)
		if status == driver.ArchiveCompleted || status == driver.ArchiveRestored {
			want = append(want, archive)
		}
	}
	sameEntities(t, "expired archives", t.expired(), want)
}

func archivesExpiredOrder(t *test) {
	var saved []driver.Archive
	for i := range 10 {
		archived := t.archiveNew(1, randomID, expiresAfter(1+9*(i%2)))
		saved = append(saved, t.archivedAt(archived, longAgo.AddDate(0, 0, i%3)))
	}
	slices.SortFunc(saved, func(a, b driver.Archive) int { return byAge(*a.ArchivedAt, *b.ArchivedAt, a.ID, b.ID) })
	sameEntities(t, "expired archives", t.expired(), saved)
}

func archivesExpiredDays(t *test) {
	const most = driver.MaxArchiveDays * oneDay
	want := t.archivedAgo(t.archiveNew(1, expiresAfter(driver.MaxArchiveDays)), most)
	t.archivedAgo(t.archiveNew(1, expiresAfter(driver.MaxArchiveDays)), most-time.Hour)
	sameEntities(t, "expired archives", t.expired(), []driver.Archive{want})
}

func archivesRefuse(t *test) {
	ended, archives := t.endedContext(), t.store.Archives()
	for _, status := range []driver.ArchiveStatus{"", "Pending", "done", canary} {
		_, err := archives.GetByStatus(ended, status, 0)
		t.wantInvalid(err, "Archives.GetByStatus", "status")
	}
	now := time.Now()
	tooEarly, tooLate := time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from, to time.Time
		field    string
	}{{now, now, "to"}, {now, now.Add(-1), "to"}, {now, time.Time{}, "to"}, {tooEarly, now, "from"}, {now, tooLate, "to"}} {
		_, err := archives.GetByDateRange(ended, c.from, c.to, 0)
		t.wantInvalid(err, "Archives.GetByDateRange", c.field)
	}
	for _, aggregate := range []driver.Aggregate{{ID: newID()}, {Type: canary + "\x00", ID: newID()}, {Type: strings.Repeat("x", driver.MaxAggregateType+1), ID: newID()}} {
		_, err := archives.GetByAggregate(ended, aggregate, 0)
		t.wantInvalid(err, "Archives.GetByAggregate", "aggregate_type")
	}
	_, err := archives.GetByAggregate(ended, driver.Aggregate{Type: "Order"}, 0)
	t.wantInvalid(err, "Archives.GetByAggregate", "aggregate_id")
	for _, position := range []int64{-1, math.MinInt64} {
		_, err := archives.GetByPosition(ended, position, 0)
		t.wantInvalid(err, "Archives.GetByPosition", "position")
	}
}

// archiveOneByOne archives events, each in an archive of its own.
func (t *test) archiveOneByOne(events []driver.Event, changes ...func(*driver.Archive)) []driver.Archive {
	t.Helper()
	archived := make([]driver.Archive, len(events))
	for i := range archived {
		archived[i] = t.archiveStored(events[i:i+1], changes...)
	}
	return archived
}

// manyArchives is more of them than a list returns by default.
const manyArchives = driver.DefaultLimit + 3

func archivesLimits(t *test) {
	aggregate, events := history(manyArchives)
	for i := range events {
		events[i].OccurredAt = longAgo
	}
	want := t.archiveOneByOne(t.saveProcessed(events))
	archives := t.store.Archives()
	holdsToLimits(t, "Archives.GetByStatus", newestArchivesFirst(want), func(limit int) ([]driver.Archive, error) {
		return archives.GetByStatus(t.ctx, driver.ArchiveCompleted, limit)
	})
	holdsToLimits(t, "Archives.GetByAggregate", want, func(limit int) ([]driver.Archive, error) {
		return archives.GetByAggregate(t.ctx, aggregate, limit)
	})
	holdsToLimits(t, "Archives.GetByPosition", want, func(limit int) ([]driver.Archive, error) {
		return archives.GetByPosition(t.ctx, 0, limit)
	})
	slices.SortFunc(want, func(a, b driver.Archive) int { return compareIDs(a.ID, b.ID) })
	holdsToLimits(t, "Archives.GetByDateRange", want, func(limit int) ([]driver.Archive, error) {
		return archives.GetByDateRange(t.ctx, longAgo, longAgo.Add(1), limit)
	})
}

func archivesExpiredLimits(t *test) {
	want := t.archiveOneByOne(t.saveProcessed(newEvents(manyArchives)), expiresAfter(1))
	for i := range want {
		want[i] = t.archivedAt(want[i], longAgo)
	}
	slices.SortFunc(want, func(a, b driver.Archive) int { return compareIDs(a.ID, b.ID) })
	holdsToLimits(t, "Archives.GetExpired", want, func(limit int) ([]driver.Archive, error) {
		return t.store.Archives().GetExpired(t.ctx, limit)
	})
}

func archivesNone(t *test) {
	t.saveProcessed(newEvents(2))
	for _, status := range archiveStatuses {
		equal(t, "archives "+string(status), len(must2(t, t.store.Archives().GetByStatus, status, 0)), 0)
	}
	sameEntities(t, "by time", t.archivesFrom(time.Time{}, time.Now()), nil)
	sameEntities(t, "by aggregate", must2(t, t.store.Archives().GetByAggregate, newAggregate(), 0), nil)
	sameEntities(t, "by position", t.archivesAt(0), nil)
	sameEntities(t, "expired", t.expired(), nil)
}
