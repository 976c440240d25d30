package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventLocking = area{name: "Events/Locking", alone: true, behaviours: []behaviour{
	{"NeedsATransaction", lockingNeedsTx},
	{"ReturnsTheOldestFirst", lockingOldestFirst},
	{"ReturnsWholeEventsByDefault", lockingWhole},
	{"ReadsTheAskedColumnsAndTheID", lockingColumns},
	{"AllowsAColumnTwice", lockingColumnTwice},
	{"RefusesAnUnknownColumn", lockingUnknownColumn},
	{"LeavesOutTheProcessed", lockingLeavesOut},
	{"OfAnEmptyQueueIsEmpty", lockingNothing},
	{"OfTheSameTransactionAgainReturnsTheSame", lockingAgain},
}}

func lockingNeedsTx(t *test) {
	t.save(newEvent())
	_, err := t.events.GetUnprocessedForUpdate(t.ctx, driver.LockOptions{})
	t.wantErr(err, driver.ErrTxRequired, "Events.GetUnprocessedForUpdate")
}

// lock locks events in a transaction and returns them.
func (t *test) lock(tx driver.Store, opts driver.LockOptions) []driver.Event {
	t.Helper()
	events, err := tx.Events().GetUnprocessedForUpdate(t.ctx, opts)
	t.ok(err)
	return events
}

func lockingOldestFirst(t *test) {
	saved := t.saveAll(newEvents(5))
	for _, skip := range []bool{false, true} {
		t.inTx(func(tx driver.Store) {
			locked := t.lock(tx, driver.LockOptions{Limit: 3, SkipLocked: skip})
			t.sameEvents("locked events", locked, saved[:3])
		})
	}
}

func lockingWhole(t *test) {
	saved := []driver.Event{t.save(fullEvent()), t.save(newEvent())}
	t.inTx(func(tx driver.Store) {
		t.sameEvents("locked events", t.lock(tx, driver.LockOptions{}), saved)
		t.sameEvents("locked events, columns empty", t.lock(tx, driver.LockOptions{Columns: []driver.EventColumn{}}), saved)
		t.sameEvents("locked events, every column", t.lock(tx, driver.LockOptions{Columns: driver.EventColumns()}), saved)
	})
}

// only returns an event with the id and the given columns of e, all else zero.
func only(e driver.Event, columns ...driver.EventColumn) driver.Event {
	got := driver.Event{ID: e.ID}
	for _, column := range columns {
		switch column {
		case driver.EventColumnID:
		case driver.EventColumnPosition:
			got.Position = e.Position
		case driver.EventColumnType:
			got.EventType = e.EventType
		case driver.EventColumnName:
			got.EventName = e.EventName
		case driver.EventColumnAggregateType:
			got.AggregateType = e.AggregateType
		case driver.EventColumnAggregateID:
			got.AggregateID = e.AggregateID
		case driver.EventColumnAggregateVersion:
			got.AggregateVersion = e.AggregateVersion
		case driver.EventColumnData:
			got.EventData = e.EventData
		case driver.EventColumnMetadata:
			got.EventMetadata = e.EventMetadata
		case driver.EventColumnCorrelationID:
			got.CorrelationID = e.CorrelationID
		case driver.EventColumnCausationID:
			got.CausationID = e.CausationID
		case driver.EventColumnTriggeredByUserID:
			got.TriggeredByUserID = e.TriggeredByUserID
		case driver.EventColumnContextID:
			got.ContextID = e.ContextID
		case driver.EventColumnOccurredAt:
			got.OccurredAt = e.OccurredAt
		case driver.EventColumnCreatedAt:
			got.CreatedAt = e.CreatedAt
		case driver.EventColumnProcessedAt:
			got.ProcessedAt = e.ProcessedAt
		default:
			panic("a column that this suite doesn't know: " + column)
		}
	}
	return got
}

func lockingColumns(t *test) {
	saved := t.save(fullEvent())
	choices := [][]driver.EventColumn{
		{driver.EventColumnContextID, driver.EventColumnType},
		{driver.EventColumnProcessedAt, driver.EventColumnData, driver.EventColumnID},
		{driver.EventColumnPosition, driver.EventColumnCreatedAt, driver.EventColumnCausationID},
	}
	for _, column := range driver.EventColumns() {
		choices = append(choices, []driver.EventColumn{column})
	}
	for _, columns := range choices {
		want := []driver.Event{only(saved, columns...)}
		t.inTx(func(tx driver.Store) {
			t.sameEvents("locked events", t.lock(tx, driver.LockOptions{Columns: columns}), want)
		})
		_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Columns: columns}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
			t.sameEvents("events to process", events, want)
			return nil, nil
		})
		t.ok(err)
	}
}

func lockingColumnTwice(t *test) {
	saved := t.save(fullEvent())
	columns := []driver.EventColumn{driver.EventColumnName, driver.EventColumnName, driver.EventColumnID, driver.EventColumnName}
	t.inTx(func(tx driver.Store) {
		t.sameEvents("locked events", t.lock(tx, driver.LockOptions{Columns: columns}), []driver.Event{only(saved, driver.EventColumnName)})
	})
}

func lockingUnknownColumn(t *test) {
	t.save(newEvent())
	for _, column := range []driver.EventColumn{"", "payload", "ID", "id; DROP TABLE events", "*"} {
		columns := []driver.EventColumn{driver.EventColumnName, column}
		t.inTx(func(tx driver.Store) {
			_, err := tx.Events().GetUnprocessedForUpdate(t.ctx, driver.LockOptions{Columns: columns})
			t.wantInvalid(err, "Events.GetUnprocessedForUpdate", "columns[1]")
		})
		_, err := t.events.ProcessUnprocessed(t.ctx, driver.ProcessOptions{Columns: columns}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
			t.Error("ProcessUnprocessed called its function in spite of an unknown column")
			return nil, nil
		})
		t.wantInvalid(err, "Events.ProcessUnprocessed", "columns[1]")
	}
}

func lockingLeavesOut(t *test) {
	saved := t.saveAll(newEvents(4))
	t.mark(saved[0].ID, saved[2].ID)
	t.inTx(func(tx driver.Store) {
		equalList(t, "locked", idsOf(t.lock(tx, driver.LockOptions{})), []uuid.UUID{saved[1].ID, saved[3].ID})
	})
}

func lockingNothing(t *test) {
	t.inTx(func(tx driver.Store) {
		equal(t, "locked events", len(t.lock(tx, driver.LockOptions{})), 0)
		equal(t, "locked events, skipping", len(t.lock(tx, driver.LockOptions{SkipLocked: true})), 0)
	})
}

func lockingAgain(t *test) {
	saved := t.saveAll(newEvents(3))
	t.inTx(func(tx driver.Store) {
		for _, skip := range []bool{false, true, true} {
			locked := t.lock(tx, driver.LockOptions{Limit: 2, SkipLocked: skip})
			t.sameEvents("locked events", locked, saved[:2])
		}
	})
}
