package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Save an endpoint from what a user entered, list those of an organization, change one.
func Example_endpoints() {
	keys, err := driver.NewKeyRing(driver.NewKey("2026", []byte("32 bytes from the app's secrets."))) // encrypts at rest
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := driver.Open("sqlite::memory:", "tenant_acme", driver.WithKeyRing(keys))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	user, organization := uuid.New(), uuid.New()
	endpoint := driver.NewEndpoint("Billing", "https://billing.example.com/hooks")
	endpoint.CreatedByUserID, endpoint.ContextID = &user, &organization
	endpoint.CustomHeaders = map[string]driver.Secret{"Authorization": driver.NewSecret("Bearer 7")}
	saved, err := store.Endpoints().Save(ctx, endpoint)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(saved.HTTPMethod, saved.EndpointURL, saved.SecretToken, saved.CustomHeaders)
	fmt.Println("made a secret:", saved.SecretToken.Reveal()[:6])

	active, err := store.Endpoints().GetByContext(ctx, &organization, driver.ListOptions{})
	fmt.Println("active:", len(active), err)
	saved.IsActive = false
	if _, err := store.Endpoints().Update(ctx, saved); err != nil {
		fmt.Println(err)
		return
	}
	active, err = store.Endpoints().GetByContext(ctx, &organization, driver.ListOptions{})
	fmt.Println("active:", len(active), err)

	saved.Name = "Accounting" // of the revision before: somebody else's change would be lost
	_, err = store.Endpoints().Update(ctx, saved)
	fmt.Println("changed meanwhile:", errors.Is(err, driver.ErrConflict))
	_, err = store.Endpoints().Save(ctx, driver.NewEndpoint("Intranet", "ftp://intranet/hooks"))
	var invalid *driver.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid)
	}
	// Output:
	// POST https://billing.example.com/hooks [redacted] map[Authorization:[redacted]]
	// made a secret: whsec_
	// active: 1 <nil>
	// active: 0 <nil>
	// changed meanwhile: true
	// endpoint_url must be absolute, such as https://example.com/path
}

