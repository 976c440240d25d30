package conformance

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionClaim = area{name: "Executions/ClaimPending", behaviours: []behaviour{
	{"LeasesAndStartsThem", claimStarts},
	{"KeepsAStartThatWasGiven", claimKeepsStart},
	{"GivesEachToOneWorker", claimOnce},
	{"OrdersByRankThenAgeThenID", claimOrder},
	{"TakesThePriorityOfTheActionAtTheTime", claimPriority},
	{"LeavesThoseOfActionsThatPause", claimPaused},
	{"TakesOverWhatALeaseRanOutOf", claimExpired},
	{"NeverTakesWhatRunsWithoutALease", claimUnleased},
	{"NeverTakesWhatHasEnded", claimEnded},
	{"PassesOverWhatAnotherTransactionHolds", claimHeld},
	{"LeavesNothingWhenRolledBack", claimRolledBack},
	{"LimitsWhatItReturns", claimLimits},
	{"RefusesALeaseThatThereIsNot", claimLeases},
}}

// claimExecutions claims executions for the default lease.
func (t *test) claimExecutions(limit int) []driver.Execution {
	t.Helper()
	return must2(t, t.store.Executions().ClaimPending, limit, 0)
}

// claimFor claims the one execution there is to claim.
func (t *test) claimFor(lease time.Duration) driver.Execution {
	t.Helper()
	claimed := must2(t, t.store.Executions().ClaimPending, 0, lease)
	if len(claimed) != 1 {
		t.Fatalf("executions claimed: got %d, want 1", len(claimed))
	}
	return claimed[0]
}

// claimAgain waits until the lease of the one execution there is has run out, and claims it.
func (t *test) claimAgain(lease time.Duration) driver.Execution {
	t.Helper()
	for {
		if claimed := must2(t, t.store.Executions().ClaimPending, 0, lease); len(claimed) > 0 {
			return claimed[0]
		}
	}
}

func claimStarts(t *test) {
	action := t.saveAction()
	saved := oldestFirst(t.saveExecutions(action.ID, 3, func(i int, e *driver.Execution) { e.DurationMS = ptr(int64(i)) }))
	for _, lease := range []time.Duration{0, time.Hour, driver.MaxLease} {
		began := t.now()
		claimed := must2(t, t.store.Executions().ClaimPending, 1, lease)
		ended := t.now()
		want := saved[:1]
		saved = saved[1:]
		equalList(t, "claimed", entityIDs(claimed), entityIDs(want))
		if t.Failed() {
			return
		}
		got := claimed[0]
		if got.StartedAt == nil || got.StartedAt.Before(began) || got.StartedAt.After(ended) {
			t.Errorf("StartedAt: got %s, want it to be now", instant(got.StartedAt))
		}
		until := cmp.Or(lease, driver.DefaultLease)
		if got.LeaseUntil == nil || got.LeaseUntil.Before(began.Add(until)) || got.LeaseUntil.After(ended.Add(until)) {
			t.Errorf("LeaseUntil: got %s, want it to be %s from now", instant(got.LeaseUntil), until)
		}
		if got.LeaseToken == nil || *got.LeaseToken == uuid.Nil {
			t.Errorf("LeaseToken: got %s, want one", optional(got.LeaseToken))
		}
		want[0].Status, want[0].Revision, want[0].UpdatedAt = driver.ExecutionRunning, want[0].Revision+1, got.UpdatedAt
		want[0].StartedAt, want[0].LeaseToken, want[0].LeaseUntil = got.StartedAt, got.LeaseToken, got.LeaseUntil
		sameEntity(t, "execution claimed", got, want[0])
		sameEntity(t, "execution read back", t.execution(got.ID), got)
	}
	claimed := t.claimExecutions(0)
	if claimed == nil || len(claimed) > 0 {
		t.Errorf("claimed when nothing was left: got %v, want an empty list", claimed)
	}
}

