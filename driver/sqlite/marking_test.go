package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/atomictest"
)

// Events of the queue and dead letters are marked together: if one can't be, none is.
func TestMarkingEventsAndDeadLettersIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marking.db")
	store, err := driver.Open("sqlite:"+path, "acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string) func() {
		return func() {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	atomictest.Marking(t, store.Events(),
		exec("CREATE TRIGGER keep_dead BEFORE DELETE ON acme__event_dead_letters BEGIN SELECT RAISE(ABORT, 'not now'); END"),
		exec("DROP TRIGGER keep_dead"))
}
