package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var actionSave = area{name: "Actions/Save", behaviours: []behaviour{
	{"KeepsEveryField", actionSaveKeepsEveryField},
	{"FillsInDefaults", actionSaveDefaults},
	{"KeepsFalseAndZero", actionSaveKeepsFalse},
	{"ReturnsWhatAReadReturnsForEmptyLists", actionSaveEmptyLists},
	{"KeepsConditionValuesByteForByte", actionSaveConditionValues},
	{"KeepsJSONByteForByte", actionSaveJSON},
	{"TakesTheMostThereCanBe", actionSaveTakesTheMost},
	{"IgnoresGivenCountersAndTimes", actionSaveIgnoresCounters},
	{"MakesUUIDv7", actionSaveMakesID},
	{"RefusesATakenID", actionSaveRefusesTakenID},
	{"RefusesWhatBreaksARule", actionSaveRefusesInvalid},
	{"LeavesTheGivenActionAlone", actionSaveLeavesGivenAlone},
}}

// handlerTypes are all there are.
var handlerTypes = []driver.HandlerType{
	driver.HandlerWebhook, driver.HandlerEmail, driver.HandlerFunction, driver.HandlerWorkflow,
	driver.HandlerSMS, driver.HandlerSlack, driver.HandlerTeams, driver.HandlerCustom,
}

// asStored is an action that was given to Save or Update as it should come back: with what only the
// database knows from what did come back.
func asStored(given, stored driver.Action) driver.Action {
	given.CreatedAt, given.UpdatedAt = stored.CreatedAt, stored.UpdatedAt
	return given
}

// keepsAction saves an action and fails the test for every field that changed on the way.
func (t *test) keepsAction(what string, given driver.Action) driver.Action {
	t.Helper()
	saved := must(t, t.store.Actions().Save, given)
	want := asStored(given, saved)
	want.ID, want.Revision = saved.ID, 1
	sameEntity(t, what+", returned", saved, want)
	sameEntity(t, what+", read back", t.action(saved.ID), want)
	return saved
}

func actionSaveKeepsEveryField(t *test) {
	saved := t.keepsAction("full action", fullAction())
	if saved.CreatedAt.Year() < 2000 || !saved.UpdatedAt.Equal(saved.CreatedAt) {
		t.Errorf("created at %s, updated at %s: want both to be now", saved.CreatedAt, saved.UpdatedAt)
	}
	t.keepsAction("action with the defaults", changed(newAction(), func(a *driver.Action) { a.ContextFilters = json.RawMessage("{}") }))
	for _, handler := range handlerTypes {
		t.keepsAction("action for "+string(handler), changed(fullAction(), func(a *driver.Action) {
			a.HandlerType = handler
			a.Configuration = json.RawMessage(`{"url": "u", "template": "t", "function": "f", "steps": [1]}`)
		}))
	}
	for _, status := range []driver.ActionStatus{driver.ActionActive, driver.ActionInactive, driver.ActionPaused, driver.ActionArchived} {
		t.keepsAction("action that is "+string(status), changed(fullAction(), func(a *driver.Action) { a.Status = status }))
	}
	for _, priority := range []driver.Priority{driver.PriorityLow, driver.PriorityNormal, driver.PriorityHigh, driver.PriorityCritical} {
		t.keepsAction("action of priority "+string(priority), changed(fullAction(), func(a *driver.Action) { a.Priority = priority }))
	}
}

func actionSaveDefaults(t *test) {
	given := driver.Action{Name: "n", HandlerType: driver.HandlerSMS, EventTypes: []string{"*"}}
	saved := must(t, t.store.Actions().Save, given)
	want := asStored(given, saved)
	want.ID, want.Revision = saved.ID, 1
	want.Configuration, want.ContextFilters = json.RawMessage("{}"), json.RawMessage("{}")
	want.ExecutionMode, want.Priority, want.Status = driver.ModeAsync, driver.PriorityNormal, driver.ActionActive
	want.TimeoutSeconds, want.RetryDelaySeconds = 30, 5
	sameEntity(t, "action returned", saved, want)
	sameEntity(t, "action read back", t.action(saved.ID), want)
}

func actionSaveKeepsFalse(t *test) {
	saved := t.saveAction(func(a *driver.Action) { a.IsEnabled, a.MaxRetries = false, 0 })
	equal(t, "IsEnabled", saved.IsEnabled, false)
	equal(t, "MaxRetries", saved.MaxRetries, 0)
}

func actionSaveEmptyLists(t *test) {
	for name, change := range map[string]func(a *driver.Action){
		"nil":   func(a *driver.Action) { a.Conditions, a.Tags = nil, nil },
		"empty": func(a *driver.Action) { a.Conditions, a.Tags = []driver.Condition{}, map[string]string{} },
	} {
		saved := t.saveAction(change)
		equal(t, "conditions of "+name, len(saved.Conditions), 0)
		equal(t, "tags of "+name, len(saved.Tags), 0)
		sameEntity(t, "action with "+name+" lists", t.action(saved.ID), saved)
		found := must(t, t.store.Actions().GetActive, 0)
		sameEntity(t, "action with "+name+" lists in a list", found[len(found)-1], saved)
		_, err := t.store.Actions().Delete(t.ctx, saved.ID)
		t.ok(err)
	}
}

