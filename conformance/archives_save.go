package conformance

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveSave = area{name: "Archives/Save", behaviours: []behaviour{
	{"KeepsEveryField", archiveSaveKeeps},
	{"FillsInTheDefaults", archiveSaveDefaults},
	{"KeepsTheLongestValues", archiveSaveLongest},
	{"StartsPendingWithoutEvents", archiveSaveStarts},
	{"MakesAnIDAndKeepsAGivenOne", archiveSaveIDs},
	{"TakesItsTimesFromTheDatabase", archiveSaveTimes},
	{"TakesANameTwice", archiveSaveSameName},
	{"RefusesATakenIDAndChangesNothing", archiveSaveTakenID},
	{"RefusesWhatBreaksARuleBeforeAnythingIsSent", archiveSaveRefuses},
	{"OfOneIDAtOnceSucceedsOnce", archiveSaveRace},
}}

// keepsArchive saves an archive, which must come back as given, with what only the backend knows.
func (t *test) keepsArchive(given driver.Archive) driver.Archive {
	t.Helper()
	saved := must(t, t.store.Archives().Save, given)
	sameEntity(t, "archive saved", saved, asSaved(given, saved))
	sameEntity(t, "archive read back", t.archiveNow(saved.ID), saved)
	return saved
}

func archiveSaveKeeps(t *test) {
	given := fullArchive()
	equal(t, "ID", t.keepsArchive(given).ID, given.ID)
	t.keepsArchive(newArchive())
	for _, policy := range []driver.ArchivePolicy{driver.PolicyAge, driver.PolicySize, driver.PolicyHybrid, driver.PolicyCustom} {
		for _, storage := range []driver.ArchiveStorageType{driver.StoragePartition, driver.StorageCompressed, driver.StorageCold, driver.StorageWarehouse} {
			t.keepsArchive(driver.Archive{Name: "a", Policy: policy, StorageType: storage})
		}
	}
}

func archiveSaveDefaults(t *test) {
	saved := must(t, t.store.Archives().Save, driver.Archive{Name: "a"})
	want := driver.Archive{Name: "a", Policy: driver.PolicyCustom, StorageType: driver.StorageCold}
	sameEntity(t, "archive saved", saved, asSaved(want, saved))
}

func archiveSaveLongest(t *test) {
	given := fullArchive()
	given.Name = strings.Repeat("ä", driver.MaxName/2)
	given.Description = strings.Repeat("x", driver.MaxDescription)
	given.StorageLocation = strings.Repeat("y", driver.MaxURL)
	given.ObjectName = strings.Repeat("z", driver.MaxObjectName)
	given.RetentionDays = driver.MaxArchiveDays
	given.Tags = map[string]string{}
	for i := range driver.MaxTags {
		given.Tags[strings.Repeat(string(rune('A'+i)), driver.MaxName)] = strings.Repeat("v", driver.MaxName)
	}
	t.keepsArchive(given)
}

func archiveSaveStarts(t *test) {
	given := fullArchive()
	given.Status, given.EventCount, given.RestoredCount, given.FirstPosition, given.LastPosition = driver.ArchiveCompleted, 7, 3, 1, 9
	given.EventsFrom, given.EventsTo, given.EventTypes, given.ContextIDs = &longAgo, &longAgo, []string{"a"}, []uuid.UUID{newID()}
	given.RawBytes, given.SizeBytes, given.Checksum, given.KeyID, given.ErrorMessage = 1, 2, "c", "k", "e"
	given.LeaseToken, given.LeaseUntil = ptr(newID()), &longAgo
	given.ArchivedAt, given.RestoredAt, given.DeletedAt = &longAgo, &longAgo, &longAgo
	given.CreatedAt, given.UpdatedAt, given.Revision = time.Unix(1, 0), time.Unix(1, 0), 9
	saved := must(t, t.store.Archives().Save, given)
	want := driver.Archive{
		Name: given.Name, Description: given.Description, Policy: given.Policy, StorageType: given.StorageType,
		StorageLocation: given.StorageLocation, ObjectName: given.ObjectName, RuleID: given.RuleID, JobID: given.JobID,
		RetentionDays: given.RetentionDays, AutoDeleteAfterDays: given.AutoDeleteAfterDays, CreatedByUserID: given.CreatedByUserID, Tags: given.Tags,
	}
	sameEntity(t, "archive saved", saved, asSaved(want, saved))
	sameEntity(t, "archive read back", t.archiveNow(saved.ID), saved)
	if saved.CreatedAt.Year() < 2000 || saved.UpdatedAt.Year() < 2000 {
		t.Errorf("created at %s, updated at %s: want the database's now", saved.CreatedAt, saved.UpdatedAt)
	}
}

