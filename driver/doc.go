// Package driver is the contract of neoevents, the storage layer of a multi-tenant event system: an
// event store and a transactional outbox in one.
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
// # Rules that hold everywhere
//
// Everything here is safe for concurrent use, except that one transaction is used by one goroutine
// at a time. Two schemas never see each other's rows.
//
// Times are UTC in whole microseconds, and "now" is the database's clock. JSON comes back byte for
// byte as it was given. Text is valid UTF-8 without NUL, and its limits are in bytes. A list
// without rows is empty, not an error; its limit 0 means [DefaultLimit], and its order is total.
//
// Errors are typed: errors.Is tells the kind ([ErrNotFound], [ErrInvalid], …), errors.As brings the
// details ([Error], [InvalidError], [VersionConflictError], [UnavailableError]) and the database's
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
