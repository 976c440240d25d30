package archive

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Purge deletes an archive, and its files or tables, for good: events of it that were not restored are gone. Their ids
// and versions stay taken. The record stays, as deleted. If the files can't be deleted, the record is
// deleted nevertheless: the same call again, or Sweep, tries once more. Errors: ErrNotFound; ErrState for an
// archive in progress or pending, and for one whose RetentionDays are not over; ErrInvalid for one in a
// storage that the Archiver does not have.
func (a *Archiver) Purge(ctx context.Context, id uuid.UUID) error {
	archive, err := a.store.Archives().GetByID(ctx, id)
	var storage Storage
	if err == nil && !isPartition(archive) {
		storage, err = a.storageOf(archive)
	}
	if err == nil {
		archive, err = a.store.Archives().Purge(ctx, id)
	}
	if err == nil && storage != nil {
		err = deleteFile(ctx, storage, archive.ObjectName)
	}
	return a.fail("Purge", id, err)
}

// PurgeExpired is Purge for the archives that are expired, driver.MaxLimit of them, and returns how many. One that can't be purged does not
// keep it from the others.
func (a *Archiver) PurgeExpired(ctx context.Context) (int, error) {
	expired, err := a.store.Archives().GetExpired(ctx, driver.MaxLimit)
	purged := 0
	for _, archive := range expired {
		if failed := a.Purge(ctx, archive.ID); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		purged++
	}
	return purged, a.fail("PurgeExpired", uuid.Nil, err)
}

// Sweep deletes what files there may still be of archives that failed or were deleted, the latest
// driver.MaxLimit of each, which a crash between record and file leaves. They count as nothing: it only
// saves space. It gives up what processes that died were at, as Run does, plans of a day ago that led to nothing
// included, and returns of how many archives it made sure.
func (a *Archiver) Sweep(ctx context.Context) (int, error) {
	if err := a.giveUpAbandoned(ctx); err != nil {
		return 0, a.fail("Sweep", uuid.Nil, err)
	}
	if err := a.deletePlans(ctx); err != nil {
		return 0, a.fail("Sweep", uuid.Nil, err)
	}
	swept := 0
	for _, status := range []driver.ArchiveStatus{driver.ArchiveFailed, driver.ArchiveDeleted} {
		archives, err := a.store.Archives().GetByStatus(ctx, status, driver.MaxLimit)
		if err != nil {
			return swept, a.fail("Sweep", uuid.Nil, err)
		}
		for _, archive := range archives {
			if err := a.discard(ctx, archive); err != nil {
				return swept, a.fail("Sweep", archive.ID, err)
			}
			swept++
		}
	}
	return swept, nil
}

// deletePlans deletes the pending archives of Runs that died before they began with them.
func (a *Archiver) deletePlans(ctx context.Context) error {
	pending, err := a.store.Archives().GetByStatus(ctx, driver.ArchivePending, driver.MaxLimit)
	if err != nil {
		return err
	}
	for _, archive := range pending {
		if archive.JobID == nil || time.Since(archive.CreatedAt) < 24*time.Hour {
			continue
		}
		if _, err := a.store.Archives().Delete(ctx, archive.ID); err != nil && !errors.Is(err, driver.ErrState) {
			return err
		}
		if err := a.failJob(ctx, archive); err != nil {
			return err
		}
	}
	return nil
}

// failJob ends the job of an archive that a process was at when it died.
func (a *Archiver) failJob(ctx context.Context, archive driver.Archive) error {
	if archive.JobID == nil {
		return nil
	}
	_, err := a.store.ArchiveJobs().Finish(ctx, *archive.JobID, driver.JobFailed, "the process died, or lost its lease")
	if errors.Is(err, driver.ErrState) || errors.Is(err, driver.ErrNotFound) {
		return nil // it has ended, or is forgotten
	}
	return err
}
