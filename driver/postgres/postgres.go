// Package postgres is the PostgreSQL backend of neoevents, on pgx. Importing it registers the DSN
// schemes postgres and postgresql, and libpq's key=value form, with package driver.
//
//	postgres://user:password@localhost:5432/app?sslmode=disable
//	host=localhost user=app dbname=app
//
// All settings of pgx's pool may stand in the DSN (pool_max_conns, …), and the PG* environment
// variables fill what it leaves out. A connection attempt takes 10 s at most unless connect_timeout
// says otherwise.
//
// Each schema is a schema of the database. Every statement names it, so connections are never left
// in a tenant's search_path, and poolers in transaction mode can stand in between (with
// default_query_exec_mode=exec in the DSN).
//
// With many schemas, each has a connection of the pool that it prefers, where its statements are prepared; each connection keeps
// statement_cache_capacity of them, 2000 unless the DSN says otherwise. An app's own pool is used as it is: there, with
// hundreds of schemas, give each pool few connections and a larger cache, or default_query_exec_mode=exec.
//
// A DB whose Events.Wait is called holds one connection beside its pool, which listens for the
// notifications of other processes, until a minute after nobody waits any more.
//
// Tested with PostgreSQL 15; it uses nothing newer than 12.
package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/migrate"
	"github.com/neomultitenant/neoevents/query"
)

func init() {
	driver.Register("postgres", backend{})
	driver.Register("postgresql", backend{})
}

// connectTimeout bounds one attempt to connect unless the DSN does.
const connectTimeout = 10 * time.Second

// cancelTimeout is how long a cancelled statement's answer is waited for.
const cancelTimeout = time.Second

type backend struct{}

// Connect implements driver.Driver.
func (backend) Connect(ctx context.Context, dsn string, config driver.Config) (driver.DB, error) {
	settings, err := parse(dsn)
	if err != nil {
		return nil, driver.Fail("Connect", "", "database", "", err)
	}
	if config.MaxConns > 0 {
		settings.MaxConns = int32(min(config.MaxConns, 1<<15))
	}
	if settings.ConnConfig.ConnectTimeout == 0 {
		settings.ConnConfig.ConnectTimeout = connectTimeout
	}
	if settings.ConnConfig.RuntimeParams["application_name"] == "" {
		settings.ConnConfig.RuntimeParams["application_name"] = "neoevents"
	}
	settings.ConnConfig.BuildContextWatcherHandler = cancelOnServer
	if !strings.Contains(dsn, "statement_cache_capacity") {
		settings.ConnConfig.StatementCacheCapacity = statementsPerConnection
	}
	pool, err := newLanes(ctx, settings)
	if err != nil {
		return nil, driver.Fail("Connect", "", "database", "", classify(ctx, err, false))
	}
	d := newDB(pool, config)
	err = d.answer(ctx)
	var refusal *driver.Error
	if errors.As(err, &refusal) && refusal.Kind == driver.ErrInternal {
		refusal.Kind = driver.ErrInvalid // nothing was asked for yet but what the dsn says
	}
	if err != nil {
		pool.close()
		return nil, driver.Fail("Connect", "", "database", "", err)
	}
	return d, nil
}

// cancelOnServer makes a context that ends cancel the statement on the server and wait for its
// answer: so it is known whether the statement took effect, and the connection stays. Without an
// answer the connection is given up.
func cancelOnServer(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelTimeout}
}

// New adopts an app's own pool, whose settings stay the app's. Closing the returned DB leaves the
// pool open. ErrInvalid for an option that can't be used. It does not wait for the database: see
// Ping.
func New(pool *pgxpool.Pool, opts ...driver.Option) (driver.DB, error) {
	config, err := driver.NewConfig(opts...)
	if err != nil {
		return nil, err
	}
	return newDB(adoptPool(pool), config), nil
}

// db implements driver.DB and migrate.Target.
type db struct {
	config driver.Config
	pool   *lanes
	closed atomic.Bool
	stores query.Stores

	notifications *notifications
}

var _ migrate.Target = (*db)(nil)

func newDB(pool *lanes, config driver.Config) *db {
	return &db{config: config, pool: pool, notifications: newNotifications(pool, config.Logger)}
}

var errClosed = &driver.Error{Kind: driver.ErrClosed}

func (d *db) acquire(ctx context.Context, schema string) (*conn, error) {
	if d.closed.Load() {
		return nil, errClosed
	}
	conn, err := d.pool.acquire(ctx, schema)
	if err != nil && d.closed.Load() {
		return nil, errClosed
	}
	return conn, classify(ctx, err, false)
}

// release gives a connection back, or closes it if the context of what was done on it ended: the server
// may act on a request to cancel when somebody else has the connection already.
func (d *db) release(ctx context.Context, conn *conn) {
	if ctx.Err() != nil {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer cancel()
		_ = conn.Conn().Close(bounded)
	}
	conn.Release()
}

// Store implements driver.DB.
func (d *db) Store(ctx context.Context, schema string) (driver.Store, error) {
	if err := driver.ValidateSchema(schema); err != nil {
		return nil, err
	}
	if d.closed.Load() {
		return nil, driver.Fail("Store", schema, "schema", "", driver.ErrClosed)
	}
	store, err := d.stores.Get(schema, func() (*query.Store, error) {
		if err := migrate.Ensure(ctx, d, schema, d.config); err != nil {
			return nil, err
		}
		return query.OpenStore(ctx, schema, dialect, &executor{d, schema}, d.config, d.notifications, &partitions{d})
	})
	if err != nil {
		return nil, err // and not a nil *query.Store in a driver.Store
	}
	return store, nil
}

// Schemas implements driver.DB. It reads pg_class: information_schema is slow with many schemas.
func (d *db) Schemas(ctx context.Context) ([]string, error) {
	var schema string
	schemas := []string{}
	err := (&executor{db: d}).Query(ctx, "SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"+
		" WHERE c.relname = $1 AND c.relkind = 'r'", []any{migrate.VersionTable}, []any{&schema}, func() { schemas = append(schemas, schema) })
	if err != nil {
		return nil, driver.Fail("Schemas", "", "database", "", err)
	}
	slices.Sort(schemas)
	return schemas, nil
}

// Ping implements driver.DB.
func (d *db) Ping(ctx context.Context) error {
	return driver.Fail("Ping", "", "database", "", d.answer(ctx))
}

func (d *db) answer(ctx context.Context) error {
	conn, err := d.acquire(ctx, "")
	if err != nil {
		return err
	}
	defer d.release(ctx, conn)
	return classify(ctx, conn.Ping(ctx), false)
}

// Capabilities implements driver.DB.
func (d *db) Capabilities(ctx context.Context) (driver.Capabilities, error) {
	capabilities := driver.Capabilities{PollInterval: d.notifications.PollInterval()}
	err := (&executor{db: d}).Query(ctx, "SELECT "+showsLocks+" FROM pg_catalog.pg_locks", nil, []any{&capabilities.GapSafe}, nil)
	if err == nil {
		capabilities.Notifications, err = d.notifications.works(ctx)
	}
	if err != nil {
		return driver.Capabilities{}, driver.Fail("Capabilities", "", "database", "", err)
	}
	return capabilities, nil
}

// Stats implements driver.DB.
func (d *db) Stats() driver.Stats {
	maxConns, open, inUse := d.pool.stats()
	return driver.Stats{Backend: dialect.Name, MaxConns: maxConns, Open: open, InUse: inUse, Stores: d.stores.Len()}
}

// Close implements driver.DB.
func (d *db) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.notifications.close()
	d.pool.close()
	return nil
}
