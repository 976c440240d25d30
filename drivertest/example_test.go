package drivertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/drivertest"
)

// signup is the app's code that is to be tested.
type signup struct {
	store driver.Store
}

// publish tells that a user was created.
func (s *signup) publish(ctx context.Context, userID uuid.UUID, email string) (driver.Event, error) {
	data, err := json.Marshal(map[string]string{"email": email})
	if err != nil {
		return driver.Event{}, err
	}
	event, err := s.store.Events().Save(ctx, driver.Event{
		EventType: "user.created", AggregateType: "User", AggregateID: userID, EventData: data,
	})
	if err != nil {
		return driver.Event{}, fmt.Errorf("sign up: %w", err)
	}
	return event, nil
}

// The test of a service, without a database: the mock answers, and remembers what it was asked.
func ExampleNewStore() {
	store := drivertest.NewStore()
	store.EventsMock.SaveFunc = func(_ context.Context, event driver.Event) (driver.Event, error) {
		event.Position = 1
		return event, nil
	}

	service := &signup{store}
	event, err := service.publish(context.Background(), uuid.New(), "ada@example.com")
	fmt.Println("published at position", event.Position, err)
	for _, call := range store.EventsMock.SaveCalls() {
		fmt.Println("saved", call.Event.EventType, string(call.Event.EventData))
	}

	// A failure that is hard to bring about in a database.
	store.EventsMock.SaveFunc = func(context.Context, driver.Event) (driver.Event, error) {
		return driver.Event{}, &driver.UnavailableError{Err: errors.New("connection reset")}
	}
	_, err = service.publish(context.Background(), uuid.New(), "ada@example.com")
	fmt.Println(err, "- worth a retry:", driver.IsRetryable(err))
	// Output:
	// published at position 1 <nil>
	// saved user.created {"email":"ada@example.com"}
	// sign up: connection reset - worth a retry: true
}

// Inside InTx, and in the function that ProcessUnprocessed is given, the app works on the same
// mocks.
func ExampleStore() {
	store := drivertest.NewStore()
	store.EventsMock.ProcessUnprocessedFunc = func(
		_ context.Context, _ driver.ProcessOptions, fn func(driver.Store, []driver.Event) ([]uuid.UUID, error),
	) (int, error) {
		done, err := fn(store, []driver.Event{{ID: uuid.New(), EventType: "user.created"}})
		return len(done), err
	}
	store.EndpointsMock.UpdateLastUsedFunc = func(context.Context, uuid.UUID) (bool, error) { return true, nil }

	work := func(tx driver.Store, events []driver.Event) (done []uuid.UUID, err error) { // the app's
		for _, event := range events {
			if _, err := tx.Endpoints().UpdateLastUsed(context.Background(), uuid.New()); err != nil {
				return nil, err
			}
			done = append(done, event.ID)
		}
		return done, nil
	}
	done, err := store.Events().ProcessUnprocessed(context.Background(), driver.ProcessOptions{}, work)
	fmt.Println(done, "done,", len(store.EndpointsMock.UpdateLastUsedCalls()), "endpoint used,", err)
	// Output:
	// 1 done, 1 endpoint used, <nil>
}
