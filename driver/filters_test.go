package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/internal/jsontext"
	"github.com/neomultitenant/neoevents/internal/webhooks"
)

const filterData = `{
	"n": 1, "zero": -0, "tenth": 0.1, "huge": 1e400, "big": 9007199254740993, "s": "abc", "uml": "\u00e4", "yes": true, "no": false, "nil": null,
	"list": [1, "a", [2], {"k": 1.0}, null], "strings": ["abc", "d"], "empty": "", "none": [], "o": {}, "half": "\ud800", "pair": "\ud83d\ude00",
	"deep": {"er": {"x": 5, "y": {"a": 1, "b": [1, 2]}}, "list": [{"x": 1}]}, "a.b": 1, "$d": {"$x": 1}, "ref": {"$ref": "r"}, "\u0065sc": 7,
	"twice": 1, "twice": 2, "lost": {"x": 1}, "lost": 3, "won": 3, "won": {"x": 1}, "dup": {"x": 1, "x": 2, "y": 0}, "": 4, "o2": {"": 4}
}`

func TestFilters(t *testing.T) {
	for _, test := range []struct {
		name, filters string
		want          bool
	}{
		{"no filters", `{}`, true},
		{"no filters, spaces", " {\n} ", true},
		{"all hold", `{"n": 1, "s": "abc"}`, true},
		{"one of two does not hold", `{"n": 1, "s": "x"}`, false},
		{"a string", `{"s": "abc"}`, true},
		{"a string in another case", `{"s": "ABC"}`, false},
		{"a string, escaped in the filter", `{"s": "\u0061bc"}`, true},
		{"a string, escaped in the data", `{"uml": "ä"}`, true},
		{"a surrogate pair", `{"pair": "😀"}`, true},
		{"half a surrogate pair is the replacement character", `{"half": "\ufffd"}`, true},
		{"halves of surrogate pairs are equal", `{"half": "\udfff"}`, true},
		{"a number written in another way", `{"n": 10e-1}`, true},
		{"a number is not a string", `{"n": "1"}`, false},
		{"a number is not true", `{"n": true}`, false},
		{"zero", `{"zero": 0.0e7}`, true},
		{"a number that float64 has not", `{"tenth": 0.1000000000000000000001}`, false},
		{"a large number", `{"big": 9007199254740992}`, false},
		{"a huge number", `{"huge": 10e399}`, true},
		{"true", `{"yes": true}`, true},
		{"true is not false", `{"yes": false}`, false},
		{"false", `{"no": false}`, true},
		{"null", `{"nil": null}`, true},
		{"null is not false", `{"nil": false}`, false},
		{"null is not a path that is missing", `{"missing": null}`, false},
		{"a path", `{"deep.er.x": 5}`, true},
		{"a path with an escape", `{"d\u0065ep.er.x": 5}`, true},
		{"a key with an escape in the data", `{"esc": 7}`, true},
		{"a path beyond a scalar", `{"n.x": 1}`, false},
		{"a path through a list", `{"deep.list.x": 1}`, false},
		{"a path with an index", `{"deep.list.0": {"x": 1}}`, false},
		{"a key that contains a dot can't be named", `{"a.b": 1}`, false},
		{"a key of the data twice: the last counts", `{"twice": 2}`, true},
		{"a key of the data twice: the first does not", `{"twice": 1}`, false},
		{"an object that a later scalar replaces", `{"lost.x": {"$exists": false}}`, true},
		{"a scalar that a later object replaces", `{"won.x": 1}`, true},
		{"a key twice in a compared object", `{"dup": {"y": 0, "x": 2}}`, true},

		{"any of", `{"s": ["x", "abc"]}`, true},
		{"none of", `{"s": ["x", "y"]}`, false},
		{"any of nothing", `{"s": []}`, false},
		{"any of kinds", `{"nil": [1, "x", null]}`, true},
		{"any of lists", `{"strings": [["abc", "d"]]}`, true},
		{"any of does not look into a list", `{"strings": ["abc"]}`, false},
		{"any of a missing path", `{"missing": [null]}`, false},

		{"an object", `{"deep.er": {"y": {"b": [1.0, 2], "a": 1}, "x": 5}}`, true},
		{"an object with a key too few", `{"deep.er.y": {"a": 1}}`, false},
		{"an object with a key too many", `{"deep.er.y": {"a": 1, "b": [1, 2], "c": null}}`, false},
		{"an object with another key", `{"deep.er.y": {"a": 1, "c": [1, 2]}}`, false},
		{"an object with lists in another order", `{"deep.er.y": {"a": 1, "b": [2, 1]}}`, false},
		{"an empty object", `{"o": {}}`, true},
		{"an empty object is not any", `{"deep": {}}`, false},
		{"an empty object is not an empty list", `{"none": {}}`, false},
		{"an object with an empty key", `{"o2": {"": 4}}`, true},

		{"$eq", `{"n": {"$eq": 1}}`, true},
		{"$eq a list", `{"list": {"$eq": [1e0, "a", [2], {"k": 1}, null]}}`, true},
		{"$eq an element of a list", `{"list": {"$eq": 1}}`, false},
		{"$eq an object with $ keys", `{"ref": {"$eq": {"$ref": "r"}}}`, true},
		{"$eq nested otherwise", `{"list": {"$eq": [1, "a", [2, {"k": 1}], null]}}`, false},
		{"$eq missing", `{"missing": {"$eq": null}}`, false},
		{"$ne", `{"n": {"$ne": 2}}`, true},
		{"$ne the same", `{"n": {"$ne": 1.0}}`, false},
		{"$ne another kind", `{"n": {"$ne": "1"}}`, true},
		{"$ne missing", `{"missing": {"$ne": 1}}`, true},
		{"$ne null, missing", `{"missing": {"$ne": null}}`, true},
		{"$ne null", `{"nil": {"$ne": null}}`, false},
		{"$in", `{"n": {"$in": [0, 1.0]}}`, true},
		{"$in not", `{"n": {"$in": ["1"]}}`, false},
		{"$in missing", `{"missing": {"$in": [null]}}`, false},
		{"$nin", `{"n": {"$nin": [0, 2]}}`, true},
		{"$nin not", `{"n": {"$nin": [0, 1]}}`, false},
		{"$nin nothing", `{"n": {"$nin": []}}`, true},
		{"$nin missing", `{"missing": {"$nin": [1]}}`, true},
		{"$gt", `{"n": {"$gt": 0.9999999999999999999999}}`, true},
		{"$gt the same", `{"n": {"$gt": 1}}`, false},
		{"$gt a string", `{"s": {"$gt": "abb"}}`, true},
		{"$gt a prefix", `{"s": {"$gt": "ab"}}`, true},
		{"$gt by bytes", `{"uml": {"$gt": "z"}}`, true},
		{"$gt of mixed kinds", `{"n": {"$gt": "0"}}`, false},
		{"$lt of mixed kinds", `{"n": {"$lt": "0"}}`, false},
		{"$gt of null", `{"nil": {"$gt": -1}}`, false},
		{"$lte of a list", `{"list": {"$lte": 1}}`, false},
		{"$gt missing", `{"missing": {"$gt": 0}}`, false},
		{"$gte", `{"n": {"$gte": 1.0}}`, true},
		{"$gte more", `{"n": {"$gte": 1.01}}`, false},
		{"$gte a string", `{"s": {"$gte": "abc"}}`, true},
		{"$gte missing", `{"missing": {"$gte": ""}}`, false},
		{"$lt", `{"n": {"$lt": 1e1}}`, true},
		{"$lt the same", `{"n": {"$lt": 1}}`, false},
		{"$lt missing", `{"missing": {"$lt": 0}}`, false},
		{"$lte", `{"n": {"$lte": 1}}`, true},
		{"$lte less", `{"n": {"$lte": 0.99}}`, false},
		{"$lte missing", `{"missing": {"$lte": 0}}`, false},
		{"$lt hostile", `{"n": {"$lt": 1e999999999}}`, true},
		{"$gt hostile", `{"n": {"$gt": 1e-99999999999999999999999999}}`, true},
		{"all operators of a path hold", `{"n": {"$gt": 0, "$lt": 2, "$ne": 1.5}}`, true},
		{"the second of two does not hold", `{"n": {"$gt": 0, "$lt": 1}}`, false},
		{"the first of two does not hold", `{"n": {"$gt": 1, "$lt": 2}}`, false},
		{"$exists", `{"n": {"$exists": true}}`, true},
		{"$exists null", `{"nil": {"$exists": true}}`, true},
		{"$exists null, not", `{"nil": {"$exists": false}}`, false},
		{"$exists missing", `{"missing": {"$exists": true}}`, false},
		{"$exists false", `{"missing": {"$exists": false}}`, true},
		{"$exists false, deep", `{"deep.er.z": {"$exists": false}}`, true},
		{"$exists false of what is there", `{"deep.er": {"$exists": false}}`, false},
		{"$contains in a list", `{"list": {"$contains": "a"}}`, true},
		{"$contains a number", `{"list": {"$contains": 1.0}}`, true},
		{"$contains a list", `{"list": {"$contains": [2.0]}}`, true},
		{"$contains an object", `{"list": {"$contains": {"k": 1}}}`, true},
		{"$contains null", `{"list": {"$contains": null}}`, true},
		{"$contains not", `{"list": {"$contains": 2}}`, false},
		{"$contains does not look into an element", `{"strings": {"$contains": "ab"}}`, false},
		{"$contains in an empty list", `{"none": {"$contains": null}}`, false},
		{"$contains in a string", `{"s": {"$contains": "bc"}}`, true},
		{"$contains in a string, escaped", `{"uml": {"$contains": "\u00e4"}}`, true},
		{"$contains in a string, not", `{"s": {"$contains": "ac"}}`, false},
		{"$contains nothing", `{"s": {"$contains": ""}}`, true},
		{"$contains a number in a string", `{"s": {"$contains": 1}}`, false},
		{"$contains in an object", `{"deep": {"$contains": "er"}}`, false},
		{"$contains missing", `{"missing": {"$contains": ""}}`, false},
		{"$prefix", `{"s": {"$prefix": "\u0061b"}}`, true},
		{"$prefix of an escaped string", `{"pair": {"$prefix": "😀"}}`, true},
		{"$prefix whole", `{"s": {"$prefix": "abc"}}`, true},
		{"$prefix empty", `{"empty": {"$prefix": ""}}`, true},
		{"$prefix not", `{"s": {"$prefix": "b"}}`, false},
		{"$prefix longer", `{"s": {"$prefix": "abcd"}}`, false},
		{"$prefix of a number", `{"n": {"$prefix": "1"}}`, false},
		{"$prefix of a list", `{"strings": {"$prefix": "abc"}}`, false},
		{"$prefix missing", `{"missing": {"$prefix": ""}}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			filters := json.RawMessage(test.filters)
			if err := checkFilters("event_filters", filters, 1000); err != nil {
				t.Fatal(err)
			}
			if got, err := matchFilters(filters, json.RawMessage(filterData)); got != test.want || err != nil {
				t.Errorf("%s: %v, %v", test.filters, got, err)
			}
			if longExponent.Match(filters) {
				return
			}
			if got := slowFilters(t, filters, json.RawMessage(filterData)); got != test.want {
				t.Errorf("%s: the slow evaluator says %v", test.filters, got)
			}
		})
	}
}

// invalidField fails unless err is an InvalidError for the field, of which no part is the secret.
func invalidField(t *testing.T, err error, field string) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("%v; want an InvalidError", err)
	}
	if invalid.Field != field || invalid.Reason == "" {
		t.Errorf("field %s (%s), want %s", invalid.Field, invalid.Reason, field)
	}
	if strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the error has the value: %v", err)
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	many := []string{}
	for i := range MaxFilterPaths + 1 {
		many = append(many, fmt.Sprintf(`"k%d": 1`, i))
	}
	for _, test := range []struct{ name, filters, field string }{
		{"nil", "", `f`},
		{"no JSON", `{"a": SECRET}`, `f`},
		{"a list", `["SECRET"]`, `f`},
		{"null", `null`, `f`},
		{"too long", `{"a": "` + strings.Repeat("SECRET", 1000) + `"}`, `f`},
		{"too deep", `{"a": ` + strings.Repeat("[", 1024) + strings.Repeat("]", 1024) + `}`, `f`},
		{"not UTF-8", "{\"a\": \"SECRET\xff\"}", `f`},
		{"too many paths", `{` + strings.Join(many, ",") + `}`, `f`},
		{"an empty path", `{"": "SECRET"}`, `f[""]`},
		{"an empty word", `{"a..b": "SECRET"}`, `f["a..b"]`},
		{"an empty first word", `{".a": 1}`, `f[".a"]`},
		{"an empty last word", `{"a.": 1}`, `f["a."]`},
		{"an operator without a path", `{"$gt": "SECRET"}`, `f["$gt"]`},
		{"an operator that is none, without a path", `{"$or": ["SECRET"]}`, `f["$or"]`},
		{"a path twice", `{"a": "SECRET", "a": "SECRET2"}`, `f["a"]`},
		{"a path twice, escaped", `{"a": "SECRET", "\u0061": 2}`, `f["a"]`},
		{"an operator twice", `{"a": {"$gt": "SECRET", "$gt": 2}}`, `f["a"]`},
		{"a key twice in a value", `{"a": {"b": "SECRET", "b": 2}}`, `f["a"]`},
		{"a key twice deep in a value", `{"a": {"$in": [1, {"c": [{"b": "SECRET", "b": 2}]}]}}`, `f["a"]`},
		{"an unknown operator", `{"a": {"$regex": "SECRET"}}`, `f["a"]."$regex"`},
		{"an unknown operator, in capitals", `{"a": {"$GT": "SECRET"}}`, `f["a"]."$GT"`},
		{"a bare $", `{"a": {"$": "SECRET"}}`, `f["a"]."$"`},
		{"mixed", `{"a": {"$gt": 1, "b": "SECRET"}}`, `f["a"]`},
		{"mixed, the operator last", `{"a": {"b": "SECRET", "$gt": 1}}`, `f["a"]`},
		{"$in a string", `{"a": {"$in": "SECRET"}}`, `f["a"].$in`},
		{"$nin an object", `{"a": {"$nin": {"SECRET": 1}}}`, `f["a"].$nin`},
		{"$exists a number", `{"a": {"$exists": 1}}`, `f["a"].$exists`},
		{"$exists null", `{"a": {"$exists": null}}`, `f["a"].$exists`},
		{"$exists a string", `{"a": {"$exists": "SECRET"}}`, `f["a"].$exists`},
		{"$prefix a number", `{"a": {"$prefix": 1}}`, `f["a"].$prefix`},
		{"$gt a bool", `{"a.b": {"$gt": true}}`, `f["a.b"].$gt`},
		{"$gte null", `{"a": {"$gte": null}}`, `f["a"].$gte`},
		{"$lt a list", `{"a": {"$lt": ["SECRET"]}}`, `f["a"].$lt`},
		{"$lte an object", `{"a": {"$lte": {"SECRET": 1}}}`, `f["a"].$lte`},
		{"a long path is shortened", `{"` + strings.Repeat("ä", 1000) + `": {"$in": "SECRET"}}`, `f["` + strings.Repeat("ä", 32) + `…"].$in`},
		{"a path is quoted", `{"a\"]\n": {"$in": "SECRET"}}`, `f["a\"]\n"].$in`},
	} {
		t.Run(test.name, func(t *testing.T) {
			invalidField(t, checkFilters("f", json.RawMessage(test.filters), 4096), test.field)
		})
	}
}

func TestFiltersOrDataThatWereNotCheckedAreAnErrorAndNoMatch(t *testing.T) {
	for _, test := range []struct{ name, filters, data, field string }{
		{"filters that do not end", `{"a": 1`, `{"a": 1}`, "event_filters"},
		{"filters that are a list", `[]`, `{"a": 1}`, "event_filters"},
		{"filters that are empty", ``, `{"a": 1}`, "event_filters"},
		{"an unknown operator", `{"a": {"$or": 1}}`, `{"a": 1}`, `event_filters["a"]."$or"`},
		{"an unknown operator behind a filter that does not hold", `{"a": 2, "b": {"$or": 1}}`, `{"a": 1}`, `event_filters["b"]."$or"`},
		{"a wrong operand", `{"a": {"$exists": 1}}`, `{"a": 1}`, `event_filters["a"].$exists`},
		{"data that do not end", `{"a": 1}`, `{"a": 1`, "event_data"},
		{"data with a mistake elsewhere", `{"a": 1}`, `{"a": 1, "b": tru}`, "event_data"},
		{"data that are a list", `{"a": {"$ne": 1}}`, `[]`, "event_data"},
		{"data that are null", `{"a": {"$exists": false}}`, `null`, "event_data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := matchFilters(json.RawMessage(test.filters), json.RawMessage(test.data))
			if got {
				t.Error("a match")
			}
			invalidField(t, err, test.field)
		})
	}
	for name, test := range map[string]struct{ filters, data json.RawMessage }{
		"event_filters": {nil, json.RawMessage(`{}`)},
		"event_data":    {json.RawMessage(`{"a": {"$exists": false}}`), nil},
	} {
		got, err := matchFilters(test.filters, test.data)
		if got || err == nil || err.Error() != name+" was not read" {
			t.Errorf("nil %s: %v, %v", name, got, err)
		}
	}
}

func TestValuesThatDifferInOnePlaceAreNotEqual(t *testing.T) {
	// Long enough that no part of a value fits where a short one would.
	value := `[{"k": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "first": "` + strings.Repeat("x", 100) + `"}, {"a": {"b": {"c": ["` + strings.Repeat("y", 100) + `", 1.50, null]}}}, 7]`
	for _, test := range []struct{ name, data, filter string }{
		{"a digit at the start", value, strings.Replace(value, "0, 1,", "0, 2,", 1)},
		{"a letter in the middle", value, strings.Replace(value, "xx", "xz", 1)},
		{"a letter deep inside", value, strings.Replace(value, "yy", "yz", 1)},
		{"a digit deep inside", value, strings.Replace(value, "1.50", "1.51", 1)},
		{"a key", value, strings.Replace(value, `"c"`, `"d"`, 1)},
		{"the last element", value, strings.Replace(value, "7]", "8]", 1)},
		{"an element more", value, strings.Replace(value, "7]", "7, 7]", 1)},
		{"a string like two of them", `["a", "b"]`, `["a\"1:b"]`},
		{"a string like two of them, without lengths", `["a", "b"]`, `["a\"0:b"]`},
		{"a string like a member", `{"a": "b", "c": 1}`, `{"a": "b\"1:c.1e1;"}`},
		{"lists divided otherwise", `[[1], [2, 3]]`, `[[1, 2], [3]]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := json.RawMessage(`{"v": ` + test.data + `}`)
			for filter, want := range map[string]bool{test.data: true, test.filter: false} {
				for _, filters := range []string{`{"v": {"$eq": ` + filter + `}}`, `{"v": {"$in": [` + filter + `]}}`} {
					if got, err := matchFilters(json.RawMessage(filters), data); got != want || err != nil {
						t.Errorf("%s: %v, %v", filters, got, err)
					}
				}
			}
		})
	}
}

func TestFiltersWithoutPathsDoNotLookAtTheData(t *testing.T) {
	if got, err := matchFilters(json.RawMessage(`{}`), nil); !got || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestFiltersWalkToAnyDepth(t *testing.T) {
	const levels = jsontext.MaxDepth
	data := json.RawMessage(strings.Repeat(`{"b": 1, "a": `, levels) + `7` + strings.Repeat(`}`, levels))
	path := strings.TrimSuffix(strings.Repeat("a.", levels), ".")
	if got, err := matchFilters(json.RawMessage(`{"`+path+`": 7, "`+path+`.a": {"$exists": false}}`), data); !got || err != nil {
		t.Errorf("a path: %v, %v", got, err)
	}
	// The operand is one level deeper in the filters than in the data.
	inner := strings.Repeat(`{"a": `, levels-1) + `7.0, "b": 1` + strings.Repeat(`, "b": 1}`, levels-1)
	inner = strings.Replace(inner, `7.0, "b": 1, "b": 1`, `7.0, "b": 1`, 1)
	if got, err := matchFilters(json.RawMessage(`{"a": `+inner+`}`), data); !got || err != nil {
		t.Errorf("a value: %v, %v", got, err)
	}
}

func slowFilters(t testing.TB, filters, data []byte) bool {
	t.Helper()
	event := slowDecode(t, data)
	for path, filter := range slowDecode(t, filters).(map[string]any) {
		value := slowFind(event, path)
		object, isObject := filter.(map[string]any)
		operators := map[string]any{}
		for name, operand := range object {
			if strings.HasPrefix(name, "$") {
				operators[name] = operand
			}
		}
		switch list, isList := filter.([]any); {
		case isList:
			operators["$in"] = list
		case !isObject || len(operators) == 0:
			operators["$eq"] = filter
		}
		for name, operand := range operators {
			if !slowOperator(name, value, operand) {
				return false
			}
		}
	}
	return true
}

func (g generator) filters(data any, path func() string) string {
	var filters []string
	seen := map[string]bool{}
	for range g.IntN(2) + 1 {
		path := path()
		if seen[path] {
			continue
		}
		seen[path] = true
		there := slowFind(data, path)
		var filter string
		switch g.IntN(4) {
		case 0:
			filter = g.operand(there)
			if strings.HasPrefix(filter, `{"$`) {
				filter = `{"$eq":` + filter + `}`
			}
		case 1:
			filter = g.listOperand(there)
		default:
			filter = g.operators(there)
		}
		quoted, _ := json.Marshal(path)
		filters = append(filters, string(quoted)+":"+g.space()+filter)
	}
	return g.space() + "{" + strings.Join(filters, ",") + "}"
}

func (g generator) operators(there any) string {
	var tests []string
	seen := map[string]bool{}
	for range g.IntN(2) + 1 {
		name := g.oneOf("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$contains", "$prefix")
		if seen[name] {
			continue
		}
		seen[name] = true
		var operand string
		switch name {
		case "$exists":
			operand = g.oneOf("true", "false")
		case "$in", "$nin":
			operand = g.listOperand(there)
		case "$prefix":
			operand = g.string()
		case "$gt", "$gte", "$lt", "$lte":
			operand = g.oneOf(g.number(), g.string())
		default:
			operand = g.operand(there)
		}
		tests = append(tests, strconv.Quote(name)+g.space()+":"+operand)
	}
	return "{" + strings.Join(tests, ",") + "}"
}

func TestFiltersAgreeWithASlowEvaluator(t *testing.T) {
	matches := 0
	const cases = 20_000
	for seed := range uint64(cases) {
		g := newGenerator(seed)
		data := g.object(4, nil)
		event := slowDecode(t, []byte(data))
		there := pathsOf(event, "")
		filters := g.filters(event, func() string {
			if len(there) > 0 && g.IntN(3) > 0 {
				return g.oneOf(there...)
			}
			return g.path()
		})
		if err := checkFilters("event_filters", json.RawMessage(filters), len(filters)); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, filters, err)
		}
		got, err := matchFilters(json.RawMessage(filters), json.RawMessage(data))
		if want := slowFilters(t, []byte(filters), []byte(data)); got != want || err != nil {
			t.Fatalf("seed %d: filters %s, data %s: %v, %v; want %v", seed, filters, data, got, err, want)
		}
		if got {
			matches++
		}
	}
	if matches < cases/10 || matches > cases*9/10 {
		t.Errorf("%d of %d match: this proves little", matches, cases)
	}
}