func actionSaveConditionValues(t *test) {
	values := []string{
		`null`, `true`, `0`, `-0`, `1.00`, `1E+2`, `1e-07`, `100000000000000000000`, `9007199254740993`, `""`, `"\u0000"`, `"\ud83d"`,
		`"\u00e9\u00E9é\/\/"`, `"<b>&amp;\u003c"`, "\"\u2028\u2029\uffff\"", `[]`, `[ ]`, `{ }`, `[1 , 2]`, "[\t1,\r\n2 ]",
		`{"z":1,"a":2}`, `{ "a" : { "b" : [ 1.0 ] } }`, ` "a" `, "\n[1]\t", `"'; DROP TABLE event_actions; --"`,
	}
	conditions := make([]driver.Condition, len(values))
	for i, value := range values {
		conditions[i] = driver.Condition{Field: fmt.Sprintf("data.<%d>&\"é\u2028\\", i), Operator: driver.OpEquals, Value: json.RawMessage(value)}
	}
	conditions = append(conditions, driver.Condition{Field: "metadata", Operator: driver.OpNotExists})
	t.keepsAction("action with many conditions", changed(fullAction(), func(a *driver.Action) { a.Conditions = conditions }))
}

func actionSaveJSON(t *test) {
	for name, text := range documents {
		t.keepsAction(name, changed(fullAction(), func(a *driver.Action) {
			a.HandlerType, a.Configuration = driver.HandlerCustom, json.RawMessage(text)
			if name != "duplicate keys" && name != "escape spelling" && len(text) <= driver.MaxFilters {
				a.ContextFilters = json.RawMessage(text)
			}
		}))
	}
}

func actionSaveTakesTheMost(t *test) {
	most := fullAction()
	most.Name, most.Description = strings.Repeat("n", driver.MaxName), strings.Repeat("d", driver.MaxDescription)
	most.EventTypes, most.Conditions, most.Tags = nil, nil, map[string]string{}
	for i := range driver.MaxActionEventTypes {
		most.EventTypes = append(most.EventTypes, fmt.Sprintf("type%d.*", i))
	}
	most.EventTypes[0] = strings.Repeat("t", driver.MaxEventType)
	for range driver.MaxConditions {
		most.Conditions = append(most.Conditions, driver.Condition{Field: "data", Operator: driver.OpExists})
	}
	for i := range driver.MaxTags {
		most.Tags[fmt.Sprintf("%d-%s", i, strings.Repeat("k", driver.MaxName-5))] = strings.Repeat("v", driver.MaxName)
	}
	most.ContextFilters = object(driver.MaxFilters)
	most.TimeoutSeconds, most.MaxRetries, most.RetryDelaySeconds = 86_400, 50, 3600
	t.keepsAction("action with the most there can be", most)
}

func actionSaveIgnoresCounters(t *test) {
	saved := t.saveAction(func(a *driver.Action) {
		a.LastTriggeredAt, a.TriggerCount, a.SuccessCount, a.FailureCount = ptr(time.Now()), 9, 5, 4
		a.CreatedAt, a.UpdatedAt, a.Revision = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), 7
	})
	t.wantCounters(saved.ID, 0, 0, 0)
	equal(t, "LastTriggeredAt", instant(saved.LastTriggeredAt), "nil")
	equal(t, "revision", saved.Revision, 1)
	if saved.CreatedAt.Year() < 2000 || saved.UpdatedAt.Year() < 2000 {
		t.Errorf("created at %s, updated at %s: want both to be now", saved.CreatedAt, saved.UpdatedAt)
	}
}

func actionSaveMakesID(t *test) {
	first, second := t.saveAction(), t.saveAction()
	for _, id := range []uuid.UUID{first.ID, second.ID} {
		equal(t, "version of the id", id.Version(), 7)
	}
	if first.ID == second.ID {
		t.Errorf("two actions got the id %s", first.ID)
	}
}

func actionSaveRefusesTakenID(t *test) {
	stored := t.saveAction(func(a *driver.Action) { a.EventTypes = []string{"user.created"} })
	before := t.actionStateOf(t.store)
	other := fullAction()
	other.ID = stored.ID
	for range 2 {
		_, err := t.store.Actions().Save(t.ctx, other)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Actions.Save", "action", stored.ID.String())
		t.wantActionState(t.store, before)
	}
	t.wantForEvent("user.created", driver.ActionOptions{}, stored)
	t.wantForEvent("order.placed", driver.ActionOptions{})
}

