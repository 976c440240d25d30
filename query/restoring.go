package query

import (
	"context"
	"errors"
	"iter"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// What Restore puts back at a time.
const (
	restoreEvents = 1000
	restoreBytes  = 8 << 20
)

func (r *archives) Restore(ctx context.Context, id uuid.UUID, events iter.Seq2[driver.Event, error]) (int, error) {
	restored := 0
	err := r.exec.InTx(ctx, func(x Executor) (err error) {
		restored, err = r.restore(ctx, x, id, events)
		return err
	})
	if err != nil {
		return 0, r.failID("Restore", id, err)
	}
	return restored, nil
}

func (r *archives) restore(ctx context.Context, x Executor, id uuid.UUID, events iter.Seq2[driver.Event, error]) (restored int, err error) {
	archive, _, err := r.on(x).lock(ctx, r.archivingSQL().lock, id)
	switch {
	case err != nil:
		return 0, err
	case archive.Status == driver.ArchiveRestored:
		return 0, nil
	case archive.Status != driver.ArchiveCompleted:
		return 0, archiveState(archive)
	case detached(archive):
		return 0, stateError("the archive is a partition: it comes back as a whole, by Attach")
	}
	var batch []driver.Event
	bytes := 0
	put := func() error {
		n, err := r.putBack(ctx, x, id, batch)
		batch, bytes = batch[:0], 0
		restored += n
		return err
	}
	for event, err := range events {
		if err == nil {
			err = checkRestorable(&event)
		}
		if err != nil {
			return 0, err
		}
		batch, bytes = append(batch, event), bytes+len(event.EventData)+len(event.EventMetadata)
		if len(batch) == restoreEvents || bytes >= restoreBytes {
			if err := put(); err != nil {
				return 0, err
			}
		}
	}
	if err := put(); err != nil || restored == 0 {
		return 0, err
	}
	n := int64(restored)
	_, err = x.Exec(ctx, r.archivingSQL().restored, []any{n, n, n, id})
	return restored, err
}

// checkRestorable reports an event that has never been stored.
func checkRestorable(e *driver.Event) error {
	invalid := func(field, reason string) error {
		return &driver.Error{Kind: driver.ErrInvalid, Key: e.ID.String(), Err: &driver.InvalidError{Field: field, Reason: reason}}
	}
	switch {
	case e.Position < 1:
		return invalid("position", "must be that of a stored event")
	case e.AggregateVersion < 1:
		return invalid("aggregate_version", "must be that of a stored event")
	case e.ProcessedAt == nil:
		return invalid("processed_at", "must be that of a stored event: none is archived before")
	case e.CreatedAt.IsZero() || e.OccurredAt.IsZero():
		return invalid("created_at", "and occurred_at must be those of a stored event")
	}
	return nil
}

// putBack takes events out of an archive and stores them, those that are in it.
func (r *archives) putBack(ctx context.Context, x Executor, archive uuid.UUID, batch []driver.Event) (int, error) {
	ids := make([]uuid.UUID, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
	}
	positions := make(map[uuid.UUID]int64, len(batch))
	var id uuid.UUID
	var position int64
	err := x.Query(ctx, r.archivingSQL().restorable, []any{archive, ids}, []any{&id, &position}, func() { positions[id] = position })
	if err != nil {
		return 0, err
	}
	rows := make([]driver.Event, 0, len(positions))
	for _, event := range batch {
		position, archived := positions[event.ID]
		switch {
		case !archived:
			continue
		case position != event.Position:
			return 0, &driver.Error{Kind: driver.ErrConflict, Key: event.ID.String(), Err: errors.New("the event was archived at another position")}
		}
		delete(positions, event.ID) // once, should it be given twice
		rows = append(rows, event)
	}
	err = r.store.inside(x, r.store.tx).events.insertRows(ctx, rows)
	if r.partitioning.lacks(err) {
		err = stateError("the partition of an event is in an archive itself: Attach that one before, or it was purged")
	}
	return len(rows), err
}
