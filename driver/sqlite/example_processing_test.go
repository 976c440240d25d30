package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// A worker whose work may fail for one event and not for others. It reads only the columns that it
// needs; what it leaves out of its answer waits for the next round.
func Example_dispatch() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	if _, err := store.Events().SaveBatch(ctx, placed(3)); err != nil {
		fmt.Println(err)
		return
	}

	busy := true
	dispatch := func(event driver.Event) error {
		if string(event.EventData) == `{"number": 2}` && busy {
			return errors.New("the mail server is busy")
		}
		return nil
	}
	work := func(_ driver.Store, events []driver.Event) (done []uuid.UUID, err error) {
		for _, event := range events {
			if err := dispatch(event); err != nil {
				fmt.Println(string(event.EventData), err)
				continue
			}
			done = append(done, event.ID)
		}
		return done, nil
	}
	opts := driver.ProcessOptions{
		Limit:   100,
		Columns: []driver.EventColumn{driver.EventColumnType, driver.EventColumnData, driver.EventColumnOccurredAt},
	}
	done, err := store.Events().ProcessUnprocessed(ctx, opts, work)
	fmt.Println(done, "processed", err)
	busy = false
	done, err = store.Events().ProcessUnprocessed(ctx, opts, work)
	fmt.Println(done, "processed", err)
	// Output:
	// {"number": 2} the mail server is busy
	// 2 processed <nil>
	// 1 processed <nil>
}

// What ProcessUnprocessed does, step by step, for a worker that needs it otherwise: the events stay
// locked until the transaction ends, and marking them is part of it.
func Example_getUnprocessedForUpdate() {
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

	err = store.InTx(ctx, func(tx driver.Store) error {
		events, err := tx.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{
			Limit:      100,
			SkipLocked: true, // other workers' events
			Columns:    []driver.EventColumn{driver.EventColumnType, driver.EventColumnAggregateID, driver.EventColumnData},
		})
		if err != nil {
			return err
		}
		var ids []uuid.UUID
		for chunk := range slices.Chunk(events, 2) {
			fmt.Println("handling", len(chunk))
			for _, event := range chunk {
				ids = append(ids, event.ID)
			}
		}
		marked, err := tx.Events().MarkMultipleAsProcessedBulk(ctx, ids, driver.DefaultMarkBatch)
		fmt.Println("marked", marked)
		return err
	})
	waiting, _ := store.Events().CountUnprocessed(ctx)
	fmt.Println("waiting", waiting, err)

	_, err = store.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{}) // locks would end at once
	fmt.Println("needs a transaction:", errors.Is(err, driver.ErrTxRequired))
	// Output:
	// handling 2
	// handling 2
	// handling 1
	// marked 5
	// waiting 0 <nil>
	// needs a transaction: true
}

// An event and what else goes with it, in one transaction: both stay, or neither.
func Example_eventAndEndpoint() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	endpoint, err := store.Endpoints().Save(ctx, driver.NewEndpoint("Billing", "https://billing.example.com/hooks"))
	if err != nil {
		fmt.Println(err)
		return
	}

	tested := func(endpointID uuid.UUID) error {
		return store.InTx(ctx, func(tx driver.Store) error {
			_, err := tx.Events().Save(ctx, driver.Event{
				EventType: "webhook.tested", AggregateType: "Endpoint", AggregateID: endpointID, EventData: json.RawMessage(`{}`),
			})
			if err != nil {
				return err
			}
			used, err := tx.Endpoints().UpdateLastUsed(ctx, endpointID)
			if err == nil && !used {
				err = errors.New("there is no such endpoint")
			}
			return err
		})
	}
	fmt.Println(tested(endpoint.ID))
	fmt.Println(tested(uuid.New()))
	events, err := store.Events().CountUnprocessed(ctx)
	endpoint, _ = store.Endpoints().GetByID(ctx, endpoint.ID)
	fmt.Println("events:", events, err, "used:", endpoint.LastUsedAt != nil)
	// Output:
	// <nil>
	// there is no such endpoint
	// events: 1 <nil> used: true
}
