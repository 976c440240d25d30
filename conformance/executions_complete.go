package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionComplete = area{name: "Executions/Complete", behaviours: []behaviour{
	{"EndsTheExecution", completeEnds},
	{"CountsForTheActionByTheOutcome", completeCounts},
	{"TakesTheDurationFromItsStart", completeDuration},
	{"KeepsTheResultAndTheMessage", completeKeeps},
	{"OfOneThatHasEndedIsRefused", completeTwice},
	{"NeedsTheTokenOfALease", completeToken},
	{"RefusesATokenThatIsNotCurrent", completeWrongToken},
	{"TakesTheCurrentTokenOfALeaseThatRanOut", completeLate},
	{"OfManyAtOnceSucceedsOnce", completeOnce},
	{"LosesNoCountWhenManyCompleteAtOnce", completeMany},
	{"RollsBackWithItsCounters", completeRollsBack},
	{"RefusesAnUnknownID", completeUnknown},
	{"RefusesWhatBreaksARule", completeInvalid},
}}

// succeeded is an outcome of an execution that nobody leases.
var succeeded = driver.ExecutionOutcome{Status: driver.ExecutionSuccess}

// complete ends an execution.
func (t *test) complete(id uuid.UUID, outcome driver.ExecutionOutcome) driver.Execution {
	t.Helper()
	return must2(t, t.store.Executions().Complete, id, outcome)
}

func completeEnds(t *test) {
	action := t.saveAction()
	for _, from := range []driver.ExecutionStatus{driver.ExecutionPending, driver.ExecutionRunning} {
		for _, status := range driver.FinalExecutionStatuses() {
			saved := t.saveExecution(action.ID, inStatus(from), func(e *driver.Execution) {
				e.Result, e.ErrorMessage, e.DurationMS = json.RawMessage(`1`), "so far", ptr(int64(5))
			})
			began := t.now()
			completed := t.complete(saved.ID, driver.ExecutionOutcome{Status: status})
			if completed.CompletedAt == nil || completed.CompletedAt.Before(began) || completed.CompletedAt.After(t.now()) {
				t.Errorf("CompletedAt: got %s, want it to be now", instant(completed.CompletedAt))
			}
			want := saved
			want.Status, want.Result, want.ErrorMessage, want.DurationMS = status, nil, "", nil
			want.CompletedAt, want.UpdatedAt, want.Revision = completed.CompletedAt, completed.UpdatedAt, saved.Revision+1
			sameEntity(t, "execution that was "+string(from), completed, want)
			sameEntity(t, "execution read back", t.execution(saved.ID), completed)
		}
	}
}

func completeCounts(t *test) {
	action, neighbour := t.saveAction(), t.saveAction()
	var triggered, success, failure int64
	for _, status := range []driver.ExecutionStatus{
		driver.ExecutionCancelled, driver.ExecutionSuccess, driver.ExecutionFailed, driver.ExecutionTimeout, driver.ExecutionSuccess,
	} {
		before := t.action(action.ID).LastTriggeredAt
		t.complete(t.saveExecution(action.ID).ID, driver.ExecutionOutcome{Status: status})
		switch status {
		case driver.ExecutionSuccess:
			triggered, success = triggered+1, success+1
		case driver.ExecutionFailed, driver.ExecutionTimeout:
			triggered, failure = triggered+1, failure+1
		}
		t.wantCounters(action.ID, triggered, success, failure)
		after := t.action(action.ID).LastTriggeredAt
		switch {
		case status == driver.ExecutionCancelled:
			equal(t, "LastTriggeredAt after a cancelled one", instant(after), instant(before))
		case after == nil || before != nil && after.Before(*before):
			t.Errorf("LastTriggeredAt after one that is %s: got %s, want it to be now", status, instant(after))
		}
	}
	sameEntity(t, "another action", t.action(neighbour.ID), neighbour)
}

func completeDuration(t *test) {
	action := t.saveAction()
	began := t.now()
	duration := func(startedAt *time.Time, given *int64) int64 {
		saved := t.saveExecution(action.ID, inStatus(driver.ExecutionRunning), func(e *driver.Execution) { e.StartedAt = startedAt })
		completed := t.complete(saved.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess, DurationMS: given})
		equal(t, "StartedAt", instant(completed.StartedAt), instant(startedAt))
		if completed.DurationMS == nil {
			return -1
		}
		return *completed.DurationMS
	}
	equal(t, "duration without a start", duration(nil, nil), -1)
	equal(t, "duration given", duration(nil, ptr(int64(17))), 17)
	equal(t, "duration given, with a start", duration(ptr(began.Add(-time.Hour)), ptr(int64(0))), 0)
	equal(t, "duration from a start to come", duration(ptr(began.Add(time.Hour)), nil), 0)
	equal(t, "duration since the year 1", duration(ptr(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), nil), driver.MaxDurationMS)

	start := began.Add(-time.Hour)
	got := duration(&start, nil)
	if least, most := began.Sub(start).Milliseconds(), t.now().Sub(start).Milliseconds(); got < least || got > most {
		t.Errorf("duration since the start: got %d ms, want %d to %d", got, least, most)
	}
}

