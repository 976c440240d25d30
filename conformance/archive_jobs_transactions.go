package conformance

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var archiveJobTransactions = area{name: "ArchiveJobs/Transactions", alone: true, behaviours: []behaviour{
	{"LeaveNothingWhenRolledBack", jobTxRollsBack},
	{"CommitAllTogether", jobTxCommits},
	{"StayUsableAfterRefusals", jobTxUsable},
	{"SeeARuleThatTheySaved", jobTxOwnRule},
	{"ChangingOneJobWaitForEachOther", jobTxWaits},
	{"OfTheAppCommitAndRollBack", eachAppTx(jobTxOfApp)},
	{"StopWhenTheContextHasEnded", jobCallsStop},
	{"ThatOnlyReadRefuseWrites", jobCallsReadOnly},
	{"ThatOnlyReadRefuseWritesWithNothingToDo", jobCallsReadOnlyNothing},
	{"ThatHaveEndedRefuseAll", jobCallsEnded},
	{"OfAClosedPoolRefuseAll", jobCallsClosed},
	{"AreAloneInTheirSchema", jobSchemas},
}}

// jobsInStates are jobs of one rule for calls and changes.
type jobsInStates struct {
	rule                             driver.ArchiveRule
	pending, running, ending, failed driver.ArchiveJob
	done                             driver.ArchiveJob
}

func (t *test) jobsInStates() jobsInStates {
	t.Helper()
	rule := t.saveRule()
	of := ofRule(rule.ID)
	return jobsInStates{
		rule, t.jobIn(driver.JobPending, of), t.jobIn(driver.JobRunning, of), t.jobIn(driver.JobRunning, of), t.jobIn(driver.JobFailed, of),
		t.jobIn(driver.JobCompleted, of),
	}
}

// jobCalls are all methods of the repository.
func jobCalls(s jobsInStates) []repositoryCall {
	return []repositoryCall{
		{"ArchiveJobs.Save", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().Save(ctx, driver.ArchiveJob{RuleID: &s.rule.ID}))
		}},
		{"ArchiveJobs.Start", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().Start(ctx, s.pending.ID))
		}},
		{"ArchiveJobs.AddProgress", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().AddProgress(ctx, s.running.ID, 1))
		}},
		{"ArchiveJobs.Finish", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().Finish(ctx, s.ending.ID, driver.JobCancelled, canary))
		}},
		{"ArchiveJobs.Retry", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().Retry(ctx, s.failed.ID))
		}},
		{"ArchiveJobs.GetByID", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().GetByID(ctx, s.running.ID))
		}},
		{"ArchiveJobs.Exists", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().Exists(ctx, s.running.ID))
		}},
		{"ArchiveJobs.GetByStatus", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().GetByStatus(ctx, driver.JobRunning, 0))
		}},
		{"ArchiveJobs.GetByRule", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().GetByRule(ctx, s.rule.ID, 0))
		}},
		{"ArchiveJobs.GetFailed", false, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().GetFailed(ctx, 0))
		}},
		{"ArchiveJobs.Delete", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().Delete(ctx, s.done.ID))
		}},
		{"ArchiveJobs.DeleteOlderThan", true, func(ctx context.Context, store driver.Store) error {
			return failing(store.ArchiveJobs().DeleteOlderThan(ctx, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
		}},
	}
}

// changeJobs writes through tx in every way there is.
func (t *test) changeJobs(tx driver.Store, s jobsInStates) {
	t.Helper()
	jobs := tx.ArchiveJobs()
	t.saveJobTo(tx, ofRule(s.rule.ID))
	must(t, jobs.Start, s.pending.ID)
	must2(t, jobs.AddProgress, s.running.ID, 5)
	must(t, jobs.Retry, s.failed.ID)
	equal(t, "deleted", must(t, jobs.Delete, s.done.ID), true)
	t.finishJob(tx, s.ending.ID, driver.JobFailed, "")
	t.moveJob(tx, t.saveJobTo(tx, ofRule(s.rule.ID)), driver.JobCompleted)
	_, err := jobs.DeleteOlderThan(t.ctx, longAgo)
	t.ok(err)
}

func jobTxRollsBack(t *test) {
	s := t.jobsInStates()
	before := t.jobsOf(t.store)
	t.undone(t.store, func(tx driver.Store) { t.changeJobs(tx, s) })
	t.wantJobs(t.store, before...)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeJobs(nested, s) })
		t.wantJobs(tx, before...)
	})
	t.wantJobs(t.store, before...)
}