// spoiledActions are what Save and Update refuse.
var spoiledActions = []spoiled[driver.Action]{
	{"name", func(a *driver.Action) { a.Name = " " }},
	{"name", func(a *driver.Action) { a.Name = strings.Repeat("n", driver.MaxName+1) }},
	{"description", func(a *driver.Action) { a.Description = "a\x00b" }},
	{"handler_type", func(a *driver.Action) { a.HandlerType = "" }},
	{"handler_type", func(a *driver.Action) { a.HandlerType = "Webhook" }},
	{"configuration", func(a *driver.Action) { a.Configuration = json.RawMessage(`[]`) }},
	{"configuration", func(a *driver.Action) { a.Configuration = json.RawMessage(`{"a":}`) }},
	{"configuration", func(a *driver.Action) {
		a.HandlerType, a.Configuration = driver.HandlerWebhook, json.RawMessage(`{"URL": "https://example.com"}`)
	}},
	{"configuration", func(a *driver.Action) {
		a.HandlerType, a.Configuration = driver.HandlerEmail, json.RawMessage(`{"template": ""}`)
	}},
	{"configuration", func(a *driver.Action) { a.HandlerType, a.Configuration = driver.HandlerFunction, nil }},
	{"configuration", func(a *driver.Action) {
		a.HandlerType, a.Configuration = driver.HandlerWorkflow, json.RawMessage(`{"steps": "one"}`)
	}},
	{"event_types", func(a *driver.Action) { a.EventTypes = nil }},
	{"event_types", func(a *driver.Action) { a.EventTypes = make([]string, driver.MaxActionEventTypes+1) }},
	{"event_types[1]", func(a *driver.Action) { a.EventTypes = []string{"a", ""} }},
	{"event_types[2]", func(a *driver.Action) { a.EventTypes = []string{"a", "b", "a"} }},
	{"conditions", func(a *driver.Action) { a.Conditions = make([]driver.Condition, driver.MaxConditions+1) }},
	{"conditions[0].field", func(a *driver.Action) {
		a.Conditions = []driver.Condition{{Field: "payload", Operator: driver.OpExists}}
	}},
	{"conditions[0].operator", func(a *driver.Action) { a.Conditions = []driver.Condition{{Field: "data", Operator: "matches"}} }},
	{"conditions[0].value", func(a *driver.Action) { a.Conditions = []driver.Condition{{Field: "data", Operator: driver.OpEquals}} }},
	{"context_filters", func(a *driver.Action) { a.ContextFilters = json.RawMessage(`null`) }},
	{"context_filters", func(a *driver.Action) { a.ContextFilters = json.RawMessage(`{"a":1,"\u0061":1}`) }},
	{"execution_mode", func(a *driver.Action) { a.ExecutionMode = "later" }},
	{"priority", func(a *driver.Action) { a.Priority = "urgent" }},
	{"timeout_seconds", func(a *driver.Action) { a.TimeoutSeconds = 86_401 }},
	{"max_retries", func(a *driver.Action) { a.MaxRetries = -1 }},
	{"max_retries", func(a *driver.Action) { a.MaxRetries = 51 }},
	{"retry_delay_seconds", func(a *driver.Action) { a.RetryDelaySeconds = -1 }},
	{"status", func(a *driver.Action) { a.Status = "deleted" }},
	{"tags", func(a *driver.Action) { a.Tags = map[string]string{"": "v"} }},
	{`tags["k"]`, func(a *driver.Action) { a.Tags = map[string]string{"k": "\xff"} }},
	{"tenant_id", func(a *driver.Action) { a.TenantID = &uuid.Nil }},
	{"created_by_user_id", func(a *driver.Action) { a.CreatedByUserID = &uuid.Nil }},
}

// regexTypes are what regular expressions would take for types.
var regexTypes = []string{".*", "order\\..*", "^order", "order.placed$", "order.(placed|paid)", "order.[a-z]+", "order?", "o*", "*.placed", "order.*.placed", "order.**", "%", "order.%"}

func actionSaveRefusesInvalid(t *test) {
	for _, spoiled := range spoiledActions {
		_, err := t.store.Actions().Save(t.ctx, changed(newAction(), spoiled.change))
		t.wantInvalid(err, "Actions.Save", spoiled.field)
	}
	for _, eventType := range regexTypes {
		_, err := t.store.Actions().Save(t.ctx, changed(newAction(), func(a *driver.Action) { a.EventTypes = []string{eventType} }))
		t.wantInvalid(err, "Actions.Save", "event_types[0]")
	}
	t.wantActionState(t.store, actionState{})
}

func actionSaveLeavesGivenAlone(t *test) {
	given := newAction()
	given.Tags, given.ContextFilters = map[string]string{"a": "b"}, nil
	before := given
	before.EventTypes = slices.Clone(given.EventTypes)
	saved := must(t, t.store.Actions().Save, given)
	sameEntity(t, "action given", given, before)
	saved.EventTypes[0], saved.Tags["a"] = "other.type", "c"
	sameEntity(t, "action given, after a change of the one returned", given, before)
}
