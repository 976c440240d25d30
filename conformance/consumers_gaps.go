package conformance

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var consumerGaps = area{name: "Consumers/Gaps", alone: true, fresh: true, behaviours: []behaviour{
	{"StopARead", gapSafe(gapsStop)},
	{"ThatAreRolledBackLetItGoOn", gapSafe(gapsRolledBack)},
	{"OfSeveralTransactionsStopAtTheFirst", gapSafe(gapsSeveral)},
	{"InTheMiddleOfATransactionStopARead", gapSafe(gapsMiddle)},
	{"StopAReadInATransaction", gapSafe(gapsInTx)},
	{"OfTransactionsOfTheAppStopARead", gapSafe(eachAppTx(gapsOfTheApp))},
	{"ThatNobodyCanFillDoNotStopIt", gapSafe(gapsForGood)},
	{"AreNotHeldOpenByReaders", gapSafe(gapsReaders)},
	{"AreNotHeldOpenByOtherSchemas", gapSafe(gapsSchemas)},
	{"ByManyWritersHideNothing", gapSafe(gapsWriters)},
}}

// holdSave saves events in a transaction that stays open until end is called, and returns them.
func (t *test) holdSave(store driver.Store, n int) (saved []driver.Event, end func(verdict error)) {
	t.Helper()
	end = t.hold(store, func(tx driver.Store) (err error) {
		saved, err = tx.Events().SaveBatch(t.ctx, newEvents(n))
		return err
	})
	return saved, end
}

func gapsStop(t *test) {
	t.needsConcurrent()
	first := t.save(newEvent())
	late, end := t.holdSave(t.store, 2)
	after := t.saveAll(newEvents(2))
	for range 3 {
		t.wantRead(reader, first)
	}
	t.commitAs(reader, first.Position)
	t.wantRead(reader)
	t.wantRead("other", first)
	equal(t, "Lag", must(t, t.store.Consumers().Lag, reader), 2) // what is visible
	end(nil)
	t.wantRead(reader, append(late, after...)...)
	t.wantRead("other", append(append([]driver.Event{first}, late...), after...)...)
}

func gapsRolledBack(t *test) {
	t.needsConcurrent()
	first := t.save(newEvent())
	_, end := t.holdSave(t.store, 1)
	after := t.saveAll(newEvents(2))
	t.wantRead(reader, first)
	end(errUndo)
	t.wantRead(reader, first, after[0], after[1])
}

func gapsSeveral(t *test) {
	t.needsConcurrent()
	a, endA := t.holdSave(t.store, 1)
	one := t.save(newEvent())
	b, endB := t.holdSave(t.store, 2)
	two := t.save(newEvent())
	c, endC := t.holdSave(t.store, 1)
	three := t.save(newEvent())
	t.wantRead(reader)
	endB(nil)
	t.wantRead(reader)
	endA(nil)
	t.wantRead(reader, a[0], one, b[0], b[1], two)
	endC(errUndo)
	t.wantRead(reader, a[0], one, b[0], b[1], two, three)
	t.wantStored(false, c[0].ID)
}

// gapsMiddle has positions of two transactions in turns, one of which commits.
func gapsMiddle(t *test) {
	t.needsConcurrent()
	turns, done := make(chan struct{}), make(chan driver.Event)
	first := t.save(newEvent())
	verdict := inBackground(func() error {
		return t.store.InTx(t.ctx, func(tx driver.Store) error {
			for range turns {
				event, err := tx.Events().Save(t.ctx, newEvent())
				if err != nil {
					return err
				}
				done <- event
			}
			return nil
		})
	})
	var all []driver.Event
	for range 3 {
		select {
		case turns <- struct{}{}:
			all = append(all, <-done)
		case err := <-verdict:
			t.Fatalf("the transaction ended with: %v", err)
		}
		all = append(all, t.save(newEvent()))
		t.wantRead(reader, first)
	}
	close(turns)
	t.ok(<-verdict)
	t.wantRead(reader, append([]driver.Event{first}, all...)...)
}

// gapsInTx reads in a transaction that began before the late events are committed, and after.
func gapsInTx(t *test) {
	t.needsConcurrent()
	first := t.save(newEvent())
	late, end := t.holdSave(t.store, 1)
	after := t.save(newEvent())
	t.inTx(func(tx driver.Store) {
		read := func() []uuid.UUID { return idsOf(must2(t, tx.Consumers().Read, reader, 0)) }
		equalList(t, "events read", read(), []uuid.UUID{first.ID})
		t.ok(tx.Consumers().Commit(t.ctx, reader, first.Position))
		equalList(t, "events read after the commit", read(), nil)
		end(nil)
		equalList(t, "events read afterwards", read(), []uuid.UUID{late[0].ID, after.ID})
	})
}

