package driver_test

import (
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

// Try again while that may help. The event has an id of its own, so that it is safe to save it again even when nobody
// can say whether the commit before took effect: if it did, the event is there already.
func ExampleIsRetryable() {
	answers := []error{
		&driver.UnavailableError{Err: errors.New("deadlock detected")},
		&driver.UnavailableError{Err: errors.New("connection reset"), CommitUnknown: true},
		driver.ErrAlreadyExists,
	}
	save := func() error { // stands for store.Events().Save
		answer := answers[0]
		answers = answers[1:]
		return answer
	}

	for {
		err := save()
		var unavailable *driver.UnavailableError
		switch {
		case driver.IsRetryable(err):
			fmt.Println("again:", err)
			continue // an app waits a little, longer each time
		case errors.As(err, &unavailable) && unavailable.CommitUnknown:
			fmt.Println("again, with the same id:", err)
			continue
		case errors.Is(err, driver.ErrAlreadyExists):
			fmt.Println("an earlier try has saved it")
		}
		break
	}
	// Output:
	// again: deadlock detected
	// again, with the same id: whether it was committed is unknown: connection reset
	// an earlier try has saved it
}
