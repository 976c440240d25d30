package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/worker"
)

// Send a mail for each order. In a program the context comes from signal.NotifyContext, and the
// worker drains when it is told to stop; here the last event ends it.
func ExampleProcess() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := placeOrders(ctx, store, "ada@example.com", "not an address", "grace@example.com"); err != nil {
		fmt.Println(err)
		return
	}

	send := func(_ context.Context, claim driver.Claim) error {
		var order struct{ Mail string }
		if err := json.Unmarshal(claim.Event.EventData, &order); err != nil {
			return worker.DeadLetter(err)
		}
		switch {
		case order.Mail == "not an address":
			return worker.DeadLetter(errors.New("the mail address is none")) // no retry can help
		case order.Mail == "ada@example.com" && claim.Attempt == 1:
			return worker.RetryAfter(errors.New("the mail server is busy"), 100*time.Millisecond)
		case order.Mail == "ada@example.com":
			defer stop()
		}
		fmt.Println("sent to", order.Mail, "- attempt", claim.Attempt)
		return nil
	}
	err = worker.Process(ctx, store, send, worker.Options{
		Concurrency: 1, // in the order of the events, for the example's sake
		Logger:      slog.New(slog.DiscardHandler),
	})
	dead, countErr := store.DeadLetters().Count(context.Background(), driver.DeadLetterFilter{})
	fmt.Println("stopped:", err, "- dead letters:", dead, countErr)
	// Output:
	// sent to grace@example.com - attempt 1
	// sent to ada@example.com - attempt 2
	// stopped: <nil> - dead letters: 1 <nil>
}

// Write to the same database exactly once for each event: what the handler does through tx and the
// acknowledgement commit together.
func ExampleInTx() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := placeOrders(ctx, store, "ada@example.com"); err != nil {
		fmt.Println(err)
		return
	}

	invoice := worker.InTx(store, func(ctx context.Context, tx driver.Store, claim driver.Claim) error {
		if claim.Event.EventType != "order.placed" {
			stop()
			return nil
		}
		_, err := tx.Events().Save(ctx, driver.Event{
			EventType: "invoice.written", AggregateType: "Invoice", AggregateID: uuid.New(),
			EventData: claim.Event.EventData, CausationID: &claim.Event.ID,
		})
		return err
	})
	fmt.Println(worker.Process(ctx, store, invoice, worker.Options{}))
	counts, err := store.Events().CountByType(context.Background(), time.Time{})
	fmt.Println(counts, err)
	// Output:
	// <nil>
	// map[invoice.written:1 order.placed:1] <nil>
}

// A handler with a transaction of its own, as one that began elsewhere, acknowledges in it and tells
// so.
func Example_done() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := placeOrders(ctx, store, "ada@example.com"); err != nil {
		fmt.Println(err)
		return
	}

	err = worker.Process(ctx, store, func(ctx context.Context, claim driver.Claim) error {
		defer stop()
		err := store.InTx(ctx, func(tx driver.Store) error {
			// The app's own writes go here.
			return tx.Events().Ack(ctx, []driver.Claim{claim})
		})
		if err != nil {
			return err
		}
		return worker.Done
	}, worker.Options{})
	left, countErr := store.Events().CountUnprocessed(context.Background())
	fmt.Println("stopped:", err, "- left:", left, countErr)
	// Output: stopped: <nil> - left: 0 <nil>
}

// placeOrders saves an event for each mail address.
func placeOrders(ctx context.Context, store driver.Store, mails ...string) error {
	var events []driver.Event
	for _, mail := range mails {
		data, err := json.Marshal(map[string]string{"mail": mail})
		if err != nil {
			return err
		}
		events = append(events, driver.Event{EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: data})
	}
	_, err := store.Events().SaveBatch(ctx, events)
	return err
}
