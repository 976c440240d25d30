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

// end writes down what an error tells of an op. Rows whose lease is lost are an op of their own.
func (c *client) end(op *history.Op, err error) {
	op.Outcome = history.OutcomeOf(err)
	if err != nil {
		op.Error = err.Error()
	}
	var details *driver.LeaseLostError
	if errors.As(err, &details) {
		gone := *op
		gone.ID, gone.Rows = c.Record.NewTx(), nil
		kept := op.Rows
		op.Rows = nil
		for _, row := range kept {
			if slices.Contains(details.EventIDs, row.ID) {
				gone.Rows = append(gone.Rows, row)
			} else {
				op.Rows = append(op.Rows, row)
			}
		}
		c.Record.End(&gone)
		op.Outcome, op.Error = history.OK, ""
	}
	c.Record.End(op)
}

// step is a call inside a transaction. What it did stands when the transaction has its outcome; what
// it was refused, and what it read, stands now.
type step struct {
	*client
	ctx   context.Context
	tx    driver.Store
	id    uint64
	steps []*history.Op // that wait for the outcome
}

func (s *step) call(op *history.Op, fn func() error) error {
	s.calls++
	op.Tx = s.id
	s.Record.Begin(op)
	err := fn()
	switch {
	case err == nil && op.Kind != history.Seen:
		s.steps = append(s.steps, op)
	default:
		s.end(op, err)
	}
	return err
}

// errRollBack makes a transaction end as the app has it.
var errRollBack = errors.New("the app changed its mind")

// inTx runs a transaction and writes down what became of its steps. fn returns the error of a step that
// it can't go on after. Like call it returns an error for a defect only.
func (c *client) inTx(fn func(s *step) error) (outcome history.Outcome, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	s := &step{client: c, ctx: ctx, id: c.Record.NewTx()}
	var failed error
	err = c.Store.InTx(ctx, func(tx driver.Store) error {
		s.tx = tx
		failed = fn(s)
		return failed
	})
	return s.commit(err, failed), c.survive(err)
}

// commit writes down the outcome of the steps. If fn failed nothing was committed.
func (s *step) commit(err, failed error) history.Outcome {
	outcome := history.OutcomeOf(err)
	if failed != nil {
		outcome = history.Refused
	}
	now := s.Record.Now()
	for _, op := range s.steps {
		op.Outcome, op.Return = outcome, now
		if err != nil {
			op.Error = err.Error()
		}
		s.Record.End(op)
	}
	return outcome
}

// survivable are the kinds of errors after which an app goes on.
var survivable = []error{
	driver.ErrUnavailable, driver.ErrReadOnly, driver.ErrLeaseLost, driver.ErrAlreadyExists, driver.ErrVersionConflict,
	driver.ErrConflict, driver.ErrNotFound, driver.ErrState, context.DeadlineExceeded, errRollBack,
}

// survive returns an error that is a defect. After one that tells of trouble it pauses.
func (c *client) survive(err error) error {
	if err == nil || errors.Is(err, errRollBack) || c.Expected != nil && c.Expected(err) {
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
