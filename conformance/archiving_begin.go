package conformance

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archivingBegin = area{name: "Archives/Begin", behaviours: []behaviour{
	{"ChoosesProcessedEventsOnly", archiveProcessed},
	{"LeavesEventsWithOpenDeliveries", archiveDeliveries},
	{"LeavesWhatAConsumerHasNotRead", archiveConsumers},
	{"ChoosesByAge", archiveAge},
	{"ChoosesByTypes", archiveTypes},
	{"ChoosesByContexts", archiveContexts},
	{"ChoosesWhatAllCriteriaChoose", archiveCriteria},
	{"TakesTheFirstByPosition", archiveFirst},
	{"StopsWhenThereAreEnoughBytes", archiveBytes},
	{"WithoutEventsLeavesItPending", archiveNone},
	{"TellsWhatIsReserved", archiveReserved},
	{"YieldsManyAndLargeEvents", archiveMany},
	{"NeverReservesAnEventTwice", archiveTwice},
	{"RefusesWhatIsNotPending", archiveNotPending},
	{"RefusesCriteriaThatCanNotBe", archiveBadCriteria},
}}

func archiveProcessed(t *test) {
	done := t.saveProcessed(newEvents(3))
	marked := t.save(newEvent())
	t.mark(marked.ID)
	t.bury(1)
	t.saveAll(newEvents(3))
	leased := t.take(2)
	t.ok(t.events.Retry(t.ctx, leased[0], time.Hour, canary))
	acked := t.save(newEvent())
	for _, claim := range t.take(0) {
		if claim.Event.ID == acked.ID {
			t.ack(claim)
		}
	}
	t.wantChosen("of all there are", driver.ArchiveCriteria{}, slices.Concat(done, []driver.Event{marked, acked})...)
}

func archiveDeliveries(t *test) {
	saved := t.saveProcessed(newEvents(5))
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts = 1 })
	deliver := func(event driver.Event) driver.Delivery {
		return must(t, t.store.Deliveries().Save, driver.Delivery{EndpointID: endpoint.ID, EventID: event.ID})
	}
	deliver(saved[0]) // pending
	t.record(deliver(saved[1]).ID, newAttempt(driver.AttemptFailed))
	t.record(deliver(saved[2]).ID, newAttempt(driver.AttemptSuccess))
	failed := deliver(saved[3])
	for range 2 {
		t.record(failed.ID, newAttempt(driver.AttemptFailed))
	}
	t.wantChosen("with deliveries", driver.ArchiveCriteria{}, saved[2:]...)
	_, err := t.store.Deliveries().Replay(t.ctx, failed.ID)
	t.ok(err)
	t.wantChosen("with a replay", driver.ArchiveCriteria{}, saved[2], saved[4])
}

func archiveConsumers(t *test) {
	saved := t.saveProcessed(newEvents(4))
	t.wantChosen("without consumers", driver.ArchiveCriteria{}, saved...)
	for name, read := range map[string]int{"fast": 3, "slow": 1} {
		t.ok(t.store.Consumers().Reset(t.ctx, name, saved[read].Position))
	}
	t.wantChosen("that all consumers have read", driver.ArchiveCriteria{}, saved[:2]...)
	t.wantChosen("past consumers", driver.ArchiveCriteria{PastConsumers: true}, saved...)
	equal(t, "deleted", must(t, t.store.Consumers().Delete, "slow"), true)
	t.wantChosen("that the other has read", driver.ArchiveCriteria{}, saved...)
}

func archiveAge(t *test) {
	given := newEvents(4)
	for i, ago := range []time.Duration{time.Hour, 0, 2 * time.Hour, time.Microsecond} {
		given[i].OccurredAt = longerAgo(ago)
	}
	saved := t.saveProcessed(given)
	t.wantChosen("before", driver.ArchiveCriteria{OccurredBefore: longAgo}, saved[0], saved[2], saved[3])
	t.wantChosen("before, to the microsecond", driver.ArchiveCriteria{OccurredBefore: longerAgo(time.Microsecond)}, saved[0], saved[2])
	t.wantChosen("before all", driver.ArchiveCriteria{OccurredBefore: longerAgo(3 * time.Hour)})
}

