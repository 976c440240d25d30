package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// What happened to one user, who caused it, and in which organization.
func Example_history() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	user := driver.Aggregate{Type: "User", ID: uuid.New()}
	admin, organization, signup := uuid.New(), uuid.New(), uuid.New()
	for _, event := range []driver.Event{
		{EventType: "user.created", EventName: "User Created", EventData: json.RawMessage(`{"email": "ada@example.com"}`)},
		{EventType: "user.verified", EventName: "User Verified", EventData: json.RawMessage(`{}`)},
	} {
		event.AggregateType, event.AggregateID = user.Type, user.ID // the version is the next one
		event.TriggeredByUserID, event.ContextID, event.CorrelationID = &admin, &organization, &signup
		if _, err := store.Events().Save(ctx, event); err != nil {
			fmt.Println(err)
			return
		}
	}

	for event, err := range store.Events().AllByAggregate(ctx, user, 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("version %d: %s %s\n", event.AggregateVersion, event.EventName, event.EventData)
	}
	newest, err := store.Events().GetByContext(ctx, &organization, 1)
	fmt.Println("last in the organization:", newest[0].EventType, err)
	related, err := store.Events().GetByCorrelationID(ctx, signup, 0)
	fmt.Println("of this signup:", len(related), err)
	// Output:
	// version 1: User Created {"email": "ada@example.com"}
	// version 2: User Verified {}
	// last in the organization: user.verified <nil>
	// of this signup: 2 <nil>
}

// An event that is there already is read instead: saving it twice is the same as once.
func Example_saveOrRead() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	save := func(event driver.Event) (driver.Event, error) {
		saved, err := store.Events().Save(ctx, event)
		switch {
		case errors.Is(err, driver.ErrAlreadyExists):
			return store.Events().GetByID(ctx, event.ID)
		case err != nil:
			return driver.Event{}, fmt.Errorf("publish: %w", err)
		}
		return saved, nil
	}

	event := placed(1)[0]
	event.ID = uuid.New()
	first, err := save(event)
	fmt.Println("position", first.Position, err)
	again, err := save(event)
	fmt.Println("position", again.Position, err)
	event.ID, event.EventData = uuid.New(), nil
	_, err = save(event)
	fmt.Println(errors.Is(err, driver.ErrInvalid))
	// Output:
	// position 1 <nil>
	// position 1 <nil>
	// true
}

// Marking a thousand events is one statement. How much faster that is than a thousand calls is
// logged; it depends on the machine.
func Example_bulkAgainstSingle() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	start := time.Now()
	var ids []uuid.UUID
	for _, event := range placed(1000) {
		saved, err := store.Events().Save(ctx, event)
		if err != nil {
			fmt.Println(err)
			return
		}
		ids = append(ids, saved.ID)
	}
	saving := time.Since(start)

	start = time.Now()
	marked, err := store.Events().MarkMultipleAsProcessedBulk(ctx, ids, 0)
	marking := time.Since(start)
	log.Printf("1000 saves took %.1f times as long as marking 1000 events at once", float64(saving)/float64(marking))
	fmt.Println(marked, "marked", err)
	// Output:
	// 1000 marked <nil>
}
