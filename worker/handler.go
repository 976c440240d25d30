package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Handler does the work for one event. What it returns says what becomes of the event:
//
//   - nil: it is acknowledged, and leaves the queue.
//   - [Done]: the handler has acknowledged it by itself.
//   - an error made by [DeadLetter]: it becomes a dead letter at once.
//   - an error made by [RetryAfter]: it is retried after that time.
//   - any other error, or a panic: it is retried after Options.Backoff. After its last attempt it
//     becomes a dead letter.
//
// The error's text is kept with the event, and logged.
//
// An event may be handled more than once: when a worker dies or loses its lease, or can't tell the
// database that it is done. A handler therefore does its work so that a second time does no harm, or
// in a transaction with the acknowledgement; see [InTx].
//
// The context ends when the lease is lost (its cause matches driver.ErrLeaseLost), after
// Options.HandlerTimeout, and after Options.DrainTimeout (its cause is [ErrDrainTimeout]), but not
// when that of Process does. A handler returns soon after its context ended; Process waits for it.
//
// Handlers are called concurrently.
type Handler func(ctx context.Context, claim driver.Claim) error

// Done is what a handler returns that has acknowledged its claim by itself, as one does in a
// transaction of its own. Once that is committed, the handler's context may end at any moment.
//
// An event of which that is not true is handed out again after its lease.
var Done error = done{}

type done struct{}

func (done) Error() string { return "acknowledged by the handler" }

// InTx returns a handler that runs fn in a transaction and acknowledges the event in the same one.
// What fn does through tx takes effect exactly once for each event that fn has no error for, whatever
// else fails.
//
// fn may run several times, as of driver.RetryTx. It neither acknowledges the claim nor returns
// Done; its errors mean what a Handler's do, and undo what it did through tx.
func InTx(store driver.Store, fn func(ctx context.Context, tx driver.Store, claim driver.Claim) error) Handler {
	return func(ctx context.Context, claim driver.Claim) error {
		err := driver.RetryTx(ctx, store, driver.RetryOptions{}, func(tx driver.Store) error {
			if err := fn(ctx, tx, claim); err != nil {
				return err
			}
			return tx.Events().Ack(ctx, []driver.Claim{claim})
		})
		if err != nil {
			return err
		}
		return Done
	}
}

// DeadLetter makes a dead letter of the event, for an error that no retry can help against. The
// result has err's text, and errors.Is and errors.As see err. Nil stays nil.
func DeadLetter(err error) error {
	if err == nil {
		return nil
	}
	return &deadLetter{err}
}

type deadLetter struct{ error }

func (d *deadLetter) Unwrap() error { return d.error }

// RetryAfter retries the event after a time other than Options.Backoff gives: when a server said how
// long to wait, for instance. A negative time counts as 0, one above driver.MaxRetryDelay as that.
// The result has err's text, and errors.Is and errors.As see err. Nil stays nil.
func RetryAfter(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfter{err, min(max(0, after), driver.MaxRetryDelay)}
}

type retryAfter struct {
	error
	after time.Duration
}

func (r *retryAfter) Unwrap() error { return r.error }

// PanicError is what a handler's panic becomes. Its text has the value and not the stack, which only
// the logger gets.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the handler's goroutine
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap returns the value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// errGoexit is the value of a PanicError when there was no panic.
var errGoexit = errors.New("the handler ended its goroutine")

// ErrDrainTimeout is the cause with which the contexts of handlers are cancelled that still run
// Options.DrainTimeout after the context of Process ended. Process returns it then.
var ErrDrainTimeout = errors.New("handlers still ran at the drain timeout")
