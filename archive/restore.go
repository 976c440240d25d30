package archive

import (
	"context"
	"errors"
	"iter"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Read yields the events of an archive, by Position, without restoring them: all that are in its file,
// those that were restored since, too. Whether the file is what was written is known only at its end:
// whoever acts on events before does so in a way that can be undone, or calls Verify first. After an
// error it ends.
//
// Errors: ErrNotFound; ErrState for an archive that is neither completed nor restored; [ErrMissing];
// [ErrCorrupt]; driver.ErrMissingKey and [ErrWrongKey] for one that is encrypted.
func (a *Archiver) Read(ctx context.Context, id uuid.UUID) iter.Seq2[driver.Event, error] {
	return func(yield func(driver.Event, error) bool) {
		archive, err := a.store.Archives().GetByID(ctx, id)
		if err != nil {
			yield(driver.Event{}, a.fail("Read", id, err))
			return
		}
		for event, err := range a.read(ctx, archive) {
			if !yield(event, a.fail("Read", id, err)) {
				return
			}
		}
	}
}

// read is Read for a record.
func (a *Archiver) read(ctx context.Context, archive driver.Archive) iter.Seq2[driver.Event, error] {
	if isPartition(archive) {
		return a.readPartition(ctx, archive)
	}
	return func(yield func(driver.Event, error) bool) {
		storage, m, err := a.open(ctx, archive)
		if err != nil {
			yield(driver.Event{}, err)
			return
		}
		readFile(ctx, storage, m, a.opts.Keys)(yield)
	}
}

// Verify reads all of an archive and compares it with what it was completed with; a partition has no SHA-256, so
// that these are the number of its events and their positions. Errors are Read's.
func (a *Archiver) Verify(ctx context.Context, id uuid.UUID) error {
	archive, err := a.store.Archives().GetByID(ctx, id)
	if err != nil {
		return a.fail("Verify", id, err)
	}
	if isPartition(archive) {
		return a.fail("Verify", id, a.verifyPartition(ctx, archive))
	}
	storage, m, err := a.open(ctx, archive)
	if err == nil {
		err = verifyFile(ctx, storage, m, a.opts.Keys)
	}
	return a.fail("Verify", id, err)
}

// Restore puts the events of an archive back into the store, those for which filter returns true, or all if
// it is nil. They are what they were, byte for byte, with Position, CreatedAt and ProcessedAt; they are not
// queued. It returns how many it put back; those that are back already it passes over, so that the same call
// again does nothing. All come back or, after an error, none: a file that is not what was written restores
// nothing. The file stays until Purge. One that is not in a [Dir] is copied to a temporary folder first, as it is, so
// that the transaction waits for nobody. The filter must not use the store: on SQLite it would wait for itself.
//
// A partition (driver.StoragePartition) comes back as a whole, whatever its size, in some milliseconds.
//
// Errors: Read's; ErrInvalid for a partition and a filter; the filter's panic goes on, and nothing is restored.
func (a *Archiver) Restore(ctx context.Context, id uuid.UUID, filter func(driver.Event) bool) (int, error) {
	archive, err := a.store.Archives().GetByID(ctx, id)
	if err != nil {
		return 0, a.fail("Restore", id, err)
	}
	if archive.Status == driver.ArchiveRestored {
		return 0, nil
	}
	if isPartition(archive) {
		restored, err := a.attach(ctx, archive, filter)
		return restored, a.fail("Restore", id, err)
	}
	restored, err := a.restore(ctx, archive, filter)
	return restored, a.fail("Restore", id, err)
}

func (a *Archiver) restore(ctx context.Context, archive driver.Archive, filter func(driver.Event) bool) (restored int, err error) {
	storage, m, err := a.open(ctx, archive)
	if err != nil {
		return 0, err
	}
	local, done, err := spool(ctx, storage, m.Object)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	return a.store.Archives().Restore(ctx, archive.ID, filtered(readFile(ctx, local, m, a.opts.Keys), filter))
}

func filtered(events iter.Seq2[driver.Event, error], filter func(driver.Event) bool) iter.Seq2[driver.Event, error] {
	if filter == nil {
		return events
	}
	return func(yield func(driver.Event, error) bool) {
		for event, err := range events {
			if err == nil && !filter(event) {
				continue
			}
			if !yield(event, err) {
				return
			}
		}
	}
}
