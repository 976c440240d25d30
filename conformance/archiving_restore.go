package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var archivingRestore = area{name: "Archives/Restore", behaviours: []behaviour{
	{"BringsEventsBackAsTheyWere", restoreSame},
	{"BringsManyAndLargeEventsBack", restoreMany},
	{"DoesNothingTheSecondTime", restoreTwice},
	{"BringsSomeBack", restoreSome},
	{"OfSomeArchivesThemElsewhereAgain", restoreElsewhere},
	{"PassesOverEventsOfOtherArchives", restoreOthers},
	{"RestoresNothingIfTheEventsEndWithAnError", restoreError},
	{"RefusesEventsThatWereNeverStored", restoreUnstored},
	{"RefusesArchivesOfOtherStatuses", restoreStatuses},
	{"QueuesNothing", restoreQueues},
	{"LetsVersionsGoOn", restoreVersions},
	{"WorksOnceAtATime", restoreTogether},
}}

var archivingPurge = area{name: "Archives/Purge", behaviours: []behaviour{
	{"EndsWhatIsDone", purgeDone},
	{"RefusesWhatIsNot", purgeNotDone},
	{"KeepsToTheRetention", purgeRetention},
	{"LeavesIDsAndVersionsTaken", purgeKeys},
	{"MeasuresWhatIsInTheStore", archiveMeasures},
}}

var archivingTransactions = area{name: "Archives/WorkTransactions", alone: true, behaviours: []behaviour{
	{"UndoAll", archivingUndone},
	{"CommitAll", archivingCommitted},
	{"StopWhenTheContextHasEnded", archivingStops},
	{"ThatOnlyReadRefuseWrites", archivingReadOnly},
	{"ThatHaveEndedRefuseAll", archivingEnded},
	{"OfAClosedPoolRefuseAll", archivingClosed},
	{"AreAloneInTheirSchema", archivingSchemas},
}}

func (t *test) restore(archive driver.Archive, events ...driver.Event) int {
	t.Helper()
	n, err := t.store.Archives().Restore(t.ctx, archive.ID, sequence(events...))
	t.ok(err)
	return n
}

func restoreSame(t *test) {
	full, odd := fullEvent(), newEvent()
	odd.EventData = []byte("{ \"b\":1.0,\n \"a\":1e2, \"a\":\"\\u0000\" }")
	before := t.clock()
	archive, saved := t.archive([]driver.Event{full, newEvent(), odd})
	equal(t, "restored", t.restore(archive, saved...), 3)
	t.wantBack(saved...)
	restored := t.archiveNow(archive.ID)
	want := archive
	want.Status, want.RestoredCount, want.RestoredAt = driver.ArchiveRestored, 3, restored.RestoredAt
	want.UpdatedAt, want.Revision = restored.UpdatedAt, restored.Revision
	sameEntity(t, "archive restored", restored, want)
	t.wantBetween("RestoredAt", restored.RestoredAt, before, t.clock())
}

func restoreMany(t *test) {
	given := newEvents(scale(2500, 1200))
	for i := range given {
		if i%400 == 7 {
			given[i].EventData = []byte(`{"note": "` + string(slices.Repeat([]byte("x"), 5<<20)) + `"}`)
		}
	}
	saved := t.saveProcessed(given)
	archive := t.completeArchive(t.begin(driver.ArchiveCriteria{MaxBytes: 1 << 40}))
	equal(t, "restored", t.restore(archive, saved...), len(saved))
	t.wantBack(saved[7], saved[len(saved)-1])
	measure, err := t.store.Archives().Measure(t.ctx)
	t.ok(err)
	equal(t, "events in the store", measure.Events, int64(len(saved)))
}

func restoreTwice(t *test) {
	archive, saved := t.archive(newEvents(3))
	equal(t, "restored", t.restore(archive, slices.Concat(saved, saved)...), 3)
	restored := t.archiveNow(archive.ID)
	equal(t, "restored again", t.restore(archive, saved...), 0)
	n, err := t.store.Archives().Restore(t.ctx, archive.ID, sequenceThen(errors.New("is not even read")))
	t.ok(err)
	equal(t, "restored from what can't be read", n, 0)
	sameEntity(t, "archive", t.archiveNow(archive.ID), restored)
}

func restoreSome(t *test) {
	archive, saved := t.archive(newEvents(4))
	equal(t, "restored", t.restore(archive, saved[1], saved[2]), 2)
	t.wantBack(saved[1:3]...)
	t.wantArchived(archive, saved[0], saved[3])
	partly := t.archiveNow(archive.ID)
	equal(t, "status", partly.Status, driver.ArchiveCompleted)
	equal(t, "RestoredCount", partly.RestoredCount, 2)
	equal(t, "restored of nothing", t.restore(archive), 0)
	equal(t, "restored of all", t.restore(archive, saved...), 2)
	t.wantBack(saved...)
	equal(t, "status", t.archiveNow(archive.ID).Status, driver.ArchiveRestored)
}

