package driver

import (
	"fmt"
	"strconv"
)

// Isolation is how far a transaction is kept apart from others that run beside it.
//
// SQLite runs one writing transaction at a time and gives a read-only one a snapshot, so that each
// level is Serializable there.
type Isolation uint8

const (
	// ReadCommitted: each statement sees what others had committed when it began. The default; on
	// PostgreSQL that is the setting default_transaction_isolation, which is this level unless
	// somebody changed it.
	ReadCommitted Isolation = iota
	// RepeatableRead: every statement sees what others had committed when the first one began. To
	// change a row that somebody else changed since is ErrUnavailable with GaveWay set: see
	// RetryTx.
	RepeatableRead
	// Serializable: as if transactions ran one after the other. One that can't be put in such an
	// order is ErrUnavailable with GaveWay set, at any statement or at the commit: see RetryTx.
	// Until it has committed, what it read may be wrong.
	Serializable
)

// String returns the level as SQL spells it, in lower case: "repeatable read".
func (i Isolation) String() string {
	switch i {
	case ReadCommitted:
		return "read committed"
	case RepeatableRead:
		return "repeatable read"
	case Serializable:
		return "serializable"
	}
	return "isolation " + strconv.Itoa(int(i))
}

// TxConfig is what the options of [Store].InTx set. Backends read it.
type TxConfig struct {
	Isolation Isolation
	ReadOnly  bool
}

// TxOption changes what a transaction sees or may do.
type TxOption func(*TxConfig)

// WithIsolation sets how far the transaction is kept apart from others, ReadCommitted unless set.
func WithIsolation(level Isolation) TxOption {
	return func(c *TxConfig) { c.Isolation = level }
}

// ReadOnly makes a transaction that takes no writes: a method that writes, or locks what it reads,
// is ErrReadOnly, and the transaction can still read.
//
// On SQLite it takes a reader's connection and not the write lock, so that it runs beside a writer,
// and sees one state throughout, that of its first read. A database in memory has one connection,
// for which it waits. On PostgreSQL each statement sees a state of its own unless
// WithIsolation(RepeatableRead) is given, too.
func ReadOnly() TxOption {
	return func(c *TxConfig) { c.ReadOnly = true }
}

// NewTxConfig applies opts to the defaults. ErrInvalid, naming "isolation", for a level that is
// none. For backends.
func NewTxConfig(opts ...TxOption) (TxConfig, error) {
	var config TxConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&config)
		}
	}
	if config.Isolation > Serializable {
		return TxConfig{}, &InvalidError{"isolation", fmt.Sprintf("must be one of %s, %s, %s", ReadCommitted, RepeatableRead, Serializable)}
	}
	return config, nil
}

// CheckInside reports what a transaction inside one with the configuration outer asks for and can't
// have, as an [InvalidError] with the field "isolation" or "read_only". It is the same on every
// backend, whatever more the backend could give. For backends.
func (c TxConfig) CheckInside(outer TxConfig) error {
	switch {
	case c.Isolation > outer.Isolation:
		return &InvalidError{"isolation", "must not be stricter than that of the transaction it is inside of; set it where that one begins"}
	case c.ReadOnly && !outer.ReadOnly:
		return &InvalidError{"read_only", "can't be had inside a transaction that writes; set it where that one begins"}
	}
	return nil
}
