// Package jsontext checks that bytes are one JSON text, many times faster than encoding/json.Valid:
// every payload is checked before it is stored, and the check must not cost more than the storing.
package jsontext

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is how many arrays and objects may be open at once.
const MaxDepth = 1024

// Kind is what a JSON text is at its outermost level.
type Kind byte

// The kinds of JSON text.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	Literal // true, false or null
)

// The causes of a refusal. A syntax error is an error of its own, with the offset.
var (
	ErrEmpty = errors.New("is empty")
	ErrUTF8  = errors.New("is not valid UTF-8")
	ErrDepth = fmt.Errorf("is nested deeper than %d levels", MaxDepth)
)

// Check reports the kind of the JSON text in data (RFC 8259), or why it is none. Valid UTF-8 is
// required, surrounding whitespace is allowed, duplicate keys and lone surrogate escapes are too:
// nothing is decoded. It does not allocate unless it refuses.
func Check(data []byte) (Kind, error) {
	if !utf8.Valid(data) {
		return Invalid, ErrUTF8
	}
	start := skipSpace(data, 0)
	if start == len(data) {
		return Invalid, ErrEmpty
	}
	end, err := skipValue(data, start)
	if err != nil {
		return Invalid, err
	}
	if end = skipSpace(data, end); end != len(data) {
		return Invalid, syntaxError(end)
	}
	switch data[start] {
	case '{':
		return Object, nil
	case '[':
		return Array, nil
	case '"':
		return String, nil
	case 't', 'f', 'n':
		return Literal, nil
	}
	return Number, nil
}

// nesting is the stack of open brackets, one bit each: 1 for an object, 0 for an array.
type nesting struct {
	bits  [MaxDepth / 64]uint64
	depth int
}

func (n *nesting) push(object bool) bool {
	if n.depth == MaxDepth {
		return false
	}
	word, bit := n.depth/64, uint64(1)<<(n.depth%64)
	n.bits[word] &^= bit
	if object {
		n.bits[word] |= bit
	}
	n.depth++
	return true
}

func (n *nesting) inObject() bool {
	top := n.depth - 1
	return n.bits[top/64]>>(top%64)&1 == 1
}

// skipValue returns the offset behind the value that starts at i.
func skipValue(s []byte, i int) (int, error) {
	var open nesting
	ok := true
value: // i is at the first byte of a value
	for {
		if i == len(s) {
			return 0, syntaxError(i)
		}
		switch c := s[i]; {
		case c == '"':
			i, ok = skipString(s, i+1)
		case c == '{' || c == '[':
			if !open.push(c == '{') {
				return 0, ErrDepth
			}
			i = skipSpace(s, i+1)
			if i < len(s) && s[i] == c+2 { // '}' and ']' stand two behind their openers in ASCII
				i++
				open.depth--
				break
			}
			if c == '{' {
				i, ok = skipKey(s, i)
				if !ok {
					return 0, syntaxError(i)
				}
			}
			continue value
		case c == '-' || '0' <= c && c <= '9':
			i, ok = skipNumber(s, i)
		case c == 't':
			i, ok = skipLiteral(s, i, "true")
		case c == 'f':
			i, ok = skipLiteral(s, i, "false")
		case c == 'n':
			i, ok = skipLiteral(s, i, "null")
		default:
			ok = false
		}
		if !ok {
			return 0, syntaxError(i)
		}
		// A value ended: a comma leads to the next one, brackets close.
		for open.depth > 0 {
			i = skipSpace(s, i)
			if i == len(s) {
				return 0, syntaxError(i)
			}
			object := open.inObject()
			switch {
			case s[i] == ',':
				i = skipSpace(s, i+1)
				if object {
					if i, ok = skipKey(s, i); !ok {
						return 0, syntaxError(i)
					}
				}
				continue value
			case object && s[i] == '}', !object && s[i] == ']':
				i++
				open.depth--
			default:
				return 0, syntaxError(i)
			}
		}
		return i, nil
	}
}

// skipKey skips an object's key, its colon, and the spaces around it.
func skipKey(s []byte, i int) (int, bool) {
	if i == len(s) || s[i] != '"' {
		return i, false
	}
	i, ok := skipString(s, i+1)
	if !ok {
		return i, false
	}
	i = skipSpace(s, i)
	if i == len(s) || s[i] != ':' {
		return i, false
	}
	return skipSpace(s, i+1), true
}

// skipString skips the rest of a string, its closing quote included.
func skipString(s []byte, i int) (int, bool) {
	for {
		// Eight bytes at a time up to the first that is not plain.
		for i+8 <= len(s) {
			if mask := special(binary.LittleEndian.Uint64(s[i:])); mask != 0 {
				i += bits.TrailingZeros64(mask) / 8
				break
			}
			i += 8
		}
		if i >= len(s) {
			return len(s), false
		}
		switch c := s[i]; {
		case c == '"':
			return i + 1, true
		case c == '\\':
			var ok bool
			if i, ok = skipEscape(s, i+1); !ok {
				return i, false
			}
		case c < ' ':
			return i, false
		default:
			i++
		}
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special sets the high bit of every byte of w that is a quote, a backslash or a control character.
// Bits above the lowest one set may be wrong (a borrow runs upwards), so only the lowest counts.
// See "Determine if a word has a zero byte" and "… a byte less than n" in Anderson, Bit Twiddling
// Hacks.
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & highs
}

// skipEscape skips what follows a backslash.
func skipEscape(s []byte, i int) (int, bool) {
	if i == len(s) {
		return i, false
	}
	switch s[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, true
	case 'u':
		for end := i + 5; i+1 < end; i++ {
			if i+1 >= len(s) || !isHex(s[i+1]) {
				return i + 1, false
			}
		}
		return i + 1, true
	}
	return i, false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func skipNumber(s []byte, i int) (int, bool) {
	if s[i] == '-' {
		i++
	}
	switch {
	case i < len(s) && s[i] == '0': // no digit may follow a leading zero
		i++
	default:
		var ok bool
		if i, ok = skipDigits(s, i); !ok {
			return i, false
		}
	}
	if i < len(s) && s[i] == '.' {
		var ok bool
		if i, ok = skipDigits(s, i+1); !ok {
			return i, false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		return skipDigits(s, i)
	}
	return i, true
}

// skipDigits skips one or more digits.
func skipDigits(s []byte, i int) (int, bool) {
	start := i
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i, i > start
}

func skipLiteral(s []byte, i int, word string) (int, bool) {
	if len(s)-i < len(word) || string(s[i:i+len(word)]) != word {
		return i, false
	}
	return i + len(word), true
}

// skipSpace is small enough to be inlined: in most texts there is none to skip.
func skipSpace(s []byte, i int) int {
	if i < len(s) && s[i] > ' ' {
		return i
	}
	return skipSpaces(s, i)
}

func skipSpaces(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

func syntaxError(offset int) error {
	return fmt.Errorf("is not valid JSON at byte %d", offset)
}
