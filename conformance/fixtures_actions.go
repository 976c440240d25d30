package conformance

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// newAction returns an action with the defaults, for the type that newEvent has.
func newAction() driver.Action {
	return driver.NewAction("Tell the warehouse", driver.HandlerCustom, json.RawMessage(`{"note": "`+canary+`"}`), "order.placed")
}

// fullAction returns an action with all that can be given, nothing of it the default.
func fullAction() driver.Action {
	return driver.Action{
		ID:            newID(),
		Name:          "Bestätigung für müde Ämter",
		Description:   "A line,\nand another one.",
		HandlerType:   driver.HandlerEmail,
		Configuration: json.RawMessage(` { "template":"a",  "z":1.50,"a" : "\u0000", "a":[ 1e2 ,null], "` + canary + `":{}} `),
		EventTypes:    []string{"order.placed", "order.*", "user.created", "*"},
		Conditions: []driver.Condition{
			{Field: "data.größe.\"<x>\"", Operator: driver.OpIn, Value: json.RawMessage("[ 1.00,\t\"\\u00e9\" ,  {\"b\" : 1 ,\"a\":-0} ]")},
			{Field: "metadata.source", Operator: driver.OpExists},
			{Field: "correlation_id", Operator: driver.OpNotEquals, Value: json.RawMessage(`null`)},
		},
		ContextFilters:    json.RawMessage("{ \"region\":[ \"eu\" , 1.0 ],\n\"a.b\":{\"z\":1,\"a\":2}}"),
		ExecutionMode:     driver.ModeQueued,
		Priority:          driver.PriorityCritical,
		TimeoutSeconds:    86_400,
		MaxRetries:        50,
		RetryDelaySeconds: 3600,
		Status:            driver.ActionPaused,
		IsEnabled:         true,
		Tags:              map[string]string{"team": "Lager", "<ä>&\u2028": "\"quoted\"", "empty": ""},
		TenantID:          ptr(newID()),
		CreatedByUserID:   ptr(newID()),
	}
}

// saveAction saves an action as newAction makes it, changed.
func (t *test) saveAction(changes ...func(*driver.Action)) driver.Action {
	t.Helper()
	return must(t, t.store.Actions().Save, changed(newAction(), changes...))
}

func (t *test) action(id uuid.UUID) driver.Action {
	t.Helper()
	return must(t, t.store.Actions().GetByID, id)
}

// count adds to an action's counters.
func (t *test) count(id uuid.UUID, triggered, succeeded, failed int64) {
	t.Helper()
	add := driver.ActionStatistics{Triggered: triggered, Succeeded: succeeded, Failed: failed}
	equal(t, "UpdateStatistics", must2(t, t.store.Actions().UpdateStatistics, id, add), true)
}

func (t *test) wantCounters(id uuid.UUID, triggered, succeeded, failed int64) {
	t.Helper()
	a := t.action(id)
	got := driver.ActionStatistics{Triggered: a.TriggerCount, Succeeded: a.SuccessCount, Failed: a.FailureCount}
	equal(t, "counters", got, driver.ActionStatistics{Triggered: triggered, Succeeded: succeeded, Failed: failed})
}

// byPriority returns actions in the order of lists.
func byPriority(actions []driver.Action) []driver.Action {
	return slices.SortedFunc(slices.Values(actions), func(a, b driver.Action) int {
		return cmp.Or(b.Priority.Rank()-a.Priority.Rank(), byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID))
	})
}

// newExecution returns a pending execution for an event that is not stored.
func newExecution(actionID uuid.UUID) driver.Execution {
	return driver.Execution{ActionID: actionID, EventType: "order.placed", EventData: json.RawMessage(`{"note": "` + canary + `"}`)}
}

