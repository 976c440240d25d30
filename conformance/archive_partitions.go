package conformance

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archivePartitions = area{name: "Archives/Partitions", fresh: true, behaviours: []behaviour{
	{"AreRefusedWhereThereAreNone", partitionsAbsent},
	{"DetachTakesTheOldestFullOne", partitionsOldest},
	{"DetachedEventsAreReadAsTheyWere", partitionsRead},
	{"DetachedEventsAreFoundByTheirArchive", partitionsFound},
	{"DetachedIDsAndVersionsStayTaken", partitionsTaken},
	{"AttachBringsAllBackAsTheyWere", partitionsAttach},
	{"AttachedCanBeDetachedAgain", partitionsAgain},
	{"PurgeDropsThem", partitionsPurge},
	{"DetachCountsForItsJob", partitionsJob},
	{"DetachAndAttachRefuse", partitionsRefuse},
	{"RestoreIsForFiles", partitionsRestore},
	{"SurviveAReopen", partitionsReopen},
}}

// needsPartitions skips a test where there are none.
func (t *test) needsPartitions() {
	t.Helper()
	if t.h.Partitions == 0 {
		t.Skip("the events are not partitioned (Harness.Partitions)")
	}
}

// partitionArchive saves a pending archive for a partition.
func (t *test) partitionArchive(changes ...func(*driver.Archive)) driver.Archive {
	t.Helper()
	return must(t, t.store.Archives().Save, changed(driver.Archive{Name: "old events", StorageType: driver.StoragePartition}, changes...))
}

// fillPartitions saves processed events until n partitions are full, and one more, which is behind them. It
// returns those of each, with that one in a last slice.
func (t *test) fillPartitions(n int) [][]driver.Event {
	t.Helper()
	parts := make([][]driver.Event, n+1)
	for len(parts[n]) == 0 {
		events := newEvents(int(t.h.Partitions) / 5)
		for i := range events {
			events[i].ProcessedAt = ptr(time.Now().UTC().Truncate(time.Microsecond))
			events[i].OccurredAt = time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)
		}
		for _, event := range t.saveAll(events) {
			if part := event.Position / t.h.Partitions; part <= int64(n) {
				parts[part] = append(parts[part], event)
			}
		}
	}
	return parts
}

// detach detaches a partition for a new archive.
func (t *test) detach(criteria driver.ArchiveCriteria) driver.Archive {
	t.Helper()
	return must2(t, t.store.Archives().Detach, t.partitionArchive().ID, criteria)
}

// wantDetached fails the test unless an archive is a partition with these events.
func (t *test) wantDetached(archive driver.Archive, events []driver.Event) {
	t.Helper()
	equal(t, "status", archive.Status, driver.ArchiveCompleted)
	equal(t, "EventCount", archive.EventCount, int64(len(events)))
	equal(t, "FirstPosition", archive.FirstPosition, events[0].Position)
	equal(t, "LastPosition", archive.LastPosition, events[len(events)-1].Position)
	if archive.ArchivedAt == nil {
		t.Error("ArchivedAt: got nil, want when it was detached")
	}
	t.wantStored(false, idsOf(events)...)
}

// wantNoneDetached fails the test if a partition can be detached.
func (t *test) wantNoneDetached(criteria driver.ArchiveCriteria) {
	t.Helper()
	archive := t.partitionArchive()
	got := must2(t, t.store.Archives().Detach, archive.ID, criteria)
	sameEntity(t, "archive that no partition was for", got, archive)
	sameEntity(t, "archive read back", must(t, t.store.Archives().GetByID, archive.ID), archive)
}

// eventsOf reads the events of an archive.
func (t *test) eventsOf(archive driver.Archive) (events []driver.Event) {
	t.Helper()
	for event, err := range t.store.Archives().AllEvents(t.ctx, archive.ID) {
		t.ok(err)
		events = append(events, event)
	}
	return events
}

func partitionsAbsent(t *test) {
	if t.h.Partitions > 0 {
		t.Skip("the events are partitioned (Harness.Partitions)")
	}
	archive := t.partitionArchive()
	_, err := t.store.Archives().Detach(t.ctx, archive.ID, driver.ArchiveCriteria{})
	t.wantErrOn(err, driver.ErrState, "Archives.Detach", "archive", archive.ID.String())
	_, err = t.store.Archives().Attach(t.ctx, archive.ID)
	t.wantErrOn(err, driver.ErrState, "Archives.Attach", "archive", archive.ID.String())
	sameEntity(t, "archive read back", must(t, t.store.Archives().GetByID, archive.ID), archive)
}

