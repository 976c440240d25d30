package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Events of the queue and dead letters are marked together: if one can't be, none is.
func TestMarkingEventsAndDeadLettersIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marking.db")
	store, err := driver.Open("sqlite:"+path, "acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	events := store.Events()
	if _, err := events.SaveBatch(t.Context(), []driver.Event{newEvent(), newEvent()}); err != nil {
		t.Fatal(err)
	}
	claims, err := events.Claim(t.Context(), driver.ClaimOptions{Limit: 2})
	if err != nil || len(claims) != 2 {
		t.Fatalf("claimed %d, %v, want 2", len(claims), err)
	}
	waiting, dead := claims[0].Event.ID, claims[1].Event.ID
	if err := events.DeadLetter(t.Context(), claims[1], "it is broken"); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER keep_dead BEFORE DELETE ON acme__event_dead_letters BEGIN SELECT RAISE(ABORT, 'not now'); END")

	if n, err := events.MarkMultipleAsProcessed(t.Context(), []uuid.UUID{waiting, dead}); err == nil || n != 0 {
		t.Errorf("marked %d, %v, want none and an error", n, err)
	}
	for _, id := range []uuid.UUID{waiting, dead} {
		if event, err := events.GetByID(t.Context(), id); err != nil || event.ProcessedAt != nil {
			t.Errorf("the event is %+v, %v, want it not processed", event, err)
		}
	}
	exec("DROP TRIGGER keep_dead")
	if n, err := events.MarkMultipleAsProcessed(t.Context(), []uuid.UUID{waiting, dead}); err != nil || n != 2 {
		t.Errorf("marked %d, %v, want 2", n, err)
	}
}
