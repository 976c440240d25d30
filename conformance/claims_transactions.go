package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsTransactions = area{name: "Claims/Transactions", alone: true, behaviours: []behaviour{
	{"CommitAll", claimTxCommit},
	{"UndoAll", claimTxUndo},
	{"UndoAllOfANestedOne", claimTxNested},
	{"UndoAndCommitTheLengthOfALease", claimTxExtend},
	{"FenceClaimsThatWereRolledBack", claimTxFence},
	{"StayUsableWhenLeasesAreLost", claimTxUsable},
	{"OfTheAppCommitAcksWithItsRows", eachAppTx(claimTxApp)},
	{"OfTheAppRollAcksBackWithItsRows", eachAppTx(claimTxAppRollsBack)},
	{"OfTheAppClaimAndGiveBack", eachAppTx(claimTxAppClaims)},
	{"StopWhenTheContextHasEnded", claimCallsStop},
	{"ThatOnlyReadRefuseWrites", claimCallsReadOnly},
	{"ThatOnlyReadRefuseWritesWithNothingToDo", claimCallsReadOnlyNothing},
	{"ThatHaveEndedRefuseAll", claimCallsEnded},
	{"OfAClosedPoolRefuseAll", claimCallsClosed},
	{"AreAloneInTheirSchema", claimSchemas},
}}

// claimed is events in all the states there are.
type claimed struct {
	acked, retried, extended, released, dead, left driver.Claim // leased, for what their names say
	fresh                                          driver.Event // waits
	requeued, purged                               driver.Event // dead letters
}

func (t *test) claimedInStates() claimed {
	t.Helper()
	letters := t.bury(2)
	t.saveAll(newEvents(6))
	claims := t.take(6)
	return claimed{
		claims[0], claims[1], claims[2], claims[3], claims[4], claims[5],
		t.save(newEvent()), letters[0].Event, letters[1].Event,
	}
}

// claimCalls are all methods that have to do with claims and dead letters.
func claimCalls(c claimed) []repositoryCall {
	calls := []repositoryCall{
		{"Events.Claim", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Events().Claim(ctx, driver.ClaimOptions{}))
		}},
		{"DeadLetters.Get", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.DeadLetters().Get(ctx, c.purged.ID))
		}},
		{"DeadLetters.List", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.DeadLetters().List(ctx, driver.DeadLetterFilter{}, 0))
		}},
		{"DeadLetters.Count", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.DeadLetters().Count(ctx, driver.DeadLetterFilter{}))
		}},
		{"DeadLetters.Requeue", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.DeadLetters().Requeue(ctx, c.requeued.ID))
		}},
		{"DeadLetters.RequeueAll", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.DeadLetters().RequeueAll(ctx, driver.DeadLetterFilter{}))
		}},
		{"DeadLetters.Purge", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.DeadLetters().Purge(ctx, driver.DeadLetterFilter{}))
		}},
	}
	for i, claim := range []driver.Claim{c.acked, c.extended, c.released, c.retried, c.dead} {
		calls = append(calls, repositoryCall{claimUses[i].op, true, func(ctx context.Context, store driver.Store) error {
			return claimUses[i].run(ctx, store.Events(), claim)
		}})
	}
	return calls
}

// changeClaims does through tx all that there is to do.
func (t *test) changeClaims(tx driver.Store, c claimed) {
	t.Helper()
	t.ok(tx.Events().Ack(t.ctx, []driver.Claim{c.acked}))
	t.ok(tx.Events().Retry(t.ctx, c.retried, time.Hour, "tried"))
	t.ok(tx.Events().Extend(t.ctx, []driver.Claim{c.extended}, driver.MaxLease))
	t.ok(tx.Events().Release(t.ctx, []driver.Claim{c.released}))
	t.ok(tx.Events().DeadLetter(t.ctx, c.dead, "dead"))
	equal(t, "requeued", must(t, tx.DeadLetters().Requeue, c.requeued.ID), true)
	equal(t, "purged", must(t, tx.DeadLetters().Purge, driver.DeadLetterFilter{Aggregate: ptr(c.purged.Aggregate())}), 1)
	claims := must(t, tx.Events().Claim, driver.ClaimOptions{Lease: driver.MaxLease})
	t.wantClaimed(claims, c.requeued, c.released.Event, c.fresh)
}

