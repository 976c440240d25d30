package conformance

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var executionUpdate = area{name: "Executions/Update", behaviours: []behaviour{
	{"ReplacesWhatCanChange", executionUpdateReplaces},
	{"ClearsWhatIsEmpty", executionUpdateClears},
	{"KeepsWhatIsFixed", executionUpdateKeeps},
	{"MovesTheStatusForwardOnly", executionUpdateForward},
	{"CompletesWhatEnds", executionUpdateCompletes},
	{"EndsTheLeaseWithAFinalStatusOnly", executionUpdateLease},
	{"ChangesNoCounters", executionUpdateCounters},
	{"WorksWithoutWhatItRefersTo", executionUpdateOrphan},
	{"RefusesAStaleRevision", executionUpdateStale},
	{"RefusesAnUnknownID", executionUpdateUnknown},
	{"RefusesWhatBreaksARule", executionUpdateInvalid},
	{"OfOneRevisionSucceedsOnce", executionUpdateOnce},
}}

// updatesExecution updates an execution and fails the test for every field that is not as wanted.
func (t *test) updatesExecution(what string, given, want driver.Execution) driver.Execution {
	t.Helper()
	before := t.execution(given.ID)
	updated := must(t, t.store.Executions().Update, given)
	want.Revision, want.UpdatedAt = before.Revision+1, updated.UpdatedAt
	sameEntity(t, what+", returned", updated, want)
	sameEntity(t, what+", read back", t.execution(given.ID), want)
	if updated.UpdatedAt.Before(before.UpdatedAt) {
		t.Errorf("updated at: got %s, want it not to be before %s", updated.UpdatedAt, before.UpdatedAt)
	}
	return updated
}

func executionUpdateReplaces(t *test) {
	action := t.saveAction()
	given := t.saveExecution(action.ID)
	full := fullExecution(action.ID, newID(), newID())
	given.Status, given.StartedAt, given.DurationMS = driver.ExecutionRunning, full.StartedAt, full.DurationMS
	given.Result, given.ErrorMessage, given.ExecutionContext = full.Result, full.ErrorMessage, full.ExecutionContext
	given = t.updatesExecution("execution that runs", given, given)
	given.Status, given.CompletedAt, given.DurationMS = driver.ExecutionSuccess, full.CompletedAt, ptr(int64(0))
	given.Result, given.ErrorMessage, given.ExecutionContext = json.RawMessage(` null `), "another one", json.RawMessage(`{ }`)
	t.updatesExecution("execution that ended", given, given)
}

func executionUpdateClears(t *test) {
	action := t.saveAction()
	saved := must(t, t.store.Executions().Save, changed(fullExecution(action.ID, t.save(newEvent()).ID, t.saveExecution(action.ID).ID), func(e *driver.Execution) {
		e.Status, e.CompletedAt = driver.ExecutionRunning, nil
	}))
	given := driver.Execution{ID: saved.ID, Revision: saved.Revision, ActionID: saved.ActionID, EventType: saved.EventType, Status: driver.ExecutionRunning}
	want := saved
	want.StartedAt, want.DurationMS, want.Result, want.ErrorMessage, want.ExecutionContext = nil, nil, nil, "", json.RawMessage("{}")
	t.updatesExecution("execution", given, want)
}

func executionUpdateKeeps(t *test) {
	action, other, event := t.saveAction(), t.saveAction(), t.save(newEvent())
	first := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed))
	saved := t.saveExecution(action.ID, func(e *driver.Execution) { e.EventID, e.RetryOf, e.RetryCount = &event.ID, &first.ID, 1 })
	given := saved
	given.ActionID, given.EventID, given.RetryOf, given.RetryCount = other.ID, nil, nil, 9
	given.EventType, given.EventData = "user.created", json.RawMessage(`{"other": 1}`)
	given.CreatedAt, given.LeaseToken, given.LeaseUntil = time.Time{}, ptr(newID()), ptr(time.Now())
	given = t.updatesExecution("execution with other fixed fields", given, saved)
	given.ActionID, given.EventID, given.RetryOf = newID(), ptr(newID()), ptr(newID()) // not there
	t.updatesExecution("execution with other references", given, saved)
}

func executionUpdateForward(t *test) {
	action := t.saveAction()
	place := map[driver.ExecutionStatus]int{driver.ExecutionPending: 0, driver.ExecutionRunning: 1}
	for _, status := range driver.FinalExecutionStatuses() {
		place[status] = 2
	}
	for _, from := range executionStatuses {
		for _, to := range executionStatuses {
			saved := t.saveExecution(action.ID, inStatus(from))
			given := saved
			given.Status, given.ErrorMessage = to, "changed"
			if !to.Final() {
				given.CompletedAt = nil
			}
			equal(t, "CanBecome of "+string(from)+" and "+string(to), from.CanBecome(to), place[from] < 2 && place[from] <= place[to])
			if place[from] < 2 && place[from] <= place[to] {
				equal(t, "status after "+string(from), must(t, t.store.Executions().Update, given).Status, to)
				continue
			}
			_, err := t.store.Executions().Update(t.ctx, given)
			t.wantErrOn(err, driver.ErrState, "Executions.Update", "execution", saved.ID.String())
			sameEntity(t, "execution that was "+string(from), t.execution(saved.ID), saved)
		}
	}
}

