package driver

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
)

var (
	conditionAggregate = uuid.MustParse("0192ABCD-0000-7000-8000-00000000000A")
	conditionContext   = uuid.MustParse("0192abcd-0000-7000-8000-00000000000b")
)

func conditionTestEvent() *Event {
	return &Event{
		EventType: "order.placed", EventName: `Order "placed" <now> 注文`, AggregateType: "Order", AggregateID: conditionAggregate, ContextID: &conditionContext,
		EventData:     json.RawMessage(` {"total": 12.50, "tags": ["new", 1], "customer": {"name": "\u0041da", "vip": null}, "id": "x"} `),
		EventMetadata: json.RawMessage(`{"source": "web", "try": 3}`),
	}
}

func TestConditions(t *testing.T) {
	for _, test := range []struct {
		name, field string
		operator    Operator
		value       string
		want        bool
	}{
		{"the event type", "event_type", OpEquals, `"order.placed"`, true},
		{"the event type, in another case", "event_type", OpEquals, `"Order.placed"`, false},
		{"the event name", "event_name", OpEquals, `"Order \"placed\" <now> \u6ce8文"`, true},
		{"the event name is there", "event_name", OpExists, ``, true},
		{"the aggregate type", "aggregate_type", OpIn, `["User", "Order"]`, true},
		{"the aggregate's id, in small letters", "aggregate_id", OpEquals, `"0192abcd-0000-7000-8000-00000000000a"`, true},
		{"the aggregate's id, in capitals", "aggregate_id", OpEquals, `"0192ABCD-0000-7000-8000-00000000000A"`, false},
		{"the context", "context_id", OpEquals, `"0192abcd-0000-7000-8000-00000000000b"`, true},
		{"no correlation", "correlation_id", OpNotExists, ``, true},
		{"no correlation is not null", "correlation_id", OpEquals, `null`, false},
		{"no user", "triggered_by_user_id", OpExists, `null`, false},
		{"the data", "data", OpExists, ``, true},
		{"the data as a whole", "metadata", OpEquals, `{"try": 3.0, "source": "web"}`, true},
		{"the data, by the other name", "event_data.id", OpEquals, `"x"`, true},
		{"the metadata, by the other name", "event_metadata.source", OpEquals, ` "web" `, true},
		{"the metadata as a whole, by the other name", "event_metadata", OpContains, `"web"`, false},
		{"a path", "data.customer.name", OpEquals, `"Ada"`, true},
		{"a path through a list", "data.tags.0", OpExists, ``, false},
		{"a path beyond a scalar", "data.total.x", OpExists, ``, false},

		{"equals", "data.total", OpEquals, `125e-1`, true},
		{"equals, not converted", "data.total", OpEquals, `"12.50"`, false},
		{"equals, missing", "data.none", OpEquals, `null`, false},
		{"equals, null", "data.customer.vip", OpEquals, `null`, true},
		{"equals, an element", "data.tags", OpEquals, `"new"`, false},
		{"not_equals", "data.total", OpNotEquals, `12`, true},
		{"not_equals, the same", "data.total", OpNotEquals, `12.5`, false},
		{"not_equals, missing", "data.none", OpNotEquals, `1`, true},
		{"contains, an element", "data.tags", OpContains, `1.0`, true},
		{"contains, no element", "data.tags", OpContains, `"ne"`, false},
		{"contains, a substring", "data.customer.name", OpContains, `"d"`, true},
		{"contains, another kind", "data.total", OpContains, `"1"`, false},
		{"contains, missing", "data.none", OpContains, `"1"`, false},
		{"not_contains", "data.tags", OpNotContains, `2`, true},
		{"not_contains, an element", "data.tags", OpNotContains, `"new"`, false},
		{"not_contains, another kind", "data.total", OpNotContains, `"1"`, true},
		{"not_contains, missing", "data.none", OpNotContains, `1`, true},
		{"starts_with", "event_type", OpStartsWith, `"order."`, true},
		{"starts_with, not", "event_type", OpStartsWith, `"placed"`, false},
		{"starts_with, another kind", "data.total", OpStartsWith, `"12"`, false},
		{"starts_with, missing", "data.none", OpStartsWith, `""`, false},
		{"ends_with", "event_type", OpEndsWith, `".placed"`, true},
		{"ends_with, not", "event_type", OpEndsWith, `"order"`, false},
		{"ends_with, another kind", "data.tags", OpEndsWith, `"1"`, false},
		{"ends_with, missing", "data.none", OpEndsWith, `""`, false},
		{"gt", "data.total", OpGreaterThan, `12.49999999999999999999999999`, true},
		{"gt, the same", "data.total", OpGreaterThan, `12.5`, false},
		{"gt, mixed", "data.total", OpGreaterThan, `"1"`, false},
		{"gt, missing", "data.none", OpGreaterThan, `0`, false},
		{"gt, null", "data.customer.vip", OpGreaterThan, `0`, false},
		{"gt, strings", "data.id", OpGreaterThan, `"w"`, true},
		{"gte", "data.total", OpGreaterOrEqual, `12.5`, true},
		{"gte, more", "data.total", OpGreaterOrEqual, `12.51`, false},
		{"gte, missing", "data.none", OpGreaterOrEqual, `""`, false},
		{"lt", "data.total", OpLessThan, `1e999999999`, true},
		{"lt, the same", "data.total", OpLessThan, `12.5`, false},
		{"lt, mixed", "data.id", OpLessThan, `1`, false},
		{"lt, missing", "data.none", OpLessThan, `1`, false},
		{"lte", "data.total", OpLessOrEqual, `12.5`, true},
		{"lte, less", "data.total", OpLessOrEqual, `12.4`, false},
		{"lte, missing", "data.none", OpLessOrEqual, `1`, false},
		{"in", "data.total", OpIn, `[1, 12.5]`, true},
		{"in, not", "data.total", OpIn, `[1, "12.5"]`, false},
		{"in, missing", "data.none", OpIn, `[null]`, false},
		{"in, a list", "data.tags", OpIn, `["new", ["new", 1]]`, true},
		{"in, an element", "data.tags", OpIn, `["new", 1]`, false},
		{"not_in", "data.total", OpNotIn, `[1]`, true},
		{"not_in, not", "data.total", OpNotIn, `[12.5]`, false},
		{"not_in, missing", "data.none", OpNotIn, `[]`, true},
		{"exists", "data.customer", OpExists, ``, true},
		{"exists, null", "data.customer.vip", OpExists, ``, true},
		{"exists, missing", "data.none", OpExists, ``, false},
		{"not_exists", "data.none", OpNotExists, ` null `, true},
		{"not_exists, null", "data.customer.vip", OpNotExists, ``, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			condition := newCondition(test.field, test.operator, test.value)
			if err := condition.check("conditions[0]", 100); err != nil {
				t.Fatal(err)
			}
			if got, err := matchConditions([]Condition{condition}, conditionTestEvent()); got != test.want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
			if longExponent.Match(condition.Value) {
				return
			}
			if got := slowConditions(t, []Condition{condition}, conditionTestEvent()); got != test.want {
				t.Errorf("the slow evaluator says %v", got)
			}
		})
	}
}

