package driver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// newEvent returns an event with nothing but what is required.
func newEvent() driver.Event {
	return driver.Event{EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`)}
}

// object is a JSON object of so many bytes.
func object(size int) json.RawMessage {
	return slices.Concat([]byte(`{"a":"`), bytes.Repeat([]byte("x"), size-len(`{"a":""}`)), []byte(`"}`))
}

func nested(levels int) json.RawMessage {
	return json.RawMessage(strings.Repeat(`{"a":`, levels-1) + "{}" + strings.Repeat("}", levels-1))
}

var (
	firstMoment = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastMoment  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	before      = firstMoment.Add(-1)
	after       = lastMoment.Add(1)
	words       = []any{"a", "order.placed", "Order", "a-b_c.D", "7", "-", "_.-.9"}
	noWords     = []any{"", ".", "a.", ".a", "a..b", "a b", "a*", "*", "a.*", "ä", "a\x00", "a\xff", "a\n", " a", "a/b"}
	objects     = []any{json.RawMessage(`{}`), json.RawMessage(" {\n} "), object(driver.DefaultMaxPayload), nested(1024)}
	noObjects   = []any{
		json.RawMessage(``), json.RawMessage(` `), json.RawMessage(`[]`), json.RawMessage(`null`), json.RawMessage(`"{}"`), json.RawMessage(`1`),
		json.RawMessage(`{`), json.RawMessage(`{} {}`), json.RawMessage("{\"a\":\"\xff\"}"), object(driver.DefaultMaxPayload + 1), nested(1025),
	}
)

// rules are the values at and over the limit of each field, by its name in JSON. A field without a rule takes any value.
var rules = map[string]struct{ valid, invalid []any }{
	"event_type":        {append(words, strings.Repeat("a", driver.MaxEventType)), append(noWords, strings.Repeat("a", driver.MaxEventType+1))},
	"event_name":        {[]any{"", "Order placed", "Bestellung · 注文", strings.Repeat("ä", 127) + "a"}, []any{strings.Repeat("a", 256), strings.Repeat("ä", 128), "\xff", "a\x00"}},
	"aggregate_type":    {append(words, strings.Repeat("a", driver.MaxAggregateType)), append(noWords, strings.Repeat("a", driver.MaxAggregateType+1))},
	"aggregate_id":      {[]any{uuid.New(), uuid.Max}, []any{uuid.Nil}},
	"aggregate_version": {[]any{int64(0), int64(1), int64(math.MaxInt64)}, []any{int64(-1), int64(math.MinInt64)}},
	"event_data":        {objects, append(noObjects, json.RawMessage(nil))},
	"event_metadata":    {append(objects, json.RawMessage(nil)), noObjects},
	"occurred_at":       {[]any{time.Time{}, firstMoment, lastMoment, time.Now()}, []any{before, after, lastMoment.Add(time.Hour).In(time.FixedZone("", -2*60*60))}},
	"processed_at":      {[]any{(*time.Time)(nil), &firstMoment, &lastMoment}, []any{&before, &after}},
}

// anything has some values of the types of fields that take any.
var anything = map[reflect.Type][]any{
	reflect.TypeFor[uuid.UUID]():  {uuid.Nil, uuid.New(), uuid.Max},
	reflect.TypeFor[*uuid.UUID](): {(*uuid.UUID)(nil), &uuid.Nil, &uuid.Max},
	reflect.TypeFor[int64]():      {int64(-1), int64(math.MaxInt64)},
	reflect.TypeFor[time.Time]():  {time.Time{}, before, after},
}

// eachField calls fn for the fields of an Event, with what the library calls them.
func eachField(t *testing.T, fn func(t *testing.T, name string, field reflect.StructField)) {
	typ := reflect.TypeFor[driver.Event]()
	for i := range typ.NumField() {
		name := typ.Field(i).Tag.Get("json")
		t.Run(name, func(t *testing.T) { fn(t, name, typ.Field(i)) })
	}
}

func TestValidateHoldsEachFieldToItsRule(t *testing.T) {
	eachField(t, func(t *testing.T, name string, field reflect.StructField) {
		with := func(value any) driver.Event {
			event := newEvent()
			reflect.ValueOf(&event).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(value))
			return event
		}
		rule, ruled := rules[name]
		if !ruled {
			if rule.valid = anything[field.Type]; rule.valid == nil {
				t.Fatalf("there is no rule for this field, and no values of type %s", field.Type)
			}
		}
		for _, value := range rule.valid {
			event := with(value)
			if err := event.Validate(); err != nil {
				t.Errorf("%s: got error %v, want none", brief(value), err)
			}
		}
		for _, value := range rule.invalid {
			event := with(value)
			wantInvalid(t, brief(value), event.Validate(), name)
		}
	})
}

func TestEveryRuleIsOfAField(t *testing.T) {
	for name := range rules {
		if !slices.Contains(driver.EventColumns(), driver.EventColumn(name)) {
			t.Errorf("there is a rule for %q, which is no field of an event", name)
		}
	}
}

// brief is a value as text, not too much of it.
func brief(value any) string {
	if raw, ok := value.(json.RawMessage); ok {
		return fmt.Sprintf("%q", raw[:min(len(raw), 40)])
	}
	return fmt.Sprintf("%.40q", fmt.Sprint(value))
}

func TestValidateNeverRepeatsTheValue(t *testing.T) {
	const canary = "c4nary"
	for name, spoil := range map[string]func(*driver.Event){
		"event_type":     func(e *driver.Event) { e.EventType = canary + " " },
		"event_name":     func(e *driver.Event) { e.EventName = canary + "\xff" },
		"aggregate_type": func(e *driver.Event) { e.AggregateType = canary + "*" },
		"event_data":     func(e *driver.Event) { e.EventData = json.RawMessage(`{"` + canary + `":` + canary) },
		"event_metadata": func(e *driver.Event) { e.EventMetadata = json.RawMessage(`["` + canary + `"]`) },
	} {
		event := newEvent()
		spoil(&event)
		err := event.Validate()
		wantInvalid(t, name, err, name)
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error repeats the value: %v", name, err)
		}
	}
}

func TestValidateEventType(t *testing.T) {
	for _, value := range rules["event_type"].valid {
		if err := driver.ValidateEventType(value.(string)); err != nil {
			t.Errorf("%q: got error %v, want none", value, err)
		}
	}
	for _, value := range rules["event_type"].invalid {
		wantInvalid(t, brief(value), driver.ValidateEventType(value.(string)), "event_type")
	}
}

func TestTheColumnsAreTheFields(t *testing.T) {
	var names []driver.EventColumn
	eachField(t, func(_ *testing.T, name string, _ reflect.StructField) {
		names = append(names, driver.EventColumn(name))
	})
	if got := driver.EventColumns(); !slices.Equal(got, names) {
		t.Errorf("EventColumns: got %q, want %q, the fields of an Event", got, names)
	}
	driver.EventColumns()[0] = "changed"
	if got := driver.EventColumns()[0]; got != driver.EventColumnID {
		t.Errorf("EventColumns after a change of what it returned: got %q first, want %q", got, driver.EventColumnID)
	}
}

func TestSelectEventColumns(t *testing.T) {
	all := driver.EventColumns()
	type columns = []driver.EventColumn
	for name, test := range map[string]struct{ given, want columns }{
		"nil is all":          {nil, all},
		"none is all":         {columns{}, all},
		"all":                 {all, all},
		"the id comes along":  {columns{driver.EventColumnData}, columns{driver.EventColumnID, driver.EventColumnData}},
		"the id alone":        {columns{driver.EventColumnID}, columns{driver.EventColumnID}},
		"each once, in order": {columns{driver.EventColumnData, driver.EventColumnType, driver.EventColumnData}, columns{driver.EventColumnID, driver.EventColumnType, driver.EventColumnData}},
	} {
		got, err := driver.SelectEventColumns(test.given)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, test.want)
		}
	}
	for _, unknown := range []driver.EventColumn{"", "ID", "*", "id; drop table events", "lease_token"} {
		got, err := driver.SelectEventColumns([]driver.EventColumn{driver.EventColumnID, unknown})
		wantInvalid(t, string(unknown), err, "columns[1]")
		if got != nil {
			t.Errorf("%q: got %q beside the error, want nothing", unknown, got)
		}
	}
}

func TestPrepareFillsInWhatIsMissing(t *testing.T) {
	event := newEvent()
	want := event
	if err := event.Prepare(driver.DefaultMaxPayload); err != nil {
		t.Fatal(err)
	}
	if event.ID.Version() != 7 {
		t.Errorf("id: got %s, want a UUIDv7", event.ID)
	}
	want.ID, want.EventMetadata = event.ID, json.RawMessage(`{}`)
	if !reflect.DeepEqual(event, want) {
		t.Errorf("got %+v, want %+v: an id, metadata and nothing else", event, want)
	}
	second := newEvent()
	if err := second.Prepare(driver.DefaultMaxPayload); err != nil || second.ID == event.ID {
		t.Errorf("the next id: got %s again (%v), want another", second.ID, err)
	}
}

func TestPrepareKeepsWhatIsGiven(t *testing.T) {
	occurred := time.Date(2024, 2, 29, 12, 0, 0, 123_456_999, time.FixedZone("", 3*60*60))
	processed := occurred.Add(time.Hour)
	id := uuid.New()
	given := newEvent()
	given.ID, given.AggregateVersion, given.EventName, given.EventMetadata = uuid.New(), 7, "Placed", json.RawMessage(`{"a" : 1}`)
	given.CorrelationID, given.CausationID, given.TriggeredByUserID, given.ContextID = &id, &id, &id, &id
	given.OccurredAt, given.ProcessedAt = occurred, &processed
	given.Position, given.CreatedAt = 5, occurred

	want := given
	want.OccurredAt = time.Date(2024, 2, 29, 9, 0, 0, 123_456_000, time.UTC)
	wantProcessed := want.OccurredAt.Add(time.Hour)
	want.ProcessedAt = &wantProcessed
	want.Position, want.CreatedAt = 0, time.Time{} // the database's to say

	got := given
	if err := got.Prepare(driver.DefaultMaxPayload); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if processed.Nanosecond() != 123_456_999 {
		t.Error("the caller's time was changed")
	}
}

func TestPrepareHoldsToThePayloadLimit(t *testing.T) {
	for _, field := range []string{"event_data", "event_metadata"} {
		for size, fits := range map[int]bool{10: true, 11: false} {
			event := newEvent()
			if field == "event_data" {
				event.EventData = object(size)
			} else {
				event.EventMetadata = object(size)
			}
			before := event
			err := event.Prepare(10)
			if fits {
				if err != nil {
					t.Errorf("%s of %d bytes: got error %v, want none", field, size, err)
				}
				continue
			}
			wantInvalid(t, field, err, field)
			if !reflect.DeepEqual(event, before) {
				t.Errorf("an event that is refused: got %+v, want it unchanged, %+v", event, before)
			}
		}
	}
}

func TestAnEventInJSONComesBack(t *testing.T) {
	event := newEvent()
	if err := event.Prepare(driver.DefaultMaxPayload); err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	event.ContextID, event.OccurredAt, event.Position = &id, time.Date(2024, 2, 29, 9, 0, 0, 123_456_000, time.UTC), 12
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var got driver.Event
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, event) {
		t.Errorf("got %+v (%v), want %+v", got, err, event)
	}
}

func TestCheckLimit(t *testing.T) {
	for limit, want := range map[int]int{0: driver.DefaultLimit, 1: 1, driver.DefaultLimit: driver.DefaultLimit, driver.MaxLimit: driver.MaxLimit} {
		if got, err := driver.CheckLimit(limit); err != nil || got != want {
			t.Errorf("%d: got %d (%v), want %d", limit, got, err, want)
		}
	}
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		got, err := driver.CheckLimit(limit)
		wantInvalid(t, "limit", err, "limit")
		if got != 0 {
			t.Errorf("%d: got %d beside the error, want 0", limit, got)
		}
	}
}

func TestAnAggregateIsHeldToTheEventsRules(t *testing.T) {
	aggregate := driver.Aggregate{Type: "Order", ID: uuid.New()}
	if err := aggregate.Validate(); err != nil {
		t.Errorf("got error %v, want none", err)
	}
	wantInvalid(t, "no type", driver.Aggregate{ID: aggregate.ID}.Validate(), "aggregate_type")
	wantInvalid(t, "no id", driver.Aggregate{Type: "Order"}.Validate(), "aggregate_id")
	if got, want := aggregate.String(), "Order "+aggregate.ID.String(); got != want {
		t.Errorf("String: got %q, want %q", got, want)
	}
	event := newEvent()
	if got, want := event.Aggregate(), (driver.Aggregate{Type: event.AggregateType, ID: event.AggregateID}); got != want {
		t.Errorf("an event's aggregate: got %v, want %v", got, want)
	}
	var invalid *driver.InvalidError
	if err := (driver.Aggregate{}).Validate(); !errors.As(err, &invalid) {
		t.Errorf("got error %v, want an InvalidError", err)
	}
}
