package driver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/internal/jsontext"
)

// Condition is something that must hold for an event, so that an action is for it.
//
// Field is where to look: event_type, event_name, aggregate_type, aggregate_id, context_id,
// correlation_id or triggered_by_user_id; data or metadata (also spelled event_data and
// event_metadata), the whole object; or one of these two with a path, such as data.customer.country.
// A path is keys separated by dots. It walks through objects only: a list is a value, and a key
// that contains a dot can't be named. Of a key that an object has twice the last one counts. Ids
// are strings in small letters; one that is nil is missing. An empty event_name is there.
//
// What Operator says of the value there and of Value:
//
//	equals                the same value
//	contains              a list has an element that equals Value; a string has Value in it
//	starts_with,
//	ends_with             a string starts, ends with Value, which is a string
//	gt, gte, lt, lte      greater, at least, less, at most: number with number, string with string;
//	                      Value is one of these
//	in                    equals one of Value, which is a list
//	exists                there is a value; null is one. Value is absent or null
//	not_equals,
//	not_contains,
//	not_in, not_exists    exactly when the one without not_ does not hold
//
// Of a value that is missing, or of another kind than the operator works on, only the last four
// hold; to compare them is no error. Value is required except for exists and not_exists.
//
// Nothing is converted: 1 is not "1". Numbers are compared as exact decimals of any size: 1 equals
// 1.0 and 1e0. Strings are compared by the bytes of what they say: "\u0061" equals "a", and half of
// a surrogate pair by itself is U+FFFD. Objects are equal if they have the same keys with equal
// values, in any order; lists element by element. A list equals a list only: nothing but contains
// looks at its elements.
type Condition struct {
	Field    string          `json:"field"`
	Operator Operator        `json:"operator"`
	Value    json.RawMessage `json:"value,omitempty"`
}

// Operator says what a [Condition] asks for.
type Operator string

// The operators of conditions.
const (
	OpEquals         Operator = "equals"
	OpNotEquals      Operator = "not_equals"
	OpContains       Operator = "contains"
	OpNotContains    Operator = "not_contains"
	OpStartsWith     Operator = "starts_with"
	OpEndsWith       Operator = "ends_with"
	OpGreaterThan    Operator = "gt"
	OpGreaterOrEqual Operator = "gte"
	OpLessThan       Operator = "lt"
	OpLessOrEqual    Operator = "lte"
	OpIn             Operator = "in"
	OpNotIn          Operator = "not_in"
	OpExists         Operator = "exists"
	OpNotExists      Operator = "not_exists"
)

var operators = []Operator{
	OpEquals, OpNotEquals, OpContains, OpNotContains, OpStartsWith, OpEndsWith,
	OpGreaterThan, OpGreaterOrEqual, OpLessThan, OpLessOrEqual, OpIn, OpNotIn, OpExists, OpNotExists,
}

// check checks a condition with Field and Value of at most maxBytes bytes each; field is its own
// name, such as conditions[0]. An object in Value that has a key twice is refused.
func (c Condition) check(field string, maxBytes int) error {
	if err := checkText(field+".field", c.Field, maxBytes); err != nil {
		return err
	}
	if len(c.Value) > maxBytes {
		return checkText(field+".value", string(c.Value), maxBytes)
	}
	parsed, err := c.parse()
	if err != nil {
		err.Field = field + "." + err.Field
		return err
	}
	if parsed.value != nil && parsed.value.hasKeyTwice() {
		return &InvalidError{field + ".value", "must not have a key twice in one object"}
	}
	return nil
}

// parsedCondition is a condition that can be evaluated.
type parsedCondition struct {
	start    string   // the first word of Field, data and metadata without event_
	path     []string // the others
	operator Operator
	value    jsonValue
}

// parse reads a condition. The field of an error is the condition's.
func (c Condition) parse() (parsedCondition, *InvalidError) {
	parsed := parsedCondition{operator: c.Operator}
	start, path, deeper := strings.Cut(c.Field, ".")
	switch start {
	case "data", "metadata", "event_data", "event_metadata":
		parsed.start = strings.TrimPrefix(start, "event_")
		if deeper {
			var ok bool
			if parsed.path, ok = splitPath(path); !ok {
				return parsed, &InvalidError{"field", "must be keys separated by single dots, such as data.customer.country"}
			}
		}
	case "event_type", "event_name", "aggregate_type", "aggregate_id", "context_id", "correlation_id", "triggered_by_user_id":
		parsed.start = start
		if deeper {
			return parsed, &InvalidError{"field", "must end after " + start + ", which has no parts"}
		}
	default:
		return parsed, &InvalidError{"field", "must be event_type, event_name, aggregate_type, aggregate_id, context_id, " +
			"correlation_id, triggered_by_user_id, or a path that starts with data or metadata, such as data.customer.country"}
	}
	if !slices.Contains(operators, c.Operator) {
		return parsed, &InvalidError{"operator", "must be equals, not_equals, contains, not_contains, starts_with, ends_with, " +
			"gt, gte, lt, lte, in, not_in, exists or not_exists"}
	}
	if c.Value != nil {
		if _, err := jsontext.Check(c.Value); err != nil {
			return parsed, &InvalidError{"value", err.Error()}
		}
		parsed.value = trimValue(c.Value)
	}
	if reason := c.Operator.refuses(parsed.value); reason != "" {
		return parsed, &InvalidError{"value", reason}
	}
	return parsed, nil
}

