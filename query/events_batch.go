package query

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func (r *events) SaveBatch(ctx context.Context, given []driver.Event) ([]driver.Event, error) {
	prepared, err := r.prepareAll(given)
	if err != nil || len(prepared) == 0 {
		return prepared, r.fail("SaveBatch", err)
	}
	saved, err := r.saveAll(ctx, prepared, numberEach)
	return saved, r.fail("SaveBatch", err)
}

func (r *events) Append(ctx context.Context, aggregate driver.Aggregate, expected int64, given []driver.Event) ([]driver.Event, error) {
	prepared, err := r.prepareAppend(aggregate, expected, given)
	if err != nil || len(prepared) == 0 {
		return prepared, r.fail("Append", err)
	}
	saved, err := r.saveAll(ctx, prepared, numberAfter(aggregate, expected))
	return saved, driver.Fail("Events.Append", r.schema, "aggregate", aggregate.String(), err)
}

// prepareAll returns the events ready to be stored, or the first one's fault.
func (r *events) prepareAll(given []driver.Event) ([]driver.Event, error) {
	prepared := slices.Clone(given)
	if i, err := firstFault(prepared, r.config.MaxPayload); err != nil {
		return nil, inEvent(i, err)
	}
	seen := make(map[uuid.UUID]struct{}, len(prepared))
	for i := range prepared {
		id := prepared[i].ID
		if _, twice := seen[id]; twice {
			return nil, &driver.Error{Kind: driver.ErrAlreadyExists, Err: fmt.Errorf("id %s is in the batch twice", id)}
		}
		seen[id] = struct{}{}
	}
	return prepared, nil
}

