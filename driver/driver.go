package driver

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Driver connects to one kind of database. Backends implement it and hand it to [Register].
type Driver interface {
	// Connect opens a pool on the database that dsn names. It returns an error that matches
	// ErrInvalid for a dsn that it can't read and ErrUnavailable for a database that doesn't
	// answer, and never repeats a password from the dsn.
	Connect(ctx context.Context, dsn string, config Config) (DB, error)
}

// DB is a pool of connections to one database and the schemas in it. It is safe for concurrent use.
type DB interface {
	// Store returns the repositories of one schema. The first call for a schema brings its tables
	// up to date, or only checks them, as WithMigrations says; that costs two round trips where
	// nothing is to be done: for its version, and whether the key ring has the keys of its secrets.
	// Later calls cost nothing.
	//
	// Errors: ErrInvalid for a schema name that ValidateSchema refuses; ErrNotMigrated,
	// ErrSchemaTooNew, ErrDirty or ErrMissingKey, each with its remedy.
	Store(ctx context.Context, schema string) (Store, error)

	// Schemas lists the schemas in which neoevents is installed, by name.
	Schemas(ctx context.Context) ([]string, error)

	// DropSchema removes all that neoevents installed in a schema, for good, and the schema itself
	// if nothing else is in it. Tables of the app stay. Stores of the schema must no longer be
	// used. ErrNotMigrated if neoevents is not there.
	DropSchema(ctx context.Context, schema string) error

	// Ping asks the database for an answer: ErrUnavailable if there is none.
	Ping(ctx context.Context) error

	// Stats returns the state of the pool at this moment.
	Stats() Stats

	// Capabilities tells what this database can do that not every one can. It asks the database the
	// first time.
	Capabilities(ctx context.Context) (Capabilities, error)

	// Close waits for calls under way and closes the connections; it must not be called inside
	// InTx. A pool that the app brought stays open. Every later call returns ErrClosed. Closing
	// twice is fine.
	Close() error
}

// Capabilities are what a database can do that not every one can.
type Capabilities struct {
	// GapSafe: it can tell whether a missing position may still be filled, which
	// ConsumerRepository.Read needs. Not so on a PostgreSQL standby, or where pg_locks shows nothing.
	GapSafe bool
	// Notifications: events saved by other processes wake Wait right away. Else, as behind a pooler
	// in transaction mode, it looks every PollInterval.
	Notifications bool
	// PollInterval is how often Wait looks without being woken.
	PollInterval time.Duration
}

// Stats is the state of a pool.
type Stats struct {
	Backend  string // "postgres", "sqlite", …
	MaxConns int    // connections it may hold
	Open     int    // connections it holds
	InUse    int    // of these, those that work for a call
	Stores   int    // schemas that have a Store
}

// Store is the repositories of one schema. It is safe for concurrent use, but for the Store inside
// a transaction, which one goroutine uses at a time.
type Store interface {
	// Schema is the name of the schema.
	Schema() string

	// Events is the repository of domain events.
	Events() EventRepository

	// DeadLetters is the events that could not be handled.
	DeadLetters() DeadLetterRepository

	// Consumers is the named readers of all events.
	Consumers() ConsumerRepository

	// Endpoints is the repository of webhook endpoints.
	Endpoints() EndpointRepository

	// EventTypes is the repository of event types.
	EventTypes() EventTypeRepository

	// Subscriptions is the repository of webhook subscriptions.
	Subscriptions() SubscriptionRepository

	// Deliveries is the repository of webhook deliveries and their attempts.
	Deliveries() DeliveryRepository

	// Actions is the repository of event actions.
	Actions() ActionRepository

	// Executions is the repository of the executions of actions.
	Executions() ExecutionRepository

	// Archives is the repository of archives, and how events get there and back. To archive, use package
	// archive.
	Archives() ArchiveRepository

	// ArchiveRules is the repository of the rules of what is archived, and when.
	ArchiveRules() ArchiveRuleRepository

	// ArchiveJobs is the repository of the runs of rules.
	ArchiveJobs() ArchiveJobRepository

	// ArchiveObjects keeps files of archives in the database itself.
	ArchiveObjects() ArchiveObjectRepository

	// InTx runs fn in a transaction. All that fn does through tx commits together when fn returns
	// nil; when it returns an error, panics or ends its goroutine, nothing of it stays, and InTx
	// returns the error or panics on. When ctx ends, so does the transaction.
	//
	// Inside a transaction InTx is a savepoint: a failure of the inner one leaves the outer one
	// usable. So does every typed refusal (ErrInvalid, ErrNotFound, ErrAlreadyExists,
	// ErrVersionConflict): fn may go on after it.
	//
	// The transaction reads what others had committed when each statement began (READ COMMITTED)
	// and may write; on SQLite it holds the one write lock from its start. WithIsolation and
	// ReadOnly change that. A transaction inside another, or inside one that the app began, has
	// what that one has: an option that asks for more than the outer InTx did is ErrInvalid,
	// naming "isolation" or "read_only", and one that the app began counts as asking for nothing.
	//
	// Inside fn use tx and not the Store it came from: that one waits for another connection,
	// which on SQLite is not free before fn returns.
	//
	// If the connection is lost while committing, nobody can say whether it did: the error matches
	// ErrUnavailable with CommitUnknown set. RetryTx runs a transaction again that gave way to
	// another.
	InTx(ctx context.Context, fn func(tx Store) error, opts ...TxOption) error

	// Close closes the pool of a Store that came from Open; for others it does nothing.
	Close() error
}

// Unwrap returns the Store that store wraps, and so on to the backend's own. A wrapper takes part
// by having a method Unwrap() Store. WithTx of the backends finds its own Store this way.
func Unwrap(store Store) Store {
	for {
		wrapper, ok := store.(interface{ Unwrap() Store })
		if !ok {
			return store
		}
		store = wrapper.Unwrap()
	}
}

// opened is a Store that owns its DB.
type opened struct {
	Store
	db DB
}

func (o *opened) Unwrap() Store { return o.Store }
func (o *opened) Close() error  { return o.db.Close() }

// Config is what the options of [Open] and [Connect] set. Backends read it.
type Config struct {
	Migrations MigrationMode // default MigrateOnOpen
	MaxConns   int           // 0: the backend's default
	MaxPayload int           // bytes of one JSON field; default DefaultMaxPayload
	Logger     *slog.Logger  // never nil; default slog.Default()
	Keys       *KeyRing      // nil: secrets are stored as they are

	// EventPartitions is how many positions each partition of the events of a new schema has; 0: they are
	// not partitioned.
	EventPartitions int64

	warned *sync.Once
}
