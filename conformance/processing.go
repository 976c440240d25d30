package conformance

import (
	"errors"
	"sync"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventProcessing = area{name: "Events/Processing", alone: true, behaviours: []behaviour{
	{"MarksWhatTheFunctionReportsDone", processingMarksDone},
	{"LeavesTheRestForTheNextRound", processingLeavesTheRest},
	{"OfAnEmptyQueueDoesNotCallTheFunction", processingNothing},
	{"AnErrorUndoesEverything", processingError},
	{"APanicUndoesEverythingAndGoesOn", processingPanic},
	{"CommitsWhatTheFunctionWrote", processingWrites},
	{"CountsOnlyWhatItMarked", processingCounts},
	{"HoldsToItsLimit", processingLimit},
	{"SkipsWhatOthersHold", processingSkips},
	{"ManyWorkersProcessEachEventOnce", processingEachOnce},
	{"WorksInATransaction", processingInTx},
}}

// process runs one round.
func (t *test) process(limit int, fn func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error)) int {
	t.Helper()
	n, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Limit: limit}, fn)
	t.ok(err)
	return n
}

func allDone(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) { return idsOf(events), nil }

func processingMarksDone(t *test) {
	saved := t.saveAll(newEvents(3))
	n := t.process(0, func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		t.sameEvents("events to process", events, saved)
		equal(t, "schema of the transaction", tx.Schema(), t.store.Schema())
		return idsOf(events), nil
	})
	equal(t, "processed", n, 3)
	equalList(t, "queue", t.queue(), nil)
	for _, event := range saved {
		if t.get(event.ID).ProcessedAt == nil {
			t.Errorf("ProcessedAt of %s: got nil, want a time", event.ID)
		}
	}
}

func processingLeavesTheRest(t *test) {
	ids := idsOf(t.saveAll(newEvents(4)))
	n := t.process(0, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		return []uuid.UUID{events[2].ID, events[0].ID}, nil
	})
	equal(t, "processed", n, 2)
	equalList(t, "queue", t.queue(), []uuid.UUID{ids[1], ids[3]})
	equal(t, "processed without any done", t.process(0, func(driver.Store, []driver.Event) ([]uuid.UUID, error) { return nil, nil }), 0)
	equal(t, "processed in the next round", t.process(0, allDone), 2)
}

func processingNothing(t *test) {
	n := t.process(0, func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
		t.Error("the function was called for an empty queue")
		return nil, nil
	})
	equal(t, "processed", n, 0)
}

func processingError(t *test) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	n, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{}, func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		t.change(tx, events)
		return idsOf(events), errUndo
	})
	equal(t, "processed", n, 0)
	if !errors.Is(err, errUndo) {
		t.Errorf("ProcessUnprocessed returned %v, want the error of its function", err)
	}
	t.wantUndone(before, waiting)
}

func processingPanic(t *test) {
	waiting := t.saveAll(newEvents(5))
	before := t.state()
	func() {
		defer func() {
			if got := recover(); got != errUndo {
				t.Errorf("ProcessUnprocessed panicked with %v, want the value its function panicked with", got)
			}
		}()
		_, _ = t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{}, func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
			t.change(tx, events)
			panic(errUndo)
		})
	}()
	t.wantUndone(before, waiting)
}

func processingWrites(t *test) {
	first := t.save(newEvent())
	var followUp driver.Event
	t.process(0, func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		event := newEvent()
		event.CausationID = &events[0].ID
		followUp = t.saveTo(tx, event)
		return idsOf(events), nil
	})
	equalList(t, "queue", t.queue(), []uuid.UUID{followUp.ID})
	equal(t, "cause of the event that followed", optional(t.get(followUp.ID).CausationID), first.ID.String())
}

func processingCounts(t *test) {
	ids := idsOf(t.saveAll(newEvents(3)))
	t.mark(ids[0])
	n := t.process(0, func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
		return []uuid.UUID{ids[0], ids[1], ids[1], newID()}, nil // done before, done, twice, unknown
	})
	equal(t, "processed", n, 1)
	equalList(t, "queue", t.queue(), ids[2:])
}

func processingLimit(t *test) {
	ids := idsOf(t.saveAll(newEvents(5)))
	equal(t, "processed", t.process(2, allDone), 2)
	equalList(t, "queue", t.queue(), ids[2:])
}

func processingSkips(t *test) {
	t.needsConcurrent()
	ids := idsOf(t.saveAll(newEvents(4)))
	end := t.holdLocked(3, 0)
	equal(t, "processed beside", t.process(0, allDone), 1)
	end(nil)
	equalList(t, "queue", t.queue(), ids[:3])
	end = t.holdLocked(3, 0)
	equal(t, "processed when others hold all", t.process(0, func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
		t.Error("the function was called although others hold all events")
		return nil, nil
	}), 0)
	end(nil)
}

func processingEachOnce(t *test) {
	const workers = 8
	ids := idsOf(t.saveAll(newEvents(scale(200, 60))))
	var processed struct {
		sync.Mutex
		ids   []uuid.UUID
		count int
	}
	t.together(workers, func(i int) error {
		for round := 0; ; round++ {
			var own []uuid.UUID
			undo := (i+round)%5 == 0
			n, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Limit: 1 + i}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
				own = idsOf(events)
				if undo {
					return own, errUndo
				}
				return own, nil
			})
			switch {
			case undo && errors.Is(err, errUndo):
				continue
			case err != nil:
				return err
			case len(own) == 0:
				return nil
			}
			processed.Lock()
			processed.ids, processed.count = append(processed.ids, own...), processed.count+n
			processed.Unlock()
		}
	})
	for t.process(0, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		processed.ids = append(processed.ids, idsOf(events)...) // held by one that undid it when the last other looked
		processed.count += len(events)
		return idsOf(events), nil
	}) > 0 {
	}
	equal(t, "processed by all together", processed.count, len(ids))
	sortIDs(processed.ids)
	sortIDs(ids)
	equalList(t, "events processed", processed.ids, ids)
	equalList(t, "queue", t.queue(), nil)
}

func processingInTx(t *test) {
	ids := idsOf(t.saveAll(newEvents(3)))
	t.undone(t.store, func(tx driver.Store) {
		n, err := tx.Events().ProcessUnprocessed(t.ctx, driver.ProcessOptions{}, allDone)
		t.ok(err)
		equal(t, "processed", n, 3)
		t.wantWaiting(tx, 0)
	})
	equalList(t, "queue", t.queue(), ids)
}
