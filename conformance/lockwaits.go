package conformance

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventLockWaits = area{name: "Events/LockWaits", alone: true, behaviours: []behaviour{
	{"TwoClaimersNeverShareAnEvent", waitsNeverShare},
	{"ManyClaimersProcessEachEventOnce", waitsEachOnce},
	{"WithoutSkipLockedTheSecondWaits", waitsForTheFirst},
	{"WithoutSkipLockedTheSecondMissesWhatIsDone", waitsMissesDone},
	{"ARollbackReleasesTheEvents", waitsReleasedByRollback},
	{"APanicReleasesTheEvents", waitsReleasedByPanic},
	{"LockedEventsStillShowInReads", waitsShowInReads},
	{"MarkingALockedEventWaits", waitsMarking},
}}

// holdLocked locks events in a transaction that stays open until end is called. It marks those that mark tells.
func (t *test) holdLocked(limit, mark int) (end func(verdict error)) {
	t.Helper()
	return t.hold(t.store, func(tx driver.Store) error {
		events, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Limit: limit, SkipLocked: true})
		if err != nil {
			return err
		}
		_, err = tx.Events().MarkMultipleAsProcessed(t.ctx, idsOf(events[:mark]))
		return err
	})
}

func waitsNeverShare(t *test) {
	t.needsConcurrent()
	ids := idsOf(t.saveAll(newEvents(6)))
	end := t.holdLocked(2, 0)
	t.inTx(func(tx driver.Store) {
		locked := t.lock(tx, driver.LockOptions{Limit: 3, SkipLocked: true})
		equalList(t, "locked by the second", idsOf(locked), ids[2:5])
	})
	end(nil)
}

func waitsEachOnce(t *test) {
	const claimers = 8
	ids := idsOf(t.saveAll(newEvents(scale(200, 60))))
	var processed struct {
		sync.Mutex
		ids []uuid.UUID
	}
	t.together(claimers, func(i int) error {
		for {
			got := 0
			err := t.store.InTx(t.ctx, func(tx driver.Store) error {
				events, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Limit: 1 + i, SkipLocked: true})
				if err != nil {
					return err
				}
				got = len(events)
				marked, err := tx.Events().MarkMultipleAsProcessed(t.ctx, idsOf(events))
				if err == nil && marked != got {
					t.Errorf("goroutine %d holds %d events and could mark %d", i, got, marked)
				}
				processed.Lock()
				defer processed.Unlock()
				processed.ids = append(processed.ids, idsOf(events)...)
				return err
			})
			if err != nil || got == 0 { // with SkipLocked the rest is in the hands of others
				return err
			}
		}
	})
	sortIDs(processed.ids)
	sortIDs(ids)
	equalList(t, "events processed", processed.ids, ids)
	equalList(t, "queue", t.queue(), nil)
}

func sortIDs(ids []uuid.UUID) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// inBackground runs fn in another goroutine and returns a channel that gets its error.
func inBackground(fn func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- fn() }()
	return result
}

// waitsUntil fails the test if the result is there before end was called, or if it never comes. The moment in
// between lets an implementation that doesn't wait show it; for one that waits nothing depends on it.
func (t *test) waitsUntil(end func(), result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		t.Fatalf("it did not wait for the transaction that holds the events; it returned the error %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	end()
	select {
	case err := <-result:
		t.ok(err)
	case <-t.ctx.Done():
		t.Fatal("it still waits although the transaction that held the events ended")
	}
}

// lockedBySecond holds the first two events, marking some of them, while a second transaction locks without skipping. It
// ends the first with the verdict and returns what the second got.
func (t *test) lockedBySecond(mark int, verdict error) []uuid.UUID {
	t.Helper()
	end := t.holdLocked(2, mark)
	var got []uuid.UUID
	second := inBackground(func() error {
		return t.store.InTx(t.ctx, func(tx driver.Store) error {
			events, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
			got = idsOf(events)
			return err
		})
	})
	t.waitsUntil(func() { end(verdict) }, second)
	return got
}

func waitsForTheFirst(t *test) {
	ids := idsOf(t.saveAll(newEvents(4)))
	equalList(t, "locked by the second", t.lockedBySecond(0, nil), ids)
}

func waitsMissesDone(t *test) {
	ids := idsOf(t.saveAll(newEvents(4)))
	equalList(t, "locked by the second", t.lockedBySecond(1, nil), ids[1:])
}

func waitsReleasedByRollback(t *test) {
	ids := idsOf(t.saveAll(newEvents(4)))
	equalList(t, "locked by the second", t.lockedBySecond(2, errUndo), ids)
	t.undone(t.store, func(tx driver.Store) { t.lock(tx, driver.LockOptions{}) })
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked by a third", idsOf(t.lock(tx, driver.LockOptions{SkipLocked: true})), ids)
	})
}

func waitsReleasedByPanic(t *test) {
	ids := idsOf(t.saveAll(newEvents(4)))
	func() {
		defer func() { _ = recover() }()
		_ = t.store.InTx(t.ctx, func(tx driver.Store) error {
			t.lock(tx, driver.LockOptions{})
			panic(errUndo)
		})
	}()
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked afterwards", idsOf(t.lock(tx, driver.LockOptions{SkipLocked: true})), ids)
	})
}

func waitsShowInReads(t *test) {
	t.needsReadsBeside()
	saved := t.saveAll(newEvents(3))
	end := t.holdLocked(2, 0)
	equalList(t, "queue", t.queue(), idsOf(saved))
	t.sameEvent("event read back", t.get(saved[0].ID), saved[0])
	t.wantWaiting(t.store, 3)
	end(nil)
}

func waitsMarking(t *test) {
	saved := t.saveAll(newEvents(3))
	end := t.holdLocked(2, 1)
	marked := make([]bool, 2)
	marking := inBackground(func() (err error) {
		for i := range marked {
			if marked[i], err = t.events.MarkAsProcessed(t.ctx, saved[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	t.waitsUntil(func() { end(nil) }, marking)
	equalList(t, "marked: the one that was done, the one that was only locked", marked, []bool{false, true})
}
