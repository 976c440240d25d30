package worker

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// The defaults of [Options].
const (
	DefaultConcurrency  = 10
	DefaultBatch        = driver.DefaultLimit
	DefaultDrainTimeout = 30 * time.Second
)

// MaxConcurrency is how many handlers can run at a time in one call of Process.
const MaxConcurrency = 10_000

// Options says how [Process] works. The zero value is the default.
type Options struct {
	// Concurrency is how many handlers run at a time: 0 for DefaultConcurrency, at most
	// MaxConcurrency.
	Concurrency int
	// Batch is how many events are claimed at a time: 0 for DefaultBatch, at most driver.MaxLimit. It
	// is the most, where handlers are fast; where they are slow, fewer are claimed ahead.
	Batch int
	// Lease is how long nobody else gets an event after this worker died: 0 for driver.DefaultLease,
	// at most driver.MaxLease. It need not be as long as a handler takes: leases are extended when
	// between a third and a half of them has passed. A second is short.
	Lease time.Duration
	// EventTypes: only events of exactly these types are handled. Empty: all.
	EventTypes []string
	// Columns are read of each event; see driver.ClaimOptions. Nil: all.
	Columns []driver.EventColumn
	// MaxAttempts is how often an event is handed out before it becomes a dead letter: 0 for
	// driver.DefaultMaxAttempts, at most driver.MaxMaxAttempts.
	MaxAttempts int
	// PerAggregateOrder handles the events of an aggregate by version, one after the other, and none
	// while an earlier one of its aggregate waits for a retry or is a dead letter. Everybody who
	// claims in the schema has to ask for it; see driver.ClaimOptions.
	PerAggregateOrder bool
	// Backoff is how long an event waits after a handler's error. Its Cap is at most
	// driver.MaxRetryDelay.
	Backoff driver.Backoff
	// DrainTimeout is how long running handlers may go on once the context has ended: 0 for
	// DefaultDrainTimeout. Then their contexts are cancelled.
	DrainTimeout time.Duration
	// HandlerTimeout ends the context of a handler that takes longer. 0: never.
	HandlerTimeout time.Duration
	// Hooks are told what happens.
	Hooks Hooks
	// Logger gets handlers' errors and those of the database. Nil: slog.Default().
	Logger *slog.Logger
}

// prepare validates the options and sets what they leave to the default.
func (o *Options) prepare() error {
	setDefault(&o.Concurrency, DefaultConcurrency)
	setDefault(&o.Batch, DefaultBatch)
	setDefault(&o.DrainTimeout, DefaultDrainTimeout)
	setDefault(&o.MaxAttempts, driver.DefaultMaxAttempts)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	switch {
	case o.Concurrency < 1 || o.Concurrency > MaxConcurrency:
		return &driver.InvalidError{Field: "concurrency", Reason: fmt.Sprintf("must be 0 (for %d) to %d", DefaultConcurrency, MaxConcurrency)}
	case o.Batch < 1 || o.Batch > driver.MaxLimit:
		return &driver.InvalidError{Field: "batch", Reason: fmt.Sprintf("must be 0 (for %d) to %d", DefaultBatch, driver.MaxLimit)}
	case o.DrainTimeout < 0:
		return &driver.InvalidError{Field: "drain_timeout", Reason: "must not be negative"}
	case o.HandlerTimeout < 0:
		return &driver.InvalidError{Field: "handler_timeout", Reason: "must not be negative"}
	}
	if err := checkBackoff(o.Backoff); err != nil {
		return err
	}
	if _, err := driver.SelectEventColumns(o.Columns); err != nil {
		return err
	}
	claim := o.claim(o.Batch)
	if err := claim.Prepare(); err != nil {
		return err
	}
	o.Lease = claim.Lease
	return nil
}

// claim returns the options of a call of Claim.
func (o *Options) claim(limit int) driver.ClaimOptions {
	return driver.ClaimOptions{
		Limit: limit, Lease: o.Lease, EventTypes: o.EventTypes, Columns: o.Columns,
		MaxAttempts: o.MaxAttempts, PerAggregateOrder: o.PerAggregateOrder,
	}
}

func checkBackoff(backoff driver.Backoff) error {
	switch {
	case backoff.Base < 0:
		return &driver.InvalidError{Field: "backoff.base", Reason: "must not be negative"}
	case backoff.Cap < 0 || backoff.Cap > driver.MaxRetryDelay:
		return &driver.InvalidError{Field: "backoff.cap", Reason: fmt.Sprintf("must be 0 (for %s) to %s", driver.DefaultBackoffCap, driver.MaxRetryDelay)}
	}
	return nil
}

// setDefault replaces a zero value.
func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}
