package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/postgres"
	"github.com/neomultitenant/neoevents/internal/pgtest"
)

// A save that is refused for something that it can't see must say so, and not try for ever.

func adopted(t *testing.T) (*pgxpool.Pool, driver.Store) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db, err := postgres.New(pool, driver.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	store, err := db.Store(t.Context(), "tenant_acme")
	if err != nil {
		t.Fatal(err)
	}
	return pool, store
}

func orderPlaced(order uuid.UUID) driver.Event {
	return driver.Event{EventType: "order.placed", AggregateType: "Order", AggregateID: order, EventData: json.RawMessage(`{}`)}
}

func TestABatchBehindASnapshotIsUnavailable(t *testing.T) {
	ctx := context.Background()
	pool, store := adopted(t)
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "SELECT 1"); err != nil { // takes the snapshot
		t.Fatal(err)
	}
	order := uuid.New()
	if _, err := store.Events().Save(ctx, orderPlaced(order)); err != nil {
		t.Fatal(err)
	}
	joined, err := postgres.WithTx(store, tx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = joined.Events().SaveBatch(ctx, []driver.Event{orderPlaced(order), orderPlaced(order)})
	if !errors.Is(err, driver.ErrUnavailable) || !driver.IsRetryable(err) {
		t.Errorf("SaveBatch after another saved to the aggregate: %v, want a retryable ErrUnavailable", err)
	}
}

func TestASequenceBehindItsTableIsNamed(t *testing.T) {
	ctx := context.Background()
	pool, store := adopted(t)
	if _, err := store.Events().Save(ctx, orderPlaced(uuid.New())); err != nil {
		t.Fatal(err)
	}
	for name, save := range map[string]func() error{
		"Save": func() error { _, err := store.Events().Save(ctx, orderPlaced(uuid.New())); return err },
		"SaveBatch": func() error {
			_, err := store.Events().SaveBatch(ctx, []driver.Event{orderPlaced(uuid.New())})
			return err
		},
	} {
		// Each try takes a position. All that it may take are taken.
		_, err := pool.Exec(ctx, `INSERT INTO tenant_acme.events (position, id, event_type, event_name, aggregate_type, aggregate_id,
			aggregate_version, event_data, event_metadata, occurred_at)
			SELECT n, gen_random_uuid(), 'order.placed', '', 'Order', gen_random_uuid(), 1, '{}', '{}', now() FROM generate_series(2, 50) n
			ON CONFLICT DO NOTHING`)
		if err == nil {
			_, err = pool.Exec(ctx, `ALTER SEQUENCE tenant_acme.events_position_seq RESTART WITH 1`)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := save(); !errors.Is(err, driver.ErrInternal) || !strings.Contains(err.Error(), "sequence") {
			t.Errorf("%s: %v, want an ErrInternal that names the sequence", name, err)
		}
	}
}