// newCondition leaves the value out if it is empty.
func newCondition(field string, operator Operator, value string) Condition {
	condition := Condition{Field: field, Operator: operator}
	if value != "" {
		condition.Value = json.RawMessage(value)
	}
	return condition
}

func TestConditionsMustAllHold(t *testing.T) {
	yes, no := newCondition("event_type", OpExists, ""), newCondition("event_type", OpNotExists, "")
	for _, test := range []struct {
		conditions []Condition
		want       bool
	}{
		{nil, true},
		{[]Condition{}, true},
		{[]Condition{yes, yes}, true},
		{[]Condition{yes, no}, false},
		{[]Condition{no, yes}, false},
	} {
		if got, err := matchConditions(test.conditions, conditionTestEvent()); got != test.want || err != nil {
			t.Errorf("%v: %v, %v", test.conditions, got, err)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, condition, field string
	}{
		{"no field", `{"operator": "exists"}`, "conditions[3].field"},
		{"an unknown field", `{"field": "SECRET", "operator": "exists"}`, "conditions[3].field"},
		{"a field in capitals", `{"field": "Data.a", "operator": "exists"}`, "conditions[3].field"},
		{"a part of a field without parts", `{"field": "event_type.SECRET", "operator": "exists"}`, "conditions[3].field"},
		{"a path that ends with a dot", `{"field": "data.", "operator": "exists"}`, "conditions[3].field"},
		{"a path with an empty word", `{"field": "metadata.SECRET..b", "operator": "exists"}`, "conditions[3].field"},
		{"a NUL in a path", `{"field": "data.SECRET\u0000", "operator": "exists"}`, "conditions[3].field"},
		{"a long path", `{"field": "data.` + strings.Repeat("SECRET", 100) + `", "operator": "exists"}`, "conditions[3].field"},
		{"no operator", `{"field": "data.a", "value": 1}`, "conditions[3].operator"},
		{"an unknown operator", `{"field": "data.a", "operator": "SECRET", "value": 1}`, "conditions[3].operator"},
		{"an operator of filters", `{"field": "data.a", "operator": "$eq", "value": 1}`, "conditions[3].operator"},
		{"an operator in capitals", `{"field": "data.a", "operator": "Equals", "value": 1}`, "conditions[3].operator"},
		{"equals without a value", `{"field": "data.a", "operator": "equals"}`, "conditions[3].value"},
		{"not_contains without a value", `{"field": "data.a", "operator": "not_contains"}`, "conditions[3].value"},
		{"gt without a value", `{"field": "data.a", "operator": "gt"}`, "conditions[3].value"},
		{"gte a bool", `{"field": "data.a", "operator": "gte", "value": true}`, "conditions[3].value"},
		{"lt null", `{"field": "data.a", "operator": "lt", "value": null}`, "conditions[3].value"},
		{"lte a list", `{"field": "data.a", "operator": "lte", "value": ["SECRET"]}`, "conditions[3].value"},
		{"in a string", `{"field": "data.a", "operator": "in", "value": "SECRET"}`, "conditions[3].value"},
		{"not_in without a value", `{"field": "data.a", "operator": "not_in"}`, "conditions[3].value"},
		{"starts_with a number", `{"field": "data.a", "operator": "starts_with", "value": 1}`, "conditions[3].value"},
		{"ends_with a list", `{"field": "data.a", "operator": "ends_with", "value": ["SECRET"]}`, "conditions[3].value"},
		{"exists with a value", `{"field": "data.a", "operator": "exists", "value": "SECRET"}`, "conditions[3].value"},
		{"not_exists with a value", `{"field": "data.a", "operator": "not_exists", "value": false}`, "conditions[3].value"},
		{"a key twice", `{"field": "data.a", "operator": "equals", "value": [{"SECRET": 1, "SECRET": 2}]}`, "conditions[3].value"},
		{"a long value", `{"field": "data.a", "operator": "equals", "value": "` + strings.Repeat("SECRET", 100) + `"}`, "conditions[3].value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var condition Condition
			if err := json.Unmarshal([]byte(test.condition), &condition); err != nil {
				t.Fatal(err)
			}
			invalidField(t, condition.check("conditions[3]", 200), test.field)
		})
	}
	for name, value := range map[string]json.RawMessage{"no JSON": json.RawMessage(`SECRET`), "empty": {}, "not UTF-8": json.RawMessage("\"SECRET\xff\"")} {
		t.Run(name, func(t *testing.T) {
			invalidField(t, Condition{"data.a", OpEquals, value}.check("c", 200), "c.value")
		})
	}
}

