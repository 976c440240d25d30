// Package sqlite is the SQLite backend of neoevents, on modernc.org/sqlite: no cgo, no server.
// Importing it registers the DSN schemes sqlite and file with package driver.
//
//	sqlite:dev.db                     a file, created if it is not there
//	sqlite::memory:                   a database in memory that ends with its DB
//	file:dev.db?_pragma=synchronous(NORMAL)   SQLite's URI form, with parameters of modernc.org/sqlite
//
// Unless the DSN sets other pragmas, a file is in WAL mode with synchronous=FULL, so that a commit
// survives a power failure, with foreign keys on, a busy timeout of 5 s, and a write-ahead log that does not stay
// larger than 64 MiB. One connection writes,
// a pool of others reads; writers of this process wait for each other, and for other processes up
// to the busy timeout (then: ErrUnavailable). Calls that write a little, such as Save, Ack or
// MarkAsProcessed, and wait for each other are committed together: they wait for the disk once. Each
// succeeds or is refused by itself, and returns after the commit; where its context ends, it stops
// after a statement, not within one. A transaction of the app's is never shared. A claim of events alone does not wait for the disk: a
// power failure may undo it, and ends its worker, too. In memory, one connection does all: reads
// wait for the transaction that is open.
//
// The file must stay where it is while it is open, and the two beside it, -wal and -shm. One that was moved or
// deleted is noticed when something was committed to it, which is ErrUnavailable with CommitUnknown; what follows is
// refused until it is back. A file in which SQLite finds damage is ErrCorrupt; it does not find all there can be. A full disk and one that fails are
// ErrUnavailable; of a commit that the disk failed nobody knows whether a crash brings it back: CommitUnknown.
//
// Each schema's tables carry its name as a prefix: tenant_acme__events. Creating a schema takes
// longer the more there are, because SQLite reads its catalog again: see docs/benchmarks.md.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/migrate"
	"github.com/neomultitenant/neoevents/query"
)

func init() {
	driver.Register("sqlite", backend{})
	driver.Register("file", backend{})
}

type backend struct{}

// Connect implements driver.Driver.
func (backend) Connect(ctx context.Context, dsn string, config driver.Config) (driver.DB, error) {
	from, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	d := newDB(config)
	d.owned = make([]*sql.DB, 0, 2)
	open := func(size int, reader bool) *pool {
		pool, _ := sql.Open("sqlite", from.uri(reader)) // fails for an unknown driver only
		pool.SetMaxOpenConns(size)
		pool.SetMaxIdleConns(size)
		d.owned = append(d.owned, pool)
		return newPool(pool, size, true, d.closed)
	}
	d.writer = open(1, false)
	d.writer.patience = writerPatience
	d.readers = d.writer
	if !from.memory {
		d.readers = open(readers(config), true)
	}
	if err = answer(ctx, d.writer); err == nil && !from.memory {
		err = d.remember(ctx)
	}
	var refusal *driver.Error
	if errors.As(err, &refusal) && (refusal.Kind == driver.ErrInternal || hasCode(err, sqlite3.SQLITE_NOTADB)) {
		refusal.Kind = driver.ErrInvalid // nothing was asked for yet but what the dsn says
	}
	if err != nil {
		_ = d.Close() // the first error is the one that matters
		return nil, driver.Fail("Connect", "", "database", from.path, err)
	}
	return d, nil
}

// remember keeps where the file is, for the connections that are opened from now on.
func (d *db) remember(ctx context.Context) error {
	s, err := d.writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer d.writer.release(s)
	var path string
	if err := runQuery(ctx, s, "SELECT file FROM pragma_database_list WHERE name = 'main'", nil, []any{&path}, nil); err != nil {
		return err
	}
	s.place = placeOf(path)
	d.writer.place, d.readers.place = s.place, s.place
	return nil
}

// New adopts an app's own *sql.DB of modernc.org/sqlite, whose settings stay the app's: see the
// package comment for those that are worth having, foreign_keys and busy_timeout above all. Closing
// the returned DB leaves sqlDB open. ErrInvalid for an option that can't be used. It does not open
// the database: see Ping.
func New(sqlDB *sql.DB, opts ...driver.Option) (driver.DB, error) {
	config, err := driver.NewConfig(opts...)
	if err != nil {
		return nil, err
	}
	d := newDB(config)
	d.writer = newPool(sqlDB, 1, false, d.closed)
	d.writer.patience = writerPatience
	d.readers = d.writer
	if sqlDB.Stats().MaxOpenConnections != 1 {
		d.readers = newPool(sqlDB, readers(config), false, d.closed)
	}
	return d, nil
}

// readers is how many connections read.
func readers(config driver.Config) int {
	if config.MaxConns > 0 {
		return config.MaxConns
	}
	return max(4, runtime.NumCPU())
}

