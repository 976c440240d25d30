package query

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// retried is that of all repositories, but for what takes longer than a moment: nobody is to wait for it who
// could have committed before.
func (r *archives) retried(ctx context.Context, fn func(x Executor) error) error {
	return insist(r.exec, func() error { return r.exec.InTx(ctx, fn) })
}

func (r *archives) Begin(ctx context.Context, id uuid.UUID, criteria driver.ArchiveCriteria, lease time.Duration) (driver.Archive, error) {
	err := criteria.Prepare()
	if err == nil {
		lease, err = driver.CheckLease(lease)
	}
	var begun driver.Archive
	if err == nil {
		err = r.retried(ctx, func(x Executor) (err error) {
			begun, err = r.begin(ctx, x, id, criteria, lease)
			return err
		})
	}
	return begun, r.failID("Begin", id, err)
}

func (r *archives) begin(ctx context.Context, x Executor, id uuid.UUID, criteria driver.ArchiveCriteria, lease time.Duration) (driver.Archive, error) {
	tx, sql := r.on(x), r.archivingSQL()
	archive, _, err := tx.lock(ctx, sql.lock, id)
	switch {
	case err != nil:
		return driver.Archive{}, err
	case archive.Status != driver.ArchivePending:
		return driver.Archive{}, archiveState(archive)
	case archive.StorageType == driver.StoragePartition:
		return driver.Archive{}, stateError("an archive of storage_type database_partition is filled by Detach")
	}
	token, err := uuid.NewRandom()
	if err != nil {
		return driver.Archive{}, err
	}
	reserve, args := sql.reserveStatement(criteria)
	// The parameters stand in the order of the statement: the archive's id is selected before all others.
	args = append(append([]any{id}, args...), int64(criteria.MaxEvents), criteria.MaxBytes)
	reserved := int64(0)
	for try := 0; try < 2 && reserved == 0; try++ { // what it waited for, and did not get, is left out the second time
		if reserved, err = x.Exec(ctx, reserve, args); err != nil {
			return driver.Archive{}, err
		}
	}
	if reserved == 0 {
		return archive, nil
	}
	var count, first, last int64
	if err := x.Query(ctx, sql.reserved, []any{id}, []any{&count, &first, &last}, nil); err != nil {
		return driver.Archive{}, err
	}
	return tx.get(ctx, sql.begin, count, first, last, token, lease.Microseconds(), id)
}

// archiveState refuses what can't be done to an archive of its status.
func archiveState(archive driver.Archive) error {
	return stateError("the archive is " + string(archive.Status))
}

// archivePage is how many events AllEvents reads at a time, at the most.
const archivePage = 2000

func (r *archives) AllEvents(ctx context.Context, id uuid.UUID) iter.Seq2[driver.Event, error] {
	var read func(position int64, p *page) ([]driver.Event, error)
	return pages(archivePage, func(last *driver.Event, p *page) (found []driver.Event, err error) {
		position := int64(0)
		if last == nil {
			read, err = r.pageOf(ctx, id)
		} else {
			position = last.Position
		}
		if err == nil {
			found, err = read(position, p)
		}
		return found, r.failID("AllEvents", id, err)
	})
}

// pageOf returns what reads the events of an archive behind a position, where they are.
func (r *archives) pageOf(ctx context.Context, id uuid.UUID) (read func(position int64, p *page) ([]driver.Event, error), err error) {
	if r.partitioning != nil {
		archive, err := r.get(ctx, r.table.byID, id)
		if err == nil && detached(archive) {
			return r.detachedPage(ctx, archive), nil
		}
		if err != nil && !errors.Is(err, driver.ErrNotFound) {
			return nil, err
		}
	}
	return func(position int64, p *page) ([]driver.Event, error) {
		return r.store.events.read(ctx, r.archivingSQL().page, allColumns, p, id, position, int64(p.limit))
	}, nil
}

func (r *archives) Extend(ctx context.Context, id, token uuid.UUID, lease time.Duration) error {
	return r.extend(ctx, r.archivingSQL().extend, id, token, lease, errArchiveLost)
}

var errArchiveLost = &driver.Error{Kind: driver.ErrLeaseLost, Err: errors.New("the archive is not in progress under this token any more")}

func (r *archives) Complete(ctx context.Context, id, token uuid.UUID, file driver.ArchiveFile) (driver.Archive, error) {
	var completed driver.Archive
	err := file.Prepare()
	if err == nil {
		err = r.retried(ctx, func(x Executor) (err error) {
			completed, err = r.complete(ctx, x, id, token, file)
			return err
		})
	}
	if err != nil {
		return driver.Archive{}, r.failID("Complete", id, err)
	}
	return completed, nil
}

