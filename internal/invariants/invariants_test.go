package invariants

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"

	"github.com/neomultitenant/neoevents/driver"
	_ "github.com/neomultitenant/neoevents/driver/postgres"
	_ "github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const schema = "acme"

// database is a schema that is filled, and a way to its tables.
type database struct {
	backend string
	db      *sql.DB
}

func filledDatabase(t *testing.T, backend, dsn, name, source string, opts ...driver.Option) *database {
	t.Helper()
	store, err := driver.Open(dsn, schema, append(opts, driver.WithLogger(nil))...)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(name, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &database{backend, db}
}

func onBoth(t *testing.T, test func(t *testing.T, d *database)) {
	t.Run("sqlite", func(t *testing.T) {
		path := t.TempDir() + "/test.db"
		test(t, filledDatabase(t, "sqlite", "sqlite:"+path, "sqlite", "file:"+path))
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := pgtest.DSN(t)
		test(t, filledDatabase(t, "postgres", dsn, "pgx", dsn))
	})
}

func TestASchemaWithSomethingOfEverythingIsClean(t *testing.T) {
	onBoth(t, func(t *testing.T, d *database) { d.wantClean(t) })
	t.Run("postgres, partitioned", func(t *testing.T) {
		dsn := pgtest.DSN(t)
		filledDatabase(t, "postgres", dsn, "pgx", dsn, driver.WithEventPartitions(driver.MinEventPartition)).wantClean(t)
	})
}

func (d *database) wantClean(t *testing.T) {
	found, err := Check(t.Context(), d.db, d.backend, schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range found {
		t.Errorf("%s: %s", d.backend, line)
	}
}

func TestEachHarmIsFound(t *testing.T) {
	onBoth(t, func(t *testing.T, d *database) {
		for _, h := range allHarms() {
			if h.on != "" && h.on != d.backend {
				continue
			}
			t.Run(h.rule+" "+h.named, func(t *testing.T) { d.wantFound(t, h) })
		}
	})
}

func TestEachRuleHasAHarm(t *testing.T) {
	rules := []string{mustBeMigrated, mustBeSound}
	for _, r := range allRules() {
		rules = append(rules, r.must)
	}
	for _, d := range documents {
		rules = append(rules, d.must())
	}
	for _, rule := range rules {
		if !slices.ContainsFunc(allHarms(), func(h harm) bool { return strings.HasPrefix(rule, h.rule) }) {
			t.Errorf("no harm shows that it is found if this is not so: %s", rule)
		}
	}
}

// wantFound does harm, checks, and undoes it.
func (d *database) wantFound(t *testing.T, h harm) {
	ctx := t.Context()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	b := backends[d.backend]
	names := strings.NewReplacer(replacements[d.backend]...)
	run := func(statement string) sql.Result {
		t.Helper()
		done, err := tx.ExecContext(ctx, names.Replace(b.replacer(schema).Replace(statement)))
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	run("{unhinge}")
	run(h.first)
	done := run(h.harm)
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("the harm changed %d rows, %v", n, err)
	}
	run("{hinge}")
	found, err := check(ctx, tx, b, schema)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(found, func(line string) bool { return strings.HasPrefix(line, "schema "+schema+": "+h.rule) }) {
		t.Errorf("%s: not found is what breaks the rule %q; found is:\n%s", d.backend, h.rule, strings.Join(found, "\n"))
	}
}
