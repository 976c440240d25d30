// Command quickstart is the complete program of README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
)

func main() {
	ctx := context.Background()

	// Creates dev.db and the tables of the tenant. In production the DSN is
	// postgres://user:password@host/database, and the import driver/postgres.
	store, err := driver.Open("sqlite:dev.db", "tenant_acme")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	_, err = store.Events().Save(ctx, driver.Event{
		EventType:     "order.placed",
		AggregateType: "Order",
		AggregateID:   uuid.New(),
		EventData:     json.RawMessage(`{"total": "12.50"}`),
	})
	if err != nil {
		log.Fatal(err)
	}

	// One round of work: the events are locked while they are handled and marked in the same
	// transaction. Another worker, or another process, gets others.
	done, err := store.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{Limit: 100},
		func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
			var ids []uuid.UUID
			for _, event := range events {
				fmt.Println(event.EventType, string(event.EventData))
				ids = append(ids, event.ID)
			}
			return ids, nil
		})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done, "processed")
}
