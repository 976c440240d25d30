package clients

import (
	"context"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// read looks at events in one of several ways.
func (c *client) read() error {
	switch c.rng.IntN(4) {
	case 0:
		return c.readAggregate()
	case 1:
		return c.readContext()
	case 2:
		return c.count()
	}
	return c.readByID()
}

// readByID looks for an event, sometimes for one of another tenant, which is not there.
func (c *client) readByID() error {
	of := c.tenant
	if c.oneIn(4) {
		of = c.tenants[c.rng.IntN(len(c.tenants))]
	}
	id, ok := of.recall(c.rng)
	if !ok {
		return nil
	}
	op := c.op(history.Seen, history.Row{ID: id})
	return c.call(op, func(ctx context.Context) error {
		event, err := c.Store.Events().GetByID(ctx, id)
		if err == nil {
			op.Rows[0] = c.rowOf(&event)
		}
		return err
	})
}

// readAggregate reads the whole history of an aggregate.
func (c *client) readAggregate() error {
	aggregate := c.aggregate(c.rng)
	op := c.op(history.Seen)
	op.Ordered = true
	return c.call(op, func(ctx context.Context) error {
		for event, err := range c.Store.Events().AllByAggregate(ctx, aggregate, 1) {
			if err != nil {
				return err
			}
			op.Rows = append(op.Rows, c.rowOf(&event))
		}
		return nil
	})
}

// readContext reads the newest events of the tenant's context.
func (c *client) readContext() error {
	op := c.op(history.Seen)
	return c.call(op, func(ctx context.Context) error {
		events, err := c.Store.Events().GetByContext(ctx, &c.context, 20)
		op.Rows = c.rowsOf(events)
		return err
	})
}

// count asks for what changes all the time; that it is right is for Look to say.
func (c *client) count() error {
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	_, err := count(ctx, c.Tenant)
	return c.survive(err)
}

// count is what a tenant's store says it has.
func count(ctx context.Context, t Tenant) (counts history.Counts, err error) {
	events := t.Store.Events()
	byType, err := events.CountByType(ctx, time.Time{})
	if err != nil {
		return counts, err
	}
	for _, n := range byType {
		counts.Events += n
	}
	if counts.Unprocessed, err = events.CountUnprocessed(ctx); err != nil {
		return counts, err
	}
	if counts.Processing, err = events.CountProcessing(ctx); err != nil {
		return counts, err
	}
	counts.DeadLetters, err = t.Store.DeadLetters().Count(ctx, driver.DeadLetterFilter{})
	return counts, err
}
