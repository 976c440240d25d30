package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// newArchive returns an archive with what is required.
func newArchive() driver.Archive {
	return driver.Archive{Name: "old events", ObjectName: "a/b", StorageLocation: "file:///archives"}
}

// saveProcessed saves events that were processed long ago, and returns them as they are read.
func (t *test) saveProcessed(events []driver.Event) []driver.Event {
	t.Helper()
	events = slices.Clone(events)
	for i := range events {
		events[i].ProcessedAt = ptr(longAgo)
	}
	return t.saveAll(events)
}

// plan saves a pending archive.
func (t *test) plan(changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	return t.planIn(t.store, changes...)
}

func (t *test) planIn(store driver.Store, changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	archive := newArchive()
	for _, change := range changes {
		change(&archive)
	}
	return must(t, store.Archives().Save, archive)
}

// begin reserves what criteria choose for a new archive, for the longest time there is.
func (t *test) begin(criteria driver.ArchiveCriteria, changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	return t.beginIn(t.store, criteria, changes...)
}

func (t *test) beginIn(store driver.Store, criteria driver.ArchiveCriteria, changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	begun, err := store.Archives().Begin(t.ctx, t.planIn(store, changes...).ID, criteria, driver.MaxLease)
	t.ok(err)
	return begun
}

// reserved returns the events that are reserved for an archive.
func (t *test) reserved(archive driver.Archive) []driver.Event {
	t.Helper()
	return t.collect(t.store.Archives().AllEvents(t.ctx, archive.ID))
}

// wantChosen fails the test unless criteria choose these events. It lets them go again.
func (t *test) wantChosen(what string, criteria driver.ArchiveCriteria, want ...driver.Event) {
	t.Helper()
	begun := t.begin(criteria)
	equalList(t, "events chosen "+what, idsOf(t.reserved(begun)), idsOf(want))
	if begun.EventCount != int64(len(want)) {
		t.Errorf("events chosen %s: got an EventCount of %d, want %d", what, begun.EventCount, len(want))
	}
	if begun.EventCount > 0 {
		_, err := t.store.Archives().Fail(t.ctx, begun.ID, *begun.LeaseToken, "only a look")
		t.ok(err)
	}
}

// fileOf is what a file of these events could be.
func fileOf(events []driver.Event) driver.ArchiveFile {
	file := driver.ArchiveFile{
		StorageLocation: "file:///archives", ObjectName: "a/b", EventCount: int64(len(events)), RawBytes: 1000, SizeBytes: 100,
		EventTypes: []string{}, ContextIDs: []uuid.UUID{}, EventsFrom: longAgo, EventsTo: longAgo, PastConsumers: true,
	}
	sum := sha256.New()
	for i, e := range events {
		sum.Write(e.EventData)
		if i == 0 || e.OccurredAt.Before(file.EventsFrom) {
			file.EventsFrom = e.OccurredAt
		}
		if i == 0 || e.OccurredAt.After(file.EventsTo) {
			file.EventsTo = e.OccurredAt
		}
		if !slices.Contains(file.EventTypes, e.EventType) {
			file.EventTypes = append(file.EventTypes, e.EventType)
		}
		if e.ContextID != nil && !slices.Contains(file.ContextIDs, *e.ContextID) {
			file.ContextIDs = append(file.ContextIDs, *e.ContextID)
		}
	}
	slices.Sort(file.EventTypes)
	slices.SortFunc(file.ContextIDs, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	file.Checksum = hex.EncodeToString(sum.Sum(nil))
	return file
}

// complete completes an archive in progress with a file of what is reserved for it.
func (t *test) completeArchive(begun driver.Archive) driver.Archive {
	t.Helper()
	completed, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(t.reserved(begun)))
	t.ok(err)
	return completed
}

// archive saves processed events and archives them, and nothing else.
func (t *test) archive(events []driver.Event, changes ...func(*driver.Archive)) (driver.Archive, []driver.Event) {
	t.Helper()
	saved := t.saveProcessed(events)
	begun := t.begin(driver.ArchiveCriteria{AfterPosition: saved[0].Position - 1, PastConsumers: true}, changes...)
	equalList(t, "events to be archived", idsOf(t.reserved(begun)), idsOf(saved))
	return t.completeArchive(begun), saved
}

// archiveIn is an archive of one event in a status.
func (t *test) archiveIn(status driver.ArchiveStatus, changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	archives := t.store.Archives()
	if status == driver.ArchivePending {
		return t.plan(changes...)
	}
	saved := t.saveProcessed(newEvents(1))
	made := t.begin(driver.ArchiveCriteria{AfterPosition: saved[0].Position - 1, PastConsumers: true}, changes...)
	var err error
	switch status {
	case driver.ArchiveFailed:
		made, err = archives.Fail(t.ctx, made.ID, *made.LeaseToken, "for a test")
	case driver.ArchiveCompleted, driver.ArchiveRestored, driver.ArchiveDeleted:
		made = t.completeArchive(made)
	}
	t.ok(err)
	switch status {
	case driver.ArchiveRestored:
		_, err = archives.Restore(t.ctx, made.ID, sequence(saved...))
	case driver.ArchiveDeleted:
		_, err = archives.Purge(t.ctx, made.ID)
	}
	t.ok(err)
	return must(t, archives.GetByID, made.ID)
}

var archiveStatuses = []driver.ArchiveStatus{
	driver.ArchivePending, driver.ArchiveInProgress, driver.ArchiveCompleted, driver.ArchiveFailed, driver.ArchiveRestored, driver.ArchiveDeleted,
}

// sequence yields events.
func sequence(events ...driver.Event) func(yield func(driver.Event, error) bool) {
	return sequenceThen(nil, events...)
}

// sequenceThen yields events and then an error, if it is one.
func sequenceThen(err error, events ...driver.Event) func(yield func(driver.Event, error) bool) {
	return func(yield func(driver.Event, error) bool) {
		for _, event := range events {
			if !yield(event, nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Event{}, err)
		}
	}
}

// wantArchived fails the test unless these events are in an archive, and not in the store.
func (t *test) wantArchived(archive driver.Archive, events ...driver.Event) {
	t.Helper()
	for _, event := range events {
		_, err := t.events.GetByID(t.ctx, event.ID)
		t.wantErr(err, driver.ErrNotFound, "Events.GetByID")
		t.wantInArchive(err, archive.ID)
		equal(t, "exists", must(t, t.events.Exists, event.ID), false)
	}
}

// wantBack fails the test unless these events are in the store as they were.
func (t *test) wantBack(events ...driver.Event) {
	t.Helper()
	for _, event := range events {
		t.sameEvent("event in the store", t.get(event.ID), event)
	}
}

func (t *test) archiveNow(id uuid.UUID) driver.Archive {
	t.Helper()
	return must(t, t.store.Archives().GetByID, id)
}

// longerAgo is a moment before longAgo.
func longerAgo(by time.Duration) time.Time { return longAgo.Add(-by) }