// matchConditions reports whether all conditions hold for an event; without any it's true.
//
// The error is an InvalidError, and comes with false: a condition is one that check refuses, even
// if another one does not hold, or it says something about a field that a stored event has and this
// one has not, or about data that is not an object.
func matchConditions(conditions []Condition, e *Event) (bool, error) {
	if e == nil {
		return false, &InvalidError{"event", "is required"}
	}
	parsed := make([]parsedCondition, len(conditions))
	for i, condition := range conditions {
		var err *InvalidError
		if parsed[i], err = condition.parse(); err != nil {
			err.Field = fmt.Sprintf("conditions[%d].%s", i, err.Field)
			return false, err
		}
	}
	event := conditionEvent{Event: e}
	for _, condition := range parsed {
		value, err := event.value(condition.start, condition.path)
		if err != nil {
			return false, err
		}
		if !condition.operator.holds(value, condition.value) {
			return false, nil
		}
	}
	return true, nil
}

// conditionEvent is an event whose objects are checked once, when a condition asks for them.
type conditionEvent struct {
	*Event
	data, metadata jsonValue
}

// value returns what conditions find in the event.
func (e *conditionEvent) value(start string, path []string) (jsonValue, error) {
	switch start {
	case "data":
		return valueIn(&e.data, "event_data", e.EventData, path)
	case "metadata":
		return valueIn(&e.metadata, "event_metadata", e.EventMetadata, path)
	case "event_type":
		return requiredValue(start, e.EventType)
	case "event_name":
		return stringValue(e.EventName), nil
	case "aggregate_type":
		return requiredValue(start, e.AggregateType)
	case "aggregate_id":
		if e.AggregateID == uuid.Nil {
			return requiredValue(start, "")
		}
		return idValue(&e.AggregateID), nil
	case "context_id":
		return idValue(e.ContextID), nil
	case "correlation_id":
		return idValue(e.CorrelationID), nil
	}
	return idValue(e.TriggeredByUserID), nil
}

// valueIn finds a path in one of the event's objects; checked keeps the object for the next time.
func valueIn(checked *jsonValue, field string, text json.RawMessage, path []string) (jsonValue, error) {
	if *checked == nil {
		object, err := readObject(field, text)
		if err != nil {
			return nil, err
		}
		*checked = object
	}
	if path == nil {
		return *checked, nil
	}
	return checked.find(path), nil
}

// requiredValue is a field that every stored event has.
func requiredValue(field, text string) (jsonValue, error) {
	if text == "" {
		return nil, &InvalidError{field, "was not read"}
	}
	return stringValue(text), nil
}

func idValue(id *uuid.UUID) jsonValue {
	if id == nil {
		return nil
	}
	return stringValue(id.String())
}

// stringValue is text as JSON.
func stringValue(text string) jsonValue {
	value, _ := json.Marshal(text) // can't fail: a string always has a JSON form
	return value
}

// checkContextFilters checks the context filters of an action, of at most maxBytes bytes. A key
// twice in one object, at any depth, is refused.
func checkContextFilters(field string, filters json.RawMessage, maxBytes int) error {
	if err := checkJSONObject(field, filters, maxBytes); err != nil {
		return err
	}
	if trimValue(filters).hasKeyTwice() {
		return &InvalidError{field, "must not have a key twice in one object"}
	}
	return nil
}

// matchContext reports whether a context, an object that the app describes a situation with,
// satisfies the context filters of an action: every key of the filters is in it, with a value that
// equals the filter's, or, if that is a list, one of its elements or the list as a whole. Keys are
// those of the outermost object; a dot is part of one. Values are equal as conditions define it,
// and of a key that the context has twice the last one counts. {} is satisfied by any context,
// which is then not looked at.
//
// The error is an InvalidError, and comes with false: filters or a context that are nil or not an
// object.
func matchContext(filters, context json.RawMessage) (bool, error) {
	wanted, err := readObject("context_filters", filters)
	if err != nil {
		return false, err
	}
	given := jsonValue(nil)
	for key, want := range wanted.members() {
		if given == nil {
			if given, err = readObject("context", context); err != nil {
				return false, err
			}
		}
		value := given.find([]string{key.text()})
		if !equal(value, want) && (want.kind() != kindList || !equalsAny(value, want)) {
			return false, nil
		}
	}
	return true, nil
}