func claimKeepsStart(t *test) {
	action := t.saveAction()
	started := time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)
	t.saveExecution(action.ID, func(e *driver.Execution) { e.StartedAt = &started })
	equal(t, "StartedAt", instant(t.claimFor(0).StartedAt), instant(&started))
}

func claimOnce(t *test) {
	const workers = 8
	n := scale(200, 40)
	action := t.saveAction()
	saved := t.saveExecutions(action.ID, n, asItIs)
	t.wantClaimedOnce(workers, entityIDs(saved), func(i int) ([]uuid.UUID, error) {
		mine, err := t.store.Executions().ClaimPending(t.ctx, 3+i%4, 0)
		return entityIDs(mine), err
	})
	for _, execution := range saved {
		equal(t, "status", t.execution(execution.ID).Status, driver.ExecutionRunning)
	}
}

func claimOrder(t *test) {
	var want []driver.Execution
	rank := map[uuid.UUID]int{}
	actions := map[driver.Priority]driver.Action{}
	for i := range 4 {
		priority := driver.PriorityOfRank(1 + i*3%4)
		actions[priority] = t.saveAction(func(a *driver.Action) { a.Priority = priority })
	}
	for range 3 {
		t.inTx(func(tx driver.Store) {
			for i := range 8 {
				priority := driver.PriorityOfRank(1 + i%4)
				saved := t.saveExecutionTo(tx, actions[priority].ID, func(e *driver.Execution) { e.ID = uuid.New() })
				rank[saved.ID] = priority.Rank()
				want = append(want, saved)
			}
		})
	}
	slices.SortFunc(want, func(a, b driver.Execution) int {
		return cmp.Or(rank[b.ID]-rank[a.ID], oldestExecutionFirst(a, b))
	})
	var claimed []driver.Execution
	for _, limit := range []int{1, 5, 0} {
		claimed = append(claimed, t.claimExecutions(limit)...)
	}
	equalList(t, "ids claimed", entityIDs(claimed), entityIDs(want))
}

func claimPriority(t *test) {
	later, first := t.saveAction(func(a *driver.Action) { a.Priority = driver.PriorityLow }), t.saveAction()
	low := t.saveExecution(later.ID)
	later.Priority = driver.PriorityCritical
	t.updatesAction("action", later)
	normal := t.saveExecution(first.ID)
	critical := t.saveExecution(later.ID)
	equalList(t, "ids claimed", entityIDs(t.claimExecutions(0)), entityIDs([]driver.Execution{critical, normal, low}))
}

func claimPaused(t *test) {
	inUse := t.saveAction()
	var waiting []driver.Action
	for _, status := range []driver.ActionStatus{driver.ActionInactive, driver.ActionPaused, driver.ActionArchived, driver.ActionActive} {
		waiting = append(waiting, t.saveAction(func(a *driver.Action) {
			a.Status, a.IsEnabled, a.Priority = status, status != driver.ActionActive, driver.PriorityCritical
		}))
	}
	for _, action := range waiting {
		t.saveExecution(action.ID)
	}
	mine := t.saveExecution(inUse.ID)
	equalList(t, "ids claimed", entityIDs(t.claimExecutions(2)), []uuid.UUID{mine.ID})
	equal(t, "claimed, in use no more", len(t.claimExecutions(0)), 0)
	for _, action := range waiting {
		action.Status, action.IsEnabled = driver.ActionActive, true
		t.updatesAction("action", action)
		claimed := t.claimExecutions(0)
		equal(t, "claimed when the action goes on", len(claimed), 1)
		equal(t, "action of what was claimed", claimed[0].ActionID, action.ID)
	}
}

