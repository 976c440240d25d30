package archive

import (
	"context"

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
		storage, err = a.storage(archive.StorageType)
	}
	if err == nil {
		archive, err = a.store.Archives().Purge(ctx, id)
	}
	if err == nil && storage != nil {
		err = deleteFile(ctx, storage, archive.ObjectName)
	}
	return a.fail("Purge", id, err)
}

// PurgeExpired is Purge for all archives that are expired, and returns how many. After an error it ends.
func (a *Archiver) PurgeExpired(ctx context.Context) (int, error) {
	purged := 0
	for {
		expired, err := a.store.Archives().GetExpired(ctx, driver.DefaultLimit)
		if err != nil || len(expired) == 0 {
			return purged, a.fail("PurgeExpired", uuid.Nil, err)
		}
		for _, archive := range expired {
			if err := a.Purge(ctx, archive.ID); err != nil {
				return purged, err
			}
			purged++
		}
	}
}

// Sweep deletes what files there may still be of archives that failed or were deleted, the latest
// driver.MaxLimit of each, which a crash between record and file leaves. They count as nothing: it only
// saves space. It gives up archives of processes that died, as Run does, and returns of how many archives it
// made sure.
func (a *Archiver) Sweep(ctx context.Context) (int, error) {
	if err := a.giveUpAbandoned(ctx); err != nil {
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
