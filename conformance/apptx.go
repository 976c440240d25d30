package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var appTransactions = area{name: "Transactions/OfTheApp", alone: true, behaviours: []behaviour{
	{"CommitEventsWithBusinessRows", eachAppTx(appTxCommits)},
	{"RollEventsBackWithBusinessRows", eachAppTx(appTxRollsBack)},
	{"StayUsableAfterARefusal", eachAppTx(appTxRefusal)},
	{"HoldNestedTransactions", eachAppTx(appTxNested)},
	{"AreNotEndedByTheJoinedStore", eachAppTx(appTxNotEnded)},
	{"LockEvents", eachAppTx(appTxLocks)},
	{"CanBeJoinedThroughAWrapper", eachAppTx(appTxWrapper)},
	{"CanBeJoinedByStoresOfSeveralSchemas", eachAppTx(appTxSchemas)},
}}

// eachAppTx runs a behaviour for each kind of transaction that the backend can join, each on a database of its own
// with a table of the app's.
func eachAppTx(run func(t *test, begin func() AppTx)) func(t *test) {
	return func(t *test) {
		if len(t.h.AppTx) == 0 {
			t.Skip("the backend can't join a transaction of the app (Harness.AppTx)")
		}
		for _, kind := range slices.Sorted(maps.Keys(t.h.AppTx)) {
			t.sub(kind, t.h.open(t.T), func(t *test) {
				begin := func() AppTx {
					t.Helper()
					tx := t.h.AppTx[kind](t.T, t.db)
					t.Cleanup(func() { _ = tx.Rollback() })
					return tx
				}
				tx := begin()
				t.ok(tx.Exec("CREATE TABLE app_orders (id INTEGER PRIMARY KEY)"))
				t.ok(tx.Commit())
				run(t, begin)
			})
		}
	}
}

func (t *test) join(tx AppTx, store driver.Store) driver.Store {
	t.Helper()
	joined, err := tx.Join(store)
	t.ok(err)
	return joined
}

// placeOrder writes a business row.
func (t *test) placeOrder(tx AppTx, id int) {
	t.Helper()
	t.ok(tx.Exec(fmt.Sprintf("INSERT INTO app_orders (id) VALUES (%d)", id)))
}

// wantOrders counts the business rows in a transaction of its own.
func (t *test) wantOrders(begin func() AppTx, want int64) {
	t.Helper()
	tx := begin()
	defer func() { t.ok(tx.Rollback()) }()
	orders, err := tx.Count("SELECT count(*) FROM app_orders")
	t.ok(err)
	equal(t, "business rows", orders, want)
}

func appTxCommits(t *test, begin func() AppTx) {
	tx := begin()
	t.placeOrder(tx, 1)
	saved := t.saveTo(t.join(tx, t.store), newEvent())
	t.placeOrder(tx, 2)
	t.ok(tx.Commit())
	t.wantOrders(begin, 2)
	t.sameEvent("event read back", t.get(saved.ID), saved)
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func appTxRollsBack(t *test, begin func() AppTx) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	tx := begin()
	t.placeOrder(tx, 1)
	t.change(t.join(tx, t.store), waiting)
	t.ok(tx.Rollback())
	t.wantOrders(begin, 0)
	t.wantUndone(before, waiting)
}

func appTxRefusal(t *test, begin func() AppTx) {
	stored := t.save(newEvent())
	tx := begin()
	joined := t.join(tx, t.store)
	t.placeOrder(tx, 1)

	taken := newEvent()
	taken.ID = stored.ID
	_, err := joined.Events().Save(t.ctx, taken)
	t.wantTaken(err, "Events.Save", stored.ID)
	_, err = joined.Events().SaveBatch(t.ctx, []driver.Event{newEvent(), taken})
	t.wantTaken(err, "Events.SaveBatch", stored.ID)
	_, err = joined.Events().Append(t.ctx, stored.Aggregate(), driver.NoEvents, fillers(2))
	t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: stored.Aggregate(), Expected: 0, Actual: 1})
	_, err = joined.Events().GetByID(t.ctx, newID())
	t.wantErr(err, driver.ErrNotFound, "Events.GetByID")

	t.placeOrder(tx, 2)
	saved := t.saveTo(joined, newEvent())
	t.ok(tx.Commit())
	t.wantOrders(begin, 2)
	equalList(t, "queue", t.queue(), []uuid.UUID{stored.ID, saved.ID})
}

func appTxNested(t *test, begin func() AppTx) {
	tx := begin()
	joined := t.join(tx, t.store)
	t.undone(joined, func(nested driver.Store) {
		t.saveTo(nested, newEvent())
		t.placeOrder(tx, 1) // is inside the savepoint, too
	})
	var saved driver.Event
	t.ok(joined.InTx(t.ctx, func(nested driver.Store) error {
		saved = t.saveTo(nested, newEvent())
		return nil
	}))
	t.placeOrder(tx, 2)
	t.ok(tx.Commit())
	t.wantOrders(begin, 1)
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func appTxNotEnded(t *test, begin func() AppTx) {
	tx := begin()
	joined := t.join(tx, t.store)
	t.ok(joined.InTx(t.ctx, func(nested driver.Store) error {
		t.saveTo(nested, newEvent())
		return nil
	}))
	err := joined.InTx(t.ctx, func(driver.Store) error { return errUndo })
	if !errors.Is(err, errUndo) {
		t.Errorf("InTx returned %v, want the error of its function", err)
	}
	t.ok(joined.Close())
	t.placeOrder(tx, 1)
	t.ok(tx.Rollback())
	t.wantOrders(begin, 0)
	t.wantWaiting(t.store, 0)
}

func appTxLocks(t *test, begin func() AppTx) {
	saved := t.saveAll(newEvents(3))
	tx := begin()
	joined := t.join(tx, t.store)
	locked, err := joined.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Limit: 2})
	t.ok(err)
	t.sameEvents("locked events", locked, saved[:2])
	done, err := joined.Events().ProcessUnprocessed(t.ctx, driver.ProcessOptions{Limit: 1}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		return idsOf(events), nil
	})
	t.ok(err)
	equal(t, "processed", done, 1)
	t.ok(tx.Commit())
	equalList(t, "queue", t.queue(), idsOf(saved[1:]))
}

// wrapper is a Store as an app may wrap it, to log or to count.
type wrapper struct{ driver.Store }

func (w wrapper) Unwrap() driver.Store { return w.Store }

func appTxWrapper(t *test, begin func() AppTx) {
	tx := begin()
	saved := t.saveTo(t.join(tx, wrapper{wrapper{t.store}}), newEvent())
	t.ok(tx.Commit())
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func appTxSchemas(t *test, begin func() AppTx) {
	other := t.openStore(t.db, newSchema())
	tx := begin()
	here, there := t.saveTo(t.join(tx, t.store), newEvent()), t.saveTo(t.join(tx, other), newEvent())
	t.ok(tx.Commit())
	equalList(t, "queue", t.queue(), []uuid.UUID{here.ID})
	equalList(t, "queue of the other schema", t.queueOf(other), []uuid.UUID{there.ID})
}
