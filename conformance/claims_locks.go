package conformance

import (
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsLocks = area{name: "Claims/Locks", alone: true, behaviours: []behaviour{
	{"ClaimPassesOverLockedEvents", locksClaimPasses},
	{"ClaimPassesOverWhatIsBeingMarked", locksClaimMarked},
	{"ClaimPassesOverWhatAnotherTransactionClaims", locksClaimClaimed},
	{"LocksPassOverLeasedEvents", locksPassLeased},
	{"LocksPassOverRetriesToCome", locksPassRetries},
	{"LocksTakeDueRetriesFirst", locksDueFirst},
	{"LocksPassOverWhatIsClaimedInItsTransaction", locksOwnClaim},
	{"ClaimTakesWhatItsTransactionLocked", locksOwnLock},
	{"ClaimWaitsForNobody", locksClaimNever},
	{"LockersAndClaimersNeverShareAnEvent", locksNeverShare},
}}

func locksClaimPasses(t *test) {
	t.needsConcurrent()
	saved := t.saveAll(newEvents(5))
	end := t.holdLocked(2, 0)
	t.wantClaimed(t.take(2), saved[2:4]...)
	end(nil)
	t.wantClaimed(t.take(0), saved[0], saved[1], saved[4])
}

func locksClaimMarked(t *test) {
	t.needsConcurrent()
	saved := t.saveAll(newEvents(3))
	end := t.holdLocked(2, 1)
	t.wantClaimed(t.take(0), saved[2])
	end(nil)
	t.wantClaimed(t.take(0), saved[1])
}

func locksClaimClaimed(t *test) {
	t.needsConcurrent()
	saved := t.saveAll(newEvents(3))
	claimTwo := func(tx driver.Store) error {
		claims, err := tx.Events().Claim(t.ctx, driver.ClaimOptions{Limit: 2})
		equalList(t, "events claimed in the transaction", claimedIDs(claims), idsOf(saved[:2]))
		return err
	}
	end := t.hold(t.store, claimTwo)
	t.wantClaimed(t.take(1), saved[2])
	t.wantNothingToClaim()
	end(errUndo)
	end = t.hold(t.store, claimTwo)
	t.wantNothingToClaim()
	end(nil)
	t.wantNothingToClaim()
	t.wantWork(0, 3, 0)
}

func locksPassLeased(t *test) {
	saved := t.saveAll(newEvents(4))
	claims := t.take(2)
	for _, skip := range []bool{false, true} {
		t.inTx(func(tx driver.Store) {
			equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{SkipLocked: skip})), idsOf(saved[2:]))
		})
	}
	equal(t, "processed", t.process(0, allDone), 2)
	t.ok(t.events.Release(t.ctx, claims[1:]))
	equal(t, "processed after a release", t.process(0, allDone), 1)
	t.ack(claims[0])
}

func locksPassRetries(t *test) {
	saved := t.saveAll(newEvents(4))
	for _, claim := range t.take(2) {
		t.giveBack(claim, time.Hour)
	}
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{SkipLocked: true})), idsOf(saved[2:]))
	})
	equal(t, "processed", t.process(0, allDone), 2)
	t.wantWork(2, 0, 0)
}

func locksDueFirst(t *test) {
	saved := t.saveAll(newEvents(5))
	claims := t.take(0)
	t.giveBack(claims[4], 0)
	t.giveBack(claims[3], 0)
	t.ok(t.events.Release(t.ctx, claims[:3]))
	want := idsOf([]driver.Event{saved[0], saved[3], saved[4]})
	for _, skip := range []bool{false, true} {
		t.inTx(func(tx driver.Store) {
			equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{Limit: 3, SkipLocked: skip})), want)
		})
	}
}

func locksOwnClaim(t *test) {
	saved := t.saveAll(newEvents(3))
	t.inTx(func(tx driver.Store) {
		claims := must(t, tx.Events().Claim, driver.ClaimOptions{Limit: 1})
		equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{})), idsOf(saved[1:]))
		t.ok(tx.Events().Ack(t.ctx, claims))
		equalList(t, "locked after the ack", idsOf(t.lock(tx, driver.LockOptions{SkipLocked: true})), idsOf(saved[1:]))
	})
	t.wantWork(2, 0, 0)
}

// locksOwnLock claims what the same transaction locked: a lock keeps others out.
func locksOwnLock(t *test) {
	saved := t.saveAll(newEvents(3))
	t.inTx(func(tx driver.Store) {
		t.lock(tx, driver.LockOptions{Limit: 2})
		equalList(t, "events claimed", claimedIDs(must(t, tx.Events().Claim, driver.ClaimOptions{})), idsOf(saved))
	})
	t.wantWork(0, 3, 0)
}

// locksClaimNever has all there is in the hands of others, in every way.
func locksClaimNever(t *test) {
	t.needsConcurrent()
	t.saveAll(newEvents(4))
	claims := t.take(1)
	endAck := t.holdAck(claims...)
	endLock := t.holdLocked(2, 1)
	endClaim := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Events().Claim(t.ctx, driver.ClaimOptions{PerAggregateOrder: true})
		return err
	})
	t.wantNothingToClaim()
	endClaim(errUndo)
	endLock(errUndo)
	endAck(errUndo)
	equal(t, "events claimed afterwards", len(t.take(0)), 3)
}

// locksNeverShare has some who lock and mark, and some who claim and acknowledge.
func locksNeverShare(t *test) {
	const workers = 8
	saved := t.saveAll(newEvents(scale(200, 60)))
	done := make([][]uuid.UUID, workers)
	t.together(workers, func(i int) error {
		for {
			got, err := 0, error(nil)
			if i%2 == 0 {
				got, err = t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Limit: 1 + i}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
					done[i] = append(done[i], idsOf(events)...)
					return idsOf(events), nil
				})
			} else {
				var claims []driver.Claim
				if claims, err = t.events.Claim(t.ctx, driver.ClaimOptions{Limit: i, Lease: driver.MaxLease}); err == nil {
					got, err = len(claims), t.events.Ack(t.ctx, claims)
				}
				done[i] = append(done[i], claimedIDs(claims)...)
			}
			if err != nil {
				return err
			}
			if got == 0 {
				left, err := t.events.GetUnprocessed(t.ctx, 1)
				if err != nil || len(left) == 0 {
					return err
				}
			}
		}
	})
	var all []uuid.UUID
	for _, ids := range done {
		all = append(all, ids...)
	}
	ids := idsOf(saved)
	sortIDs(all)
	sortIDs(ids)
	equalList(t, "events done", all, ids)
}
