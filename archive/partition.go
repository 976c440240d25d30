package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// Archives of the type driver.StoragePartition are partitions of the events, which ArchiveWork.Detach takes out of
// the store: nothing is written, read or deleted, and there is no file.

func isPartition(archive driver.Archive) bool { return archive.StorageType == driver.StoragePartition }

// preparePartitions validates a rule that detaches partitions.
func (r *run) preparePartitions() error {
	if r.rule.Encrypt {
		return &driver.InvalidError{Field: "encrypt", Reason: "is for files; a partition stays in the database as it is"}
	}
	criteria := r.rule.Criteria(time.Now())
	return criteria.PrepareDetach()
}

// detach fills an archive with the oldest partition that criteria allow. Without any it is not kept.
func (r *run) detach(ctx context.Context, archive driver.Archive, criteria driver.ArchiveCriteria) (driver.Archive, int64, error) {
	archives := r.store.Archives()
	detached, err := archives.Detach(ctx, archive.ID, criteria)
	if err == nil && detached.EventCount > 0 {
		return detached, detached.RawBytes, nil
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if err != nil { // a commit whose answer was lost may have done its work
		if detached, failed := archives.GetByID(ctx, archive.ID); failed == nil && detached.Status == driver.ArchiveCompleted {
			return detached, detached.RawBytes, nil
		}
	}
	_, failed := archives.Delete(ctx, archive.ID)
	if err == nil {
		err = failed
	}
	return driver.Archive{}, 0, err
}

// readPartition is read for a partition.
func (a *Archiver) readPartition(ctx context.Context, archive driver.Archive) iter.Seq2[driver.Event, error] {
	err := readable(archive)
	if archive.Status == driver.ArchiveRestored {
		err = &driver.Error{Kind: driver.ErrState, Err: errors.New("the archive is restored: a partition's events are in the store then, and nowhere else")}
	}
	if err != nil {
		return func(yield func(driver.Event, error) bool) { yield(driver.Event{}, err) }
	}
	return a.store.Archives().AllEvents(ctx, archive.ID)
}

// readable reports an archive whose events are nowhere that it knows.
func readable(archive driver.Archive) error {
	if archive.Status != driver.ArchiveCompleted && archive.Status != driver.ArchiveRestored {
		return &driver.Error{Kind: driver.ErrState, Err: fmt.Errorf("the archive is %s", archive.Status)}
	}
	return nil
}

func (a *Archiver) verifyPartition(ctx context.Context, archive driver.Archive) error {
	var count, first, last int64
	for event, err := range a.readPartition(ctx, archive) {
		if err != nil {
			return err
		}
		if count == 0 {
			first = event.Position
		}
		count, last = count+1, event.Position
	}
	if count != archive.EventCount || first != archive.FirstPosition || last != archive.LastPosition {
		return corrupt(archive.ObjectName, fmt.Sprintf("has %d events at positions %d to %d, not %d at %d to %d",
			count, first, last, archive.EventCount, archive.FirstPosition, archive.LastPosition))
	}
	return nil
}

func (a *Archiver) attach(ctx context.Context, archive driver.Archive, filter func(driver.Event) bool) (int, error) {
	if filter != nil {
		return 0, &driver.InvalidError{Field: "filter", Reason: "must be nil: a partition comes back as a whole"}
	}
	restored, err := a.store.Archives().Attach(ctx, archive.ID)
	return int(restored.RestoredCount), err
}