func claimTxCommit(t *test) {
	c := t.claimedInStates()
	t.inTx(func(tx driver.Store) { t.changeClaims(tx, c) })
	letter := must(t, t.store.DeadLetters().Get, c.dead.Event.ID)
	equal(t, "Reason", letter.Reason, "dead")
	for _, event := range []driver.Event{c.acked.Event, c.purged} {
		equal(t, "processed", t.get(event.ID).ProcessedAt != nil, true)
	}
	t.wantFenced(c.acked, c.retried, c.released, c.dead)
	t.ack(c.extended, c.left)
	got := t.workOf(t.store)
	equalList(t, "queue", got.queue, idsOf([]driver.Event{c.requeued, c.retried.Event, c.released.Event, c.fresh}))
	equalList(t, "dead letters", got.dead, []uuid.UUID{c.dead.Event.ID})
}

// wantAsBefore fails the test unless all is as claimedInStates made it, and all can be done still.
func (t *test) wantAsBefore(before work, c claimed) {
	t.Helper()
	t.wantWorkOf(t.store, before)
	for _, claim := range []driver.Claim{c.acked, c.retried, c.extended, c.released, c.dead, c.left} {
		t.sameEvent("event leased", t.get(claim.Event.ID), claim.Event)
	}
	equal(t, "processed", t.get(c.purged.ID).ProcessedAt == nil, true)
	t.wantClaimed(t.claimWith(driver.ClaimOptions{}), c.fresh)
	t.ack(c.acked, c.retried, c.extended, c.released, c.dead, c.left)
}

func claimTxUndo(t *test) {
	c := t.claimedInStates()
	before := t.workOf(t.store)
	t.undone(t.store, func(tx driver.Store) { t.changeClaims(tx, c) })
	t.wantAsBefore(before, c)
}

func claimTxNested(t *test) {
	c := t.claimedInStates()
	before := t.workOf(t.store)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeClaims(nested, c) })
		t.wantWorkOf(tx, before)
	})
	t.wantAsBefore(before, c)
}

func claimTxExtend(t *test) {
	t.save(newEvent())
	claim := t.takeOne()
	shorten := func(tx driver.Store) { t.ok(tx.Events().Extend(t.ctx, []driver.Claim{claim}, time.Millisecond)) }
	t.undone(t.store, shorten)
	t.untilPast(t.clock().Add(2 * time.Millisecond))
	t.wantNothingToClaim()
	t.inTx(shorten)
	t.sole(t.untilClaimed(driver.ClaimOptions{}))
	t.wantFenced(claim)
}

func claimTxFence(t *test) {
	saved := t.saveAll(newEvents(2))
	var claims []driver.Claim
	t.undone(t.store, func(tx driver.Store) { claims = must(t, tx.Events().Claim, driver.ClaimOptions{}) })
	t.wantClaimed(claims, saved...)
	t.wantWork(2, 0, 0)
	t.wantFenced(claims...)
	again := t.take(0)
	equalList(t, "attempts", attemptNumbers(again), []int{1, 1})
	t.wantFenced(claims...)
}

// claimTxUsable has leases that are lost, and others that are not, in a transaction that goes on.
func claimTxUsable(t *test) {
	saved := t.saveAll(newEvents(len(claimUses)))
	claims := t.take(0)
	t.inTx(func(tx driver.Store) {
		for i, use := range claimUses {
			lost := claims[i]
			lost.Token = newID()
			t.wantLeaseLost(use.run(t.ctx, tx.Events(), lost), use.op, saved[i].ID)
			t.wantLeaseLost(use.run(t.ctx, tx.Events(), claims[i], lost), use.op, saved[i].ID)
		}
		t.saveTo(tx, newEvent())
	})
	got := t.workOf(t.store)
	equal(t, "events in the queue", len(got.queue), 4) // all but those acknowledged and dead, and one more
	equalList(t, "dead letters", got.dead, []uuid.UUID{saved[4].ID})
}

func claimTxApp(t *test, app *app) {
	t.save(newEvent())
	claim := t.takeOne()
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.ok(t.join(tx, t.store).Events().Ack(t.ctx, []driver.Claim{claim}))
	t.ok(tx.Commit())
	app.wantOrders(1)
	t.wantWork(0, 0, 0)
	t.wantFenced(claim)
}

