package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

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
	{"KeepJSONAndTimesAsTheyWere", eachAppTx(appTxValues)},
	{"GiveNoOptionsToNestedOnes", eachAppTx(appTxOptions)},
}}

// eachAppTx runs a behaviour for each kind of transaction that the backend can join.
func eachAppTx(run func(t *test, app *app)) func(t *test) {
	return func(t *test) {
		if len(t.h.AppTx) == 0 {
			t.Skip("the backend can't join a transaction of the app (Harness.AppTx)")
		}
		for _, kind := range slices.Sorted(maps.Keys(t.h.AppTx)) {
			t.sub(kind, t.db, func(t *test) { run(t, newApp(t, t.h.AppTx[kind])) })
		}
	}
}

// An app has a table for its orders, and begins transactions in its own way.
type app struct {
	*test
	beginTx func(t *testing.T, db driver.DB) AppTx
	table   string
}

func newApp(t *test, begin func(t *testing.T, db driver.DB) AppTx) *app {
	t.Helper()
	a := &app{test: t, beginTx: begin, table: fmt.Sprintf("app_orders_%d", schemas.Add(1))}
	tx := a.begin()
	t.ok(tx.Exec("CREATE TABLE " + a.table + " (id INTEGER PRIMARY KEY)"))
	t.ok(tx.Commit())
	return a
}

func (a *app) begin() AppTx {
	a.Helper()
	tx := a.beginTx(a.T, a.db)
	a.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// placeOrder writes a business row.
func (a *app) placeOrder(tx AppTx, id int) {
	a.Helper()
	a.ok(tx.Exec(fmt.Sprintf("INSERT INTO %s (id) VALUES (%d)", a.table, id)))
}

// wantOrders counts the business rows in a transaction of its own.
func (a *app) wantOrders(want int64) {
	a.Helper()
	tx := a.begin()
	defer func() { a.ok(tx.Rollback()) }()
	orders, err := tx.Count("SELECT count(*) FROM " + a.table)
	a.ok(err)
	equal(a.test, "business rows", orders, want)
}

func (t *test) join(tx AppTx, store driver.Store) driver.Store {
	t.Helper()
	joined, err := tx.Join(store)
	t.ok(err)
	return joined
}

func appTxCommits(t *test, app *app) {
	tx := app.begin()
	app.placeOrder(tx, 1)
	saved := t.saveTo(t.join(tx, t.store), newEvent())
	app.placeOrder(tx, 2)
	t.ok(tx.Commit())
	app.wantOrders(2)
	t.sameEvent("event read back", t.get(saved.ID), saved)
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func appTxRollsBack(t *test, app *app) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.change(t.join(tx, t.store), waiting)
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantUndone(before, waiting)
}

func appTxRefusal(t *test, app *app) {
	stored := t.save(newEvent())
	tx := app.begin()
	joined := t.join(tx, t.store)
	app.placeOrder(tx, 1)

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

	app.placeOrder(tx, 2)
	saved := t.saveTo(joined, newEvent())
	t.ok(tx.Commit())
	app.wantOrders(2)
	equalList(t, "queue", t.queue(), []uuid.UUID{stored.ID, saved.ID})
}

func appTxNested(t *test, app *app) {
	tx := app.begin()
	joined := t.join(tx, t.store)
	t.undone(joined, func(nested driver.Store) {
		t.saveTo(nested, newEvent())
		app.placeOrder(tx, 1) // is inside the savepoint, too
	})
	var saved driver.Event
	t.ok(joined.InTx(t.ctx, func(nested driver.Store) error {
		saved = t.saveTo(nested, newEvent())
		return nil
	}))
	app.placeOrder(tx, 2)
	t.ok(tx.Commit())
	app.wantOrders(1)
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func appTxNotEnded(t *test, app *app) {
	tx := app.begin()
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
	app.placeOrder(tx, 1)
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantWaiting(t.store, 0)
}

func appTxLocks(t *test, app *app) {
	saved := t.saveAll(newEvents(3))
	tx := app.begin()
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

func appTxWrapper(t *test, app *app) {
	tx := app.begin()
	saved := t.saveTo(t.join(tx, wrapper{wrapper{t.store}}), newEvent())
	t.ok(tx.Commit())
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

func appTxSchemas(t *test, app *app) {
	other := t.openStore(t.db, newSchema())
	tx := app.begin()
	here, there := t.saveTo(t.join(tx, t.store), newEvent()), t.saveTo(t.join(tx, other), newEvent())
	t.ok(tx.Commit())
	equalList(t, "queue", t.queue(), []uuid.UUID{here.ID})
	equalList(t, "queue of the other schema", t.queueOf(other), []uuid.UUID{there.ID})
}

// appTxValues saves events of all kinds: the app's library may have ways of its own for JSON and
// times.
func appTxValues(t *test, app *app) {
	tx := app.begin()
	joined := t.join(tx, t.store)
	batch := newEvents(scale(100, 40))
	for i := range batch {
		if i%3 == 0 {
			batch[i] = fullEvent()
		}
	}
	batch[1].EventData = json.RawMessage(`{ "b":1.0e+2, "a":"\u0000 \\ \" {,} é \t", "a":[null] }`)
	batch[2].ProcessedAt = ptr(time.Date(2020, 1, 2, 3, 4, 5, 678901000, time.UTC))
	batch[4].OccurredAt = time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)
	batch[5].OccurredAt = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	saved, err := joined.Events().SaveBatch(t.ctx, batch)
	t.ok(err)
	single := fullEvent()
	single.EventData = batch[1].EventData
	saved = append(saved, t.saveTo(joined, single))
	marked, err := joined.Events().MarkMultipleAsProcessed(t.ctx, idsOf(saved[6:8]))
	t.ok(err)
	equal(t, "marked", marked, 2)
	check := func(events driver.EventRepository, when string) {
		for i, want := range saved {
			got, err := events.GetByID(t.ctx, want.ID)
			t.ok(err)
			if i == 6 || i == 7 {
				got.ProcessedAt = nil // by the marking
			}
			t.sameEvent("event read "+when, got, want)
		}
	}
	check(joined.Events(), "in the transaction")
	t.ok(tx.Commit())
	check(t.events, "after the commit")
}

func appTxOptions(t *test, app *app) {
	tx := app.begin()
	joined := t.join(tx, t.store)
	t.wantInvalid(joined.InTx(t.ctx, t.never, driver.WithIsolation(driver.RepeatableRead)), "InTx", "isolation")
	t.wantInvalid(joined.InTx(t.ctx, t.never, driver.ReadOnly()), "InTx", "read_only")
	saved := t.saveTo(joined, newEvent())
	t.ok(tx.Commit())
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}
