package conformance

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archivingComplete = area{name: "Archives/Complete", alone: true, behaviours: []behaviour{
	{"TakesTheEventsOutOfTheStore", completeTakes},
	{"KeepsWhatTheFileIs", completeFile},
	{"LeavesOtherEventsOfTheAggregate", completeOthers},
	{"KeepsIDsTaken", completeIDs},
	{"KeepsVersionsTaken", completeVersions},
	{"GoesOnWithVersionsWhileEventsAreArchived", completeRace},
	{"LeavesConsumersAGap", gapSafe(completeConsumers)},
	{"LeavesDeliveriesAsHistory", completeDeliveries},
	{"CountsForTheJob", completeJob},
	{"RefusesAnEventThatGotADelivery", completeDelivering},
	{"WaitsForADeliveryThatIsBeingSaved", completeWaits},
	{"RefusesEventsThatANewConsumerHasNotRead", completeUnread},
	{"RefusesTransactionsThatDoNotSeeWhatOthersCommit", completeStricter},
	{"RefusesAFileOfOtherEvents", completeOtherCount},
	{"RefusesAFileThatCanNotBe", completeBadFile},
	{"NeedsTheToken", completeUnderToken},
	{"FailLetsTheEventsGo", archiveFails},
	{"ExtendMakesTheLeaseLonger", archiveExtends},
	{"RecoverGivesUpWhatIsAbandoned", archiveRecovers},
	{"RecoverGivesUpSoMany", archiveRecoversSome},
}}

func completeTakes(t *test) {
	_, given := history(4)
	given[0].CorrelationID, given[0].ContextID = ptr(newID()), ptr(newID())
	archive, saved := t.archive(given)
	t.wantArchived(archive, saved...)
	first := saved[0]
	for what, left := range map[string][]driver.Event{
		"aggregate":   must2(t, t.events.GetByAggregate, first.Aggregate(), driver.HistoryOptions{}),
		"correlation": must2(t, t.events.GetByCorrelationID, *first.CorrelationID, 0),
		"context":     must2(t, t.events.GetByContext, first.ContextID, 0),
		"type":        must2(t, t.events.GetByType, first.EventType, 0),
	} {
		equalList(t, "events left by "+what, idsOf(left), nil)
	}
	equal(t, "counted", len(must(t, t.events.CountByType, time.Time{})), 0)
	equal(t, "marked", t.markMany(idsOf(saved)), 0)
	measure, err := t.store.Archives().Measure(t.ctx)
	t.ok(err)
	equal(t, "events in the store", measure.Events, 0)
	equal(t, "events reserved", len(t.reserved(archive)), 0)
}

func completeFile(t *test) {
	given := newEvents(3)
	given[1].EventType, given[1].ContextID = "order.paid", ptr(newID())
	given[2].OccurredAt = longerAgo(time.Hour)
	saved := t.saveProcessed(given)
	begun := t.begin(driver.ArchiveCriteria{})
	file := fileOf(saved)
	file.KeyID, file.ObjectName, file.StorageLocation = "key-1", "elsewhere/b", "s3://bucket"
	before := t.clock()
	completed, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, file)
	t.ok(err)
	want := begun
	want.Status, want.LeaseToken, want.LeaseUntil = driver.ArchiveCompleted, nil, nil
	want.StorageLocation, want.ObjectName, want.RawBytes, want.SizeBytes, want.Checksum, want.KeyID = file.StorageLocation, file.ObjectName, file.RawBytes, file.SizeBytes, file.Checksum, file.KeyID
	want.EventTypes, want.ContextIDs, want.EventsFrom, want.EventsTo = file.EventTypes, file.ContextIDs, &file.EventsFrom, &file.EventsTo
	want.ArchivedAt, want.UpdatedAt, want.Revision = completed.ArchivedAt, completed.UpdatedAt, completed.Revision
	sameEntity(t, "archive completed", completed, want)
	t.wantBetween("ArchivedAt", completed.ArchivedAt, before, t.clock())
	sameEntity(t, "archive stored", t.archiveNow(begun.ID), completed)
}