func archiveTypes(t *test) {
	types := []string{"order.placed", "order.line.added", "orders.placed", "order", "Order.placed", "user.created", "user_.created"}
	given := newEvents(len(types))
	for i := range given {
		given[i].EventType = types[i]
	}
	saved := t.saveProcessed(given)
	for _, patterns := range [][]string{
		{"*"}, {"order.placed"}, {"order.*"}, {"order.line.*"}, {"order", "user.*"}, {"order.*", "*"}, {"user_.*"}, {"none.*"}, {"order.line.added.more"},
	} {
		covered := slices.DeleteFunc(slices.Clone(saved), func(e driver.Event) bool {
			return !slices.ContainsFunc(patterns, func(p string) bool { return driver.MatchEventType(p, e.EventType) })
		})
		others := slices.DeleteFunc(slices.Clone(saved), func(e driver.Event) bool { return slices.Contains(idsOf(covered), e.ID) })
		t.wantChosen("by "+patterns[0], driver.ArchiveCriteria{IncludeTypes: patterns}, covered...)
		t.wantChosen("but "+patterns[0], driver.ArchiveCriteria{ExcludeTypes: patterns}, others...)
	}
}

func archiveContexts(t *test) {
	one, other := newID(), newID()
	given := newEvents(3)
	given[0].ContextID, given[1].ContextID = &one, &other
	saved := t.saveProcessed(given)
	t.wantChosen("of one context", driver.ArchiveCriteria{IncludeContexts: []uuid.UUID{one}}, saved[0])
	t.wantChosen("of two contexts", driver.ArchiveCriteria{IncludeContexts: []uuid.UUID{one, other}}, saved[:2]...)
	t.wantChosen("but of one context", driver.ArchiveCriteria{ExcludeContexts: []uuid.UUID{one}}, saved[1:]...)
	t.wantChosen("of one and not of it", driver.ArchiveCriteria{IncludeContexts: []uuid.UUID{one}, ExcludeContexts: []uuid.UUID{one}})
	t.wantChosen("of an unknown context", driver.ArchiveCriteria{IncludeContexts: []uuid.UUID{newID()}})
}

// archiveCriteria compares random criteria with a model of them.
func archiveCriteria(t *test) {
	random := rand.New(rand.NewPCG(7, 7))
	contexts := []uuid.UUID{newID(), newID(), newID()}
	types := []string{"a", "a.b", "a.b.c", "b", "b.c"}
	patterns := []string{"*", "a", "a.*", "a.b.*", "b.c", "b.*"}
	pick := func(from []string) (some []string) {
		for _, one := range from {
			if random.IntN(4) == 0 {
				some = append(some, one)
			}
		}
		return some
	}
	given := newEvents(60)
	for i := range given {
		given[i].EventType = types[random.IntN(len(types))]
		given[i].OccurredAt = longerAgo(time.Duration(random.IntN(10)) * time.Hour)
		if random.IntN(3) > 0 {
			given[i].ContextID = &contexts[random.IntN(len(contexts))]
		}
	}
	saved := t.saveProcessed(given)
	for range scale(40, 10) {
		c := driver.ArchiveCriteria{IncludeTypes: pick(patterns), ExcludeTypes: pick(patterns[1:]), MaxEvents: 1 + random.IntN(60)}
		if random.IntN(2) == 0 {
			c.OccurredBefore = longerAgo(time.Duration(random.IntN(10)) * time.Hour)
		}
		if random.IntN(3) == 0 {
			c.IncludeContexts = contexts[:1+random.IntN(3)]
		}
		if random.IntN(3) == 0 {
			c.ExcludeContexts = contexts[random.IntN(3):]
		}
		if random.IntN(3) == 0 {
			c.AfterPosition = saved[random.IntN(len(saved))].Position
		}
		var want []driver.Event
		for _, e := range saved {
			if len(want) < c.MaxEvents && chooses(c, e) {
				want = append(want, e)
			}
		}
		t.wantChosen("by "+strconv.Quote(describe(c)), c, want...)
	}
}

