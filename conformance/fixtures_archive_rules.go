package conformance

import (
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// newArchiveRule returns an enabled rule of that name by age, due on leap days: not while a test runs.
func newArchiveRule(name string) driver.ArchiveRule {
	rule := driver.NewArchiveRule(name, 30)
	rule.Description, rule.Schedule, rule.LocationTemplate = canary, "30 3 29 2 *", driver.DefaultLocation
	return rule
}

// fullArchiveRule returns a rule with all that can be given, nothing of it the default.
func fullArchiveRule(name string) driver.ArchiveRule {
	return driver.ArchiveRule{
		ID:                  newID(),
		Name:                name,
		Description:         "A line,\nand another one.",
		Policy:              driver.PolicyHybrid,
		IncludeTypes:        []string{"order.*", "user.created"},
		ExcludeTypes:        []string{"order.debug"},
		IncludeContexts:     []uuid.UUID{newID(), uuid.Max},
		ExcludeContexts:     []uuid.UUID{newID()},
		ArchiveAfterDays:    driver.MaxArchiveDays,
		MaxEventCount:       math.MaxInt64,
		MaxTableBytes:       1<<53 + 1,
		PastConsumers:       true,
		Schedule:            "*/15  2-5 1,15 JAN-JUN MON",
		StorageType:         driver.StorageWarehouse,
		LocationTemplate:    "archives/{schema}/{rule}/{year}-{month}-{day}_{id}",
		Encrypt:             true,
		RetentionDays:       365,
		AutoDeleteAfterDays: 3650,
		IsEnabled:           true,
		CreatedByUserID:     ptr(newID()),
	}
}

// saveRules saves rules of these names, as newArchiveRule makes them.
func (t *test) saveRules(names ...string) []driver.ArchiveRule {
	t.Helper()
	saved := make([]driver.ArchiveRule, len(names))
	for i, name := range names {
		saved[i] = must(t, t.store.ArchiveRules().Save, newArchiveRule(name))
	}
	return saved
}

// saveRule saves a rule as newArchiveRule makes it, of a name of its own, changed.
func (t *test) saveRule(changes ...func(*driver.ArchiveRule)) driver.ArchiveRule {
	t.Helper()
	return must(t, t.store.ArchiveRules().Save, changed(newArchiveRule("rule "+newID().String()), changes...))
}

func (t *test) rule(id uuid.UUID) driver.ArchiveRule {
	t.Helper()
	return must(t, t.store.ArchiveRules().GetByID, id)
}

// wantRules fails the test unless these are all rules there are, in their order.
func (t *test) wantRules(want ...driver.ArchiveRule) {
	t.Helper()
	sameEntities(t, "all rules", must(t, t.store.ArchiveRules().GetAll, driver.MaxLimit), want)
}

// wantNextRun fails the test unless a rule is due next as its Schedule says, seen from a moment between
// two of the database's clock.
func (t *test) wantNextRun(rule driver.ArchiveRule, before, after time.Time) {
	t.Helper()
	first := rule.Next(before)
	if first == nil {
		equal(t, "NextRunAt of one that is never due", instant(rule.NextRunAt), "nil")
		return
	}
	t.wantBetween("NextRunAt of "+rule.Schedule, rule.NextRunAt, *first, *rule.Next(after))
}

// setTime sets a moment in the database, or skips the test.
func (t *test) setTime(entity, field string, id uuid.UUID, at time.Time) {
	t.Helper()
	if t.h.SetTime == nil {
		t.Skip("nothing makes time pass in the database (Harness.SetTime)")
	}
	t.h.SetTime(t.T, t.db, t.store.Schema(), entity, field, id, at)
}

// dueAt makes a rule due at a moment and returns it.
func (t *test) dueAt(rule driver.ArchiveRule, at time.Time) driver.ArchiveRule {
	t.Helper()
	at = at.UTC().Truncate(time.Microsecond)
	t.setTime("archive rule", "next_run_at", rule.ID, at)
	rule.NextRunAt = &at
	sameEntity(t, "rule that was made due", t.rule(rule.ID), rule)
	return rule
}

// saveDueRule saves a rule that has been due since longAgo.
func (t *test) saveDueRule(changes ...func(*driver.ArchiveRule)) driver.ArchiveRule {
	t.Helper()
	return t.dueAt(t.saveRule(changes...), longAgo)
}

func (t *test) dueRules() []driver.ArchiveRule {
	t.Helper()
	return must(t, t.store.ArchiveRules().GetDue, 0)
}

// claimRules claims all rules that are due.
func (t *test) claimRules(lease time.Duration) []driver.ArchiveRule {
	t.Helper()
	return must2(t, t.store.ArchiveRules().ClaimDue, 0, lease)
}

// claimRule claims the one rule that is due.
func (t *test) claimRule(lease time.Duration) driver.ArchiveRule {
	t.Helper()
	claimed := t.claimRules(lease)
	if len(claimed) != 1 {
		t.Fatalf("rules claimed: got %d, want 1", len(claimed))
	}
	return claimed[0]
}

// untilRuleDue waits until some rule is due: a lease or a pause has ended by the database's clock.
func (t *test) untilRuleDue() {
	t.Helper()
	t.until(func() bool { return len(t.dueRules()) > 0 })
}

// byNextRun returns rules in the order in which they are due.
func byNextRun(rules []driver.ArchiveRule) []driver.ArchiveRule {
	return slices.SortedFunc(slices.Values(rules), func(a, b driver.ArchiveRule) int {
		return byAge(*a.NextRunAt, *b.NextRunAt, a.ID, b.ID)
	})
}

// jobStatuses are all there are.
var jobStatuses = []driver.ArchiveJobStatus{
	driver.JobPending, driver.JobRunning, driver.JobCompleted, driver.JobFailed, driver.JobCancelled,
}

// saveJob saves a pending job of no rule that may be tried again three times, changed.
func (t *test) saveJob(changes ...func(*driver.ArchiveJob)) driver.ArchiveJob {
	t.Helper()
	return t.saveJobTo(t.store, changes...)
}

func (t *test) saveJobTo(store driver.Store, changes ...func(*driver.ArchiveJob)) driver.ArchiveJob {
	t.Helper()
	return must(t, store.ArchiveJobs().Save, changed(driver.ArchiveJob{MaxRetries: 3}, changes...))
}

// saveJobs saves n jobs in one transaction, each changed by its number: on some backends they are all
// made at the same moment. Their ids are in no order.
func (t *test) saveJobs(n int, change func(i int, j *driver.ArchiveJob)) []driver.ArchiveJob {
	t.Helper()
	saved := make([]driver.ArchiveJob, n)
	t.inTx(func(tx driver.Store) {
		for i := range saved {
			saved[i] = t.saveJobTo(tx, func(j *driver.ArchiveJob) { j.ID = uuid.New() }, func(j *driver.ArchiveJob) { change(i, j) })
		}
	})
	return saved
}

// jobIn returns a new job that has come to a status.
func (t *test) jobIn(status driver.ArchiveJobStatus, changes ...func(*driver.ArchiveJob)) driver.ArchiveJob {
	t.Helper()
	return t.moveJob(t.store, t.saveJob(changes...), status)
}

// moveJob brings a pending job to a status.
func (t *test) moveJob(store driver.Store, job driver.ArchiveJob, status driver.ArchiveJobStatus) driver.ArchiveJob {
	t.Helper()
	if status != driver.JobPending {
		job = must(t, store.ArchiveJobs().Start, job.ID)
	}
	if status.Ended() {
		job = t.finishJob(store, job.ID, status, canary)
	}
	return job
}

func (t *test) finishJob(store driver.Store, id uuid.UUID, status driver.ArchiveJobStatus, message string) driver.ArchiveJob {
	t.Helper()
	job, err := store.ArchiveJobs().Finish(t.ctx, id, status, message)
	t.ok(err)
	return job
}

func (t *test) job(id uuid.UUID) driver.ArchiveJob {
	t.Helper()
	return must(t, t.store.ArchiveJobs().GetByID, id)
}

// jobsOf returns all jobs of a schema, as far as there are no more than a list returns.
func (t *test) jobsOf(store driver.Store) []driver.ArchiveJob {
	t.Helper()
	var all []driver.ArchiveJob
	for _, status := range jobStatuses {
		all = append(all, must2(t, store.ArchiveJobs().GetByStatus, status, driver.MaxLimit)...)
	}
	return newestJobs(all)
}

// newestJobs returns jobs newest first.
func newestJobs(jobs []driver.ArchiveJob) []driver.ArchiveJob {
	return slices.SortedFunc(slices.Values(jobs), func(a, b driver.ArchiveJob) int {
		return -byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID)
	})
}

// wantJobs fails the test unless these are all jobs there are.
func (t *test) wantJobs(store driver.Store, want ...driver.ArchiveJob) {
	t.Helper()
	sameEntities(t, "all jobs", t.jobsOf(store), newestJobs(want))
}
