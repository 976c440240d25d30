package conformance

import (
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// A backend may remember up to where the queue is done, so as not to look there again. None of these
// events may be lost to that.
var claimsLate = area{name: "Claims/LateRows", behaviours: []behaviour{
	{"AreClaimedWhenCommittedAfterLaterOnesWereDone", lateCommit},
	{"LeaveNothingWhenRolledBack", lateRollback},
	{"AreClaimedWhenReleased", lateRelease},
	{"AreClaimedWhenTheirLeaseEnds", lateExpiry},
	{"AreClaimedWhenRetried", lateRetry},
	{"AreClaimedWhenRequeued", lateRequeue},
	{"AreLockedWhenCommittedAfterLaterOnesWereDone", lateLock},
}}

// work saves and works off events for a while, long enough for any such memory to form.
func (t *test) work() {
	t.Helper()
	for began := time.Now(); time.Since(began) < 120*time.Millisecond; {
		t.saveAll(newEvents(3))
		t.ack(t.take(0)...)
	}
}

// saveLate saves an event in a transaction that stays open while others are saved and done.
func (t *test) saveLate() (late driver.Event, end func(verdict error)) {
	t.Helper()
	t.needsConcurrent()
	late = newEvent()
	end = t.hold(t.store, func(tx driver.Store) (err error) {
		late, err = tx.Events().Save(t.ctx, late)
		return err
	})
	t.work()
	return late, end
}

func lateCommit(t *test) {
	late, end := t.saveLate()
	t.wantNothingToClaim()
	end(nil)
	t.wantClaimed(t.take(0), late)
}

func lateRollback(t *test) {
	_, end := t.saveLate()
	end(errUndo)
	t.wantNothingToClaim()
	next := t.save(newEvent())
	t.wantClaimed(t.take(0), next)
}

func lateRelease(t *test) {
	early := t.save(newEvent())
	claims := t.take(1)
	t.work()
	t.ok(t.events.Release(t.ctx, claims))
	t.wantClaimed(t.take(0), early)
}

func lateExpiry(t *test) {
	early := t.save(newEvent())
	claims := t.take(1)
	t.work()
	t.ok(t.events.Extend(t.ctx, claims, time.Millisecond))
	t.wantClaimed(t.untilClaimed(driver.ClaimOptions{}), early)
}

func lateRetry(t *test) {
	early := t.save(newEvent())
	claims := t.take(1)
	t.work()
	t.giveBack(claims[0], 0)
	t.wantClaimed(t.take(0), early)
}

func lateRequeue(t *test) {
	early := t.save(newEvent())
	t.ok(t.events.DeadLetter(t.ctx, t.take(1)[0], "for later"))
	t.work()
	requeued, err := t.store.DeadLetters().Requeue(t.ctx, early.ID)
	t.ok(err)
	equal(t, "requeued", requeued, true)
	t.wantClaimed(t.take(0), early)
}

func lateLock(t *test) {
	late, end := t.saveLate()
	end(nil)
	t.inTx(func(tx driver.Store) {
		locked, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
		t.ok(err)
		equalList(t, "events locked", idsOf(locked), idsOf([]driver.Event{late}))
	})
}
