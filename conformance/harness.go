package conformance

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Harness brings a backend to the suite: how to reach it, and what it can do.
//
// Open is all that is required. What a backend can't do is said here, and each
// behaviour that needs it is reported as skipped, with the reason.
type Harness struct {
	// Open connects to a fresh, empty database that no other call gets. It sees to it that the DB
	// is closed, and the database removed, when t ends, and fails t if it can't connect.
	Open func(t *testing.T, opts ...driver.Option) driver.DB

	// Reopen connects once more, with a pool of its own, to the database of a DB that Open
	// returned, as another process would; db may be closed by then. Nil: the
	// database lives and dies with its DB, as a :memory: one does.
	Reopen func(t *testing.T, db driver.DB, opts ...driver.Option) driver.DB

	// AppTx begins a transaction of the app's own on the database of db, for each kind
	// that the backend can join, by name ("pgx", "database/sql"). Nil: it can join none.
	AppTx map[string]func(t *testing.T, db driver.DB) AppTx

	// Concurrent tells that two transactions that write can be open at the same time.
	// False where the second waits until the first has ended, as on SQLite.
	Concurrent bool

	// ReadsBeside tells that a Store answers reads while a transaction of another goroutine is
	// open. False where there is one connection only, as for SQLite's :memory:.
	ReadsBeside bool

	// SetTime sets a moment that is the database's clock's to set, as nothing in the contract does, so
	// that days pass in no time: a field, as JSON names it, of the "archive rule" or the "archive" with
	// that id. at is in whole microseconds. Nil: what takes longer than a test can wait is skipped.
	SetTime func(t *testing.T, db driver.DB, schema, entity, field string, id uuid.UUID, at time.Time)

	// Empty removes all rows of a schema whose Stores nobody uses any more, so that the next behaviour may have it: on most
	// databases much faster than a new one. Nil: each behaviour has a new schema.
	Empty func(t *testing.T, db driver.DB, schema string)

	// Partitions is how many positions each partition of the events has in the databases of Open
	// (driver.Config.EventPartitions). It should be small, 100 or so: tests fill some. 0: there are none.
	Partitions int64

	// Only names areas ("Events/Save") or single behaviours
	// ("Events/Save/KeepsTheGivenID"), for a backend that does a part of the contract. Nil: all.
	Only []string

	// Skip names areas or single behaviours that the backend can't do, each with the
	// reason, which the report shows.
	Skip map[string]string

	used *usedSchemas
}

// AppTx is a transaction that an app began by itself, with the means of its own database library.
type AppTx interface {
	// Join returns the Store inside this transaction: WithTx of the backend.
	Join(store driver.Store) (driver.Store, error)

	// Exec runs a statement of the app.
	Exec(statement string) error

	// Count runs a query of the app that returns one number.
	Count(query string) (int64, error)

	// Commit commits.
	Commit() error

	// Rollback rolls back. After Commit it does nothing.
	Rollback() error
}
