package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventUnprocessed = area{name: "Events/Unprocessed", behaviours: []behaviour{
	{"ReturnsTheOldestFirst", unprocessedOldestFirst},
	{"ReturnsWholeEvents", unprocessedWhole},
	{"LocksNothing", unprocessedLocksNothing},
	{"LeavesOutTheProcessed", unprocessedLeavesOut},
	{"ShowsWhatItsTransactionDid", unprocessedInTx},
}}

func unprocessedOldestFirst(t *test) {
	want := append(idsOf(t.saveAll(newEvents(3))), t.save(newEvent()).ID)
	equalList(t, "queue", t.queue(), want)
	first, err := t.events.GetUnprocessed(t.ctx, 2)
	t.ok(err)
	equalList(t, "first two of the queue", idsOf(first), want[:2])
}

func unprocessedWhole(t *test) {
	want := []driver.Event{t.save(fullEvent()), t.save(newEvent())}
	found, err := t.events.GetUnprocessed(t.ctx, 0)
	t.ok(err)
	t.sameEvents("the queue", found, want)
}

func unprocessedLocksNothing(t *test) {
	saved := t.saveAll(newEvents(3))
	for range 2 {
		equalList(t, "queue", t.queue(), idsOf(saved))
	}
	t.mark(idsOf(saved)...)
}

func unprocessedLeavesOut(t *test) {
	ids := idsOf(t.saveAll(newEvents(5)))
	t.mark(ids[0], ids[3])
	equalList(t, "queue", t.queue(), []uuid.UUID{ids[1], ids[2], ids[4]})
}

func unprocessedInTx(t *test) {
	old := t.save(newEvent())
	t.undone(t.store, func(tx driver.Store) {
		saved := t.saveTo(tx, newEvent())
		equalList(t, "queue after a save", t.queueOf(tx), []uuid.UUID{old.ID, saved.ID})
		marked, err := tx.Events().MarkAsProcessed(t.ctx, old.ID)
		t.ok(err)
		equal(t, "marked", marked, true)
		equalList(t, "queue after marking", t.queueOf(tx), []uuid.UUID{saved.ID})
	})
	equalList(t, "queue afterwards", t.queue(), []uuid.UUID{old.ID})
}
