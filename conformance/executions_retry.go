package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionRetry = area{name: "Executions/Retry", behaviours: []behaviour{
	{"IsDueAfterAPauseThatDoubles", failedDue},
	{"IsForWhatFailedOrTimedOut", failedStatuses},
	{"IsForThoseWithRetriesLeft", failedRetriesLeft},
	{"MindsWhatTheActionSaidWhenTheyFailed", failedPolicy},
	{"IsForThoseWithoutARetry", failedNotRetried},
	{"IsForThoseOfAnActionThatIsThere", failedOrphans},
	{"GetFailedOrdersByTheEndOfThePauseThenID", failedOrder},
	{"GetFailedLimitsWhatItReturns", failedLimits},
	{"RepeatsTheExecution", retryRepeats},
	{"OfARetryCountsOn", retryChain},
	{"OfOneThatHasARetryIsRefused", retryTwice},
	{"OfOneExecutionAtOnceSucceedsOnce", retryOnce},
	{"OfWhatDidNotFailIsRefused", retryStates},
	{"OfAnActionThatIsGoneIsRefused", retryOrphan},
	{"NeedsTheEventNoMore", retryWithoutEvent},
	{"OfAnUnknownIDIsRefused", retryUnknown},
	{"EndsWithTheHighestCount", retryHighest},
}}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// fails saves an execution that failed so long ago, after so many retries.
func (t *test) fails(actionID uuid.UUID, ago time.Duration, retries int, changes ...func(*driver.Execution)) driver.Execution {
	t.Helper()
	completed := t.now().Add(-ago)
	return t.saveExecution(actionID, append([]func(*driver.Execution){inStatus(driver.ExecutionFailed), func(e *driver.Execution) {
		e.CompletedAt, e.RetryCount = &completed, retries
	}}, changes...)...)
}

// wantFailed fails the test unless exactly these executions are to be tried again, in that order.
func (t *test) wantFailed(want ...driver.Execution) {
	t.Helper()
	sameEntities(t, "failed executions that are due", must(t, t.store.Executions().GetFailed, 0), want)
}

// failedDue stays far from the moments at which executions become due.
func failedDue(t *test) {
	const second, minute = time.Second, time.Minute
	var due []driver.Execution
	var actions []driver.Action
	for _, delay := range []int{1, 60, 3600} {
		action := t.saveAction(func(a *driver.Action) { a.RetryDelaySeconds, a.MaxRetries = delay, driver.MaxExecutionRetries })
		actions = append(actions, action)
		for _, retries := range []int{0, 1, 2, 5, 10, 16, 17, 18, 40, 49} {
			pause := time.Duration(min(float64(delay)*math.Exp2(float64(retries)), 86_400)) * second
			equal(t, "RetryDelay", action.RetryDelay(retries), pause)
			due = append(due, t.fails(action.ID, pause+10*minute, retries), t.fails(action.ID, pause+9999*time.Hour, retries))
			if pause > 10*minute {
				t.fails(action.ID, pause-10*minute, retries)
			}
			t.fails(action.ID, -10*minute, retries) // ended in the future
		}
	}
	t.wantFailed(byDue(due, actions...)...)
}

// byDue returns executions of some actions in the order of GetFailed.
func byDue(executions []driver.Execution, actions ...driver.Action) []driver.Execution {
	due := map[uuid.UUID]time.Time{}
	for _, e := range executions {
		for _, a := range actions {
			if a.ID == e.ActionID {
				due[e.ID] = e.CompletedAt.Add(a.RetryDelay(e.RetryCount))
			}
		}
	}
	return slices.SortedFunc(slices.Values(executions), func(a, b driver.Execution) int {
		return byAge(due[a.ID], due[b.ID], a.ID, b.ID)
	})
}

