package conformance

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimsWait = area{name: "Claims/Wait", alone: true, behaviours: []behaviour{
	{"ReturnsAtOnceWhenThereIsWork", waitAtOnce},
	{"EndsWithASave", waitSave},
	{"EndsWithASaveOfAnotherPool", waitOtherPool},
	{"EndsWithTheCommitOfATransaction", waitCommit},
	{"EndsWithTheCommitOfATransactionOfTheApp", eachAppTx(waitAppCommit)},
	{"EndsWhenAnEventIsGivenBack", waitGivenBack},
	{"EndsWhenADeadLetterIsRequeued", waitRequeued},
	{"EndsWhenARetryIsDue", waitRetry},
	{"EndsWhenALeaseEnds", waitLease},
	{"EndsWhenAnAggregateGoesOn", waitAggregate},
	{"EndsForAllWhoWait", waitAll},
	{"IsNotEndedForGoodByOthers", waitOthers},
	{"EndsWithItsContext", waitContext},
	{"EndsWithItsPool", waitPool},
	{"IsRefusedInATransaction", waitInTx},
	{"HoldsNoConnection", waitConnections},
	{"OfManyWorkersServesEachEventOnce", waitWorkers},
}}

// waitAndClaim waits until there is something to claim and claims it. Wait may return early.
func (t *test) waitAndClaim(store driver.Store, opts driver.ClaimOptions) ([]driver.Claim, error) {
	for {
		if err := store.Events().Wait(t.ctx); err != nil {
			return nil, err
		}
		claims, err := store.Events().Claim(t.ctx, opts)
		if err != nil || len(claims) > 0 {
			return claims, err
		}
	}
}

// wantWoken has one who waits while act runs, and returns what that one claims afterwards.
func (t *test) wantWoken(store driver.Store, opts driver.ClaimOptions, act func()) []driver.Claim {
	t.Helper()
	var claims []driver.Claim
	result := inBackground(func() (err error) {
		claims, err = t.waitAndClaim(store, opts)
		return err
	})
	act()
	t.ok(<-result) // ends with the test's context at the latest
	return claims
}

func waitAtOnce(t *test) {
	saved := t.save(newEvent())
	for range 3 { // it takes nothing
		t.ok(t.events.Wait(t.ctx))
	}
	t.wantClaimed(t.take(0), saved)
}

func waitSave(t *test) {
	saves := []func() []driver.Event{
		func() []driver.Event { return []driver.Event{t.save(newEvent())} },
		func() []driver.Event { return t.saveAll(newEvents(1)) },
		func() []driver.Event { return t.append(newAggregate(), driver.NoEvents, 1) },
	}
	for _, save := range saves {
		var saved []driver.Event
		t.wantClaimed(t.wantWoken(t.store, driver.ClaimOptions{}, func() { saved = save() }), saved...)
	}
}

func waitOtherPool(t *test) {
	other := t.openStore(t.reopen(), t.store.Schema())
	for range 3 {
		var saved driver.Event
		claims := t.wantWoken(t.store, driver.ClaimOptions{}, func() { saved = t.saveTo(other, newEvent()) })
		t.wantClaimed(claims, saved)
		claims = t.wantWoken(other, driver.ClaimOptions{}, func() { t.giveBack(claims[0], 0) })
		t.wantClaimed(claims, saved)
	}
}

func waitCommit(t *test) {
	var saved driver.Event
	claims := t.wantWoken(t.store, driver.ClaimOptions{}, func() {
		t.undone(t.store, func(tx driver.Store) { t.saveTo(tx, newEvent()) })
		t.inTx(func(tx driver.Store) {
			t.ok(tx.InTx(t.ctx, func(nested driver.Store) error {
				saved = t.saveTo(nested, newEvent())
				return nil
			}))
		})
	})
	t.wantClaimed(claims, saved)
	claims = t.wantWoken(t.store, driver.ClaimOptions{}, func() {
		t.inTx(func(tx driver.Store) { t.ok(tx.Events().Release(t.ctx, claims)) })
	})
	t.wantClaimed(claims, saved)
}

func waitAppCommit(t *test, app *app) {
	var saved driver.Event
	claims := t.wantWoken(t.store, driver.ClaimOptions{}, func() {
		tx := app.begin()
		app.placeOrder(tx, 1)
		saved = t.saveTo(t.join(tx, t.store), newEvent())
		t.ok(tx.Commit())
	})
	t.wantClaimed(claims, saved)
}

