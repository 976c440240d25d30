package conformance

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var transactions = area{name: "Transactions", alone: true, behaviours: []behaviour{
	{"CommitAllTogether", txCommit},
	{"RollBackOnAnError", txError},
	{"RollBackOnAPanicAndPanicOn", txPanic},
	{"RollBackWhenTheGoroutineEnds", txGoexit},
	{"RollBackWhenTheContextEnds", txContext},
	{"ReadTheirOwnWrites", txOwnWrites},
	{"HideTheirWritesUntilTheyCommit", txHide},
	{"ReadWhatOthersCommittedMeanwhile", txReadCommitted},
	{"BelongToTheSameSchema", txSchema},
	{"OfReadersOnlyAreFine", txReaders},
	{"LeaveNothingBehindAfterMany", txMany},
	{"WithZeroVersionsOfOneAggregateWaitForEachOther", txZeroVersions},
}}

// change writes through tx in every way there is, and marks all that wait.
func (t *test) change(tx driver.Store, waiting []driver.Event) {
	t.Helper()
	t.saveTo(tx, newEvent())
	imported := newEvent()
	imported.ProcessedAt = ptr(time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC))
	t.saveTo(tx, imported)
	_, err := tx.Events().SaveBatch(t.ctx, newEvents(3))
	t.ok(err)
	_, err = tx.Events().Append(t.ctx, waiting[0].Aggregate(), driver.AnyVersion, fillers(2))
	t.ok(err)
	marked, err := tx.Events().MarkAsProcessed(t.ctx, waiting[0].ID)
	t.ok(err)
	equal(t, "marked one", marked, true)
	n, err := tx.Events().MarkMultipleAsProcessed(t.ctx, idsOf(waiting[1:3]))
	t.ok(err)
	equal(t, "marked some", n, 2)
	n, err = tx.Events().MarkMultipleAsProcessedBulk(t.ctx, idsOf(waiting[3:]), 1)
	t.ok(err)
	equal(t, "marked in bulk", n, len(waiting)-3)
}

// Of change: how many events it stores, and how many of them wait.
const changeStores, changeQueues = 7, 6

func txCommit(t *test) {
	waiting := t.saveAll(newEvents(5))
	t.inTx(func(tx driver.Store) { t.change(tx, waiting) })
	after := t.state()
	equal(t, "events stored", after.counts["order.placed"], int64(len(waiting)+changeStores))
	equal(t, "events waiting", len(after.queue), changeQueues)
	for _, event := range waiting {
		if t.get(event.ID).ProcessedAt == nil {
			t.Errorf("event %s is not marked", event.ID)
		}
	}
}

func (t *test) wantUndone(before state, waiting []driver.Event) {
	t.Helper()
	t.wantState(before)
	for _, event := range waiting {
		t.sameEvent("event after the rollback", t.get(event.ID), event)
	}
}

func txError(t *test) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	t.undone(t.store, func(tx driver.Store) { t.change(tx, waiting) })
	t.wantUndone(before, waiting)
}

func txPanic(t *test) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	func() {
		defer func() {
			if got := recover(); got != errUndo {
				t.Errorf("InTx panicked with %v, want the value its function panicked with", got)
			}
		}()
		_ = t.store.InTx(t.ctx, func(tx driver.Store) error {
			t.change(tx, waiting)
			panic(errUndo)
		})
		t.Error("InTx returned although its function panicked")
	}()
	t.wantUndone(before, waiting)
}

// txGoexit is what a failing test does inside a transaction.
func txGoexit(t *test) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = t.store.InTx(t.ctx, func(tx driver.Store) error {
			t.change(tx, waiting)
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	t.wantUndone(before, waiting)
}

func txContext(t *test) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	for _, verdict := range []error{nil, errUndo} {
		ctx, cancel := context.WithCancel(t.ctx)
		err := t.store.InTx(ctx, func(tx driver.Store) error {
			t.change(tx, waiting)
			cancel()
			_, err := tx.Events().Save(ctx, newEvent())
			t.wantErr(err, context.Canceled, "Events.Save")
			return verdict
		})
		cancel()
		if verdict == nil && !errors.Is(err, context.Canceled) {
			t.Errorf("InTx returned %v, want an error that matches %v", err, context.Canceled)
		}
		if verdict != nil && !errors.Is(err, verdict) {
			t.Errorf("InTx returned %v, want the error of its function", err)
		}
		t.wantUndone(before, waiting)
	}
}