func failedStatuses(t *test) {
	action := t.saveAction()
	var want []driver.Execution
	for _, status := range executionStatuses {
		saved := t.saveExecution(action.ID, inStatus(status), func(e *driver.Execution) {
			if status.Final() {
				e.CompletedAt = ptr(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
			}
		})
		if status == driver.ExecutionFailed || status == driver.ExecutionTimeout {
			want = append(want, saved)
		}
	}
	t.wantFailed(byDue(want, action)...)
}

func failedRetriesLeft(t *test) {
	var want []driver.Execution
	var actions []driver.Action
	for _, most := range []int{0, 1, 3, driver.MaxExecutionRetries} {
		action := t.saveAction(func(a *driver.Action) { a.MaxRetries, a.RetryDelaySeconds = most, 1 })
		actions = append(actions, action)
		for _, retries := range []int{0, 1, 2, 3, 4, 49, 50} {
			saved := t.fails(action.ID, 48*time.Hour, retries)
			if retries < most {
				want = append(want, saved)
			}
		}
	}
	t.wantFailed(byDue(want, actions...)...)
}

// failedPolicy changes what an action says about retries before and after its executions fail.
func failedPolicy(t *test) {
	action := t.saveAction(func(a *driver.Action) { a.MaxRetries, a.RetryDelaySeconds = 0, 1 })
	t.fails(action.ID, 48*time.Hour, 0)
	action.MaxRetries, action.RetryDelaySeconds = 1, 3600
	action = t.updatesAction("action with a retry", action)
	t.wantFailed()
	due := t.fails(action.ID, 2*time.Hour, 0)
	t.fails(action.ID, 30*time.Minute, 0) // not due yet
	action.MaxRetries, action.RetryDelaySeconds = 0, 1
	t.updatesAction("action without retries", action)
	t.wantFailed(due)
}

func failedNotRetried(t *test) {
	action := t.saveAction()
	first, second := t.fails(action.ID, 3*time.Hour, 0), t.fails(action.ID, 2*time.Hour, 0)
	t.wantFailed(first, second)
	retry := must(t, t.store.Executions().Retry, first.ID)
	t.wantFailed(second)
	retry.Status, retry.CompletedAt = driver.ExecutionFailed, ptr(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	retry = t.updatesExecution("retry that failed", retry, retry)
	t.wantFailed(retry, second)
}

func failedOrphans(t *test) {
	gone, paused := t.saveAction(), t.saveAction(func(a *driver.Action) { a.Status = driver.ActionPaused })
	t.fails(gone.ID, time.Hour, 0)
	kept := t.fails(paused.ID, time.Hour, 0)
	t.deleteAction(gone.ID)
	t.wantFailed(kept)
}

func failedOrder(t *test) {
	action := t.saveAction()
	ends := []time.Time{
		time.Date(2020, 1, 1, 0, 0, 0, 2000, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2020, 1, 1, 0, 0, 0, 1000, time.UTC),
	}
	saved := t.saveExecutions(action.ID, 15, func(i int, e *driver.Execution) {
		e.ID, e.Status, e.CompletedAt, e.RetryCount = uuid.New(), driver.ExecutionTimeout, &ends[i%len(ends)], i%2
	})
	t.wantFailed(byDue(saved, action)...)
}

func failedLimits(t *test) {
	action := t.saveAction()
	saved := byDue(t.saveExecutions(action.ID, driver.DefaultLimit+5, func(i int, e *driver.Execution) {
		e.Status, e.CompletedAt = driver.ExecutionFailed, ptr(time.Date(2020, 1, 1, 0, 0, i*7%11, 0, time.UTC))
	}), action)
	for limit, want := range map[int]int{0: driver.DefaultLimit, 3: 3, driver.MaxLimit: len(saved)} {
		sameEntities(t, "failed executions", must(t, t.store.Executions().GetFailed, limit), saved[:want])
	}
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := t.store.Executions().GetFailed(t.ctx, limit)
		t.wantInvalid(err, "Executions.GetFailed", "limit")
	}
}

func retryRepeats(t *test) {
	action := t.saveAction(func(a *driver.Action) { a.MaxRetries = 0 }) // GetFailed minds it, Retry does not
	original := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed))
	full := fullExecution(action.ID, t.save(newEvent()).ID, original.ID)
	full.RetryCount = 1
	for _, status := range []driver.ExecutionStatus{driver.ExecutionFailed, driver.ExecutionTimeout} {
		failed := must(t, t.store.Executions().Save, changed(full, func(e *driver.Execution) {
			e.ID, e.Status = uuid.Nil, status
			if status == driver.ExecutionTimeout {
				e.RetryOf = nil
			}
		}))
		retry := must(t, t.store.Executions().Retry, failed.ID)
		want := driver.Execution{
			ID: retry.ID, ActionID: failed.ActionID, EventID: failed.EventID, EventType: failed.EventType, EventData: failed.EventData,
			Status: driver.ExecutionPending, RetryCount: 2, RetryOf: &failed.ID, ExecutionContext: failed.ExecutionContext,
			CreatedAt: retry.CreatedAt, UpdatedAt: retry.UpdatedAt, Revision: 1,
		}
		sameEntity(t, "retry returned", retry, want)
		sameEntity(t, "retry read back", t.execution(retry.ID), want)
		sameEntity(t, "execution that was retried", t.execution(failed.ID), failed)
		equal(t, "id of the retry", retry.ID == failed.ID || retry.ID == uuid.Nil, false)
		equalList(t, "ids claimed", entityIDs(t.claimExecutions(0)), []uuid.UUID{retry.ID})
	}
	t.wantCounters(action.ID, 0, 0, 0)
}