func completeKeeps(t *test) {
	action := t.saveAction()
	for name, text := range documents {
		completed := t.complete(t.saveExecution(action.ID).ID, driver.ExecutionOutcome{
			Status: driver.ExecutionFailed, Result: json.RawMessage(text), ErrorMessage: "no \"answer\"\nfrom <müde>",
		})
		if string(completed.Result) != text {
			t.Errorf("result %s: got %s, want it byte for byte", name, excerpt(string(completed.Result), firstDifference(string(completed.Result), text)))
		}
		equal(t, "error message", completed.ErrorMessage, "no \"answer\"\nfrom <müde>")
		sameEntity(t, "execution read back", t.execution(completed.ID), completed)
	}
	completed := t.complete(t.saveExecution(action.ID).ID, driver.ExecutionOutcome{
		Status: driver.ExecutionFailed, Result: json.RawMessage(` null `), ErrorMessage: "a\x00\xff" + strings.Repeat("é", driver.MaxErrorMessage),
	})
	equal(t, "result", string(completed.Result), " null ")
	equal(t, "start of the error message", completed.ErrorMessage[:9], "a\ufffd\ufffdé")
	equal(t, "bytes of the error message", len(completed.ErrorMessage), driver.MaxErrorMessage-1)
	sameEntity(t, "execution read back", t.execution(completed.ID), completed)
}

func completeTwice(t *test) {
	action := t.saveAction()
	for _, first := range driver.FinalExecutionStatuses() {
		saved := t.complete(t.saveExecution(action.ID).ID, driver.ExecutionOutcome{Status: first})
		before := t.actionStateOf(t.store)
		for _, second := range driver.FinalExecutionStatuses() {
			for _, token := range []*uuid.UUID{nil, ptr(newID())} {
				_, err := t.store.Executions().Complete(t.ctx, saved.ID, driver.ExecutionOutcome{Status: second, LeaseToken: token})
				t.wantErrOn(err, driver.ErrState, "Executions.Complete", "execution", saved.ID.String())
			}
		}
		t.wantActionState(t.store, before)
	}
}

func completeToken(t *test) {
	action := t.saveAction()
	t.saveExecution(action.ID)
	claimed := t.claimExecutions(1)[0]
	_, err := t.store.Executions().Complete(t.ctx, claimed.ID, succeeded)
	t.wantErrOn(err, driver.ErrLeaseLost, "Executions.Complete", "execution", claimed.ID.String())
	sameEntity(t, "execution", t.execution(claimed.ID), claimed)
	t.wantCounters(action.ID, 0, 0, 0)

	completed := t.complete(claimed.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess, LeaseToken: claimed.LeaseToken})
	equal(t, "status", completed.Status, driver.ExecutionSuccess)
	equal(t, "LeaseToken", optional(completed.LeaseToken), "nil")
	equal(t, "LeaseUntil", instant(completed.LeaseUntil), "nil")
	if completed.DurationMS == nil {
		t.Error("duration of one that was claimed: got nil, want the time since it was claimed")
	}
	t.wantCounters(action.ID, 1, 1, 0)
}

func completeWrongToken(t *test) {
	action := t.saveAction()
	t.saveExecution(action.ID)
	claimed := t.claimExecutions(1)[0]
	unclaimed := t.saveExecution(action.ID)
	before := t.actionStateOf(t.store)
	for _, saved := range []driver.Execution{claimed, unclaimed} {
		_, err := t.store.Executions().Complete(t.ctx, saved.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess, LeaseToken: ptr(newID())})
		t.wantErrOn(err, driver.ErrLeaseLost, "Executions.Complete", "execution", saved.ID.String())
	}
	t.wantActionState(t.store, before)
}

