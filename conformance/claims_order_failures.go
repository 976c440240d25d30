package conformance

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsOrderFailures = area{name: "Claims/OrderFailures", behaviours: []behaviour{
	{"HoldBackTheirOwnAggregateOnly", failingHolds},
	{"GiveBackTheRestOfTheRun", failingGivesBack},
	{"LeaveOtherAggregatesOfTheClaimAlone", failingLeavesOthers},
	{"LetTheAggregateGoOnOnceTheyAreDone", failingGoesOn},
	{"BringBackWhatWasSavedMeanwhile", failingSavedMeanwhile},
	{"ReleasedInTheMiddleGiveBackTheRest", failingReleased},
	{"ReleasedAllAtOnceAreAllGivenBack", failingReleasedAll},
	{"AsDeadLettersHoldBackUntilRequeued", failingDead},
	{"AsDeadLettersInTheMiddleLeaveTheEarlierOnes", failingDeadMiddle},
	{"AtTheLastAttemptHoldBackAsDeadLetters", failingLastAttempt},
	{"ByExpiryGiveBackTheWholeRun", failingExpires},
	{"ByExpiryGiveBackWhatIsNotDone", failingExpiresPartly},
	{"ByExpiryOfTheLastAttemptBecomeDeadLetters", failingExpiresLast},
	{"OfAWorkerThatIsTooLateDisturbNobody", failingTooLate},
	{"ExtendedAtTheFirstEventKeepTheRun", failingExtended},
	{"MarkedInTheMiddleLeaveTheRest", failingMarked},
	{"OfEventsThatWereRolledBackDoNotHoldItUp", failingRolledBack},
	{"GivenUpLetTheAggregateGoOnSoon", failingGivenUp},
	{"ByTheThousandDoNotHideFreshEvents", failingMany},
}}

// wantHeld fails the test if an event can be claimed in order.
func (t *test) wantHeld() {
	t.Helper()
	equalList(t, "events claimed although they are held back", claimedIDs(t.takeInOrder(0)), nil)
}

// wantComes claims in order, each time at once, until all these events have come, in this order and
// with these attempts.
func (t *test) wantComes(attempts []int, want ...driver.Event) []driver.Claim {
	t.Helper()
	var all []driver.Claim
	for len(all) < len(want) {
		claims := t.takeInOrder(0)
		if len(claims) == 0 {
			break
		}
		all = append(all, claims...)
		t.ack(claims...)
	}
	equalList(t, "events claimed", claimedIDs(all), idsOf(want))
	equalList(t, "attempts", attemptNumbers(all), attempts)
	return all
}

func failingHolds(t *test) {
	saved := t.saveInTurns(2, 3)
	t.giveBack(t.sole(t.takeInOrder(1)), time.Hour)
	t.wantClaimed(t.takeInOrder(0), saved[1], saved[3], saved[5])
	t.wantHeld()
	t.saveAll(moreHistory(saved[0].Aggregate(), 1))
	t.wantHeld()
	fresh := t.save(newEvent())
	t.wantClaimed(t.takeInOrder(0), fresh)
	t.wantWork(4, 4, 0) // what is held back waits, and nobody leases it
}

func failingGivesBack(t *test) {
	saved := t.saveHistory(5)
	run := t.takeInOrder(4)
	t.wantClaimed(run, saved[:4]...)
	t.ack(run[0])
	t.giveBack(run[1], 0)
	t.wantWork(4, 0, 0)
	t.wantFenced(run...)
	t.wantComes([]int{2, 1, 1, 1}, saved[1:]...)
}

func failingLeavesOthers(t *test) {
	saved := t.saveInTurns(3, 2)
	claims := t.takeInOrder(0)
	t.wantClaimed(claims, saved...)
	t.giveBack(claims[0], time.Hour)
	t.ok(t.events.DeadLetter(t.ctx, claims[1], canary))
	t.wantWork(3, 2, 1)
	t.wantFenced(claims[0], claims[1], claims[3], claims[4])
	t.wantHeld()
	t.ack(claims[2], claims[5])
}

// failingGoesOn has looked behind the failing event, and found others there, before it is done.
func failingGoesOn(t *test) {
	saved := t.saveHistory(4)
	head := t.sole(t.takeInOrder(1))
	t.wantHeld()
	t.giveBack(head, 20*time.Millisecond)
	again := t.untilClaimed(driver.ClaimOptions{Limit: 1, PerAggregateOrder: true}) // looks behind it, too
	t.wantClaimed(again, saved[0])
	t.wantHeld()
	t.ack(again...)
	t.wantComes([]int{1, 1, 1}, saved[1:]...)
}