func TestConditionsOrEventsThatWereNotCheckedAreAnErrorAndNoMatch(t *testing.T) {
	for _, test := range []struct {
		name       string
		conditions []Condition
		change     func(*Event)
		field      string
	}{
		{"an unknown operator", []Condition{newCondition("data.id", "like", `"x"`)}, nil, "conditions[0].operator"},
		{"one behind a condition that does not hold", []Condition{newCondition("data.id", OpNotExists, ""), newCondition("id", OpExists, "")}, nil, "conditions[1].field"},
		{"a value that is no JSON", []Condition{newCondition("data.id", OpNotEquals, `{`)}, nil, "conditions[0].value"},
		{"a value that was lost", []Condition{newCondition("data.id", OpNotEquals, ``)}, nil, "conditions[0].value"},
		{"no data", []Condition{newCondition("data.id", OpNotExists, "")}, func(e *Event) { e.EventData = nil }, "event_data"},
		{"data that do not end", []Condition{newCondition("data.id", OpNotExists, "")}, func(e *Event) { e.EventData = json.RawMessage(`{"a": 1`) }, "event_data"},
		{"data that are a list", []Condition{newCondition("data", OpExists, "")}, func(e *Event) { e.EventData = json.RawMessage(`[]`) }, "event_data"},
		{"no metadata", []Condition{newCondition("metadata", OpNotExists, "")}, func(e *Event) { e.EventMetadata = nil }, "event_metadata"},
		{"no type", []Condition{newCondition("event_type", OpNotEquals, `"a"`)}, func(e *Event) { e.EventType = "" }, "event_type"},
		{"no aggregate type", []Condition{newCondition("aggregate_type", OpNotEquals, `"a"`)}, func(e *Event) { e.AggregateType = "" }, "aggregate_type"},
		{"no aggregate", []Condition{newCondition("aggregate_id", OpNotEquals, `"a"`)}, func(e *Event) { e.AggregateID = uuid.Nil }, "aggregate_id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			event := conditionTestEvent()
			if test.change != nil {
				test.change(event)
			}
			got, err := matchConditions(test.conditions, event)
			if got {
				t.Error("a match")
			}
			invalidField(t, err, test.field)
		})
	}
	got, err := matchConditions(nil, nil)
	if got {
		t.Error("no event: a match")
	}
	invalidField(t, err, "event")
}

