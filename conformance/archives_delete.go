package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveDelete = area{name: "Archives/Delete", behaviours: []behaviour{
	{"TellsWhetherThereWasOne", archiveDeleteTells},
	{"TakesThosePendingFailedOrDeleted", archiveDeleteTakes},
	{"RefusesThoseThatHaveEvents", archiveDeleteRefuses},
	{"LeavesTheEventsOfAFailedOne", archiveDeleteFailed},
	{"KeepsTheIDsAndVersionsOfADeletedOneTaken", archiveDeleteKeepsTaken},
	{"OrBeginWins", archiveDeleteRace},
}}

func archiveDeleteTells(t *test) {
	doomed, kept := t.plan(), t.plan()
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "deleted an unknown one", must(t, t.store.Archives().Delete, id), false)
	}
	equal(t, "deleted", must(t, t.store.Archives().Delete, doomed.ID), true)
	equal(t, "deleted again", must(t, t.store.Archives().Delete, doomed.ID), false)
	equal(t, "exists", must(t, t.store.Archives().Exists, doomed.ID), false)
	t.wantArchives(t.store, []driver.Archive{kept})
}

func archiveDeleteTakes(t *test) {
	saved := t.archivesInStates()
	for _, status := range []driver.ArchiveStatus{driver.ArchivePending, driver.ArchiveFailed, driver.ArchiveDeleted} {
		equal(t, "deleted one that is "+string(status), must(t, t.store.Archives().Delete, saved[status].ID), true)
	}
	t.wantArchives(t.store, []driver.Archive{saved[driver.ArchiveInProgress], saved[driver.ArchiveCompleted], saved[driver.ArchiveRestored]})
}

func archiveDeleteRefuses(t *test) {
	saved := t.archivesInStates()
	before := t.archivesOf(t.store)
	for _, status := range []driver.ArchiveStatus{driver.ArchiveInProgress, driver.ArchiveCompleted, driver.ArchiveRestored} {
		deleted, err := t.store.Archives().Delete(t.ctx, saved[status].ID)
		t.wantErrOn(err, driver.ErrState, "Archives.Delete", "archive", saved[status].ID.String())
		equal(t, "deleted one that is "+string(status), deleted, false)
	}
	t.wantArchives(t.store, before)
}

func archiveDeleteFailed(t *test) {
	events := t.saveProcessed(newEvents(3))
	begun := t.begin(driver.ArchiveCriteria{})
	_, err := t.store.Archives().Fail(t.ctx, begun.ID, *begun.LeaseToken, "out of space")
	t.ok(err)
	equal(t, "deleted", must(t, t.store.Archives().Delete, begun.ID), true)
	for _, event := range events {
		t.sameEvent("event of the archive", t.get(event.ID), event)
	}
	equal(t, "Status", t.archiveStored(events).Status, driver.ArchiveCompleted) // nobody has reserved them
}

// archiveDeleteKeepsTaken deletes the record of an archive whose file is gone: nothing else tells any more
// that there were these events.
func archiveDeleteKeepsTaken(t *test) {
	aggregate, events := history(2)
	archive, events := t.archive(events)
	must(t, t.store.Archives().Purge, archive.ID)
	equal(t, "deleted", must(t, t.store.Archives().Delete, archive.ID), true)
	again := moreHistory(aggregate, 2)
	again[0].ID = events[0].ID
	_, err := t.events.Save(t.ctx, again[0])
	t.wantTaken(err, "Events.Save", events[0].ID)
	equal(t, "AggregateVersion of the next event", t.save(again[1]).AggregateVersion, 3)
}

// archiveDeleteRace deletes an archive while somebody begins it: one of them finds that it can't.
func archiveDeleteRace(t *test) {
	for range scale(10, 3) {
		archive := t.plan()
		t.saveProcessed(newEvents(1))
		var deleted, begun bool
		t.together(2, func(i int) error {
			if i == 0 {
				var err error
				deleted, err = t.store.Archives().Delete(t.ctx, archive.ID)
				if err != nil {
					return asError(faultOf(err, driver.ErrState, "Archives.Delete"))
				}
				return nil
			}
			_, err := t.store.Archives().Begin(t.ctx, archive.ID, driver.ArchiveCriteria{}, 0)
			begun = err == nil
			if err != nil {
				return asError(faultOf(err, driver.ErrNotFound, "Archives.Begin"))
			}
			return nil
		})
		if deleted == begun {
			t.Fatalf("deleted: %t, begun: %t; want one or the other", deleted, begun)
		}
	}
}
