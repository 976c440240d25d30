package conformance

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deadLettersRequeue = area{name: "DeadLetters/Requeue", behaviours: []behaviour{
	{"PutsAnEventBackInTheQueue", requeueBack},
	{"CountsAttemptsAnew", requeueAttempts},
	{"FencesClaimsFromBefore", requeueFences},
	{"OfWhatIsNoDeadLetterIsFalse", requeueFalse},
	{"PutsAllBackThatTheFilterSelects", requeueAll},
	{"LeavesTheRest", requeueLeaves},
	{"ByPurgeMarksAsProcessed", purgeMarks},
	{"ByPurgeTakesAllThatTheFilterSelects", purgeAll},
	{"ByMarkingTakesThemOutToo", lettersMarked},
	{"ByMarkingTakesThemOutThoughTheyMoveMeanwhile", lettersMarkedOnTheMove},
	{"AndPurgeAtOnceTakeEachOnce", requeueAtOnce},
	{"OfThousands", requeueThousands},
}}

func (t *test) requeue(id uuid.UUID) bool {
	t.Helper()
	return must(t, t.store.DeadLetters().Requeue, id)
}

func requeueBack(t *test) {
	letter := t.bury(1)[0]
	t.save(newEvent())
	equal(t, "requeued", t.requeue(letter.Event.ID), true)
	equal(t, "requeued again", t.requeue(letter.Event.ID), false)
	t.wantNoLetter(letter.Event.ID)
	t.wantWork(2, 0, 0)
	claim := t.takeOne()
	t.sameEvent("event claimed", claim.Event, letter.Event)
	t.ack(claim)
}

func requeueAttempts(t *test) {
	saved := t.save(newEvent())
	opts := driver.ClaimOptions{MaxAttempts: 2}
	for range 2 {
		for attempt := 1; attempt <= 2; attempt++ {
			claim := t.sole(t.claimWith(opts))
			equal(t, "Attempt", claim.Attempt, attempt)
			t.giveBack(claim, 0)
		}
		equal(t, "Attempts", t.letter(saved.ID).Attempts, 2)
		equal(t, "requeued", t.requeue(saved.ID), true)
	}
	equal(t, "all requeued", must(t, t.store.DeadLetters().RequeueAll, driver.DeadLetterFilter{}), 0)
	equal(t, "Attempt", t.takeOne().Attempt, 1)
}

func requeueFences(t *test) {
	saved := t.save(newEvent())
	old := t.takeOne()
	t.ok(t.events.DeadLetter(t.ctx, old, canary))
	t.requeue(saved.ID)
	t.wantFenced(old)
	again := t.takeOne()
	t.wantFenced(old)
	t.ack(again)
}

func requeueFalse(t *test) {
	saved := t.saveAll(newEvents(3))
	t.ack(t.takeOne())
	t.takeOne()
	before := t.workOf(t.store)
	for _, event := range saved {
		equal(t, "requeued", t.requeue(event.ID), false)
	}
	equal(t, "requeued an unknown one", t.requeue(newID()), false)
	equal(t, "requeued the zero id", t.requeue(uuid.Nil), false)
	t.wantWorkOf(t.store, before)
}

func requeueAll(t *test) {
	letters, filters := t.lettersToFilter()
	for _, f := range filters {
		want := f.of(letters)
		t.undone(t.store, func(tx driver.Store) {
			equal(t, "requeued by "+f.name, must(t, tx.DeadLetters().RequeueAll, f.filter), len(want))
			got := t.queueOf(tx)
			sortIDs(got)
			ids := letterIDs(want)
			sortIDs(ids)
			equalList(t, "queue after requeuing by "+f.name, got, ids)
			for _, claim := range must(t, tx.Events().Claim, driver.ClaimOptions{}) {
				equal(t, "Attempt", claim.Attempt, 1)
			}
		})
	}
	t.sameLetters("dead letters afterwards", t.letters(driver.DeadLetterFilter{}), letters)
}

func requeueLeaves(t *test) {
	letters := t.bury(4)
	only := driver.DeadLetterFilter{Aggregate: ptr(letters[1].Event.Aggregate())}
	equal(t, "requeued", must(t, t.store.DeadLetters().RequeueAll, only), 1)
	only.Aggregate = ptr(letters[2].Event.Aggregate())
	equal(t, "purged", must(t, t.store.DeadLetters().Purge, only), 1)
	t.sameLetters("dead letters left", t.letters(driver.DeadLetterFilter{}), newestLetters([]driver.DeadLetter{letters[0], letters[3]}))
	t.wantWork(1, 0, 2)
	equal(t, "requeued of the rest", must(t, t.store.DeadLetters().RequeueAll, driver.DeadLetterFilter{}), 2)
	t.wantClaimed(t.take(0), letters[0].Event, letters[1].Event, letters[3].Event)
}

func purgeMarks(t *test) {
	letters := t.bury(2)
	before := t.clock()
	equal(t, "purged", must(t, t.store.DeadLetters().Purge, driver.DeadLetterFilter{}), 2)
	after := t.clock()
	for _, letter := range letters {
		got := t.get(letter.Event.ID)
		t.wantBetween("ProcessedAt", got.ProcessedAt, before, after)
		got.ProcessedAt = nil
		t.sameEvent("event purged", got, letter.Event)
		t.wantNoLetter(letter.Event.ID)
		equal(t, "requeued afterwards", t.requeue(letter.Event.ID), false)
		equal(t, "marked afterwards", t.markOne(letter.Event.ID), false)
	}
	t.wantWork(0, 0, 0)
	t.wantNothingToClaim()
}

