package conformance

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// claimWith claims events as the options say.
func (t *test) claimWith(opts driver.ClaimOptions) []driver.Claim {
	t.Helper()
	return must(t, t.events.Claim, opts)
}

// take claims events for the longest time there is.
func (t *test) take(limit int) []driver.Claim {
	t.Helper()
	return t.claimWith(driver.ClaimOptions{Limit: limit, Lease: driver.MaxLease})
}

// takeInOrder is take with PerAggregateOrder.
func (t *test) takeInOrder(limit int) []driver.Claim {
	t.Helper()
	return t.claimWith(driver.ClaimOptions{Limit: limit, Lease: driver.MaxLease, PerAggregateOrder: true})
}

// takeOne claims one event, which must be there.
func (t *test) takeOne() driver.Claim {
	t.Helper()
	return t.sole(t.take(1))
}

// sole is the one claim there is.
func (t *test) sole(claims []driver.Claim) driver.Claim {
	t.Helper()
	if len(claims) != 1 {
		t.Fatalf("claimed %d events, want 1", len(claims))
	}
	return claims[0]
}

// briefly is the shortest lease there is.
var briefly = driver.ClaimOptions{Lease: time.Millisecond}

// untilClaimed claims until something comes, when a lease or a pause has ended by the database's
// clock.
func (t *test) untilClaimed(opts driver.ClaimOptions) []driver.Claim {
	t.Helper()
	var claims []driver.Claim
	t.until(func() bool {
		claims = t.claimWith(opts)
		return len(claims) > 0
	})
	return claims
}

// until asks again and again, less and less often, and ends the test if the answer stays no.
func (t *test) until(done func() bool) {
	t.Helper()
	for pause := time.Millisecond; !done(); pause = min(2*pause, 100*time.Millisecond) {
		select {
		case <-time.After(pause): // only to leave the machine to others
		case <-t.ctx.Done():
			t.Fatal("what should have happened has not")
		}
	}
}

// clock is the present by the database's clock. It saves an event that is never queued.
func (t *test) clock() time.Time {
	t.Helper()
	imported := newEvent()
	imported.ProcessedAt = &longAgo
	return t.save(imported).CreatedAt
}

// untilPast waits until the database's clock is past a moment.
func (t *test) untilPast(moment time.Time) {
	t.Helper()
	t.until(func() bool { return t.clock().After(moment) })
}

// saveHistory saves the first events of a new aggregate.
func (t *test) saveHistory(n int) []driver.Event {
	t.Helper()
	_, events := history(n)
	return t.saveAll(events)
}

func claimedEvents(claims []driver.Claim) []driver.Event {
	events := make([]driver.Event, len(claims))
	for i := range claims {
		events[i] = claims[i].Event
	}
	return events
}

func claimedIDs(claims []driver.Claim) []uuid.UUID { return idsOf(claimedEvents(claims)) }

func attemptNumbers(claims []driver.Claim) []int {
	numbers := make([]int, len(claims))
	for i := range claims {
		numbers[i] = claims[i].Attempt
	}
	return numbers
}

// wantClaimed fails the test unless exactly these events were claimed, in that order.
func (t *test) wantClaimed(claims []driver.Claim, want ...driver.Event) {
	t.Helper()
	equalList(t, "events claimed", claimedIDs(claims), idsOf(want))
	if t.Failed() {
		t.FailNow()
	}
}

// wantNothingToClaim fails the test if there is an event to claim, in either way.
func (t *test) wantNothingToClaim() {
	t.Helper()
	equalList(t, "events claimed in order", claimedIDs(t.takeInOrder(0)), nil)
	equalList(t, "events claimed", claimedIDs(t.take(0)), nil)
}

func (t *test) ack(claims ...driver.Claim) {
	t.Helper()
	t.ok(t.events.Ack(t.ctx, claims))
}

func (t *test) giveBack(claim driver.Claim, after time.Duration) {
	t.Helper()
	t.ok(t.events.Retry(t.ctx, claim, after, canary))
}