func failingSavedMeanwhile(t *test) {
	aggregate, events := history(2)
	saved := t.saveAll(events)
	head := t.sole(t.takeInOrder(1))
	for range 2 {
		saved = append(saved, t.saveAll(moreHistory(aggregate, 2))...)
		t.wantHeld()
	}
	t.giveBack(head, 0)
	head = t.sole(t.takeInOrder(1))
	saved = append(saved, t.saveAll(moreHistory(aggregate, 1))...)
	t.wantHeld()
	t.ack(head)
	t.wantComes([]int{1, 1, 1, 1, 1, 1}, saved[1:]...)
}

func failingReleased(t *test) {
	saved := t.saveHistory(4)
	run := t.takeInOrder(0)
	t.wantClaimed(run, saved...)
	t.ok(t.events.Release(t.ctx, run[2:3]))
	t.wantWork(2, 2, 0)
	t.wantFenced(run[2:]...)
	t.wantHeld()
	t.ack(run[0])
	t.wantHeld()
	t.ack(run[1])
	t.wantComes([]int{1, 1}, saved[2:]...)
}

func failingReleasedAll(t *test) {
	saved := t.saveInTurns(2, 3)
	for range 2 {
		claims := t.takeInOrder(0)
		t.wantClaimed(claims, saved...)
		t.ok(t.events.Release(t.ctx, claims))
		t.wantFenced(claims...)
		claims = t.takeInOrder(0)
		t.ok(t.events.Release(t.ctx, reversed(claims)))
		t.wantFenced(claims...)
	}
	t.wantComes([]int{1, 1, 1, 1, 1, 1}, saved...)
}

func failingDead(t *test) {
	saved, other := t.saveHistory(4), t.saveHistory(1)
	run := t.takeInOrder(3)
	t.ok(t.events.DeadLetter(t.ctx, run[0], canary))
	t.wantWork(4, 0, 1)
	t.wantFenced(run...)
	t.wantComes([]int{1}, other...)
	saved = append(saved, t.save(nextOf(saved[0])))
	t.wantHeld()
	equal(t, "requeued", must(t, t.store.DeadLetters().Requeue, saved[0].ID), true)
	head := t.takeInOrder(1)
	t.wantClaimed(head, saved[0])
	equal(t, "Attempt", head[0].Attempt, 1)
	t.ack(head...)
	t.wantComes([]int{1, 1, 1, 1}, saved[1:]...)
}

func failingDeadMiddle(t *test) {
	saved := t.saveHistory(4)
	run := t.takeInOrder(0)
	t.wantClaimed(run, saved...)
	t.ok(t.events.DeadLetter(t.ctx, run[1], canary))
	t.wantWork(2, 1, 1)
	t.wantFenced(run[1:]...)
	t.wantHeld()
	t.ack(run[0])
	t.wantHeld()
	t.wantWork(2, 0, 1)
}

func failingLastAttempt(t *test) {
	saved := t.saveHistory(3)
	run := t.claimWith(driver.ClaimOptions{MaxAttempts: 1, PerAggregateOrder: true})
	t.wantClaimed(run, saved...)
	t.giveBack(run[0], 0)
	t.wantWork(2, 0, 1)
	t.wantFenced(run...)
	t.wantHeld()
	equal(t, "Attempts", must(t, t.store.DeadLetters().Get, saved[0].ID).Attempts, 1)
}

// brieflyInOrder is briefly with PerAggregateOrder.
var brieflyInOrder = driver.ClaimOptions{Lease: time.Millisecond, PerAggregateOrder: true}

func failingExpires(t *test) {
	saved := t.saveHistory(3)
	first := t.claimWith(brieflyInOrder)
	t.wantClaimed(first, saved...)
	second := t.untilClaimed(driver.ClaimOptions{Limit: 1, PerAggregateOrder: true})
	t.wantClaimed(second, saved[0])
	equal(t, "Attempt", second[0].Attempt, 2)
	t.wantFenced(first[0])
	t.wantHeld()
	t.ack(second...)
	t.wantComes([]int{2, 2}, saved[1:]...)
	t.wantFenced(first...)
}

func failingExpiresPartly(t *test) {
	saved := t.saveHistory(4)
	first := t.claimWith(brieflyInOrder)
	t.ack(first[:2]...)
	second := t.untilClaimed(driver.ClaimOptions{PerAggregateOrder: true})
	t.wantClaimed(second, saved[2:]...)
	equalList(t, "attempts", attemptNumbers(second), []int{2, 2})
	t.wantFenced(first...)
	t.ack(second...)
}

func failingExpiresLast(t *test) {
	saved := t.saveHistory(2)
	opts := driver.ClaimOptions{Limit: 1, Lease: time.Millisecond, MaxAttempts: 2, PerAggregateOrder: true}
	t.claimWith(opts)
	claims := t.untilClaimed(opts)
	t.wantClaimed(claims, saved[0])
	equal(t, "Attempt", claims[0].Attempt, 2)
	t.until(func() bool {
		equalList(t, "events claimed", claimedIDs(t.claimWith(opts)), nil)
		return len(t.workOf(t.store).dead) > 0 || t.Failed()
	})
	t.wantHeld()
	t.wantWork(1, 0, 1)
	t.wantFenced(claims...)
}