func executionUpdateCompletes(t *test) {
	action := t.saveAction()
	for _, status := range driver.FinalExecutionStatuses() {
		given := t.saveExecution(action.ID)
		began := t.now()
		given.Status = status
		updated := must(t, t.store.Executions().Update, given)
		if updated.CompletedAt == nil || updated.CompletedAt.Before(began) || updated.CompletedAt.After(t.now()) {
			t.Errorf("CompletedAt of one that is %s: got %s, want it to be now", status, instant(updated.CompletedAt))
		}
		sameEntity(t, "execution read back", t.execution(given.ID), updated)
	}
}

func executionUpdateLease(t *test) {
	action := t.saveAction()
	for _, status := range append(driver.FinalExecutionStatuses(), driver.ExecutionRunning) {
		t.saveExecution(action.ID)
		claimed := t.claimExecutions(1)[0]
		given, want := claimed, claimed
		given.Status, given.LeaseToken, given.LeaseUntil = status, nil, nil
		want.Status = status
		if status.Final() {
			given.CompletedAt = claimed.StartedAt
			want.CompletedAt, want.LeaseToken, want.LeaseUntil = claimed.StartedAt, nil, nil
		}
		t.updatesExecution("claimed execution that is now "+string(status), given, want)
	}
}

func executionUpdateCounters(t *test) {
	action := t.saveAction()
	for _, status := range driver.FinalExecutionStatuses() {
		given := t.saveExecution(action.ID)
		given.Status = status
		must(t, t.store.Executions().Update, given)
	}
	sameEntity(t, "action", t.action(action.ID), action)
}

func executionUpdateOrphan(t *test) {
	action := t.saveAction()
	failed := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed))
	retry := must(t, t.store.Executions().Retry, failed.ID)
	deleted, err := t.store.Executions().DeleteOlderThan(t.ctx, t.later(retry.CreatedAt))
	t.ok(err)
	equal(t, "executions deleted", deleted, 1)
	retry.Status, retry.ErrorMessage = driver.ExecutionRunning, "changed"
	retry = t.updatesExecution("retry of what is gone", retry, retry)

	t.deleteAction(action.ID)
	cancelled := t.execution(retry.ID)
	_, err = t.store.Executions().Update(t.ctx, changed(cancelled, inStatus(driver.ExecutionSuccess)))
	t.wantErrOn(err, driver.ErrState, "Executions.Update", "execution", retry.ID.String())
	sameEntity(t, "execution without an action", t.execution(retry.ID), cancelled)
}

func executionUpdateStale(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	latest := saved
	latest.ErrorMessage = "changed"
	latest = t.updatesExecution("execution", latest, latest)
	for _, revision := range []int64{saved.Revision, latest.Revision + 1, 0, -1} {
		stale := latest
		stale.Revision, stale.Status = revision, driver.ExecutionSuccess
		_, err := t.store.Executions().Update(t.ctx, stale)
		t.wantErrOn(err, driver.ErrConflict, "Executions.Update", "execution", saved.ID.String())
		sameEntity(t, "execution", t.execution(saved.ID), latest)
	}
	claimed := t.claimExecutions(1)[0] // changes it, too
	_, err := t.store.Executions().Update(t.ctx, latest)
	t.wantErr(err, driver.ErrConflict, "Executions.Update")
	sameEntity(t, "execution", t.execution(saved.ID), claimed)
}

func executionUpdateUnknown(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	unknown := saved
	unknown.ID = newID()
	_, err := t.store.Executions().Update(t.ctx, unknown)
	t.wantErrOn(err, driver.ErrNotFound, "Executions.Update", "execution", unknown.ID.String())
	t.wantActionState(t.store, actionState{[]driver.Action{action}, []driver.Execution{saved}})
}

func executionUpdateInvalid(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	for _, spoiled := range spoiledExecutions {
		_, err := t.store.Executions().Update(t.ctx, changed(saved, spoiled.change))
		t.wantInvalid(err, "Executions.Update", spoiled.field)
	}
	sameEntity(t, "execution", t.execution(saved.ID), saved)
}

func executionUpdateOnce(t *test) {
	const writers = 8
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	var succeeded, conflicts atomic.Int64
	t.together(writers, func(i int) error {
		mine := saved
		mine.Status = executionStatuses[i%len(executionStatuses)]
		_, err := t.store.Executions().Update(t.ctx, mine)
		switch {
		case err == nil:
			succeeded.Add(1)
		case errors.Is(err, driver.ErrConflict):
			conflicts.Add(1)
		default:
			return err
		}
		return nil
	})
	equal(t, "updates that succeeded", succeeded.Load(), 1)
	equal(t, "updates that were refused", conflicts.Load(), writers-1)
	equal(t, "revision", t.execution(saved.ID).Revision, saved.Revision+1)
}
