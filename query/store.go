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

// NewStore returns the repositories of a schema whose tables are there. maxPayload is as in driver.Config.
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

// Schema implements driver.Store.
func (s *Store) Schema() string { return s.shared.schema }

// Events implements driver.Store.
func (s *Store) Events() driver.EventRepository { return s.events }

// InTx implements driver.Store.
func (s *Store) InTx(ctx context.Context, fn func(tx driver.Store) error) error {
	err := s.exec.InTx(ctx, func(tx Executor) error { return fn(s.On(tx)) })
	return s.shared.fail("InTx", "transaction", "", err)
}

// Close implements driver.Store: the DB owns the connections.
func (s *Store) Close() error { return nil }

// fail makes err the error of an operation. Errors that are complete (from an
// operation inside) or that aren't the library's (from a function of the app) stay as they are.
func (s *shared) fail(op, entity, key string, err error) error {
	var complete *driver.Error
	if err == nil || errors.As(err, &complete) {
		return err
	}
	failed := &driver.Error{Op: op, Schema: s.schema, Entity: entity, Key: key}
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		failed.Kind, failed.Err = failure.Kind, failure.Err
	case errors.Is(err, driver.ErrInvalid):
		failed.Kind, failed.Err = driver.ErrInvalid, err
	case isVersionConflict(err):
		failed.Kind, failed.Err = driver.ErrVersionConflict, err
	case err == driver.ErrNotFound, err == driver.ErrAlreadyExists, err == driver.ErrTxRequired:
		failed.Kind = err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		failed.Err = err
	default:
		return err
	}
	return failed
}

func isVersionConflict(err error) bool {
	var conflict *driver.VersionConflictError
	return errors.As(err, &conflict)
}
