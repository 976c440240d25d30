// Package driver is the contract of neoevents, the storage layer of a multi-tenant event system:
// domain events (an event store and a transactional outbox in one), webhooks, and the actions that
// events lead to.
//
// An app names a database and a schema, and gets a [Store]: the repositories of one tenant, the
// same on every backend.
//
//	import (
//		"github.com/neomultitenant/neoevents/driver"
//		_ "github.com/neomultitenant/neoevents/driver/sqlite" // registers sqlite: and file:
//	)
//
//	store, err := driver.Open("sqlite:dev.db", "tenant_acme")
//	saved, err := store.Events().Save(ctx, driver.Event{
//		EventType: "order.placed", AggregateType: "Order", AggregateID: orderID,
//		EventData: json.RawMessage(`{"total":"12.50"}`),
//	})
//
// One pool serves many tenants: see [Connect]. Business rows and events commit together: see
// [Store.InTx], and WithTx in the backend's package for a transaction that the app began itself.
//
// # The repositories
//
//   - [EventRepository]: domain events, and the queue of those that wait to be processed. Workers lock
//     them in a transaction, or claim them for the time of a lease ([EventClaims]).
//   - [DeadLetterRepository]: the events that nobody could handle.
//   - [ConsumerRepository]: named readers of all events in order, independent of the queue.
//   - [EndpointRepository], [EventTypeRepository], [SubscriptionRepository]: who gets which events as
//     webhooks.
//   - [DeliveryRepository]: an event on its way to an endpoint, its attempts, when to try again.
//   - [ActionRepository], [ExecutionRepository]: what else is to be done, and how that went.
//
// # Rules that hold everywhere
//
// Everything here is safe for concurrent use, except that one transaction is used by one goroutine
// at a time. Two schemas never see each other's rows.
//
// Times are UTC in whole microseconds, and "now" is the database's clock. JSON comes back byte for
// byte as it was given. Text is valid UTF-8 without NUL, and its limits are in bytes. A list
// without rows is empty, not an error; its limit 0 means [DefaultLimit], and its order is total.
//
// Save stores something new: an id or another key that is taken is [ErrAlreadyExists], and nothing
// changes. Update replaces what Save takes, as a whole: what is left empty is cleared. It works on
// the latest Revision only, else somebody's change would be lost ([ErrConflict]). What has a method
// of its own (counters, touches, secrets) is not Update's. What refers to something that is not
// there is [ErrMissingReference].
//
// Errors are typed: errors.Is tells the kind ([ErrNotFound], [ErrInvalid], …), errors.As brings the
// details ([Error], [InvalidError], [VersionConflictError], [ReferenceError], [UnavailableError],
// [MissingKeyError], [LeaseLostError]) and the database's
// own error. A refusal of bad input happens before anything is sent. No error holds a password or a
// payload.
//
// # Writing a backend
//
// A backend implements [Driver], [DB], [Store] and the repositories, calls [Register] in its init
// function, and proves itself with package conformance. For an SQL database package query already
// has the repositories.
//
// The interfaces grow with minor versions of this library. A type that wraps a Store or a
// repository embeds it, and has a method Unwrap for [Unwrap].
package driver