func restoreElsewhere(t *test) {
	first, saved := t.archive(newEvents(3))
	t.restore(first, saved[1])
	second := t.completeArchive(t.begin(driver.ArchiveCriteria{}))
	t.wantArchived(first, saved[0], saved[2])
	t.wantArchived(second, saved[1])
	equal(t, "restored from the first", t.restore(first, saved...), 2)
	t.wantBack(saved[0], saved[2])
	t.wantArchived(second, saved[1])
	equal(t, "restored from the second", t.restore(second, saved[1]), 1)
	t.wantBack(saved...)
}

func restoreOthers(t *test) {
	one, ofOne := t.archive(newEvents(2))
	other, ofOther := t.archive(newEvents(2))
	inStore := t.saveProcessed(newEvents(1))
	equal(t, "restored of others", t.restore(one, slices.Concat(ofOther, inStore)...), 0)
	t.wantArchived(other, ofOther...)
	equal(t, "restored", t.restore(one, slices.Concat(ofOther, ofOne, inStore)...), 2)
	t.wantArchived(other, ofOther...)
	t.wantBack(slices.Concat(ofOne, inStore)...)
}

func restoreError(t *test) {
	archive, saved := t.archive(newEvents(3))
	broken := errors.New("the file is broken")
	n, err := t.store.Archives().Restore(t.ctx, archive.ID, sequenceThen(broken, saved...))
	if !errors.Is(err, broken) || n != 0 {
		t.Errorf("Restore: got %d and %v, want the error of the events", n, err)
	}
	t.wantErrOn(err, broken, "Archives.Restore", "archive", archive.ID.String())
	t.wantArchived(archive, saved...)
	sameEntity(t, "archive", t.archiveNow(archive.ID), archive)
}

func restoreUnstored(t *test) {
	archive, saved := t.archive(newEvents(2))
	for field, spoil := range map[string]func(e *driver.Event){
		"position":          func(e *driver.Event) { e.Position = 0 },
		"aggregate_version": func(e *driver.Event) { e.AggregateVersion = 0 },
		"processed_at":      func(e *driver.Event) { e.ProcessedAt = nil },
		"created_at":        func(e *driver.Event) { e.CreatedAt = time.Time{} },
	} {
		spoilt := saved[1]
		spoil(&spoilt)
		_, err := t.store.Archives().Restore(t.ctx, archive.ID, sequence(saved[0], spoilt))
		t.wantInvalid(err, "Archives.Restore", field)
	}
	moved := saved[1]
	moved.Position += 1000
	_, err := t.store.Archives().Restore(t.ctx, archive.ID, sequence(saved[0], moved))
	t.wantErr(err, driver.ErrConflict, "Archives.Restore")
	t.wantArchived(archive, saved...)
	equal(t, "restored", t.restore(archive, saved...), 2)
}

func restoreStatuses(t *test) {
	for _, status := range []driver.ArchiveStatus{driver.ArchivePending, driver.ArchiveInProgress, driver.ArchiveFailed, driver.ArchiveDeleted} {
		archive := t.archiveIn(status)
		_, err := t.store.Archives().Restore(t.ctx, archive.ID, sequence())
		t.wantErrOn(err, driver.ErrState, "Archives.Restore", "archive", archive.ID.String())
		sameEntity(t, string(status)+" archive", t.archiveNow(archive.ID), archive)
	}
	unknown := newID()
	_, err := t.store.Archives().Restore(t.ctx, unknown, sequence())
	t.wantErrOn(err, driver.ErrNotFound, "Archives.Restore", "archive", unknown.String())
}

func restoreQueues(t *test) {
	archive, saved := t.archive(newEvents(3))
	t.restore(archive, saved...)
	t.wantWork(0, 0, 0)
	t.wantNothingToClaim()
	t.wantChosen("again", driver.ArchiveCriteria{}, saved...)
}

func restoreVersions(t *test) {
	aggregate, given := history(3)
	archive, saved := t.archive(given)
	next := t.append(aggregate, 3, 1)
	t.restore(archive, saved[0])
	equal(t, "next version", must(t, t.events.NextVersion, aggregate), 5)
	t.restore(archive, saved...)
	t.sameEvents("history", must2(t, t.events.GetByAggregate, aggregate, driver.HistoryOptions{}), slices.Concat(saved, next))
	_, err := t.events.Append(t.ctx, aggregate, 3, fillers(1))
	t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: aggregate, Expected: 3, Actual: 4})
}

