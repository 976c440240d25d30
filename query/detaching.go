package query

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// detached reports whether an archive is a partition, or will be.
func detached(archive driver.Archive) bool {
	return archive.StorageType == driver.StoragePartition && archive.Checksum == ""
}

var errNotPartitioned = stateError("the events of this schema are not partitioned: only a schema that is created with WithEventPartitions has partitions, on PostgreSQL; " +
	"archive to files, or copy the events to such a schema")

func (r *archives) Detach(ctx context.Context, id uuid.UUID, criteria driver.ArchiveCriteria) (driver.Archive, error) {
	err := criteria.PrepareDetach()
	if err == nil {
		err = r.canDetach()
	}
	var archive driver.Archive
	if err == nil {
		archive, err = r.get(ctx, r.table.byID, id)
	}
	switch {
	case err != nil:
	case archive.StorageType != driver.StoragePartition:
		err = stateError("the archive is of storage_type " + string(archive.StorageType) + ", not database_partition")
	case archive.Status != driver.ArchivePending:
		err = archiveState(archive)
	default:
		archive, err = r.detachOne(ctx, archive, criteria)
	}
	if err != nil {
		return driver.Archive{}, r.failID("Detach", id, err)
	}
	return archive, nil
}

func (r *archives) canDetach() error {
	switch {
	case r.partitioning == nil:
		return errNotPartitioned
	case r.exec.IsTx():
		return stateError("a partition can't be moved in a transaction: all who use the events would wait for its end")
	}
	return nil
}

// detachOne fills a pending archive with the oldest partition that can go, and returns it as it is if there
// is none.
func (r *archives) detachOne(ctx context.Context, archive driver.Archive, criteria driver.ArchiveCriteria) (driver.Archive, error) {
	candidates, err := r.full(ctx, criteria.AfterPosition)
	for i := 0; err == nil && i < len(candidates); i++ {
		var summed driver.Archive
		var moved int64
		summed, moved, err = r.summary(ctx, candidates[i], criteria)
		if err == nil && summed.EventCount == 0 {
			continue
		}
		var completed driver.Archive
		if err == nil {
			err = r.patiently(ctx, func(x Executor) (err error) {
				completed, err = r.take(ctx, x, archive.ID, candidates[i], summed, moved, criteria.PastConsumers)
				return err
			})
		}
		switch {
		case err == nil:
			return completed, nil
		case errors.Is(err, errMeanwhile), r.isGone(ctx, candidates[i]):
			err = nil // it is left for the next time, or was taken by another call
		}
	}
	return archive, err
}

// settlePauses are those between looks at what is settled: somebody is always saving, but the same transaction
// seldom for long.
var settlePauses = []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond}

// settled is the position up to where all is settled, as far as it is now, or will be in a moment.
func (r *archives) settled(ctx context.Context) (int64, error) {
	settled, err := r.horizon.lookNow(ctx, r.exec)
	last := r.horizon.known().last
	for try := 0; err == nil && settled < last && try < len(settlePauses); try++ {
		select {
		case <-time.After(settlePauses[try]):
			settled, err = r.horizon.lookNow(ctx, r.exec)
		case <-ctx.Done():
			err = &driver.Error{Err: context.Cause(ctx)}
		}
	}
	return settled, err
}

// isGone reports that a partition is not attached any more.
func (r *archives) isGone(ctx context.Context, gone partition) bool {
	attached, err := r.attachedNow(ctx)
	return err == nil && !slices.Contains(attached, gone)
}

// attachedNow returns the partitions of the events, by position.
func (r *archives) attachedNow(ctx context.Context) (found []partition, err error) {
	var p partition
	err = r.exec.Query(ctx, r.detachingSQL().attachedNow, nil, []any{&p.first, &p.end}, func() {
		p.number = p.first / r.partitioning.size
		found = append(found, p)
	})
	return found, err
}

// full returns the partitions behind a position all of whose positions are settled, with an event behind
// them, so that they are not the last one.
func (r *archives) full(ctx context.Context, after int64) ([]partition, error) {
	settled, err := r.settled(ctx)
	if err != nil {
		return nil, err
	}
	attached, err := r.attachedNow(ctx)
	return slices.DeleteFunc(attached, func(p partition) bool { return max(p.first, 1) <= after || p.end > settled }), err
}

// summary reads what the archive of a partition says, without an EventCount if it can't go or is empty. And
// a number that tells whether events were taken out of it since, or put into it.
func (r *archives) summary(ctx context.Context, p partition, criteria driver.ArchiveCriteria) (a driver.Archive, moved int64, err error) {
	sql := r.detachingSQL()
	var blocked bool
	if err := r.exec.Query(ctx, sql.obstacle(p, criteria.PastConsumers), nil, []any{&blocked}, nil); err != nil || blocked {
		return a, 0, err
	}
	if !criteria.OccurredBefore.IsZero() {
		var newest *time.Time
		if err := r.exec.Query(ctx, sql.newest(p), nil, []any{&newest}, nil); err != nil || newest == nil || !newest.Before(criteria.OccurredBefore) {
			return a, 0, err
		}
	}
	a.ObjectName, a.EventTypes, a.ContextIDs = p.tables()[0], []string{}, []uuid.UUID{}
	targets := []any{&a.EventCount, &a.FirstPosition, &a.LastPosition, &a.EventsFrom, &a.EventsTo, &a.RawBytes, &a.SizeBytes, &moved}
	if err := r.exec.Query(ctx, sql.summary(p), nil, targets, nil); err != nil {
		return a, 0, err
	}
	var label string
	err = r.exec.Query(ctx, sql.labels(p, "event_type", r.dialect.Bytewise("v")), nil, []any{&label}, func() { a.EventTypes = append(a.EventTypes, label) })
	if err != nil {
		return a, 0, err
	}
	a.ContextIDs, err = queryIDs(ctx, r.exec, sql.labels(p, "context_id", "v"), nil)
	return a, moved, err
}