func completeOthers(t *test) {
	aggregate, given := history(6)
	saved := t.saveProcessed(given[:3])
	waiting := t.saveAll(given[3:])
	t.completeArchive(t.begin(driver.ArchiveCriteria{MaxEvents: 2}))
	left := slices.Concat(saved[2:], waiting)
	t.sameEvents("events left", must2(t, t.events.GetByAggregate, aggregate, driver.HistoryOptions{}), left)
	equalList(t, "queue", t.queue(), idsOf(waiting))
	t.wantClaimed(t.takeInOrder(0), waiting...) // what is archived is not waited for
}

func completeIDs(t *test) {
	_, saved := t.archive(newEvents(2))
	again := newEvent()
	again.ID = saved[0].ID
	_, err := t.events.Save(t.ctx, again)
	t.wantTaken(err, "Events.Save", again.ID)
	_, err = t.events.SaveBatch(t.ctx, []driver.Event{newEvent(), again})
	t.wantErr(err, driver.ErrAlreadyExists, "Events.SaveBatch")
	_, err = t.events.Append(t.ctx, driver.Aggregate{Type: "Order", ID: newID()}, driver.NoEvents, []driver.Event{{ID: again.ID, EventType: "a", EventData: again.EventData}})
	t.wantErr(err, driver.ErrAlreadyExists, "Events.Append")
	imported := again
	imported.ProcessedAt = ptr(longAgo)
	_, err = t.events.Save(t.ctx, imported)
	t.wantTaken(err, "Events.Save", again.ID)
	equal(t, "events in the queue", len(t.queue()), 0)
	t.inTx(func(tx driver.Store) {
		_, err := tx.Events().Save(t.ctx, again)
		t.wantTaken(err, "Events.Save", again.ID)
		t.saveTo(tx, newEvent())
	})
	equal(t, "events in the queue", len(t.queue()), 1)
}

func completeVersions(t *test) {
	aggregate, given := history(3)
	given[0].AggregateVersion, given[1].AggregateVersion, given[2].AggregateVersion = 2, 5, 7
	t.archive(given)
	equal(t, "next version", must(t, t.events.NextVersion, aggregate), 8)
	for _, version := range []int64{2, 5, 7} {
		again := moreHistory(aggregate, 1)
		again[0].AggregateVersion = version
		want := driver.VersionConflictError{Aggregate: aggregate, Expected: version - 1, Actual: 7}
		_, err := t.events.Save(t.ctx, again[0])
		t.wantConflict(err, "Events.Save", want)
		_, err = t.events.SaveBatch(t.ctx, again)
		t.wantConflict(err, "Events.SaveBatch", want)
	}
	_, err := t.events.Append(t.ctx, aggregate, driver.NoEvents, fillers(1))
	t.wantConflict(err, "Events.Append", driver.VersionConflictError{Aggregate: aggregate, Expected: 0, Actual: 7})
	equal(t, "version appended", t.append(aggregate, 7, 1)[0].AggregateVersion, 8)
	equal(t, "version saved", t.save(moreHistory(aggregate, 1)[0]).AggregateVersion, 9)
	equal(t, "version saved in a batch", t.saveAll(moreHistory(aggregate, 2))[1].AggregateVersion, 11)
	late := moreHistory(aggregate, 1)
	late[0].AggregateVersion = 3 // a gap that was never filled
	equal(t, "version between", t.save(late[0]).AggregateVersion, 3)
}

