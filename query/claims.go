package query

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *events) Claim(ctx context.Context, opts driver.ClaimOptions) ([]driver.Claim, error) {
	claims, err := r.claim(ctx, opts)
	if err != nil {
		return nil, r.fail("Claim", err)
	}
	return claims, nil
}

func (r *events) claim(ctx context.Context, opts driver.ClaimOptions) ([]driver.Claim, error) {
	if err := opts.Prepare(); err != nil {
		return nil, err
	}
	var order []driver.EventColumn
	if opts.PerAggregateOrder {
		r.inOrder.Store(true)
		order = []driver.EventColumn{driver.EventColumnAggregateType, driver.EventColumnAggregateID, driver.EventColumnAggregateVersion}
	}
	asked, read, err := sortable(opts.Columns, order...)
	if err != nil {
		return nil, err
	}
	token, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	l := &leasing{events: r, opts: opts, token: token, columns: read, claims: []driver.Claim{}}
	if err := l.claimAll(ctx); err != nil {
		return nil, err
	}
	slices.SortFunc(l.claims, func(a, b driver.Claim) int { return byPosition(a.Event, b.Event) })
	if opts.PerAggregateOrder {
		orderRuns(l.claims)
	}
	if !slices.Contains(asked, driver.EventColumnPosition) {
		for i := range l.claims {
			l.claims[i].Event.Position = 0
		}
	}
	return l.claims, nil
}

// orderRuns puts the claims of each aggregate in the order of versions, among the places that they have:
// versions that were given on save need not rise as positions do.
func orderRuns(claims []driver.Claim) {
	places := map[driver.Aggregate][]int{}
	for i := range claims {
		aggregate := claims[i].Event.Aggregate()
		places[aggregate] = append(places[aggregate], i)
	}
	for _, of := range places {
		run := make([]driver.Claim, len(of))
		for i, place := range of {
			run[i] = claims[place]
		}
		slices.SortFunc(run, func(a, b driver.Claim) int { return cmp.Compare(a.Event.AggregateVersion, b.Event.AggregateVersion) })
		for i, place := range of {
			claims[place] = run[i]
		}
	}
}

// leasing is one call of Claim.
type leasing struct {
	*events
	opts    driver.ClaimOptions
	token   uuid.UUID
	columns []driver.EventColumn
	claims  []driver.Claim
}

// claimAll claims until there is enough, or no more to be had at once.
func (l *leasing) claimAll(ctx context.Context) error {
	began := time.Now()
	for range mostPasses {
		claims, wornOut, err := l.claimSome(ctx, l.opts.Limit-len(l.claims))
		if err != nil {
			return err
		}
		l.claims = append(l.claims, claims...)
		l.horizon.advance(ctx, l.events)
		goOn := len(wornOut) > 0 // there may be others behind these
		if goOn {
			err = l.bury(ctx, wornOut)
		} else if l.opts.PerAggregateOrder && len(l.claims) == 0 {
			goOn, err = l.holdSome(ctx)
		}
		if err != nil {
			return err
		}
		// Once it is late in the lease what was claimed first might end, and be claimed again.
		if !goOn || len(l.claims) >= l.opts.Limit || time.Since(began) > l.opts.Lease/2 {
			break
		}
	}
	return nil
}

// claimSome is claimOnce, again where the database undid it in favour of others.
func (l *leasing) claimSome(ctx context.Context, limit int) (claims, wornOut []driver.Claim, err error) {
	err = insist(l.exec, func() error {
		claims, wornOut, err = l.claimOnce(ctx, limit)
		return err
	})
	return claims, wornOut, err
}

