package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/internal/secrettest"
)

func TestSecretsAreFoundNowhere(t *testing.T) { secrettest.Leaks(t, newSecretsDatabase) }

func TestMovedSecretsDoNotOpen(t *testing.T) { secrettest.Moves(t, newSecretsDatabase) }

func newSecretsDatabase(t *testing.T) secrettest.Database {
	dsn := pgtest.DSN(t)
	return secrettest.Database{
		Connect: func(t *testing.T, opts ...driver.Option) driver.DB { return open(t, dsn, opts...) },
		Exec:    func(t *testing.T, statement string, args ...any) { exec(t, admin(t, dsn), statement, args...) },
		Table:   func(schema, name string) string { return pgx.Identifier{schema, name}.Sanitize() },
		Dump:    func(t *testing.T) string { return rowsOf(t, admin(t, dsn)) },
	}
}

// rowsOf is every row of every table, as text.
func rowsOf(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	tables := textsOf(t, conn, "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables"+
		" WHERE table_schema NOT IN ('pg_catalog', 'information_schema')")
	var all strings.Builder
	for _, table := range tables {
		for _, row := range textsOf(t, conn, "SELECT r::text FROM "+table+" r") {
			all.WriteString(row + "\n")
		}
	}
	return all.String()
}

func textsOf(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, _ := conn.Query(soon(t), query)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return texts
}
