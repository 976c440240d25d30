package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var actionMatching = area{name: "Actions/ForEvent", behaviours: []behaviour{
	{"FindsTypesAndPatternsOfEveryLevel", actionForEventPatterns},
	{"MindsCase", actionForEventCase},
	{"ReturnsAnActionOnceHoweverManyPatternsCoverTheType", actionForEventOnce},
	{"LeavesOutWhatIsNotInUse", actionForEventInUse},
	{"AsksTheContextFilters", actionForEventContext},
	{"WithoutAContextReturnsAll", actionForEventNoContext},
	{"WithoutATenantReturnsTenantlessOnly", actionForEventNoTenant},
	{"WithATenantReturnsItsOwnAndTenantless", actionForEventTenant},
	{"OrdersByRankThenAgeThenID", actionForEventOrder},
	{"ReturnsAllOfMany", actionForEventMany},
	{"LeavesConditionsToMatches", actionForEventConditions},
	{"RefusesWhatNoEventCanBe", actionForEventInvalid},
}}

// wantForEvent fails the test unless exactly these actions are for an event of the type, in the
// order of lists.
func (t *test) wantForEvent(eventType string, opts driver.ActionOptions, want ...driver.Action) {
	t.Helper()
	found := must2(t, t.store.Actions().GetActionsForEvent, eventType, opts)
	if found == nil {
		t.Errorf("actions for %s: got nil, want a list", eventType)
	}
	sameEntities(t, "actions for "+eventType, found, byPriority(want))
}

// saveTypedActions saves an action for each list of patterns, and returns them by the list.
func (t *test) saveTypedActions(patterns ...string) map[string]driver.Action {
	t.Helper()
	saved := map[string]driver.Action{}
	for _, list := range patterns {
		saved[list] = t.saveAction(func(a *driver.Action) { a.EventTypes = strings.Split(list, " ") })
	}
	return saved
}

func actionForEventPatterns(t *test) {
	saved := t.saveTypedActions("*", "a", "a.*", "a.b", "a.b.*", "a.b.c", "a.b.c.*", "b.*", "ab.*", "a.bc", "a_b", "a-b.*", "b c.d.*")
	for eventType, want := range map[string][]string{
		"a":       {"*", "a"},
		"a.b":     {"*", "a.*", "a.b"},
		"a.b.c":   {"*", "a.*", "a.b.*", "a.b.c"},
		"a.b.c.d": {"*", "a.*", "a.b.*", "a.b.c.*"},
		"a.bc":    {"*", "a.*", "a.bc"},
		"a.x":     {"*", "a.*"},
		"ab":      {"*"},
		"ab.c":    {"*", "ab.*"},
		"b":       {"*", "b c.d.*"},
		"b.a.c":   {"*", "b.*"},
		"c":       {"*"},
		"c.d":     {"*"},
		"c.d.e":   {"*", "b c.d.*"},
		"d.x":     {"*"},
		"axb":     {"*"},
		"a-b.c":   {"*", "a-b.*"},
		"a_b":     {"*", "a_b"},
	} {
		actions := []driver.Action{}
		for _, list := range want {
			actions = append(actions, saved[list])
		}
		t.wantForEvent(eventType, driver.ActionOptions{}, actions...)
	}
}

func actionForEventCase(t *test) {
	saved := t.saveTypedActions("order.placed", "Order.*")
	t.wantForEvent("order.placed", driver.ActionOptions{}, saved["order.placed"])
	t.wantForEvent("Order.placed", driver.ActionOptions{}, saved["Order.*"])
	t.wantForEvent("ORDER.PLACED", driver.ActionOptions{})
}

func actionForEventOnce(t *test) {
	saved := t.saveTypedActions("a.b.c a.b.* a.* *", "* a.b.c")
	for _, eventType := range []string{"a.b.c", "a.b.d", "x"} {
		t.wantForEvent(eventType, driver.ActionOptions{}, saved["a.b.c a.b.* a.* *"], saved["* a.b.c"])
	}
}

func actionForEventInUse(t *test) {
	active := t.saveAction()
	for _, status := range []driver.ActionStatus{driver.ActionInactive, driver.ActionPaused, driver.ActionArchived} {
		for _, enabled := range []bool{true, false} {
			t.saveAction(func(a *driver.Action) { a.Status, a.IsEnabled = status, enabled })
		}
	}
	t.saveAction(func(a *driver.Action) { a.IsEnabled = false })
	t.wantForEvent("order.placed", driver.ActionOptions{}, active)
	t.wantForEvent("order.placed", driver.ActionOptions{Context: json.RawMessage(`{}`)}, active)

	active.Status = driver.ActionPaused
	active = t.updatesAction("paused action", active)
	t.wantForEvent("order.placed", driver.ActionOptions{})
	active.Status = driver.ActionActive
	active = t.updatesAction("action that goes on", active)
	t.wantForEvent("order.placed", driver.ActionOptions{}, active)
	equal(t, "deleted", must(t, t.store.Actions().Delete, active.ID), true)
	t.wantForEvent("order.placed", driver.ActionOptions{})
}

