package driver

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values inside a JSON text, for filters, conditions and context filters.
//
// Each match checks the texts once, with package jsontext, and then walks through them without
// decoding what it doesn't need. A walk trusts a text that was checked: it is valid, and nested no
// deeper than jsontext.MaxDepth, which bounds every recursion.

// jsonValue is a value inside a checked JSON text, without the spaces around it. Nil is one that is
// missing; null is not.
type jsonValue []byte

// readObject checks an object that the database should have returned as it was stored.
func readObject(field string, text json.RawMessage) (jsonValue, error) {
	if text == nil {
		return nil, &InvalidError{field, "was not read"}
	}
	if err := checkJSONObject(field, text, math.MaxInt); err != nil {
		return nil, err
	}
	return trimValue(text), nil
}

// trimValue returns the value of a checked JSON text.
func trimValue(text []byte) jsonValue { return bytes.Trim(text, " \t\r\n") }

// What a jsonValue can be. true, false and null are kinds of their own.
const (
	kindMissing = 0
	kindObject  = '{'
	kindList    = '['
	kindString  = '"'
	kindNumber  = '0'
	kindTrue    = 't'
	kindFalse   = 'f'
	kindNull    = 'n'
)

func (v jsonValue) kind() byte {
	if len(v) == 0 {
		return kindMissing
	}
	switch v[0] {
	case kindObject, kindList, kindString, kindTrue, kindFalse, kindNull:
		return v[0]
	}
	return kindNumber
}

// text returns what a string says, its escapes decoded. Half of a surrogate pair by itself becomes
// U+FFFD, as in encoding/json, so that all such halves are equal.
func (v jsonValue) text() string {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	var text string
	_ = json.Unmarshal(v, &text) // can't fail: v is a string that was checked
	return text
}

// says reports whether v.text() == text.
func (v jsonValue) says(text string) bool {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1:len(v)-1]) == text
	}
	return v.text() == text
}

// members yields the keys and values of an object, in the order of the text, duplicates included.
func (v jsonValue) members() iter.Seq2[jsonValue, jsonValue] {
	return func(yield func(key, value jsonValue) bool) {
		for i := skipSpace(v, 1); v[i] != '}'; i = nextItem(v, i) {
			key, start := readKey(v, i)
			i = skipValue(v, start)
			if !yield(key, v[start:i]) {
				return
			}
		}
	}
}

// elements yields the elements of a list.
func (v jsonValue) elements() iter.Seq[jsonValue] {
	return func(yield func(element jsonValue) bool) {
		for i := skipSpace(v, 1); v[i] != ']'; i = nextItem(v, i) {
			start := i
			i = skipValue(v, start)
			if !yield(v[start:i]) {
				return
			}
		}
	}
}

// find returns the value that a path of keys leads to, in one pass. The path walks through objects
// only: a list is a value, and so is everything in it. Of a key that an object has twice the last
// one counts, as in encoding/json.
func (v jsonValue) find(path []string) jsonValue {
	if len(path) == 0 || v.kind() != kindObject {
		return nil
	}
	found, _ := findInObject(v, 0, path)
	return found
}

// findInObject is find in the object that starts at s[i]; it also returns the offset behind it.
func findInObject(s []byte, i int, path []string) (jsonValue, int) {
	var found jsonValue
	for i = skipSpace(s, i+1); s[i] != '}'; i = nextItem(s, i) {
		key, start := readKey(s, i)
		switch {
		case !key.says(path[0]):
			i = skipValue(s, start)
		case len(path) == 1:
			i = skipValue(s, start)
			found = s[start:i]
		case s[start] == '{':
			found, i = findInObject(s, start, path[1:])
		default:
			found, i = nil, skipValue(s, start)
		}
	}
	return found, i + 1
}

// splitPath returns the words of a path: keys, separated by single dots. A key that contains a dot
// can't be named.
func splitPath(path string) (words []string, ok bool) {
	words = strings.Split(path, ".")
	return words, !slices.Contains(words, "")
}

const pathRule = "must be keys separated by single dots, such as customer.country"

// quoteKey makes a key that somebody chose fit for an error.
func quoteKey(key string) string {
	const atMost = 64
	if len(key) <= atMost {
		return strconv.Quote(key)
	}
	end := atMost
	for end > 0 && !utf8.RuneStart(key[end]) {
		end--
	}
	return strconv.Quote(key[:end] + "…")
}

// hasKeyTwice reports whether an object in v, or v itself, has a key more than once. Data may; what
// somebody asks for would be ambiguous.
func (v jsonValue) hasKeyTwice() bool {
	twice, _ := keyTwice(v, 0)
	return twice
}

// keyTwice is hasKeyTwice of the value that starts at s[i]; it also returns the offset behind it.
func keyTwice(s []byte, i int) (twice bool, end int) {
	switch s[i] {
	case '[':
		for i = skipSpace(s, i+1); s[i] != ']'; i = nextItem(s, i) {
			if twice, i = keyTwice(s, i); twice {
				return true, i
			}
		}
		return false, i + 1
	case '{':
		seen := map[string]bool{}
		for i = skipSpace(s, i+1); s[i] != '}'; i = nextItem(s, i) {
			key, start := readKey(s, i)
			if seen[key.text()] {
				return true, start
			}
			seen[key.text()] = true
			if twice, i = keyTwice(s, start); twice {
				return true, i
			}
		}
		return false, i + 1
	}
	return false, skipValue(s, i)
}

// readKey returns the key at s[i] and the offset of its value.
func readKey(s []byte, i int) (key jsonValue, value int) {
	end := skipString(s, i)
	return s[i:end], skipSpace(s, skipSpace(s, end)+1)
}

// nextItem returns the offset of the next member or element, or of the bracket, after a value that
// ends at i.
func nextItem(s []byte, i int) int {
	i = skipSpace(s, i)
	if s[i] == ',' {
		return skipSpace(s, i+1)
	}
	return i
}

// skipValue returns the offset behind the value that starts at s[i].
func skipValue(s []byte, i int) int {
	switch s[i] {
	case '"':
		return skipString(s, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch s[i] {
			case '"':
				i = skipString(s, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(s) {
		switch s[i] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return i
		}
		i++
	}
	return i
}

// skipString returns the offset behind the string that starts at s[i].
func skipString(s []byte, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}
