package conformance

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archivePartitionsInUse = area{name: "Archives/PartitionsInUse", alone: true, fresh: true, behaviours: []behaviour{
	{"StayWhileAnEventWaits", partitionsWaiting},
	{"StayWhileOneIsADeadLetter", partitionsDead},
	{"StayWhileADeliveryIsOpen", partitionsDelivering},
	{"StayWhileAnArchiveHasReservedSome", partitionsReserved},
	{"StayUntilEveryConsumerHasReadThem", partitionsConsumers},
	{"StayUntilTheyAreOldEnough", partitionsYoung},
	{"StayWhileAPositionMayStillBeFilled", partitionsUnsettled},
	{"GoWithoutWhatAFileHas", partitionsFiles},
	{"GiveWayToWhoReads", partitionsPatience},
	{"GoWhileOthersSaveAndClaim", partitionsBusy},
	{"GoToOneArchiveOnly", partitionsRace},
	{"AreCreatedForAnyBatch", partitionsBatch},
	{"AreCreatedForTheOnlyConnection", partitionsOneConnection},
}}

// archivedIn is the archive that an error names.
func archivedIn(err error) uuid.UUID {
	var archived *driver.ArchivedError
	if errors.As(err, &archived) {
		return archived.ArchiveID
	}
	return uuid.Nil
}

func partitionsWaiting(t *test) {
	t.needsPartitions()
	waiting := t.save(newEvent())
	parts := t.fillPartitions(2)
	t.wantDetached(t.detach(driver.ArchiveCriteria{}), parts[1]) // the next one need not wait for it
	claim := t.takeOne()
	t.wantNoneDetached(driver.ArchiveCriteria{})
	t.giveBack(claim, time.Hour)
	t.wantNoneDetached(driver.ArchiveCriteria{})
	t.mark(waiting.ID)
	t.wantDetached(t.detach(driver.ArchiveCriteria{}), append([]driver.Event{waiting}, parts[0]...))
}

func partitionsDead(t *test) {
	t.needsPartitions()
	t.save(newEvent())
	t.fillPartitions(1)
	t.ok(t.events.DeadLetter(t.ctx, t.takeOne(), canary))
	t.wantNoneDetached(driver.ArchiveCriteria{})
	must(t, t.store.DeadLetters().Purge, driver.DeadLetterFilter{})
	equal(t, "status", t.detach(driver.ArchiveCriteria{}).Status, driver.ArchiveCompleted)
}

func partitionsDelivering(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	endpoint := t.saveEndpoint()
	delivery := must(t, t.store.Deliveries().Save, driver.NewDelivery(endpoint.ID, parts[0][3].ID))
	t.wantNoneDetached(driver.ArchiveCriteria{})
	t.record(delivery.ID, newAttempt(driver.AttemptSuccess))
	t.wantDetached(t.detach(driver.ArchiveCriteria{}), parts[0])
	_, err := t.store.Deliveries().Save(t.ctx, driver.NewDelivery(t.saveEndpoint().ID, parts[0][3].ID))
	t.wantErr(err, driver.ErrMissingReference, "Deliveries.Save")
}

func partitionsReserved(t *test) {
	t.needsPartitions()
	t.fillPartitions(1)
	files := must(t, t.store.Archives().Save, driver.Archive{Name: "files"})
	begun, err := t.store.Archives().Begin(t.ctx, files.ID, driver.ArchiveCriteria{MaxEvents: 1}, 0)
	t.ok(err)
	t.wantNoneDetached(driver.ArchiveCriteria{})
	_, err = t.store.Archives().Fail(t.ctx, begun.ID, *begun.LeaseToken, canary)
	t.ok(err)
	equal(t, "status", t.detach(driver.ArchiveCriteria{}).Status, driver.ArchiveCompleted)
}