func actionForEventContext(t *test) {
	saved := map[string]driver.Action{}
	for name, filters := range map[string]string{
		"empty":  ` { } `,
		"one":    `{"region": "eu"}`,
		"two":    `{"region": "eu", "level": 1.0}`,
		"listed": `{"region": ["us", "eu"]}`,
		"dotted": `{"a.b": null}`,
	} {
		saved[name] = t.saveAction(func(a *driver.Action) { a.ContextFilters = json.RawMessage(filters) })
	}
	for context, want := range map[string][]string{
		`{}`:                                {"empty"},
		`{"region": "eu"}`:                  {"empty", "one", "listed"},
		`{"level": 1, "region": "\u0065u"}`: {"empty", "one", "two", "listed"},
		`{"region": "us", "level": 1}`:      {"empty", "listed"},
		`{"region": "EU"}`:                  {"empty"},
		`{"region": null}`:                  {"empty"},
		`{"region": ["us", "eu"]}`:          {"empty", "listed"},
		`{"region": ["eu"]}`:                {"empty"},
		`{"a.b": null}`:                     {"empty", "dotted"},
		`{"a": {"b": null}}`:                {"empty"},
		`{"region": "us", "region": "eu"}`:  {"empty", "one", "listed"},
	} {
		actions := []driver.Action{}
		for _, name := range want {
			actions = append(actions, saved[name])
		}
		t.wantForEvent("order.placed", driver.ActionOptions{Context: json.RawMessage(context)}, actions...)
	}
}

func actionForEventNoContext(t *test) {
	free := t.saveAction()
	bound := t.saveAction(func(a *driver.Action) { a.ContextFilters = json.RawMessage(`{"region": "eu"}`) })
	t.wantForEvent("order.placed", driver.ActionOptions{}, free, bound)
}

func actionForEventNoTenant(t *test) {
	tenantless := t.saveAction()
	t.saveAction(func(a *driver.Action) { a.TenantID = ptr(newID()) })
	t.wantForEvent("order.placed", driver.ActionOptions{}, tenantless)
	t.wantForEvent("order.placed", driver.ActionOptions{Context: json.RawMessage(`{}`)}, tenantless)
}

func actionForEventTenant(t *test) {
	mine, other := newID(), newID()
	tenantless := t.saveAction()
	own := t.saveAction(func(a *driver.Action) { a.TenantID = &mine })
	high := t.saveAction(func(a *driver.Action) { a.TenantID, a.Priority = &mine, driver.PriorityHigh })
	bound := t.saveAction(func(a *driver.Action) { a.TenantID, a.ContextFilters = &mine, json.RawMessage(`{"region": "eu"}`) })
	t.saveAction(func(a *driver.Action) { a.TenantID = &other })
	t.wantForEvent("order.placed", driver.ActionOptions{TenantID: &mine}, tenantless, own, high, bound)
	t.wantForEvent("order.placed", driver.ActionOptions{TenantID: &mine, Context: json.RawMessage(`{"region": "us"}`)}, tenantless, own, high)
	t.wantForEvent("order.placed", driver.ActionOptions{TenantID: ptr(newID())}, tenantless)
}

// actionsInAllOrders saves actions whose order in lists is not that in which they are saved, in
// transactions that on some backends give several the same moment.
func (t *test) actionsInAllOrders(change func(a *driver.Action)) []driver.Action {
	t.Helper()
	var saved []driver.Action
	for range 3 {
		t.inTx(func(tx driver.Store) {
			for i := range 12 {
				saved = append(saved, must(t, tx.Actions().Save, changed(newAction(), change, func(a *driver.Action) {
					a.ID = uuid.New() // without an order
					a.Priority = driver.PriorityOfRank(1 + i*7%4)
				})))
			}
		})
	}
	return saved
}

func actionForEventOrder(t *test) {
	saved := t.actionsInAllOrders(func(a *driver.Action) { a.EventTypes = []string{"order.*", "order.placed"} })
	t.wantForEvent("order.placed", driver.ActionOptions{}, saved...)
	t.wantForEvent("order.placed", driver.ActionOptions{Context: json.RawMessage(`{}`)}, saved...)
}

func actionForEventMany(t *test) {
	n := driver.DefaultLimit + 20
	var saved []driver.Action
	t.inTx(func(tx driver.Store) {
		for i := range n {
			saved = append(saved, must(t, tx.Actions().Save, changed(newAction(), func(a *driver.Action) { a.Name = fmt.Sprint("action ", i) })))
		}
	})
	t.wantForEvent("order.placed", driver.ActionOptions{}, saved...)
	t.wantForEvent("order.placed", driver.ActionOptions{Context: json.RawMessage(`{"a": 1}`)}, saved...)
}

func actionForEventConditions(t *test) {
	saved := t.saveAction(func(a *driver.Action) {
		a.Conditions = []driver.Condition{{Field: "data.total", Operator: driver.OpGreaterThan, Value: json.RawMessage(`100`)}}
	})
	t.wantForEvent("order.placed", driver.ActionOptions{}, saved)
	stored := t.action(saved.ID)
	for data, want := range map[string]bool{`{"total": 100.5}`: true, `{"total": 100}`: false, `{}`: false} {
		event := newEvent()
		event.EventData = json.RawMessage(data)
		matches, err := stored.Matches(&event)
		t.ok(err)
		equal(t, "Matches of "+data, matches, want)
	}
}

func actionForEventInvalid(t *test) {
	t.saveAction(func(a *driver.Action) { a.EventTypes = []string{"*"} })
	for _, eventType := range append([]string{"", "*", "order.*", "order.", "order placed", "größe", strings.Repeat("t", driver.MaxEventType+1)}, regexTypes...) {
		_, err := t.store.Actions().GetActionsForEvent(t.ctx, eventType, driver.ActionOptions{})
		t.wantInvalid(err, "Actions.GetActionsForEvent", "event_type")
	}
	for _, context := range []string{``, `null`, `[]`, `"a"`, `{`, `{"a":1} x`, "{\"a\":\"\xff\"}"} {
		_, err := t.store.Actions().GetActionsForEvent(t.ctx, "order.placed", driver.ActionOptions{Context: json.RawMessage(context)})
		t.wantInvalid(err, "Actions.GetActionsForEvent", "context")
	}
}
