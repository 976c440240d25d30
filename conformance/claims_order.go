package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsOrder = area{name: "Claims/Order", alone: true, behaviours: []behaviour{
	{"HandsOutRunsByVersion", orderRuns},
	{"HandsAnAggregateToOneWorker", orderOneWorker},
	{"GoesOnWhenTheRunIsDone", orderGoesOn},
	{"CutsARunAtTheLimit", orderLimit},
	{"NeverGivesAnEventTwiceInACall", orderOnceInACall},
	{"IsByVersionWhereThePositionsAreNot", orderVersions},
	{"SkipsVersionsThatAreNotInTheQueue", orderMissing},
	{"TakesALowerVersionThatCameLateAfterwards", orderLate},
	{"WaitsForEventsOfOtherTypes", orderTypes},
	{"TellsAggregatesOfOneIDApartByType", orderAggregateTypes},
	{"WaitsForAnEarlierEventThatIsLocked", orderLocked},
	{"WaitsForAnAckToBeCommitted", orderUncommittedAck},
	{"WaitsForAClaimToBeCommitted", orderUncommittedClaim},
	{"WaitsForAMarkToBeCommitted", orderUncommittedMark},
	{"TakesEventsOfItsOwnTransaction", orderOwnTransaction},
	{"OfManyAggregatesServesThemAll", orderManyAggregates},
	{"HoldsWhateverManyWorkersDo", orderManyWorkers},
}}

// saveInTurns saves events of new aggregates, one of each in turns.
func (t *test) saveInTurns(aggregates, each int) []driver.Event {
	t.Helper()
	events := make([]driver.Event, 0, aggregates*each)
	ids := newEvents(aggregates)
	for range each {
		for _, event := range ids {
			event.ID = newID()
			events = append(events, event)
		}
	}
	return t.saveAll(events)
}

func orderRuns(t *test) {
	saved := t.saveInTurns(3, 4)
	claims := t.takeInOrder(0)
	t.wantClaimed(claims, saved...)
	t.sameEvents("events claimed", claimedEvents(claims), saved)
	for _, claim := range claims {
		equal(t, "token", claim.Token, claims[0].Token)
		equal(t, "PerAggregateOrder", claim.PerAggregateOrder, true)
	}
	t.wantWork(0, len(saved), 0)
}

func orderOneWorker(t *test) {
	saved := t.saveInTurns(2, 3)
	first := t.takeInOrder(1)
	t.wantClaimed(first, saved[0])
	t.wantClaimed(t.takeInOrder(0), saved[1], saved[3], saved[5])
	t.wantWork(2, 4, 0)
	equalList(t, "events claimed of an aggregate in other hands", claimedIDs(t.takeInOrder(0)), nil)
	t.ack(first...)
	t.wantClaimed(t.takeInOrder(0), saved[2], saved[4])
}

func orderGoesOn(t *test) {
	aggregate, events := history(2)
	saved := t.saveAll(events)
	run := t.takeInOrder(0)
	t.wantClaimed(run, saved...)
	next := t.saveAll(moreHistory(aggregate, 2))
	for _, claim := range run {
		equalList(t, "events claimed meanwhile", claimedIDs(t.takeInOrder(0)), nil)
		t.ack(claim)
	}
	t.wantClaimed(t.takeInOrder(0), next...)
}

func orderLimit(t *test) {
	saved := t.saveHistory(5)
	run := t.takeInOrder(2)
	t.wantClaimed(run, saved[:2]...)
	t.ack(run[0])
	equalList(t, "events claimed beside the second", claimedIDs(t.takeInOrder(0)), nil)
	t.ack(run[1])
	run = t.takeInOrder(2)
	t.wantClaimed(run, saved[2:4]...)
	t.ack(run...)
	t.wantClaimed(t.takeInOrder(2), saved[4])
}