// completeRace saves to one aggregate while its events are archived.
func completeRace(t *test) {
	aggregate := driver.Aggregate{Type: "Order", ID: newID()}
	const savers, each = 3, 20
	t.together(savers+1, func(i int) error {
		for range each {
			if i < savers {
				event := moreHistory(aggregate, 1)[0]
				event.ProcessedAt = ptr(longAgo)
				if _, err := t.events.Save(t.ctx, event); err != nil {
					return err
				}
				continue
			}
			planned, err := t.store.Archives().Save(t.ctx, newArchive())
			if err != nil {
				return err
			}
			begun, err := t.store.Archives().Begin(t.ctx, planned.ID, driver.ArchiveCriteria{}, 0)
			if err != nil {
				return err
			}
			if begun.EventCount > 0 {
				if _, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(make([]driver.Event, begun.EventCount))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	equal(t, "next version", must(t, t.events.NextVersion, aggregate), savers*each+1)
}

func completeConsumers(t *test) {
	saved := t.saveProcessed(newEvents(6))
	t.commitAs(reader, saved[3].Position)
	t.completeArchive(t.begin(driver.ArchiveCriteria{AfterPosition: saved[0].Position, PastConsumers: true, MaxEvents: 4}))
	t.wantRead(reader, saved[5])
	t.wantRead("new", saved[0], saved[5])
}

func completeDeliveries(t *test) {
	saved := t.saveProcessed(newEvents(1))
	endpoint := t.saveEndpoint()
	delivery := must(t, t.store.Deliveries().Save, driver.Delivery{EndpointID: endpoint.ID, EventID: saved[0].ID})
	t.record(delivery.ID, newAttempt(driver.AttemptSuccess))
	t.completeArchive(t.begin(driver.ArchiveCriteria{}))
	equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, saved[0].ID, 0)), 1)
	_, err := t.store.Deliveries().Save(t.ctx, driver.Delivery{EndpointID: t.saveEndpoint().ID, EventID: saved[0].ID})
	t.wantErr(err, driver.ErrMissingReference, "Deliveries.Save")
}

func completeJob(t *test) {
	saved := t.saveProcessed(newEvents(5))
	job := must(t, t.store.ArchiveJobs().Save, driver.ArchiveJob{})
	_, err := t.store.ArchiveJobs().Start(t.ctx, job.ID)
	t.ok(err)
	ofJob := func(a *driver.Archive) { a.JobID = &job.ID }
	t.completeArchive(t.begin(driver.ArchiveCriteria{MaxEvents: 3}, ofJob))
	t.completeArchive(t.begin(driver.ArchiveCriteria{}, ofJob))
	got := must(t, t.store.ArchiveJobs().GetByID, job.ID)
	equalList(t, "counts", []int64{got.Archives, got.EventsArchived, got.RawBytes, got.SizeBytes}, []int64{2, int64(len(saved)), 2000, 200})
	t.saveProcessed(newEvents(1))
	gone := t.begin(driver.ArchiveCriteria{}, func(a *driver.Archive) { a.JobID = ptr(newID()) })
	t.completeArchive(gone)
}

func completeDelivering(t *test) {
	saved := t.saveProcessed(newEvents(3))
	begun := t.begin(driver.ArchiveCriteria{})
	must(t, t.store.Deliveries().Save, driver.Delivery{EndpointID: t.saveEndpoint().ID, EventID: saved[1].ID})
	_, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(saved))
	t.wantErrOn(err, driver.ErrConflict, "Archives.Complete", "archive", begun.ID.String())
	t.wantBack(saved...)
	sameEntity(t, "archive", t.archiveNow(begun.ID), begun)
	_, err = t.store.Archives().Fail(t.ctx, begun.ID, *begun.LeaseToken, "")
	t.ok(err)
	t.wantChosen("without it", driver.ArchiveCriteria{}, saved[0], saved[2])
}

// completeWaits has a delivery saved in a transaction that has not ended.
func completeWaits(t *test) {
	saved := t.saveProcessed(newEvents(2))
	endpoint := t.saveEndpoint()
	for i, verdict := range []error{nil, errUndo} {
		begun := t.begin(driver.ArchiveCriteria{AfterPosition: saved[i].Position - 1, MaxEvents: 1})
		end := t.hold(t.store, func(tx driver.Store) error {
			_, err := tx.Deliveries().Save(t.ctx, driver.Delivery{EndpointID: endpoint.ID, EventID: saved[i].ID})
			return err
		})
		completed := inBackground(func() error {
			_, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(saved[i:i+1]))
			if verdict == nil && errors.Is(err, driver.ErrConflict) {
				return nil
			}
			if verdict == nil && err == nil {
				return errors.New("an event with a delivery was archived")
			}
			return err
		})
		t.waitsUntil(func() { end(verdict) }, completed)
	}
	t.wantBack(saved[0])
	equal(t, "exists", must(t, t.events.Exists, saved[1].ID), false)
}

