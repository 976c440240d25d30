package query

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// saveAttempts bounds how often a save starts anew because others took the version first or waited
// for each other. Each time one of them got ahead, so the bound is reached by a fault only.
const saveAttempts = 1000

func (r *events) Save(ctx context.Context, event driver.Event) (driver.Event, error) {
	if err := event.Prepare(r.config.MaxPayload); err != nil {
		return driver.Event{}, r.fail("Save", err)
	}
	if event.ProcessedAt != nil { // rare (imports): no statement of its own
		saved, err := r.saveAll(ctx, []driver.Event{event}, numberEach)
		if err != nil {
			return driver.Event{}, r.failID("Save", event.ID, err)
		}
		return saved[0], nil
	}
	err := r.saveOne(ctx, &event)
	if err == nil {
		err = r.store.changed(ctx)
	}
	if err != nil {
		return driver.Event{}, r.failID("Save", event.ID, err)
	}
	return event, nil
}

// saveOne stores an event and puts it in the queue.
func (r *events) saveOne(ctx context.Context, e *driver.Event) error {
	before := int64(-1)
	for range saveAttempts {
		saved, err := r.insertOne(ctx, e)
		if saved || err != nil {
			return err
		}
		last, err := r.explainOne(ctx, e)
		if err == nil && e.AggregateVersion == 0 {
			err = checkRoom(last, 1)
		}
		switch {
		case err != nil:
			return err
		case last == before: // nobody got ahead
			return r.stuck()
		}
		before = last
	}
	return contended(e.Aggregate())
}

// insertOne is one try of saveOne: false if the id or the version is taken.
func (r *events) insertOne(ctx context.Context, e *driver.Event) (saved bool, err error) {
	sql, args := r.sql.save, r.sql.locks.saveArgs(e)
	if e.AggregateVersion == 0 {
		sql = r.sql.saveNext
	}
	targets := []any{&e.Position, &e.AggregateVersion, &e.OccurredAt, &e.CreatedAt}
	insert := func(x Executor) error {
		return x.Query(ctx, sql, args, targets, func() { saved = true })
	}
	if r.dialect.WritableCTE {
		err = insert(r.exec)
		for try := 0; r.partitioning.lacks(err) && try < missedAttempts; try++ {
			if err := r.partitioning.supply(ctx, r.exec); err != nil {
				return false, err
			}
			err = insert(r.exec)
		}
		switch {
		case saved:
			r.partitioning.ahead(ctx, e.Position)
		case r.partitioning != nil && errors.Is(err, driver.ErrAlreadyExists): // the keys refuse nothing by an error
			err = errPositionTaken
		}
		return saved, err
	}
	err = inShortTx(ctx, r.exec, 1, func(x Executor) error {
		if err := insert(x); err != nil || !saved {
			return err
		}
		return r.enqueue(ctx, x, []*driver.Event{e})
	})
	return saved, err
}

// explainOne says what stood in the way of an event; if it isn't there any more, the last version
// of its aggregate.
func (r *events) explainOne(ctx context.Context, e *driver.Event) (last int64, err error) {
	var idTaken, versionTaken bool
	both := r.sql.locks.both
	err = r.exec.Query(ctx, r.sql.conflict, slices.Concat(
		both(e.ID), both(e.AggregateType, e.AggregateID, e.AggregateVersion), both(e.AggregateType, e.AggregateID),
	), []any{&idTaken, &versionTaken, &last}, nil)
	switch {
	case err != nil:
		return 0, err
	case idTaken:
		return 0, driver.ErrAlreadyExists
	case versionTaken:
		return 0, &driver.VersionConflictError{Aggregate: e.Aggregate(), Expected: e.AggregateVersion - 1, Actual: last}
	}
	return last, nil
}

// stuck is the error of a save that was refused although nothing that it can see stands in its way.
func (r *events) stuck() error {
	if r.exec.IsTx() {
		return &driver.UnavailableError{Err: errors.New("what is in the way was committed after this transaction's snapshot; run the transaction again")}
	}
	return errPositionTaken
}

var errPositionTaken = &driver.Error{Kind: driver.ErrInternal, Err: errors.New("the next position is taken: the sequence of positions is behind its table; set it past the highest position")}

// zeroAsNull is nil, which a statement replaces by now, for the zero time.
func zeroAsNull(t *time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return t
}
