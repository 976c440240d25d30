package conformance

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// fullArchive returns an archive with all that can be given, nothing of it the default.
func fullArchive() driver.Archive {
	return driver.Archive{
		ID:                  newID(),
		Name:                "Bestellungen für müde Ämter",
		Description:         "A line,\nand another one: " + canary,
		Policy:              driver.PolicyHybrid,
		StorageType:         driver.StorageCompressed,
		StorageLocation:     "s3://archives/acme?region=eu",
		ObjectName:          "acme/2024/größe \"<1>\"",
		RuleID:              ptr(newID()),
		JobID:               ptr(newID()),
		RetentionDays:       365,
		AutoDeleteAfterDays: driver.MaxArchiveDays,
		CreatedByUserID:     ptr(newID()),
		Tags:                map[string]string{"team": "Lager", "<ä>&\u2028": "\"quoted\"", "empty": ""},
	}
}

// asSaved is an archive that was given to Save as it is stored, but for what only the backend knows.
func asSaved(given, saved driver.Archive) driver.Archive {
	given.ID, given.CreatedAt, given.UpdatedAt = saved.ID, saved.CreatedAt, saved.UpdatedAt
	given.Policy, given.StorageType = cmp.Or(given.Policy, driver.PolicyCustom), cmp.Or(given.StorageType, driver.StorageCold)
	given.Status, given.EventTypes, given.ContextIDs, given.Revision = driver.ArchivePending, []string{}, []uuid.UUID{}, 1
	return given
}

// archiveStored archives events that saveProcessed has saved next to each other.
func (t *test) archiveStored(events []driver.Event, changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	begun := t.begin(driver.ArchiveCriteria{AfterPosition: events[0].Position - 1, MaxEvents: len(events)}, changes...)
	equalList(t, "events to be archived", idsOf(t.reserved(begun)), idsOf(events))
	return t.completeArchive(begun)
}

// archiveNew archives so many new events.
func (t *test) archiveNew(n int, changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	archived, _ := t.archive(newEvents(n), changes...)
	return archived
}

// restored puts events back, and returns their archive as it is then.
func (t *test) restored(archive driver.Archive, events ...driver.Event) driver.Archive {
	t.Helper()
	equal(t, "events put back", t.restore(archive, events...), len(events))
	return t.archiveNow(archive.ID)
}

// archivesInStates saves one archive of each status.
func (t *test) archivesInStates() map[driver.ArchiveStatus]driver.Archive {
	t.Helper()
	saved := map[driver.ArchiveStatus]driver.Archive{}
	for _, status := range archiveStatuses {
		saved[status] = t.archiveIn(status)
		equal(t, "Status", saved[status].Status, status)
	}
	return saved
}

// archivesOf returns all archives of a schema, as far as there are no more than a list returns.
func (t *test) archivesOf(store driver.Store) []driver.Archive {
	t.Helper()
	var all []driver.Archive
	for _, status := range archiveStatuses {
		all = append(all, must2(t, store.Archives().GetByStatus, status, driver.MaxLimit)...)
	}
	return all
}

// wantArchives fails the test unless these are all archives of a schema, by status, and newest first.
func (t *test) wantArchives(store driver.Store, want []driver.Archive) {
	t.Helper()
	sameEntities(t, "archives", t.archivesOf(store), want)
}

const oneDay = 24 * time.Hour

// expiresAfter makes an archive expire after so many days.
func expiresAfter(days int) func(*driver.Archive) {
	return func(a *driver.Archive) { a.AutoDeleteAfterDays = days }
}

// archivedAt makes an archive one that was completed at a moment.
func (t *test) archivedAt(archive driver.Archive, at time.Time) driver.Archive {
	t.Helper()
	t.setTime("archive", "archived_at", archive.ID, at)
	archive.ArchivedAt = &at
	return archive
}

// archivedAgo makes an archive one that was completed so long ago, by the database's clock.
func (t *test) archivedAgo(archive driver.Archive, ago time.Duration) driver.Archive {
	t.Helper()
	return t.archivedAt(archive, t.clock().Add(-ago))
}
