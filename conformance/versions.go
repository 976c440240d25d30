package conformance

import (
	"errors"
	"math"
	"slices"

	"github.com/neomultitenant/neoevents/driver"
)

var eventVersions = area{name: "Events/Versions", behaviours: []behaviour{
	{"NumbersAnAggregateFromOne", versionsFromOne},
	{"NumbersAfterAGivenVersion", versionsAfterAGiven},
	{"NumbersOnAfterProcessedEvents", versionsAfterProcessed},
	{"CountsEachAggregateByItself", versionsPerAggregate},
	{"TellsAggregateTypesApartByCase", versionsByCase},
	{"RefusesATakenVersionWithDetails", versionsRefusesATaken},
	{"TakesAFreeVersionBelowTheLast", versionsTakesAFreeOne},
	{"KeepsTheLargestVersion", versionsKeepsTheLargest},
	{"RefusesToNumberBeyondTheLargest", versionsBeyondTheLargest},
	{"ReportsTheTakenIDBeforeTheTakenVersion", versionsIDFirst},
	{"ManySaversGetEachVersionOnce", versionsManySavers},
	{"NextVersionIsOneForANewAggregate", versionsNextOfNew},
	{"NextVersionFollowsTheLast", versionsNextFollows},
	{"NextVersionRefusesAnInvalidAggregate", versionsNextRefuses},
}}

func versionsFromOne(t *test) {
	aggregate, events := history(4)
	for i, event := range events {
		equal(t, "version", t.save(event).AggregateVersion, int64(i+1))
	}
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
	t.ok(err)
	equalList(t, "versions read back", versionsOf(found), upTo(4))
}

func versionsAfterAGiven(t *test) {
	_, events := history(2)
	events[0].AggregateVersion = 41
	equal(t, "version given", t.save(events[0]).AggregateVersion, 41)
	equal(t, "version after it", t.save(events[1]).AggregateVersion, 42)
}

func versionsAfterProcessed(t *test) {
	_, events := history(2)
	first := t.save(events[0])
	t.mark(first.ID)
	equal(t, "version after a processed event", t.save(events[1]).AggregateVersion, 2)
}

func versionsPerAggregate(t *test) {
	_, events := history(2)
	t.save(events[0])
	sameID, sameType := events[1], events[1]
	sameID.AggregateType = "Invoice"
	sameType.AggregateID = newID()
	equal(t, "version in another type with the same id", t.save(sameID).AggregateVersion, 1)
	equal(t, "version in another id of the same type", t.save(sameType).AggregateVersion, 1)
	equal(t, "version in the aggregate itself", t.save(events[1]).AggregateVersion, 2)
}

func versionsByCase(t *test) {
	_, events := history(2)
	events[1].AggregateType = "order"
	equal(t, "version in Order", t.save(events[0]).AggregateVersion, 1)
	equal(t, "version in order", t.save(events[1]).AggregateVersion, 1)
	for _, event := range events {
		found, err := t.events.GetByAggregate(t.ctx, event.Aggregate(), driver.HistoryOptions{})
		t.ok(err)
		if len(found) != 1 || found[0].AggregateType != event.AggregateType {
			t.Errorf("events of %s: got %d, want one of exactly this type", event.AggregateType, len(found))
		}
	}
}

func versionsRefusesATaken(t *test) {
	aggregate, events := history(3)
	t.saveAll(events)
	before := t.state()
	again := moreHistory(aggregate, 1)[0]
	again.AggregateVersion = 2
	_, err := t.events.Save(t.ctx, again)
	t.wantConflict(err, "Events.Save", driver.VersionConflictError{Aggregate: aggregate, Expected: 1, Actual: 3})
	t.wantState(before)
}

func versionsTakesAFreeOne(t *test) {
	aggregate, events := history(3)
	for i, version := range []int64{5, 2, 9} {
		events[i].AggregateVersion = version
		equal(t, "version", t.save(events[i]).AggregateVersion, version)
	}
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
	t.ok(err)
	equalList(t, "versions", versionsOf(found), []int64{2, 5, 9})
}

func versionsKeepsTheLargest(t *test) {
	aggregate, events := history(2)
	events[0].AggregateVersion, events[1].AggregateVersion = math.MaxInt64, math.MaxInt64-1
	t.save(events[0])
	t.saveAll(events[1:])
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{FromVersion: math.MaxInt64 - 1})
	t.ok(err)
	equalList(t, "versions", versionsOf(found), []int64{math.MaxInt64 - 1, math.MaxInt64})
}

func versionsBeyondTheLargest(t *test) {
	aggregate, events := history(1)
	events[0].AggregateVersion = math.MaxInt64
	t.save(events[0])
	before := t.state()
	for name, save := range map[string]func() error{
		"NextVersion": func() error {
			next, err := t.events.NextVersion(t.ctx, aggregate)
			if err == nil {
				t.Errorf("NextVersion: got %d", next)
			}
			return err
		},
		"Save": func() error {
			_, err := t.events.Save(t.ctx, moreHistory(aggregate, 1)[0])
			return err
		},
		"SaveBatch": func() error {
			_, err := t.events.SaveBatch(t.ctx, moreHistory(aggregate, 2))
			return err
		},
		"Append": func() error {
			_, err := t.events.Append(t.ctx, aggregate, driver.AnyVersion, fillers(1))
			return err
		},
	} {
		if err := save(); !errors.Is(err, driver.ErrState) {
			t.Errorf("%s after the largest version: got error %v, want %v", name, err, driver.ErrState)
		}
	}
	t.wantState(before)
}

func versionsIDFirst(t *test) {
	saved := t.save(newEvent())
	again := saved // both its id and its version are taken
	_, err := t.events.Save(t.ctx, again)
	t.wantTaken(err, "Events.Save", saved.ID)
	_, err = t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), again})
	t.wantTaken(err, "Events.SaveBatch", saved.ID)
}

func versionsManySavers(t *test) {
	const savers, each = 8, 6
	aggregate := driver.Aggregate{Type: "Order", ID: newID()}
	t.together(savers, func(i int) error {
		for n := range each {
			var err error
			switch event := moreHistory(aggregate, 1); (i + n) % 3 {
			case 0:
				_, err = t.events.Save(t.ctx, event[0])
			case 1:
				_, err = t.events.SaveBatch(t.ctx, event)
			default:
				_, err = t.events.Append(t.ctx, aggregate, driver.AnyVersion, event)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{Limit: driver.MaxLimit})
	t.ok(err)
	equalList(t, "versions", versionsOf(found), upTo(savers*each))
}

func versionsNextOfNew(t *test) {
	next, err := t.events.NextVersion(t.ctx, driver.Aggregate{Type: "Order", ID: newID()})
	t.ok(err)
	equal(t, "next version", next, 1)
}

func versionsNextFollows(t *test) {
	aggregate, events := history(3)
	for i := range events {
		t.save(events[i])
		next, err := t.events.NextVersion(t.ctx, aggregate)
		t.ok(err)
		equal(t, "next version", next, int64(i+2))
	}
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{})
	t.ok(err)
	if !slices.Equal(versionsOf(found), upTo(3)) {
		t.Errorf("asking for the next version used it up: versions %v", versionsOf(found))
	}
}

func versionsNextRefuses(t *test) {
	_, err := t.events.NextVersion(t.ctx, driver.Aggregate{ID: newID()})
	t.wantInvalid(err, "Events.NextVersion", "aggregate_type")
	_, err = t.events.NextVersion(t.ctx, driver.Aggregate{Type: "Order"})
	t.wantInvalid(err, "Events.NextVersion", "aggregate_id")
}
