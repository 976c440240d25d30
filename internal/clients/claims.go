package clients

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// work claims events and does with them, some at a time, what workers do: mostly it acknowledges them.
func (c *client) work() error {
	claims, err := c.claim(1+c.rng.IntN(20), c.lease())
	if err != nil {
		return err
	}
	if len(claims) == 0 {
		return c.await()
	}
	for len(claims) > 0 {
		some := claims[:1+c.rng.IntN(len(claims))]
		claims = claims[len(some):]
		c.think(some[0].LeaseUntil)
		switch n := c.rng.IntN(40); {
		case n == 0:
			return nil // as if it had died: the leases end by themselves
		case n == 1:
			err = c.retry(some[0])
		case n == 2:
			err = c.deadLetter(some[0])
		case n < 5:
			err = c.release(some)
		case n < 8:
			if err = c.extend(some); err == nil {
				err = c.ack(some)
			}
		case n < 18:
			err = c.ackWithEffect(some)
		default:
			err = c.ack(some)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *client) lease() time.Duration { return c.Lease/2 + c.upTo(c.Lease/2) }

// think takes the time that handling takes: a little, but sometimes more than the lease lasts.
func (c *client) think(leaseUntil time.Time) {
	d := c.upTo(2 * time.Millisecond)
	if c.oneIn(100) {
		d += time.Until(leaseUntil) + c.upTo(c.Lease/4)
	}
	c.pause(d)
}

// await waits a little for an event to claim.
func (c *client) await() error {
	ctx, cancel := context.WithTimeout(c.ctx, 50*time.Millisecond)
	defer cancel()
	if err := c.Store.Events().Wait(ctx); ctx.Err() == nil {
		return c.survive(err)
	}
	return nil
}

// claim takes events in hand. Nobody gives up on one: MaxAttempts is out of reach.
func (c *client) claim(limit int, lease time.Duration) (claims []driver.Claim, err error) {
	op := c.op(history.Claimed)
	op.Lease, op.Ordered = lease.Microseconds(), c.ordered
	err = c.call(op, func(ctx context.Context) (err error) {
		claims, err = c.Store.Events().Claim(ctx, driver.ClaimOptions{
			Limit: limit, Lease: lease, MaxAttempts: driver.MaxMaxAttempts, PerAggregateOrder: c.ordered,
		})
		for i := range claims {
			row := c.rowOf(&claims[i].Event)
			row.Token, row.Attempt, row.Until = claims[i].Token, claims[i].Attempt, claims[i].LeaseUntil.UnixMicro()
			op.Rows = append(op.Rows, row)
		}
		return err
	})
	if op.Outcome != history.OK {
		claims = nil
	}
	return claims, err
}

// held describes a call that is about claims.
func (c *client) held(kind history.Kind, claims ...driver.Claim) *history.Op {
	op := c.op(kind)
	op.Ordered = c.ordered
	for i := range claims {
		op.Rows = append(op.Rows, history.Row{ID: claims[i].Event.ID, Token: claims[i].Token, Attempt: claims[i].Attempt})
	}
	return op
}

// ack acknowledges, again if nobody says what became of it: then those that it did are lost leases.
func (c *client) ack(claims []driver.Claim) error {
	for range mostSaves {
		op := c.held(history.Acked, claims...)
		err := c.call(op, func(ctx context.Context) error { return c.Store.Events().Ack(ctx, claims) })
		if err != nil || op.Outcome == history.OK || op.Outcome == history.No {
			return err
		}
	}
	return nil
}

// ackWithEffect acknowledges in one transaction with what the events lead to, an event for each. So the
// effect is there once, whatever happens.
func (c *client) ackWithEffect(claims []driver.Claim) error {
	_, err := c.inTx(func(s *step) error {
		op := s.held(history.Acked, claims...)
		if err := s.call(op, func() error { return s.tx.Events().Ack(s.ctx, claims) }); err != nil {
			return err
		}
		if len(op.Rows) < len(claims) && s.oneIn(2) {
			return errRollBack
		}
		return s.saveEffects(op.Rows)
	})
	return err
}

// saveEffects saves an event for each of those that are handled in the transaction.
func (s *step) saveEffects(of []history.Row) error {
	if len(of) == 0 {
		return nil
	}
	events := make([]driver.Event, len(of))
	for i := range of {
		events[i] = s.newEvent(&of[i].ID)
	}
	return s.save(events)
}

func (c *client) retry(claim driver.Claim) error {
	return c.call(c.held(history.Retried, claim), func(ctx context.Context) error {
		return c.Store.Events().Retry(ctx, claim, c.upTo(c.Lease/4), "tried in vain")
	})
}

func (c *client) release(claims []driver.Claim) error {
	return c.call(c.held(history.Released, claims...), func(ctx context.Context) error {
		return c.Store.Events().Release(ctx, claims)
	})
}

func (c *client) extend(claims []driver.Claim) error {
	lease := c.lease()
	op := c.held(history.Extended, claims...)
	op.Lease = lease.Microseconds()
	return c.call(op, func(ctx context.Context) error { return c.Store.Events().Extend(ctx, claims, lease) })
}

func (c *client) deadLetter(claim driver.Claim) error {
	return c.call(c.held(history.DeadLettered, claim), func(ctx context.Context) error {
		return c.Store.Events().DeadLetter(ctx, claim, "no use")
	})
}

// requeue puts a dead letter back in the queue.
func (c *client) requeue() error {
	ids, err := c.deadLetters(10)
	if err != nil || len(ids) == 0 {
		return err
	}
	return c.requeueOne(ids[c.rng.IntN(len(ids))])
}

func (c *client) requeueOne(id uuid.UUID) error {
	return c.call(c.op(history.Requeued, history.Row{ID: id}), func(ctx context.Context) error {
		return yes(c.Store.DeadLetters().Requeue(ctx, id))
	})
}

// yes returns errNo for an answer that is no.
func yes(answer bool, err error) error {
	if err == nil && !answer {
		return errNo
	}
	return err
}

func (c *client) deadLetters(limit int) (ids []uuid.UUID, err error) {
	op := c.op(history.Seen)
	err = c.call(op, func(ctx context.Context) error {
		letters, err := c.Store.DeadLetters().List(ctx, driver.DeadLetterFilter{}, limit)
		for i := range letters {
			op.Rows = append(op.Rows, c.rowOf(&letters[i].Event))
			ids = append(ids, letters[i].Event.ID)
		}
		return err
	})
	return ids, err
}

// process works without leases: it handles events in the transaction that marks them.
func (c *client) process() error {
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	s := &step{client: c, ctx: ctx}
	var failed error
	handle := func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		s.begin(tx)
		op := s.op(history.Processed, s.rowsOf(events[:1+s.rng.IntN(len(events))])...)
		ids := make([]uuid.UUID, len(op.Rows))
		for i, row := range op.Rows {
			ids[i] = row.ID
		}
		failed = s.call(op, func() error { return nil }) // it is done by the commit
		if failed == nil && s.oneIn(2) {
			failed = s.saveEffects(op.Rows)
		}
		if failed == nil && s.oneIn(10) {
			failed = errRollBack
		}
		return ids, failed
	}
	_, err := c.Store.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{Limit: 1 + c.rng.IntN(10)}, handle)
	s.commit(err, failed)
	return c.survive(err)
}

// mark takes an event out of the queue, whoever has it: one that waits, or just any.
func (c *client) mark() error {
	op := c.op(history.Seen)
	err := c.call(op, func(ctx context.Context) error {
		waiting, err := c.Store.Events().GetUnprocessed(ctx, 20)
		op.Rows = c.rowsOf(waiting)
		return err
	})
	if err != nil {
		return err
	}
	id, ok := c.recall(c.rng)
	if len(op.Rows) > 0 && !c.oneIn(4) {
		id, ok = op.Rows[c.rng.IntN(len(op.Rows))].ID, true
	}
	if !ok {
		return nil
	}
	return c.call(c.op(history.Marked, history.Row{ID: id}), func(ctx context.Context) error {
		return yes(c.Store.Events().MarkAsProcessed(ctx, id))
	})
}
