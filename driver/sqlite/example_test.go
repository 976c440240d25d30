package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
)

// Open a tenant's schema, save an event, read it.
func Example() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme") // a file: sqlite:dev.db
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	saved, err := store.Events().Save(ctx, driver.Event{
		EventType:     "order.placed",
		AggregateType: "Order",
		AggregateID:   uuid.New(),
		EventData:     json.RawMessage(`{"total": "12.50"}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := store.Events().GetByID(ctx, saved.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, version %d: %s\n", event.EventType, event.AggregateVersion, event.EventData)
	// Output:
	// order.placed, version 1: {"total": "12.50"}
}

// One pool serves many tenants. None sees another's events.
func Example_tenants() {
	ctx := context.Background()
	db, err := driver.Connect(ctx, "sqlite::memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	for i, tenant := range []string{"tenant_acme", "tenant_globex"} {
		store, err := db.Store(ctx, tenant) // creates the tables the first time, and is cached after that
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := store.Events().SaveBatch(ctx, placed(i+1)); err != nil {
			fmt.Println(err)
			return
		}
		waiting, err := store.Events().CountUnprocessed(ctx)
		fmt.Println(tenant, waiting, err)
	}
	// Output:
	// tenant_acme 1 <nil>
	// tenant_globex 2 <nil>
}

// What fn saves is committed together, or not at all.
func Example_inTx() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	errNoStock := errors.New("out of stock")
	err = store.InTx(ctx, func(tx driver.Store) error {
		if _, err := tx.Events().SaveBatch(ctx, placed(2)); err != nil {
			return err
		}
		return errNoStock // rolls back
	})
	waiting, _ := store.Events().CountUnprocessed(ctx)
	fmt.Println(err, waiting)

	err = store.InTx(ctx, func(tx driver.Store) error {
		_, err := tx.Events().SaveBatch(ctx, placed(2))
		return err
	})
	waiting, _ = store.Events().CountUnprocessed(ctx)
	fmt.Println(err, waiting)
	// Output:
	// out of stock 0
	// <nil> 2
}

// A worker. Any number of them may run: no two get the same event.
func Example_processUnprocessed() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	if _, err := store.Events().SaveBatch(ctx, placed(5)); err != nil {
		fmt.Println(err)
		return
	}

	for {
		done, err := store.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{Limit: 3},
			func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
				var ids []uuid.UUID
				for _, event := range events {
					fmt.Println("handling", string(event.EventData))
					ids = append(ids, event.ID)
				}
				return ids, nil // these are done; an error undoes the round
			})
		if err != nil || done == 0 {
			fmt.Println("nothing left,", err)
			break
		}
	}
	// Output:
	// handling {"number": 1}
	// handling {"number": 2}
	// handling {"number": 3}
	// handling {"number": 4}
	// handling {"number": 5}
	// nothing left, <nil>
}

// Optimistic concurrency: an append takes effect only if nobody else appended since the aggregate was read.
func Example_append() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	account := driver.Aggregate{Type: "Account", ID: uuid.New()}
	deposit := []driver.Event{{EventType: "account.deposited", EventData: json.RawMessage(`{"amount": 100}`)}}
	for range 2 {
		saved, err := store.Events().Append(ctx, account, driver.NoEvents, deposit)
		var conflict *driver.VersionConflictError
		switch {
		case errors.As(err, &conflict):
			fmt.Printf("somebody was first: version %d, not %d\n", conflict.Actual, conflict.Expected)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println("saved version", saved[0].AggregateVersion)
		}
	}
	// Output:
	// saved version 1
	// somebody was first: version 1, not 0
}

// Walk through all that waits, however much it is, a page at a time.
func Example_allUnprocessed() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	if _, err := store.Events().SaveBatch(ctx, placed(4)); err != nil {
		fmt.Println(err)
		return
	}

	const pageSize = 1000
	for event, err := range store.Events().AllUnprocessed(ctx, pageSize) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(event.EventData))
	}
	// Output:
	// {"number": 1}
	// {"number": 2}
	// {"number": 3}
	// {"number": 4}
}

// Mark any number of events as processed.
func Example_markInBulk() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	events, err := store.Events().SaveBatch(ctx, placed(2500))
	if err != nil {
		fmt.Println(err)
		return
	}

	ids := make([]uuid.UUID, len(events))
	for i, event := range events {
		ids[i] = event.ID
	}
	marked, err := store.Events().MarkMultipleAsProcessedBulk(ctx, ids, driver.DefaultMarkBatch)
	fmt.Println(marked, err)
	marked, err = store.Events().MarkMultipleAsProcessedBulk(ctx, ids, driver.DefaultMarkBatch) // they are done already
	fmt.Println(marked, err)
	// Output:
	// 2500 <nil>
	// 0 <nil>
}

// Errors tell their kind to errors.Is, and details to errors.As.
func Example_errors() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	event := placed(1)[0]
	event.ID = uuid.New()
	for range 2 { // saving again with the same id is safe
		_, err := store.Events().Save(ctx, event)
		fmt.Println("already there:", errors.Is(err, driver.ErrAlreadyExists))
	}

	event.EventType = "order placed"
	_, err = store.Events().Save(ctx, event)
	var invalid *driver.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println("invalid:", invalid.Field)
	}
	_, err = store.Events().GetByID(ctx, uuid.New())
	fmt.Println("not found:", errors.Is(err, driver.ErrNotFound), "worth a retry:", driver.IsRetryable(err))
	// Output:
	// already there: false
	// already there: true
	// invalid: event_type
	// not found: true worth a retry: false
}

// The outbox: an event commits with the app's own rows.
func ExampleWithTx() {
	app, err := sql.Open("sqlite", "file::memory:?_txlock=immediate&_pragma=foreign_keys(ON)")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer app.Close()
	app.SetMaxOpenConns(1) // each connection to :memory: is a database of its own; a file has no need of this

	ctx := context.Background()
	db, err := sqlite.New(app)
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := db.Store(ctx, "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := app.ExecContext(ctx, "CREATE TABLE orders (id TEXT PRIMARY KEY, total TEXT)"); err != nil {
		fmt.Println(err)
		return
	}

	place := func(id uuid.UUID) error {
		tx, err := app.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?, '12.50')", id); err != nil {
			return err
		}
		joined, err := sqlite.WithTx(store, tx)
		if err != nil {
			return err
		}
		if _, err := joined.Events().Save(ctx, driver.Event{
			EventType: "order.placed", AggregateType: "Order", AggregateID: id, EventData: json.RawMessage(`{"total": "12.50"}`),
		}); err != nil {
			return err
		}
		return tx.Commit()
	}
	order := uuid.New()
	fmt.Println("placed:", place(order) == nil)
	fmt.Println("placed again:", place(order) == nil) // the row is refused, so there is no event
	waiting, err := store.Events().CountUnprocessed(ctx)
	fmt.Println("events:", waiting, err)
	// Output:
	// placed: true
	// placed again: false
	// events: 1 <nil>
}

// placed returns n events, each of an order of its own.
func placed(n int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = driver.Event{
			EventType:     "order.placed",
			AggregateType: "Order",
			AggregateID:   uuid.New(),
			EventData:     json.RawMessage(fmt.Sprintf(`{"number": %d}`, i+1)),
		}
	}
	return events
}
