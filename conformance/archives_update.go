package conformance

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveUpdate = area{name: "Archives/Update", behaviours: []behaviour{
	{"ReplacesWhatCanChange", archiveUpdateReplaces},
	{"ClearsOptionalFields", archiveUpdateClears},
	{"KeepsWhatIsFixed", archiveUpdateKeeps},
	{"LeavesTheWorkAlone", archiveUpdateStates},
	{"RaisesTheRevisionAndUpdatedAt", archiveUpdateRaises},
	{"OfAStaleRevisionIsAConflict", archiveUpdateStale},
	{"OfAnUnknownOneIsNotFound", archiveUpdateUnknown},
	{"RefusesWhatBreaksARuleBeforeAnythingIsSent", archiveUpdateRefuses},
	{"OfTheSameRevisionAtOnceSucceedsOnce", archiveUpdateRace},
}}

// wantArchiveUpdate updates an archive to what is given and checks what becomes of it: what Update
// replaces, and nothing else.
func (t *test) wantArchiveUpdate(stored, given driver.Archive) driver.Archive {
	t.Helper()
	given.ID, given.Revision = stored.ID, stored.Revision
	got := must(t, t.store.Archives().Update, given)
	want := stored
	want.Name, want.Description, want.Tags = given.Name, given.Description, given.Tags
	want.RetentionDays, want.AutoDeleteAfterDays, want.CreatedByUserID = given.RetentionDays, given.AutoDeleteAfterDays, given.CreatedByUserID
	want.Revision, want.UpdatedAt = stored.Revision+1, got.UpdatedAt
	sameEntity(t, "archive updated", got, want)
	sameEntity(t, "archive read back", t.archiveNow(stored.ID), got)
	return got
}

func archiveUpdateReplaces(t *test) {
	stored := t.wantArchiveUpdate(t.plan(), fullArchive())
	equal(t, "Name", stored.Name, fullArchive().Name)
	t.wantArchiveUpdate(stored, newArchive())
}

func archiveUpdateClears(t *test) {
	stored := must(t, t.store.Archives().Save, fullArchive())
	got := t.wantArchiveUpdate(stored, driver.Archive{Name: "a"})
	if got.Description != "" || got.RetentionDays != 0 || got.AutoDeleteAfterDays != 0 || got.CreatedByUserID != nil || got.Tags != nil {
		t.Errorf("got %+v, want what was left out to be empty", got)
	}
}

func archiveUpdateKeeps(t *test) {
	stored, given := t.plan(), fullArchive()
	given.Status, given.EventCount, given.EventTypes, given.Checksum = driver.ArchiveCompleted, 7, []string{"a"}, "c"
	given.ErrorMessage, given.LeaseToken, given.ArchivedAt, given.CreatedAt = "e", ptr(newID()), &longAgo, longAgo
	t.wantArchiveUpdate(stored, given)
}

func archiveUpdateStates(t *test) {
	for _, stored := range t.archivesInStates() {
		t.wantArchiveUpdate(stored, fullArchive())
	}
}

func archiveUpdateRaises(t *test) {
	stored := t.plan()
	for revision := range int64(3) {
		given := stored
		given.CreatedAt, given.UpdatedAt = time.Unix(1, 0), time.Unix(1, 0)
		before := t.now()
		got := t.wantArchiveUpdate(stored, given)
		equal(t, "Revision", got.Revision, revision+2)
		t.wantBetween("UpdatedAt", &got.UpdatedAt, before, t.now())
		stored = got
	}
}

func archiveUpdateStale(t *test) {
	first := t.plan()
	latest := must(t, t.store.Archives().Update, first)
	for _, revision := range []int64{first.Revision, latest.Revision + 1, 0, -1} {
		_, err := t.store.Archives().Update(t.ctx, changed(latest, func(a *driver.Archive) { a.Revision, a.Name = revision, "changed" }))
		t.wantErrOn(err, driver.ErrConflict, "Archives.Update", "archive", first.ID.String())
	}
	t.wantArchives(t.store, []driver.Archive{latest})

	t.saveProcessed(newEvents(1))
	begun := t.begin(driver.ArchiveCriteria{}) // the work changes it, too
	_, err := t.store.Archives().Update(t.ctx, changed(begun, func(a *driver.Archive) { a.Revision = 1 }))
	t.wantErr(err, driver.ErrConflict, "Archives.Update")
}

func archiveUpdateUnknown(t *test) {
	stored := t.plan()
	for _, id := range []uuid.UUID{newID(), uuid.Max} {
		given := newArchive()
		given.ID, given.Revision = id, 1
		got, err := t.store.Archives().Update(t.ctx, given)
		t.wantErrOn(err, driver.ErrNotFound, "Archives.Update", "archive", id.String())
		sameEntity(t, "archive beside the error", got, driver.Archive{})
	}
	t.wantArchives(t.store, []driver.Archive{stored})
}

func archiveUpdateRefuses(t *test) {
	stored := t.plan()
	for _, spoil := range spoiledArchives() {
		_, err := t.store.Archives().Update(t.endedContext(), changed(stored, spoil.change))
		t.wantInvalid(err, "Archives.Update", spoil.field)
	}
	t.wantArchives(t.store, []driver.Archive{stored})
}

func archiveUpdateRace(t *test) {
	const updaters = 6
	stored := t.plan()
	won := make([]bool, updaters)
	t.together(updaters, func(i int) error {
		_, err := t.store.Archives().Update(t.ctx, changed(stored, func(a *driver.Archive) { a.Name = fmt.Sprint(i) }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrConflict, "Archives.Update"))
	})
	equal(t, "updaters that succeeded", count(won), 1)
}