// A claimUse is a method that is given a claim.
type claimUse struct {
	op  string
	run func(ctx context.Context, events driver.EventRepository, claims ...driver.Claim) error
}

// claimUses are all of them. Those that take one claim are called for each.
var claimUses = []claimUse{
	{"Events.Ack", func(ctx context.Context, events driver.EventRepository, claims ...driver.Claim) error {
		return events.Ack(ctx, claims)
	}},
	{"Events.Extend", func(ctx context.Context, events driver.EventRepository, claims ...driver.Claim) error {
		return events.Extend(ctx, claims, time.Millisecond)
	}},
	{"Events.Release", func(ctx context.Context, events driver.EventRepository, claims ...driver.Claim) error {
		return events.Release(ctx, claims)
	}},
	{"Events.Retry", func(ctx context.Context, events driver.EventRepository, claims ...driver.Claim) error {
		return forEach(claims, func(c driver.Claim) error { return events.Retry(ctx, c, 0, canary) })
	}},
	{"Events.DeadLetter", func(ctx context.Context, events driver.EventRepository, claims ...driver.Claim) error {
		return forEach(claims, func(c driver.Claim) error { return events.DeadLetter(ctx, c, canary) })
	}},
}

// forEach calls run for each claim and returns the first error.
func forEach(claims []driver.Claim, run func(driver.Claim) error) (first error) {
	for _, claim := range claims {
		first = cmp.Or(first, run(claim))
	}
	return first
}

// wantLeaseLost fails the test unless the method op says that the leases of these events are lost,
// in that order.
func (t *test) wantLeaseLost(err error, op string, ids ...uuid.UUID) {
	t.Helper()
	t.wantErr(err, driver.ErrLeaseLost, op)
	var lost *driver.LeaseLostError
	if !errors.As(err, &lost) {
		t.Errorf("%s: the error %v has no *driver.LeaseLostError", op, err)
		return
	}
	equalList(t, "events that "+op+" tells to be lost", lost.EventIDs, ids)
}

// wantFenced fails the test if anything can be done with these claims, or changes what is there.
func (t *test) wantFenced(claims ...driver.Claim) {
	t.Helper()
	t.wantFencedIn(t.store, claims...)
}

func (t *test) wantFencedIn(store driver.Store, claims ...driver.Claim) {
	t.Helper()
	before := t.workOf(store)
	for _, claim := range claims {
		for _, use := range claimUses {
			t.wantLeaseLost(use.run(t.ctx, store.Events(), claim), use.op, claim.Event.ID)
		}
	}
	t.wantWorkOf(store, before)
}

// work is what there is to do in a schema, as far as a change to it would show.
type work struct {
	queue, dead     []uuid.UUID // the dead letters by id
	waiting, leased int64
}

func (t *test) workOf(store driver.Store) work {
	t.Helper()
	w := work{queue: t.queueOf(store)}
	for _, letter := range must2(t, store.DeadLetters().List, driver.DeadLetterFilter{}, driver.MaxLimit) {
		w.dead = append(w.dead, letter.Event.ID)
	}
	slices.SortFunc(w.dead, compareIDs)
	var err error
	w.waiting, err = store.Events().CountUnprocessed(t.ctx)
	t.ok(err)
	w.leased, err = store.Events().CountProcessing(t.ctx)
	t.ok(err)
	return w
}

func (t *test) wantWorkOf(store driver.Store, want work) {
	t.Helper()
	got := t.workOf(store)
	equalList(t, "queue", got.queue, want.queue)
	equalList(t, "dead letters", got.dead, want.dead)
	equal(t, "CountUnprocessed", got.waiting, want.waiting)
	equal(t, "CountProcessing", got.leased, want.leased)
}

// wantWork fails the test unless so many events wait, are leased, and are dead letters.
func (t *test) wantWork(waiting, leased, dead int) {
	t.Helper()
	got := t.workOf(t.store)
	equal(t, "CountUnprocessed", got.waiting, int64(waiting))
	equal(t, "CountProcessing", got.leased, int64(leased))
	equal(t, "events in the queue", len(got.queue), waiting+leased)
	equal(t, "dead letters", len(got.dead), dead)
}