func partitionsConsumers(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	last := parts[0][len(parts[0])-1].Position
	t.ok(t.store.Consumers().Reset(t.ctx, "reader", last-1))
	t.wantNoneDetached(driver.ArchiveCriteria{})
	t.ok(t.store.Consumers().Commit(t.ctx, "reader", last))
	t.wantDetached(t.detach(driver.ArchiveCriteria{}), parts[0])
	t.wantNoneDetached(driver.ArchiveCriteria{})
	t.wantDetached(t.detach(driver.ArchiveCriteria{PastConsumers: true}), parts[1])
	page := must2(t, t.store.Consumers().Read, "reader", 0)
	equal(t, "first position that is read afterwards", page[0].Position, parts[2][0].Position)
}

func partitionsYoung(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	var newest time.Time
	for _, event := range parts[0] {
		if event.OccurredAt.After(newest) {
			newest = event.OccurredAt
		}
	}
	t.wantNoneDetached(driver.ArchiveCriteria{OccurredBefore: newest})
	t.wantNoneDetached(driver.ArchiveCriteria{AfterPosition: 1})
	t.wantDetached(t.detach(driver.ArchiveCriteria{OccurredBefore: newest.Add(time.Microsecond)}), parts[0])
}

func partitionsUnsettled(t *test) {
	t.needsPartitions()
	t.needsConcurrent()
	late := withIDs(newEvents(1))[0]
	late.ProcessedAt = ptr(time.Now())
	end := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Events().SaveBatch(t.ctx, []driver.Event{late})
		return err
	})
	t.fillPartitions(1)
	t.wantNoneDetached(driver.ArchiveCriteria{})
	end(nil)
	archive := t.detach(driver.ArchiveCriteria{})
	equal(t, "status", archive.Status, driver.ArchiveCompleted)
	_, err := t.events.GetByID(t.ctx, late.ID)
	equal(t, "archive of the event that came late", archivedIn(err), archive.ID)
}

// partitionsFiles archives some events to a file first.
func partitionsFiles(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(1)
	files := must(t, t.store.Archives().Save, driver.Archive{Name: "files"})
	begun, err := t.store.Archives().Begin(t.ctx, files.ID, driver.ArchiveCriteria{MaxEvents: 10}, 0)
	t.ok(err)
	gone := t.eventsOf(begun)
	t.sameEvents("events of the file", gone, parts[0][:10])
	_, err = t.store.Archives().Complete(t.ctx, begun.ID, *begun.LeaseToken, driver.ArchiveFile{
		ObjectName: "file", EventCount: 10, RawBytes: 1, SizeBytes: 1, Checksum: strings.Repeat("a", 64), EventsFrom: gone[0].OccurredAt, EventsTo: gone[9].OccurredAt,
	})
	t.ok(err)
	archive := t.detach(driver.ArchiveCriteria{})
	t.wantDetached(archive, parts[0][10:])
	for event, want := range map[uuid.UUID]uuid.UUID{gone[9].ID: files.ID, parts[0][10].ID: archive.ID} {
		_, err := t.events.GetByID(t.ctx, event)
		equal(t, "archive that GetByID names", archivedIn(err), want)
	}
	back := func(yield func(driver.Event, error) bool) {
		for _, event := range gone {
			if !yield(event, nil) {
				return
			}
		}
	}
	_, err = t.store.Archives().Restore(t.ctx, files.ID, back)
	t.wantErr(err, driver.ErrState, "Archives.Restore") // its place is in the archive
	must(t, t.store.Archives().Attach, archive.ID)
	_, err = t.store.Archives().Restore(t.ctx, files.ID, back)
	t.ok(err)
	for _, event := range parts[0] {
		t.sameEvent("restored event", t.get(event.ID), event)
	}
}

// partitionsPatience has a reader whose transaction stays open: Detach waits for it, and nobody for Detach.
func partitionsPatience(t *test) {
	t.needsPartitions()
	t.needsConcurrent()
	parts := t.fillPartitions(1)
	end := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Events().GetByID(t.ctx, parts[0][0].ID)
		return err
	})
	archive := t.partitionArchive()
	detached := make(chan error, 1)
	go func() {
		completed, err := t.store.Archives().Detach(t.ctx, archive.ID, driver.ArchiveCriteria{})
		if err == nil && completed.EventCount != int64(len(parts[0])) {
			err = fmt.Errorf("%d events were detached, want %d", completed.EventCount, len(parts[0]))
		}
		detached <- err
	}()
	for range 50 {
		t.save(newEvent())
	}
	select {
	case err := <-detached:
		t.Fatalf("detached before the reader's end: %v", err)
	default:
	}
	end(nil)
	t.ok(<-detached)
	t.wantStored(false, idsOf(parts[0])...)
}

