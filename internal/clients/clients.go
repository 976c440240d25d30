// Package clients has random clients of several tenants, which do what apps do and keep going when the
// database fails them, and write down what they were told: see package history.
package clients

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/history"
)

// Tenant is a tenant and its store.
type Tenant struct {
	Name  string // no other one has it
	Store driver.Store
}

// Options says what the clients do.
type Options struct {
	// Tenants are those whose clients they are, each of all of them. In each second one, the first one
	// included, events are claimed with PerAggregateOrder.
	Tenants    []Tenant
	Clients    int           // how many; 0: 8
	First      int           // the number of the first one; runs at the same time need numbers of their own
	Operations int           // how many calls they make, together; 0: until ctx is done
	Seed       uint64        // what their choices follow from, ids included: each run on a database needs another one
	Lease      time.Duration // the longest one; 0: 2 seconds
	Timeout    time.Duration // of each call; 0: 10 seconds
	Record     *history.Recorder

	// Context is asked for the context of what a client does next; that may end at any time. Nil: one that does not end.
	Context func() context.Context

	// Expected tells of an error that would be a defect whether it is to be expected now. Nil: none is.
	Expected func(error) bool
}

func (o *Options) prepare() {
	if o.Clients == 0 {
		o.Clients = 8
	}
	if o.Lease == 0 {
		o.Lease = 2 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
}

// Run lets the clients work until they have made so many calls, or ctx is done, which is no error. Calls
// under way are waited for.
//
// Errors that a database may give are written down, and the client goes on after a short pause. A panic,
// an error that is none of package driver's, and one that says that something is wrong with the calls
// or the library (ErrInternal, ErrInvalid) is a defect: all end, and Run returns it.
func Run(ctx context.Context, o Options) error {
	o.prepare()
	var calls atomic.Int64
	tenants := o.tenants()
	group, ctx := errgroup.WithContext(ctx)
	for i := range o.Clients {
		n := o.First + i
		c := newClient(ctx, &o, n, tenants)
		group.Go(func() (err error) {
			defer catch(&err)
			for ctx.Err() == nil && (o.Operations == 0 || calls.Load() < int64(o.Operations)) {
				before := c.calls
				if err := c.act(); err != nil {
					return fmt.Errorf("client %d: %w", n, err)
				}
				calls.Add(int64(c.calls - before))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return o.Record.Err()
}

// act does one of the things that apps do.
func (c *client) act() error {
	c.choose()
	if c.Context != nil {
		c.ctx = c.Context()
	}
	n := c.rng.IntN(totalWeight)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			return a.do(c)
		}
	}
	panic("unreachable")
}

// acts are what clients do, and how often.
var acts = []struct {
	weight int
	do     func(*client) error
}{
	{20, (*client).save},
	{8, (*client).saveBatch},
	{8, (*client).appendEvents},
	{8, (*client).saveInTx},
	{40, (*client).work},
	{4, (*client).process},
	{2, (*client).mark},
	{6, (*client).requeue},
	{10, (*client).consume},
	{14, (*client).webhook},
	{12, (*client).read},
}

var totalWeight = func() (total int) {
	for _, a := range acts {
		total += a.weight
	}
	return total
}()

// newClient returns a client with choices of its own.
func newClient(ctx context.Context, o *Options, n int, tenants []*tenant) *client {
	return &client{
		Options: o, ctx: context.WithoutCancel(ctx), stop: ctx.Done(), number: n, tenants: tenants,
		rng: rand.New(rand.NewPCG(o.Seed, uint64(n))),
	}
}
