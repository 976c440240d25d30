package clients

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Settle finishes what the clients of a Run left, in the same history, once the database is well: every
// event is handled and acknowledged, every dead letter requeued before, every delivery made, and every
// consumer read to its end. It waits for leases to end, until ctx is done.
func Settle(ctx context.Context, o Options) error {
	o.prepare()
	group, ctx := errgroup.WithContext(ctx)
	for i, t := range o.tenants() {
		c := newClient(ctx, &o, o.First+o.Clients+i, []*tenant{t})
		c.choose()
		group.Go(func() (err error) {
			defer catch(&err)
			for _, finish := range []func() (done bool, err error){
				c.finishDeadLetters, c.finishEvents, c.finishDeliveries, c.finishConsumers,
			} {
				for done := false; !done; {
					if done, err = finish(); err != nil {
						return fmt.Errorf("tenant %s: %w", t.Name, err)
					}
					if ctx.Err() != nil {
						return fmt.Errorf("tenant %s does not settle: %w", t.Name, ctx.Err())
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return o.Record.Err()
}

// soon is how long to wait for what is in somebody's hands.
const soon = 20 * time.Millisecond

// finishEvents gets events out of the queue; done when there is none.
func (c *client) finishEvents() (done bool, err error) {
	claims, err := c.claim(500, c.Lease)
	if err != nil {
		return false, err
	}
	if len(claims) > 0 {
		return false, c.ack(claims)
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	waiting, err := c.Store.Events().GetUnprocessed(ctx, 1)
	if err != nil || len(waiting) > 0 {
		c.pause(soon)
		return false, c.survive(err)
	}
	return true, nil
}

// finishDeadLetters puts them back in the queue; done when there is none.
func (c *client) finishDeadLetters() (done bool, err error) {
	ids, err := c.deadLetters(1000)
	for _, id := range ids {
		if err == nil {
			err = c.requeueOne(id)
		}
	}
	return err == nil && len(ids) == 0, err
}
