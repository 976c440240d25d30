package archive

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// one makes one archive of the first events that criteria choose, and tells how many bytes of payload
// that is. Without any it has an EventCount of 0 and is not kept. An archive that failed comes with the
// error.
func (r *run) one(ctx context.Context, criteria driver.ArchiveCriteria) (archive driver.Archive, bytes int64, err error) {
	archives := r.store.Archives()
	if archive, err = r.plan(ctx); err != nil {
		return driver.Archive{}, 0, err
	}
	if r.storage == nil {
		return r.detach(ctx, archive, criteria)
	}
	begun, err := archives.Begin(ctx, archive.ID, criteria, r.opts.Lease)
	if err != nil || begun.EventCount == 0 {
		ctx, cancel := afterwards(ctx)
		defer cancel()
		_, failed := archives.Delete(ctx, archive.ID) // ErrState if it did begin: its lease will end
		if err == nil {
			err = failed
		}
		return driver.Archive{}, 0, err
	}
	completed, bytes, err := r.fill(ctx, begun)
	if err == nil {
		return completed, bytes, nil
	}
	return r.settle(ctx, begun, bytes, err)
}

// plan stores the record of an archive that is to be made.
func (r *run) plan(ctx context.Context) (driver.Archive, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return driver.Archive{}, err
	}
	archive := driver.Archive{
		ID: id, Name: r.rule.Name, Description: r.rule.Description, Policy: r.rule.Policy,
		StorageType: r.rule.StorageType, RuleID: r.ruleID(), JobID: &r.report.JobID,
		RetentionDays: r.rule.RetentionDays, AutoDeleteAfterDays: r.rule.AutoDeleteAfterDays, CreatedByUserID: r.rule.CreatedByUserID,
	}
	if r.storage != nil {
		archive.StorageLocation, archive.ObjectName = r.storage.Location(), r.rule.LocationName(r.store.Schema(), id, time.Now())
	}
	return r.store.Archives().Save(ctx, archive)
}

// fill writes and proves the file of an archive in progress, and completes it.
func (r *run) fill(ctx context.Context, begun driver.Archive) (completed driver.Archive, bytes int64, err error) {
	archives := r.store.Archives()
	leased, stop := r.keeping(ctx, func(ctx context.Context) error {
		return archives.Extend(ctx, begun.ID, *begun.LeaseToken, r.opts.Lease)
	})
	defer stop()
	m, err := writeFile(leased, r.storage, begun.ObjectName, counted(archives.AllEvents(leased, begun.ID), &bytes), fileOptions{
		archiveID: begun.ID, schema: r.store.Schema(), level: r.opts.Level, encrypt: r.rule.Encrypt, keys: r.opts.Keys,
	})
	if err == nil {
		err = verifyFile(leased, r.storage, m, r.opts.Keys)
	}
	if err != nil {
		return driver.Archive{}, bytes, lostBy(leased, err)
	}
	completed, err = archives.Complete(leased, begun.ID, *begun.LeaseToken, driver.ArchiveFile{
		StorageLocation: begun.StorageLocation, ObjectName: begun.ObjectName, EventCount: m.EventCount, RawBytes: m.RawBytes, SizeBytes: m.SizeBytes,
		Checksum: m.SHA256, KeyID: m.KeyID, EventTypes: m.EventTypes, ContextIDs: m.ContextIDs, EventsFrom: m.EventsFrom, EventsTo: m.EventsTo,
		PastConsumers: r.rule.PastConsumers,
	})
	return completed, bytes, lostBy(leased, err)
}

// counted adds up the payloads of events that pass.
func counted(events iter.Seq2[driver.Event, error], bytes *int64) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		for event, err := range events {
			*bytes += int64(len(event.EventData) + len(event.EventMetadata))
			if !yield(event, err) {
				return
			}
		}
	}
}

// settle finds out what became of an archive that was not completed for all that is known. Only when it
// can't be completed any more its files are deleted.
func (r *run) settle(ctx context.Context, begun driver.Archive, bytes int64, cause error) (driver.Archive, int64, error) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	failed, err := r.store.Archives().Fail(ctx, begun.ID, *begun.LeaseToken, cause.Error())
	switch {
	case errors.Is(err, driver.ErrLeaseLost):
		// It was given up by others, or a commit whose answer was lost has done its work. If others did,
		// what went wrong here came of that: they have let the events go and deleted the file.
		if !errors.Is(cause, driver.ErrLeaseLost) {
			cause = errors.Join(cause, err)
		}
		failed, err = r.store.Archives().GetByID(ctx, begun.ID)
	case cause == errNoEvents: // others archived all of them between what Begin saw and what it wrote
		cause = &driver.Error{Kind: driver.ErrConflict, Err: errors.New("all of its events are gone")}
	}
	switch {
	case err != nil: // unknown: when its lease has ended it is given up
		return begun, 0, errors.Join(cause, err)
	case failed.Status != driver.ArchiveFailed && failed.Status != driver.ArchiveDeleted: // completed, or restored since
		return failed, bytes, nil
	}
	if err := deleteFile(ctx, r.storage, begun.ObjectName); err != nil {
		cause = errors.Join(cause, err)
	}
	return failed, 0, cause
}
