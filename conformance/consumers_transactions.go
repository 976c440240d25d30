package conformance

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var consumerTransactions = area{name: "Consumers/Transactions", alone: true, behaviours: []behaviour{
	{"CommitAndRollBack", gapSafe(consumersTx)},
	{"ReadWhatTheySaved", gapSafe(consumersOwn)},
	{"ReadOneAtATime", gapSafe(consumersWait)},
	{"ReadEachEventOnce", gapSafe(consumersTogether)},
	{"ThatAreStricterDoNotRead", gapSafe(consumersStricter)},
	{"StopWhenTheContextHasEnded", consumersStop},
	{"ThatOnlyReadRefuseWrites", consumersReadOnly},
	{"ThatHaveEndedRefuseAll", consumersEnded},
	{"OfAClosedPoolRefuseAll", consumersClosed},
	{"AreAloneInTheirSchema", gapSafe(consumersSchemas)},
}}

func consumersTx(t *test) {
	saved := t.saveAll(newEvents(4))
	move := func(tx driver.Store) {
		page := must2(t, tx.Consumers().Read, reader, 2)
		equal(t, "events read", len(page), 2)
		t.ok(tx.Consumers().Commit(t.ctx, reader, page[1].Position))
		t.ok(tx.Consumers().Reset(t.ctx, "reset", 1))
		equal(t, "deleted", must(t, tx.Consumers().Delete, "deleted"), true)
	}
	t.commitAs("deleted", 1)
	before := t.consumers()
	t.undone(t.store, move)
	t.inTx(func(tx driver.Store) { t.undone(tx, move) })
	sameNamed(t, t.consumers(), before)
	t.wantRead(reader, saved...)
	t.inTx(move)
	t.wantRead(reader, saved[2:]...)
	t.wantAt("reset", 1)
	t.wantNoConsumer("deleted")
}

// sameNamed fails the test unless two lists have the same consumers.
func sameNamed(t *test, got, want []driver.Consumer) {
	t.Helper()
	equal(t, "consumers", len(got), len(want))
	for i := range min(len(got), len(want)) {
		sameEntity(t, "consumer listed", got[i], want[i])
	}
}

func consumersOwn(t *test) {
	before := t.save(newEvent())
	var saved driver.Event
	t.inTx(func(tx driver.Store) {
		saved = t.saveTo(tx, newEvent())
		equalList(t, "events read", idsOf(must2(t, tx.Consumers().Read, reader, 0)), []uuid.UUID{before.ID, saved.ID})
		t.ok(tx.Consumers().Commit(t.ctx, reader, saved.Position))
		equal(t, "events read after the commit", len(must2(t, tx.Consumers().Read, reader, 0)), 0)
	})
	t.wantAt(reader, saved.Position)
	t.wantRead(reader)
}

// consumersWait has two transactions read as the same consumer, a new one and one that is there.
func consumersWait(t *test) {
	saved := t.saveAll(newEvents(4))
	for round, verdict := range []error{errUndo, nil, nil} {
		want := saved[max(0, round-1):] // the first one is undone
		end := t.hold(t.store, func(tx driver.Store) error {
			page, err := tx.Consumers().Read(t.ctx, reader, 1)
			if err != nil {
				return err
			}
			equalList(t, "events that the first reads", idsOf(page), idsOf(want[:1]))
			return tx.Consumers().Commit(t.ctx, reader, page[0].Position)
		})
		if verdict == nil {
			want = want[1:]
		}
		second := inBackground(func() error {
			return t.store.InTx(t.ctx, func(tx driver.Store) error {
				page, err := tx.Consumers().Read(t.ctx, reader, 0)
				equalList(t, "events that the second reads", idsOf(page), idsOf(want))
				return err
			})
		})
		t.waitsUntil(func() { end(verdict) }, second)
	}
}

func consumersTogether(t *test) {
	const readers = 5
	saved := t.saveAll(newEvents(scale(200, 60)))
	var read struct {
		sync.Mutex
		ids []uuid.UUID
	}
	t.together(readers, func(i int) error {
		for {
			var page []driver.Event
			err := t.store.InTx(t.ctx, func(tx driver.Store) (err error) {
				if page, err = tx.Consumers().Read(t.ctx, reader, 1+2*i); err != nil || len(page) == 0 {
					return err
				}
				read.Lock() // in the order in which they hold the consumer
				defer read.Unlock()
				read.ids = append(read.ids, idsOf(page)...)
				return tx.Consumers().Commit(t.ctx, reader, page[len(page)-1].Position)
			})
			if err != nil || len(page) == 0 {
				return err
			}
		}
	})
	equalList(t, "events read by all together", read.ids, idsOf(saved))
}

func consumersStricter(t *test) {
	t.needsConcurrent()
	saved := t.save(newEvent())
	for _, level := range []driver.Isolation{driver.RepeatableRead, driver.Serializable} {
		t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
			_, err := tx.Consumers().Read(t.ctx, reader, 0)
			t.wantErr(err, driver.ErrState, "Consumers.Read")
			return tx.Consumers().Reset(t.ctx, "other", saved.Position)
		}, driver.WithIsolation(level)))
	}
	t.wantNoConsumer(reader)
	t.wantAt("other", saved.Position)
}

// allConsumerCalls are all methods of the repository. A consumer "reader" has to be there.
func allConsumerCalls() []repositoryCall {
	return append(consumerCalls(reader), repositoryCall{"Consumers.List", false, func(ctx context.Context, store driver.Store) error {
		return failing(store.Consumers().List(ctx))
	}})
}

func consumersStop(t *test) {
	t.commitAs(reader, 1)
	before := t.consumers()
	t.wantStopped(allConsumerCalls())
	sameNamed(t, t.consumers(), before)
}

// consumersReadOnly leaves out Read, which may or may not have to lock.
func consumersReadOnly(t *test) {
	t.commitAs(reader, 1)
	before := t.consumers()
	t.wantReadOnly(allConsumerCalls()[1:])
	sameNamed(t, t.consumers(), before)
}

func consumersEnded(t *test) {
	t.commitAs(reader, 1)
	t.wantEnded(allConsumerCalls())
}

func consumersClosed(t *test) {
	own := t.alone()
	own.commitAs(reader, 1)
	own.ok(own.db.Close())
	for _, call := range allConsumerCalls() {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

func consumersSchemas(t *test) {
	saved := t.save(newEvent())
	t.commitAs(reader, saved.Position)
	elsewhere := *t
	elsewhere.store = t.openStore(t.db, newSchema())
	elsewhere.events = elsewhere.store.Events()
	elsewhere.wantNoConsumer(reader)
	equal(t, "consumers of the other schema", len(elsewhere.consumers()), 0)
	equal(t, "deleted in the other schema", must(t, elsewhere.store.Consumers().Delete, reader), false)
	there := []driver.Event{elsewhere.save(newEvent()), elsewhere.save(newEvent())}
	elsewhere.wantRead(reader, there...)
	elsewhere.commitAs(reader, there[1].Position)
	t.wantAt(reader, saved.Position)
	t.wantRead(reader)
	elsewhere.wantRead(reader)
}
