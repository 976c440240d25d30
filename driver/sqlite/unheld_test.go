package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// An acknowledgement in order is committed before the aggregate is let go on. Whatever happens to that
// second step, the answer is about the first: who is told that nothing happened would do the work again.
func TestAnAcknowledgementStandsThoughTheAggregateCannotGoOnYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "unheld.db")
	store, err := driver.Open("sqlite:"+path, "acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	order := driver.Aggregate{Type: "Order", ID: uuid.New()}
	event := driver.Event{EventType: "order.placed", EventData: json.RawMessage("{}")}
	events := store.Events()
	if _, err := events.Append(t.Context(), order, driver.NoEvents, []driver.Event{event, event}); err != nil {
		t.Fatal(err)
	}
	inOrder := driver.ClaimOptions{Limit: 1, Lease: time.Hour, PerAggregateOrder: true}
	first, err := events.Claim(t.Context(), inOrder)
	if err != nil || len(first) != 1 {
		t.Fatalf("claimed %d, %v, want 1", len(first), err)
	}
	if second, err := events.Claim(t.Context(), inOrder); err != nil || len(second) != 0 { // it is held from now on
		t.Fatalf("claimed %d, %v, want none", len(second), err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER keep_held BEFORE UPDATE ON acme__event_queue WHEN OLD.is_held AND NOT NEW.is_held
		BEGIN SELECT RAISE(ABORT, 'not now'); END`)
	if err != nil {
		t.Fatal(err)
	}

	if err := events.Ack(t.Context(), first); err != nil {
		t.Errorf("the acknowledgement took effect and is %v, want no error", err)
	}
	if stored, err := events.GetByID(t.Context(), first[0].Event.ID); err != nil || stored.ProcessedAt == nil {
		t.Errorf("the event is %+v, %v, want it processed", stored, err)
	}
}
