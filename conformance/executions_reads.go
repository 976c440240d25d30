package conformance

import (
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionReads = area{name: "Executions/Reads", behaviours: []behaviour{
	{"OfAnUnknownIDFindNothing", executionReadUnknown},
	{"GetByActionReturnsTheNewestFirst", executionReadByAction},
	{"GetByStatusReturnsTheOldestFirst", executionReadByStatus},
	{"GetByStatusCanAskForOneAction", executionReadByStatusOfAction},
	{"GetByStatusRefusesAStatusThatThereIsNot", executionReadStatusInvalid},
	{"GetRecentReturnsTheNewestFirst", executionReadRecent},
	{"OfAMomentThatThereIsNotAreRefused", executionReadMoments},
	{"LimitWhatTheyReturn", executionReadLimits},
	{"OfNothingReturnAnEmptyList", executionReadNothing},
}}

// executionList is a method that returns a list of an action's pending executions.
type executionList struct {
	name   string
	oldest bool // first
	call   func(t *test, actionID uuid.UUID, limit int) ([]driver.Execution, error)
}

var executionLists = []executionList{
	{"GetByAction", false, func(t *test, actionID uuid.UUID, limit int) ([]driver.Execution, error) {
		return t.store.Executions().GetByAction(t.ctx, actionID, limit)
	}},
	{"GetByStatus", true, func(t *test, _ uuid.UUID, limit int) ([]driver.Execution, error) {
		return t.store.Executions().GetByStatus(t.ctx, driver.ExecutionPending, nil, limit)
	}},
	{"GetByStatus", true, func(t *test, actionID uuid.UUID, limit int) ([]driver.Execution, error) {
		return t.store.Executions().GetByStatus(t.ctx, driver.ExecutionPending, &actionID, limit)
	}},
	{"GetRecent", false, func(t *test, _ uuid.UUID, limit int) ([]driver.Execution, error) {
		return t.store.Executions().GetRecent(t.ctx, time.Time{}, limit)
	}},
}

func executionReadUnknown(t *test) {
	saved := t.saveExecution(t.saveAction().ID)
	id := newID()
	_, err := t.store.Executions().GetByID(t.ctx, id)
	t.wantErrOn(err, driver.ErrNotFound, "Executions.GetByID", "execution", id.String())
	equal(t, "exists, unknown", must(t, t.store.Executions().Exists, id), false)
	equal(t, "exists, an action's id", must(t, t.store.Executions().Exists, saved.ActionID), false)
	equal(t, "exists", must(t, t.store.Executions().Exists, saved.ID), true)
}

// executionsInAllOrders saves executions of an action in all statuses whose order in lists is not
// that in which they are saved.
func (t *test) executionsInAllOrders(actionID uuid.UUID) []driver.Execution {
	t.Helper()
	var saved []driver.Execution
	for range 3 {
		saved = append(saved, t.saveExecutions(actionID, 2*len(executionStatuses), func(i int, e *driver.Execution) {
			e.ID, e.Status = uuid.New(), executionStatuses[i%len(executionStatuses)]
		})...)
	}
	return saved
}

func ofStatus(executions []driver.Execution, status driver.ExecutionStatus) []driver.Execution {
	return slices.DeleteFunc(slices.Clone(executions), func(e driver.Execution) bool { return e.Status != status })
}

func executionReadByAction(t *test) {
	action, other := t.saveAction(), t.saveAction()
	saved := t.executionsInAllOrders(action.ID)
	t.executionsInAllOrders(other.ID)
	sameEntities(t, "executions of an action", must2(t, t.store.Executions().GetByAction, action.ID, 0), reversed(oldestFirst(saved)))
	t.deleteAction(other.ID)
	equal(t, "executions of an action that is gone", len(must2(t, t.store.Executions().GetByAction, other.ID, 0)), len(saved))
}

func executionReadByStatus(t *test) {
	saved := slices.Concat(t.executionsInAllOrders(t.saveAction().ID), t.executionsInAllOrders(t.saveAction().ID))
	for _, status := range executionStatuses {
		found, err := t.store.Executions().GetByStatus(t.ctx, status, nil, 0)
		t.ok(err)
		sameEntities(t, "executions that are "+string(status), found, oldestFirst(ofStatus(saved, status)))
	}
}

func executionReadByStatusOfAction(t *test) {
	action, other := t.saveAction(), t.saveAction()
	saved := t.executionsInAllOrders(action.ID)
	t.executionsInAllOrders(other.ID)
	for _, status := range executionStatuses {
		found, err := t.store.Executions().GetByStatus(t.ctx, status, &action.ID, 0)
		t.ok(err)
		sameEntities(t, "executions of an action that are "+string(status), found, oldestFirst(ofStatus(saved, status)))
	}
	found, err := t.store.Executions().GetByStatus(t.ctx, driver.ExecutionPending, ptr(newID()), 0)
	t.ok(err)
	equal(t, "executions of an unknown action", len(found), 0)
}

func executionReadStatusInvalid(t *test) {
	for _, status := range []driver.ExecutionStatus{"", "Pending", "retrying", "pending "} {
		for _, actionID := range []*uuid.UUID{nil, ptr(newID())} {
			_, err := t.store.Executions().GetByStatus(t.ctx, status, actionID, 0)
			t.wantInvalid(err, "Executions.GetByStatus", "status")
		}
	}
}

func executionReadRecent(t *test) {
	saved := t.executionsInAllOrders(t.saveAction().ID)
	t.later(oldestFirst(saved)[len(saved)-1].CreatedAt)
	saved = append(saved, t.executionsInAllOrders(t.saveAction().ID)...)
	newest := reversed(oldestFirst(saved))
	for _, pivot := range saved {
		for _, since := range []time.Time{
			pivot.CreatedAt, pivot.CreatedAt.Add(-time.Microsecond), pivot.CreatedAt.Add(time.Microsecond),
			pivot.CreatedAt.Add(999), pivot.CreatedAt.In(time.FixedZone("west", -7*3600)),
		} {
			want := slices.DeleteFunc(slices.Clone(newest), func(e driver.Execution) bool {
				return e.CreatedAt.Before(since.Truncate(time.Microsecond))
			})
			sameEntities(t, "recent executions", must2(t, t.store.Executions().GetRecent, since, 0), want)
		}
	}
	sameEntities(t, "executions since ever", must2(t, t.store.Executions().GetRecent, time.Time{}, 7), newest[:7])
	equal(t, "executions to come", len(must2(t, t.store.Executions().GetRecent, t.now().Add(time.Hour), 0)), 0)
}

func executionReadMoments(t *test) {
	saved := t.saveExecution(t.saveAction().ID, inStatus(driver.ExecutionSuccess))
	for _, moment := range []time.Time{
		time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64/4, 0), time.Unix(math.MinInt64/4, 0),
	} {
		_, err := t.store.Executions().GetRecent(t.ctx, moment, 0)
		t.wantInvalid(err, "Executions.GetRecent", "since")
		_, err = t.store.Executions().Summary(t.ctx, moment)
		t.wantInvalid(err, "Executions.Summary", "since")
		deleted, err := t.store.Executions().DeleteOlderThan(t.ctx, moment, executionStatuses...)
		t.wantInvalid(err, "Executions.DeleteOlderThan", "cutoff")
		equal(t, "executions deleted", deleted, 0)
	}
	sameEntity(t, "execution", t.execution(saved.ID), saved)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	equal(t, "executions of the last year", len(must2(t, t.store.Executions().GetRecent, last, 0)), 0)
	deleted, err := t.store.Executions().DeleteOlderThan(t.ctx, last)
	t.ok(err)
	equal(t, "executions deleted before the last moment", deleted, 1)
}

func executionReadLimits(t *test) {
	action := t.saveAction()
	saved := oldestFirst(t.saveExecutions(action.ID, driver.DefaultLimit+5, asItIs))
	for _, list := range executionLists {
		want := saved
		if !list.oldest {
			want = reversed(saved)
		}
		for limit, n := range map[int]int{0: driver.DefaultLimit, 1: 1, len(saved): len(saved), driver.MaxLimit: len(saved)} {
			found, err := list.call(t, action.ID, limit)
			t.ok(err)
			sameEntities(t, list.name, found, want[:n])
		}
		for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
			_, err := list.call(t, action.ID, limit)
			t.wantInvalid(err, "Executions."+list.name, "limit")
		}
	}
}

func executionReadNothing(t *test) {
	lists := append(slices.Clone(executionLists), executionList{"GetFailed", false, func(t *test, _ uuid.UUID, limit int) ([]driver.Execution, error) {
		return t.store.Executions().GetFailed(t.ctx, limit)
	}})
	for _, list := range lists {
		found, err := list.call(t, newID(), 0)
		t.ok(err)
		if found == nil || len(found) > 0 {
			t.Errorf("%s: got %v, want an empty list", list.name, found)
		}
	}
}
