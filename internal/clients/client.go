package clients

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// client makes one call after the other, each in a tenant of its choice.
type client struct {
	*Options
	*tenant // the one chosen

	ctx     context.Context
	stop    <-chan struct{}
	number  int
	tenants []*tenant
	rng     *rand.Rand
	calls   int
}

func (c *client) choose() { c.tenant = c.tenants[c.rng.IntN(len(c.tenants))] }

func (c *client) oneIn(n int) bool { return c.rng.IntN(n) == 0 }

func (c *client) upTo(most time.Duration) time.Duration {
	return time.Duration(c.rng.Int64N(int64(most)))
}

// pause waits, but not for longer than the client is to work.
func (c *client) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.stop:
	}
}

// op begins to describe a call.
func (c *client) op(kind history.Kind, rows ...history.Row) *history.Op {
	return &history.Op{Client: c.number, Tenant: c.Name, Kind: kind, Rows: rows}
}

// call makes a call and writes down its outcome. It returns an error for a defect only; what the store
// said is in the op.
func (c *client) call(op *history.Op, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	c.calls++
	c.Record.Begin(op)
	err := fn(ctx)
	op.Return = c.Record.Now()
	c.end(op, err)
	return c.survive(err)
}

// end writes down what an error tells of an op.
func (c *client) end(op *history.Op, err error) {
	c.endLost(op, &err)
	op.Outcome = history.OutcomeOf(err)
	if err != nil {
		op.Error = err.Error()
	}
	c.Record.End(op)
}

// endLost writes down the rows whose lease is lost as an op of their own, and leaves the others, for
// which there is no error.
func (c *client) endLost(op *history.Op, err *error) {
	var details *driver.LeaseLostError
	if !errors.As(*err, &details) {
		return
	}
	gone := *op
	gone.ID, gone.Rows, gone.Outcome, gone.Error = c.Record.NewTx(), nil, history.No, (*err).Error()
	var kept []history.Row
	for _, row := range op.Rows {
		if slices.Contains(details.EventIDs, row.ID) {
			gone.Rows = append(gone.Rows, row)
		} else {
			kept = append(kept, row)
		}
	}
	c.Record.End(&gone)
	op.Rows, *err = kept, nil
}

// step is a transaction under way. What is done in it stands when the transaction has its outcome; what
// it is refused, and what it reads, stands at once.
type step struct {
	*client
	ctx   context.Context
	tx    driver.Store
	id    uint64
	steps []*history.Op // that wait for the outcome
}

// begin makes s the next try, if it is not the first one: what was done before is undone.
func (s *step) begin(tx driver.Store) {
	s.settle(history.Refused, nil)
	s.tx, s.id, s.steps = tx, s.Record.NewTx(), nil
}

// call does something in the transaction. Lost leases are no error: they are no longer in the op.
func (s *step) call(op *history.Op, fn func() error) error {
	s.calls++
	op.Tx = s.id
	s.Record.Begin(op)
	err := fn()
	if err == nil && op.Kind == history.Seen {
		s.end(op, nil)
		return nil
	}
	s.endLost(op, &err)
	if err == nil {
		s.steps = append(s.steps, op)
		return nil
	}
	s.end(op, err)
	return err
}

// settle writes down what became of the steps.
func (s *step) settle(outcome history.Outcome, err error) {
	now := s.Record.Now()
	for _, op := range s.steps {
		op.Outcome, op.Return = outcome, now
		if err != nil {
			op.Error = err.Error()
		}
		s.Record.End(op)
	}
}

// errRollBack makes a transaction end as the app has it.
var errRollBack = errors.New("the app changed its mind")

// inTx runs a transaction, or several tries of it, and writes down what became of its steps. fn returns
// the error of a step that it can't go on after. Like call it returns an error for a defect only.
func (c *client) inTx(fn func(s *step) error, opts ...driver.TxOption) (outcome history.Outcome, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	s := &step{client: c, ctx: ctx}
	var failed error
	try := func(tx driver.Store) error {
		s.begin(tx)
		failed = fn(s)
		return failed
	}
	if c.oneIn(2) {
		err = driver.RetryTx(ctx, c.Store, driver.RetryOptions{Tx: opts}, try)
	} else {
		err = c.Store.InTx(ctx, try, opts...)
	}
	return s.commit(err, failed), c.survive(err)
}

// commit writes down the outcome of the transaction. If its function failed nothing was committed.
func (s *step) commit(err, failed error) history.Outcome {
	outcome := history.OutcomeOf(err)
	if failed != nil {
		outcome = history.Refused
	}
	s.settle(outcome, err)
	return outcome
}

// errNo stands for an answer that is no error, but not yes either.
var errNo = fmt.Errorf("the answer is no: %w", driver.ErrNotFound)

// survivable are the kinds of errors after which an app goes on.
var survivable = []error{
	driver.ErrUnavailable, driver.ErrReadOnly, driver.ErrLeaseLost, driver.ErrAlreadyExists, driver.ErrVersionConflict,
	driver.ErrConflict, driver.ErrNotFound, driver.ErrState, context.DeadlineExceeded, context.Canceled,
}

// survive returns an error that is a defect. After one that tells of trouble it pauses.
func (c *client) survive(err error) error {
	if err == nil || errors.Is(err, errNo) || errors.Is(err, errRollBack) || c.Expected != nil && c.Expected(err) {
		return nil
	}
	var typed *driver.Error
	if !errors.As(err, &typed) {
		return fmt.Errorf("an error that is none of package driver's: %w", err)
	}
	if !slices.ContainsFunc(survivable, func(kind error) bool { return errors.Is(err, kind) }) {
		return fmt.Errorf("a defect: %w", err)
	}
	if errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrReadOnly) || errors.Is(err, context.DeadlineExceeded) {
		c.pause(10*time.Millisecond + c.upTo(100*time.Millisecond))
	}
	return nil
}

// catch makes a panic an error.
func catch(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}
