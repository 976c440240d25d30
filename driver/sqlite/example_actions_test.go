package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Configure what is to be done when a user signs up, and find it again for an event.
func Example_actions() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	welcome := driver.NewAction("User Welcome Email", driver.HandlerEmail,
		json.RawMessage(`{"template": "welcome_email", "from_email": "noreply@example.com"}`), "user.created")
	call := driver.NewAction("Call the customer", driver.HandlerSlack, json.RawMessage(`{"channel": "#sales"}`), "user.*")
	call.Priority = driver.PriorityHigh
	call.Conditions = []driver.Condition{{Field: "data.plan", Operator: driver.OpEquals, Value: json.RawMessage(`"enterprise"`)}}
	germany := driver.NewAction("Tax form", driver.HandlerFunction, json.RawMessage(`{"function": "tax_form"}`), "user.created")
	germany.ContextFilters = json.RawMessage(`{"country": ["DE", "AT"]}`)
	for _, action := range []driver.Action{welcome, call, germany} {
		if _, err := store.Actions().Save(ctx, action); err != nil {
			fmt.Println(err)
			return
		}
	}

	event := driver.Event{EventType: "user.created", EventData: json.RawMessage(`{"plan": "enterprise"}`)}
	found, err := store.Actions().GetActionsForEvent(ctx, event.EventType, driver.ActionOptions{Context: json.RawMessage(`{"country": "FR"}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range found { // the conditions are for Matches
		matches, err := action.Matches(&event)
		fmt.Println(action.Priority, action.Name, matches, err)
	}
	// Output:
	// high Call the customer true <nil>
	// normal User Welcome Email true <nil>
}

// Run actions: an execution for each that is for an event, and a worker that claims them. Completing
// one also counts it for its action.
func Example_executions() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	action, err := store.Actions().Save(ctx, driver.NewAction("User Welcome Email", driver.HandlerEmail,
		json.RawMessage(`{"template": "welcome_email"}`), "user.created"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, email := range []string{`{"email": "ada@example.com"}`, `{"email": "nobody"}`} {
		event, err := store.Events().Save(ctx, driver.Event{
			EventType: "user.created", AggregateType: "User", AggregateID: uuid.New(), EventData: json.RawMessage(email),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := store.Executions().Save(ctx, driver.NewExecution(action.ID, event)); err != nil {
			fmt.Println(err)
			return
		}
	}

	claimed, err := store.Executions().ClaimPending(ctx, 10, time.Minute) // nobody else gets them meanwhile
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, execution := range claimed {
		outcome := driver.ExecutionOutcome{Status: driver.ExecutionSuccess, LeaseToken: execution.LeaseToken}
		if string(execution.EventData) == `{"email": "nobody"}` {
			outcome.Status, outcome.ErrorMessage = driver.ExecutionFailed, "no such address"
		}
		ended, err := store.Executions().Complete(ctx, execution.ID, outcome)
		fmt.Println(ended.Status, ended.ErrorMessage, err)
	}

	action, err = store.Actions().GetByID(ctx, action.ID)
	fmt.Println(action.TriggerCount, action.SuccessCount, action.FailureCount, err)
	stats, err := store.Executions().GetStats(ctx, action.ID, 7)
	fmt.Println(stats.Total, stats.SuccessRate, err)
	// Output:
	// success  <nil>
	// failed no such address <nil>
	// 2 1 1 <nil>
	// 2 0.5 <nil>
}

// Counters of an action whose runs are not stored as executions.
func Example_actionStatistics() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	action, err := store.Actions().Save(ctx, driver.NewAction("Ping", driver.HandlerWebhook, json.RawMessage(`{"url": "https://example.com"}`), "*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	counted, err := store.Actions().UpdateStatistics(ctx, action.ID, driver.ActionStatistics{Triggered: 3, Succeeded: 2, Failed: 1})
	fmt.Println(counted, err)
	counted, err = store.Actions().UpdateStatistics(ctx, uuid.New(), driver.ActionStatistics{Triggered: 1})
	fmt.Println(counted, err)
	action, err = store.Actions().GetByID(ctx, action.ID)
	fmt.Println(action.TriggerCount, action.SuccessCount, action.FailureCount, action.LastTriggeredAt != nil, err)
	// Output:
	// true <nil>
	// false <nil>
	// 3 2 1 true <nil>
}