func jobTxCommits(t *test) {
	s := t.jobsInStates()
	var inside []driver.ArchiveJob
	t.inTx(func(tx driver.Store) {
		t.changeJobs(tx, s)
		inside = t.jobsOf(tx)
	})
	t.wantJobs(t.store, inside...)
	equal(t, "jobs", len(inside), 6)
	equal(t, "EventsSkipped", t.job(s.running.ID).EventsSkipped, 5)
	equal(t, "Status", t.job(s.failed.ID).Status, driver.JobRunning)
}

// jobTxUsable has every refusal there is in a transaction that goes on and commits.
func jobTxUsable(t *test) {
	s := t.jobsInStates()
	before := t.jobsOf(t.store)
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		jobs, unknown := tx.ArchiveJobs(), newID()
		_, err := jobs.Save(t.ctx, s.pending)
		t.wantErrOn(err, driver.ErrAlreadyExists, "ArchiveJobs.Save", "archive job", s.pending.ID.String())
		_, err = jobs.Save(t.ctx, driver.ArchiveJob{RuleID: &unknown})
		t.wantMissing(err, "ArchiveJobs.Save", "rule_id", "archive rule", unknown)
		_, err = jobs.Save(t.ctx, driver.ArchiveJob{MaxRetries: -1})
		t.wantInvalid(err, "ArchiveJobs.Save", "max_retries")
		for _, step := range jobStepsThereAre {
			_, err := step.run(t.ctx, jobs, s.done.ID)
			t.wantErr(err, driver.ErrState, step.op)
			_, err = step.run(t.ctx, jobs, unknown)
			t.wantErr(err, driver.ErrNotFound, step.op)
		}
		_, err = jobs.Finish(t.ctx, s.running.ID, driver.JobRunning, "")
		t.wantInvalid(err, "ArchiveJobs.Finish", "status")
		_, err = jobs.AddProgress(t.ctx, s.running.ID, -1)
		t.wantInvalid(err, "ArchiveJobs.AddProgress", "skipped")
		_, err = jobs.Delete(t.ctx, s.running.ID)
		t.wantErr(err, driver.ErrState, "ArchiveJobs.Delete")
		equal(t, "deleted", must(t, jobs.Delete, unknown), false)
		_, err = jobs.GetByID(t.ctx, unknown)
		t.wantErr(err, driver.ErrNotFound, "ArchiveJobs.GetByID")
		_, err = jobs.GetByStatus(t.ctx, "done", 0)
		t.wantInvalid(err, "ArchiveJobs.GetByStatus", "status")
		t.wantJobs(tx, before...)
	})
	t.wantJobs(t.store, before...)
}

func jobTxOwnRule(t *test) {
	var rule driver.ArchiveRule
	var job driver.ArchiveJob
	t.inTx(func(tx driver.Store) {
		rule = must(t, tx.ArchiveRules().Save, newArchiveRule("new"))
		job = t.saveJobTo(tx, ofRule(rule.ID))
		gone := must(t, tx.ArchiveRules().Save, newArchiveRule("gone"))
		equal(t, "deleted", must(t, tx.ArchiveRules().Delete, gone.ID), true)
		_, err := tx.ArchiveJobs().Save(t.ctx, driver.ArchiveJob{RuleID: &gone.ID})
		t.wantMissing(err, "ArchiveJobs.Save", "rule_id", "archive rule", gone.ID)
	})
	sameEntities(t, "jobs of the rule", must2(t, t.store.ArchiveJobs().GetByRule, rule.ID, 0), []driver.ArchiveJob{job})
}

// jobTxWaits starts a job that a transaction has started and not committed: who comes second is told
// what became of that.
func jobTxWaits(t *test) {
	t.needsConcurrent()
	for _, verdict := range []error{nil, errUndo} {
		stored := t.saveJob()
		end := t.hold(t.store, func(tx driver.Store) error { return failing(tx.ArchiveJobs().Start(t.ctx, stored.ID)) })
		second := inBackground(func() error { return failing(t.store.ArchiveJobs().Start(t.ctx, stored.ID)) })
		end(verdict)
		if err := <-second; verdict == nil {
			t.wantErrOn(err, driver.ErrState, "ArchiveJobs.Start", "archive job", stored.ID.String())
		} else {
			t.ok(err)
		}
		equal(t, "Revision", t.job(stored.ID).Revision, 2)
	}
}

