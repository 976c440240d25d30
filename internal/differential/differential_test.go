package differential

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/migrate"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const schema = "tenant-1"

// TestSQLiteAndPostgresAgree makes random sequences of calls to all methods of all repositories, in and
// outside of transactions, and wants the same answers from both backends: values, errors, the order of
// lists. Each sequence begins with empty tables. A failure shows its calls, and how to repeat it.
func TestSQLiteAndPostgresAgree(t *testing.T) {
	sequencesUnlessSet(t, 60)
	databases := [2]*database{openSQLite(t), openPostgres(t)}
	sequences, calls := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newTwins(rt, databases)
		w.sequence()
		sequences, calls = sequences+1, calls+w.calls
	})
	t.Logf("%d sequences of %d calls, each made to both backends", sequences, calls)
}

// sequencesUnlessSet is how many there are unless the flag -rapid.checks says it.
func sequencesUnlessSet(t *testing.T, n int) {
	t.Helper()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "rapid.checks" })
	if set {
		return
	}
	if testing.Short() {
		n /= 4
	}
	before := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", before) })
}

// database is one of the two.
type database struct {
	name  string
	store driver.Store
	empty func(context.Context) error // removes all rows
	// setTime sets a moment that only the clock sets, so that days pass in no time.
	setTime func(ctx context.Context, table, column string, at time.Time) error
}

// options are the same for both. Secrets are encrypted.
func options(t *testing.T) []driver.Option {
	t.Helper()
	ring, err := driver.NewKeyRing(driver.NewKey("test", []byte("0123456789abcdef0123456789abcdef")))
	if err != nil {
		t.Fatal(err)
	}
	return []driver.Option{driver.WithLogger(nil), driver.WithKeyRing(ring), driver.WithMaxPayload(100_000)}
}

func openStore(t *testing.T, dsn string) driver.Store {
	t.Helper()
	store, err := driver.Open(dsn, schema, options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func openSQLite(t *testing.T) *database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "neoevents.db")
	store := openStore(t, "file:"+path+"?_pragma=synchronous(OFF)")
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	// The youngest tables first, as they refer to older ones.
	var script string
	err = raw.QueryRow(`SELECT 'BEGIN IMMEDIATE; ' || group_concat('DELETE FROM "' || name || '"; ', '') || 'COMMIT' FROM`+
		` (SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ? AND name <> ? ORDER BY rowid DESC)`,
		schema+"__*", schema+"__"+migrate.VersionTable).Scan(&script)
	if err != nil {
		t.Fatal(err)
	}
	return &database{
		name: "sqlite", store: store,
		empty: func(ctx context.Context) error {
			_, err := raw.ExecContext(ctx, script)
			return err
		},
		setTime: func(ctx context.Context, table, column string, at time.Time) error {
			_, err := raw.ExecContext(ctx, fmt.Sprintf(`UPDATE "%s__%s" SET "%s" = ? WHERE "%s" IS NOT NULL`, schema, table, column, column), at.UnixMicro())
			return err
		},
	}
}

func openPostgres(t *testing.T) *database {
	t.Helper()
	dsn := pgtest.DSN(t)
	store := openStore(t, dsn)
	raw, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close(context.Background()) })
	var script string
	err = raw.QueryRow(t.Context(), `SELECT string_agg('DELETE FROM ' || c.oid::regclass || ';', ' ' ORDER BY c.oid DESC)`+
		` FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2`,
		schema, migrate.VersionTable).Scan(&script)
	if err != nil {
		t.Fatal(err)
	}
	return &database{
		name: "postgres", store: store,
		empty: func(ctx context.Context) error {
			_, err := raw.PgConn().Exec(ctx, script).ReadAll()
			return err
		},
		setTime: func(ctx context.Context, table, column string, at time.Time) error {
			_, err := raw.Exec(ctx, fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s IS NOT NULL", pgx.Identifier{schema, table}.Sanitize(), column, column), at)
			return err
		},
	}
}

// errUndo is what a transaction fails with that is to be rolled back.
var errUndo = errors.New("undo this")