func restoreTogether(t *test) {
	archive, saved := t.archive(newEvents(20))
	restored := make([]int, 4)
	t.together(len(restored), func(i int) (err error) {
		restored[i], err = t.store.Archives().Restore(t.ctx, archive.ID, sequence(saved...))
		return err
	})
	slices.Sort(restored)
	equalList(t, "restored", restored, []int{0, 0, 0, 20})
	t.wantBack(saved...)
}

func purgeDone(t *test) {
	for _, status := range []driver.ArchiveStatus{driver.ArchiveCompleted, driver.ArchiveRestored, driver.ArchiveFailed} {
		archive := t.archiveIn(status)
		before := t.clock()
		purged := must(t, t.store.Archives().Purge, archive.ID)
		want := archive
		want.Status, want.DeletedAt, want.UpdatedAt, want.Revision = driver.ArchiveDeleted, purged.DeletedAt, purged.UpdatedAt, purged.Revision
		sameEntity(t, string(status)+" archive purged", purged, want)
		t.wantBetween("DeletedAt", purged.DeletedAt, before, t.clock())
		sameEntity(t, "purged again", must(t, t.store.Archives().Purge, archive.ID), purged)
	}
}

func purgeNotDone(t *test) {
	for _, status := range []driver.ArchiveStatus{driver.ArchivePending, driver.ArchiveInProgress} {
		archive := t.archiveIn(status)
		_, err := t.store.Archives().Purge(t.ctx, archive.ID)
		t.wantErrOn(err, driver.ErrState, "Archives.Purge", "archive", archive.ID.String())
		sameEntity(t, string(status)+" archive", t.archiveNow(archive.ID), archive)
	}
	unknown := newID()
	_, err := t.store.Archives().Purge(t.ctx, unknown)
	t.wantErrOn(err, driver.ErrNotFound, "Archives.Purge", "archive", unknown.String())
}

func purgeRetention(t *test) {
	kept := t.archiveIn(driver.ArchiveCompleted, func(a *driver.Archive) { a.RetentionDays = 1 })
	_, err := t.store.Archives().Purge(t.ctx, kept.ID)
	t.wantErrOn(err, driver.ErrState, "Archives.Purge", "archive", kept.ID.String())
	sameEntity(t, "archive", t.archiveNow(kept.ID), kept)
	failed := t.archiveIn(driver.ArchiveFailed, func(a *driver.Archive) { a.RetentionDays = 1 })
	equal(t, "status", must(t, t.store.Archives().Purge, failed.ID).Status, driver.ArchiveDeleted)
}

func purgeKeys(t *test) {
	aggregate, given := history(2)
	archive, saved := t.archive(given)
	must(t, t.store.Archives().Purge, archive.ID)
	t.wantArchived(archive, saved...) // the archive is known that it was in
	equal(t, "next version", must(t, t.events.NextVersion, aggregate), 3)
	_, err := t.events.Save(t.ctx, saved[0])
	t.wantTaken(err, "Events.Save", saved[0].ID)
}

func archiveMeasures(t *test) {
	before := t.clock()
	given := slices.Concat(t.saveAll(newEvents(2)), t.saveProcessed(newEvents(3)))
	wide := newEvent()
	wide.EventData = []byte(`{"note": "öäü"}`)
	given = append(given, t.save(wide))
	bytes := int64(0)
	for _, e := range given {
		bytes += int64(len(e.EventData) + len(e.EventMetadata))
	}
	got, err := t.store.Archives().Measure(t.ctx)
	t.ok(err)
	imported := int64(1) // that of clock
	equal(t, "events", got.Events, int64(len(given))+imported)
	equal(t, "bytes", got.Bytes, bytes+int64(len(newEvent().EventData)+len(newEvent().EventMetadata)))
	t.wantBetween("Now", &got.Now, before, t.clock())
}

// archivingCalls are all methods of ArchiveWork. begun is in progress, completed has the event.
func archivingCalls(begun, completed driver.Archive, events []driver.Event) []repositoryCall {
	token := *begun.LeaseToken
	return []repositoryCall{
		{"Archives.Begin", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Begin(ctx, begun.ID, driver.ArchiveCriteria{}, 0))
		}},
		{"Archives.AllEvents", false, func(ctx context.Context, store driver.Store) error {
			return lastError(store.Archives().AllEvents(ctx, begun.ID))
		}},
		{"Archives.Extend", true, func(ctx context.Context, store driver.Store) error {
			return store.Archives().Extend(ctx, begun.ID, token, time.Hour)
		}},
		{"Archives.Complete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Complete(ctx, begun.ID, token, fileOf(events)))
		}},
		{"Archives.Fail", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Fail(ctx, begun.ID, token, ""))
		}},
		{"Archives.Recover", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Recover(ctx, 0))
		}},
		{"Archives.Restore", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Restore(ctx, completed.ID, sequence(events...)))
		}},
		{"Archives.Purge", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Purge(ctx, completed.ID))
		}},
		{"Archives.Measure", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.Archives().Measure(ctx))
		}},
	}
}

