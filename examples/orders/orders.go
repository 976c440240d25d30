package main

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
)

type order struct {
	number int
	cents  int // of a euro
}

// shop is the app: a table of its own, and the events beside it.
type shop struct {
	db    *sql.DB
	store driver.Store
}

func (s *shop) createTable(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "CREATE TABLE orders (number INTEGER PRIMARY KEY, id TEXT NOT NULL, cents INTEGER NOT NULL)")
	return err
}

// place saves an order and its event. Both are there afterwards, or neither is.
func (s *shop) place(ctx context.Context, o order) error {
	data, err := json.Marshal(map[string]any{"order": o.number, "cents": o.cents})
	if err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit

	store, err := sqlite.WithTx(s.store, tx)
	if err != nil {
		return err
	}
	id := uuid.New()
	if _, err := store.Events().Save(ctx, driver.Event{
		EventType: "order.placed", AggregateType: "Order", AggregateID: id, EventData: data,
	}); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO orders (number, id, cents) VALUES (?, ?, ?)", o.number, id.String(), o.cents); err != nil {
		return err
	}
	return tx.Commit()
}
