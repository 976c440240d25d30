package conformance

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventMarking = area{name: "Events/Marking", behaviours: []behaviour{
	{"MarkAsProcessedIsTrueTheFirstTimeOnly", markingFirstTimeOnly},
	{"MarkAsProcessedOfAnUnknownIDIsFalse", markingUnknown},
	{"MarkAsProcessedKeepsTheFirstTime", markingKeepsTheFirstTime},
	{"MarkAsProcessedChangesNothingElse", markingChangesNothingElse},
	{"MarkMultipleCountsWhatItMarked", markingMultiple},
	{"MarkMultipleCountsDuplicatesOnce", markingDuplicates},
	{"MarkMultipleIgnoresUnknownIDs", markingIgnoresUnknown},
	{"MarkMultipleOfNothingNeedsNoDatabase", markingNothing},
	{"OneOfManyMarkersWins", markingOneWins},
	{"ManyMarkersMarkEachEventOnce", markingEachOnce},
}}

var eventBulkMarking = area{name: "Events/BulkMarking", behaviours: []behaviour{
	{"MarksInBatchesOfAnySize", bulkBatches},
	{"MarksAHundredThousandIDs", bulkHundredThousand},
	{"MultipleMarksAHundredThousandIDs", bulkMultipleHundredThousand},
	{"CountsDuplicatesOnce", bulkDuplicates},
	{"OfNothingNeedsNoDatabase", bulkNothing},
	{"RefusesANegativeBatch", bulkNegative},
	{"CountsWhatStaysMarkedOnFailure", bulkCountsOnFailure},
	{"RollsBackWithItsTransaction", bulkInTx},
}}

func (t *test) markOne(id uuid.UUID) bool {
	t.Helper()
	marked, err := t.events.MarkAsProcessed(t.ctx, id)
	t.ok(err)
	return marked
}

func markingFirstTimeOnly(t *test) {
	saved, other := t.save(newEvent()), t.save(newEvent())
	equal(t, "marked the first time", t.markOne(saved.ID), true)
	equal(t, "marked the second time", t.markOne(saved.ID), false)
	equalList(t, "queue", t.queue(), []uuid.UUID{other.ID})
}

func markingUnknown(t *test) {
	t.save(newEvent())
	before := t.state()
	equal(t, "marked an unknown id", t.markOne(newID()), false)
	equal(t, "marked the zero id", t.markOne(uuid.Nil), false)
	t.wantState(before)
}

func markingKeepsTheFirstTime(t *test) {
	saved := t.save(newEvent())
	t.markOne(saved.ID)
	first := t.get(saved.ID)
	t.markOne(saved.ID)
	_, err := t.events.MarkMultipleAsProcessed(t.ctx, []uuid.UUID{saved.ID})
	t.ok(err)
	t.sameEvent("event marked again", t.get(saved.ID), first)
}

func markingChangesNothingElse(t *test) {
	saved := t.save(fullEvent())
	t.markOne(saved.ID)
	got := t.get(saved.ID)
	saved.ProcessedAt = got.ProcessedAt
	t.sameEvent("event marked", got, saved)
}

func (t *test) markMany(ids []uuid.UUID) int {
	t.Helper()
	marked, err := t.events.MarkMultipleAsProcessed(t.ctx, ids)
	t.ok(err)
	return marked
}

func markingMultiple(t *test) {
	ids := idsOf(t.saveAll(newEvents(6)))
	equal(t, "marked", t.markMany([]uuid.UUID{ids[4], ids[0], ids[2]}), 3)
	equalList(t, "queue", t.queue(), []uuid.UUID{ids[1], ids[3], ids[5]})
	equal(t, "marked of all", t.markMany(ids), 3)
	equal(t, "marked of none left", t.markMany(ids), 0)
	equalList(t, "queue", t.queue(), nil)
	for _, id := range ids {
		if t.get(id).ProcessedAt == nil {
			t.Errorf("ProcessedAt of %s: got nil, want a time", id)
		}
	}
}

func markingDuplicates(t *test) {
	ids := idsOf(t.saveAll(newEvents(2)))
	equal(t, "marked", t.markMany([]uuid.UUID{ids[0], ids[1], ids[0], ids[0], ids[1]}), 2)
}

func markingIgnoresUnknown(t *test) {
	saved := t.save(newEvent())
	equal(t, "marked", t.markMany([]uuid.UUID{newID(), saved.ID, uuid.Nil, uuid.Max}), 1)
	equal(t, "marked of unknown ones", t.markMany([]uuid.UUID{newID(), newID()}), 0)
}

func markingNothing(t *test) {
	ended, cancel := context.WithCancel(t.ctx)
	cancel()
	for _, nothing := range [][]uuid.UUID{nil, {}} {
		marked, err := t.events.MarkMultipleAsProcessed(ended, nothing)
		t.ok(err)
		equal(t, "marked", marked, 0)
	}
}