func completeUnread(t *test) {
	saved := t.saveProcessed(newEvents(2))
	begun := t.begin(driver.ArchiveCriteria{})
	t.ok(t.store.Consumers().Reset(t.ctx, reader, saved[0].Position))
	file := fileOf(saved)
	file.PastConsumers = false
	complete := func() error {
		_, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, file)
		return err
	}
	t.wantErrOn(complete(), driver.ErrConflict, "Archives.Complete", "archive", begun.ID.String())
	t.wantBack(saved...)
	t.ok(t.store.Consumers().Reset(t.ctx, reader, saved[1].Position))
	t.ok(complete())
}

func completeStricter(t *test) {
	t.needsConcurrent()
	saved := t.saveProcessed(newEvents(1))
	begun := t.begin(driver.ArchiveCriteria{})
	for _, level := range []driver.Isolation{driver.RepeatableRead, driver.Serializable} {
		t.ok(t.store.InTx(t.ctx, func(tx driver.Store) error {
			_, err := tx.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, fileOf(saved))
			t.wantErr(err, driver.ErrState, "Archives.Complete")
			return nil
		}, driver.WithIsolation(level)))
	}
	t.completeArchive(begun)
}

func completeOtherCount(t *test) {
	saved := t.saveProcessed(newEvents(3))
	begun := t.begin(driver.ArchiveCriteria{MaxEvents: 2})
	for _, file := range []driver.ArchiveFile{fileOf(saved), fileOf(saved[:1])} {
		_, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, file)
		t.wantErrOn(err, driver.ErrConflict, "Archives.Complete", "archive", begun.ID.String())
	}
	t.wantBack(saved...)
	sameEntity(t, "archive", t.archiveNow(begun.ID), begun)
	t.completeArchive(begun)
}

func completeBadFile(t *test) {
	saved := t.saveProcessed(newEvents(1))
	begun := t.begin(driver.ArchiveCriteria{})
	for field, spoil := range map[string]func(f *driver.ArchiveFile){
		"object_name":      func(f *driver.ArchiveFile) { f.ObjectName = "" },
		"storage_location": func(f *driver.ArchiveFile) { f.StorageLocation = "a\x00" },
		"event_count":      func(f *driver.ArchiveFile) { f.EventCount = 0 },
		"size_bytes":       func(f *driver.ArchiveFile) { f.SizeBytes = -1 },
		"checksum":         func(f *driver.ArchiveFile) { f.Checksum = f.Checksum[1:] + "G" },
		"events_to":        func(f *driver.ArchiveFile) { f.EventsTo = f.EventsFrom.Add(-1) },
		"events_from":      func(f *driver.ArchiveFile) { f.EventsFrom = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		file := fileOf(saved)
		spoil(&file)
		_, err := t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, file)
		t.wantInvalid(err, "Archives.Complete", field)
	}
	sameEntity(t, "archive", t.archiveNow(begun.ID), begun)
}

func completeUnderToken(t *test) {
	saved := t.saveProcessed(newEvents(2))
	begun := t.begin(driver.ArchiveCriteria{MaxEvents: 1})
	archives := t.store.Archives()
	refused := func(id, token uuid.UUID) {
		t.Helper()
		_, err := archives.Complete(t.ctx, id, token, fileOf(saved[:1]))
		t.wantErrOn(err, driver.ErrLeaseLost, "Archives.Complete", "archive", id.String())
		_, err = archives.Fail(t.ctx, id, token, "")
		t.wantErrOn(err, driver.ErrLeaseLost, "Archives.Fail", "archive", id.String())
		t.wantErrOn(archives.Extend(t.ctx, id, token, 0), driver.ErrLeaseLost, "Archives.Extend", "archive", id.String())
	}
	refused(begun.ID, newID())
	refused(newID(), *begun.LeaseToken)
	sameEntity(t, "archive", t.archiveNow(begun.ID), begun)
	t.completeArchive(begun)
	refused(begun.ID, *begun.LeaseToken)
	t.wantBack(saved[1])
}