func claimTxAppRollsBack(t *test, app *app) {
	t.save(newEvent())
	claim := t.takeOne()
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.ok(t.join(tx, t.store).Events().Ack(t.ctx, []driver.Claim{claim}))
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantWork(0, 1, 0)
	t.ack(claim)
}

// claimTxAppClaims does all there is in a transaction of the app, and leases that are lost leave it
// usable.
func claimTxAppClaims(t *test, app *app) {
	c := t.claimedInStates()
	lost := c.left
	lost.Token = newID()
	tx := app.begin()
	joined := t.join(tx, t.store)
	for _, use := range claimUses {
		t.wantLeaseLost(use.run(t.ctx, joined.Events(), lost), use.op, lost.Event.ID)
	}
	app.placeOrder(tx, 1)
	t.changeClaims(joined, c)
	t.ok(tx.Commit())
	app.wantOrders(1)
	t.wantFenced(c.acked, c.retried, c.released, c.dead)
	t.ack(c.left)
}

func claimCallsStop(t *test) {
	c := t.claimedInStates()
	before := t.workOf(t.store)
	t.wantStopped(claimCalls(c))
	t.wantAsBefore(before, c)
}

func claimCallsReadOnly(t *test) {
	c := t.claimedInStates()
	before := t.workOf(t.store)
	t.wantReadOnly(claimCalls(c))
	t.wantAsBefore(before, c)
}

// claimCallsReadOnlyNothing has methods that look for work first: whether there is any must not
// decide.
func claimCallsReadOnlyNothing(t *test) {
	none := claimed{requeued: newEvent(), purged: newEvent()}
	none.requeued.ID = newID()
	for _, claim := range []*driver.Claim{&none.acked, &none.retried, &none.extended, &none.released, &none.dead} {
		claim.Event.ID, claim.Token = newID(), newID()
	}
	calls := claimCalls(none)
	writes := map[string]func(context.Context, driver.Store) error{}
	for _, call := range calls {
		if call.writes {
			writes[call.op] = call.run
		}
	}
	t.wantAllRefused(writes)
	t.readOnly(t.store, func(tx driver.Store) { // of nothing there is nothing to refuse
		t.ok(tx.Events().Ack(t.ctx, nil))
		t.ok(tx.Events().Extend(t.ctx, nil, 0))
		t.ok(tx.Events().Release(t.ctx, []driver.Claim{}))
	})
}

func claimCallsEnded(t *test) { t.wantEnded(claimCalls(t.claimedInStates())) }

func claimCallsClosed(t *test) {
	own := t.alone()
	calls := claimCalls(own.claimedInStates())
	own.ok(own.db.Close())
	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

// claimSchemas has another schema with an event of the same id, which knows nothing of the claims
// and dead letters of this one.
func claimSchemas(t *test) {
	c := t.claimedInStates()
	before := t.workOf(t.store)
	elsewhere := t.openStore(t.db, newSchema())
	twins := []driver.Event{t.saveTo(elsewhere, c.acked.Event), t.saveTo(elsewhere, c.purged)}
	t.wantFencedIn(elsewhere, c.acked, c.retried)
	equal(t, "dead letters", must(t, elsewhere.DeadLetters().Count, driver.DeadLetterFilter{}), 0)
	equal(t, "dead letters listed", len(must2(t, elsewhere.DeadLetters().List, driver.DeadLetterFilter{}, 0)), 0)
	_, err := elsewhere.DeadLetters().Get(t.ctx, c.purged.ID)
	t.wantErr(err, driver.ErrNotFound, "DeadLetters.Get")
	equal(t, "requeued", must(t, elsewhere.DeadLetters().Requeue, c.purged.ID), false)
	equal(t, "all requeued", must(t, elsewhere.DeadLetters().RequeueAll, driver.DeadLetterFilter{}), 0)
	equal(t, "purged", must(t, elsewhere.DeadLetters().Purge, driver.DeadLetterFilter{}), 0)
	claims := must(t, elsewhere.Events().Claim, driver.ClaimOptions{PerAggregateOrder: true})
	t.wantClaimed(claims, twins...)
	t.ok(elsewhere.Events().DeadLetter(t.ctx, claims[0], canary))
	t.ok(elsewhere.Events().Ack(t.ctx, claims[1:]))
	t.wantAsBefore(before, c)
}