func partitionsOldest(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	first := t.detach(driver.ArchiveCriteria{})
	t.wantDetached(first, parts[0])
	equal(t, "EventsFrom", instant(first.EventsFrom), instant(ptr(slices.MinFunc(parts[0], byOccurrence).OccurredAt)))
	equal(t, "EventsTo", instant(first.EventsTo), instant(ptr(slices.MaxFunc(parts[0], byOccurrence).OccurredAt)))
	equalList(t, "EventTypes", first.EventTypes, []string{parts[0][0].EventType})
	if first.RawBytes <= 0 || first.SizeBytes <= 0 || first.ObjectName == "" {
		t.Errorf("got %d bytes of events, %d on disk, in %q; want some of each", first.RawBytes, first.SizeBytes, first.ObjectName)
	}
	sameEntity(t, "archive read back", must(t, t.store.Archives().GetByID, first.ID), first)
	t.wantStored(true, idsOf(parts[1])...)
	t.wantDetached(t.detach(driver.ArchiveCriteria{}), parts[1])
	t.wantStored(true, idsOf(parts[2])...)
	t.wantNoneDetached(driver.ArchiveCriteria{}) // the last one is never full
	saved := t.save(newEvent())
	t.sameEvent("event saved afterwards", t.get(saved.ID), saved)
}

func byOccurrence(a, b driver.Event) int { return a.OccurredAt.Compare(b.OccurredAt) }

func partitionsRead(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	for _, events := range parts[:2] {
		t.sameEvents("events of a detached partition", t.eventsOf(t.detach(driver.ArchiveCriteria{})), events)
	}
	equal(t, "events of a pending archive", len(t.eventsOf(t.partitionArchive())), 0)
}

func partitionsFound(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	archives := []driver.Archive{t.detach(driver.ArchiveCriteria{}), t.detach(driver.ArchiveCriteria{})}
	for i, archive := range archives {
		event := parts[i][len(parts[i])-1]
		_, err := t.events.GetByID(t.ctx, event.ID)
		t.wantErr(err, driver.ErrNotFound, "Events.GetByID")
		equal(t, "archive that GetByID names", archivedIn(err), archive.ID)
		sameEntities(t, "archives of the aggregate", must2(t, t.store.Archives().GetByAggregate, event.Aggregate(), 0), []driver.Archive{archive})
		sameEntities(t, "archives from the position on", must2(t, t.store.Archives().GetByPosition, event.Position, 0), archives[i:])
	}
	kept := parts[2][0]
	equal(t, "archives of an aggregate that is in the store", len(must2(t, t.store.Archives().GetByAggregate, kept.Aggregate(), 0)), 0)
}

func partitionsTaken(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	t.detach(driver.ArchiveCriteria{})
	old := parts[0][0]
	again := newEvent()
	again.ID = old.ID
	_, err := t.events.Save(t.ctx, again)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Save")
	_, err = t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), again})
	t.wantErr(err, driver.ErrAlreadyExists, "Events.SaveBatch")
	version := newEvent()
	version.AggregateType, version.AggregateID, version.AggregateVersion = old.AggregateType, old.AggregateID, old.AggregateVersion
	_, err = t.events.Save(t.ctx, version)
	t.wantConflict(err, "Events.Save", driver.VersionConflictError{Aggregate: old.Aggregate(), Expected: old.AggregateVersion - 1, Actual: old.AggregateVersion})
	_, err = t.events.SaveBatch(t.ctx, []driver.Event{version})
	t.wantErr(err, driver.ErrVersionConflict, "Events.SaveBatch")
	version.AggregateVersion = 0
	equal(t, "next version", t.save(version).AggregateVersion, old.AggregateVersion+1)
}

func partitionsAttach(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	archive, second := t.detach(driver.ArchiveCriteria{}), t.detach(driver.ArchiveCriteria{})
	restored := must(t, t.store.Archives().Attach, archive.ID)
	equal(t, "status", restored.Status, driver.ArchiveRestored)
	equal(t, "RestoredCount", restored.RestoredCount, archive.EventCount)
	if restored.RestoredAt == nil {
		t.Error("RestoredAt: got nil, want when it was attached")
	}
	for _, event := range parts[0] {
		t.sameEvent("restored event", t.get(event.ID), event)
	}
	t.wantStored(false, idsOf(parts[1])...)
	equal(t, "events of a restored archive", len(t.eventsOf(restored)), 0)
	equal(t, "waiting events", len(t.queue()), 0)
	sameEntity(t, "archive attached again", must(t, t.store.Archives().Attach, archive.ID), restored)
	must(t, t.store.Archives().Attach, second.ID)
	t.wantStored(true, idsOf(parts[1])...)
	again := newEvent()
	again.ID = parts[0][0].ID
	_, err := t.events.Save(t.ctx, again)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Save")
}

func partitionsAgain(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	first := t.detach(driver.ArchiveCriteria{})
	must(t, t.store.Archives().Attach, first.ID)
	second := t.detach(driver.ArchiveCriteria{})
	t.wantDetached(second, parts[0])
	_, err := t.events.GetByID(t.ctx, parts[0][0].ID)
	equal(t, "archive that GetByID names", archivedIn(err), second.ID)
	t.sameEvents("events of the second archive", t.eventsOf(second), parts[0])
	equal(t, "events of the first", len(t.eventsOf(first)), 0)
}

