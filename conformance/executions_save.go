package conformance

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var executionSave = area{name: "Executions/Save", behaviours: []behaviour{
	{"KeepsEveryField", executionSaveKeepsEveryField},
	{"FillsInDefaults", executionSaveDefaults},
	{"TakesTheEventItIsMadeFor", executionSaveNew},
	{"CompletesWhatHasEnded", executionSaveCompletes},
	{"KeepsJSONByteForByte", executionSaveJSON},
	{"StoresTimesInWholeMicrosecondsOfUTC", executionSaveTimes},
	{"CutsTheErrorMessage", executionSaveErrorMessage},
	{"IgnoresAGivenLease", executionSaveIgnoresLease},
	{"ChangesNoCounters", executionSaveCounters},
	{"MakesUUIDv7", executionSaveMakesID},
	{"RefusesATakenID", executionSaveTakenID},
	{"RefusesASecondRetry", executionSaveSecondRetry},
	{"RefusesAMissingReference", executionSaveMissing},
	{"RefusesWhatBreaksARule", executionSaveInvalid},
}}

// keepsExecution saves an execution and fails the test for every field that changed on the way.
func (t *test) keepsExecution(what string, given driver.Execution) driver.Execution {
	t.Helper()
	saved := must(t, t.store.Executions().Save, given)
	want := given
	want.ID, want.Revision, want.CreatedAt, want.UpdatedAt = saved.ID, 1, saved.CreatedAt, saved.UpdatedAt
	sameEntity(t, what+", returned", saved, want)
	sameEntity(t, what+", read back", t.execution(saved.ID), want)
	return saved
}

func executionSaveKeepsEveryField(t *test) {
	action, event := t.saveAction(), t.save(newEvent())
	failed := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed))
	saved := t.keepsExecution("full execution", fullExecution(action.ID, event.ID, failed.ID))
	if saved.CreatedAt.Year() < 2000 || !saved.UpdatedAt.Equal(saved.CreatedAt) {
		t.Errorf("created at %s, updated at %s: want both to be now", saved.CreatedAt, saved.UpdatedAt)
	}
	for _, status := range executionStatuses {
		t.keepsExecution("execution that is "+string(status), changed(fullExecution(action.ID, event.ID, failed.ID), func(e *driver.Execution) {
			e.Status, e.RetryOf = status, nil
			if !status.Final() {
				e.CompletedAt = nil
			}
		}))
	}
}

func executionSaveDefaults(t *test) {
	action := t.saveAction()
	given := driver.Execution{ActionID: action.ID, EventType: "order.placed"}
	saved := must(t, t.store.Executions().Save, given)
	want := given
	want.ID, want.Revision, want.CreatedAt, want.UpdatedAt = saved.ID, 1, saved.CreatedAt, saved.UpdatedAt
	want.Status, want.EventData, want.ExecutionContext = driver.ExecutionPending, json.RawMessage("{}"), json.RawMessage("{}")
	sameEntity(t, "execution returned", saved, want)
	sameEntity(t, "execution read back", t.execution(saved.ID), want)
}

func executionSaveNew(t *test) {
	action, event := t.saveAction(), t.save(newEvent())
	saved := t.keepsExecution("execution for an event", changed(driver.NewExecution(action.ID, event), func(e *driver.Execution) {
		e.ExecutionContext = json.RawMessage("{}")
	}))
	equal(t, "event", optional(saved.EventID), event.ID.String())
	equal(t, "event type", saved.EventType, event.EventType)
	equal(t, "event data", string(saved.EventData), string(event.EventData))
}

func executionSaveCompletes(t *test) {
	action := t.saveAction()
	began := t.now()
	for _, status := range executionStatuses {
		saved := t.saveExecution(action.ID, inStatus(status))
		switch {
		case !status.Final() && saved.CompletedAt != nil:
			t.Errorf("CompletedAt of one that is %s: got %s, want nil", status, instant(saved.CompletedAt))
		case status.Final() && (saved.CompletedAt == nil || saved.CompletedAt.Before(began) || saved.CompletedAt.After(t.now())):
			t.Errorf("CompletedAt of one that is %s: got %s, want it to be now", status, instant(saved.CompletedAt))
		}
		sameEntity(t, "execution read back", t.execution(saved.ID), saved)
	}
}

func executionSaveJSON(t *test) {
	action := t.saveAction()
	keep := func(name string, data, result string) {
		t.keepsExecution(name, changed(newExecution(action.ID), func(e *driver.Execution) {
			e.Status, e.EventData, e.ExecutionContext, e.Result = driver.ExecutionPending, json.RawMessage(data), json.RawMessage(data), json.RawMessage(result)
		}))
	}
	for name, text := range documents {
		keep(name, text, text)
	}
	for _, result := range []string{`null`, ` "a" `, `-0.0`, `[ 1e2 ]`, `false`} {
		keep("result "+result, `{}`, result)
	}
}

