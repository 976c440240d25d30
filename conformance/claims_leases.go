package conformance

import (
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsLeases = area{name: "Claims/Leases", behaviours: []behaviour{
	{"KeepEventsFromOthers", claimLeasesKeep},
	{"ThatRanOutCanBeClaimedAgain", claimLeasesRunOut},
	{"ThatRanOutAndWereTakenAreFenced", claimLeasesFenced},
	{"ThatRanOutUnclaimedStillStand", claimLeasesStand},
	{"AreCountedAsProcessing", claimLeasesCount},
	{"ShowInReads", claimLeasesShow},
	{"OfAnotherTokenAreRefused", claimLeasesForeign},
	{"DoNotKeepMarkingOut", claimLeasesMarking},
	{"AreKeptByExtend", claimLeasesExtend},
	{"AreShortenedByExtend", claimLeasesShorten},
	{"OfAnyLengthButNoOtherAreExtended", claimLeasesLength},
	{"AreExtendedBesideLostOnes", claimLeasesExtendLost},
	{"AreGivenUpByRelease", claimLeasesRelease},
	{"GivenUpDoNotCountAsAttempts", claimLeasesAttempts},
	{"OfNoneNeedNoDatabase", claimLeasesNone},
	{"OfWorkersThatDieLoseNothing", claimLeasesDying},
}}

func claimLeasesKeep(t *test) {
	t.saveAll(newEvents(3))
	claims := t.take(0)
	t.wantNothingToClaim()
	t.inTx(func(tx driver.Store) {
		equal(t, "locked", len(t.lock(tx, driver.LockOptions{})), 0)
		equal(t, "locked, passing over", len(t.lock(tx, driver.LockOptions{SkipLocked: true})), 0)
	})
	equal(t, "processed", t.process(0, allDone), 0)
	t.ack(claims...)
}

func claimLeasesRunOut(t *test) {
	saved := t.saveAll(newEvents(3))
	first := t.claimWith(briefly)
	t.wantClaimed(first, saved...)
	second := t.untilClaimed(driver.ClaimOptions{Lease: driver.MaxLease})
	t.wantClaimed(second, saved...)
	equalList(t, "attempts", attemptNumbers(second), []int{2, 2, 2})
	if first[0].Token == second[0].Token {
		t.Error("two claims of one event have the same token")
	}
	if !second[0].LeaseUntil.After(first[0].LeaseUntil) {
		t.Errorf("LeaseUntil: got %s, want it after %s, that of the first lease", second[0].LeaseUntil, first[0].LeaseUntil)
	}
}

func claimLeasesFenced(t *test) {
	t.saveAll(newEvents(2))
	first := t.claimWith(briefly)
	second := t.untilClaimed(driver.ClaimOptions{Lease: driver.MaxLease})
	t.wantFenced(first...)
	t.ack(second...)
	t.wantFenced(first...)
	t.wantFenced(second...)
}

// claimLeasesStand uses claims whose leases have ended, while nobody else has taken the events.
func claimLeasesStand(t *test) {
	for _, use := range claimUses {
		saved := t.save(newEvent())
		claim := t.sole(t.claimWith(briefly))
		t.untilPast(claim.LeaseUntil)
		if err := use.run(t.ctx, t.events, claim); err != nil {
			t.Errorf("%s after the lease has ended: unexpected error: %v", use.op, err)
		}
		t.markOne(saved.ID) // out of the way
	}
}

func claimLeasesCount(t *test) {
	t.saveAll(newEvents(5))
	t.wantWork(5, 0, 0)
	claims := t.take(2)
	t.wantWork(3, 2, 0)
	t.ack(claims[0])
	t.wantWork(3, 1, 0)
	brief := t.claimWith(briefly)
	t.untilPast(brief[0].LeaseUntil)
	t.wantWork(3, 1, 0)
	t.ack(brief...)
	t.wantWork(0, 1, 0)
}

func claimLeasesShow(t *test) {
	saved := t.saveAll(newEvents(4))
	t.take(2)
	t.giveBack(t.takeOne(), time.Hour)
	unprocessed := must(t, t.events.GetUnprocessed, driver.MaxLimit)
	t.sameEvents("the queue", unprocessed, saved)
	page, err := t.events.GetUnprocessedPage(t.ctx, saved[0].Position, 0)
	t.ok(err)
	t.sameEvents("a page of the queue", page, saved[1:])
	t.sameEvents("all of the queue", t.collect(t.events.AllUnprocessed(t.ctx, 3)), saved)
	t.sameEvent("event leased", t.get(saved[0].ID), saved[0])
}

func claimLeasesForeign(t *test) {
	saved := t.saveAll(newEvents(2))
	claim := t.takeOne()
	foreign, unclaimed, unknown := claim, driver.Claim{Event: saved[1], Token: claim.Token}, claim
	foreign.Token = newID()
	unknown.Event.ID = newID()
	t.wantFenced(foreign, unclaimed, unknown)
	t.wantWork(1, 1, 0)
	t.ack(claim)
	t.wantFenced(foreign)
}

func claimLeasesMarking(t *test) {
	saved := t.saveAll(newEvents(4))
	claims := t.take(0)
	equal(t, "marked", t.markOne(saved[0].ID), true)
	equal(t, "marked again", t.markOne(saved[0].ID), false)
	equal(t, "marked more", t.markMany(idsOf(saved[:3])), 2)
	t.wantLeaseLost(t.events.Ack(t.ctx, claims), "Events.Ack", idsOf(saved[:3])...)
	equalList(t, "queue", t.queue(), nil)
	t.wantFenced(claims...)
}

func claimLeasesExtend(t *test) {
	saved := t.saveAll(newEvents(3))
	claims := t.claimWith(briefly)
	t.ok(t.events.Extend(t.ctx, claims[:2], 0))
	t.untilPast(claims[0].LeaseUntil)
	t.wantClaimed(t.take(0), saved[2])
	t.ok(t.events.Extend(t.ctx, claims[:2], driver.MaxLease)) // again
	t.ack(claims[:2]...)
	t.wantFenced(claims[2])
}

func claimLeasesShorten(t *test) {
	saved := t.saveAll(newEvents(2))
	claims := t.take(0)
	t.ok(t.events.Extend(t.ctx, claims[1:], time.Millisecond))
	again := t.sole(t.untilClaimed(driver.ClaimOptions{}))
	equal(t, "event claimed", again.Event.ID, saved[1].ID)
	equal(t, "Attempt", again.Attempt, 2)
	t.wantFenced(claims[1])
	t.ack(claims[0])
}

func claimLeasesLength(t *test) {
	t.save(newEvent())
	claim := t.takeOne()
	for _, lease := range []time.Duration{-1, -time.Hour, 1, time.Millisecond - 1, driver.MaxLease + 1, math.MaxInt64, math.MinInt64} {
		for _, claims := range [][]driver.Claim{{claim}, nil} {
			t.wantInvalid(t.events.Extend(t.endedContext(), claims, lease), "Events.Extend", "lease")
		}
	}
	for _, lease := range []time.Duration{driver.MaxLease, 0, time.Hour} {
		t.ok(t.events.Extend(t.ctx, []driver.Claim{claim}, lease))
		t.wantNothingToClaim()
	}
}

func claimLeasesExtendLost(t *test) {
	saved := t.saveAll(newEvents(4))
	claims := t.claimWith(briefly)
	t.mark(saved[1].ID, saved[3].ID)
	err := t.events.Extend(t.ctx, []driver.Claim{claims[3], claims[0], claims[1], claims[2]}, time.Hour)
	t.wantLeaseLost(err, "Events.Extend", saved[3].ID, saved[1].ID)
	t.untilPast(claims[0].LeaseUntil)
	t.wantNothingToClaim()
	t.ack(claims[0], claims[2])
}

func claimLeasesRelease(t *test) {
	saved := t.saveAll(newEvents(4))
	claims := t.take(0)
	t.mark(saved[1].ID)
	err := t.events.Release(t.ctx, []driver.Claim{claims[2], claims[1], claims[0]})
	t.wantLeaseLost(err, "Events.Release", saved[1].ID)
	t.wantWork(2, 1, 0)
	t.wantFenced(claims[:3]...)
	again := t.take(0)
	t.wantClaimed(again, saved[0], saved[2])
	t.ack(claims[3])
	t.ack(again...)
}

// claimLeasesAttempts gives events back more often than they may be handed out.
func claimLeasesAttempts(t *test) {
	saved := t.save(newEvent())
	for want := 1; want <= 2; want++ {
		for range 3 {
			claim := t.sole(t.claimWith(driver.ClaimOptions{MaxAttempts: 2}))
			equal(t, "Attempt", claim.Attempt, want)
			t.ok(t.events.Release(t.ctx, []driver.Claim{claim, claim})) // twice is once
		}
		if want == 1 {
			t.giveBack(t.takeOne(), 0)
		}
	}
	t.wantClaimed(t.take(0), saved)
}

func claimLeasesNone(t *test) {
	for _, none := range [][]driver.Claim{nil, {}} {
		t.ok(t.events.Extend(t.endedContext(), none, 0))
		t.ok(t.events.Ack(t.endedContext(), none))
		t.ok(t.events.Release(t.endedContext(), none))
	}
}

// claimLeasesDying has workers that die in the middle, or are too slow: each event is acknowledged
// once, whoever does it.
func claimLeasesDying(t *test) {
	const workers = 6
	saved := t.saveAll(newEvents(scale(60, 24)))
	acked := make([][]uuid.UUID, workers)
	t.together(workers, func(i int) error {
		for round := 0; ; round++ {
			opts := driver.ClaimOptions{Limit: 3, Lease: time.Millisecond, MaxAttempts: driver.MaxMaxAttempts, PerAggregateOrder: i%2 == 0}
			claims, err := t.events.Claim(t.ctx, opts)
			if err != nil {
				return err
			}
			if len(claims) == 0 {
				left, err := t.events.GetUnprocessed(t.ctx, 1)
				if err != nil || len(left) == 0 {
					return err
				}
			}
			if (i+round)%3 == 0 {
				continue // it died
			}
			for _, claim := range claims {
				err := t.events.Ack(t.ctx, []driver.Claim{claim})
				if err == nil {
					acked[i] = append(acked[i], claim.Event.ID)
				} else if fault := faultOf(err, driver.ErrLeaseLost, "Events.Ack"); fault != "" {
					return asError(fault)
				}
			}
		}
	})
	var all []uuid.UUID
	for _, ids := range acked {
		all = append(all, ids...)
	}
	ids := idsOf(saved)
	sortIDs(all)
	sortIDs(ids)
	equalList(t, "events acknowledged", all, ids)
	t.wantWork(0, 0, 0)
}