func waitGivenBack(t *test) {
	saved := t.save(newEvent())
	claim := t.takeOne()
	for _, giveBack := range []func() error{
		func() error { return t.events.Retry(t.ctx, claim, 0, canary) },
		func() error { return t.events.Release(t.ctx, []driver.Claim{claim}) },
		func() error { return t.events.Extend(t.ctx, []driver.Claim{claim}, time.Millisecond) },
	} {
		claims := t.wantWoken(t.store, driver.ClaimOptions{}, func() { t.ok(giveBack()) })
		t.wantClaimed(claims, saved)
		claim = claims[0]
	}
}

func waitRequeued(t *test) {
	letter := t.bury(1)[0]
	letters := t.store.DeadLetters()
	for _, requeue := range []func(){
		func() { equal(t, "requeued", t.requeue(letter.Event.ID), true) },
		func() { equal(t, "requeued", must(t, letters.RequeueAll, driver.DeadLetterFilter{}), 1) },
	} {
		claims := t.wantWoken(t.store, driver.ClaimOptions{}, requeue)
		t.wantClaimed(claims, letter.Event)
		t.ok(t.events.DeadLetter(t.ctx, claims[0], canary))
	}
}

func waitRetry(t *test) {
	saved := t.save(newEvent())
	t.giveBack(t.takeOne(), 100*time.Millisecond)
	claims := t.wantWoken(t.store, driver.ClaimOptions{}, func() {})
	t.wantClaimed(claims, saved)
	claims = t.wantWoken(t.store, driver.ClaimOptions{}, func() { t.giveBack(claims[0], 50*time.Millisecond) })
	t.wantClaimed(claims, saved)
}

func waitLease(t *test) {
	saved := t.save(newEvent())
	for attempt := 1; attempt < 4; attempt++ {
		claims := t.wantWoken(t.store, driver.ClaimOptions{Lease: 50 * time.Millisecond, PerAggregateOrder: attempt%2 == 0}, func() {})
		t.wantClaimed(claims, saved)
		equal(t, "Attempt", claims[0].Attempt, attempt)
	}
}

// waitAggregate has somebody wait for events that are held back behind one that fails.
func waitAggregate(t *test) {
	saved := t.saveHistory(3)
	opts := driver.ClaimOptions{PerAggregateOrder: true}
	head := t.sole(t.takeInOrder(1))
	t.wantHeld()
	claims := t.wantWoken(t.store, opts, func() { t.ack(head) })
	t.wantClaimed(claims, saved[1:]...)
	claims = t.wantWoken(t.store, opts, func() { t.ok(t.events.Release(t.ctx, claims)) })
	t.wantClaimed(claims, saved[1:]...)
}

func waitAll(t *test) {
	const waiters = 6
	var waiting sync.WaitGroup
	errs := make([]error, waiters)
	for i := range waiters {
		waiting.Go(func() {
			for ready := false; errs[i] == nil && !ready; { // it may return early
				if errs[i] = t.events.Wait(t.ctx); errs[i] == nil {
					var left []driver.Event
					left, errs[i] = t.events.GetUnprocessed(t.ctx, 1)
					ready = len(left) > 0
				}
			}
		})
	}
	t.save(newEvent())
	waiting.Wait()
	for _, err := range errs {
		t.ok(err)
	}
}

// waitOthers saves what is not for who waits: in another schema, processed, or rolled back.
func waitOthers(t *test) {
	elsewhere := t.openStore(t.db, newSchema())
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	result := inBackground(func() error {
		for {
			if err := t.events.Wait(ctx); err != nil {
				return err
			}
			if claims, err := t.events.Claim(t.ctx, driver.ClaimOptions{}); err != nil || len(claims) > 0 {
				t.Errorf("claimed %d events, and the error %v; want nothing", len(claims), err)
			}
		}
	})
	for range 5 {
		t.saveTo(elsewhere, newEvent())
		t.clock() // saves an event that is processed
		t.undone(t.store, func(tx driver.Store) { t.saveTo(tx, newEvent()) })
	}
	cancel()
	t.wantErr(<-result, context.Canceled, "Events.Wait")
}

