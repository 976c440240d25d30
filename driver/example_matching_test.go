package driver_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Which events a subscription's filters let through.
func ExampleSubscription_Matches() {
	event := driver.Event{
		EventType: "order.placed",
		EventData: json.RawMessage(`{"total": 250.00, "status": "paid", "customer": {"country": "DE", "tags": ["new", "vip"]}}`),
	}
	for _, filters := range []string{
		`{}`,
		`{"total": 250}`,
		`{"total": "250"}`,
		`{"total": {"$gt": 100, "$lte": 250}}`,
		`{"status": ["paid", "shipped"], "customer.country": {"$ne": "FR"}}`,
		`{"customer.tags": {"$contains": "vip"}, "coupon": {"$exists": false}}`,
		`{"total": {"$above": 100}}`,
	} {
		subscription := driver.NewSubscription(uuid.New(), "order.*")
		subscription.EventFilters = json.RawMessage(filters)
		matches, err := subscription.Matches(&event)
		fmt.Println(matches, filters)
		if err != nil {
			fmt.Println("  Save refuses this one")
		}
	}
	// Output:
	// true {}
	// true {"total": 250}
	// false {"total": "250"}
	// true {"total": {"$gt": 100, "$lte": 250}}
	// true {"status": ["paid", "shipped"], "customer.country": {"$ne": "FR"}}
	// true {"customer.tags": {"$contains": "vip"}, "coupon": {"$exists": false}}
	// false {"total": {"$above": 100}}
	//   Save refuses this one
}

// Whether the conditions of an action hold for an event.
func ExampleAction_Matches() {
	event := driver.Event{
		EventType: "user.created", AggregateType: "User",
		EventData: json.RawMessage(`{"plan": "enterprise", "seats": 12}`), EventMetadata: json.RawMessage(`{"source": "signup form"}`),
	}
	for _, condition := range []driver.Condition{
		{Field: "data.plan", Operator: driver.OpIn, Value: json.RawMessage(`["business", "enterprise"]`)},
		{Field: "data.seats", Operator: driver.OpGreaterOrEqual, Value: json.RawMessage(`10`)},
		{Field: "data.seats", Operator: driver.OpGreaterOrEqual, Value: json.RawMessage(`"10"`)},
		{Field: "metadata.source", Operator: driver.OpStartsWith, Value: json.RawMessage(`"signup"`)},
		{Field: "triggered_by_user_id", Operator: driver.OpNotExists},
	} {
		action := driver.NewAction("Call the customer", driver.HandlerSlack, nil, "user.*")
		action.Conditions = []driver.Condition{condition}
		matches, err := action.Matches(&event)
		fmt.Println(matches, condition.Field, condition.Operator, string(condition.Value), err)
	}
	// Output:
	// true data.plan in ["business", "enterprise"] <nil>
	// true data.seats gte 10 <nil>
	// false data.seats gte "10" <nil>
	// true metadata.source starts_with "signup" <nil>
	// true triggered_by_user_id not_exists  <nil>
}

// How long the pauses are of an endpoint that doesn't answer.
func ExampleEndpoint_RetryDelay() {
	endpoint := driver.NewEndpoint("Billing", "https://billing.example.com/hooks")
	endpoint.RetryBackoffSeconds, endpoint.RetryBackoffMultiplier = 10, 3
	var all time.Duration
	for attempt := 1; attempt <= 7; attempt++ {
		pause := endpoint.RetryDelay(attempt)
		all += pause
		fmt.Print(pause, " ")
	}
	fmt.Println("together", all)
	// Output:
	// 10s 30s 1m30s 4m30s 13m30s 40m30s 1h0m0s together 2h0m40s
}
