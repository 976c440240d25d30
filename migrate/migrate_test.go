package migrate_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/migrate"
)

const tenant = "tenant_acme"

// The tables of a schema at the latest version.
var tables = []string{"event_processed", "event_queue", "events", migrate.VersionTable}

// database is an empty one, and what a test does to it behind the library's back.
type database struct {
	t          *testing.T
	dsn        string
	sqlDriver  string
	objectsSQL string
	name       func(schema, table string) string // as objectsSQL lists it
	quoted     func(schema, table string) string
}

func onEachBackend(t *testing.T, test func(t *testing.T, d *database)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, &database{
			t, "sqlite:" + filepath.Join(t.TempDir(), "test.db"), "sqlite",
			"SELECT name FROM sqlite_master WHERE name NOT GLOB 'sqlite_*' ORDER BY name",
			func(schema, table string) string { return schema + "__" + table },
			func(schema, table string) string { return `"` + schema + "__" + table + `"` },
		})
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, &database{
			t, pgtest.DSN(t), "pgx",
			"SELECT nspname || '.' FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' UNION ALL " +
				"SELECT nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_|^information_schema$' ORDER BY 1",
			func(schema, table string) string { return schema + "." + table },
			func(schema, table string) string { return pgx.Identifier{schema, table}.Sanitize() },
		})
	})
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (d *database) connect(opts ...driver.Option) driver.DB {
	d.t.Helper()
	db, err := driver.Connect(soon(d.t), d.dsn, append([]driver.Option{driver.WithLogger(nil)}, opts...)...)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (d *database) sql(work func(*sql.DB) error) {
	d.t.Helper()
	db, err := sql.Open(d.sqlDriver, strings.TrimPrefix(d.dsn, "sqlite:"))
	if err == nil {
		err = work(db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *database) exec(statements ...string) {
	d.t.Helper()
	d.sql(func(db *sql.DB) error {
		for _, statement := range statements {
			if _, err := db.ExecContext(soon(d.t), statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// objects lists all tables and indexes there are, and schemas with a dot behind.
func (d *database) objects() []string {
	d.t.Helper()
	objects := []string{}
	d.sql(func(db *sql.DB) error {
		rows, err := db.QueryContext(soon(d.t), d.objectsSQL)
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			objects = append(objects, name)
		}
		return rows.Err()
	})
	return objects
}

func (d *database) wantObjects(want []string) {
	d.t.Helper()
	if got := d.objects(); !slices.Equal(got, want) {
		d.t.Errorf("tables and indexes: got %q, want %q", got, want)
	}
}

func (d *database) wantTables(schema string, want bool, names ...string) {
	d.t.Helper()
	objects := d.objects()
	for _, table := range names {
		if got := slices.Contains(objects, d.name(schema, table)); got != want {
			d.t.Errorf("table %s there: got %t, want %t", d.name(schema, table), got, want)
		}
	}
}

func (d *database) wantVersion(db driver.DB, schema string, want migrate.Status) {
	d.t.Helper()
	want.Schema, want.Latest = schema, d.latest()
	got, err := migrate.Version(soon(d.t), db, schema)
	if err != nil {
		d.t.Fatal(err)
	}
	if got != want {
		d.t.Errorf("Version: got %+v, want %+v", got, want)
	}
}

func (d *database) latest() int {
	d.t.Helper()
	latest, err := migrate.Latest(strings.Replace(d.sqlDriver, "pgx", "postgres", 1))
	if err != nil {
		d.t.Fatal(err)
	}
	return latest
}

// up migrates a schema and saves an event in it.
func (d *database) up(db driver.DB, schema string) driver.Event {
	d.t.Helper()
	if err := migrate.Up(soon(d.t), db, schema); err != nil {
		d.t.Fatal(err)
	}
	store, err := d.connect(driver.WithMigrations(driver.MigrateNever)).Store(soon(d.t), schema)
	if err != nil {
		d.t.Fatal(err)
	}
	event, err := store.Events().Save(soon(d.t), newEvent())
	if err != nil {
		d.t.Fatal(err)
	}
	return event
}

func newEvent() driver.Event {
	return driver.Event{EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`)}
}

func wantError(t *testing.T, what string, err, kind error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got error %v, want %v", what, err, kind)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error is %q, want it to tell %q", what, err, text)
		}
	}
}

func TestUpCreatesTheTables(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		d.wantVersion(db, tenant, migrate.Status{Version: 0})
		before := d.objects()
		d.wantObjects(before) // a look creates nothing
		d.up(db, tenant)
		d.wantTables(tenant, true, tables...)
		d.wantVersion(db, tenant, migrate.Status{Version: d.latest()})
	})
}

func TestUpAgainChangesNothing(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		event := d.up(db, tenant)
		before := d.objects()
		if err := migrate.Up(soon(t), d.connect(), tenant, tenant); err != nil {
			t.Fatal(err)
		}
		d.wantObjects(before)
		store, err := d.connect().Store(soon(t), tenant)
		if err != nil {
			t.Fatal(err)
		}
		if there, err := store.Events().Exists(soon(t), event.ID); err != nil || !there {
			t.Errorf("event there: got %t (%v), want true", there, err)
		}
	})
}

func TestUpOfNoSchemaDoesNothing(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		before := d.objects()
		if err := migrate.Up(soon(t), d.connect()); err != nil {
			t.Fatal(err)
		}
		d.wantObjects(before)
	})
}

func TestVerifyNamesTheCommandAndChangesNothing(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		before := d.objects()
		wantError(t, "Verify", migrate.Verify(soon(t), db, tenant), driver.ErrNotMigrated, "cmd/migrate -dsn DSN -schema "+tenant+" up")
		d.wantObjects(before)
		d.up(db, tenant)
		if err := migrate.Verify(soon(t), db, tenant); err != nil {
			t.Errorf("Verify of a migrated schema: %v", err)
		}
		err := migrate.Verify(soon(t), db, tenant, "another", "third")
		wantError(t, "Verify", err, driver.ErrNotMigrated, "another", "third")
		if strings.Contains(fmt.Sprint(err), tenant) {
			t.Errorf("the error is %q, want it not to name the schema that is fine", err)
		}
	})
}

func TestDownRemovesTheTablesAndUpMakesThemAnew(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		event := d.up(db, tenant)
		full := d.objects()
		if err := migrate.Down(soon(t), db, tenant, d.latest()); err != nil {
			t.Fatal(err)
		}
		d.wantObjects(full)
		for range 2 { // down to where it is: nothing to do
			if err := migrate.Down(soon(t), db, tenant, 0); err != nil {
				t.Fatal(err)
			}
			if schemas, err := db.Schemas(soon(t)); err != nil || len(schemas) != 0 {
				t.Fatalf("Schemas after Down to 0: %v, %v; want none", schemas, err)
			}
			d.wantTables(tenant, false, slices.DeleteFunc(slices.Clone(tables), func(name string) bool { return name == migrate.VersionTable })...)
			d.wantVersion(db, tenant, migrate.Status{Version: 0})
		}
		d.up(db, tenant)
		d.wantObjects(full)
		store, err := d.connect().Store(soon(t), tenant)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Events().GetByID(soon(t), event.ID)
		wantError(t, "GetByID", err, driver.ErrNotFound)
	})
}

func TestDownRefusesAVersionThatIsNotBelow(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		before := d.objects()
		wantError(t, "Down of an unknown schema", migrate.Down(soon(t), db, tenant, 1), driver.ErrInvalid, "version")
		if err := migrate.Down(soon(t), db, tenant, 0); err != nil {
			t.Errorf("Down to 0 of an unknown schema: %v", err)
		}
		d.wantObjects(before)
		d.up(db, tenant)
		before = d.objects()
		for _, version := range []int{-1, d.latest() + 1} {
			wantError(t, fmt.Sprint("Down to ", version), migrate.Down(soon(t), db, tenant, version), driver.ErrInvalid, "version", tenant)
		}
		d.wantObjects(before)
	})
}

// TestVersionsThatNobodyMayTouch: all but MigrateNever refuse them, say what to do, and change nothing.
func TestVersionsThatNobodyMayTouch(t *testing.T) {
	tests := []struct {
		name   string
		spoil  string // the version table
		repair string
		kind   error
		remedy []string
	}{
		{"dirty", "dirty = true", "dirty = false", driver.ErrDirty, []string{migrate.VersionTable, "SET dirty = false"}},
		{"too new", "version = version + 1", "version = version - 1", driver.ErrSchemaTooNew, []string{"update the library", "go get"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEachBackend(t, func(t *testing.T, d *database) {
				db := d.connect()
				d.up(db, tenant)
				update := "UPDATE " + d.quoted(tenant, migrate.VersionTable) + " SET "
				d.exec(update + test.spoil)
				before := d.objects()
				store := func(mode driver.MigrationMode) error {
					_, err := d.connect(driver.WithMigrations(mode)).Store(soon(t), tenant)
					return err
				}
				for name, err := range map[string]error{
					"Up":                       migrate.Up(soon(t), db, tenant),
					"Verify":                   migrate.Verify(soon(t), db, tenant),
					"Down":                     migrate.Down(soon(t), db, tenant, 0),
					"DropSchema":               db.DropSchema(soon(t), tenant),
					"Store":                    store(driver.MigrateOnOpen),
					"Store with MigrateVerify": store(driver.MigrateVerify),
				} {
					wantError(t, name, err, test.kind, append(test.remedy, tenant)...)
				}
				if err := store(driver.MigrateNever); err != nil {
					t.Errorf("Store with MigrateNever: %v", err)
				}
				if _, err := migrate.Version(soon(t), db, tenant); err != nil {
					t.Errorf("Version: %v", err)
				}
				d.wantObjects(before)
				d.exec(update + test.repair)
				if err := errors.Join(migrate.Up(soon(t), db, tenant), store(driver.MigrateOnOpen)); err != nil {
					t.Errorf("after the repair: %v", err)
				}
			})
		})
	}
}

func TestMigrationModes(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		before := d.objects()
		_, err := d.connect(driver.WithMigrations(driver.MigrateVerify)).Store(soon(t), tenant)
		wantError(t, "MigrateVerify", err, driver.ErrNotMigrated, "cmd/migrate")
		d.wantObjects(before)

		never := d.connect(driver.WithMigrations(driver.MigrateNever))
		store, err := never.Store(soon(t), tenant)
		if err != nil {
			t.Fatalf("MigrateNever: %v", err)
		}
		d.wantObjects(before)
		_, err = store.Events().Save(soon(t), newEvent())
		wantError(t, "Save without tables", err, driver.ErrInternal)

		if _, err := d.connect().Store(soon(t), tenant); err != nil {
			t.Fatalf("MigrateOnOpen: %v", err)
		}
		d.wantTables(tenant, true, tables...)
		if _, err = store.Events().Save(soon(t), newEvent()); err != nil {
			t.Errorf("Save by the Store that did not look: %v", err)
		}
		if _, err := d.connect(driver.WithMigrations(driver.MigrateVerify)).Store(soon(t), tenant); err != nil {
			t.Errorf("MigrateVerify of a migrated schema: %v", err)
		}
	})
}

func TestAMigrationIsLoggedOnce(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		var log bytes.Buffer
		for range 2 {
			db := d.connect(driver.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
			if _, err := db.Store(soon(t), tenant); err != nil {
				t.Fatal(err)
			}
		}
		var record struct {
			Msg, Schema, Backend string
			From, To             int
		}
		if err := json.Unmarshal(log.Bytes(), &record); err != nil { // fails for two records
			t.Fatalf("the log is %q, want one record (%v)", log.String(), err)
		}
		if record.Schema != tenant || record.Backend != d.connect().Stats().Backend || record.From != 0 || record.To != d.latest() {
			t.Errorf("the log is %s, want it to tell backend, schema %s, from 0 and to %d", log.String(), tenant, d.latest())
		}
	})
}

func TestManyMigrateOneSchemaAtOnce(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		pools := []driver.DB{d.connect(), d.connect()}
		for round := range 5 {
			schema := fmt.Sprint("tenant-", round)
			var group sync.WaitGroup
			start := make(chan struct{})
			for i := range 16 {
				group.Go(func() {
					<-start
					var err error
					if db := pools[i%2]; i%4 < 2 {
						_, err = db.Store(soon(t), schema)
					} else {
						err = migrate.Up(soon(t), db, schema)
					}
					if err != nil {
						t.Errorf("round %d: %v", round, err)
					}
				})
			}
			close(start)
			group.Wait()
			d.wantVersion(pools[0], schema, migrate.Status{Version: d.latest()})
			d.up(pools[0], schema)
		}
	})
}

func TestOneBadNameDoesNotKeepTheOthersBack(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		const bad = "Not-A-Schema"
		db := d.connect()
		var names, good []string
		for i := range 20 {
			name := fmt.Sprintf("tenant-%02d", i)
			if names = append(names, name); i == 10 {
				names[i] = bad
			} else {
				good = append(good, name)
			}
		}
		err := migrate.Up(soon(t), db, names...)
		wantError(t, "Up", err, driver.ErrInvalid, bad)
		for _, name := range good {
			if strings.Contains(fmt.Sprint(err), name) {
				t.Errorf("the error is %q, want it not to name %s", err, name)
			}
		}
		got, err := db.Schemas(soon(t))
		if err != nil || !slices.Equal(got, good) {
			t.Errorf("Schemas: got %q (%v), want %q", got, err, good)
		}
		if err := migrate.Verify(soon(t), db, good...); err != nil {
			t.Errorf("Verify: %v", err)
		}
	})
}

// A table of the app's stands in the way of the first or of the last that a migration creates.
func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	for _, obstacle := range []string{"events", "event_processed"} {
		t.Run(obstacle, func(t *testing.T) {
			onEachBackend(t, func(t *testing.T, d *database) {
				if d.sqlDriver == "pgx" {
					d.exec("CREATE SCHEMA " + tenant)
				}
				d.exec("CREATE TABLE " + d.quoted(tenant, obstacle) + " (mine text)")
				before := d.objects()
				db := d.connect()
				_, stored := db.Store(soon(t), tenant)
				for name, err := range map[string]error{"Up": migrate.Up(soon(t), db, tenant), "Store": stored} {
					wantError(t, name, err, driver.ErrInternal, tenant, obstacle)
				}
				d.wantObjects(before)
				d.wantVersion(db, tenant, migrate.Status{Version: 0})
				d.exec("DROP TABLE " + d.quoted(tenant, obstacle))
				d.up(db, tenant)
				if _, err := db.Store(soon(t), tenant); err != nil {
					t.Errorf("Store: %v", err)
				}
			})
		})
	}
}

func TestDropSchemaKeepsWhatIsTheApps(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		before := d.objects()
		db := d.connect()
		d.up(db, tenant)
		d.exec("CREATE TABLE " + d.quoted(tenant, "orders") + " (id integer)")
		if err := db.DropSchema(soon(t), tenant); err != nil {
			t.Fatal(err)
		}
		d.wantTables(tenant, false, tables...)
		d.wantTables(tenant, true, "orders")
		d.wantVersion(db, tenant, migrate.Status{Version: 0})
		wantError(t, "DropSchema again", db.DropSchema(soon(t), tenant), driver.ErrNotMigrated)

		d.up(db, tenant)
		d.exec("DROP TABLE " + d.quoted(tenant, "orders"))
		if err := db.DropSchema(soon(t), tenant); err != nil {
			t.Fatal(err)
		}
		d.wantObjects(before) // on Postgres: the schema, too, is gone
	})
}

func TestDropSchemaKeepsPublic(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		before := d.objects()
		db := d.connect()
		d.up(db, "public")
		if err := db.DropSchema(soon(t), "public"); err != nil {
			t.Fatal(err)
		}
		d.wantObjects(before)
	})
}

func TestAContextThatEndedChangesNothing(t *testing.T) {
	onEachBackend(t, func(t *testing.T, d *database) {
		db := d.connect()
		d.up(db, "another")
		before := d.objects()
		ctx, cancel := context.WithCancel(soon(t))
		cancel()
		_, version := migrate.Version(ctx, db, tenant)
		_, store := db.Store(ctx, tenant)
		for name, err := range map[string]error{
			"Up": migrate.Up(ctx, db, tenant), "Verify": migrate.Verify(ctx, db, tenant), "Down": migrate.Down(ctx, db, "another", 0),
			"DropSchema": db.DropSchema(ctx, "another"), "Version": version, "Store": store,
		} {
			wantError(t, name, err, context.Canceled)
		}
		d.wantObjects(before)
		d.up(db, tenant)
	})
}

func TestOnlyAMigrationTargetCanBeMigrated(t *testing.T) {
	err := migrate.Up(soon(t), foreign{}, tenant)
	if err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("got error %v, want one that names the backend", err)
	}
	if _, err := migrate.Latest("memory"); err == nil {
		t.Error("Latest of an unknown dialect: got no error, want one")
	}
}

// foreign is a DB of another backend.
type foreign struct{ driver.DB }

func (foreign) Stats() driver.Stats { return driver.Stats{Backend: "memory"} }

// counter counts the statements that are sent.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counter) TracePrepareStart(ctx context.Context, _ *pgx.Conn, _ pgx.TracePrepareStartData) context.Context {
	c.n.Add(1) // a round trip of its own
	return ctx
}

func (c *counter) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

func TestOpeningAnUpToDateSchemaIsTwoStatements(t *testing.T) {
	dsn := pgtest.DSN(t)
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	statements := &counter{}
	config.ConnConfig.Tracer = statements
	pool, err := pgxpool.NewWithConfig(soon(t), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	for mode, want := range map[driver.MigrationMode]int64{driver.MigrateOnOpen: 2, driver.MigrateVerify: 2, driver.MigrateNever: 0} {
		db, err := postgres.New(pool, driver.WithLogger(nil))
		if err == nil {
			_, err = db.Store(soon(t), tenant) // migrates, and prepares the statements
		}
		if err != nil {
			t.Fatal(err)
		}
		db, err = postgres.New(pool, driver.WithLogger(nil), driver.WithMigrations(mode))
		if err != nil {
			t.Fatal(err)
		}
		for try, want := range []int64{want, 0} { // the second time nothing is asked
			before := statements.n.Load()
			if _, err := db.Store(soon(t), tenant); err != nil {
				t.Fatal(err)
			}
			if got := statements.n.Load() - before; got != want {
				t.Errorf("mode %d, call %d of Store: %d statements, want %d", mode, try+1, got, want)
			}
		}
	}
}

// childEnv makes the test binary open the schema of this DSN and nothing else.
const childEnv = "NEOEVENTS_TEST_MIGRATE_CHILD"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(childEnv); dsn != "" {
		if err := child(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

// child says that it is ready, waits for the end of its input, and opens the schema.
func child(dsn string) error {
	fmt.Println("ready")
	if _, err := io.ReadAll(os.Stdin); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := driver.Connect(ctx, dsn, driver.WithLogger(nil))
	if err != nil {
		return err
	}
	store, err := db.Store(ctx, tenant)
	if err != nil {
		return err
	}
	if _, err := store.Events().Save(ctx, newEvent()); err != nil {
		return err
	}
	return db.Close()
}

func TestProcessesOpenOneSchemaAtOnce(t *testing.T) {
	const processes = 4
	for round := range 6 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			onEachBackend(t, func(t *testing.T, d *database) {
				var starts []io.Closer
				var all []*exec.Cmd
				var faults [processes]bytes.Buffer
				for i := range processes {
					cmd := exec.CommandContext(soon(t), os.Args[0])
					cmd.Env = append(os.Environ(), childEnv+"="+d.dsn)
					cmd.Stderr = &faults[i]
					start, err := cmd.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					ready, err := cmd.StdoutPipe()
					if err != nil {
						t.Fatal(err)
					}
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
						t.Fatal(err)
					}
					starts, all = append(starts, start), append(all, cmd)
				}
				for _, start := range starts {
					_ = start.Close()
				}
				for i, cmd := range all {
					if err := cmd.Wait(); err != nil {
						t.Errorf("process %d: %v: %s", i, err, faults[i].String())
					}
				}
				db := d.connect()
				d.wantVersion(db, tenant, migrate.Status{Version: d.latest()})
				store, err := db.Store(soon(t), tenant)
				if err != nil {
					t.Fatal(err)
				}
				if saved, err := store.Events().CountUnprocessed(soon(t)); err != nil || saved != processes {
					t.Errorf("events saved: got %d (%v), want %d", saved, err, processes)
				}
			})
		})
	}
}