func partitionsPurge(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	archive, kept := t.detach(driver.ArchiveCriteria{}), t.detach(driver.ArchiveCriteria{})
	must(t, t.store.Archives().Attach, kept.ID)
	for _, id := range []uuid.UUID{archive.ID, kept.ID} { // a restored one's events stay
		equal(t, "status", must(t, t.store.Archives().Purge, id).Status, driver.ArchiveDeleted)
	}
	equal(t, "events of a purged archive", len(t.eventsOf(archive)), 0)
	t.wantStored(false, idsOf(parts[0])...)
	t.wantStored(true, idsOf(parts[1])...)
	again := newEvent()
	again.ID = parts[0][0].ID
	_, err := t.events.Save(t.ctx, again)
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Save")
	_, err = t.store.Archives().Attach(t.ctx, archive.ID)
	t.wantErr(err, driver.ErrState, "Archives.Attach")
}

func partitionsJob(t *test) {
	t.needsPartitions()
	t.fillPartitions(1)
	job := t.jobIn(driver.JobRunning)
	archive := must2(t, t.store.Archives().Detach, t.partitionArchive(func(a *driver.Archive) { a.JobID = &job.ID }).ID, driver.ArchiveCriteria{})
	counted := t.job(job.ID)
	equal(t, "archives of the job", counted.Archives, 1)
	equal(t, "events of the job", counted.EventsArchived, archive.EventCount)
	equal(t, "bytes of the job", counted.RawBytes, archive.RawBytes)
}

func partitionsRefuse(t *test) {
	t.needsPartitions()
	t.fillPartitions(1)
	pending := t.partitionArchive()
	before := t.state()
	for field, criteria := range map[string]driver.ArchiveCriteria{
		"include_types": {IncludeTypes: []string{"a"}}, "exclude_types": {ExcludeTypes: []string{"a"}},
		"include_contexts": {IncludeContexts: []uuid.UUID{newID()}}, "exclude_contexts": {ExcludeContexts: []uuid.UUID{newID()}},
		"after_position": {AfterPosition: -1},
	} {
		_, err := t.store.Archives().Detach(t.ctx, pending.ID, criteria)
		t.wantInvalid(err, "Archives.Detach", field)
	}
	ofFiles := must(t, t.store.Archives().Save, driver.Archive{Name: "files"})
	detached := t.detach(driver.ArchiveCriteria{AfterPosition: 0})
	for id, kind := range map[uuid.UUID]error{newID(): driver.ErrNotFound, ofFiles.ID: driver.ErrState, detached.ID: driver.ErrState} {
		_, err := t.store.Archives().Detach(t.ctx, id, driver.ArchiveCriteria{})
		t.wantErrOn(err, kind, "Archives.Detach", "archive", id.String())
	}
	for id, kind := range map[uuid.UUID]error{newID(): driver.ErrNotFound, ofFiles.ID: driver.ErrState, pending.ID: driver.ErrState} {
		_, err := t.store.Archives().Attach(t.ctx, id)
		t.wantErrOn(err, kind, "Archives.Attach", "archive", id.String())
	}
	t.inTx(func(tx driver.Store) {
		_, err := tx.Archives().Detach(t.ctx, pending.ID, driver.ArchiveCriteria{})
		t.wantErr(err, driver.ErrState, "Archives.Detach")
		_, err = tx.Archives().Attach(t.ctx, detached.ID)
		t.wantErr(err, driver.ErrState, "Archives.Attach")
	})
	must(t, t.store.Archives().Attach, detached.ID)
	t.wantState(before)
}

func partitionsRestore(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	archive := t.detach(driver.ArchiveCriteria{})
	_, err := t.store.Archives().Restore(t.ctx, archive.ID, func(yield func(driver.Event, error) bool) {
		for _, event := range parts[0] {
			if !yield(event, nil) {
				return
			}
		}
	})
	t.wantErr(err, driver.ErrState, "Archives.Restore")
	_, err = t.store.Archives().Begin(t.ctx, t.partitionArchive().ID, driver.ArchiveCriteria{}, 0)
	t.wantErr(err, driver.ErrState, "Archives.Begin")
	t.wantStored(false, idsOf(parts[0])...)
}

func partitionsReopen(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	archive := t.detach(driver.ArchiveCriteria{})
	other := *t
	other.store = t.openStore(t.reopen(), t.store.Schema())
	other.events = other.store.Events()
	t.sameEvents("events that another process reads", other.eventsOf(archive), parts[0])
	saved := other.save(newEvent())
	t.sameEvent("event that another process saved", t.get(saved.ID), saved)
	must(&other, other.store.Archives().Attach, archive.ID)
	t.wantStored(true, idsOf(parts[0])...)
}