// chooses is what criteria mean, but for how many.
func chooses(c driver.ArchiveCriteria, e driver.Event) bool {
	covered := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return driver.MatchEventType(p, e.EventType) })
	}
	in := func(contexts []uuid.UUID) bool { return e.ContextID != nil && slices.Contains(contexts, *e.ContextID) }
	return e.Position > c.AfterPosition && (c.OccurredBefore.IsZero() || e.OccurredAt.Before(c.OccurredBefore)) &&
		(len(c.IncludeTypes) == 0 || covered(c.IncludeTypes)) && !covered(c.ExcludeTypes) &&
		(len(c.IncludeContexts) == 0 || in(c.IncludeContexts)) && !in(c.ExcludeContexts)
}

func describe(c driver.ArchiveCriteria) string {
	text := ""
	for _, pattern := range c.IncludeTypes {
		text += "+" + pattern
	}
	for _, pattern := range c.ExcludeTypes {
		text += "-" + pattern
	}
	return text + " contexts +" + strconv.Itoa(len(c.IncludeContexts)) + "-" + strconv.Itoa(len(c.ExcludeContexts))
}

func archiveFirst(t *test) {
	saved := t.saveProcessed(newEvents(5))
	t.wantChosen("first", driver.ArchiveCriteria{MaxEvents: 2}, saved[:2]...)
	t.wantChosen("behind a position", driver.ArchiveCriteria{AfterPosition: saved[1].Position, MaxEvents: 2}, saved[2:4]...)
	reserved := t.begin(driver.ArchiveCriteria{MaxEvents: 2})
	t.wantChosen("beside others", driver.ArchiveCriteria{MaxEvents: 2}, saved[2:4]...)
	t.completeArchive(reserved)
	t.wantChosen("after others", driver.ArchiveCriteria{MaxEvents: 2}, saved[2:4]...)
}

func archiveBytes(t *test) {
	given := newEvents(4)
	size := int64(len(given[0].EventData) + len(given[0].EventMetadata))
	saved := t.saveProcessed(given)
	t.wantChosen("of one byte", driver.ArchiveCriteria{MaxBytes: 1}, saved[0])
	t.wantChosen("of one event's bytes", driver.ArchiveCriteria{MaxBytes: size}, saved[0])
	t.wantChosen("of a byte more", driver.ArchiveCriteria{MaxBytes: size + 1}, saved[:2]...)
	t.wantChosen("of all bytes", driver.ArchiveCriteria{MaxBytes: 4 * size}, saved...)
}

func archiveNone(t *test) {
	t.saveAll(newEvents(2))
	planned := t.plan()
	begun, err := t.store.Archives().Begin(t.ctx, planned.ID, driver.ArchiveCriteria{}, 0)
	t.ok(err)
	sameEntity(t, "archive begun without events", begun, planned)
	sameEntity(t, "archive stored", t.archiveNow(planned.ID), planned)
}

func archiveReserved(t *test) {
	before := t.clock() // before the others, since it saves one, too
	_, given := history(3)
	saved := t.saveProcessed(given)
	planned := t.plan()
	begun, err := t.store.Archives().Begin(t.ctx, planned.ID, driver.ArchiveCriteria{AfterPosition: saved[0].Position}, time.Hour)
	t.ok(err)
	want := planned
	want.Status, want.EventCount, want.FirstPosition, want.LastPosition = driver.ArchiveInProgress, 2, saved[1].Position, saved[2].Position
	want.LeaseToken, want.LeaseUntil, want.UpdatedAt, want.Revision = begun.LeaseToken, begun.LeaseUntil, begun.UpdatedAt, begun.Revision
	sameEntity(t, "archive begun", begun, want)
	if begun.LeaseToken == nil || begun.Revision <= planned.Revision {
		t.Fatalf("got the token %v and revision %d, want a token and one higher than %d", begun.LeaseToken, begun.Revision, planned.Revision)
	}
	t.wantBetween("LeaseUntil", begun.LeaseUntil, before.Add(time.Hour), t.clock().Add(time.Hour))
	sameEntity(t, "archive stored", t.archiveNow(planned.ID), begun)
	t.sameEvents("events reserved", t.reserved(begun), saved[1:])
	t.wantBack(saved...) // they are in the store still
	t.sameEvents("events of the aggregate", must2(t, t.events.GetByAggregate, saved[0].Aggregate(), driver.HistoryOptions{}), saved)
}