func waitContext(t *test) {
	t.save(newEvent())
	t.wantErr(t.events.Wait(t.endedContext()), context.Canceled, "Events.Wait")
	t.take(0)
	t.wantErr(t.events.Wait(t.endedContext()), context.Canceled, "Events.Wait")
	t.save(newEvent())
	t.giveBack(t.takeOne(), time.Hour)
	untilEnd := func(ctx context.Context) (err error) {
		for err == nil { // it may return early
			err = t.events.Wait(ctx)
		}
		return err
	}
	ctx, cancel := context.WithTimeout(t.ctx, 20*time.Millisecond)
	defer cancel()
	t.wantErr(untilEnd(ctx), context.DeadlineExceeded, "Events.Wait")
	ctx, cancel = context.WithCancel(t.ctx)
	result := inBackground(func() error { return untilEnd(ctx) })
	cancel()
	t.wantErr(<-result, context.Canceled, "Events.Wait")
	saved := t.save(newEvent())
	t.ok(t.events.Wait(t.ctx))
	t.wantClaimed(t.take(0), saved)
}

// waitPool closes the pool while somebody waits, who would keep it open for ever otherwise.
func waitPool(t *test) {
	own := t.alone()
	result := inBackground(func() (err error) {
		for err == nil {
			err = own.events.Wait(own.ctx)
		}
		return err
	})
	own.clock() // some time passes
	own.ok(own.db.Close())
	own.wantErr(<-result, driver.ErrClosed, "Events.Wait")
	own.wantErr(own.events.Wait(own.ctx), driver.ErrClosed, "Events.Wait")
}

func waitInTx(t *test) {
	t.save(newEvent())
	refused := func(tx driver.Store) error {
		t.wantErr(tx.Events().Wait(t.ctx), driver.ErrState, "Events.Wait")
		return nil
	}
	t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
		t.ok(tx.InTx(t.ctx, refused))
		t.saveTo(tx, newEvent())
		return refused(tx)
	}))
	t.ok(t.store.InTx(t.ctx, refused, driver.ReadOnly()))
	t.wantWork(2, 0, 0)
}

// waitConnections has more who wait than there are connections.
func waitConnections(t *test) {
	own := t.alone(driver.WithMaxConns(1))
	const waiters = 4
	results := make([]<-chan error, waiters)
	for i := range results {
		results[i] = inBackground(func() error {
			claims, err := own.waitAndClaim(own.store, driver.ClaimOptions{Limit: 1})
			if err == nil {
				err = own.events.Ack(own.ctx, claims)
			}
			return err
		})
	}
	for range waiters {
		own.save(newEvent())
	}
	for _, result := range results {
		own.ok(<-result)
	}
	own.wantWork(0, 0, 0)
}

// waitWorkers has workers that wait, claim and acknowledge until all is done that others save.
func waitWorkers(t *test) {
	const workers = 4
	rounds := scale(40, 15)
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	var acked struct {
		sync.Mutex
		ids []uuid.UUID
	}
	var saved []uuid.UUID
	t.together(workers+1, func(i int) error {
		if i == workers {
			for n := range rounds {
				batch, err := t.events.SaveBatch(t.ctx, newEvents(1+n%3))
				if err != nil {
					return err
				}
				acked.Lock()
				saved = append(saved, idsOf(batch)...)
				acked.Unlock()
			}
			for { // who waits is told when all is done
				left, err := t.events.GetUnprocessed(t.ctx, 1)
				if err != nil || len(left) == 0 {
					cancel()
					return err
				}
			}
		}
		for {
			if err := t.events.Wait(ctx); err != nil {
				return asError(faultOf(err, context.Canceled, "Events.Wait"))
			}
			claims, err := t.events.Claim(t.ctx, driver.ClaimOptions{Limit: 2, Lease: driver.MaxLease, PerAggregateOrder: i%2 == 0})
			if err == nil {
				err = t.events.Ack(t.ctx, claims)
			}
			if err != nil {
				return err
			}
			acked.Lock()
			acked.ids = append(acked.ids, claimedIDs(claims)...)
			acked.Unlock()
		}
	})
	sortIDs(acked.ids)
	sortIDs(saved)
	equalList(t, "events acknowledged", acked.ids, saved)
}
