package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/secrettest"
)

func TestSecretsAreFoundNowhere(t *testing.T) { secrettest.Leaks(t, newSecretsFile) }

func TestMovedSecretsDoNotOpen(t *testing.T) { secrettest.Moves(t, newSecretsFile) }

func newSecretsFile(t *testing.T) secrettest.Database {
	path := filepath.Join(t.TempDir(), "neoevents.db")
	return secrettest.Database{
		Connect: func(t *testing.T, opts ...driver.Option) driver.DB { return connect(t, "sqlite:"+path, opts) },
		Exec: func(t *testing.T, statement string, args ...any) {
			if _, err := openSQL(t, path).Exec(statement, args...); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		},
		Table: func(schema, name string) string { return `"` + schema + "__" + name + `"` },
		Dump:  func(t *testing.T) string { return bytesOf(t, path) + rowsOf(t, openSQL(t, path)) },
	}
}

// bytesOf is the file and those beside it.
func bytesOf(t *testing.T, path string) string {
	t.Helper()
	var all strings.Builder
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		bytes, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		all.Write(bytes)
	}
	return all.String()
}

// rowsOf is every column of every table.
func rowsOf(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all strings.Builder
	for _, table := range columnOf(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		for _, column := range columnOf(t, db, "SELECT name FROM pragma_table_info('"+table+"')") {
			for _, value := range columnOf(t, db, fmt.Sprintf("SELECT %s FROM %s", quoted(column), quoted(table))) {
				all.WriteString(value + "\n")
			}
		}
	}
	return all.String()
}

func quoted(name string) string { return `"` + name + `"` }

func columnOf(t *testing.T, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value any
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, fmt.Sprint(value))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