func jobTxOfApp(t *test, app *app) {
	s := t.jobsInStates()
	before := t.jobsOf(t.store)
	tx := app.begin()
	app.placeOrder(tx, 1)
	t.changeJobs(t.join(tx, t.store), s)
	t.ok(tx.Rollback())
	app.wantOrders(0)
	t.wantJobs(t.store, before...)

	tx = app.begin()
	joined := t.join(tx, t.store)
	_, err := joined.ArchiveJobs().Save(t.ctx, s.pending)
	t.wantErr(err, driver.ErrAlreadyExists, "ArchiveJobs.Save")
	_, err = joined.ArchiveJobs().Start(t.ctx, s.done.ID)
	t.wantErr(err, driver.ErrState, "ArchiveJobs.Start")
	app.placeOrder(tx, 2)
	t.changeJobs(joined, s)
	inside := t.jobsOf(joined)
	t.ok(tx.Commit())
	app.wantOrders(1)
	t.wantJobs(t.store, inside...)
}

func jobCallsStop(t *test) {
	s := t.jobsInStates()
	before := t.jobsOf(t.store)
	t.wantStopped(jobCalls(s))
	t.wantJobs(t.store, before...)
}

func jobCallsReadOnly(t *test) {
	s := t.jobsInStates()
	before := t.jobsOf(t.store)
	t.wantReadOnly(jobCalls(s))
	t.wantJobs(t.store, before...)
}

// jobCallsReadOnlyNothing has methods that find nothing to do: whether there is any must not decide.
func jobCallsReadOnlyNothing(t *test) {
	var none jobsInStates
	for _, id := range []*uuid.UUID{&none.rule.ID, &none.pending.ID, &none.running.ID, &none.ending.ID, &none.failed.ID, &none.done.ID} {
		*id = newID()
	}
	writes := map[string]func(context.Context, driver.Store) error{}
	for _, call := range jobCalls(none) {
		if call.writes {
			writes[call.op] = call.run
		}
	}
	t.wantAllRefused(writes)
}

func jobCallsEnded(t *test) { t.wantEnded(jobCalls(t.jobsInStates())) }

func jobCallsClosed(t *test) {
	own := t.alone()
	calls := jobCalls(own.jobsInStates())
	own.ok(own.db.Close())
	for _, call := range calls {
		own.wantErr(call.run(own.ctx, own.store), driver.ErrClosed, call.op)
	}
}

// jobSchemas has another schema, which knows nothing of the jobs of this one, and has its own.
func jobSchemas(t *test) {
	s := t.jobsInStates()
	before := t.jobsOf(t.store)
	elsewhere := t.openStore(t.db, newSchema())
	jobs := elsewhere.ArchiveJobs()
	t.wantJobs(elsewhere)
	for _, step := range jobStepsThereAre {
		for _, job := range before {
			_, err := step.run(t.ctx, jobs, job.ID)
			t.wantErr(err, driver.ErrNotFound, step.op)
		}
	}
	_, err := jobs.GetByID(t.ctx, s.pending.ID)
	t.wantErr(err, driver.ErrNotFound, "ArchiveJobs.GetByID")
	_, err = jobs.Save(t.ctx, driver.ArchiveJob{RuleID: &s.rule.ID})
	t.wantMissing(err, "ArchiveJobs.Save", "rule_id", "archive rule", s.rule.ID)
	equal(t, "exists", must(t, jobs.Exists, s.done.ID), false)
	equal(t, "deleted", must(t, jobs.Delete, s.done.ID), false)
	equal(t, "jobs of the rule", len(must2(t, jobs.GetByRule, s.rule.ID, 0)), 0)
	equal(t, "failed jobs", len(must(t, jobs.GetFailed, 0)), 0)
	equal(t, "jobs deleted", must(t, jobs.DeleteOlderThan, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), 0)
	twin := t.finishJob(elsewhere, t.saveJobTo(elsewhere, func(j *driver.ArchiveJob) { j.ID = s.pending.ID }).ID, driver.JobCompleted, "")
	t.wantJobs(elsewhere, twin)
	t.wantJobs(t.store, before...)
}