func claimExpired(t *test) {
	action := t.saveAction()
	t.saveExecution(action.ID)
	first := t.claimFor(time.Millisecond)
	second := t.claimAgain(0)
	if second.LeaseUntil.Before(*first.LeaseUntil) || *second.LeaseToken == *first.LeaseToken {
		t.Errorf("second claim: got the lease %s until %s, want another one than %s until %s",
			*second.LeaseToken, second.LeaseUntil, *first.LeaseToken, first.LeaseUntil)
	}
	equal(t, "StartedAt of the second claim", instant(second.StartedAt), instant(first.StartedAt))
	equal(t, "revision of the second claim", second.Revision, first.Revision+1)
	equal(t, "claimed while it is leased", len(t.claimExecutions(0)), 0)

	action.Status = driver.ActionPaused
	third := t.saveExecution(action.ID)
	short := t.claimFor(time.Millisecond)
	t.updatesAction("action", action)
	t.later(*short.LeaseUntil)
	equal(t, "claimed of an action that is paused", len(t.claimExecutions(0)), 0)
	equal(t, "status", t.execution(third.ID).Status, driver.ExecutionRunning)
}

func claimUnleased(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID, inStatus(driver.ExecutionRunning), func(e *driver.Execution) {
		e.StartedAt = ptr(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	})
	equal(t, "claimed", len(t.claimExecutions(0)), 0)
	sameEntity(t, "execution", t.execution(saved.ID), saved)
}

func claimEnded(t *test) {
	action := t.saveAction()
	for _, status := range driver.FinalExecutionStatuses() {
		t.saveExecution(action.ID, inStatus(status))
	}
	t.saveExecution(action.ID)
	claimed := t.claimFor(time.Millisecond)
	t.complete(claimed.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess, LeaseToken: claimed.LeaseToken})
	t.later(*claimed.LeaseUntil)
	equal(t, "claimed", len(t.claimExecutions(0)), 0)
}

func claimHeld(t *test) {
	t.needsConcurrent()
	action := t.saveAction()
	saved := oldestFirst(t.saveExecutions(action.ID, 5, asItIs))
	end := t.hold(t.store, func(tx driver.Store) error {
		_, err := tx.Executions().ClaimPending(t.ctx, 2, 0)
		return err
	})
	equalList(t, "ids claimed beside the transaction", entityIDs(t.claimExecutions(1)), entityIDs(saved[2:3]))
	end(errUndo)
	equalList(t, "ids claimed after the rollback", entityIDs(t.claimExecutions(3)), entityIDs([]driver.Execution{saved[0], saved[1], saved[3]}))
}

func claimRolledBack(t *test) {
	action := t.saveAction()
	t.saveExecutions(action.ID, 3, asItIs)
	before := t.actionStateOf(t.store)
	t.undone(t.store, func(tx driver.Store) {
		equal(t, "claimed in the transaction", len(must2(t, tx.Executions().ClaimPending, 2, 0)), 2)
		equal(t, "claimed in the transaction after that", len(must2(t, tx.Executions().ClaimPending, 2, 0)), 1)
	})
	t.wantActionState(t.store, before)
	equal(t, "claimed", len(t.claimExecutions(0)), 3)
}

func claimLimits(t *test) {
	action := t.saveAction()
	t.saveExecutions(action.ID, driver.DefaultLimit+5, asItIs)
	equal(t, "claimed without a limit", len(t.claimExecutions(0)), driver.DefaultLimit)
	equal(t, "claimed with the highest limit", len(t.claimExecutions(driver.MaxLimit)), 5)
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := t.store.Executions().ClaimPending(t.ctx, limit, 0)
		t.wantInvalid(err, "Executions.ClaimPending", "limit")
	}
}

func claimLeases(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID)
	for _, lease := range []time.Duration{-1, 1, time.Millisecond - 1, driver.MaxLease + 1, math.MaxInt64, math.MinInt64} {
		_, err := t.store.Executions().ClaimPending(t.ctx, 0, lease)
		t.wantInvalid(err, "Executions.ClaimPending", "lease")
	}
	sameEntity(t, "execution", t.execution(saved.ID), saved)
}
