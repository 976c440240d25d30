package clients

import (
	"context"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// work claims events and acknowledges them, most of the time.
func (c *client) work() error {
	claims, err := c.claim(1+c.rng.IntN(20), c.Lease/2+c.upTo(c.Lease/2))
	if err != nil || len(claims) == 0 {
		return err
	}
	return c.ack(claims)
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

func (c *client) ack(claims []driver.Claim) error {
	return c.call(c.held(history.Acked, claims...), func(ctx context.Context) error {
		return c.Store.Events().Ack(ctx, claims)
	})
}
