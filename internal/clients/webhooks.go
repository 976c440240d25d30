package clients

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// hook is an endpoint with a subscription to all events of its tenant.
type hook struct {
	endpoint     uuid.UUID
	subscription uuid.UUID
	deliveries   int
}

// How many hooks of a tenant there are at a time, and after how many deliveries, or nearly so, one gives
// way to a new one: Look reads the deliveries of an endpoint in one list.
const (
	openHooks      = 2
	mostDeliveries = 1000
)

// webhook makes deliveries of an event, or hands some over.
func (c *client) webhook() error {
	if c.oneIn(2) {
		return c.deliver()
	}
	return c.post(1+c.rng.IntN(10), 10)
}

// deliver makes deliveries of an event that is saved; those that are there already are no others.
func (c *client) deliver() error {
	if err := c.subscribe(); err != nil {
		return err
	}
	id, ok := c.recall(c.rng)
	if !ok {
		return nil
	}
	op := c.op(history.Delivered, history.Row{Of: id})
	return c.call(op, func(ctx context.Context) error {
		event, err := c.Store.Events().GetByID(ctx, id)
		if err != nil {
			return err
		}
		matching, err := c.Store.Subscriptions().GetMatching(ctx, event.EventType, event.ContextID, driver.MatchOptions{})
		if err != nil {
			return err
		}
		tags := map[uuid.UUID]string{}
		for i := range matching {
			if name := matching[i].SubscriptionName; name != c.Name {
				tags[matching[i].EndpointID] = name
			}
		}
		deliveries, err := c.Store.Deliveries().SaveForEvent(ctx, event, matching)
		if err != nil {
			return err
		}
		op.Rows = nil
		for i := range deliveries {
			d := &deliveries[i]
			op.Rows = append(op.Rows, history.Row{ID: d.ID, Of: d.EventID, Tag: tags[d.EndpointID]})
		}
		c.counted(deliveries)
		return nil
	})
}

// subscribe makes a hook if there are too few, and ends one that has had enough.
func (c *client) subscribe() error {
	c.mu.Lock()
	var full *hook
	for i, h := range c.hooks {
		if h.deliveries > mostDeliveries {
			full = &h
			c.hooks = append(c.hooks[:i:i], c.hooks[i+1:]...)
			break
		}
	}
	few := len(c.hooks) < openHooks
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	if full != nil {
		if _, err := c.Store.Subscriptions().Delete(ctx, full.subscription); err != nil {
			return c.survive(err)
		}
	}
	if !few {
		return nil
	}
	endpoint := driver.NewEndpoint(c.Name, "https://hooks.example/"+c.Name)
	endpoint.ID = newID(c.rng)
	endpoint.MaxRetryAttempts, endpoint.RetryBackoffSeconds, endpoint.RetryBackoffMultiplier = 50, 1, 1
	subscription := driver.NewSubscription(endpoint.ID, "order.*")
	subscription.ID, subscription.SubscriptionName = newID(c.rng), c.Name
	for range mostSaves {
		err := c.Store.InTx(ctx, func(tx driver.Store) error {
			_, err := tx.Endpoints().Save(ctx, endpoint)
			if err == nil {
				_, err = tx.Subscriptions().Save(ctx, subscription)
			}
			return err
		})
		if err == nil || errors.Is(err, driver.ErrAlreadyExists) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.hooks = append(c.hooks, hook{endpoint: endpoint.ID, subscription: subscription.ID})
			return nil
		}
		if err := c.survive(err); err != nil {
			return err
		}
	}
	return nil
}

// counted notes which endpoints got deliveries.
func (c *client) counted(deliveries []driver.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range deliveries {
		for k := range c.hooks {
			if c.hooks[k].endpoint == deliveries[i].EndpointID {
				c.hooks[k].deliveries++
			}
		}
	}
}

// post claims deliveries that are due and records an attempt of each: one in so many fails, is given
// back, is left to its lease, or takes longer than that.
func (c *client) post(limit, oneIn int) error {
	lease := c.lease()
	op := c.op(history.Due)
	op.Lease = lease.Microseconds()
	var due []driver.Delivery
	err := c.call(op, func(ctx context.Context) (err error) {
		due, err = c.Store.Deliveries().ClaimDue(ctx, limit, lease)
		for i := range due {
			row := leased(&due[i])
			row.Until = due[i].LeaseUntil.UnixMicro()
			op.Rows = append(op.Rows, row)
		}
		return err
	})
	if err != nil || op.Outcome != history.OK {
		return err
	}
	for i := range due {
		d := &due[i]
		trouble := 0
		if c.oneIn(oneIn) {
			trouble = 1 + c.rng.IntN(4)
		}
		switch trouble {
		case 1:
			err = c.attempt(d, driver.AttemptFailed)
		case 2:
			err = c.giveUp(d)
		case 3: // as if it had died
		case 4:
			c.think(*d.LeaseUntil)
			fallthrough
		default:
			err = c.attempt(d, driver.AttemptSuccess)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func leased(d *driver.Delivery) history.Row {
	return history.Row{ID: d.ID, Of: d.EventID, Token: *d.LeaseToken, Attempt: d.AttemptCount + 1}
}

// attempt records how a delivery went. A failure is never the last one: see subscribe.
func (c *client) attempt(d *driver.Delivery, status driver.AttemptStatus) error {
	op := c.op(history.Attempted, leased(d))
	op.Final = status == driver.AttemptSuccess
	return c.call(op, func(ctx context.Context) error {
		_, err := c.Store.Deliveries().RecordAttempt(ctx, d.ID, driver.Attempt{Status: status, LeaseToken: d.LeaseToken})
		return err
	})
}

func (c *client) giveUp(d *driver.Delivery) error {
	return c.call(c.op(history.GivenUp, leased(d)), func(ctx context.Context) error {
		n, err := c.Store.Deliveries().Release(ctx, []driver.Delivery{*d})
		return yes(n == 1, err)
	})
}

// finishDeliveries hands over what is due; done when nothing waits.
func (c *client) finishDeliveries() (done bool, err error) {
	if err := c.post(500, never); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	endpoints, err := c.Store.Endpoints().GetActive(ctx, driver.MaxLimit)
	if err != nil {
		return false, c.survive(err)
	}
	for i := range endpoints {
		stats, err := c.Store.Deliveries().GetStats(ctx, endpoints[i].ID, 0)
		if err != nil {
			return false, c.survive(err)
		}
		if stats.Pending > 0 {
			c.pause(soon)
			return false, nil
		}
	}
	return true, nil
}

// never is so rare that it does not happen.
const never = 1 << 62