func partitionsBusy(t *test) {
	t.needsPartitions()
	t.needsConcurrent()
	total := scale(8, 4) * int(t.h.Partitions)
	var saved, done atomic.Int64
	const workers = 4
	t.together(workers+1, func(i int) error {
		switch {
		case i == workers: // archives what it can, until all is processed
			for done.Load() < int64(total) {
				archive, err := t.store.Archives().Save(t.ctx, driver.Archive{Name: "old events", StorageType: driver.StoragePartition})
				if err == nil {
					_, err = t.store.Archives().Detach(t.ctx, archive.ID, driver.ArchiveCriteria{})
				}
				if err != nil {
					return err
				}
			}
		case i%2 == 0:
			for saved.Add(10) <= int64(total) {
				if _, err := t.events.SaveBatch(t.ctx, newEvents(9)); err != nil {
					return err
				}
				if _, err := t.events.Save(t.ctx, newEvent()); err != nil {
					return err
				}
			}
		default:
			for done.Load() < int64(total) {
				claims, err := t.events.Claim(t.ctx, driver.ClaimOptions{Limit: 20})
				if err == nil {
					err = t.events.Ack(t.ctx, claims)
				}
				if err != nil {
					return err
				}
				done.Add(int64(len(claims)))
			}
		}
		return nil
	})
	for {
		if t.detach(driver.ArchiveCriteria{}).EventCount == 0 {
			break
		}
	}
	archives := must2(t, t.store.Archives().GetByStatus, driver.ArchiveCompleted, driver.MaxLimit)
	if len(archives) < total/int(t.h.Partitions)-1 {
		t.Errorf("%d partitions were detached, want all but the last of %d", len(archives), total/int(t.h.Partitions))
	}
	found := map[uuid.UUID]bool{}
	for _, archive := range archives {
		for _, event := range t.eventsOf(archive) {
			found[event.ID] = true
		}
	}
	kept, err := t.store.Archives().Measure(t.ctx)
	t.ok(err)
	equal(t, "events in archives and in the store", int64(len(found))+kept.Events, int64(total))
}

func partitionsRace(t *test) {
	t.needsPartitions()
	parts := t.fillPartitions(2)
	const callers = 4
	archives := make([]driver.Archive, callers)
	for i := range archives {
		archives[i] = t.partitionArchive()
	}
	t.together(callers, func(i int) (err error) {
		archives[i], err = t.store.Archives().Detach(t.ctx, archives[i].ID, driver.ArchiveCriteria{})
		return err
	})
	for { // one that others were in the way of may have left it
		if t.detach(driver.ArchiveCriteria{}).EventCount == 0 {
			break
		}
	}
	completed := must2(t, t.store.Archives().GetByPosition, 1, 0)
	equal(t, "completed archives", len(completed), 2)
	for i, archive := range completed {
		t.wantDetached(archive, parts[i])
	}
}

func partitionsBatch(t *test) {
	t.needsPartitions()
	saved := t.saveAll(newEvents(5*int(t.h.Partitions) + 1))
	t.sameEvents("events of many partitions", must(t, t.events.GetUnprocessed, driver.MaxLimit), saved[:min(len(saved), driver.MaxLimit)])
	t.save(newEvent())
}

func partitionsOneConnection(t *test) {
	t.needsPartitions()
	t = t.alone(driver.WithMaxConns(1))
	t.inTx(func(tx driver.Store) {
		for range 3 {
			_, err := tx.Events().SaveBatch(t.ctx, newEvents(int(t.h.Partitions)))
			t.ok(err)
		}
		for range t.h.Partitions {
			t.saveTo(tx, newEvent())
		}
	})
	saved, err := t.events.CountUnprocessed(t.ctx)
	t.ok(err)
	equal(t, "events saved", saved, 4*t.h.Partitions)
}