// archiveMany has more events than are read at a time, and large ones among them.
func archiveMany(t *test) {
	given := newEvents(scale(3000, 700))
	for i := range given {
		if i%150 == 7 {
			given[i].EventData = []byte(`{"note": "` + string(slices.Repeat([]byte("x"), 1<<20)) + `"}`)
		}
	}
	saved := t.saveProcessed(given)
	begun := t.begin(driver.ArchiveCriteria{MaxBytes: 1 << 40})
	t.sameEvents("events reserved", t.reserved(begun), saved)
	for event, err := range t.store.Archives().AllEvents(t.ctx, begun.ID) { // and no more than the first
		t.ok(err)
		equal(t, "first event", event.ID, saved[0].ID)
		break
	}
	equal(t, "events of an unknown archive", len(t.reserved(driver.Archive{ID: newID()})), 0)
}

func archiveTwice(t *test) {
	saved := t.saveProcessed(newEvents(100))
	var reserved struct {
		sync.Mutex
		ids []uuid.UUID
	}
	t.together(5, func(int) error {
		for {
			planned, err := t.store.Archives().Save(t.ctx, newArchive())
			if err != nil {
				return err
			}
			begun, err := t.store.Archives().Begin(t.ctx, planned.ID, driver.ArchiveCriteria{MaxEvents: 7}, 0)
			if err != nil || begun.EventCount == 0 {
				return err
			}
			for event, err := range t.store.Archives().AllEvents(t.ctx, begun.ID) {
				if err != nil {
					return err
				}
				reserved.Lock()
				reserved.ids = append(reserved.ids, event.ID)
				reserved.Unlock()
			}
		}
	})
	for left := t.begin(driver.ArchiveCriteria{}); left.EventCount > 0; left = t.begin(driver.ArchiveCriteria{}) {
		reserved.ids = append(reserved.ids, idsOf(t.reserved(left))...) // what they left to each other
	}
	want := idsOf(saved)
	sortIDs(want)
	sortIDs(reserved.ids)
	equalList(t, "events reserved", reserved.ids, want)
}

func archiveNotPending(t *test) {
	for _, status := range archiveStatuses[1:] {
		archive := t.archiveIn(status)
		_, err := t.store.Archives().Begin(t.ctx, archive.ID, driver.ArchiveCriteria{}, 0)
		t.wantErrOn(err, driver.ErrState, "Archives.Begin", "archive", archive.ID.String())
		sameEntity(t, string(status)+" archive", t.archiveNow(archive.ID), archive)
	}
	unknown := newID()
	_, err := t.store.Archives().Begin(t.ctx, unknown, driver.ArchiveCriteria{}, 0)
	t.wantErrOn(err, driver.ErrNotFound, "Archives.Begin", "archive", unknown.String())
}

func archiveBadCriteria(t *test) {
	planned := t.plan()
	for field, criteria := range map[string]driver.ArchiveCriteria{
		"occurred_before":     {OccurredBefore: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"after_position":      {AfterPosition: -1},
		"include_types[0]":    {IncludeTypes: []string{"a*"}},
		"exclude_types[1]":    {ExcludeTypes: []string{"a", "a"}},
		"include_contexts[0]": {IncludeContexts: []uuid.UUID{uuid.Nil}},
		"exclude_contexts":    {ExcludeContexts: slices.Repeat([]uuid.UUID{newID()}, driver.MaxArchiveLabels+1)},
		"max_events":          {MaxEvents: driver.MaxArchiveEvents + 1},
		"max_bytes":           {MaxBytes: -1},
	} {
		_, err := t.store.Archives().Begin(t.ctx, planned.ID, criteria, 0)
		t.wantInvalid(err, "Archives.Begin", field)
	}
	for _, lease := range []time.Duration{-1, time.Microsecond, driver.MaxLease + 1} {
		_, err := t.store.Archives().Begin(t.ctx, planned.ID, driver.ArchiveCriteria{}, lease)
		t.wantInvalid(err, "Archives.Begin", "lease")
	}
	sameEntity(t, "archive", t.archiveNow(planned.ID), planned)
}

// wantInArchive fails the test unless an error says that an event is in an archive.
func (t *test) wantInArchive(err error, id uuid.UUID) {
	t.Helper()
	var archived *driver.ArchivedError
	if !errors.As(err, &archived) || archived.ArchiveID != id {
		t.Errorf("the error %v does not say that the event is in archive %s", err, id)
	}
}
