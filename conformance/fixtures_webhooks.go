package conformance

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// must calls a method that takes one argument, and ends the test if it fails.
func must[A, R any](t *test, method func(context.Context, A) (R, error), arg A) R {
	t.Helper()
	result, err := method(t.ctx, arg)
	t.ok(err)
	return result
}

// must2 is must for a method of two arguments.
func must2[A, B, R any](t *test, method func(context.Context, A, B) (R, error), a A, b B) R {
	t.Helper()
	result, err := method(t.ctx, a, b)
	t.ok(err)
	return result
}

// newEndpoint returns an endpoint with the defaults, whose secrets an error must not tell.
func newEndpoint() driver.Endpoint {
	endpoint := driver.NewEndpoint("Orders", "https://example.com/hooks")
	endpoint.SecretToken = driver.NewSecret("secret-" + canary)
	endpoint.CustomHeaders = map[string]driver.Secret{"Authorization": driver.NewSecret("Bearer " + canary)}
	return endpoint
}

// fullEndpoint returns an endpoint with all that can be given, nothing of it the default.
func fullEndpoint() driver.Endpoint {
	return driver.Endpoint{
		ID:                     newID(),
		Name:                   "Bestellungen für müde Ämter",
		Description:            "A line,\nand another one.",
		EndpointURL:            "http://[2001:db8::1]:8443/hooks?tenant=a%20b&x=y",
		HTTPMethod:             "PATCH",
		SecretToken:            driver.NewSecret("a secret of the app's own, " + canary),
		SignatureHeader:        "X-Signature",
		CustomHeaders:          map[string]driver.Secret{"X-Api-Key": driver.NewSecret(canary + " \"<ä>&\u2028"), "X-Empty": {}},
		TimeoutSeconds:         299,
		FollowRedirects:        true,
		VerifySSL:              false,
		MaxRetryAttempts:       49,
		RetryBackoffSeconds:    3599,
		RetryBackoffMultiplier: 1.0625,
		RetryJitter:            true,
		DisableAfterFailures:   999_999,
		DisableAfterDays:       364,
		IsActive:               false,
		CreatedByUserID:        ptr(newID()),
		ContextID:              ptr(newID()),
	}
}

// newEventType returns an enabled event type of that name.
func newEventType(name string) driver.EventType {
	eventType := driver.NewEventType(name)
	eventType.PayloadSchema = json.RawMessage(`{"title": "` + canary + `"}`)
	return eventType
}

// fullEventType returns an event type with all that can be given.
func fullEventType(name string) driver.EventType {
	return driver.EventType{
		ID:                   newID(),
		EventType:            name,
		DisplayName:          "Bestellung aufgegeben",
		Description:          "A line,\nand another one.",
		IsEnabled:            false,
		RequiresVerification: true,
		PayloadSchema:        json.RawMessage(`{"b": 1.50, "a": "\u0000", "a": 1e2 , "` + canary + `":{}}`),
		ExamplePayload:       json.RawMessage(` [1.0, "` + canary + `", null ]`),
	}
}

// newSubscription returns an active subscription of an endpoint to the type that newEvent has.
func newSubscription(endpointID uuid.UUID) driver.Subscription {
	return driver.NewSubscription(endpointID, "order.placed")
}

// fullSubscription returns a subscription with all that can be given, whose filters newEvent
// passes.
func fullSubscription(endpointID, eventTypeID uuid.UUID) driver.Subscription {
	return driver.Subscription{
		ID:               newID(),
		EndpointID:       endpointID,
		EventTypeID:      &eventTypeID,
		EventType:        "order.*",
		EventFilters:     json.RawMessage(`{ "note": {"$in": ["` + canary + `", 1.0]} }`),
		IsActive:         false,
		ContextID:        ptr(newID()),
		SubscriptionName: "Bestellungen",
		Description:      "A line,\nand another one.",
	}
}

// saveEndpoint saves an endpoint as newEndpoint makes it, changed.
func (t *test) saveEndpoint(changes ...func(*driver.Endpoint)) driver.Endpoint {
	t.Helper()
	return must(t, t.store.Endpoints().Save, changed(newEndpoint(), changes...))
}

// changed returns an entity with changes.
func changed[E any](entity E, changes ...func(*E)) E {
	for _, change := range changes {
		change(&entity)
	}
	return entity
}
