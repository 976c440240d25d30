package conformance

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveJobDelete = area{name: "ArchiveJobs/Delete", behaviours: []behaviour{
	{"TellsWhetherThereWasOne", jobDeleteTells},
	{"RefusesOneThatHasNotEnded", jobDeleteRefuses},
	{"AtOnceSucceedsOnce", jobDeleteRace},
}}

var archiveJobDeletion = area{name: "ArchiveJobs/DeleteOlderThan", behaviours: []behaviour{
	{"RemovesThoseThatHaveEnded", jobDeletionEnded},
	{"LeavesWhatEndedAtTheCutoff", jobDeletionCutoff},
	{"RemovesMoreThanABatch", jobDeletionMany},
	{"IsUndoneWithItsTransaction", jobDeletionInTx},
	{"BesideAnotherRemovesEachOnce", jobDeletionTogether},
	{"LeavesWhatRunsAgainMeanwhile", jobDeletionOfRetried},
	{"RefusesAMomentThatThereIsNot", jobDeletionInvalid},
}}

func jobDeleteTells(t *test) {
	rule := t.saveRule()
	var kept []driver.ArchiveJob
	for _, status := range []driver.ArchiveJobStatus{driver.JobCompleted, driver.JobFailed, driver.JobCancelled} {
		kept = append(kept, t.jobIn(status))
		doomed := t.jobIn(status, ofRule(rule.ID))
		equal(t, "deleted", must(t, t.store.ArchiveJobs().Delete, doomed.ID), true)
		equal(t, "deleted again", must(t, t.store.ArchiveJobs().Delete, doomed.ID), false)
		equal(t, "exists", must(t, t.store.ArchiveJobs().Exists, doomed.ID), false)
	}
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "deleted an unknown one", must(t, t.store.ArchiveJobs().Delete, id), false)
	}
	t.wantJobs(t.store, kept...)
	t.wantRules(rule)
}

func jobDeleteRefuses(t *test) {
	for _, status := range []driver.ArchiveJobStatus{driver.JobPending, driver.JobRunning} {
		stored := t.jobIn(status)
		deleted, err := t.store.ArchiveJobs().Delete(t.ctx, stored.ID)
		t.wantErrOn(err, driver.ErrState, "ArchiveJobs.Delete", "archive job", stored.ID.String())
		equal(t, "deleted beside the error", deleted, false)
		sameEntity(t, "job after a refusal", t.job(stored.ID), stored)
	}
	again := must(t, t.store.ArchiveJobs().Retry, t.jobIn(driver.JobFailed).ID)
	_, err := t.store.ArchiveJobs().Delete(t.ctx, again.ID)
	t.wantErr(err, driver.ErrState, "ArchiveJobs.Delete")
}

func jobDeleteRace(t *test) {
	const workers = 6
	stored := t.jobIn(driver.JobCompleted)
	deleted := make([]bool, workers)
	t.together(workers, func(i int) (err error) {
		deleted[i], err = t.store.ArchiveJobs().Delete(t.ctx, stored.ID)
		return err
	})
	equal(t, "calls that deleted it", count(deleted), 1)
}

// deleteOldJobs removes jobs and fails the test unless exactly want are left.
func (t *test) deleteOldJobs(cutoff time.Time, want []driver.ArchiveJob) {
	t.Helper()
	before := len(t.jobsOf(t.store))
	equal(t, "jobs deleted", must(t, t.store.ArchiveJobs().DeleteOlderThan, cutoff), before-len(want))
	t.wantJobs(t.store, want...)
}

// completeJobs saves n jobs and completes them in one transaction.
func (t *test) completeJobs(n int) []driver.ArchiveJob {
	t.Helper()
	done := make([]driver.ArchiveJob, n)
	t.inTx(func(tx driver.Store) {
		for i := range done {
			done[i] = t.finishJob(tx, t.saveJobTo(tx).ID, driver.JobCompleted, "")
		}
	})
	return done
}

func jobDeletionEnded(t *test) {
	saved := t.jobsInDisorder(ofRule(t.saveRule().ID))
	again := must(t, t.store.ArchiveJobs().Retry, t.jobIn(driver.JobFailed).ID)
	cutoff := t.later(again.UpdatedAt)
	left := slices.DeleteFunc(append(saved, again), func(j driver.ArchiveJob) bool { return j.Status.Ended() })
	t.deleteOldJobs(cutoff, left)
	t.deleteOldJobs(cutoff, left)
	equal(t, "rules left", len(must(t, t.store.ArchiveRules().GetAll, 0)), 1)
}