// orderOnceInACall has leases so short that they may have ended when the call is done.
func orderOnceInACall(t *test) {
	saved := t.saveInTurns(scale(100, 30), 3)
	opts := brieflyInOrder
	opts.Limit, opts.MaxAttempts = driver.MaxLimit, driver.MaxMaxAttempts
	for range 5 {
		seen := map[uuid.UUID]bool{}
		for _, claim := range t.claimWith(opts) {
			if seen[claim.Event.ID] {
				t.Fatalf("event %s, version %d: claimed twice in one call", claim.Event.ID, claim.Event.AggregateVersion)
			}
			seen[claim.Event.ID] = true
		}
	}
	equalList(t, "queue", t.queue(), idsOf(saved))
}

// saveVersions saves events of a new aggregate with these versions, in that order.
func (t *test) saveVersions(versions ...int64) map[int64]driver.Event {
	t.Helper()
	aggregate, saved := newAggregate(), map[int64]driver.Event{}
	for _, version := range versions {
		event := moreHistory(aggregate, 1)[0]
		event.AggregateVersion = version
		saved[version] = t.save(event)
	}
	return saved
}

func orderVersions(t *test) {
	saved := t.saveVersions(3, 5, 1, 4, 2)
	for version := int64(1); version <= 3; version++ {
		claims := t.takeInOrder(1)
		t.wantClaimed(claims, saved[version])
		t.ack(claims...)
	}
	t.wantClaimed(t.takeInOrder(0), saved[4], saved[5])
	saved = t.saveVersions(3, 5, 1, 4, 2)
	t.wantClaimed(t.takeInOrder(0), saved[1], saved[2], saved[3], saved[4], saved[5])
}

// nextOf returns another event of the same aggregate.
func nextOf(event driver.Event) driver.Event { return moreHistory(event.Aggregate(), 1)[0] }

func orderMissing(t *test) {
	saved := t.saveVersions(2, 7, 8, 9)
	imported := nextOf(saved[2])
	imported.AggregateVersion, imported.ProcessedAt = 3, &longAgo
	t.save(imported)
	t.mark(saved[8].ID)
	t.wantClaimed(t.takeInOrder(0), saved[2], saved[7], saved[9])
}

func orderLate(t *test) {
	saved := t.saveVersions(5)
	claims := t.takeInOrder(0)
	t.wantClaimed(claims, saved[5])
	late := nextOf(saved[5])
	late.AggregateVersion = 3
	late = t.save(late)
	equalList(t, "events claimed of an aggregate in other hands", claimedIDs(t.takeInOrder(0)), nil)
	t.ack(claims...)
	t.wantClaimed(t.takeInOrder(0), late)
}

func orderTypes(t *test) {
	_, events := history(4)
	for i, eventType := range []string{"order.placed", "order.paid", "order.paid", "order.placed"} {
		events[i].EventType = eventType
	}
	saved := t.saveAll(events)
	ofType := func(eventType string) []driver.Claim {
		return t.claimWith(driver.ClaimOptions{EventTypes: []string{eventType}, PerAggregateOrder: true})
	}
	equal(t, "claimed behind one of another type", len(ofType("order.paid")), 0)
	placed := ofType("order.placed")
	t.wantClaimed(placed, saved[0])
	equal(t, "claimed behind one that is leased", len(ofType("order.paid")), 0)
	t.ack(placed...)
	equal(t, "claimed behind two of another type", len(ofType("order.placed")), 0)
	paid := ofType("order.paid")
	t.wantClaimed(paid, saved[1:3]...)
	t.ack(paid...)
	t.wantClaimed(ofType("order.placed"), saved[3])
}

func orderAggregateTypes(t *test) {
	events := newEvents(4)
	for i, aggregateType := range []string{"Order", "order", "Order", "Invoice"} {
		events[i].AggregateType, events[i].AggregateID = aggregateType, events[0].AggregateID
	}
	saved := t.saveAll(events)
	first := t.takeInOrder(1)
	t.wantClaimed(first, saved[0])
	t.wantClaimed(t.takeInOrder(0), saved[1], saved[3])
	t.ack(first...)
	t.wantClaimed(t.takeInOrder(0), saved[2])
}

