package clients

import (
	"context"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// Consumers of each tenant: one that all clients are, in transactions, and some of one client each,
// which reads and commits in two calls.
const (
	sharedConsumer = "search"
	ownConsumers   = 2
)

func ownConsumer(n int) string { return fmt.Sprintf("export-%d", n) }

// consume reads on as a consumer.
func (c *client) consume() error {
	limit := 1 + c.rng.IntN(50)
	if c.number < ownConsumers && c.oneIn(2) {
		_, err := c.readAndCommit(ownConsumer(c.number), limit)
		return err
	}
	_, err := c.consumeInTx(limit)
	return err
}

// readAndCommit reads and is done with some of it, most of the time. It returns how many it read.
func (c *client) readAndCommit(name string, limit int) (read int, err error) {
	op := c.seenBy(name)
	err = c.call(op, func(ctx context.Context) (err error) {
		op.Rows, err = c.behind(ctx, c.Store, name, limit)
		return err
	})
	if err != nil || op.Outcome != history.OK || len(op.Rows) == 0 || c.oneIn(10) {
		return len(op.Rows), err
	}
	commit := c.committed(name, op.Rows)
	return len(op.Rows), c.call(commit, func(ctx context.Context) error {
		return c.Store.Consumers().Commit(ctx, name, commit.Position)
	})
}

// consumeInTx reads and commits in one transaction, which keeps others from doing so meanwhile.
func (c *client) consumeInTx(limit int) (read int, err error) {
	_, err = c.inTx(func(s *step) error {
		op := s.seenBy(sharedConsumer)
		err := s.call(op, func() (err error) {
			op.Rows, err = s.behind(s.ctx, s.tx, sharedConsumer, limit)
			return err
		})
		if read = len(op.Rows); err != nil || read == 0 {
			return err
		}
		commit := s.committed(sharedConsumer, op.Rows)
		err = s.call(commit, func() error {
			return s.tx.Consumers().Commit(s.ctx, sharedConsumer, commit.Position)
		})
		if err == nil && s.oneIn(10) {
			return errRollBack
		}
		return err
	})
	return read, err
}

func (c *client) seenBy(name string) *history.Op {
	op := c.op(history.Seen)
	op.Consumer = name
	return op
}

func (c *client) behind(ctx context.Context, store driver.Store, name string, limit int) ([]history.Row, error) {
	events, err := store.Consumers().Read(ctx, name, limit)
	return c.rowsOf(events), err
}

// committed describes a commit that is done with the first ones of what was read.
func (c *client) committed(name string, read []history.Row) *history.Op {
	op := c.op(history.Committed, read[:1+c.rng.IntN(len(read))]...)
	op.Consumer, op.Position = name, op.Rows[len(op.Rows)-1].Position
	return op
}

// finishConsumers reads on as every consumer; done when nothing is left to read.
func (c *client) finishConsumers() (done bool, err error) {
	done = true
	for n := range ownConsumers {
		more, err := c.left(ownConsumer(n), c.readAndCommit)
		if err != nil {
			return false, err
		}
		done = done && !more
	}
	more, err := c.left(sharedConsumer, func(_ string, limit int) (int, error) { return c.consumeInTx(limit) })
	return done && !more, err
}

// left reads on as one consumer, and reports whether there may be more to read.
func (c *client) left(name string, read func(name string, limit int) (int, error)) (bool, error) {
	if n, err := read(name, 1000); err != nil || n > 0 {
		return true, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	lag, err := c.Store.Consumers().Lag(ctx, name)
	return err != nil || lag > 0, c.survive(err)
}
