package driver

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// DefaultTries is how often RetryTx runs a transaction at the most.
const DefaultTries = 10

// The bounds of the pause before RetryTx runs a transaction again.
const (
	firstPause = 10 * time.Millisecond
	mostPause  = time.Second
)

// RetryOptions changes how [RetryTx] works. The zero value is the default.
type RetryOptions struct {
	Tries int        // how often it runs at the most, the first time included; 0: DefaultTries
	Tx    []TxOption // of each transaction
}

// RetryTx runs fn in a transaction as [Store].InTx does, and runs all of it again when it failed in
// a way that trying again may help against ([IsRetryable]: a deadlock, a serialization failure, a
// lost connection, a busy database), until it succeeds, Tries are used up or ctx ends. Between two
// tries it pauses for a random time, up to 10 ms after the first one, then up to twice as long each
// time, and 1 s at the most.
//
// fn may run several times, and what it did through tx in a try that failed is undone: it must have
// no effect anywhere else, and must set anew what it hands out.
//
// A failure after which nobody knows whether the transaction was committed (CommitUnknown) is not
// retried. Inside a transaction, where store has a method IsTx that reports true, fn runs once:
// only the outermost can be run again, so that is where RetryTx belongs.
//
// It returns the last try's error as InTx returned it, joined with the context's error if that
// ended a pause. ErrInvalid, naming "tries", for a negative number.
func RetryTx(ctx context.Context, store Store, opts RetryOptions, fn func(tx Store) error) error {
	if opts.Tries < 0 {
		return Fail("RetryTx", store.Schema(), "transaction", "", &InvalidError{"tries", "must be 0 for the default, or more"})
	}
	tries := opts.Tries
	setDefault(&tries, DefaultTries)
	if IsTx(store) {
		tries = 1
	}
	longest := firstPause
	for try := 1; ; try++ {
		err := store.InTx(ctx, fn, opts.Tx...)
		if try >= tries || !IsRetryable(err) {
			return err
		}
		select {
		case <-time.After(rand.N(longest)):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		longest = min(2*longest, mostPause)
	}
}

// IsTx reports whether a Store is inside a transaction, where its backend tells.
func IsTx(store Store) bool {
	inside, ok := Unwrap(store).(interface{ IsTx() bool })
	return ok && inside.IsTx()
}
