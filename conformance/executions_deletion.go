package conformance

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionDeletion = area{name: "Executions/DeleteOlderThan", behaviours: []behaviour{
	{"RemovesThoseThatHaveEnded", deletionFinal},
	{"RemovesThoseOfTheStatusesGiven", deletionStatuses},
	{"LeavesWhatWasMadeAtTheCutoff", deletionCutoff},
	{"RemovesMoreThanABatch", deletionMany},
	{"IsUndoneWithItsTransaction", deletionInTx},
	{"BesideAnotherRemovesEachOnce", deletionTogether},
	{"LeavesWhatChangedMeanwhile", deletionOfChanged},
	{"RefusesAStatusThatThereIsNot", deletionInvalid},
}}

// deleteOld removes executions and fails the test unless exactly want are left.
func (t *test) deleteOld(cutoff time.Time, want []driver.Execution, statuses ...driver.ExecutionStatus) {
	t.Helper()
	before := len(t.allExecutions())
	deleted, err := t.store.Executions().DeleteOlderThan(t.ctx, cutoff, statuses...)
	t.ok(err)
	equal(t, "executions deleted", deleted, before-len(want))
	sameEntities(t, "executions left", t.allExecutions(), reversed(oldestFirst(want)))
}

// withoutStatuses leaves out executions of some statuses.
func withoutStatuses(executions []driver.Execution, statuses ...driver.ExecutionStatus) []driver.Execution {
	return slices.DeleteFunc(slices.Clone(executions), func(e driver.Execution) bool { return slices.Contains(statuses, e.Status) })
}

func deletionFinal(t *test) {
	action := t.saveAction()
	saved := t.executionsInAllOrders(action.ID)
	cutoff := t.later(oldestFirst(saved)[len(saved)-1].CreatedAt)
	left := withoutStatuses(saved, driver.FinalExecutionStatuses()...)
	t.deleteOld(cutoff, left)
	t.deleteOld(cutoff, left)
	sameEntity(t, "action", t.action(action.ID), action)
}

func deletionStatuses(t *test) {
	saved := t.executionsInAllOrders(t.saveAction().ID)
	cutoff := t.later(oldestFirst(saved)[len(saved)-1].CreatedAt)
	for _, statuses := range [][]driver.ExecutionStatus{
		{driver.ExecutionTimeout, driver.ExecutionTimeout}, {driver.ExecutionPending, driver.ExecutionSuccess}, executionStatuses,
	} {
		saved = withoutStatuses(saved, statuses...)
		t.deleteOld(cutoff, saved, statuses...)
	}
	equal(t, "executions left", len(saved), 0)
}

func deletionCutoff(t *test) {
	action := t.saveAction()
	var saved []driver.Execution
	for range 5 {
		batch := t.saveExecutions(action.ID, 3, func(_ int, e *driver.Execution) { e.Status = driver.ExecutionSuccess })
		saved = append(saved, batch...)
		t.later(batch[2].CreatedAt)
	}
	saved = oldestFirst(saved)
	t.deleteOld(saved[0].CreatedAt, saved)
	t.deleteOld(time.Time{}, saved)
	for _, cutoff := range []time.Time{
		saved[4].CreatedAt, saved[7].CreatedAt.Add(999).In(time.FixedZone("east", 3600)), saved[9].CreatedAt.Add(time.Microsecond),
	} {
		saved = slices.DeleteFunc(saved, func(e driver.Execution) bool { return e.CreatedAt.Before(cutoff.Truncate(time.Microsecond)) })
		t.deleteOld(cutoff, slices.Clone(saved))
	}
}

func deletionMany(t *test) {
	n := scale(1_050, 40)
	action := t.saveAction()
	t.saveExecutions(action.ID, n, func(_ int, e *driver.Execution) { e.Status = driver.ExecutionFailed })
	kept := t.saveExecution(action.ID)
	cutoff := t.later(kept.CreatedAt)
	deleted, err := t.store.Executions().DeleteOlderThan(t.ctx, cutoff)
	t.ok(err)
	equal(t, "executions deleted", deleted, n)
	sameEntities(t, "executions left", t.allExecutions(), []driver.Execution{kept})
}

func deletionInTx(t *test) {
	action := t.saveAction()
	saved := t.saveExecutions(action.ID, 5, func(_ int, e *driver.Execution) { e.Status = driver.ExecutionSuccess })
	before := t.actionStateOf(t.store)
	cutoff := t.later(oldestFirst(saved)[4].CreatedAt)
	t.undone(t.store, func(tx driver.Store) {
		deleted, err := tx.Executions().DeleteOlderThan(t.ctx, cutoff)
		t.ok(err)
		equal(t, "executions deleted", deleted, 5)
		equal(t, "executions left in the transaction", len(must2(t, tx.Executions().GetByAction, action.ID, 0)), 0)
	})
	t.wantActionState(t.store, before)
	t.inTx(func(tx driver.Store) {
		_, err := tx.Executions().DeleteOlderThan(t.ctx, cutoff, "done")
		t.wantInvalid(err, "Executions.DeleteOlderThan", "status")
		deleted, err := tx.Executions().DeleteOlderThan(t.ctx, cutoff)
		t.ok(err)
		equal(t, "executions deleted", deleted, 5)
	})
	equal(t, "executions left", len(t.allExecutions()), 0)
}

func deletionTogether(t *test) {
	const workers = 4
	n := scale(2_100, 60)
	action := t.saveAction()
	saved := t.saveExecutions(action.ID, n, func(_ int, e *driver.Execution) { e.Status = driver.ExecutionSuccess })
	cutoff := t.later(oldestFirst(saved)[n-1].CreatedAt)
	deleted := make([]int, workers)
	t.together(workers, func(i int) (err error) {
		deleted[i], err = t.store.Executions().DeleteOlderThan(t.ctx, cutoff)
		if left := len(must2(t, t.store.Executions().GetByAction, action.ID, 1)); err == nil && left > 0 {
			t.Errorf("DeleteOlderThan returned while some were left that nobody keeps")
		}
		return err
	})
	sum := 0
	for _, one := range deleted {
		sum += one
	}
	equal(t, "executions deleted", sum, n)
}

// deletionOfChanged deletes what a transaction is changing, so that it is no longer of the status.
func deletionOfChanged(t *test) {
	t.needsConcurrent()
	action := t.saveAction()
	saved := oldestFirst(t.saveExecutions(action.ID, 3, asItIs))
	cutoff := t.later(saved[2].CreatedAt)
	end := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Executions().ClaimPending(t.ctx, 2, 0)
		return err
	})
	var deleted int
	done := inBackground(func() (err error) {
		deleted, err = t.store.Executions().DeleteOlderThan(t.ctx, cutoff, driver.ExecutionPending)
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
	equal(t, "executions deleted", deleted, 1)
	equalList(t, "executions left", entityIDs(t.allExecutions()), []uuid.UUID{saved[1].ID, saved[0].ID})
}

func deletionInvalid(t *test) {
	saved := t.saveExecution(t.saveAction().ID, inStatus(driver.ExecutionSuccess))
	cutoff := t.later(saved.CreatedAt)
	for _, statuses := range [][]driver.ExecutionStatus{{""}, {"done"}, {driver.ExecutionSuccess, "Failed"}} {
		deleted, err := t.store.Executions().DeleteOlderThan(t.ctx, cutoff, statuses...)
		t.wantInvalid(err, "Executions.DeleteOlderThan", "status")
		equal(t, "executions deleted", deleted, 0)
	}
	sameEntities(t, "executions", t.allExecutions(), []driver.Execution{saved})
}
