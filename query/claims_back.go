package query

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *events) Ack(ctx context.Context, claims []driver.Claim) error {
	gone := map[uuid.UUID]bool{}
	err := r.giveBack(ctx, claims, func(x Executor, batch []driver.Claim) (done []uuid.UUID, err error) {
		done, err = r.claimSQL().ack.run(ctx, x, claimedIDs(batch), batch[0].Token)
		for _, id := range done {
			gone[id] = true
		}
		return done, err
	})
	if err == nil || errors.Is(err, driver.ErrLeaseLost) {
		if failed := r.letGoOn(ctx, claims, gone); failed != nil {
			err = failed
		}
	}
	return r.fail("Ack", err)
}

// letGoOn lets the aggregates of claims in order go on, whose events are gone. It has to see what was held
// until they were, so that it is a statement of its own, and in a transaction that inTx began one that
// follows the commit. Not done, it is made up for after driver.HoldInterval.
func (r *events) letGoOn(ctx context.Context, claims []driver.Claim, gone map[uuid.UUID]bool) error {
	// A claim that was lost may be of an event that was never committed: nothing is known to be behind it.
	ordered := slices.DeleteFunc(slices.Clone(claims), func(c driver.Claim) bool { return !c.PerAggregateOrder || !gone[c.Event.ID] })
	if len(ordered) == 0 {
		return nil
	}
	r.inOrder.Store(true)
	return r.unhold(ctx, firsts(ordered))
}

// unhold puts the row behind each of these events, which are gone, in the way again if it was held. It
// does nothing while nobody in this process claims in order.
func (r *events) unhold(ctx context.Context, ids []uuid.UUID) error {
	switch {
	case r.store.effects != nil: // whether somebody does is asked when it commits
		r.store.effects.gone = append(r.store.effects.gone, ids...)
		return nil
	case !r.inOrder.Load():
		return nil
	}
	unheld, err := r.exec.Exec(ctx, r.claimSQL().unhold, []any{ids})
	if err != nil && !r.exec.IsTx() {
		return nil // what it follows is committed: who is told that it failed would do it again
	}
	return r.tell(ctx, unheld > 0, err)
}

// tell wakes who waits if what was just done, with err, made events ready.
func (r *events) tell(ctx context.Context, ready bool, err error) error {
	if !ready || err != nil && !errors.Is(err, driver.ErrLeaseLost) {
		return err
	}
	if failed := r.store.changed(ctx); failed != nil {
		return failed
	}
	return err
}

func (r *events) Extend(ctx context.Context, claims []driver.Claim, lease time.Duration) error {
	lease, err := driver.CheckLease(lease)
	if err != nil {
		return r.fail("Extend", err)
	}
	return r.fail("Extend", r.giveBack(ctx, claims, func(x Executor, batch []driver.Claim) ([]uuid.UUID, error) {
		return r.updating(ctx, x, r.claimSQL().extend, lease.Microseconds(), claimedIDs(batch), batch[0].Token)
	}))
}

func (r *events) Release(ctx context.Context, claims []driver.Claim) error {
	ready := false
	err := r.giveBack(ctx, claims, func(x Executor, batch []driver.Claim) (done []uuid.UUID, err error) {
		release := func(x Executor) error {
			done, err = r.updating(ctx, x, r.claimSQL().release, claimedIDs(batch), batch[0].Token)
			ready = ready || len(done) > 0
			if err != nil || !batch[0].PerAggregateOrder || len(done) == 0 {
				return err
			}
			released := slices.DeleteFunc(slices.Clone(batch), func(c driver.Claim) bool { return !slices.Contains(done, c.Event.ID) })
			_, err = x.Exec(ctx, r.claimSQL().releaseLater, []any{batch[0].Token, firsts(released), batch[0].Token})
			return err
		}
		if batch[0].PerAggregateOrder {
			err = inShortTx(ctx, x, len(batch), release)
		} else {
			err = release(x)
		}
		return done, err
	})
	return r.fail("Release", r.tell(ctx, ready, err))
}

func (r *events) Retry(ctx context.Context, claim driver.Claim, after time.Duration, reason string) error {
	if err := driver.CheckRetryDelay(after); err != nil {
		return r.failID("Retry", claim.Event.ID, err)
	}
	if claim.MaxAttempts > 0 && claim.Attempt >= claim.MaxAttempts {
		return r.failID("Retry", claim.Event.ID, r.fallBack(ctx, claim, r.deadLetter(ctx, claim, reason)))
	}
	err := r.fallBack(ctx, claim, func(x Executor) (bool, error) {
		n, err := x.Exec(ctx, r.claimSQL().retry, []any{after.Microseconds(), driver.StorableReason(reason), claim.Event.ID, claim.Token})
		return n > 0, err
	})
	// Who waits for the next one that is due has to look anew.
	return r.failID("Retry", claim.Event.ID, r.tell(ctx, err == nil, err))
}

