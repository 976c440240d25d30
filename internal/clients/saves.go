package clients

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// mostSaves is how often a client saves the same events at the most when it is not told what became of
// them.
const mostSaves = 5

// save stores one event.
func (c *client) save() error {
	event := c.newEvent(nil)
	return c.saveUntilTold([]driver.Event{event}, func(ctx context.Context) ([]driver.Event, error) {
		saved, err := c.Store.Events().Save(ctx, event)
		return []driver.Event{saved}, err
	})
}

func (c *client) saveBatch() error {
	events := c.newEvents(20)
	return c.saveUntilTold(events, func(ctx context.Context) ([]driver.Event, error) {
		return c.Store.Events().SaveBatch(ctx, events)
	})
}

// appendEvents stores events of one aggregate behind the last one, as a decision that was made on its
// history does; somebody else may be faster.
func (c *client) appendEvents() error {
	events := c.newEvents(5)
	aggregate := driver.Aggregate{Type: events[0].AggregateType, ID: events[0].AggregateID}
	for i := range events {
		events[i].AggregateID = aggregate.ID
	}
	expected := driver.AnyVersion
	if c.oneIn(2) {
		ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
		defer cancel()
		next, err := c.Store.Events().NextVersion(ctx, aggregate)
		if err != nil {
			return c.survive(err)
		}
		expected = next - 1
	}
	return c.saveUntilTold(events, func(ctx context.Context) ([]driver.Event, error) {
		return c.Store.Events().Append(ctx, aggregate, expected, events)
	})
}

// saveUntilTold saves events and, as long as nobody says what became of them, saves them again: under
// the same ids that is safe.
func (c *client) saveUntilTold(events []driver.Event, save func(context.Context) ([]driver.Event, error)) error {
	for range mostSaves {
		op := c.op(history.Saved, c.rowsOf(events)...)
		err := c.call(op, func(ctx context.Context) error {
			saved, err := save(ctx)
			if err == nil {
				op.Rows = c.rowsOf(saved)
			}
			return err
		})
		if err != nil {
			return err
		}
		if op.Outcome == history.OK || op.Outcome == history.No {
			c.remember(c.rng, op.Rows)
		}
		if op.Outcome != history.Unknown && (op.Outcome != history.Refused || c.oneIn(2)) {
			return nil
		}
	}
	return nil
}

// saveInTx stores several events in one transaction, in two steps, and commits or changes its mind.
func (c *client) saveInTx() error {
	batches := [][]driver.Event{c.newEvents(3), c.newEvents(3)}
	rollBack := c.oneIn(4)
	isolation := driver.WithIsolation(driver.Isolation(c.rng.IntN(3)))
	for range mostSaves {
		outcome, err := c.inTx(func(s *step) error {
			for _, events := range batches {
				if err := s.save(events); err != nil {
					return err
				}
			}
			if rollBack {
				return errRollBack
			}
			return nil
		}, isolation)
		if err != nil || outcome != history.Unknown {
			return err
		}
	}
	return nil
}

// save stores events in a transaction. That they are there already is an answer, after which it goes on.
func (s *step) save(events []driver.Event) error {
	op := s.op(history.Saved, s.rowsOf(events)...)
	err := s.call(op, func() error {
		saved, err := s.tx.Events().SaveBatch(s.ctx, events)
		if err == nil {
			op.Rows = s.rowsOf(saved)
		}
		return err
	})
	if op.Outcome == history.No {
		return nil
	}
	return err
}