// orderLocked has the first event of an aggregate in the hands of somebody who only locks it.
func orderLocked(t *test) {
	t.needsConcurrent()
	saved, other := t.saveHistory(3), t.save(newEvent())
	end := t.holdLocked(1, 0)
	t.wantClaimed(t.takeInOrder(0), other)
	end(nil)
	t.wantClaimed(t.takeInOrder(0), saved...)
}

func orderUncommittedAck(t *test) {
	t.needsConcurrent()
	saved := t.saveHistory(3)
	for _, verdict := range []error{errUndo, nil} {
		claims := t.takeInOrder(1)
		t.wantClaimed(claims, saved[0])
		end := t.holdAck(claims...)
		equalList(t, "events claimed behind an ack under way", claimedIDs(t.takeInOrder(0)), nil)
		end(verdict)
		if verdict != nil {
			equalList(t, "events claimed behind an ack rolled back", claimedIDs(t.takeInOrder(0)), nil)
			t.ok(t.events.Release(t.ctx, claims))
		}
	}
	t.wantClaimed(t.takeInOrder(0), saved[1:]...)
}

func orderUncommittedClaim(t *test) {
	t.needsConcurrent()
	saved := t.saveHistory(3)
	end := t.hold(t.store, func(tx driver.Store) error {
		claims, err := tx.Events().Claim(t.ctx, driver.ClaimOptions{Limit: 1, PerAggregateOrder: true})
		equalList(t, "events claimed in the transaction", claimedIDs(claims), idsOf(saved[:1]))
		return err
	})
	equalList(t, "events claimed behind a claim under way", claimedIDs(t.takeInOrder(0)), nil)
	end(errUndo)
	t.wantClaimed(t.takeInOrder(0), saved...)
}

func orderUncommittedMark(t *test) {
	t.needsConcurrent()
	saved := t.saveHistory(3)
	end := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Events().MarkAsProcessed(t.ctx, saved[0].ID)
		return err
	})
	equalList(t, "events claimed behind a mark under way", claimedIDs(t.takeInOrder(0)), nil)
	end(nil)
	t.wantClaimed(t.takeInOrder(0), saved[1:]...)
}

func orderOwnTransaction(t *test) {
	aggregate, events := history(2)
	saved := t.saveAll(events)
	inOrder := driver.ClaimOptions{PerAggregateOrder: true}
	t.inTx(func(tx driver.Store) {
		run := must(t, tx.Events().Claim, inOrder)
		t.wantClaimed(run, saved...)
		next := t.saveTo(tx, moreHistory(aggregate, 1)[0])
		equal(t, "events claimed behind its own claim", len(must(t, tx.Events().Claim, inOrder)), 0)
		t.ok(tx.Events().Ack(t.ctx, run))
		t.wantClaimed(must(t, tx.Events().Claim, inOrder), next)
	})
	t.wantWork(0, 1, 0)
}

// orderManyAggregates has more aggregates than a claim takes, all with more events to come.
func orderManyAggregates(t *test) {
	const each = 3
	saved := t.saveInTurns(scale(60, 20), each)
	seen := map[uuid.UUID][]int64{}
	for range saved {
		claims := t.takeInOrder(7)
		if len(claims) == 0 {
			break
		}
		for _, claim := range claims {
			seen[claim.Event.AggregateID] = append(seen[claim.Event.AggregateID], claim.Event.AggregateVersion)
		}
		t.ack(claims...)
	}
	equal(t, "aggregates served", len(seen), len(saved)/each)
	for id, versions := range seen {
		equalList(t, "versions of "+id.String(), versions, upTo(each))
	}
	t.wantWork(0, 0, 0)
}
