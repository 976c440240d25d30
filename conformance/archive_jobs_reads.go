package conformance

import (
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveJobReads = area{name: "ArchiveJobs/Reads", behaviours: []behaviour{
	{"OfAnUnknownIDFindNothing", jobReadUnknown},
	{"GetByStatusReturnsTheNewestFirst", jobsByStatus},
	{"GetByStatusRefusesAStatusThatThereIsNot", jobsByStatusInvalid},
	{"GetByRuleReturnsTheNewestFirst", jobsByRule},
	{"GetFailedReturnsThoseWithRetriesLeft", jobsFailed},
	{"GetFailedIsInTheOrderOfTheirEndsThenIDs", jobsFailedOrder},
	{"HoldToTheLimits", jobsLimits},
	{"OfNothingAreEmpty", jobsNone},
}}

func jobReadUnknown(t *test) {
	stored := t.saveJob()
	for _, id := range []uuid.UUID{newID(), uuid.Nil, uuid.Max} {
		got, err := t.store.ArchiveJobs().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "ArchiveJobs.GetByID", "archive job", id.String())
		sameEntity(t, "job beside the error", got, driver.ArchiveJob{})
		equal(t, "an unknown one exists", must(t, t.store.ArchiveJobs().Exists, id), false)
	}
	equal(t, "a stored one exists", must(t, t.store.ArchiveJobs().Exists, stored.ID), true)
}

// jobsInDisorder saves jobs in all statuses whose order in lists is not that in which they are saved.
func (t *test) jobsInDisorder(changes ...func(*driver.ArchiveJob)) []driver.ArchiveJob {
	t.Helper()
	var all []driver.ArchiveJob
	for range 3 {
		saved := t.saveJobs(2*len(jobStatuses), func(_ int, j *driver.ArchiveJob) { *j = changed(*j, changes...) })
		for i, job := range saved {
			saved[i] = t.moveJob(t.store, job, jobStatuses[i%len(jobStatuses)])
		}
		all = append(all, saved...)
	}
	return all
}

func jobsIn(jobs []driver.ArchiveJob, status driver.ArchiveJobStatus) []driver.ArchiveJob {
	return slices.DeleteFunc(slices.Clone(jobs), func(j driver.ArchiveJob) bool { return j.Status != status })
}

func jobsByStatus(t *test) {
	saved := slices.Concat(t.jobsInDisorder(), t.jobsInDisorder(ofRule(t.saveRule().ID)))
	for _, status := range jobStatuses {
		found := must2(t, t.store.ArchiveJobs().GetByStatus, status, 0)
		sameEntities(t, "jobs that are "+string(status), found, newestJobs(jobsIn(saved, status)))
	}
}

func jobsByStatusInvalid(t *test) {
	for _, status := range []driver.ArchiveJobStatus{"", "Pending", "done", canary} {
		_, err := t.store.ArchiveJobs().GetByStatus(t.endedContext(), status, 0)
		t.wantInvalid(err, "ArchiveJobs.GetByStatus", "status")
	}
}

func jobsByRule(t *test) {
	rule, other := t.saveRule(), t.saveRule()
	t.jobsInDisorder()
	saved := t.jobsInDisorder(ofRule(rule.ID))
	t.jobsInDisorder(ofRule(other.ID))
	sameEntities(t, "jobs of a rule", must2(t, t.store.ArchiveJobs().GetByRule, rule.ID, 0), newestJobs(saved))
	equal(t, "deleted", must(t, t.store.ArchiveRules().Delete, rule.ID), true)
	sameEntities(t, "jobs of a rule that is gone", must2(t, t.store.ArchiveJobs().GetByRule, rule.ID, 0), newestJobs(saved))
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "jobs of an unknown rule", len(must2(t, t.store.ArchiveJobs().GetByRule, id, 0)), 0)
	}
}

// wantFailedJobs fails the test unless exactly these may be tried again, in that order.
func (t *test) wantFailedJobs(want ...driver.ArchiveJob) {
	t.Helper()
	sameEntities(t, "failed jobs", must(t, t.store.ArchiveJobs().GetFailed, 0), want)
}

func jobsFailed(t *test) {
	for _, status := range jobStatuses {
		if status != driver.JobFailed {
			t.jobIn(status)
		}
	}
	t.jobIn(driver.JobFailed, func(j *driver.ArchiveJob) { j.MaxRetries = 0 })
	t.wantFailedJobs()
	job := t.finishJob(t.store, t.saveJob(func(j *driver.ArchiveJob) { j.MaxRetries = 2 }).ID, driver.JobFailed, "")
	for range 2 {
		t.wantFailedJobs(job)
		must(t, t.store.ArchiveJobs().Retry, job.ID)
		t.wantFailedJobs()
		job = t.finishJob(t.store, job.ID, driver.JobFailed, "")
	}
	t.wantFailedJobs()
}

// failJobs fails jobs in an order that is neither that in which they were made nor that of their ids,
// several of them at one moment on some backends.
func (t *test) failJobs(jobs []driver.ArchiveJob) []driver.ArchiveJob {
	t.Helper()
	failed := reversed(jobs)
	for start := 0; start < len(failed); start += 4 {
		t.inTx(func(tx driver.Store) {
			for i := start; i < min(start+4, len(failed)); i++ {
				failed[i] = t.finishJob(tx, failed[i].ID, driver.JobFailed, "")
			}
		})
	}
	slices.SortFunc(failed, func(a, b driver.ArchiveJob) int { return byAge(*a.CompletedAt, *b.CompletedAt, a.ID, b.ID) })
	return failed
}

func jobsFailedOrder(t *test) {
	t.wantFailedJobs(t.failJobs(t.saveJobs(12, asItIs))...)
}

func jobsLimits(t *test) {
	rule := t.saveRule()
	saved := t.saveJobs(driver.DefaultLimit+5, func(_ int, j *driver.ArchiveJob) { j.RuleID = &rule.ID })
	newest := newestJobs(saved)
	holdsToLimits(t, "ArchiveJobs.GetByStatus", newest, func(limit int) ([]driver.ArchiveJob, error) {
		return t.store.ArchiveJobs().GetByStatus(t.ctx, driver.JobPending, limit)
	})
	holdsToLimits(t, "ArchiveJobs.GetByRule", newest, func(limit int) ([]driver.ArchiveJob, error) {
		return t.store.ArchiveJobs().GetByRule(t.ctx, rule.ID, limit)
	})
	holdsToLimits(t, "ArchiveJobs.GetFailed", t.failJobs(saved), func(limit int) ([]driver.ArchiveJob, error) {
		return t.store.ArchiveJobs().GetFailed(t.ctx, limit)
	})
}

func jobsNone(t *test) {
	for name, list := range map[string]func() ([]driver.ArchiveJob, error){
		"GetByStatus": func() ([]driver.ArchiveJob, error) {
			return t.store.ArchiveJobs().GetByStatus(t.ctx, driver.JobPending, 0)
		},
		"GetByRule": func() ([]driver.ArchiveJob, error) { return t.store.ArchiveJobs().GetByRule(t.ctx, newID(), 0) },
		"GetFailed": func() ([]driver.ArchiveJob, error) { return t.store.ArchiveJobs().GetFailed(t.ctx, 0) },
	} {
		found, err := list()
		t.ok(err)
		if found == nil || len(found) > 0 {
			t.Errorf("%s: got %v, want an empty list", name, found)
		}
	}
}
