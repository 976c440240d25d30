package driver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func ExampleValidateSchema() {
	for _, name := range []string{"tenant_acme", "Acme GmbH", "pg_acme", "acme__eu"} {
		fmt.Println(name, errors.Is(driver.ValidateSchema(name), driver.ErrInvalid))
	}
	// Output:
	// tenant_acme false
	// Acme GmbH true
	// pg_acme true
	// acme__eu true
}

// Check an event before it is saved: the error names the first field that breaks a rule.
func ExampleEvent_Validate() {
	event := driver.Event{
		EventType:     "order.placed",
		AggregateType: "Order",
		AggregateID:   uuid.New(),
		EventData:     json.RawMessage(`["not an object"]`),
	}
	fmt.Println(event.Validate())
	event.EventData = json.RawMessage(`{"total": "12.50"}`)
	fmt.Println(event.Validate())
	// Output:
	// event_data must be a JSON object
	// <nil>
}

// Try again while that may help. What is written has an id, so that a commit whose fate is unknown is no danger either:
// saved once more, the event is there already.
func ExampleIsRetryable() {
	save := func(ctx context.Context, store driver.Store, event driver.Event) error {
		event.ID = uuid.New()
		for {
			_, err := store.Events().Save(ctx, event)
			var unavailable *driver.UnavailableError
			switch {
			case driver.IsRetryable(err), errors.As(err, &unavailable) && unavailable.CommitUnknown:
				continue // an app waits a little, longer each time
			case errors.Is(err, driver.ErrAlreadyExists):
				return nil // an earlier try has done it
			}
			return err
		}
	}
	_ = save

	deadlock := &driver.UnavailableError{Err: errors.New("deadlock detected")}
	lost := &driver.UnavailableError{Err: errors.New("connection reset"), CommitUnknown: true}
	fmt.Println(driver.IsRetryable(deadlock), driver.IsRetryable(lost), driver.IsRetryable(driver.ErrNotFound))
	// Output:
	// true false false
}