// pathsOf returns all paths into a value that can be named.
func pathsOf(value any, prefix string) []string {
	var paths []string
	object, _ := value.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if key == "" || strings.Contains(key, ".") || strings.HasPrefix(prefix+key, "$") {
			continue
		}
		paths = append(paths, prefix+key)
		paths = append(paths, pathsOf(object[key], prefix+key+".")...)
	}
	return paths
}

func TestFiltersOnRealPayloadsAgreeWithASlowEvaluator(t *testing.T) {
	matches, cases := 0, 0
	g := newGenerator(1)
	for i, webhook := range webhooks.Read(t) {
		payload := slowDecode(t, webhook.Payload)
		paths := pathsOf(payload, "")
		if len(paths) == 0 {
			continue
		}
		for range 20 {
			filters := g.filters(payload, func() string { return g.oneOf(paths...) + g.oneOf("", "", "", "", "", ".x") })
			got, err := matchFilters(json.RawMessage(filters), webhook.Payload)
			if want := slowFilters(t, []byte(filters), webhook.Payload); got != want || err != nil {
				t.Fatalf("payload %d: %s: %v, %v; want %v", i, filters, got, err, want)
			}
			cases++
			if got {
				matches++
			}
		}
	}
	if cases == 0 || matches == 0 || matches == cases {
		t.Errorf("%d of %d match: this proves little", matches, cases)
	}
}