func (r *archives) complete(ctx context.Context, x Executor, id, token uuid.UUID, file driver.ArchiveFile) (driver.Archive, error) {
	tx, sql := r.on(x), r.archivingSQL()
	if err := r.checkFresh(ctx, x); err != nil {
		return driver.Archive{}, err
	}
	completed, err := tx.get(ctx, sql.complete, append(fileArgs(&file), id, token)...)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return driver.Archive{}, errArchiveLost
	case err != nil:
		return driver.Archive{}, err
	case completed.EventCount != file.EventCount:
		return driver.Archive{}, archiveConflict("the file is not about as many events as are reserved")
	}
	// Removed before it is asked for deliveries: who saves one locks its event, or finds it gone.
	if _, err := x.Exec(ctx, sql.keep, sql.archiveTwice(id)); err != nil {
		return driver.Archive{}, err
	}
	removed, err := queryIDs(ctx, x, sql.remove, sql.archiveThrice(id))
	if err != nil {
		return driver.Archive{}, err
	}
	delivering := false
	if err := x.Query(ctx, sql.delivering, []any{removed}, []any{&delivering}, nil); err != nil {
		return driver.Archive{}, err
	}
	if delivering {
		return driver.Archive{}, archiveConflict("an event has got a delivery that is not done")
	}
	if !file.PastConsumers {
		unread := false
		if err := x.Query(ctx, sql.unread, []any{completed.LastPosition}, []any{&unread}, nil); err != nil {
			return driver.Archive{}, err
		}
		if unread {
			return driver.Archive{}, archiveConflict("there is a consumer that has not read its events")
		}
	}
	forgotten, err := x.Exec(ctx, sql.forget, sql.archiveThrice(id))
	if err != nil {
		return driver.Archive{}, err
	}
	if int64(len(removed)) != file.EventCount || forgotten != file.EventCount {
		return driver.Archive{}, archiveConflict("some of its events are gone")
	}
	if _, err := x.Exec(ctx, sql.letGo, []any{id}); err != nil {
		return driver.Archive{}, err
	}
	if completed.JobID != nil {
		_, err = x.Exec(ctx, r.archiveJobSQL().count, []any{file.EventCount, file.RawBytes, file.SizeBytes, *completed.JobID})
	}
	return completed, err
}

// checkFresh refuses a transaction whose statements don't see what others commit meanwhile, however it was begun.
func (r *archives) checkFresh(ctx context.Context, x Executor) error {
	if r.horizon.sql == "" {
		return nil
	}
	found, err := r.horizon.look(ctx, x, r.horizon.floor())
	if err == nil && !found.fresh {
		err = errSnapshot
	}
	return err
}

func archiveConflict(reason string) error {
	return &driver.Error{Kind: driver.ErrConflict, Err: errors.New(reason)}
}

func (r *archives) Fail(ctx context.Context, id, token uuid.UUID, reason string) (driver.Archive, error) {
	var failed driver.Archive
	err := r.retried(ctx, func(x Executor) (err error) {
		failed, err = r.giveUp(ctx, x, id, token, reason)
		return err
	})
	return failed, r.failID("Fail", id, err)
}

// giveUp makes an archive failed that is in progress under a token.
func (r *archives) giveUp(ctx context.Context, x Executor, id, token uuid.UUID, reason string) (driver.Archive, error) {
	sql := r.archivingSQL()
	failed, err := r.on(x).get(ctx, sql.fail, driver.StorableReason(reason), id, token)
	if errors.Is(err, driver.ErrNotFound) {
		err = errArchiveLost
	}
	if err == nil {
		_, err = x.Exec(ctx, sql.letGo, []any{id})
	}
	if err != nil {
		return driver.Archive{}, err
	}
	return failed, nil
}

// abandonedReason is why Recover gives archives up.
const abandonedReason = "the lease ended before the archive was complete"

func (r *archives) Recover(ctx context.Context, limit int) ([]driver.Archive, error) {
	n, err := driver.CheckLimit(limit)
	if err != nil {
		return nil, r.fail("Recover", err)
	}
	var failed []driver.Archive
	err = r.retried(ctx, func(x Executor) error {
		failed = []driver.Archive{}
		ids, err := queryIDs(ctx, x, r.archivingSQL().abandoned, []any{int64(n)})
		if err != nil {
			return err
		}
		for _, id := range ids { // a crash each
			archive, err := r.on(x).get(ctx, r.table.byID, id)
			if err == nil {
				archive, err = r.giveUp(ctx, x, id, *archive.LeaseToken, abandonedReason)
			}
			if err != nil {
				return err
			}
			failed = append(failed, archive)
		}
		return nil
	})
	if err != nil {
		return nil, r.fail("Recover", err)
	}
	return failed, nil
}

func (r *archives) Purge(ctx context.Context, id uuid.UUID) (driver.Archive, error) {
	var purged driver.Archive
	err := r.retried(ctx, func(x Executor) (err error) {
		purged, err = r.purge(ctx, x, id)
		return err
	})
	if err != nil {
		return driver.Archive{}, r.failID("Purge", id, err)
	}
	return purged, nil
}

func (r *archives) purge(ctx context.Context, x Executor, id uuid.UUID) (driver.Archive, error) {
	archive, now, err := r.on(x).lock(ctx, r.archivingSQL().lock, id)
	removable := []driver.ArchiveStatus{driver.ArchiveCompleted, driver.ArchiveRestored, driver.ArchiveFailed}
	switch {
	case err != nil:
		return driver.Archive{}, err
	case archive.Status == driver.ArchiveDeleted:
		return archive, nil
	case !slices.Contains(removable, archive.Status):
		return driver.Archive{}, archiveState(archive)
	case archive.ArchivedAt != nil && now.Before(archive.ArchivedAt.AddDate(0, 0, archive.RetentionDays)):
		return driver.Archive{}, stateError("the archive is to be kept for longer: see its retention_days")
	}
	if archive.Status == driver.ArchiveCompleted && detached(archive) {
		if err := r.dropPartition(ctx, x, archive); err != nil {
			return driver.Archive{}, err
		}
	}
	return r.on(x).get(ctx, r.archivingSQL().purge, id)
}

func (r *archives) Measure(ctx context.Context) (driver.ArchiveMeasure, error) {
	var m driver.ArchiveMeasure
	err := r.exec.Query(ctx, r.archivingSQL().measure, nil, []any{&m.Events, &m.Bytes, &m.Now}, nil)
	return m, r.fail("Measure", err)
}