// archivesAtWork is a completed archive of two events, and one in progress with one.
func (t *test) archivesAtWork() (begun, completed driver.Archive, archived, reserved []driver.Event) {
	t.Helper()
	completed, archived = t.archive(newEvents(2))
	reserved = t.saveProcessed(newEvents(1))
	return t.begin(driver.ArchiveCriteria{}), completed, archived, reserved
}

// wantAtWork fails the test unless all is as archivesAtWork made it.
func (t *test) wantAtWork(begun, completed driver.Archive, archived, reserved []driver.Event) {
	t.Helper()
	sameEntity(t, "archive in progress", t.archiveNow(begun.ID), begun)
	sameEntity(t, "archive completed", t.archiveNow(completed.ID), completed)
	t.wantArchived(completed, archived...)
	t.sameEvents("events reserved", t.reserved(begun), reserved)
}

func archivingUndone(t *test) {
	begun, completed, archived, reserved := t.archivesAtWork()
	work := func(tx driver.Store) {
		must2(t, func(ctx context.Context, id any, _ any) (int, error) {
			return tx.Archives().Restore(ctx, completed.ID, sequence(archived[0]))
		}, nil, nil)
		_, err := tx.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(reserved))
		t.ok(err)
		_, err = tx.Events().GetByID(t.ctx, reserved[0].ID)
		t.wantErr(err, driver.ErrNotFound, "Events.GetByID")
		must(t, tx.Archives().Purge, completed.ID)
	}
	t.undone(t.store, work)
	t.inTx(func(tx driver.Store) { t.undone(tx, work) })
	t.wantAtWork(begun, completed, archived, reserved)
}

func archivingCommitted(t *test) {
	begun, completed, archived, reserved := t.archivesAtWork()
	var more driver.Event
	t.inTx(func(tx driver.Store) {
		_, err := tx.Archives().Restore(t.ctx, completed.ID, sequence(archived...))
		t.ok(err)
		_, err = tx.Archives().Complete(t.ctx, begun.ID, newID(), fileOf(reserved)) // refused, it leaves the transaction usable
		t.wantErr(err, driver.ErrLeaseLost, "Archives.Complete")
		_, err = tx.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(reserved))
		t.ok(err)
		more = t.saveTo(tx, newEvent())
	})
	t.wantBack(append(archived, more)...)
	t.wantArchived(begun, reserved...)
}

func archivingStops(t *test) {
	begun, completed, archived, reserved := t.archivesAtWork()
	t.wantStopped(archivingCalls(begun, completed, reserved))
	t.wantAtWork(begun, completed, archived, reserved)
}

func archivingReadOnly(t *test) {
	begun, completed, archived, reserved := t.archivesAtWork()
	t.wantReadOnly(archivingCalls(begun, completed, reserved))
	t.wantAtWork(begun, completed, archived, reserved)
}

func archivingEnded(t *test) {
	begun, completed, _, reserved := t.archivesAtWork()
	t.wantEnded(archivingCalls(begun, completed, reserved))
}

func archivingClosed(t *test) {
	own := t.alone()
	begun, completed, _, reserved := own.archivesAtWork()
	calls := archivingCalls(begun, completed, reserved)
	own.ok(own.db.Close())
	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

func archivingSchemas(t *test) {
	begun, completed, archived, reserved := t.archivesAtWork()
	elsewhere := t.openStore(t.db, newSchema())
	archives := elsewhere.Archives()
	twin := t.saveTo(elsewhere, archived[0]) // its id is free there
	equal(t, "next version", must(t, elsewhere.Events().NextVersion, archived[1].Aggregate()), 1)
	_, err := archives.Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(reserved))
	t.wantErr(err, driver.ErrLeaseLost, "Archives.Complete")
	_, err = archives.Restore(t.ctx, completed.ID, sequence(archived...))
	t.wantErr(err, driver.ErrNotFound, "Archives.Restore")
	_, err = archives.Purge(t.ctx, completed.ID)
	t.wantErr(err, driver.ErrNotFound, "Archives.Purge")
	equal(t, "events reserved", len(t.collect(archives.AllEvents(t.ctx, begun.ID))), 0)
	begunThere := t.beginIn(elsewhere, driver.ArchiveCriteria{})
	equalList(t, "events chosen there", idsOf(t.collect(archives.AllEvents(t.ctx, begunThere.ID))), idsOf([]driver.Event{twin}))
	t.wantAtWork(begun, completed, archived, reserved)
}