func executionSaveTimes(t *test) {
	action := t.saveAction()
	started := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.FixedZone("east", 5*3600))
	for _, completed := range []time.Time{started, started.Add(time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)} {
		saved := t.saveExecution(action.ID, inStatus(driver.ExecutionSuccess), func(e *driver.Execution) {
			e.StartedAt, e.CompletedAt = &started, &completed
		})
		for name, pair := range map[string][2]*time.Time{"StartedAt": {saved.StartedAt, &started}, "CompletedAt": {saved.CompletedAt, &completed}} {
			equal(t, name, instant(pair[0]), instant(ptr(pair[1].UTC().Truncate(time.Microsecond))))
		}
		sameEntity(t, "execution read back", t.execution(saved.ID), saved)
	}
	old := time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)
	saved := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed), func(e *driver.Execution) { e.StartedAt, e.CompletedAt = &old, &old })
	equal(t, "StartedAt in the year 1", instant(t.execution(saved.ID).StartedAt), instant(&old))
}

func executionSaveErrorMessage(t *test) {
	action := t.saveAction()
	for given, want := range map[string]string{
		strings.Repeat("x", driver.MaxErrorMessage):              strings.Repeat("x", driver.MaxErrorMessage),
		strings.Repeat("x", driver.MaxErrorMessage-1) + "éé":     strings.Repeat("x", driver.MaxErrorMessage-1),
		strings.Repeat("x", driver.MaxErrorMessage) + "\xff\x00": strings.Repeat("x", driver.MaxErrorMessage),
		"a\x00b\xffc": "a\ufffdb\ufffdc",
	} {
		saved := t.saveExecution(action.ID, func(e *driver.Execution) { e.ErrorMessage = given })
		got := t.execution(saved.ID).ErrorMessage
		if got != want {
			from := firstDifference(got, want)
			t.Errorf("error message: got %s, want %s", excerpt(got, from), excerpt(want, from))
		}
		equal(t, "error message returned", saved.ErrorMessage == got, true)
	}
}

func executionSaveIgnoresLease(t *test) {
	action := t.saveAction()
	saved := t.saveExecution(action.ID, func(e *driver.Execution) {
		e.LeaseToken, e.LeaseUntil = ptr(newID()), ptr(time.Now().Add(time.Hour))
		e.CreatedAt, e.UpdatedAt, e.Revision = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), 7
	})
	equal(t, "LeaseToken", optional(saved.LeaseToken), "nil")
	equal(t, "LeaseUntil", instant(saved.LeaseUntil), "nil")
	equal(t, "revision", saved.Revision, 1)
	if saved.CreatedAt.Year() < 2000 || saved.UpdatedAt.Year() < 2000 {
		t.Errorf("created at %s, updated at %s: want both to be now", saved.CreatedAt, saved.UpdatedAt)
	}
	equal(t, "executions to claim", len(t.claimExecutions(0)), 1)
}

func executionSaveCounters(t *test) {
	action := t.saveAction()
	for _, status := range executionStatuses {
		t.saveExecution(action.ID, inStatus(status))
	}
	sameEntity(t, "action", t.action(action.ID), action)
}

func executionSaveMakesID(t *test) {
	action := t.saveAction()
	first, second := t.saveExecution(action.ID), t.saveExecution(action.ID)
	for _, id := range []uuid.UUID{first.ID, second.ID} {
		equal(t, "version of the id", id.Version(), 7)
	}
	if first.ID == second.ID {
		t.Errorf("two executions got the id %s", first.ID)
	}
}

func executionSaveTakenID(t *test) {
	action := t.saveAction()
	stored := t.saveExecution(action.ID)
	for _, actionID := range []uuid.UUID{action.ID, newID()} { // what is there comes first
		_, err := t.store.Executions().Save(t.ctx, changed(newExecution(actionID), func(e *driver.Execution) { e.ID = stored.ID }))
		t.wantErrOn(err, driver.ErrAlreadyExists, "Executions.Save", "execution", stored.ID.String())
	}
	t.wantActionState(t.store, actionState{[]driver.Action{action}, []driver.Execution{stored}})
}

func executionSaveSecondRetry(t *test) {
	action := t.saveAction()
	failed := t.saveExecution(action.ID, inStatus(driver.ExecutionFailed))
	retry := t.saveExecution(action.ID, func(e *driver.Execution) { e.RetryOf, e.RetryCount = &failed.ID, 1 })
	_, err := t.store.Executions().Save(t.ctx, changed(newExecution(action.ID), func(e *driver.Execution) { e.RetryOf = &failed.ID }))
	t.wantErrOn(err, driver.ErrAlreadyExists, "Executions.Save", "execution", "retry_of "+failed.ID.String())
	t.wantActionState(t.store, actionState{[]driver.Action{action}, reversed(oldestFirst([]driver.Execution{failed, retry}))})
}