// jobDeletionCutoff looks at when jobs ended, not at when they were made.
func jobDeletionCutoff(t *test) {
	saved := t.saveJobs(9, asItIs)
	for i := range saved {
		saved[i] = t.finishJob(t.store, saved[i].ID, driver.JobCancelled, "")
		if i%3 == 2 {
			t.later(*saved[i].CompletedAt)
		}
	}
	t.deleteOldJobs(*saved[0].CompletedAt, saved)
	t.deleteOldJobs(time.Time{}, saved)
	for _, cutoff := range []time.Time{
		*saved[3].CompletedAt, saved[6].CompletedAt.Add(999).In(time.FixedZone("east", 3600)), saved[8].CompletedAt.Add(time.Microsecond),
	} {
		saved = slices.DeleteFunc(slices.Clone(saved), func(j driver.ArchiveJob) bool { return j.CompletedAt.Before(cutoff.Truncate(time.Microsecond)) })
		t.deleteOldJobs(cutoff, saved)
	}
	equal(t, "jobs left", len(saved), 0)
}

func jobDeletionMany(t *test) {
	n := scale(1_050, 40)
	t.completeJobs(n)
	kept := t.jobIn(driver.JobRunning)
	cutoff := t.later(kept.UpdatedAt)
	equal(t, "jobs deleted", must(t, t.store.ArchiveJobs().DeleteOlderThan, cutoff), n)
	t.wantJobs(t.store, kept)
}

func jobDeletionInTx(t *test) {
	saved := t.completeJobs(5)
	cutoff := t.later(*saved[4].CompletedAt)
	t.undone(t.store, func(tx driver.Store) {
		equal(t, "jobs deleted", must(t, tx.ArchiveJobs().DeleteOlderThan, cutoff), 5)
		t.wantJobs(tx)
	})
	t.wantJobs(t.store, saved...)
	t.inTx(func(tx driver.Store) {
		equal(t, "jobs deleted", must(t, tx.ArchiveJobs().DeleteOlderThan, cutoff), 5)
	})
	t.wantJobs(t.store)
}

func jobDeletionTogether(t *test) {
	const workers = 4
	n := scale(2_100, 60)
	saved := t.completeJobs(n)
	cutoff := t.later(*saved[n-1].CompletedAt)
	deleted := make([]int, workers)
	t.together(workers, func(i int) (err error) {
		deleted[i], err = t.store.ArchiveJobs().DeleteOlderThan(t.ctx, cutoff)
		return err
	})
	sum := 0
	for _, one := range deleted {
		sum += one
	}
	equal(t, "jobs deleted", sum, n)
	t.wantJobs(t.store)
}

// jobDeletionOfRetried deletes what a transaction makes run again.
func jobDeletionOfRetried(t *test) {
	t.needsConcurrent()
	saved := []driver.ArchiveJob{t.jobIn(driver.JobFailed), t.jobIn(driver.JobFailed)}
	cutoff := t.later(saved[1].UpdatedAt)
	end := t.hold(t.store, func(tx driver.Store) error { return failing(tx.ArchiveJobs().Retry(t.ctx, saved[0].ID)) })
	var deleted int
	done := inBackground(func() (err error) {
		deleted, err = t.store.ArchiveJobs().DeleteOlderThan(t.ctx, cutoff)
		return err
	})
	select {
	case err := <-done: // passing over what is being changed is fine
		t.ok(err)
		end(nil)
	case <-time.After(30 * time.Millisecond): // a moment in which it comes to wait
		end(nil)
		t.ok(<-done)
	}
	equal(t, "jobs deleted", deleted, 1)
	equalList(t, "jobs left", entityIDs(t.jobsOf(t.store)), []uuid.UUID{saved[0].ID})
}

func jobDeletionInvalid(t *test) {
	saved := t.completeJobs(1)
	for _, cutoff := range []time.Time{time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<60, 0)} {
		deleted, err := t.store.ArchiveJobs().DeleteOlderThan(t.endedContext(), cutoff)
		t.wantInvalid(err, "ArchiveJobs.DeleteOlderThan", "cutoff")
		equal(t, "jobs deleted beside the error", deleted, 0)
	}
	t.wantJobs(t.store, saved...)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	equal(t, "jobs deleted before the last moment", must(t, t.store.ArchiveJobs().DeleteOlderThan, last), 1)
}