func gapsOfTheApp(t *test, app *app) {
	t.needsConcurrent()
	first := t.save(newEvent())
	for _, commit := range []bool{true, false} {
		tx := app.begin()
		late := t.saveTo(t.join(tx, t.store), newEvent())
		after := t.save(newEvent())
		t.wantRead(reader, first)
		if commit {
			t.ok(tx.Commit())
			t.wantRead(reader, first, late, after)
		} else {
			t.ok(tx.Rollback())
			t.wantRead(reader, first, after)
		}
		t.ok(t.store.Consumers().Reset(t.ctx, reader, after.Position))
		first = t.save(newEvent())
	}
}

// gapsForGood has gaps of all kinds, which no transaction under way can fill.
func gapsForGood(t *test) {
	var want []driver.Event
	for i := range 3 {
		t.undone(t.store, func(tx driver.Store) { must(t, tx.Events().SaveBatch, newEvents(1+i*10)) })
		want = append(want, t.save(newEvent()))
		t.inTx(func(tx driver.Store) {
			t.undone(tx, func(nested driver.Store) { t.saveTo(nested, newEvent()) })
			want = append(want, t.saveTo(tx, newEvent()))
		})
		taken := newEvent()
		taken.ID = want[0].ID
		_, err := t.events.Save(t.ctx, taken)
		t.wantTaken(err, "Events.Save", taken.ID)
		want = append(want, t.save(newEvent()))
	}
	t.wantRead(reader, want...)
}

func gapsReaders(t *test) {
	t.needsReadsBeside()
	for _, level := range []driver.Isolation{driver.ReadCommitted, driver.RepeatableRead} {
		first := t.save(newEvent())
		t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
			t.stateOf(tx) // has read, and stays open
			t.undone(t.store, func(other driver.Store) { t.saveTo(other, newEvent()) })
			second := t.save(newEvent())
			t.wantRead(reader, first, second)
			t.commitAs(reader, second.Position)
			return nil
		}, driver.WithIsolation(level), driver.ReadOnly()))
	}
}

func gapsSchemas(t *test) {
	t.needsConcurrent()
	elsewhere := t.openStore(t.db, newSchema())
	first := t.save(newEvent())
	_, end := t.holdSave(elsewhere, 3)
	t.undone(t.store, func(tx driver.Store) { t.saveTo(tx, newEvent()) })
	second := t.save(newEvent())
	t.wantRead(reader, first, second)
	end(nil)
}

// gapsWriters has many who save and commit in an order of their own, or roll back, and one who
// reads meanwhile, now and then in a transaction.
func gapsWriters(t *test) {
	const writers = 8
	rounds := scale(60, 15)
	var committed struct {
		sync.Mutex
		events []driver.Event
	}
	writing := make(chan struct{})
	var read []driver.Event
	reading := inBackground(func() error {
		for {
			last := false
			select {
			case <-writing:
				last = true // what is committed by now is all
			default:
			}
			page, err := t.readOn(rand.IntN(2) == 0)
			if err != nil {
				return err
			}
			read = append(read, page...)
			if last && len(page) == 0 {
				return nil
			}
		}
	})
	t.together(writers, func(int) error {
		for range rounds {
			saved, err := t.saveSlowly()
			if err != nil {
				return err
			}
			committed.Lock()
			committed.events = append(committed.events, saved...)
			committed.Unlock()
		}
		return nil
	})
	close(writing)
	t.ok(<-reading)
	slices.SortFunc(committed.events, func(a, b driver.Event) int { return cmp.Compare(a.Position, b.Position) })
	equalList(t, "positions read", positionsOf(read), positionsOf(committed.events))
	equalList(t, "events read", idsOf(read), idsOf(committed.events))
}

func positionsOf(events []driver.Event) []int64 {
	positions := make([]int64, len(events))
	for i := range events {
		positions[i] = events[i].Position
	}
	return positions
}

// readOn reads the next events and commits that.
func (t *test) readOn(inTx bool) (page []driver.Event, err error) {
	read := func(store driver.Store) (err error) {
		page, err = store.Consumers().Read(t.ctx, reader, 1+rand.IntN(20))
		if err == nil && len(page) > 0 {
			err = store.Consumers().Commit(t.ctx, reader, page[len(page)-1].Position)
		}
		return err
	}
	if !inTx {
		err = read(t.store)
		return page, err
	}
	err = t.store.InTx(t.ctx, read)
	return page, err
}

// saveSlowly saves some events in a transaction that takes its time before it commits, or rolls
// back, and returns those that were committed.
func (t *test) saveSlowly() (saved []driver.Event, err error) {
	err = t.store.InTx(t.ctx, func(tx driver.Store) error {
		for range 1 + rand.IntN(3) {
			batch, err := tx.Events().SaveBatch(t.ctx, newEvents(1+rand.IntN(3)))
			if err != nil {
				return err
			}
			saved = append(saved, batch...)
			for range rand.IntN(6) {
				if _, err := tx.Events().Exists(t.ctx, newID()); err != nil {
					return err
				}
			}
		}
		if rand.IntN(4) == 0 {
			return errUndo
		}
		return context.Cause(t.ctx)
	})
	if errors.Is(err, errUndo) {
		return nil, nil
	}
	return saved, err
}