// claimOnce leases events. It returns those, and those that were handed out too often already.
func (l *leasing) claimOnce(ctx context.Context, limit int) (claims, wornOut []driver.Claim, err error) {
	statements := l.claimSQL()
	choice := claimChoice{l.columns, len(l.opts.EventTypes) > 0, l.opts.PerAggregateOrder}
	sql := statements.claimStatement(choice)
	args := append(readyArgs(l.horizon.floor(), l.opts.EventTypes, limit), int64(limit))
	if l.opts.PerAggregateOrder {
		args = statements.pickInOrderArgs(l.horizon.floor(), l.opts.EventTypes, window(limit), limit)
	}
	args = append(args, l.token, l.opts.Lease.Microseconds())
	if l.opts.PerAggregateOrder && l.dialect.WritableCTE {
		args = append(args, int64(limit+lateVersions), driver.HoldInterval.Microseconds(), int64(limit)) // of fence and guard
	}

	claims = make([]driver.Claim, 0, min(limit, driver.DefaultLimit))
	claim := l.empty()
	targets := append(eventTargets(&claim.Event, l.columns), &claim.Attempt, &claim.LeaseUntil)
	row := func() {
		if claim.Attempt > l.opts.MaxAttempts {
			wornOut = append(wornOut, claim)
		} else {
			claims = append(claims, claim)
		}
		claim = l.empty()
	}
	if l.dialect.WritableCTE {
		err = l.exec.Query(ctx, sql, args, targets, row)
		return claims, wornOut, err
	}
	inTx := func(ctx context.Context, fn func(x Executor) error) error { return l.exec.InTx(ctx, fn) }
	if forgetful, ok := l.exec.(Forgetful); ok { // a lease ends with the machine that its worker runs on
		inTx = forgetful.InForgetfulTx
	}
	err = inTx(ctx, func(x Executor) error {
		positions, err := queryPositions(ctx, x, sql, args)
		if err != nil || len(positions) == 0 {
			return err
		}
		again := false
		err = x.Query(ctx, statements.leasedStatement(l.columns), []any{positions}, targets, func() {
			again = again || claim.Attempt > 1
			row()
		})
		// A run that has all there is of its aggregate, for the first time, needs no fence.
		if err != nil || !l.opts.PerAggregateOrder || !again && len(positions) < limit {
			return err
		}
		_, err = x.Exec(ctx, statements.fenceLater, []any{l.token, lasts(append(slices.Clone(claims), wornOut...))})
		return err
	})
	return claims, wornOut, err
}

func (l *leasing) empty() driver.Claim {
	return driver.Claim{Token: l.token, MaxAttempts: l.opts.MaxAttempts, PerAggregateOrder: l.opts.PerAggregateOrder}
}

// bury makes dead letters of events that were handed out too often. What comes after them in their
// aggregates is given back.
func (l *leasing) bury(ctx context.Context, wornOut []driver.Claim) error {
	ids := claimedIDs(wornOut)
	if l.opts.PerAggregateOrder {
		l.claims = slices.DeleteFunc(l.claims, func(c driver.Claim) bool {
			return slices.ContainsFunc(wornOut, func(w driver.Claim) bool {
				return w.Event.Aggregate() == c.Event.Aggregate() && w.Event.AggregateVersion < c.Event.AggregateVersion
			})
		})
	}
	return l.exec.InTx(ctx, func(x Executor) error {
		if _, err := l.claimSQL().deadLetter.run(ctx, x, nil, int64(1), ids, l.token); err != nil {
			return err
		}
		if !l.opts.PerAggregateOrder {
			return nil
		}
		return l.holdLater(ctx, x, l.token, ids)
	})
}

// How far a claim in order looks at once for aggregates that nobody has, and how often a claim looks
// again.
const (
	leastWindow = 1000
	mostPasses  = 20
)

func window(limit int) int { return max(leastWindow, 10*limit) }

// holdSome puts ready rows out of the way that a claim in order walked past. It reports whether there
// were any, so that a look behind them is worth while. One call does that at a time, of a process. In a
// transaction none does: what it locks would keep others waiting until the end.
func (l *leasing) holdSome(ctx context.Context) (bool, error) {
	if l.exec.IsTx() || !l.holding.TryLock() {
		return false, nil
	}
	defer l.holding.Unlock()
	types := l.opts.EventTypes
	args := append(readyArgs(l.horizon.floor(), types, window(l.opts.Limit)), driver.HoldInterval.Microseconds())
	held, err := l.updating(ctx, l.exec, l.claimSQL().holdStatement(len(types) > 0), args...)
	if err == nil && len(held) > 0 {
		_, err = l.exec.Exec(ctx, l.claimSQL().unholdHeads, []any{held})
	}
	return len(held) > 0, err
}

// holdLater gives back the later events of the aggregates of these under a token, and puts them out of
// the way.
func (r *events) holdLater(ctx context.Context, x Executor, token uuid.UUID, ids []uuid.UUID) error {
	_, err := x.Exec(ctx, r.claimSQL().holdLater, []any{driver.HoldInterval.Microseconds(), token, ids, token})
	return err
}

func claimedIDs(claims []driver.Claim) []uuid.UUID {
	ids := make([]uuid.UUID, len(claims))
	for i := range claims {
		ids[i] = claims[i].Event.ID
	}
	return ids
}
