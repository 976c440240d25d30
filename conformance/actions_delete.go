package conformance

import (
	"errors"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var actionDelete = area{name: "Actions/Delete", behaviours: []behaviour{
	{"RemovesTheAction", actionDeleteRemoves},
	{"OfAnUnknownIDIsFalse", actionDeleteUnknown},
	{"KeepsExecutionsAndCancelsThoseThatHaveNotEnded", actionDeleteCancels},
	{"TakesTheLeaseOfItsWorker", actionDeleteLease},
	{"LetsTheIDBeUsedAgain", actionDeleteReuse},
	{"OfOneActionSucceedsOnce", actionDeleteOnce},
	{"BesideOtherWritersLeavesNothingOpen", actionDeleteBeside},
}}

func (t *test) deleteAction(id uuid.UUID) {
	t.Helper()
	equal(t, "deleted", must(t, t.store.Actions().Delete, id), true)
}

func actionDeleteRemoves(t *test) {
	saved, neighbour := t.saveAction(), t.saveAction()
	t.deleteAction(saved.ID)
	_, err := t.store.Actions().GetByID(t.ctx, saved.ID)
	t.wantErr(err, driver.ErrNotFound, "Actions.GetByID")
	equal(t, "exists", must(t, t.store.Actions().Exists, saved.ID), false)
	t.wantForEvent("order.placed", driver.ActionOptions{}, neighbour)
	t.wantActionState(t.store, actionState{actions: []driver.Action{neighbour}})
	equal(t, "deleted again", must(t, t.store.Actions().Delete, saved.ID), false)
}

func actionDeleteUnknown(t *test) {
	saved := t.saveAction()
	execution := t.saveExecution(saved.ID)
	for _, id := range []uuid.UUID{newID(), {}, execution.ID} {
		equal(t, "deleted", must(t, t.store.Actions().Delete, id), false)
	}
	t.wantActionState(t.store, actionState{[]driver.Action{saved}, []driver.Execution{execution}})
}

func actionDeleteCancels(t *test) {
	saved, neighbour := t.saveAction(), t.saveAction()
	others := t.saveExecution(neighbour.ID)
	before := map[driver.ExecutionStatus]driver.Execution{}
	for _, status := range executionStatuses {
		before[status] = t.saveExecution(saved.ID, inStatus(status), func(e *driver.Execution) { e.ErrorMessage = "said before" })
	}
	began := t.now()
	t.deleteAction(saved.ID)
	ended := t.now()
	for status, want := range before {
		got := t.execution(want.ID)
		if !status.Final() {
			if got.CompletedAt == nil || got.CompletedAt.Before(began) || got.CompletedAt.After(ended) {
				t.Errorf("CompletedAt of what was %s: got %s, want it to be now", status, instant(got.CompletedAt))
			}
			want.Status, want.CompletedAt, want.UpdatedAt = driver.ExecutionCancelled, got.CompletedAt, got.UpdatedAt
			want.ErrorMessage, want.Revision = got.ErrorMessage, want.Revision+1
			if got.ErrorMessage == "" {
				t.Errorf("ErrorMessage of what was %s: got none, want the reason", status)
			}
		}
		sameEntity(t, "execution that was "+string(status), got, want)
	}
	sameEntity(t, "execution of another action", t.execution(others.ID), others)
	equal(t, "executions of the deleted action", len(must2(t, t.store.Executions().GetByAction, saved.ID, 0)), len(executionStatuses))
}

func actionDeleteLease(t *test) {
	saved := t.saveAction()
	t.saveExecution(saved.ID)
	claimed := t.claimExecutions(1)
	t.deleteAction(saved.ID)
	cancelled := t.execution(claimed[0].ID)
	equal(t, "status", cancelled.Status, driver.ExecutionCancelled)
	if cancelled.LeaseToken != nil || cancelled.LeaseUntil != nil {
		t.Errorf("lease: got %s until %s, want none", optional(cancelled.LeaseToken), instant(cancelled.LeaseUntil))
	}
	_, err := t.store.Executions().Complete(t.ctx, cancelled.ID, driver.ExecutionOutcome{
		Status: driver.ExecutionSuccess, LeaseToken: claimed[0].LeaseToken,
	})
	t.wantErrOn(err, driver.ErrState, "Executions.Complete", "execution", cancelled.ID.String())
	equal(t, "executions to claim", len(t.claimExecutions(0)), 0)
}

func actionDeleteReuse(t *test) {
	saved := t.saveAction()
	t.count(saved.ID, 2, 1, 1)
	t.deleteAction(saved.ID)
	again := changed(newAction(), func(a *driver.Action) { a.ID, a.EventTypes = saved.ID, []string{"user.created"} })
	stored := t.keepsAction("action with an id that was used before", changed(again, func(a *driver.Action) { a.ContextFilters = saved.ContextFilters }))
	t.wantForEvent("user.created", driver.ActionOptions{}, stored)
	t.wantForEvent("order.placed", driver.ActionOptions{})
}

func actionDeleteOnce(t *test) {
	const workers = 6
	saved := t.saveAction()
	t.saveExecution(saved.ID)
	deleted := make([]bool, workers)
	t.together(workers, func(i int) (err error) {
		deleted[i], err = t.store.Actions().Delete(t.ctx, saved.ID)
		return err
	})
	successes := 0
	for _, one := range deleted {
		if one {
			successes++
		}
	}
	equal(t, "calls that deleted it", successes, 1)
}

// actionDeleteBeside deletes an action while others save and complete executions of it.
func actionDeleteBeside(t *test) {
	const workers = 6
	each := scale(20, 5)
	action := t.saveAction()
	saved := t.saveExecutions(action.ID, workers*each, asItIs)
	var ended atomic.Int64
	t.together(workers+1, func(i int) error {
		if i == workers {
			_, err := t.store.Actions().Delete(t.ctx, action.ID)
			return err
		}
		for n := range each {
			_, err := t.store.Executions().Complete(t.ctx, saved[i*each+n].ID, succeeded)
			if err == nil {
				ended.Add(1)
			} else if !errors.Is(err, driver.ErrState) {
				return err
			}
			_, err = t.store.Executions().Save(t.ctx, newExecution(action.ID))
			if err != nil && !errors.Is(err, driver.ErrMissingReference) {
				return err
			}
		}
		return nil
	})
	all := t.allExecutions()
	equal(t, "executions that succeeded", len(ofStatus(all, driver.ExecutionSuccess)), int(ended.Load()))
	equal(t, "executions that succeeded or were cancelled", len(ofStatus(all, driver.ExecutionCancelled))+int(ended.Load()), len(all))
}
