package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var refusals = area{name: "Transactions/Refusals", behaviours: []behaviour{
	{"OfATakenIDLeaveItUsable", refusalOfID},
	{"OfATakenVersionLeaveItUsable", refusalOfVersion},
	{"OfABatchLeaveItUsable", refusalOfBatch},
	{"OfAnAppendLeaveItUsable", refusalOfAppend},
	{"OfInvalidInputLeaveItUsable", refusalOfInput},
	{"OfAnUnknownIDLeaveItUsable", refusalOfUnknown},
	{"InANestedOneLeaveItUsable", refusalNested},
	{"UndoAllOfTheRefusedBatch", refusalUndoesBatch},
}}

// staysUsable checks that a transaction in which refused ran can still read, write and commit, that
// what came before is kept, and that refused itself left nothing.
func (t *test) staysUsable(refused func(tx driver.Store, stored driver.Event)) {
	t.Helper()
	stored := t.save(newEvent())
	var first, second driver.Event
	t.inTx(func(tx driver.Store) {
		first = t.saveTo(tx, newEvent())
		before := t.stateOf(tx)
		for range 2 {
			refused(tx, stored)
			t.wantStateOf(tx, before)
		}
		second = t.saveTo(tx, newEvent())
	})
	equalList(t, "queue", t.queue(), []uuid.UUID{stored.ID, first.ID, second.ID})
	t.sameEvent("event stored before", t.get(stored.ID), stored)
}

func refusalOfID(t *test) {
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		event := newEvent()
		event.ID = stored.ID
		_, err := tx.Events().Save(t.ctx, event)
		t.wantTaken(err, "Events.Save", stored.ID)
		event.ProcessedAt = &stored.CreatedAt
		_, err = tx.Events().Save(t.ctx, event)
		t.wantTaken(err, "Events.Save", stored.ID)
	})
}

func refusalOfVersion(t *test) {
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		event := moreHistory(stored.Aggregate(), 1)[0]
		event.AggregateVersion = 1
		_, err := tx.Events().Save(t.ctx, event)
		t.wantConflict(err, "Events.Save", driver.VersionConflictError{Aggregate: stored.Aggregate(), Expected: 0, Actual: 1})
	})
}

func refusalOfBatch(t *test) {
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		taken, late, double := newEvents(5), newEvents(5), newEvents(5)
		taken[3].ID = stored.ID
		_, err := tx.Events().SaveBatch(t.ctx, taken)
		t.wantTaken(err, "Events.SaveBatch", stored.ID)

		late[3] = moreHistory(stored.Aggregate(), 1)[0]
		late[3].AggregateVersion = 1
		_, err = tx.Events().SaveBatch(t.ctx, late)
		t.wantConflict(err, "Events.SaveBatch", driver.VersionConflictError{Aggregate: stored.Aggregate(), Expected: 0, Actual: 1})

		double[4].ID = newID()
		double[0].ID = double[4].ID
		_, err = tx.Events().SaveBatch(t.ctx, double)
		t.wantTaken(err, "Events.SaveBatch", double[0].ID)
	})
}

func refusalOfAppend(t *test) {
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		_, err := tx.Events().Append(t.ctx, stored.Aggregate(), driver.NoEvents, fillers(3))
		t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: stored.Aggregate(), Expected: 0, Actual: 1})
		taken := fillers(3)
		taken[2].ID = stored.ID
		_, err = tx.Events().Append(t.ctx, stored.Aggregate(), 1, taken)
		t.wantErr(err, driver.ErrAlreadyExists, "Events.Append")
	})
}

func refusalOfInput(t *test) {
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		event := newEvent()
		event.EventType = "no words"
		_, err := tx.Events().Save(t.ctx, event)
		t.wantInvalid(err, "Events.Save", "event_type")
		_, err = tx.Events().GetUnprocessed(t.ctx, -1)
		t.wantInvalid(err, "Events.GetUnprocessed", "limit")
		_, err = tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Columns: []driver.EventColumn{"no_column"}})
		t.wantInvalid(err, "Events.GetUnprocessedForUpdate", "columns[0]")
		_, err = tx.Events().MarkMultipleAsProcessedBulk(t.ctx, nil, -1)
		t.wantInvalid(err, "Events.MarkMultipleAsProcessedBulk", "batch_size")
	})
}

func refusalOfUnknown(t *test) {
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		_, err := tx.Events().GetByID(t.ctx, newID())
		t.wantErr(err, driver.ErrNotFound, "Events.GetByID")
	})
}

func refusalNested(t *test) {
	t.staysUsable(func(tx driver.Store, stored driver.Event) {
		t.undone(tx, func(nested driver.Store) {
			t.saveTo(nested, newEvent())
			event := newEvent()
			event.ID = stored.ID
			_, err := nested.Events().Save(t.ctx, event)
			t.wantTaken(err, "Events.Save", stored.ID)
			t.saveTo(nested, newEvent())
		})
	})
}

func refusalUndoesBatch(t *test) {
	stored := t.save(newEvent())
	batch := withIDs(newEvents(scale(500, 50)))
	batch[len(batch)-1] = stored
	t.inTx(func(tx driver.Store) {
		_, err := tx.Events().SaveBatch(t.ctx, batch)
		t.wantTaken(err, "Events.SaveBatch", stored.ID)
		t.wantWaiting(tx, 1)
		saved, err := tx.Events().SaveBatch(t.ctx, batch[:len(batch)-1])
		t.ok(err)
		equal(t, "events saved at the second try", len(saved), len(batch)-1)
	})
	t.wantWaiting(t.store, int64(len(batch)))
}