// completeLate completes under leases that ran out: nobody else has it, or somebody has.
func completeLate(t *test) {
	action := t.saveAction()
	t.saveExecution(action.ID)
	first := t.claimFor(time.Millisecond)
	second := t.claimAgain(time.Millisecond)
	if *first.LeaseToken == *second.LeaseToken {
		t.Errorf("two claims got the same token %s", *first.LeaseToken)
	}
	_, err := t.store.Executions().Complete(t.ctx, first.ID, driver.ExecutionOutcome{Status: driver.ExecutionFailed, LeaseToken: first.LeaseToken})
	t.wantErr(err, driver.ErrLeaseLost, "Executions.Complete")
	t.later(*second.LeaseUntil)
	completed := t.complete(second.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess, LeaseToken: second.LeaseToken})
	equal(t, "status", completed.Status, driver.ExecutionSuccess)

	t.saveExecution(action.ID)
	third := t.claimFor(time.Millisecond)
	t.later(*third.LeaseUntil)
	equal(t, "status, without a token", t.complete(third.ID, succeeded).Status, driver.ExecutionSuccess)
	t.wantCounters(action.ID, 2, 2, 0)
}

func completeOnce(t *test) {
	const workers = 16
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	var completed, refused atomic.Int64
	t.together(workers, func(i int) error {
		_, err := t.store.Executions().Complete(t.ctx, saved.ID, driver.ExecutionOutcome{
			Status: driver.ExecutionSuccess, ErrorMessage: fmt.Sprint("worker ", i),
		})
		switch {
		case err == nil:
			completed.Add(1)
		case errors.Is(err, driver.ErrState):
			refused.Add(1)
		default:
			return err
		}
		return nil
	})
	equal(t, "calls that completed it", completed.Load(), 1)
	equal(t, "calls that were refused", refused.Load(), workers-1)
	t.wantCounters(action.ID, 1, 1, 0)
}

func completeMany(t *test) {
	const workers = 8
	each := scale(25, 5)
	action := t.saveAction()
	saved := t.saveExecutions(action.ID, workers*each, asItIs)
	t.together(workers, func(i int) error {
		for n := range each {
			outcome := driver.ExecutionOutcome{Status: []driver.ExecutionStatus{driver.ExecutionSuccess, driver.ExecutionFailed}[n%2]}
			if _, err := t.store.Executions().Complete(t.ctx, saved[i*each+n].ID, outcome); err != nil {
				return err
			}
		}
		return nil
	})
	failed := int64(workers * (each / 2))
	t.wantCounters(action.ID, int64(len(saved)), int64(len(saved))-failed, failed)
}

func completeRollsBack(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	before := t.actionStateOf(t.store)
	t.undone(t.store, func(tx driver.Store) {
		must2(t, tx.Executions().Complete, saved.ID, succeeded)
		equal(t, "triggers seen in the transaction", must(t, tx.Actions().GetByID, action.ID).TriggerCount, 1)
	})
	t.wantActionState(t.store, before)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { must2(t, nested.Executions().Complete, saved.ID, succeeded) })
		t.wantActionState(tx, before)
	})
	t.complete(saved.ID, succeeded)
	t.wantCounters(action.ID, 1, 1, 0)
}

func completeUnknown(t *test) {
	action := t.saveAction()
	id := newID()
	_, err := t.store.Executions().Complete(t.ctx, id, succeeded)
	t.wantErrOn(err, driver.ErrNotFound, "Executions.Complete", "execution", id.String())
	sameEntity(t, "action", t.action(action.ID), action)
}

func completeInvalid(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	for field, outcomes := range map[string][]driver.ExecutionOutcome{
		"status":      {{}, {Status: driver.ExecutionPending}, {Status: driver.ExecutionRunning}, {Status: "done"}},
		"result":      {{Status: driver.ExecutionSuccess, Result: json.RawMessage(`{`)}, {Status: driver.ExecutionSuccess, Result: json.RawMessage{}}},
		"duration_ms": {{Status: driver.ExecutionSuccess, DurationMS: ptr(int64(-1))}, {Status: driver.ExecutionSuccess, DurationMS: ptr(int64(driver.MaxDurationMS + 1))}},
		"lease_token": {{Status: driver.ExecutionSuccess, LeaseToken: &uuid.Nil}},
	} {
		for _, outcome := range outcomes {
			for _, id := range []uuid.UUID{saved.ID, newID()} {
				_, err := t.store.Executions().Complete(t.ctx, id, outcome)
				t.wantInvalid(err, "Executions.Complete", field)
			}
		}
	}
	t.wantActionState(t.store, actionState{[]driver.Action{action}, []driver.Execution{saved}})
}
