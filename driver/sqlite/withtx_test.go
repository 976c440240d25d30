package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
)

// database/sql begins transactions without the write lock. Joined, they have it all the
// same: else two workers could read the same events.
func TestWithTxTakesTheWriteLock(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "app.db")
	store, err := driver.Open("sqlite:"+path, "tenant_acme", driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Events().Save(ctx, driver.Event{
		EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`),
	}); err != nil {
		t.Fatal(err)
	}
	app, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	tx, err := app.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	joined, err := sqlite.WithTx(store, tx)
	if err != nil {
		t.Fatal(err)
	}
	if locked, err := joined.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{}); len(locked) != 1 || err != nil {
		t.Fatalf("in the app's transaction: %d events, %v; want 1", len(locked), err)
	}

	other, err := driver.Open("file:"+path+"?_pragma=busy_timeout(1)", "tenant_acme")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = other.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		t.Errorf("another worker got %d events that are locked", len(events))
		return nil, nil
	})
	if !errors.Is(err, driver.ErrUnavailable) || !driver.IsRetryable(err) {
		t.Errorf("another worker: %v, want a retryable ErrUnavailable", err)
	}
}

// A probe of readiness must not fail because somebody writes.
func TestPingAnswersWhileATransactionIsOpen(t *testing.T) {
	db, err := driver.Connect(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "app.db"), driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := db.Store(t.Context(), "tenant_acme")
	if err != nil {
		t.Fatal(err)
	}
	err = store.InTx(t.Context(), func(driver.Store) error { return db.Ping(t.Context()) })
	if err != nil {
		t.Errorf("Ping inside InTx: %v, want an answer", err)
	}
}
