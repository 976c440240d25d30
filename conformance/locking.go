package conformance

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventLocking = area{name: "Events/Locking", alone: true, behaviours: []behaviour{
	{"NeedsATransaction", lockingNeedsTx},
	{"ReturnsTheOldestFirst", lockingOldestFirst},
	{"ReturnsWholeEventsByDefault", lockingWhole},
	{"ReadsTheAskedColumnsAndTheID", lockingColumns},
	{"AllowsAColumnTwice", lockingColumnTwice},
	{"RefusesAnUnknownColumn", lockingUnknownColumn},
	{"LeavesOutTheProcessed", lockingLeavesOut},
	{"OfAnEmptyQueueIsEmpty", lockingNothing},
	{"OfTheSameTransactionAgainReturnsTheSame", lockingAgain},
}}

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

func lockingNeedsTx(t *test) {
	t.save(newEvent())
	_, err := t.events.GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
	t.wantErr(err, driver.ErrTxRequired, "Events.GetUnprocessedForUpdate")
}

// lock locks events in a transaction and returns them.
func (t *test) lock(tx driver.Store, opts driver.LockOptions) []driver.Event {
	t.Helper()
	events, err := tx.Events().GetUnprocessedForUpdate(t.ctx, opts)
	t.ok(err)
	return events
}

func lockingOldestFirst(t *test) {
	saved := t.saveAll(newEvents(5))
	for _, skip := range []bool{false, true} {
		t.inTx(func(tx driver.Store) {
			locked := t.lock(tx, driver.LockOptions{Limit: 3, SkipLocked: skip})
			t.sameEvents("locked events", locked, saved[:3])
		})
	}
}

func lockingWhole(t *test) {
	saved := []driver.Event{t.save(fullEvent()), t.save(newEvent())}
	t.inTx(func(tx driver.Store) {
		t.sameEvents("locked events", t.lock(tx, driver.LockOptions{}), saved)
		t.sameEvents("locked events, columns empty", t.lock(tx, driver.LockOptions{Columns: []driver.EventColumn{}}), saved)
		t.sameEvents("locked events, every column", t.lock(tx, driver.LockOptions{Columns: driver.EventColumns()}), saved)
	})
}

// only returns an event with the id and the given columns of e, all else zero.
func only(e driver.Event, columns ...driver.EventColumn) driver.Event {
	got := driver.Event{ID: e.ID}
	for _, column := range columns {
		switch column {
		case driver.EventID:
		case driver.EventPosition:
			got.Position = e.Position
		case driver.EventType:
			got.EventType = e.EventType
		case driver.EventName:
			got.EventName = e.EventName
		case driver.EventAggregateType:
			got.AggregateType = e.AggregateType
		case driver.EventAggregateID:
			got.AggregateID = e.AggregateID
		case driver.EventAggregateVersion:
			got.AggregateVersion = e.AggregateVersion
		case driver.EventData:
			got.EventData = e.EventData
		case driver.EventMetadata:
			got.EventMetadata = e.EventMetadata
		case driver.EventCorrelationID:
			got.CorrelationID = e.CorrelationID
		case driver.EventCausationID:
			got.CausationID = e.CausationID
		case driver.EventTriggeredByUserID:
			got.TriggeredByUserID = e.TriggeredByUserID
		case driver.EventContextID:
			got.ContextID = e.ContextID
		case driver.EventOccurredAt:
			got.OccurredAt = e.OccurredAt
		case driver.EventCreatedAt:
			got.CreatedAt = e.CreatedAt
		case driver.EventProcessedAt:
			got.ProcessedAt = e.ProcessedAt
		default:
			panic("a column that this suite doesn't know: " + column)
		}
	}
	return got
}

func lockingColumns(t *test) {
	saved := t.save(fullEvent())
	choices := [][]driver.EventColumn{
		{driver.EventContextID, driver.EventType},
		{driver.EventProcessedAt, driver.EventData, driver.EventID},
		{driver.EventPosition, driver.EventCreatedAt, driver.EventCausationID},
	}
	for _, column := range driver.EventColumns() {
		choices = append(choices, []driver.EventColumn{column})
	}
	for _, columns := range choices {
		want := []driver.Event{only(saved, columns...)}
		t.inTx(func(tx driver.Store) {
			t.sameEvents("locked events", t.lock(tx, driver.LockOptions{Columns: columns}), want)
		})
		_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Columns: columns}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
			t.sameEvents("events to process", events, want)
			return nil, nil
		})
		t.ok(err)
	}
}

func lockingColumnTwice(t *test) {
	saved := t.save(fullEvent())
	columns := []driver.EventColumn{driver.EventName, driver.EventName, driver.EventID, driver.EventName}
	t.inTx(func(tx driver.Store) {
		t.sameEvents("locked events", t.lock(tx, driver.LockOptions{Columns: columns}), []driver.Event{only(saved, driver.EventName)})
	})
}

func lockingUnknownColumn(t *test) {
	t.save(newEvent())
	for _, column := range []driver.EventColumn{"", "payload", "ID", "id; DROP TABLE events", "*"} {
		columns := []driver.EventColumn{driver.EventName, column}
		t.inTx(func(tx driver.Store) {
			_, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Columns: columns})
			t.wantInvalid(err, "Events.GetUnprocessedForUpdate", "columns[1]")
		})
		_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Columns: columns}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
			t.Error("ProcessUnprocessed called its function in spite of an unknown column")
			return nil, nil
		})
		t.wantInvalid(err, "Events.ProcessUnprocessed", "columns[1]")
	}
}

func lockingLeavesOut(t *test) {
	saved := t.saveAll(newEvents(4))
	t.mark(saved[0].ID, saved[2].ID)
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{})), []uuid.UUID{saved[1].ID, saved[3].ID})
	})
}

func lockingNothing(t *test) {
	t.inTx(func(tx driver.Store) {
		equal(t, "locked events", len(t.lock(tx, driver.LockOptions{})), 0)
		equal(t, "locked events, skipping", len(t.lock(tx, driver.LockOptions{SkipLocked: true})), 0)
	})
}

func lockingAgain(t *test) {
	saved := t.saveAll(newEvents(3))
	t.inTx(func(tx driver.Store) {
		for _, skip := range []bool{false, true, true} {
			locked := t.lock(tx, driver.LockOptions{Limit: 2, SkipLocked: skip})
			t.sameEvents("locked events", locked, saved[:2])
		}
	})
}

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