func executionSaveMissing(t *test) {
	action, event := t.saveAction(), t.save(newEvent())
	gone := t.saveAction()
	t.deleteAction(gone.ID)
	execution := t.saveExecution(action.ID)
	before := t.actionStateOf(t.store)
	check := func(store driver.Store) {
		missing := newID()
		for _, id := range []uuid.UUID{missing, gone.ID, event.ID, execution.ID} {
			_, err := store.Executions().Save(t.ctx, changed(newExecution(id), func(e *driver.Execution) { e.EventID = &event.ID }))
			t.wantMissing(err, "Executions.Save", "action_id", "action", id)
		}
		for _, id := range []uuid.UUID{missing, action.ID, execution.ID} {
			_, err := store.Executions().Save(t.ctx, changed(newExecution(action.ID), func(e *driver.Execution) { e.EventID = &id }))
			t.wantMissing(err, "Executions.Save", "event_id", "event", id)
		}
		for _, id := range []uuid.UUID{missing, action.ID, event.ID} {
			_, err := store.Executions().Save(t.ctx, changed(newExecution(action.ID), func(e *driver.Execution) { e.RetryOf = &id }))
			t.wantMissing(err, "Executions.Save", "retry_of", "execution", id)
		}
		// One can't be the retry of itself: it is not there yet.
		itself := newID()
		_, err := store.Executions().Save(t.ctx, changed(newExecution(action.ID), func(e *driver.Execution) { e.ID, e.RetryOf = itself, &itself }))
		t.wantMissing(err, "Executions.Save", "retry_of", "execution", itself)
	}
	check(t.store)
	t.wantActionState(t.store, before)
	var saved driver.Execution
	t.inTx(func(tx driver.Store) {
		check(tx)
		t.wantActionState(tx, before)
		saved = t.saveExecutionTo(tx, action.ID, func(e *driver.Execution) { e.EventID, e.RetryOf = &event.ID, &execution.ID })
	})
	sameEntity(t, "execution saved after refusals", t.execution(saved.ID), saved)
}

// spoiledExecutions are what Save and Update refuse.
var spoiledExecutions = []spoiled[driver.Execution]{
	{"event_type", func(e *driver.Execution) { e.EventType = "" }},
	{"event_type", func(e *driver.Execution) { e.EventType = "order.*" }},
	{"event_data", func(e *driver.Execution) { e.EventData = json.RawMessage(`[]`) }},
	{"event_data", func(e *driver.Execution) { e.EventData = json.RawMessage(`{"a":}`) }},
	{"event_data", func(e *driver.Execution) { e.EventData = object(driver.DefaultMaxPayload + 1) }},
	{"status", func(e *driver.Execution) { e.Status = "done" }},
	{"status", func(e *driver.Execution) { e.Status = "Pending" }},
	{"started_at", func(e *driver.Execution) { e.StartedAt = ptr(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }},
	{"completed_at", func(e *driver.Execution) {
		e.Status, e.CompletedAt = driver.ExecutionSuccess, ptr(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))
	}},
	{"completed_at", func(e *driver.Execution) { e.Status, e.CompletedAt = driver.ExecutionRunning, ptr(time.Now()) }},
	{"completed_at", func(e *driver.Execution) {
		e.Status, e.StartedAt, e.CompletedAt = driver.ExecutionSuccess, ptr(time.Now()), ptr(time.Now().Add(-time.Hour))
	}},
	{"duration_ms", func(e *driver.Execution) { e.DurationMS = ptr(int64(-1)) }},
	{"duration_ms", func(e *driver.Execution) { e.DurationMS = ptr(int64(driver.MaxDurationMS + 1)) }},
	{"result", func(e *driver.Execution) { e.Result = json.RawMessage(``) }},
	{"result", func(e *driver.Execution) { e.Result = json.RawMessage(`{"a":1} x`) }},
	{"execution_context", func(e *driver.Execution) { e.ExecutionContext = json.RawMessage(`null`) }},
}

func executionSaveInvalid(t *test) {
	action := t.saveAction()
	for _, spoiled := range slices.Concat(spoiledExecutions, []spoiled[driver.Execution]{
		{"action_id", func(e *driver.Execution) { e.ActionID = uuid.Nil }},
		{"event_id", func(e *driver.Execution) { e.EventID = &uuid.Nil }},
		{"retry_count", func(e *driver.Execution) { e.RetryCount = -1 }},
		{"retry_count", func(e *driver.Execution) { e.RetryCount = 51 }},
		{"retry_of", func(e *driver.Execution) { e.RetryOf = &uuid.Nil }},
	}) {
		_, err := t.store.Executions().Save(t.ctx, changed(newExecution(action.ID), spoiled.change))
		t.wantInvalid(err, "Executions.Save", spoiled.field)
	}
	t.wantActionState(t.store, actionState{actions: []driver.Action{action}})
}
