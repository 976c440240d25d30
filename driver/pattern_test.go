package driver_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

var (
	longest  = strings.Repeat("a", driver.MaxEventType)
	patterns = []string{"*", "a", "a.*", "a.b", "a.b.*", "a.b.c", "a.b.c.*", "ab.*", "A.*", "a-b.*", "a_b.c", longest, longest[:driver.MaxEventType-2] + ".*"}
)

func TestValidateEventPatternTakesTypesAndPrefixes(t *testing.T) {
	for _, pattern := range patterns {
		if err := driver.ValidateEventPattern(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestValidateEventPatternRefusesTheRest(t *testing.T) {
	for _, pattern := range []string{
		"", ".", ".*", "**", "*.*", "*.a", "a.*.*", "a.*.b", "a*", "a.b*", "*a", "a..*", ".a.*", "a. *", "a.*\n", "a b.*", "ä.*", "a.\x00", "a.\xff.*",
		".a", "a.", "a..b", "a.**", longest + "a", longest[:driver.MaxEventType-1] + ".*",
	} {
		err := driver.ValidateEventPattern(pattern)
		var invalid *driver.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "event_type" || invalid.Reason == "" {
			t.Errorf("%q: %v; want an InvalidError for event_type", pattern, err)
		}
	}
}

func TestMatchEventType(t *testing.T) {
	for _, test := range []struct {
		pattern, eventType string
		want               bool
	}{
		{"*", "a", true},
		{"*", "a.b.c", true},
		{"a", "a", true},
		{"a", "a.b", false},
		{"a.b", "a", false},
		{"a", "A", false},
		{"a.*", "a", false},
		{"a.*", "a.", false},
		{"a.*", "a.b", true},
		{"a.*", "a.b.c", true},
		{"a.*", "ab.c", false},
		{"a.*", "A.b", false},
		{"a.*", "b.a.c", false},
		{"a.b.*", "a.b", false},
		{"a.b.*", "a.b.c", true},
		{"a.b.*", "a.bc.d", false},
		{"a.b.*", "a.c", false},
		// What is no pattern covers nothing by its star.
		{"a*", "ab", false},
		{"", "a", false},
		{"*.b", "a.b", false},
		{"a.*.c", "a.b.c", false},
	} {
		if got := driver.MatchEventType(test.pattern, test.eventType); got != test.want {
			t.Errorf("MatchEventType(%q, %q) = %v", test.pattern, test.eventType, got)
		}
	}
}

func TestCoveringPatternsAreThoseThatMatch(t *testing.T) {
	if got, want := driver.CoveringPatterns("a.b.c"), []string{"a.b.c", "a.b.*", "a.*", "*"}; !slices.Equal(got, want) {
		t.Errorf("CoveringPatterns(a.b.c) = %q, want %q", got, want)
	}
	for _, eventType := range []string{"a", "a.b", "a.b.c", "a.b.c.d", "ab", "ab.c", "A.b", "a-b.c", "a_b.c", longest, "b"} {
		covering := driver.CoveringPatterns(eventType)
		for _, pattern := range append(slices.Clone(patterns), covering...) {
			if err := driver.ValidateEventPattern(pattern); err != nil {
				t.Errorf("CoveringPatterns(%q) has %q: %v", eventType, pattern, err)
			}
			if got, want := slices.Contains(covering, pattern), driver.MatchEventType(pattern, eventType); got != want {
				t.Errorf("%q among CoveringPatterns(%q): %v; MatchEventType says %v", pattern, eventType, got, want)
			}
		}
	}
}

// FuzzPatterns: what a pattern is, and what it covers, as a few lines say that look at words.
func FuzzPatterns(f *testing.F) {
	for _, pattern := range append(patterns, "", "a..*", "a*", "*.a", "a.*.b", ".*", "ä.*", "a.\x00") {
		for _, eventType := range []string{"a", "a.b", "a.b.c", "A.b", "ab.c", "", "a.", longest, "*"} {
			f.Add(pattern, eventType)
		}
	}
	isWord := func(word string) bool {
		return word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
	}
	areWords := func(words []string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !isWord(w) })
	}
	f.Fuzz(func(t *testing.T, pattern, eventType string) {
		words, typeWords := strings.Split(pattern, "."), strings.Split(eventType, ".")
		isType := areWords(typeWords) && len(eventType) <= driver.MaxEventType
		if err := driver.ValidateEventType(eventType); (err == nil) != isType {
			t.Fatalf("type %q: got error %v, want one: %t", eventType, err, !isType)
		}
		last := len(words) - 1
		open := words[last] == "*"
		if open {
			words = words[:last]
		}
		isPattern := areWords(words) && len(pattern) <= driver.MaxEventType
		if err := driver.ValidateEventPattern(pattern); (err == nil) != isPattern {
			t.Fatalf("pattern %q: got error %v, want one: %t", pattern, err, !isPattern)
		}
		if !isPattern || !isType {
			return
		}
		want := slices.Equal(words, typeWords) && !open || open && len(typeWords) > len(words) && slices.Equal(words, typeWords[:len(words)])
		if got := driver.MatchEventType(pattern, eventType); got != want {
			t.Errorf("MatchEventType(%q, %q) = %t, want %t", pattern, eventType, got, want)
		}
		if got := slices.Contains(driver.CoveringPatterns(eventType), pattern); got != want {
			t.Errorf("%q among CoveringPatterns(%q): %t, want %t", pattern, eventType, got, want)
		}
	})
}