func FuzzFilters(f *testing.F) {
	for _, filters := range []string{
		`{}`, `{"n": 1}`, `{"list": {"$contains": {"k": 1}}}`, `{"deep.er": {"x": 5, "y": {}}, "n": {"$gt": 0, "$lte": 1e999999999}}`, `{"s": {"$prefix": "\u0061"}}`,
		`{"a": {"$or": 1}}`, `{"a": 1, "a": 2}`, `{"a..b": 1}`, `{"a": {"$in": [[], {}, "\ud800"]}}`, `{"a": {"$exists": false}}`, `[`, ``,
	} {
		for _, data := range []string{filterData, `{}`, `{"a": [1, {"b": 2}]}`, `{"a": "\ud800", "a": {}}`, `{"a": tru}`, `[]`, ``} {
			f.Add([]byte(filters), []byte(data))
		}
	}
	f.Fuzz(func(t *testing.T, filters, data []byte) {
		refused := checkFilters("event_filters", filters, len(filters))
		got, err := matchFilters(filters, data)
		if again, errAgain := matchFilters(filters, data); again != got || (err == nil) != (errAgain == nil) {
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
		case !longExponent.Match(filters) && !longExponent.Match(data):
			if want := slowFilters(t, filters, data); got != want {
				t.Errorf("%v, want %v", got, want)
			}
		}
	})
}