// Change the secret of an endpoint. Until its owner has changed over, both sign.
func Example_rotateSecret() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	before, err := store.Endpoints().Save(ctx, driver.NewEndpoint("Billing", "https://billing.example.com/hooks"))
	if err != nil {
		fmt.Println(err)
		return
	}
	after, err := store.Endpoints().RotateSecret(ctx, before.ID, driver.RotateOptions{Grace: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("another one:", after.SecretToken != before.SecretToken)
	fmt.Println("sign now:", len(after.SigningSecrets(time.Now())))
	fmt.Println("sign tomorrow:", len(after.SigningSecrets(time.Now().Add(24*time.Hour))))
	// Output:
	// another one: true
	// sign now: 2
	// sign tomorrow: 1
}

// Describe the types of events that subscribers can ask for.
func Example_eventTypes() {
	store, err := driver.Open("sqlite::memory:", "tenant_acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	for _, name := range []string{"order.placed", "order.shipped", "user.created"} {
		eventType := driver.NewEventType(name)
		eventType.ExamplePayload = json.RawMessage(`{"number": 1}`)
		eventType.RequiresVerification = name == "user.created" // only verified endpoints get them
		if _, err := store.EventTypes().Save(ctx, eventType); err != nil {
			fmt.Println(err)
			return
		}
	}
	orders, err := store.EventTypes().GetByCategory(ctx, "order", driver.ListOptions{})
	for _, eventType := range orders {
		fmt.Println(eventType.EventType, string(eventType.ExamplePayload))
	}
	fmt.Println(err)
	_, err = store.EventTypes().Save(ctx, driver.NewEventType("order.placed"))
	fmt.Println("described already:", errors.Is(err, driver.ErrAlreadyExists))
	// Output:
	// order.placed {"number": 1}
	// order.shipped {"number": 1}
	// <nil>
	// described already: true
}

// Who gets an event? GetMatching finds the subscriptions that it can be for, Matches looks at the
// filters. Only the columns that this needs are read; without the filters it would be the index
// alone.
func Example_subscriptions() {
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
	organization, other := uuid.New(), uuid.New()
	for _, wanted := range []struct {
		name, eventType, filters string
		contextID                *uuid.UUID
	}{
		{"everything", "*", `{}`, nil},
		{"orders of the organization", "order.*", `{}`, &organization},
		{"orders of another one", "order.*", `{}`, &other},
		{"big ones from Europe", "order.placed", `{"total": {"$gte": 100}, "customer.country": ["DE", "FR"]}`, nil},
	} {
		subscription := driver.NewSubscription(endpoint.ID, wanted.eventType)
		subscription.SubscriptionName, subscription.ContextID = wanted.name, wanted.contextID
		subscription.EventFilters = json.RawMessage(wanted.filters)
		if _, err := store.Subscriptions().Save(ctx, subscription); err != nil {
			fmt.Println(err)
			return
		}
	}

	for _, data := range []string{
		`{"total": 250.00, "customer": {"country": "DE"}}`,
		`{"total": 20.50, "customer": {"country": "DE"}}`,
	} {
		event := driver.Event{EventType: "order.placed", ContextID: &organization, EventData: json.RawMessage(data)}
		matching, err := store.Subscriptions().GetMatching(ctx, event.EventType, event.ContextID, driver.MatchOptions{
			Columns: []driver.SubscriptionColumn{
				driver.SubscriptionColumnEndpointID, driver.SubscriptionColumnEventType, driver.SubscriptionColumnContextID,
				driver.SubscriptionColumnEventFilters, driver.SubscriptionColumnName,
			},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(data)
		for _, subscription := range matching {
			matches, err := subscription.Matches(&event)
			fmt.Println(" ", subscription.SubscriptionName, matches, err)
		}
	}
	// Output:
	// {"total": 250.00, "customer": {"country": "DE"}}
	//   everything true <nil>
	//   orders of the organization true <nil>
	//   big ones from Europe true <nil>
	// {"total": 20.50, "customer": {"country": "DE"}}
	//   everything true <nil>
	//   orders of the organization true <nil>
	//   big ones from Europe false <nil>
}

// From an event to its deliveries and their attempts. The program examples/orders sends them, too.
func Example_deliveries() {
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
	if _, err := store.Subscriptions().Save(ctx, driver.NewSubscription(endpoint.ID, "order.*")); err != nil {
		fmt.Println(err)
		return
	}
	event, err := store.Events().Save(ctx, placed(1)[0])
	if err != nil {
		fmt.Println(err)
		return
	}

	subscriptions, err := store.Subscriptions().GetMatching(ctx, event.EventType, event.ContextID, driver.MatchOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	made, err := store.Deliveries().SaveForEvent(ctx, event, subscriptions) // a second time makes no more
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("made:", len(made), made[0].Status)

	claimed, err := store.Deliveries().ClaimDue(ctx, 10, time.Minute) // nobody else gets them meanwhile
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, delivery := range claimed {
		code := 503 // the endpoint's answer
		delivery, err := store.Deliveries().RecordAttempt(ctx, delivery.ID, driver.Attempt{
			Status: driver.AttemptFailed, ResponseStatusCode: &code, LeaseToken: delivery.LeaseToken,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("attempt", delivery.AttemptCount, delivery.Status, "again in", delivery.NextRetryAt.Sub(delivery.Attempts[0].CompletedAt))
	}
	due, err := store.Deliveries().GetPendingRetries(ctx, 10)
	fmt.Println("due now:", len(due), err)

	took := int64(12) // a worker that did not claim it
	ended, err := store.Deliveries().RecordAttempt(ctx, made[0].ID, driver.Attempt{Status: driver.AttemptSuccess, ResponseTimeMS: &took})
	fmt.Println("attempt", ended.AttemptCount, ended.Status, err)
	stats, err := store.Deliveries().GetStats(ctx, endpoint.ID, 7)
	fmt.Println(stats.Success, "of", stats.Total, "with", stats.Attempts, "attempts", err)
	// Output:
	// made: 1 pending
	// attempt 1 retrying again in 5s
	// due now: 0 <nil>
	// attempt 2 success <nil>
	// 1 of 1 with 2 attempts <nil>
}
