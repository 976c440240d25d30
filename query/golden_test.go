package query_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/query"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// stores opens a store per dialect; no statement is sent.
func stores(t *testing.T) map[string]*query.Store {
	t.Helper()
	never := driver.WithMigrations(driver.MigrateNever)
	pool, err := pgxpool.New(context.Background(), "postgres://nobody@localhost/nothing") // connects when it is used
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	pg, err := postgres.New(pool, never)
	if err != nil {
		t.Fatal(err)
	}
	partitioned, err := postgres.New(pool, never, driver.WithEventPartitions(driver.MinEventPartition))
	if err != nil {
		t.Fatal(err)
	}
	lite, err := driver.Connect(context.Background(), "sqlite::memory:", never)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lite.Close() })
	found := map[string]*query.Store{}
	for name, db := range map[string]driver.DB{"postgres": pg, partitions: partitioned, "sqlite": lite} {
		store, err := db.Store(context.Background(), "tenant_acme")
		if err != nil {
			t.Fatal(err)
		}
		found[name] = store.(*query.Store)
	}
	return found
}

// partitions is the name of PostgreSQL with partitioned events.
const partitions = "postgres_partitions"

// A change of a statement shows in the review as a change of a file.
func TestStatementsAreAsReviewed(t *testing.T) {
	all := stores(t)
	plain := all["postgres"].Statements()
	for backend, store := range all {
		var text strings.Builder
		statements := store.Statements()
		if backend == partitions { // the others are the same
			maps.DeleteFunc(statements, func(name, sql string) bool { return plain[name] == sql })
		}
		for _, name := range slices.Sorted(maps.Keys(statements)) {
			fmt.Fprintf(&text, "-- %s\n%s;\n\n", name, statements[name])
		}
		path := filepath.Join("testdata", backend+".sql")
		if *update {
			if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(golden) != text.String() {
			t.Errorf("the statements of %s are not those of %s; look at what changed, then: go test ./query -update", backend, path)
		}
	}
}

// Every table is named with its schema, and no other schema is.
func TestStatementsNameOneSchema(t *testing.T) {
	tables := regexp.MustCompile(`\b(?:FROM|JOIN|INTO|UPDATE) ("[^ ]+|[a-z_]+)`)
	inner := []string{"due", "given", "old", "open", "ranked", "created_at", "saved", "queued", "done", "dead", "keyed", "locked", "taken", "picked", "leased", "moved", "run", "judged", "behind", "held", "counted", "pg_catalog", "unnest", "types", "generate_series", "json_each", "sqlite_sequence"}
	prefix := map[string]string{"postgres": `"tenant_acme"."`, partitions: `"tenant_acme"."`, "sqlite": `"tenant_acme__`}
	for backend, store := range stores(t) {
		for name, sql := range store.Statements() {
			for _, match := range tables.FindAllStringSubmatch(sql, -1) {
				if table := match[1]; !strings.HasPrefix(table, prefix[backend]) && !slices.Contains(inner, table) {
					t.Errorf("%s %s: table %s is not qualified with the schema:\n%s", backend, name, table, sql)
				}
			}
		}
	}
}

// A distributed engine refuses volatile functions in an UPDATE, and a clock must not go on within a statement.
func TestStatementsUseNoVolatileClock(t *testing.T) {
	volatile := regexp.MustCompile(`clock_timestamp|gen_random_uuid|random\(`)
	for backend, store := range stores(t) {
		for name, sql := range store.Statements() {
			if found := volatile.FindString(sql); found != "" {
				t.Errorf("%s %s calls %s:\n%s", backend, name, found, sql)
			}
		}
	}
}
