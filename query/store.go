package query

import (
	"context"
	"errors"

	"github.com/neomultitenant/neoevents/driver"
)

// Store is the repositories of one schema on an Executor.
type Store struct {
	shared *shared
	exec   Executor
	events *events
}

// shared is what a Store and the Stores of its transactions have in common.
type shared struct {
	schema     string
	dialect    *Dialect
	maxPayload int
	eventSQL   *eventSQL
}

// NewStore returns the repositories of a schema whose tables are there. maxPayload is as in
// driver.Config.
func NewStore(schema string, d *Dialect, exec Executor, maxPayload int) *Store {
	return newStore(&shared{schema, d, maxPayload, newEventSQL(d, schema)}, exec)
}

func newStore(s *shared, exec Executor) *Store {
	store := &Store{shared: s, exec: exec}
	store.events = &events{shared: s, sql: s.eventSQL, exec: exec, store: store}
	return store
}

// On returns the same repositories on another Executor, such as a transaction that the app began.
func (s *Store) On(exec Executor) *Store { return newStore(s.shared, exec) }

// Dialect is the dialect the Store was made with.
func (s *Store) Dialect() *Dialect { return s.shared.dialect }

// WriteLock is a statement that changes nothing, and takes the write lock where the database has
// one.
func (s *Store) WriteLock() string {
	return "DELETE FROM " + s.shared.dialect.Quote(Table{s.shared.schema, queueTable}) + " WHERE position < 0"
}

// Schema implements driver.Store.
func (s *Store) Schema() string { return s.shared.schema }

// Events implements driver.Store.
func (s *Store) Events() driver.EventRepository { return s.events }

// InTx implements driver.Store.
func (s *Store) InTx(ctx context.Context, fn func(tx driver.Store) error) error {
	err := s.exec.InTx(ctx, func(tx Executor) error { return fn(s.On(tx)) })
	var own *driver.Error
	if errors.As(err, &own) && own.Op == "" { // the transaction's own failure, not fn's
		return driver.Fail("InTx", s.shared.schema, "transaction", "", err)
	}
	return err
}

// Close implements driver.Store: the DB owns the connections.
func (s *Store) Close() error { return nil }