func retryChain(t *test) {
	action := t.saveAction()
	last := t.saveExecution(action.ID)
	for i := range 4 {
		last = t.complete(last.ID, driver.ExecutionOutcome{Status: driver.ExecutionFailed})
		retry := must(t, t.store.Executions().Retry, last.ID)
		equal(t, "RetryCount", retry.RetryCount, i+1)
		equal(t, "RetryOf", optional(retry.RetryOf), last.ID.String())
		last = retry
	}
	t.wantCounters(action.ID, 4, 0, 4)
}

func retryTwice(t *test) {
	action := t.saveAction()
	failed := t.fails(action.ID, time.Hour, 0)
	retry := must(t, t.store.Executions().Retry, failed.ID)
	before := t.actionStateOf(t.store)
	_, err := t.store.Executions().Retry(t.ctx, failed.ID)
	t.wantErrOn(err, driver.ErrAlreadyExists, "Executions.Retry", "execution", failed.ID.String())
	t.wantActionState(t.store, before)
	t.inTx(func(tx driver.Store) {
		_, err := tx.Executions().Retry(t.ctx, failed.ID)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Executions.Retry", "execution", failed.ID.String())
		must2(t, tx.Executions().Complete, retry.ID, driver.ExecutionOutcome{Status: driver.ExecutionTimeout})
		must(t, tx.Executions().Retry, retry.ID)
	})
	equal(t, "executions", len(must2(t, t.store.Executions().GetByAction, action.ID, 0)), 3)
}

func retryOnce(t *test) {
	const workers = 8
	action := t.saveAction()
	failed := t.fails(action.ID, time.Hour, 0)
	var succeeded, refused atomic.Int64
	t.together(workers, func(int) error {
		_, err := t.store.Executions().Retry(t.ctx, failed.ID)
		switch {
		case err == nil:
			succeeded.Add(1)
		case errors.Is(err, driver.ErrAlreadyExists):
			refused.Add(1)
		default:
			return err
		}
		return nil
	})
	equal(t, "calls that made a retry", succeeded.Load(), 1)
	equal(t, "calls that were refused", refused.Load(), workers-1)
	equal(t, "executions", len(must2(t, t.store.Executions().GetByAction, action.ID, 0)), 2)
}

func retryStates(t *test) {
	action := t.saveAction()
	for _, status := range []driver.ExecutionStatus{
		driver.ExecutionPending, driver.ExecutionRunning, driver.ExecutionSuccess, driver.ExecutionCancelled,
	} {
		saved := t.saveExecution(action.ID, inStatus(status))
		_, err := t.store.Executions().Retry(t.ctx, saved.ID)
		t.wantErrOn(err, driver.ErrState, "Executions.Retry", "execution", saved.ID.String())
	}
	equal(t, "executions", len(must2(t, t.store.Executions().GetByAction, action.ID, 0)), 4)
}

func retryOrphan(t *test) {
	action := t.saveAction()
	failed := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed), func(e *driver.Execution) { e.Result = json.RawMessage(`1`) })
	t.deleteAction(action.ID)
	_, err := t.store.Executions().Retry(t.ctx, failed.ID)
	t.wantMissing(err, "Executions.Retry", "action_id", "action", action.ID)
	t.wantErrOn(err, driver.ErrMissingReference, "Executions.Retry", "execution", failed.ID.String())
	t.wantActionState(t.store, actionState{executions: []driver.Execution{failed}})
}

func retryWithoutEvent(t *test) {
	action, gone := t.saveAction(), newID()
	failed := t.fails(action.ID, time.Hour, 0)
	second := t.fails(action.ID, time.Hour, 1, func(e *driver.Execution) { e.RetryOf, e.EventID = &failed.ID, &gone })
	third := must(t, t.store.Executions().Retry, second.ID)
	equal(t, "event of the retry", optional(third.EventID), gone.String())
	equal(t, "RetryCount", third.RetryCount, 2)
}

func retryUnknown(t *test) {
	id := newID()
	_, err := t.store.Executions().Retry(t.ctx, id)
	t.wantErrOn(err, driver.ErrNotFound, "Executions.Retry", "execution", id.String())
}

func retryHighest(t *test) {
	action := t.saveAction()
	last := must(t, t.store.Executions().Retry, t.fails(action.ID, time.Hour, 49).ID)
	equal(t, "RetryCount", last.RetryCount, 50)
	t.complete(last.ID, driver.ExecutionOutcome{Status: driver.ExecutionFailed})
	_, err := t.store.Executions().Retry(t.ctx, last.ID)
	t.wantErrOn(err, driver.ErrState, "Executions.Retry", "execution", last.ID.String())
}