// failingTooLate has a worker whose leases ended end them in every way, while another has the
// run.
func failingTooLate(t *test) {
	saved := t.saveHistory(3)
	first := t.claimWith(brieflyInOrder)
	second := t.untilClaimed(driver.ClaimOptions{Lease: driver.MaxLease, PerAggregateOrder: true})
	t.wantClaimed(second, saved...)
	t.wantFenced(first...)
	t.wantWork(0, 3, 0)
	t.ack(second...)
}

func failingExtended(t *test) {
	saved := t.saveHistory(3)
	run := t.claimWith(brieflyInOrder)
	t.wantClaimed(run, saved...)
	t.ok(t.events.Extend(t.ctx, run[:1], driver.MaxLease))
	t.untilPast(run[0].LeaseUntil)
	t.wantHeld()
	t.ok(t.events.Extend(t.ctx, run[1:], driver.MaxLease))
	t.ack(run[0])
	t.wantHeld()
	t.ack(run[1:]...)
}

func failingMarked(t *test) {
	saved := t.saveHistory(4)
	run := t.takeInOrder(3)
	t.mark(saved[1].ID)
	t.wantHeld()
	t.wantLeaseLost(t.events.Ack(t.ctx, run), "Events.Ack", saved[1].ID)
	t.wantComes([]int{1}, saved[3])
}

// failingRolledBack acknowledges an event together with one of the same version that never came to be.
func failingRolledBack(t *test) {
	_, events := history(2)
	var never driver.Claim
	t.undone(t.store, func(tx driver.Store) {
		_, err := tx.Events().Save(t.ctx, events[0])
		t.ok(err)
		claims, err := tx.Events().Claim(t.ctx, driver.ClaimOptions{PerAggregateOrder: true})
		t.ok(err)
		never = t.sole(claims)
	})
	saved := t.saveAll(events)
	first := t.sole(t.takeInOrder(1))
	t.wantHeld()
	t.wantLeaseLost(t.events.Ack(t.ctx, []driver.Claim{never, first}), "Events.Ack", never.Event.ID)
	t.wantComes([]int{1}, saved[1])
}

// failingGivenUp takes failing events out of the way without the queue's methods, after others were
// found behind them: that may take as long as HoldInterval to be noticed.
func failingGivenUp(t *test) {
	if testing.Short() {
		t.Skip("may take as long as driver.HoldInterval")
	}
	saved := t.saveInTurns(4, 2)
	for i := range 4 {
		claim := t.sole(t.takeInOrder(1))
		equal(t, "event claimed", claim.Event.ID, saved[i].ID)
		if i < 2 {
			t.ok(t.events.DeadLetter(t.ctx, claim, canary))
		} else {
			t.giveBack(claim, time.Hour)
		}
	}
	t.wantHeld()
	purged := must(t, t.store.DeadLetters().Purge, driver.DeadLetterFilter{Aggregate: ptr(saved[0].Aggregate())})
	equal(t, "purged", purged, 1)
	t.mark(saved[1].ID, saved[2].ID)
	want, got := idsOf(saved[4:7]), []uuid.UUID{}
	t.until(func() bool {
		claims := t.takeInOrder(0)
		got = append(got, claimedIDs(claims)...)
		t.ack(claims...)
		return len(got) >= len(want)
	})
	sortIDs(got)
	sortIDs(want)
	equalList(t, "events claimed", got, want)
	t.wantWork(2, 0, 0) // the one that fails, and the one behind it
}

// failingMany has far more events that wait for a retry, or behind one, than a claim takes, in front
// of fresh ones.
func failingMany(t *test) {
	t.saveHistory(scale(1000, 200))
	t.giveBack(t.sole(t.takeInOrder(1)), time.Hour)
	t.saveAll(newEvents(scale(300, 100)))
	for _, claim := range t.takeInOrder(driver.MaxLimit) {
		t.giveBack(claim, time.Hour)
	}
	fresh := t.saveInTurns(2, 2)
	var claims []driver.Claim
	for len(claims) < 3 { // one call need not find all
		found := t.takeInOrder(3 - len(claims))
		if len(found) == 0 {
			t.Fatalf("an empty claim, with %d of 3 fresh events claimed", len(claims))
		}
		claims = append(claims, found...)
	}
	slices.SortFunc(claims, func(a, b driver.Claim) int { return int(a.Event.Position - b.Event.Position) })
	t.wantClaimed(claims, fresh[:3]...)
}