func (r *events) DeadLetter(ctx context.Context, claim driver.Claim, reason string) error {
	return r.failID("DeadLetter", claim.Event.ID, r.fallBack(ctx, claim, r.deadLetter(ctx, claim, reason)))
}

func (r *events) deadLetter(ctx context.Context, claim driver.Claim, reason string) func(x Executor) (bool, error) {
	return func(x Executor) (bool, error) {
		done, err := r.claimSQL().deadLetter.run(ctx, x, driver.StorableReason(reason), int64(0), []uuid.UUID{claim.Event.ID}, claim.Token)
		return len(done) > 0, err
	}
}

// fallBack gives one claim back that failed, by a step that reports whether it was still the worker's.
// In order, the later events of its aggregate under the same token follow: they have to wait for it.
func (r *events) fallBack(ctx context.Context, claim driver.Claim, step func(x Executor) (bool, error)) error {
	if err := claim.Validate(); err != nil {
		return err
	}
	run := func(x Executor) error {
		ours, err := step(x)
		switch {
		case err != nil:
			return err
		case !ours:
			return &driver.LeaseLostError{EventIDs: []uuid.UUID{claim.Event.ID}}
		case claim.PerAggregateOrder:
			return r.holdLater(ctx, x, claim.Token, []uuid.UUID{claim.Event.ID})
		}
		return nil
	}
	return insist(r.exec, func() error {
		if claim.PerAggregateOrder {
			return inShortTx(ctx, r.exec, 1, run)
		}
		return run(r.exec)
	})
}

// giveBack does a step with claims, those of one token at a time, all in one transaction, and says which of
// them were lost.
func (r *events) giveBack(ctx context.Context, claims []driver.Claim, step func(x Executor, batch []driver.Claim) (done []uuid.UUID, err error)) error {
	if err := driver.CheckClaims(claims); err != nil || len(claims) == 0 {
		return err
	}
	type key struct{ token, id uuid.UUID }
	var lost map[key]bool
	run := func(x Executor, batch []driver.Claim) error {
		done, err := step(x, batch)
		if err != nil || len(done) == len(batch) {
			return err
		}
		for i := range batch {
			lost[key{batch[i].Token, batch[i].Event.ID}] = true
		}
		for _, id := range done {
			delete(lost, key{batch[0].Token, id})
		}
		return nil
	}
	batches := byToken(claims)
	err := insist(r.exec, func() error {
		lost = map[key]bool{}
		if len(batches) == 1 {
			return run(r.exec, batches[0])
		}
		return inShortTx(ctx, r.exec, len(claims), func(x Executor) error {
			for _, batch := range batches {
				if err := run(x, batch); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil || len(lost) == 0 {
		return err
	}
	refusal := &driver.LeaseLostError{}
	for i := range claims {
		k := key{claims[i].Token, claims[i].Event.ID}
		if lost[k] {
			refusal.EventIDs = append(refusal.EventIDs, k.id)
			delete(lost, k) // once, however often it was given
		}
	}
	return refusal
}

// byToken splits claims by their tokens, and leaves out what was given twice.
func byToken(claims []driver.Claim) (batches [][]driver.Claim) {
	place := map[uuid.UUID]int{}
	type key struct{ token, id uuid.UUID }
	seen := make(map[key]struct{}, len(claims))
	for _, claim := range claims {
		k := key{claim.Token, claim.Event.ID}
		if _, twice := seen[k]; twice {
			continue
		}
		seen[k] = struct{}{}
		i, known := place[claim.Token]
		if !known {
			i = len(batches)
			place[claim.Token] = i
			batches = append(batches, nil)
		}
		batches[i] = append(batches[i], claim)
	}
	return batches
}

// firsts returns the ids of the first claimed event of each aggregate, lasts of the last one.
func firsts(claims []driver.Claim) []uuid.UUID {
	return outermost(claims, func(a, b int64) bool { return a < b })
}

func lasts(claims []driver.Claim) []uuid.UUID {
	return outermost(claims, func(a, b int64) bool { return a > b })
}

// outermost returns the ids of one claimed event of each aggregate, whose version no other one exceeds.
func outermost(claims []driver.Claim, exceeds func(a, b int64) bool) []uuid.UUID {
	found := map[driver.Aggregate]*driver.Event{}
	for i := range claims {
		e := &claims[i].Event
		if other := found[e.Aggregate()]; other == nil || exceeds(e.AggregateVersion, other.AggregateVersion) {
			found[e.Aggregate()] = e
		}
	}
	ids := make([]uuid.UUID, 0, len(found))
	for _, e := range found {
		ids = append(ids, e.ID)
	}
	return ids
}

// updating runs an UPDATE that returns ids.
func (r *events) updating(ctx context.Context, x Executor, sql string, args ...any) (ids []uuid.UUID, err error) {
	err = r.writing(ctx, x, func(x Executor) error {
		ids, err = queryIDs(ctx, x, sql, args)
		return err
	})
	return ids, err
}