// WithTx returns store's repositories inside a transaction that the app began on the same database:
// what they do commits and rolls back with it. The returned Store is for the goroutine that uses
// tx.
//
// It takes the write lock, as InTx does. If tx has read before and somebody wrote since, SQLite
// can't give it: ErrUnavailable. A transaction that begins with the lock (the parameter
// _txlock=immediate of modernc.org/sqlite) has no such trouble. ErrInvalid if store is not one of
// this package, or tx is nil.
func WithTx(store driver.Store, tx *sql.Tx) (driver.Store, error) {
	s, ok := driver.Unwrap(store).(*query.Store)
	if !ok || s.Dialect() != dialect {
		return nil, driver.Fail("WithTx", "", "store", "", &driver.InvalidError{Field: "store", Reason: "is not a store of package sqlite"})
	}
	if tx == nil {
		return nil, driver.Fail("WithTx", s.Schema(), "transaction", "", &driver.InvalidError{Field: "tx", Reason: "is nil; begin one first"})
	}
	t := &transaction{runner: tx}
	if _, err := t.Exec(context.Background(), s.WriteLock(), nil); err != nil {
		return nil, driver.Fail("WithTx", s.Schema(), "transaction", "", err)
	}
	return s.On(t), nil
}

// db implements driver.DB and migrate.Target.
type db struct {
	config          driver.Config
	writer, readers *pool
	owned           []*sql.DB // closed with the DB
	closed          chan struct{}
	closing         sync.Once
	stores          query.Stores
	signals         *query.Signals
}

var _ migrate.Target = (*db)(nil)

func newDB(config driver.Config) *db {
	return &db{config: config, closed: make(chan struct{}), signals: query.NewSignals(pollInterval)}
}

// Store implements driver.DB.
func (d *db) Store(ctx context.Context, schema string) (driver.Store, error) {
	if err := driver.ValidateSchema(schema); err != nil {
		return nil, err
	}
	select {
	case <-d.closed:
		return nil, driver.Fail("Store", schema, "schema", "", driver.ErrClosed)
	default:
	}
	store, err := d.stores.Get(schema, func() (*query.Store, error) {
		if err := migrate.Ensure(ctx, d, schema, d.config); err != nil {
			return nil, err
		}
		store := query.NewStore(schema, dialect, &executor{d}, d.config, d.signals)
		if d.config.Migrations == driver.MigrateNever {
			return store, nil // not even a look
		}
		return store, d.checkKeys(ctx, store)
	})
	if err != nil {
		return nil, err // and not a nil *query.Store in a driver.Store
	}
	return store, nil
}

// checkKeys asks the writer, as MigrationVersion does.
func (d *db) checkKeys(ctx context.Context, store *query.Store) error {
	s, err := d.writer.acquire(ctx)
	if err != nil {
		return driver.Fail("Store", store.Schema(), "schema", "", err)
	}
	defer d.writer.release(s)
	return store.On(&transaction{runner: s}).CheckKeys(ctx)
}

// Schemas implements driver.DB.
func (d *db) Schemas(ctx context.Context) ([]string, error) {
	var table string
	schemas := []string{}
	suffix := prefix(query.Table{Name: migrate.VersionTable})
	err := (&executor{d}).Query(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '*"+suffix+"'",
		nil, []any{&table}, func() { schemas = append(schemas, strings.TrimSuffix(table, suffix)) })
	if err != nil {
		return nil, driver.Fail("Schemas", "", "database", "", err)
	}
	slices.Sort(schemas)
	return schemas, nil
}

// Ping implements driver.DB. It asks a reader: the writer may be busy.
func (d *db) Ping(ctx context.Context) error {
	return driver.Fail("Ping", "", "database", "", answer(ctx, d.readers))
}

// answer opens a session if none is open: a file that can't be opened shows here.
func answer(ctx context.Context, p *pool) error {
	s, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release(s)
	return runQuery(ctx, s, "SELECT 1 FROM sqlite_master LIMIT 1", nil, []any{new(int64)}, nil)
}

// pollInterval is how soon what another process saved is seen: a look takes some 50 µs.
const pollInterval = 25 * time.Millisecond

// Capabilities implements driver.DB.
func (d *db) Capabilities(ctx context.Context) (driver.Capabilities, error) {
	if err := answer(ctx, d.readers); err != nil {
		return driver.Capabilities{}, driver.Fail("Capabilities", "", "database", "", err)
	}
	return driver.Capabilities{GapSafe: true, PollInterval: pollInterval}, nil
}

// Stats implements driver.DB.
func (d *db) Stats() driver.Stats {
	stats := driver.Stats{Backend: dialect.Name}
	pools := map[*pool]struct{}{d.writer: {}, d.readers: {}} // one pool may be both
	for p := range maps.Keys(pools) {
		open, inUse := p.counts()
		stats.MaxConns += cap(p.permits)
		stats.Open += open
		stats.InUse += inUse
	}
	stats.Stores = d.stores.Len()
	return stats
}

// Close implements driver.DB.
func (d *db) Close() error {
	var errs []error
	d.closing.Do(func() {
		close(d.closed)
		d.signals.ChangedAll() // who waits finds it closed
		if d.readers != d.writer {
			errs = append(errs, d.readers.drain())
		}
		errs = append(errs, d.writer.drain())
		for _, owned := range d.owned {
			errs = append(errs, owned.Close())
		}
	})
	return driver.Fail("Close", "", "database", "", errors.Join(errs...))
}
