package driver

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
)

// When two JSON values are equal, and what an operator says of them.

// equal reports whether two values are the same: numbers as exact decimals (1 equals 1.0), strings
// by the bytes of what they say, lists element by element, objects if they have the same keys with
// equal values, whatever the order. Nothing equals a value that is missing.
func equal(a, b jsonValue) bool {
	switch {
	case a.kind() != b.kind():
		return false
	case a.kind() == kindString:
		return bytes.Equal(a, b) || a.text() == b.text()
	case a.kind() == kindNumber:
		return bytes.Equal(a, b) || parseDecimal(a).compare(parseDecimal(b)) == 0
	}
	return a != nil && bytes.Equal(a.form(nil), b.form(nil))
}

// equalsAny reports whether a list has an element that equals v.
func equalsAny(v, list jsonValue) bool {
	var form, other []byte
	for element := range list.elements() {
		if element.kind() != v.kind() {
			continue
		}
		if form == nil {
			form = v.form(nil) // once: v may be large, and the list long
		}
		if other = element.form(other[:0]); bytes.Equal(form, other) {
			return true
		}
	}
	return false
}

// form appends a text that equal values share and others don't, and that ends where it ends.
func (v jsonValue) form(form []byte) []byte {
	form, _ = appendForm(form, v, 0)
	return form
}

// appendForm is form of the value that starts at s[i]; it also returns the offset behind it.
func appendForm(form, s []byte, i int) ([]byte, int) {
	switch s[i] {
	case '{':
		start := len(form)
		form, i = appendObjectForm(form, s, i)
		return shorten(form, start), i
	case '[':
		start := len(form)
		form = append(form, '[')
		for i = skipSpace(s, i+1); s[i] != ']'; i = nextItem(s, i) {
			form, i = appendForm(form, s, i)
		}
		return shorten(append(form, ']'), start), i + 1
	}
	value := jsonValue(s[i:skipValue(s, i)])
	switch value.kind() {
	case kindString:
		form = appendTextForm(form, value.text())
	case kindNumber:
		form = parseDecimal(value).appendTo(form)
	default:
		form = append(form, value[0])
	}
	return form, i + len(value)
}

// shorten puts a hash in the place of a long form of an object or a list, which begins at start.
// Each object sorts, and so copies, the forms of what is in it: without this a deep value would be
// copied once a level.
func shorten(form []byte, start int) []byte {
	if len(form)-start <= 2*sha256.Size {
		return form
	}
	hash := sha256.Sum256(form[start:])
	return append(append(form[:start], '#'), hash[:]...)
}

func appendTextForm(form []byte, text string) []byte {
	form = append(strconv.AppendInt(append(form, '"'), int64(len(text)), 10), ':')
	return append(form, text...)
}

// appendObjectForm appends the members of an object in the order of their keys.
func appendObjectForm(form, s []byte, i int) ([]byte, int) {
	type member struct {
		key        string
		start, end int // its form, in form
	}
	var members []member
	form = append(form, '{')
	first, ascending := len(form), true
	for i = skipSpace(s, i+1); s[i] != '}'; i = nextItem(s, i) {
		key, start := readKey(s, i)
		m := member{key: key.text(), start: len(form)}
		form, i = appendForm(appendTextForm(form, m.key), s, start)
		m.end = len(form)
		ascending = ascending && (len(members) == 0 || members[len(members)-1].key < m.key)
		members = append(members, m)
	}
	if !ascending {
		slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
		unsorted := slices.Clone(form[first:])
		form = form[:first]
		for n, m := range members {
			if n+1 < len(members) && members[n+1].key == m.key {
				continue // of a key twice the last one counts
			}
			form = append(form, unsorted[m.start-first:m.end-first]...)
		}
	}
	return append(form, '}'), i + 1
}

// compareOrder compares number with number and string with string, the bytes of what they say. Of
// anything else neither is before the other: false.
func compareOrder(a, b jsonValue) (order int, comparable bool) {
	switch {
	case a.kind() != b.kind():
		return 0, false
	case a.kind() == kindNumber:
		return parseDecimal(a).compare(parseDecimal(b)), true
	case a.kind() == kindString:
		return strings.Compare(a.text(), b.text()), true
	}
	return 0, false
}

// containsValue reports whether a list has an element that equals part, or a string has it as a
// substring.
func containsValue(v, part jsonValue) bool {
	switch {
	case v.kind() == kindList:
		return equalsAny(part, v)
	case v.kind() == kindString && part.kind() == kindString:
		return strings.Contains(v.text(), part.text())
	}
	return false
}

// holds reports whether value, which may be missing, stands in this relation to an operand that the
// operator doesn't refuse.
func (o Operator) holds(value, operand jsonValue) bool {
	switch o {
	case OpEquals:
		return equal(value, operand)
	case OpNotEquals:
		return !equal(value, operand)
	case OpContains:
		return containsValue(value, operand)
	case OpNotContains:
		return !containsValue(value, operand)
	case OpStartsWith:
		return value.kind() == kindString && strings.HasPrefix(value.text(), operand.text())
	case OpEndsWith:
		return value.kind() == kindString && strings.HasSuffix(value.text(), operand.text())
	case OpIn:
		return equalsAny(value, operand)
	case OpNotIn:
		return !equalsAny(value, operand)
	case OpExists:
		return value != nil
	case OpNotExists:
		return value == nil
	}
	order, ok := compareOrder(value, operand)
	switch o {
	case OpGreaterThan:
		return ok && order > 0
	case OpGreaterOrEqual:
		return ok && order >= 0
	case OpLessThan:
		return ok && order < 0
	case OpLessOrEqual:
		return ok && order <= 0
	}
	return false
}

// refuses says what is wrong with an operand, or nothing. The operator is a known one.
func (o Operator) refuses(operand jsonValue) (reason string) {
	kind := operand.kind()
	switch o {
	case OpExists, OpNotExists:
		if kind != kindMissing && kind != kindNull {
			return "must be absent or null: " + string(o) + " takes none"
		}
		return ""
	case OpIn, OpNotIn:
		if kind != kindList {
			return "must be a list"
		}
	case OpStartsWith, OpEndsWith:
		if kind != kindString {
			return "must be a string"
		}
	case OpGreaterThan, OpGreaterOrEqual, OpLessThan, OpLessOrEqual:
		if kind != kindNumber && kind != kindString {
			return "must be a number or a string"
		}
	}
	if kind == kindMissing {
		return "is required; null is a value, too"
	}
	return ""
}