func txOwnWrites(t *test) {
	t.undone(t.store, func(tx driver.Store) {
		saved := t.saveTo(tx, newEvent())
		got, err := tx.Events().GetByID(t.ctx, saved.ID)
		t.ok(err)
		t.sameEvent("event read in its transaction", got, saved)
		next, err := tx.Events().NextVersion(t.ctx, saved.Aggregate())
		t.ok(err)
		equal(t, "next version", next, 2)
		marked, err := tx.Events().MarkAsProcessed(t.ctx, saved.ID)
		t.ok(err)
		equal(t, "marked", marked, true)
		got, err = tx.Events().GetByID(t.ctx, saved.ID)
		t.ok(err)
		if got.ProcessedAt == nil {
			t.Error("ProcessedAt after marking: got nil, want a time")
		}
	})
}

func txHide(t *test) {
	t.needsReadsBeside()
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	id := newID()
	end := t.hold(t.store, func(tx driver.Store) error {
		event := newEvent()
		event.ID = id
		if _, err := tx.Events().Save(t.ctx, event); err != nil {
			return err
		}
		_, err := tx.Events().MarkMultipleAsProcessed(t.ctx, idsOf(waiting))
		return err
	})
	t.wantState(before)
	t.wantStored(false, id)
	end(nil)
	t.wantStored(true, id)
	equalList(t, "queue after the commit", t.queue(), []uuid.UUID{id})
}

func txReadCommitted(t *test) {
	t.needsConcurrent()
	t.inTx(func(tx driver.Store) {
		t.wantWaiting(tx, 0)
		saved := t.save(newEvent()) // beside the transaction
		equalList(t, "queue seen by the transaction", t.queueOf(tx), []uuid.UUID{saved.ID})
	})
}

func txSchema(t *test) {
	t.inTx(func(tx driver.Store) {
		equal(t, "schema", tx.Schema(), t.store.Schema())
		t.ok(tx.Close()) // does nothing
		t.saveTo(tx, newEvent())
	})
	t.wantWaiting(t.store, 1)
}

func txReaders(t *test) {
	saved := t.save(newEvent())
	t.inTx(func(tx driver.Store) {
		there, err := tx.Events().Exists(t.ctx, saved.ID)
		t.ok(err)
		equal(t, "stored", there, true)
	})
	t.inTx(func(driver.Store) {})
}

// txMany makes more transactions than there can be connections, ending them in every way.
func txMany(t *test) {
	const rounds = 60
	for i := range rounds {
		switch i % 3 {
		case 0:
			t.undone(t.store, func(tx driver.Store) { t.saveTo(tx, newEvent()) })
		case 1:
			func() {
				defer func() { _ = recover() }()
				_ = t.store.InTx(t.ctx, func(tx driver.Store) error {
					t.saveTo(tx, newEvent())
					panic(errUndo)
				})
			}()
		default:
			t.inTx(func(tx driver.Store) { t.saveTo(tx, newEvent()) })
		}
	}
	t.wantWaiting(t.store, rounds/3)
}

// txZeroVersions saves to the same aggregate from transactions that overlap: the number of one depends on
// whether the other commits.
func txZeroVersions(t *test) {
	const savers, each = 6, 4
	aggregate := newAggregate()
	t.together(savers, func(i int) error {
		for n := range each {
			undo := (i+n)%3 == 0
			err := t.store.InTx(t.ctx, func(tx driver.Store) error {
				for range 2 {
					if _, err := tx.Events().Save(t.ctx, moreHistory(aggregate, 1)[0]); err != nil {
						return err
					}
				}
				if undo {
					return errUndo
				}
				return nil
			})
			if err != nil && !(undo && errors.Is(err, errUndo)) {
				return err
			}
		}
		return nil
	})
	found, err := t.events.GetByAggregate(t.ctx, aggregate, driver.HistoryOptions{Limit: driver.MaxLimit})
	t.ok(err)
	equalList(t, "versions", versionsOf(found), upTo(2*(savers*each-savers*each/3)))
}