// fullExecution returns an execution with all that can be given, nothing of it the default.
func fullExecution(actionID, eventID, retryOf uuid.UUID) driver.Execution {
	return driver.Execution{
		ID:               newID(),
		ActionID:         actionID,
		EventID:          &eventID,
		EventType:        "order.line.added",
		EventData:        json.RawMessage(` { "b":1.50,"a" : "\u0000", "a":[ 1e2 ,null]} `),
		Status:           driver.ExecutionTimeout,
		StartedAt:        ptr(time.Date(2024, 2, 29, 23, 59, 58, 123456000, time.UTC)),
		CompletedAt:      ptr(time.Date(2024, 2, 29, 23, 59, 59, 654321000, time.UTC)),
		DurationMS:       ptr(int64(driver.MaxDurationMS)),
		Result:           json.RawMessage(" [1.0, \"" + canary + "\",\tnull ] "),
		ErrorMessage:     "no answer\nfrom \"müde\" <b>",
		RetryCount:       49,
		RetryOf:          &retryOf,
		ExecutionContext: json.RawMessage(`{"z":1,  "a":{"z":1, "z":2}}`),
	}
}

// saveExecution saves an execution as newExecution makes it, changed.
func (t *test) saveExecution(actionID uuid.UUID, changes ...func(*driver.Execution)) driver.Execution {
	t.Helper()
	return t.saveExecutionTo(t.store, actionID, changes...)
}

func (t *test) saveExecutionTo(store driver.Store, actionID uuid.UUID, changes ...func(*driver.Execution)) driver.Execution {
	t.Helper()
	return must(t, store.Executions().Save, changed(newExecution(actionID), changes...))
}

// saveExecutions saves n executions in one transaction, each changed by its number: on some
// backends they are all made at the same moment.
func (t *test) saveExecutions(actionID uuid.UUID, n int, change func(i int, e *driver.Execution)) []driver.Execution {
	t.Helper()
	saved := make([]driver.Execution, n)
	t.inTx(func(tx driver.Store) {
		for i := range saved {
			saved[i] = t.saveExecutionTo(tx, actionID, func(e *driver.Execution) { change(i, e) })
		}
	})
	return saved
}

// asItIs changes nothing.
func asItIs[E any](int, *E) {}

// inStatus gives an execution a status.
func inStatus(status driver.ExecutionStatus) func(*driver.Execution) {
	return func(e *driver.Execution) { e.Status = status }
}

func (t *test) execution(id uuid.UUID) driver.Execution {
	t.Helper()
	return must(t, t.store.Executions().GetByID, id)
}

// executionStatuses are all there are.
var executionStatuses = append([]driver.ExecutionStatus{driver.ExecutionPending, driver.ExecutionRunning}, driver.FinalExecutionStatuses()...)

func oldestExecutionFirst(a, b driver.Execution) int {
	return byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID)
}

// oldestFirst returns executions oldest first.
func oldestFirst(executions []driver.Execution) []driver.Execution {
	return slices.SortedFunc(slices.Values(executions), oldestExecutionFirst)
}

// actionState is all actions and executions of a schema, as far as there are no more than a list
// returns.
type actionState struct {
	actions    []driver.Action
	executions []driver.Execution
}

func (t *test) actionStateOf(store driver.Store) (state actionState) {
	t.Helper()
	for _, handler := range handlerTypes {
		opts := driver.ListOptions{IncludeInactive: true, Limit: driver.MaxLimit}
		state.actions = append(state.actions, must2(t, store.Actions().GetByHandlerType, handler, opts)...)
	}
	state.executions = must2(t, store.Executions().GetRecent, time.Time{}, driver.MaxLimit)
	return state
}

// wantActionState fails the test if an action or an execution is not as it was.
func (t *test) wantActionState(store driver.Store, want actionState) {
	t.Helper()
	got := t.actionStateOf(store)
	sameEntities(t, "actions stored", got.actions, want.actions)
	sameEntities(t, "executions stored", got.executions, want.executions)
}

// now is the present by the database's clock.
func (t *test) now() time.Time {
	t.Helper()
	return t.save(newEvent()).CreatedAt
}

// later waits until the database's clock is past a moment.
func (t *test) later(than time.Time) time.Time {
	t.Helper()
	for {
		if now := t.now(); now.After(than) {
			return now
		}
	}
}