// errMeanwhile tells that a partition is not any more as it was when it was chosen.
var errMeanwhile = errors.New("the partition was used meanwhile")

// take detaches a partition and completes its archive. What it does while it keeps others from the events
// does not depend on how many there are.
func (r *archives) take(ctx context.Context, x Executor, id uuid.UUID, p partition, summed driver.Archive, moved int64, pastConsumers bool) (driver.Archive, error) {
	tx, sql := r.on(x), r.detachingSQL()
	archive, _, err := tx.lock(ctx, r.archivingSQL().lock, id)
	switch {
	case err != nil:
		return driver.Archive{}, err
	case archive.Status != driver.ArchivePending:
		return driver.Archive{}, archiveState(archive)
	}
	if _, err := x.Exec(ctx, sql.lock(p), nil); err != nil {
		return driver.Archive{}, err
	}
	// Nobody is under way any more who had locked an event, or will see the partition afterwards.
	var blocked bool
	var movedNow int64
	if err := x.Query(ctx, sql.obstacle(p, pastConsumers)+", "+sql.moved(p), nil, []any{&blocked, &movedNow}, nil); err != nil {
		return driver.Archive{}, err
	}
	if blocked || movedNow != moved {
		return driver.Archive{}, errMeanwhile
	}
	for _, statement := range sql.detach(p) {
		if _, err := x.Exec(ctx, statement, nil); err != nil {
			return driver.Archive{}, err
		}
	}
	completed, err := tx.get(ctx, sql.complete, append(detachedArgs(&summed), id)...)
	if err == nil && completed.JobID != nil {
		_, err = x.Exec(ctx, r.archiveJobSQL().count, []any{completed.EventCount, completed.RawBytes, completed.SizeBytes, *completed.JobID})
	}
	return completed, err
}

func (r *archives) Attach(ctx context.Context, id uuid.UUID) (driver.Archive, error) {
	var restored driver.Archive
	err := r.canDetach()
	if err == nil {
		err = r.patiently(ctx, func(x Executor) (err error) {
			restored, err = r.putPartitionBack(ctx, x, id)
			return err
		})
	}
	if err != nil {
		return driver.Archive{}, r.failID("Attach", id, err)
	}
	return restored, nil
}

func (r *archives) putPartitionBack(ctx context.Context, x Executor, id uuid.UUID) (driver.Archive, error) {
	archive, _, err := r.on(x).lock(ctx, r.archivingSQL().lock, id)
	switch {
	case err != nil:
		return driver.Archive{}, err
	case !detached(archive):
		return driver.Archive{}, stateError("the archive is no partition: its events come back by Restore")
	case archive.Status == driver.ArchiveRestored:
		return archive, nil
	case archive.Status != driver.ArchiveCompleted:
		return driver.Archive{}, archiveState(archive)
	}
	p, err := archivedPartition(&archive, r.partitioning.size)
	if err != nil {
		return driver.Archive{}, err
	}
	for _, statement := range r.detachingSQL().attach(p) {
		if _, err := x.Exec(ctx, statement, nil); err != nil {
			return driver.Archive{}, err
		}
	}
	return r.on(x).get(ctx, r.detachingSQL().attached, id)
}

// How long a partition's transaction waits for those who use the events, while all others wait behind it, and
// how long it leaves them alone before it tries again, at the most.
const (
	detachTurn  = 50 * time.Millisecond
	detachPause = time.Second
)

// patiently runs fn in a transaction whose waits for locks are short, again and again until it gets them.
func (r *archives) patiently(ctx context.Context, fn func(x Executor) error) error {
	ends := time.Now().Add(driver.DetachPatience)
	for pause := detachTurn; ; pause = min(2*pause, detachPause) {
		err := r.exec.InTx(ctx, func(x Executor) error {
			if _, err := x.Exec(ctx, r.dialect.LockWait(detachTurn), nil); err != nil {
				return err
			}
			return fn(x)
		})
		var unavailable *driver.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.CommitUnknown || time.Now().After(ends) {
			return byTheOwner(err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return &driver.Error{Err: context.Cause(ctx)}
		}
	}
}

// detachedPage reads events of a detached partition.
func (r *archives) detachedPage(ctx context.Context, archive driver.Archive) func(position int64, p *page) ([]driver.Event, error) {
	part, err := archivedPartition(&archive, r.partitioning.size)
	if archive.Status != driver.ArchiveCompleted {
		return func(int64, *page) ([]driver.Event, error) { return nil, nil } // it has none
	}
	sql := r.detachingSQL().page(part)
	return func(position int64, p *page) ([]driver.Event, error) {
		if err != nil {
			return nil, err
		}
		return r.store.events.read(ctx, sql, allColumns, p, position, int64(p.limit))
	}
}

// dropPartition drops the tables of a completed archive.
func (r *archives) dropPartition(ctx context.Context, x Executor, archive driver.Archive) error {
	if r.partitioning == nil {
		return errNotPartitioned
	}
	p, err := archivedPartition(&archive, r.partitioning.size)
	if err == nil {
		_, err = x.Exec(ctx, r.detachingSQL().drop(p), nil)
	}
	return byTheOwner(err)
}
