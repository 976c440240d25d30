package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/conformance"
	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
)

func TestConformanceInAFile(t *testing.T) {
	files := &files{paths: map[driver.DB]string{}}
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			return files.connect(t, filepath.Join(t.TempDir(), "neoevents.db"), opts)
		},
		Reopen: func(t *testing.T, db driver.DB, opts ...driver.Option) driver.DB {
			return files.connect(t, files.path(db), opts)
		},
		AppTx: map[string]func(*testing.T, driver.DB) conformance.AppTx{
			"database/sql": func(t *testing.T, db driver.DB) conformance.AppTx { return beginAppTx(t, files.path(db)) },
		},
		SetTime:     setTime,
		Empty:       empty,
		ReadsBeside: true,
	})
}

// With -short only what has to do with there being one connection.
func TestConformanceInMemory(t *testing.T) {
	var only []string
	if testing.Short() {
		only = aboutPools
	}
	conformance.Run(t, conformance.Harness{
		Open:    func(t *testing.T, opts ...driver.Option) driver.DB { return connect(t, "sqlite::memory:", opts) },
		SetTime: setTime,
		Empty:   empty,
		Only:    only,
	})
}

// The app's own *sql.DB, with the settings that the package comment asks for.
func TestConformanceOfAnAdoptedPool(t *testing.T) {
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T, opts ...driver.Option) driver.DB {
			db, err := sqlite.New(openSQL(t, filepath.Join(t.TempDir(), "app.db")), quiet(opts)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		},
		Empty:       empty,
		ReadsBeside: true,
		Only:        aboutPools,
	})
}

// aboutPools are the areas in which it matters whose pool it is, and one of each repository.
var aboutPools = []string{
	"Transactions", "Contexts", "ReadOnly", "Pools", "Schemas/Lifecycle", "Events/Save", "Events/SaveBatch", "Events/Marking",
	"Endpoints/Save", "EventTypes/Save", "Subscriptions/Save", "Deliveries/Save", "Actions/Save", "Executions/Save",
	"ArchiveRules/Save", "ArchiveJobs/Save", "Archives/Save", "ArchiveObjects/Write",
}

// setTime is Harness.SetTime.
func setTime(t *testing.T, db driver.DB, schema, entity, field string, id uuid.UUID, at time.Time) {
	t.Helper()
	table := map[string]string{"archive rule": "event_archive_rules", "archive": "event_archives"}[entity]
	statement := fmt.Sprintf(`UPDATE "%s__%s" SET "%s" = ? WHERE id = ?`, schema, table, field)
	if err := sqlite.Exec(t.Context(), db, statement, at.UnixMicro(), id.String()); err != nil {
		t.Fatal(err)
	}
}

// empty is Harness.Empty.
func empty(t *testing.T, db driver.DB, schema string) {
	t.Helper()
	if err := sqlite.Empty(t.Context(), db, schema); err != nil {
		t.Fatal(err)
	}
}

// files remembers which file each DB is on.
type files struct {
	mu    sync.Mutex
	paths map[driver.DB]string
}

func (f *files) connect(t *testing.T, path string, opts []driver.Option) driver.DB {
	t.Helper()
	db := connect(t, "sqlite:"+path, opts)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths[db] = path
	return db
}

func (f *files) path(db driver.DB) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paths[db]
}

func connect(t *testing.T, dsn string, opts []driver.Option) driver.DB {
	t.Helper()
	db, err := driver.Connect(context.Background(), dsn, quiet(opts)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// quiet keeps the log of migrations out of the tests' output unless a test sets its own logger.
func quiet(opts []driver.Option) []driver.Option {
	return append([]driver.Option{driver.WithLogger(nil)}, opts...)
}

func openSQL(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(ON)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// appTx is a transaction that an app began with database/sql.
type appTx struct{ *sql.Tx }

func beginAppTx(t *testing.T, path string) conformance.AppTx {
	t.Helper()
	tx, err := openSQL(t, path).Begin()
	if err != nil {
		t.Fatal(err)
	}
	return appTx{tx}
}

func (a appTx) Join(store driver.Store) (driver.Store, error) { return sqlite.WithTx(store, a.Tx) }

func (a appTx) Exec(statement string) error {
	_, err := a.Tx.Exec(statement)
	return err
}

func (a appTx) Count(query string) (n int64, err error) {
	err = a.QueryRow(query).Scan(&n)
	return n, err
}
