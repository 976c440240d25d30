package postgres_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
	_ "github.com/lib/pq"              // the database/sql driver "postgres"

	"github.com/neomultitenant/neoevents/conformance"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestConformance(t *testing.T) { runConformance(t, "") }

// As behind a pooler in transaction mode, where a statement can't be prepared on one server
// connection and run on another. TestRoundTrips sends the statements of every method in this way.
func TestConformanceUnprepared(t *testing.T) {
	runConformance(t, "&default_query_exec_mode=exec", append([]string{
		"Events/Reads", "Events/Locking", "Endpoints/Lists", "Endpoints/RotateSecret", "Subscriptions/Matching", "Deliveries/Attempts", "Deliveries/Stats",
		"Actions/Reads", "Executions/Complete", "Secrets/Reencrypt", "ArchiveRules/Due", "ArchiveJobs/States", "Archives/Begin", "Archives/Complete", "ArchiveObjects/Read",
	}, aboutPools...)...)
}

// aboutPools are the areas in which it matters whose pool it is, and one of each repository.
var aboutPools = []string{
	"Transactions", "Contexts", "ReadOnly", "Pools", "Schemas/Lifecycle", "Events/Save", "Events/SaveBatch", "Events/Marking",
	"Endpoints/Save", "EventTypes/Save", "Subscriptions/Save", "Deliveries/Save", "Actions/Save", "Executions/Save",
	"ArchiveRules/Save", "ArchiveJobs/Save", "Archives/Save", "ArchiveObjects/Write",
}

// With partitions so small that many tests cross from one into the next: the areas that have to do with events. The
// others know nothing of their tables.
func TestConformancePartitioned(t *testing.T) {
	runPartitioned(t,
		"Events/Save", "Events/SaveBatch", "Events/Versions", "Events/IDs", "Events/Append", "Events/Locking", "Events/Counts",
		"Claims/Claim", "Claims/Order", "DeadLetters/Requeue", "Consumers/Checkpoints", "Consumers/Gaps", "Deliveries/SaveForEvent", "Deliveries/Recover",
		"Archives/Begin", "Archives/Complete", "Archives/Restore", "Archives/Partitions", "Archives/PartitionsInUse", "Transactions/Refusals", "Schemas/Lifecycle")
}

// partitionSize is less than WithEventPartitions takes.
const partitionSize = 100

func runPartitioned(t *testing.T, only ...string) {
	partitioned := func(c *driver.Config) { c.EventPartitions = partitionSize }
	runConformanceWith(t, "", partitionSize, []driver.Option{partitioned}, only...)
}

func runConformance(t *testing.T, settings string, only ...string) {
	runConformanceWith(t, settings, 0, nil, only...)
}

func runConformanceWith(t *testing.T, settings string, partitions int64, always []driver.Option, only ...string) {
	databases := &databases{dsns: map[driver.DB]string{}}
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			return databases.connect(t, pgtest.DSN(t)+settings, append(opts, always...))
		},
		Reopen: func(t *testing.T, db driver.DB, opts ...driver.Option) driver.DB {
			return databases.connect(t, databases.dsn(db), append(opts, always...))
		},
		AppTx: map[string]func(*testing.T, driver.DB) conformance.AppTx{
			"pgx":          func(t *testing.T, db driver.DB) conformance.AppTx { return beginAppTx(t, databases.dsn(db)) },
			"database/sql": func(t *testing.T, db driver.DB) conformance.AppTx { return beginSQLTx(t, "pgx", databases.dsn(db)) },
			"lib/pq": func(t *testing.T, db driver.DB) conformance.AppTx {
				return beginSQLTx(t, "postgres", forPQ(databases.dsn(db)))
			},
		},
		SetTime:     databases.setTime,
		Empty:       empty,
		Concurrent:  true,
		ReadsBeside: true,
		Partitions:  partitions,
		Only:        only,
	})
}

// The app's own pool, with the settings that pgx has by itself.
func TestConformanceOfAnAdoptedPool(t *testing.T) {
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			pool, err := pgxpool.New(context.Background(), pgtest.DSN(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			db, err := postgres.New(pool, quiet(opts)...)
			if err != nil {
				t.Fatal(err)
			}
			return db
		},
		Empty:       empty,
		Concurrent:  true,
		ReadsBeside: true,
		Only:        aboutPools,
	})
}

// databases remembers which database each DB is on.
type databases struct {
	mu   sync.Mutex
	dsns map[driver.DB]string
}

func (d *databases) connect(t *testing.T, dsn string, opts []driver.Option) driver.DB {
	t.Helper()
	db, err := driver.Connect(context.Background(), dsn, quiet(opts)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dsns[db] = dsn
	return db
}

func (d *databases) dsn(db driver.DB) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dsns[db]
}

// setTime is Harness.SetTime.
func (d *databases) setTime(t *testing.T, db driver.DB, schema, entity, field string, id uuid.UUID, at time.Time) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.dsn(db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	table := pgx.Identifier{schema, map[string]string{"archive rule": "event_archive_rules", "archive": "event_archives"}[entity]}.Sanitize()
	if _, err := conn.Exec(t.Context(), "UPDATE "+table+" SET "+pgx.Identifier{field}.Sanitize()+" = $1 WHERE id = $2", at, id); err != nil {
		t.Fatal(err)
	}
}

// empty is Harness.Empty.
func empty(t *testing.T, db driver.DB, schema string) {
	t.Helper()
	if err := postgres.Empty(t.Context(), db, schema); err != nil {
		t.Fatal(err)
	}
}

// quiet keeps the log of migrations out of the tests' output unless a test sets its own logger.
func quiet(opts []driver.Option) []driver.Option {
	return append([]driver.Option{driver.WithLogger(nil)}, opts...)
}

// appTx is a transaction that an app began with pgx.
type appTx struct{ tx pgx.Tx }

func beginAppTx(t *testing.T, dsn string) conformance.AppTx {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return appTx{tx}
}

func (a appTx) Join(store driver.Store) (driver.Store, error) { return postgres.WithTx(store, a.tx) }

func (a appTx) Exec(statement string) error {
	_, err := a.tx.Exec(context.Background(), statement)
	return err
}

func (a appTx) Count(query string) (n int64, err error) {
	err = a.tx.QueryRow(context.Background(), query).Scan(&n)
	return n, err
}

func (a appTx) Commit() error { return a.tx.Commit(context.Background()) }

func (a appTx) Rollback() error { return a.tx.Rollback(context.Background()) }

// sqlTx is a transaction that an app began with database/sql.
type sqlTx struct{ *sql.Tx }

func beginSQLTx(t *testing.T, driverName, dsn string) conformance.AppTx {
	t.Helper()
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return sqlTx{tx}
}

// forPQ takes out what lib/pq would send to the server as a setting.
func forPQ(dsn string) string { return strings.ReplaceAll(dsn, "&default_query_exec_mode=exec", "") }

func (s sqlTx) Join(store driver.Store) (driver.Store, error) { return postgres.WithSQLTx(store, s.Tx) }

func (s sqlTx) Exec(statement string) error {
	_, err := s.Tx.Exec(statement)
	return err
}

func (s sqlTx) Count(query string) (n int64, err error) {
	err = s.QueryRow(query).Scan(&n)
	return n, err
}