func archiveFails(t *test) {
	saved := t.saveProcessed(newEvents(2))
	begun := t.begin(driver.ArchiveCriteria{})
	failed, err := t.store.Archives().Fail(t.ctx, begun.ID, *begun.LeaseToken, "no\x00space")
	t.ok(err)
	want := begun
	want.Status, want.ErrorMessage, want.LeaseToken, want.LeaseUntil = driver.ArchiveFailed, "no\uFFFDspace", nil, nil
	want.UpdatedAt, want.Revision = failed.UpdatedAt, failed.Revision
	sameEntity(t, "archive that failed", failed, want)
	equal(t, "events reserved", len(t.reserved(begun)), 0)
	t.wantBack(saved...)
	t.wantChosen("afterwards", driver.ArchiveCriteria{}, saved...)
}

func archiveExtends(t *test) {
	t.saveProcessed(newEvents(1))
	begun := t.begin(driver.ArchiveCriteria{})
	before := t.clock()
	t.ok(t.store.Archives().Extend(t.ctx, begun.ID, *begun.LeaseToken, 2*time.Hour))
	extended := t.archiveNow(begun.ID)
	t.wantBetween("LeaseUntil", extended.LeaseUntil, before.Add(2*time.Hour), t.clock().Add(2*time.Hour))
	begun.LeaseUntil = extended.LeaseUntil
	sameEntity(t, "archive", extended, begun)
	t.wantInvalid(t.store.Archives().Extend(t.ctx, begun.ID, *begun.LeaseToken, -1), "Archives.Extend", "lease")
}

func archiveRecovers(t *test) {
	saved := t.saveProcessed(newEvents(3))
	dead := t.begin(driver.ArchiveCriteria{MaxEvents: 2})
	alive := t.begin(driver.ArchiveCriteria{})
	equal(t, "recovered while all live", len(must(t, t.store.Archives().Recover, 0)), 0)
	t.ok(t.store.Archives().Extend(t.ctx, dead.ID, *dead.LeaseToken, time.Millisecond))
	var recovered []driver.Archive
	t.until(func() bool {
		recovered = must(t, t.store.Archives().Recover, 0)
		return len(recovered) > 0
	})
	equal(t, "recovered", len(recovered), 1)
	equal(t, "archive", recovered[0].ID, dead.ID)
	equal(t, "status", recovered[0].Status, driver.ArchiveFailed)
	sameEntity(t, "archive stored", t.archiveNow(dead.ID), recovered[0])
	_, err := t.store.Archives().Complete(t.ctx, dead.ID, *dead.LeaseToken, fileOf(saved[:2]))
	t.wantErr(err, driver.ErrLeaseLost, "Archives.Complete")
	t.wantChosen("afterwards", driver.ArchiveCriteria{}, saved[:2]...)
	t.completeArchive(alive)
}

func archiveRecoversSome(t *test) {
	t.saveProcessed(newEvents(3))
	var begun []uuid.UUID
	for range 3 {
		archive := t.begin(driver.ArchiveCriteria{MaxEvents: 1})
		t.ok(t.store.Archives().Extend(t.ctx, archive.ID, *archive.LeaseToken, time.Millisecond))
		begun = append(begun, archive.ID)
	}
	t.untilPast(t.clock().Add(2 * time.Millisecond))
	var recovered []uuid.UUID
	for _, want := range []int{2, 1, 0} {
		some := must(t, t.store.Archives().Recover, 2)
		equal(t, "recovered", len(some), want)
		for _, archive := range some {
			recovered = append(recovered, archive.ID)
		}
	}
	equalList(t, "recovered", recovered, begun)
	for _, limit := range []int{-1, driver.MaxLimit + 1} {
		_, err := t.store.Archives().Recover(t.ctx, limit)
		t.wantInvalid(err, "Archives.Recover", "limit")
	}
}