// firstFault prepares events in place and returns the first one's fault and its index. Checking
// payloads takes a tenth of the time of storing them, so all cores share it.
func firstFault(events []driver.Event, maxPayload int) (int, error) {
	size := max(16, (len(events)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	faults := make([]error, len(events))
	var workers sync.WaitGroup
	for start := 0; start < len(events); start += size {
		part := events[start:min(start+size, len(events))]
		workers.Go(func() {
			for i := range part {
				if faults[start+i] = part[i].Prepare(maxPayload); faults[start+i] != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	i := slices.IndexFunc(faults, func(err error) bool { return err != nil })
	if i < 0 {
		return 0, nil
	}
	return i, faults[i]
}

func (r *events) prepareAppend(aggregate driver.Aggregate, expected int64, given []driver.Event) ([]driver.Event, error) {
	if err := aggregate.Validate(); err != nil {
		return nil, err
	}
	if expected < driver.AnyVersion {
		return nil, &driver.InvalidError{Field: "expected_version", Reason: "must be the aggregate's last version, NoEvents or AnyVersion"}
	}
	given = slices.Clone(given)
	for i := range given {
		event := &given[i]
		version := event.AggregateVersion
		switch {
		case event.AggregateType != "" && event.AggregateType != aggregate.Type:
			return nil, inEvent(i, &driver.InvalidError{Field: "aggregate_type", Reason: "is not the aggregate's"})
		case event.AggregateID != uuid.Nil && event.AggregateID != aggregate.ID:
			return nil, inEvent(i, &driver.InvalidError{Field: "aggregate_id", Reason: "is not the aggregate's"})
		case version != 0 && (expected == driver.AnyVersion || version != expected+1+int64(i)):
			return nil, inEvent(i, &driver.InvalidError{Field: "aggregate_version", Reason: "must be 0 or follow the expected version"})
		}
		event.AggregateType, event.AggregateID, event.AggregateVersion = aggregate.Type, aggregate.ID, 0
	}
	return r.prepareAll(given)
}

// inEvent names the event of a batch that a field belongs to.
func inEvent(i int, err error) error {
	var invalid *driver.InvalidError
	if errors.As(err, &invalid) {
		return &driver.InvalidError{Field: fmt.Sprintf("events[%d].%s", i, invalid.Field), Reason: invalid.Reason}
	}
	return err
}

// A numbering sets the versions of events that have none, in order. It sees what the transaction
// sees, so the versions may be taken by the time they are stored.
type numbering func(ctx context.Context, r *events, rows []driver.Event) error

// saveAll stores prepared events, all or none, and puts those that wait in the queue.
func (r *events) saveAll(ctx context.Context, prepared []driver.Event, number numbering) ([]driver.Event, error) {
	var before []driver.Event
	for range saveAttempts {
		rows := slices.Clone(prepared)
		err := inShortTx(ctx, r.exec, len(rows), func(x Executor) error {
			tx := r.store.inside(x, r.store.tx).events
			if err := number(ctx, tx, rows); err != nil {
				return err
			}
			return tx.insertAll(ctx, rows)
		})
		var unavailable *driver.UnavailableError
		var conflict *driver.VersionConflictError
		isConflict := errors.As(err, &conflict)
		switch {
		case err == nil:
			return rows, r.store.changed(ctx)
		case errors.As(err, &unavailable) && unavailable.GaveWay && !r.exec.IsTx():
			continue // to another batch with the same aggregates in another order
		case !isConflict && !errors.Is(err, driver.ErrAlreadyExists):
			return nil, err
		}
		// An id that is taken comes first: so who saves again learns that it was saved.
		if err := r.explainAll(ctx, prepared); err != nil {
			return nil, err
		}
		switch {
		case isConflict:
			return nil, err
		case slices.EqualFunc(rows, before, func(a, b driver.Event) bool { return a.AggregateVersion == b.AggregateVersion }):
			return nil, r.stuck() // numbered as before: nobody got ahead
		}
		before = rows
	}
	return nil, contended(prepared[0].Aggregate())
}

// insertAll stores numbered events. The positions are taken first, so that they are known without
// reading back what was written.
func (r *events) insertAll(ctx context.Context, rows []driver.Event) error {
	i := 0
	var position int64
	var now time.Time
	var archives bool
	err := r.exec.Query(ctx, r.sql.reserve, []any{int64(len(rows))}, []any{&position, &now, &archives}, func() {
		rows[i].Position, rows[i].CreatedAt = position, now
		if rows[i].OccurredAt.IsZero() {
			rows[i].OccurredAt = now
		}
		i++
	})
	if err == nil {
		err = r.insertKeys(ctx, rows)
	}
	if err == nil {
		err = r.insertRows(ctx, rows)
	}
	if err != nil || !archives {
		return err
	}
	taken := false // which no unique key of the table tells
	err = r.exec.Query(ctx, r.sql.archived, slices.Repeat([]any{rows[0].Position, rows[len(rows)-1].Position}, 2), []any{&taken}, nil)
	if err == nil && taken {
		err = driver.ErrAlreadyExists
	}
	return err
}

// insertKeys stores the keys of events, and sees to it that these have a partition, where they are
// partitioned.
func (r *events) insertKeys(ctx context.Context, rows []driver.Event) error {
	if r.partitioning == nil {
		return nil
	}
	last := rows[len(rows)-1].Position
	if err := r.partitioning.reach(ctx, last); err != nil {
		return err
	}
	r.partitioning.ahead(ctx, last)
	columns := []string{"position", "aggregate_version", "event_id", "aggregate_id", "aggregate_type"}
	return r.exec.Insert(ctx, Table{r.schema, keysTable}, columns, len(rows), func(i int) []any {
		return []any{rows[i].Position, rows[i].AggregateVersion, rows[i].ID, rows[i].AggregateID, rows[i].AggregateType}
	})
}

// insertRows stores events that have all there is to them.
func (r *events) insertRows(ctx context.Context, rows []driver.Event) error {
	if len(rows) == 0 {
		return nil
	}
	columns := append(slices.Clone(insertColumns), "position", "created_at")
	args := make([]any, 0, len(columns))
	err := r.exec.Insert(ctx, Table{r.schema, eventsTable}, columns, len(rows), func(i int) []any {
		return append(insertArgs(args, &rows[i]), &rows[i].Position, &rows[i].CreatedAt)
	})
	if err != nil {
		return err
	}
	return r.enqueueAll(ctx, rows)
}

// enqueueAll puts stored events in the queue, and those that are processed already in the log of
// those.
func (r *events) enqueueAll(ctx context.Context, rows []driver.Event) error {
	var waiting, processed []*driver.Event
	for i := range rows {
		if rows[i].ProcessedAt == nil {
			waiting = append(waiting, &rows[i])
		} else {
			processed = append(processed, &rows[i])
		}
	}
	if err := r.enqueue(ctx, r.exec, waiting); err != nil || len(processed) == 0 {
		return err
	}
	return r.exec.Insert(ctx, Table{r.schema, processedTable}, []string{"position", "processed_at"}, len(processed), func(i int) []any {
		return []any{processed[i].Position, *processed[i].ProcessedAt}
	})
}

func (r *events) enqueue(ctx context.Context, x Executor, waiting []*driver.Event) error {
	if len(waiting) == 0 {
		return nil
	}
	args := make([]any, 0, len(queueColumns))
	return x.Insert(ctx, Table{r.schema, queueTable}, queueColumns, len(waiting), func(i int) []any {
		return queueArgs(args, waiting[i])
	})
}

// explainAll says what stood in the way of a batch; nil if somebody else took a version that
// numbering had found free, so that numbering anew helps.
func (r *events) explainAll(ctx context.Context, prepared []driver.Event) error {
	ids := make([]uuid.UUID, len(prepared))
	var numbered []*driver.Event
	for i := range prepared {
		ids[i] = prepared[i].ID
		if prepared[i].AggregateVersion != 0 {
			numbered = append(numbered, &prepared[i])
		}
	}
	var taken *uuid.UUID
	if err := r.exec.Query(ctx, r.sql.takenID, r.sql.locks.both(ids), []any{&taken}, nil); err != nil {
		return err
	}
	if taken != nil {
		return &driver.Error{Kind: driver.ErrAlreadyExists, Err: fmt.Errorf("id %s is taken", *taken)}
	}
	last, err := r.lastVersions(ctx, numbered)
	if err != nil {
		return err
	}
	for _, e := range numbered {
		if e.AggregateVersion > last[e.Aggregate()] {
			continue
		}
		if _, err := r.explainOne(ctx, e); err != nil { // versions may have gaps
			return err
		}
	}
	return nil
}
