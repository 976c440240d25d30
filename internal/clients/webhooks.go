package clients

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// How many subscriptions of a tenant there are at a time, or a few more, and after how many deliveries to
// its endpoint, or nearly so, one gives way: Look reads the deliveries of an endpoint in one list.
const (
	openSubscriptions = 2
	mostDeliveries    = 1000
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
	id, ok := c.recall(c.rng)
	if !ok {
		return nil
	}
	var matching []driver.Subscription
	op := c.op(history.Delivered, history.Row{Of: id})
	err := c.call(op, func(ctx context.Context) error {
		event, err := c.Store.Events().GetByID(ctx, id)
		if err != nil {
			return err
		}
		matching, err = c.Store.Subscriptions().GetMatching(ctx, event.EventType, event.ContextID, driver.MatchOptions{})
		if err != nil {
			return err
		}
		deliveries, err := c.Store.Deliveries().SaveForEvent(ctx, event, matching)
		if err != nil {
			return err
		}
		op.Rows = nil
		for i := range deliveries {
			op.Rows = append(op.Rows, c.delivered(&deliveries[i], matching))
		}
		return nil
	})
	if err != nil || op.Outcome != history.OK {
		return err
	}
	return c.turnOver(matching)
}

// delivered is a delivery in the history. If its subscription is not the tenant's, it says so.
func (c *client) delivered(d *driver.Delivery, matching []driver.Subscription) history.Row {
	row := history.Row{ID: d.ID, Of: d.EventID}
	for i := range matching {
		if name := matching[i].SubscriptionName; matching[i].EndpointID == d.EndpointID && name != c.Name {
			row.Tag = name
		}
	}
	return row
}

// turnOver makes a subscription if there are too few, and now and then ends one that has had enough.
func (c *client) turnOver(active []driver.Subscription) error {
	ctx, cancel := context.WithTimeout(c.ctx, c.Timeout)
	defer cancel()
	if len(active) < openSubscriptions {
		return c.survive(c.subscribe(ctx))
	}
	if !c.oneIn(20) {
		return nil
	}
	one := &active[c.rng.IntN(len(active))]
	stats, err := c.Store.Deliveries().GetStats(ctx, one.EndpointID, 0)
	if err == nil && stats.Total > mostDeliveries {
		_, err = c.Store.Subscriptions().Delete(ctx, one.ID)
	}
	return c.survive(err)
}

// subscribe makes an endpoint, with more retries than there are failures, and a subscription to all events.
func (c *client) subscribe(ctx context.Context) error {
	endpoint := driver.NewEndpoint(c.Name, "https://hooks.example/"+c.Name)
	endpoint.ID = newID(c.rng)
	endpoint.MaxRetryAttempts, endpoint.RetryBackoffSeconds, endpoint.RetryBackoffMultiplier = 50, 1, 1
	subscription := driver.NewSubscription(endpoint.ID, "order.*")
	subscription.ID, subscription.SubscriptionName = newID(c.rng), c.Name
	return c.Store.InTx(ctx, func(tx driver.Store) error {
		_, err := tx.Endpoints().Save(ctx, endpoint)
		if err == nil {
			_, err = tx.Subscriptions().Save(ctx, subscription)
		}
		return err
	})
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