func purgeAll(t *test) {
	letters, filters := t.lettersToFilter()
	for _, f := range filters {
		want := f.of(letters)
		t.undone(t.store, func(tx driver.Store) {
			equal(t, "purged by "+f.name, must(t, tx.DeadLetters().Purge, f.filter), len(want))
			equal(t, "purged again by "+f.name, must(t, tx.DeadLetters().Purge, f.filter), 0)
			for _, letter := range letters {
				event := must(t, tx.Events().GetByID, letter.Event.ID)
				equal(t, "processed by a purge of "+f.name, event.ProcessedAt != nil, f.selects(letter))
			}
			equal(t, "dead letters left", must(t, tx.DeadLetters().Count, driver.DeadLetterFilter{}), int64(len(letters)-len(want)))
		})
	}
	t.sameLetters("dead letters afterwards", t.letters(driver.DeadLetterFilter{}), letters)
}

func lettersMarked(t *test) {
	letters := t.bury(5)
	ids := letterIDs(letters)
	before := t.clock()
	equal(t, "marked", t.markOne(ids[0]), true)
	equal(t, "marked again", t.markOne(ids[0]), false)
	equal(t, "marked more", t.markMany(ids[:3]), 2)
	waiting := t.save(newEvent())
	equal(t, "marked in bulk", t.markBulk(append(ids, waiting.ID), 2), 3)
	after := t.clock()
	for i, id := range ids {
		got := t.get(id)
		t.wantBetween("ProcessedAt", got.ProcessedAt, before, after)
		got.ProcessedAt = nil
		t.sameEvent("event marked", got, letters[i].Event)
		t.wantNoLetter(id)
		equal(t, "requeued afterwards", t.requeue(id), false)
	}
	t.wantWork(0, 0, 0)
}

// lettersMarkedOnTheMove marks events that another transaction is moving between the queue and the dead letters: each is in one of
// them whatever becomes of it, and is found there.
func lettersMarkedOnTheMove(t *test) {
	t.saveAll(newEvents(2))
	claims, err := t.events.Claim(t.ctx, driver.ClaimOptions{})
	t.ok(err)
	equal(t, "number of claims", len(claims), 2)
	t.ok(t.events.DeadLetter(t.ctx, claims[1], "it is broken"))

	end := t.hold(t.store, func(tx driver.Store) error {
		if err := tx.Events().DeadLetter(t.ctx, claims[0], "it is broken, too"); err != nil {
			return err
		}
		_, err := tx.DeadLetters().Requeue(t.ctx, claims[1].Event.ID)
		return err
	})
	var marked int
	done := inBackground(func() (err error) {
		marked, err = t.events.MarkMultipleAsProcessed(t.ctx, []uuid.UUID{claims[0].Event.ID, claims[1].Event.ID})
		return err
	})
	time.Sleep(30 * time.Millisecond) // in which it comes to wait
	end(nil)
	t.ok(<-done)
	equal(t, "events marked", marked, 2)
	equal(t, "events in the queue", len(t.queue()), 0)
}

// requeueAtOnce requeues, purges and marks the same dead letters from several goroutines.
func requeueAtOnce(t *test) {
	letters := t.bury(scale(24, 12))
	var taken atomic.Int64
	t.together(6, func(i int) error {
		for _, letter := range letters {
			var n int
			var err error
			switch filter := (driver.DeadLetterFilter{Aggregate: ptr(letter.Event.Aggregate())}); i % 3 {
			case 0:
				n, err = t.store.DeadLetters().RequeueAll(t.ctx, filter)
			case 1:
				n, err = t.store.DeadLetters().Purge(t.ctx, filter)
			default:
				var requeued bool
				if requeued, err = t.store.DeadLetters().Requeue(t.ctx, letter.Event.ID); requeued {
					n = 1
				}
			}
			if err != nil {
				return err
			}
			taken.Add(int64(n))
		}
		return nil
	})
	equal(t, "dead letters taken by all together", taken.Load(), int64(len(letters)))
	equal(t, "dead letters left", len(t.letters(driver.DeadLetterFilter{})), 0)
}

func requeueThousands(t *test) {
	n := scale(3000, 300)
	t.saveAll(newEvents(n))
	opts := driver.ClaimOptions{Limit: n, Lease: time.Millisecond, MaxAttempts: 1}
	dead := func() int64 { return must(t, t.store.DeadLetters().Count, driver.DeadLetterFilter{}) }
	die := func() {
		equal(t, "events claimed", len(t.untilClaimed(opts)), n)
		t.until(func() bool {
			t.claimWith(opts)
			return dead() == int64(n)
		})
	}
	die()
	equal(t, "requeued", must(t, t.store.DeadLetters().RequeueAll, driver.DeadLetterFilter{}), n)
	die()
	equal(t, "purged", must(t, t.store.DeadLetters().Purge, driver.DeadLetterFilter{}), n)
	t.wantWork(0, 0, 0)
}
