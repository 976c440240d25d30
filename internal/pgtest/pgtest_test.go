package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { Main(m) }

// connect opens a connection that is closed when t ends.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func queryValue[T any](t *testing.T, conn *pgx.Conn, sql string) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(context.Background(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestDSNGivesIsolatedDatabases(t *testing.T) {
	one, two := connect(t, DSN(t)), connect(t, DSN(t))
	mustExec(t, one, "create table only_here (id int)")
	if !queryValue[bool](t, two, "select to_regclass('only_here') is null") {
		t.Error("a table of one database is visible in the other")
	}
}

func TestDSNDropsItsDatabaseThoughSomeoneIsConnected(t *testing.T) {
	var dsn, name string
	t.Run("uses", func(t *testing.T) {
		dsn = DSN(t)
		left, err := pgx.Connect(context.Background(), dsn) // and never closed by the test
		if err != nil {
			t.Fatal(err)
		}
		name = queryValue[string](t, left, "select current_database()")
	})
	observer := connect(t, DSN(t))
	if !queryValue[bool](t, observer, "select not exists (select from pg_database where datname = '"+name+"')") {
		t.Errorf("database %s is still there", name)
	}
}

// BenchmarkDSN measures what a test pays for its database, from creating to dropping.
func BenchmarkDSN(b *testing.B) {
	DSN(b) // the server starts outside the loop
	for b.Loop() {
		_, drop, err := shared.server.createDatabase(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if err := drop(); err != nil {
			b.Fatal(err)
		}
	}
}
