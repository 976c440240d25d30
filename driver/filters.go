package driver

import (
	"encoding/json"
	"fmt"
	"strings"
)

// MaxFilterPaths is how many paths the filters of a subscription can name. Each costs a walk
// through the data of every event that they are asked about.
const MaxFilterPaths = 100

// filterOperators are the operators of subscription filters and what each means in conditions;
// $exists is OpExists or OpNotExists by its operand.
var filterOperators = map[string]Operator{
	"$eq":       OpEquals,
	"$ne":       OpNotEquals,
	"$gt":       OpGreaterThan,
	"$gte":      OpGreaterOrEqual,
	"$lt":       OpLessThan,
	"$lte":      OpLessOrEqual,
	"$in":       OpIn,
	"$nin":      OpNotIn,
	"$exists":   OpExists,
	"$contains": OpContains,
	"$prefix":   OpStartsWith,
}

const operatorRule = "is no operator: those are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $contains and $prefix; " +
	"a value whose keys start with $ goes under $eq"

// filter is what one path must satisfy: all tests.
type filter struct {
	path  []string
	tests []filterTest
}

type filterTest struct {
	operator Operator
	operand  jsonValue
}

// checkFilters checks the filters of a subscription, which matchFilters describes, of at most
// maxBytes bytes and MaxFilterPaths paths. An InvalidError names the place, such as
// event_filters["amount"].$gt. A key twice in one object, at any depth, is refused.
func checkFilters(field string, filters json.RawMessage, maxBytes int) error {
	if err := checkJSONObject(field, filters, maxBytes); err != nil {
		return err
	}
	object := trimValue(filters)
	parsed, err := parseFilters(field, object)
	if err != nil {
		return err
	}
	if len(parsed) > MaxFilterPaths {
		return &InvalidError{field, fmt.Sprintf("has %d paths, at most %d are allowed", len(parsed), MaxFilterPaths)}
	}
	seen := map[string]bool{}
	for key, value := range object.members() {
		path := key.text()
		if seen[path] {
			return &InvalidError{filterField(field, path), "is there twice; several operators go into one object"}
		}
		seen[path] = true
		if value.hasKeyTwice() {
			return &InvalidError{filterField(field, path), "must not have a key twice in one object"}
		}
	}
	return nil
}

// matchFilters reports whether the data of an event satisfies the filters of a subscription:
//
//	{"customer.country": "DE", "status": ["paid", "sent"], "amount": {"$gte": 100, "$lt": 1e6}}
//
// All must hold; {} holds for any data, which is then not looked at. A key is a path: keys of the
// data, separated by dots. It walks through objects only, a list is a value, and a key of the data
// that contains a dot can't be named; nor can one of the outermost object that starts with "$". Of
// a key that an object of the data has twice the last one counts.
//
// A filter is a value to be equal to; or a list, of which one element must be equal; or an object
// of operators, which must all hold. An object without operators is a value to be equal to, {}
// too; an object whose keys start with "$" is one under $eq; a list is one under $eq.
//
//	$eq, $ne             equal, not equal
//	$in, $nin            equal to an element of the operand, to none
//	$gt, $gte, $lt, $lte number with number, string with string, else false
//	$exists              the path is there (true) or not (false); null is there
//	$contains            a list has an element that is equal; a string has a substring
//	$prefix              a string starts with it
//
// Nothing is converted: 1 is not "1". Numbers are compared as exact decimals of any size: 1 equals
// 1.0 and 1e0. Strings are compared by the bytes of what they say: "\u0061" equals "a", and half of
// a surrogate pair by itself is U+FFFD. Objects are equal if they have the same keys with equal
// values, in any order, lists element by element. A list is equal to a list only: nothing but
// $contains looks at its elements. A path that is missing satisfies $exists: false, $ne and $nin
// only.
//
// The error is an InvalidError, and comes with false: the filters are nil (a subscription that was
// read without them must not match everything) or don't parse, or they say something about data
// that is nil or not an object.
func matchFilters(filters, data json.RawMessage) (bool, error) {
	object, err := readObject("event_filters", filters)
	if err != nil {
		return false, err
	}
	parsed, err := parseFilters("event_filters", object)
	if err != nil {
		return false, err
	}
	if len(parsed) == 0 {
		return true, nil
	}
	event, err := readObject("event_data", data)
	if err != nil {
		return false, err
	}
	for _, filter := range parsed {
		value := event.find(filter.path)
		for _, test := range filter.tests {
			if !test.operator.holds(value, test.operand) {
				return false, nil
			}
		}
	}
	return true, nil
}

func parseFilters(field string, filters jsonValue) ([]filter, error) {
	var parsed []filter
	for key, value := range filters.members() {
		path := key.text()
		if strings.HasPrefix(path, "$") {
			return nil, &InvalidError{filterField(field, path), `must be a path; operators go into the object of a path, such as {"amount": {"$gt": 1}}`}
		}
		words, ok := splitPath(path)
		if !ok {
			return nil, &InvalidError{filterField(field, path), pathRule}
		}
		tests, err := parseFilter(field, path, value)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, filter{words, tests})
	}
	return parsed, nil
}

// parseFilter reads what one path must satisfy.
func parseFilter(field, path string, value jsonValue) ([]filterTest, error) {
	switch value.kind() {
	case kindList:
		return []filterTest{{OpIn, value}}, nil
	case kindObject:
		if tests, err := parseOperators(field, path, value); tests != nil || err != nil {
			return tests, err
		}
	}
	return []filterTest{{OpEquals, value}}, nil
}

// parseOperators reads an object of operators. It returns nothing for an object without any.
func parseOperators(field, path string, object jsonValue) ([]filterTest, error) {
	var tests []filterTest
	others := false
	for key, operand := range object.members() {
		name := key.text()
		if !strings.HasPrefix(name, "$") {
			others = true
			continue
		}
		operator, known := filterOperators[name]
		if !known {
			return nil, &InvalidError{filterField(field, path) + "." + quoteKey(name), operatorRule}
		}
		if operator == OpExists {
			switch operand.kind() {
			case kindTrue:
			case kindFalse:
				operator = OpNotExists
			default:
				return nil, &InvalidError{filterField(field, path) + "." + name, "must be true or false"}
			}
			operand = nil
		}
		if reason := operator.refuses(operand); reason != "" {
			return nil, &InvalidError{filterField(field, path) + "." + name, reason}
		}
		tests = append(tests, filterTest{operator, operand})
	}
	if others && tests != nil {
		return nil, &InvalidError{filterField(field, path), "must not mix operators with other keys; a value whose keys start with $ goes under $eq"}
	}
	return tests, nil
}

// filterField names a path in the filters.
func filterField(field, path string) string { return field + "[" + quoteKey(path) + "]" }