func markingOneWins(t *test) {
	saved := t.save(newEvent())
	var winners atomic.Int64
	t.together(8, func(int) error {
		marked, err := t.events.MarkAsProcessed(t.ctx, saved.ID)
		if marked {
			winners.Add(1)
		}
		return err
	})
	equal(t, "markers that won", winners.Load(), 1)
}

func markingEachOnce(t *test) {
	const markers = 6
	ids := idsOf(t.saveAll(newEvents(60)))
	var total atomic.Int64
	t.together(markers, func(i int) error {
		own := slices.Clone(ids)
		if i%2 == 1 { // in the other order: nobody may deadlock
			slices.Reverse(own)
		}
		for chunk := range slices.Chunk(own, 20) {
			marked, err := t.events.MarkMultipleAsProcessed(t.ctx, chunk)
			if err != nil {
				return err
			}
			total.Add(int64(marked))
		}
		return nil
	})
	equal(t, "events marked by all together", total.Load(), int64(len(ids)))
	equalList(t, "queue", t.queue(), nil)
}

func (t *test) markBulk(ids []uuid.UUID, batch int) int {
	t.Helper()
	marked, err := t.events.MarkMultipleAsProcessedBulk(t.ctx, ids, batch)
	t.ok(err)
	return marked
}

func bulkBatches(t *test) {
	for _, batch := range []int{0, 1, 7, 20, 21, 1_000_000} {
		ids := idsOf(t.saveAll(newEvents(20)))
		equal(t, "marked", t.markBulk(ids, batch), len(ids))
		equalList(t, "queue", t.queue(), nil)
	}
}

// amongUnknown returns n ids, with those given spread among ones that nobody has.
func amongUnknown(known []uuid.UUID, n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	for i, id := range known {
		ids[i*(n/len(known))] = id
	}
	return ids
}

func bulkHundredThousand(t *test) {
	saved := idsOf(t.saveAll(newEvents(scale(1000, 100))))
	ids := amongUnknown(saved, scale(100_000, 5000))
	equal(t, "marked", t.markBulk(ids, 0), len(saved))
	equalList(t, "queue", t.queue(), nil)
}

func bulkMultipleHundredThousand(t *test) {
	saved := idsOf(t.saveAll(newEvents(scale(1000, 100))))
	ids := amongUnknown(saved, scale(100_000, 5000))
	equal(t, "marked", t.markMany(ids), len(saved))
	equalList(t, "queue", t.queue(), nil)
}

func bulkDuplicates(t *test) {
	ids := idsOf(t.saveAll(newEvents(5)))
	equal(t, "marked", t.markBulk(slices.Concat(ids, ids, ids), 4), len(ids))
}

func bulkNothing(t *test) {
	ended, cancel := context.WithCancel(t.ctx)
	cancel()
	for _, nothing := range [][]uuid.UUID{nil, {}} {
		marked, err := t.events.MarkMultipleAsProcessedBulk(ended, nothing, 0)
		t.ok(err)
		equal(t, "marked", marked, 0)
	}
}

func bulkNegative(t *test) {
	saved := t.save(newEvent())
	for _, ids := range [][]uuid.UUID{{saved.ID}, nil} {
		marked, err := t.events.MarkMultipleAsProcessedBulk(t.ctx, ids, -1)
		t.wantInvalid(err, "Events.MarkMultipleAsProcessedBulk", "batch_size")
		equal(t, "marked", marked, 0)
	}
	equalList(t, "queue", t.queue(), []uuid.UUID{saved.ID})
}

// bulkCountsOnFailure ends the context when some are marked. Whether all are by then or not, the count must be
// true, but for the one batch under way if the error says that its fate is unknown.
func bulkCountsOnFailure(t *test) {
	t.needsReadsBeside()
	ids := idsOf(t.saveAll(newEvents(scale(500, 100))))
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	go func() {
		defer cancel()
		for {
			waiting, err := t.events.CountUnprocessed(t.ctx)
			if err != nil || waiting < int64(len(ids)) {
				return
			}
		}
	}()
	marked, err := t.events.MarkMultipleAsProcessedBulk(ctx, ids, 1)
	if err != nil {
		t.wantErr(err, context.Canceled, "Events.MarkMultipleAsProcessedBulk")
	} else {
		equal(t, "marked without an error", marked, len(ids))
	}
	queue := t.queue()
	var unavailable *driver.UnavailableError
	if errors.As(err, &unavailable) && unavailable.CommitUnknown && len(queue) == len(ids)-marked-1 {
		marked++
	}
	equalList(t, "queue", queue, ids[marked:])
}

func bulkInTx(t *test) {
	ids := idsOf(t.saveAll(newEvents(10)))
	t.undone(t.store, func(tx driver.Store) {
		marked, err := tx.Events().MarkMultipleAsProcessedBulk(t.ctx, ids, 3)
		t.ok(err)
		equal(t, "marked", marked, len(ids))
	})
	equalList(t, "queue", t.queue(), ids)
}