func archiveSaveIDs(t *test) {
	equal(t, "version of an ID that was made", t.plan().ID.Version(), 7)
	for _, id := range []uuid.UUID{newID(), uuid.Max} {
		equal(t, "ID", t.plan(func(a *driver.Archive) { a.ID = id }).ID, id)
	}
}

func archiveSaveTimes(t *test) {
	before := t.now()
	saved := t.plan()
	t.wantBetween("CreatedAt", &saved.CreatedAt, before, t.now())
	equal(t, "UpdatedAt", saved.UpdatedAt, saved.CreatedAt)
}

func archiveSaveSameName(t *test) {
	first, second := t.keepsArchive(newArchive()), t.keepsArchive(newArchive())
	equal(t, "they are one", first.ID == second.ID, false)
}

func archiveSaveTakenID(t *test) {
	stored := t.plan()
	other := fullArchive()
	other.ID = stored.ID
	for _, given := range []driver.Archive{stored, other} {
		got, err := t.store.Archives().Save(t.ctx, given)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Archives.Save", "archive", stored.ID.String())
		sameEntity(t, "archive beside the error", got, driver.Archive{})
	}
	t.wantArchives(t.store, []driver.Archive{stored})
}

// spoiledArchives are what Save and Update refuse. Values have the canary, which errors must not
// tell.
func spoiledArchives() []spoiled[driver.Archive] {
	list := []spoiled[driver.Archive]{
		{"name", func(a *driver.Archive) { a.Name = "" }},
		{"name", func(a *driver.Archive) { a.Name = " \t" }},
		{"description", func(a *driver.Archive) { a.Description = canary + strings.Repeat("x", driver.MaxDescription) }},
		{"policy", func(a *driver.Archive) { a.Policy = canary }},
		{"storage_type", func(a *driver.Archive) { a.StorageType = canary }},
		{"storage_location", func(a *driver.Archive) { a.StorageLocation = canary + strings.Repeat("x", driver.MaxURL) }},
		{"object_name", func(a *driver.Archive) { a.ObjectName = canary + strings.Repeat("x", driver.MaxObjectName) }},
		{"rule_id", func(a *driver.Archive) { a.RuleID = &uuid.Nil }},
		{"job_id", func(a *driver.Archive) { a.JobID = &uuid.Nil }},
		{"retention_days", func(a *driver.Archive) { a.RetentionDays = -1 }},
		{"retention_days", func(a *driver.Archive) { a.RetentionDays = driver.MaxArchiveDays + 1 }},
		{"auto_delete_after_days", func(a *driver.Archive) { a.AutoDeleteAfterDays = -1 }},
		{"auto_delete_after_days", func(a *driver.Archive) { a.AutoDeleteAfterDays = driver.MaxArchiveDays + 1 }},
		{"auto_delete_after_days", func(a *driver.Archive) { a.RetentionDays, a.AutoDeleteAfterDays = 30, 29 }},
		{"created_by_user_id", func(a *driver.Archive) { a.CreatedByUserID = &uuid.Nil }},
		{"tags", func(a *driver.Archive) { a.Tags = map[string]string{"": canary} }},
		{"tags", func(a *driver.Archive) { a.Tags = map[string]string{canary + "\xff": "a"} }},
		{`tags["a"]`, func(a *driver.Archive) {
			a.Tags = map[string]string{"a": canary + strings.Repeat("x", driver.MaxName)}
		}},
	}
	for _, text := range []string{canary + "\x00", canary + "\xff"} {
		list = append(list,
			spoiled[driver.Archive]{"name", func(a *driver.Archive) { a.Name = text }},
			spoiled[driver.Archive]{"description", func(a *driver.Archive) { a.Description = text }},
			spoiled[driver.Archive]{"storage_location", func(a *driver.Archive) { a.StorageLocation = text }},
			spoiled[driver.Archive]{"object_name", func(a *driver.Archive) { a.ObjectName = text }},
			spoiled[driver.Archive]{`tags["a"]`, func(a *driver.Archive) { a.Tags = map[string]string{"a": text} }})
	}
	return list
}

func archiveSaveRefuses(t *test) {
	for _, spoil := range spoiledArchives() {
		_, err := t.store.Archives().Save(t.endedContext(), changed(newArchive(), spoil.change))
		t.wantInvalid(err, "Archives.Save", spoil.field)
	}
	t.wantArchives(t.store, nil)
}

func archiveSaveRace(t *test) {
	const savers = 6
	given := fullArchive()
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		_, err := t.store.Archives().Save(t.ctx, given)
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "Archives.Save"))
	})
	equal(t, "savers that succeeded", count(won), 1)
}
