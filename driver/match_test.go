package driver

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// A slow evaluator, which judges by encoding/json and math/big with code of its own, and random
// JSON to try it with.

type absent struct{}

// longExponent finds numbers that math/big would write out.
var longExponent = regexp.MustCompile(`[eE][+-]?[0-9]{4}`)

func slowDecode(t testing.TB, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func slowFind(value any, path string) any {
	for word := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return absent{}
		}
		if value, ok = object[word]; !ok {
			return absent{}
		}
	}
	return value
}

func slowRat(number json.Number) *big.Rat {
	rat, ok := new(big.Rat).SetString(string(number))
	if !ok {
		panic(number)
	}
	return rat
}

func slowEqual(a, b any) bool {
	switch a := a.(type) {
	case absent:
		return false
	case json.Number:
		b, ok := b.(json.Number)
		return ok && slowRat(a).Cmp(slowRat(b)) == 0
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !slowEqual(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key := range a {
			if other, ok := b[key]; !ok || !slowEqual(a[key], other) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func slowCompare(a, b any) (order int, ok bool) {
	if a, isNumber := a.(json.Number); isNumber {
		if b, isNumber := b.(json.Number); isNumber {
			return slowRat(a).Cmp(slowRat(b)), true
		}
	}
	if a, isString := a.(string); isString {
		if b, isString := b.(string); isString {
			return strings.Compare(a, b), true
		}
	}
	return 0, false
}

// slowOperator is what the operators of filters and conditions mean.
func slowOperator(name string, value, operand any) bool {
	missing := value == any(absent{})
	text, isString := value.(string)
	part, _ := operand.(string)
	switch name {
	case "$eq", "equals":
		return slowEqual(value, operand)
	case "$in", "in":
		for _, one := range operand.([]any) {
			if slowEqual(value, one) {
				return true
			}
		}
		return false
	case "$contains", "contains":
		if list, ok := value.([]any); ok {
			return slowOperator("in", operand, list)
		}
		_, partIsString := operand.(string)
		return isString && partIsString && strings.Contains(text, part)
	case "$prefix", "starts_with":
		return isString && strings.HasPrefix(text, part)
	case "ends_with":
		return isString && strings.HasSuffix(text, part)
	case "$exists":
		return missing != operand.(bool)
	case "exists":
		return !missing
	case "$ne", "not_equals":
		return !slowOperator("equals", value, operand)
	case "$nin", "not_in":
		return !slowOperator("in", value, operand)
	case "not_contains":
		return !slowOperator("contains", value, operand)
	case "not_exists":
		return missing
	}
	order, ok := slowCompare(value, operand)
	if !ok {
		return false
	}
	switch strings.TrimPrefix(name, "$") {
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	case "lt":
		return order < 0
	case "lte":
		return order <= 0
	}
	panic(name)
}

// generator makes random JSON, out of so few parts that values often are equal.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, seed))} }

func (g generator) oneOf(texts ...string) string { return texts[g.IntN(len(texts))] }

func (g generator) number() string {
	return g.oneOf("0", "-0", "0.0", "0e9", "1", "1.0", "1e0", "10e-1", "0.1E+1", "-1", "-1.0", "2", "10", "1e1", "100", "1E2", "0.1", "0.10", "1e-1",
		"0.1000000000000000000001", "1e400", "10e399", "1e-400", "9007199254740993", "9007199254740992", "-1.5", "-15e-1", "-2")
}

func (g generator) string() string {
	return g.oneOf(`""`, `"a"`, `"\u0061"`, `"b"`, `"ab"`, `"a\u0062"`, `"abc"`, `"\u00e4"`, `"ä"`, `"äb"`, `"\ud83d\ude00"`, `"😀"`, `"\ud800"`, `"\ufffd"`,
		`"1"`, `"\n"`, `"\\"`, `"\""`, `"\\\""`, `"\/"`, `"/"`, `"{"`, `"]"`, `","`, `"null"`)
}

func (g generator) key() string {
	return g.oneOf(`"a"`, `"a"`, `"b"`, `"c"`, `"\u0061"`, `"\u0062"`, `"a.b"`, `"d"`, `"ab"`, `"}"`)
}

func (g generator) space() string { return g.oneOf("", "", "", " ", "\n\t", "\r  ") }

func (g generator) value(levels int, keys func() string) string {
	kinds := 6
	if levels == 0 {
		kinds = 4
	}
	switch g.IntN(kinds) {
	case 0, 1:
		return g.number()
	case 2:
		return g.string()
	case 3:
		return g.oneOf("true", "false", "null")
	case 4:
		return g.list(levels-1, keys)
	}
	return g.object(levels-1, keys)
}

func (g generator) list(levels int, keys func() string) string {
	var items []string
	for range g.IntN(4) {
		items = append(items, g.space()+g.value(levels, keys)+g.space())
	}
	return "[" + strings.Join(items, ",") + g.space() + "]"
}

// object makes an object. Its keys are random, or the first ones that keys returns.
func (g generator) object(levels int, keys func() string) string {
	var items []string
	seen := map[string]bool{}
	for range g.IntN(5) {
		key := g.key()
		if keys != nil {
			key = keys()
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		items = append(items, g.space()+key+g.space()+":"+g.space()+g.value(levels, keys)+g.space())
	}
	return g.space() + "{" + strings.Join(items, ",") + g.space() + "}" + g.space()
}

// plainKey is a key that is never the same as another one spelled differently.
func (g generator) plainKey() string { return g.oneOf(`"a"`, `"b"`, `"c"`, `"a.b"`, `"\u0064"`) }

func (g generator) path() string {
	return g.oneOf("a", "b", "c", "d", "a.a", "a.b", "b.a", "c.a", "a.b.a", "a.a.b", "b.b", "b.0", "ab", "}")
}

// operand is a value to compare with: now and then the one that is there.
func (g generator) operand(there any) string {
	if _, missing := there.(absent); !missing && g.IntN(2) == 0 {
		text, err := json.Marshal(there)
		if err == nil && !jsonValue(text).hasKeyTwice() {
			return string(text)
		}
	}
	return g.value(2, g.plainKey)
}

func (g generator) listOperand(there any) string {
	items := make([]string, g.IntN(4))
	for i := range items {
		items[i] = g.operand(there)
	}
	return "[" + strings.Join(items, ",") + "]"
}