func TestConditionsLookOnlyAtWhatTheyAskFor(t *testing.T) {
	event := &Event{EventType: "order.placed"}
	if got, err := matchConditions([]Condition{newCondition("event_type", OpStartsWith, `"order"`)}, event); !got || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestConditionsComeBackFromJSONAsTheyWere(t *testing.T) {
	for _, text := range []string{
		`{"field":"data.a","operator":"equals","value":null}`,
		`{"field":"data.a","operator":"in","value":[1.0,"x"]}`,
		`{"field":"data.a","operator":"exists"}`,
	} {
		var condition Condition
		if err := json.Unmarshal([]byte(text), &condition); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(condition); string(again) != text || err != nil {
			t.Errorf("%s: %s, %v", text, again, err)
		}
	}
}

func slowConditions(t testing.TB, conditions []Condition, e *Event) bool {
	t.Helper()
	event := map[string]any{
		"event_type": e.EventType, "event_name": e.EventName, "aggregate_type": e.AggregateType, "aggregate_id": strings.ToLower(e.AggregateID.String()),
		"data": slowDecode(t, e.EventData), "metadata": slowDecode(t, e.EventMetadata),
	}
	event["event_data"], event["event_metadata"] = event["data"], event["metadata"]
	for name, id := range map[string]*uuid.UUID{"context_id": e.ContextID, "correlation_id": e.CorrelationID, "triggered_by_user_id": e.TriggeredByUserID} {
		if id != nil {
			event[name] = id.String()
		}
	}
	for _, condition := range conditions {
		var value any
		if condition.Value != nil {
			value = slowDecode(t, condition.Value)
		}
		if !slowOperator(string(condition.Operator), slowFind(event, condition.Field), value) {
			return false
		}
	}
	return true
}

func (g generator) event() *Event {
	event := &Event{
		EventType: g.oneOf("a", "a.b", "ab"), EventName: g.oneOf("", "a", "😀", "<a>\n"), AggregateType: g.oneOf("a", "b"), AggregateID: conditionAggregate,
		EventData: json.RawMessage(g.object(4, nil)), EventMetadata: json.RawMessage(g.object(1, nil)),
	}
	for _, id := range []**uuid.UUID{&event.ContextID, &event.CorrelationID, &event.TriggeredByUserID} {
		if g.IntN(2) == 0 {
			*id = &conditionContext
		}
	}
	return event
}

func (g generator) condition(data, metadata any) Condition {
	var field string
	var there any
	switch path := g.path(); g.IntN(6) {
	case 0:
		field = g.oneOf("event_type", "event_name", "aggregate_type", "aggregate_id", "context_id", "correlation_id", "triggered_by_user_id")
		there = conditionContext.String()
	case 1:
		field, there = g.oneOf("metadata", "event_metadata"), metadata
	case 2:
		field, there = g.oneOf("metadata.", "event_metadata.")+path, slowFind(metadata, path)
	default:
		field, there = g.oneOf("data.", "event_data.")+path, slowFind(data, path)
	}
	operator := operators[g.IntN(len(operators))]
	var value string
	switch operator {
	case OpExists, OpNotExists:
		value = g.oneOf("", "null")
	case OpIn, OpNotIn:
		value = g.listOperand(there)
	case OpStartsWith, OpEndsWith:
		value = g.string()
	case OpGreaterThan, OpGreaterOrEqual, OpLessThan, OpLessOrEqual:
		value = g.oneOf(g.number(), g.string())
	default:
		value = g.operand(there)
	}
	return newCondition(field, operator, value)
}

func TestConditionsAgreeWithASlowEvaluator(t *testing.T) {
	matches := 0
	const cases = 20_000
	for seed := range uint64(cases) {
		g := newGenerator(seed)
		event := g.event()
		data, metadata := slowDecode(t, event.EventData), slowDecode(t, event.EventMetadata)
		conditions := make([]Condition, 1+g.IntN(2))
		for i := range conditions {
			conditions[i] = g.condition(data, metadata)
			if err := conditions[i].check("condition", 1<<20); err != nil {
				t.Fatalf("seed %d: %v: %v", seed, conditions[i], err)
			}
		}
		got, err := matchConditions(conditions, event)
		if want := slowConditions(t, conditions, event); got != want || err != nil {
			t.Fatalf("seed %d: conditions %s, data %s, metadata %s: %v, %v; want %v", seed, conditions, event.EventData, event.EventMetadata, got, err, want)
		}
		if got {
			matches++
		}
	}
	if matches < cases/10 || matches > cases*9/10 {
		t.Errorf("%d of %d match: this proves little", matches, cases)
	}
}

func FuzzConditions(f *testing.F) {
	for _, field := range []string{"event_type", "data", "data.a", "data.a.b", "event_metadata.source", "data..", "none", ""} {
		f.Add(field, "equals", []byte(`"a"`), []byte(`{"a": {"b": [1]}}`))
		f.Add(field, "not_exists", []byte(nil), []byte(`{"a": "\ud800", "a": {}}`))
	}
	for _, operator := range operators {
		f.Add("data.a", string(operator), []byte(`"a"`), []byte(`{"a": "a"}`))
		f.Add("data.a", string(operator), []byte(`1e99999999999999999999`), []byte(`{"a": 1}`))
		f.Add("data.a", string(operator), []byte(`[{}, [1.0]]`), []byte(`{"a": [1]}`))
		f.Add("data", string(operator), []byte(`null`), []byte(`{"a`))
	}
	f.Fuzz(func(t *testing.T, field, operator string, value, data []byte) {
		event := conditionTestEvent()
		event.EventData = data
		condition := newCondition(field, Operator(operator), string(value))
		conditions := []Condition{condition}
		refused := condition.check("conditions[0]", len(field)+len(value))
		got, err := matchConditions(conditions, event)
		if again, errAgain := matchConditions(conditions, event); again != got || (err == nil) != (errAgain == nil) {
			t.Errorf("%v, %v; the second time %v, %v", got, err, again, errAgain)
		}
		var invalid *InvalidError
		switch {
		case err != nil && (got || !errors.As(err, &invalid)):
			t.Errorf("%v, %v", got, err)
		case refused != nil || checkJSONObject("", data, len(data)) != nil:
			// What was not checked may be an error.
		case err != nil:
			t.Errorf("what was checked is an error: %v", err)
		case !longExponent.Match(value) && !longExponent.Match(data):
			if want := slowConditions(t, conditions, event); got != want {
				t.Errorf("%v, want %v", got, want)
			}
		}
	})
}

func TestContextFilters(t *testing.T) {
	const context = `{"region": "eu", "plan": {"name": "pro"}, "level": 3, "tags": ["a", "b"], "a.b": 1, "nil": null, "twice": 1, "twice": 2, "": 0}`
	for _, test := range []struct {
		name, filters string
		want          bool
	}{
		{"empty", `{}`, true},
		{"equal", `{"region": "eu"}`, true},
		{"escaped", `{"r\u0065gion": "\u0065u"}`, true},
		{"not equal", `{"region": "us"}`, false},
		{"all", `{"region": "eu", "level": 3.0}`, true},
		{"not all", `{"region": "eu", "level": 4}`, false},
		{"in the list", `{"region": ["us", "eu"]}`, true},
		{"not in the list", `{"region": ["us"]}`, false},
		{"in no list", `{"region": []}`, false},
		{"the list itself", `{"tags": ["a", "b"]}`, true},
		{"a list in the list", `{"tags": [1, ["a", "b"]]}`, true},
		{"an element of the context's list", `{"tags": "a"}`, false},
		{"an element of both lists", `{"tags": ["a"]}`, false},
		{"an object", `{"plan": {"name": "pro"}}`, true},
		{"no operators", `{"level": {"$gt": 1}}`, false},
		{"no paths", `{"plan.name": "pro"}`, false},
		{"a dot is part of a key", `{"a.b": 1}`, true},
		{"an empty key", `{"": 0}`, true},
		{"missing", `{"none": null}`, false},
		{"missing, any of nothing", `{"none": []}`, false},
		{"null", `{"nil": null}`, true},
		{"the last of two counts", `{"twice": 2}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := checkContextFilters("context_filters", json.RawMessage(test.filters), 100); err != nil {
				t.Fatal(err)
			}
			if got, err := matchContext(json.RawMessage(test.filters), json.RawMessage(context)); got != test.want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestContextFiltersThatAreRefused(t *testing.T) {
	for name, filters := range map[string]string{
		"empty text": ``, "a list": `["SECRET"]`, "no JSON": `{"a": SECRET}`, "too long": `{"a": "` + strings.Repeat("SECRET", 100) + `"}`,
		"a key twice": `{"a": "SECRET", "\u0061": 1}`, "a key twice deeper": `{"a": [{"b": "SECRET", "b": 1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			invalidField(t, checkContextFilters("context_filters", json.RawMessage(filters), 100), "context_filters")
		})
	}
}

func TestContextsThatWereNotCheckedAreAnErrorAndNoMatch(t *testing.T) {
	for _, test := range []struct {
		name             string
		filters, context json.RawMessage
		field            string
	}{
		{"nil filters", nil, json.RawMessage(`{}`), "context_filters"},
		{"filters that do not end", json.RawMessage(`{"a": 1`), json.RawMessage(`{"a": 1}`), "context_filters"},
		{"filters that are null", json.RawMessage(`null`), json.RawMessage(`{"a": 1}`), "context_filters"},
		{"nil context", json.RawMessage(`{"a": 1}`), nil, "context"},
		{"a context that does not end", json.RawMessage(`{"a": 1}`), json.RawMessage(`{"a": 1`), "context"},
		{"a context that is a list", json.RawMessage(`{"a": 1}`), json.RawMessage(`[1]`), "context"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := matchContext(test.filters, test.context)
			if got {
				t.Error("a match")
			}
			invalidField(t, err, test.field)
		})
	}
	if got, err := matchContext(json.RawMessage(`{}`), nil); !got || err != nil {
		t.Errorf("empty filters, no context: %v, %v", got, err)
	}
}
