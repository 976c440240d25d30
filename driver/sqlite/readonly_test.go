package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// The database itself refuses writes in a read-only transaction, whoever sends them, and the
// connection takes them again afterwards.
func TestReadOnlyTransactionsAreSoInTheDatabase(t *testing.T) {
	for name, d := range everyPool(t) {
		x := &executor{d}
		if _, err := x.Exec(t.Context(), "CREATE TABLE probe (id INTEGER)", nil); err != nil {
			t.Fatal(err)
		}
		write := func(tx query.Executor) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO probe VALUES (1)", nil)
			return err
		}
		for range 3 {
			if err := x.InTx(t.Context(), write, driver.ReadOnly()); !errors.Is(err, driver.ErrReadOnly) {
				t.Errorf("%s: writing in a read-only transaction: got %v, want %v", name, err, driver.ErrReadOnly)
			}
			ctx, cancel := context.WithCancel(t.Context())
			_ = x.InTx(ctx, func(tx query.Executor) error { cancel(); return tx.Query(ctx, "SELECT 1", nil, []any{new(int64)}, nil) }, driver.ReadOnly())
			for range 3 {
				if err := x.InTx(t.Context(), write); err != nil {
					t.Errorf("%s: writing afterwards: %v", name, err)
				}
			}
		}
		if open, inUse := d.readers.counts(); inUse != 0 {
			t.Errorf("%s: %d of %d readers are in use, want none", name, inUse, open)
		}
	}
}

func everyPool(t *testing.T) map[string]*db {
	t.Helper()
	pools := map[string]*db{}
	add := func(name string, d driver.DB, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		pools[name] = d.(*db)
	}
	d, err := driver.Connect(t.Context(), "sqlite::memory:")
	add("memory", d, err)
	d, err = driver.Connect(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "app.db"))
	add("file", d, err)
	for name, conns := range map[string]int{"adopted": 0, "adopted, one connection": 1} {
		app, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "app.db")+"?_pragma=journal_mode(WAL)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = app.Close() })
		app.SetMaxOpenConns(conns)
		d, err = New(app)
		add(name, d, err)
	}
	return pools
}
