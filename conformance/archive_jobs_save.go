package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveJobSave = area{name: "ArchiveJobs/Save", behaviours: []behaviour{
	{"KeepsWhatItTakes", jobSaveKeeps},
	{"ClearsWhatIsNotTheCallers", jobSaveClears},
	{"MakesAnIDAndKeepsAGivenOne", jobSaveIDs},
	{"TakesItsTimesFromTheDatabase", jobSaveTimes},
	{"RefusesATakenIDAndChangesNothing", jobSaveTakenID},
	{"RefusesARuleThatIsMissing", jobSaveMissing},
	{"RefusesWhatBreaksARule", jobSaveRefuses},
}}

// keepsJob saves a job, which must come back as given, with what only the backend knows.
func (t *test) keepsJob(given driver.ArchiveJob) driver.ArchiveJob {
	t.Helper()
	saved := must(t, t.store.ArchiveJobs().Save, given)
	want := driver.ArchiveJob{
		ID: saved.ID, RuleID: given.RuleID, Status: driver.JobPending, MaxRetries: given.MaxRetries,
		CreatedAt: saved.CreatedAt, UpdatedAt: saved.UpdatedAt, Revision: 1,
	}
	sameEntity(t, "job saved", saved, want)
	sameEntity(t, "job read back", t.job(saved.ID), saved)
	return saved
}

func jobSaveKeeps(t *test) {
	rule := t.saveRule()
	t.keepsJob(driver.ArchiveJob{})
	t.keepsJob(driver.ArchiveJob{RuleID: &rule.ID, Status: driver.JobPending, MaxRetries: driver.MaxJobRetries})
	given := driver.ArchiveJob{ID: newID(), RuleID: &rule.ID, MaxRetries: 1}
	equal(t, "ID", t.keepsJob(given).ID, given.ID)
}

func jobSaveClears(t *test) {
	at := time.Unix(1, 0)
	saved := t.keepsJob(driver.ArchiveJob{
		Status: driver.JobFailed, Archives: 1, EventsArchived: 2, RawBytes: 3, SizeBytes: 4, EventsSkipped: 5, ErrorMessage: canary,
		RetryCount: 6, MaxRetries: 7, StartedAt: &at, CompletedAt: &at, CreatedAt: at, UpdatedAt: at, Revision: 8,
	})
	if saved.CreatedAt.Year() < 2000 || saved.UpdatedAt.Year() < 2000 {
		t.Errorf("created at %s, updated at %s: want the database's now", saved.CreatedAt, saved.UpdatedAt)
	}
}

func jobSaveIDs(t *test) {
	first, second := t.saveJob(), t.saveJob()
	equal(t, "version of an ID that was made", first.ID.Version(), 7)
	equal(t, "two jobs have one ID", first.ID == second.ID, false)
	for _, id := range []uuid.UUID{newID(), uuid.Max} {
		equal(t, "ID", t.keepsJob(driver.ArchiveJob{ID: id}).ID, id)
	}
}

func jobSaveTimes(t *test) {
	before := t.clock()
	saved := t.saveJob()
	t.wantBetween("CreatedAt", &saved.CreatedAt, before, t.clock())
	equal(t, "UpdatedAt", saved.UpdatedAt, saved.CreatedAt)
}

func jobSaveTakenID(t *test) {
	stored := t.jobIn(driver.JobRunning)
	for _, given := range []driver.ArchiveJob{stored, {ID: stored.ID, RuleID: ptr(newID())}} { // what is there comes first
		got, err := t.store.ArchiveJobs().Save(t.ctx, given)
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveJobs.Save", "archive job", stored.ID.String())
		sameEntity(t, "job beside the error", got, driver.ArchiveJob{})
	}
	t.wantJobs(t.store, stored)
}

func jobSaveMissing(t *test) {
	rule, gone, job := t.saveRule(), t.saveRule(), t.saveJob()
	equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, gone.ID), true)
	for _, id := range []uuid.UUID{newID(), gone.ID, job.ID} {
		got, err := t.store.ArchiveJobs().Save(t.ctx, driver.ArchiveJob{RuleID: &id})
		t.wantMissing(err, "ArchiveJobs.Save", "rule_id", "archive rule", id)
		sameEntity(t, "job beside the error", got, driver.ArchiveJob{})
	}
	t.wantJobs(t.store, job)
	t.keepsJob(driver.ArchiveJob{RuleID: &rule.ID})
}

// jobSaveRefuses has a context that ended, too: what is refused is refused before anything is sent.
func jobSaveRefuses(t *test) {
	for _, spoil := range []spoiled[driver.ArchiveJob]{
		{"rule_id", func(j *driver.ArchiveJob) { j.RuleID = &uuid.Nil }},
		{"max_retries", func(j *driver.ArchiveJob) { j.MaxRetries = -1 }},
		{"max_retries", func(j *driver.ArchiveJob) { j.MaxRetries = driver.MaxJobRetries + 1 }},
	} {
		for _, ctx := range []context.Context{t.ctx, t.endedContext()} {
			_, err := t.store.ArchiveJobs().Save(ctx, changed(driver.ArchiveJob{}, spoil.change))
			t.wantInvalid(err, "ArchiveJobs.Save", spoil.field)
		}
	}
	t.wantJobs(t.store)
}
