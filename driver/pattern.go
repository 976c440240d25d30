package driver

import "strings"

// everyType is the pattern that covers every event type.
const everyType = "*"

// ValidateEventPattern reports whether event types can be chosen by the pattern, as an
// [InvalidError]. A pattern is an event type, words followed by ".*" (order.*, order.line.*), or "*"
// alone; at most MaxEventType bytes. A "*" stands nowhere else.
func ValidateEventPattern(pattern string) error { return checkPattern("event_type", pattern) }

func checkPattern(field, pattern string) error {
	if pattern == "" {
		return &InvalidError{field, "is required; * covers every event type"}
	}
	if len(pattern) > MaxEventType {
		return checkText(field, pattern, MaxEventType)
	}
	words := strings.TrimSuffix(pattern, ".*")
	if pattern != everyType && checkWords(field, words, MaxEventType) != nil {
		return &InvalidError{field, "must be an event type such as user.created, words followed by .* such as user.*, or * alone"}
	}
	return nil
}

// MatchEventType reports whether a pattern covers an event type. An event type covers itself, and
// case matters; "a.*" covers "a.b" and "a.b.c" but not "a"; "*" covers every type.
func MatchEventType(pattern, eventType string) bool {
	if pattern == everyType || pattern == eventType {
		return true
	}
	words, covers := strings.CutSuffix(pattern, "*")
	return covers && strings.HasSuffix(words, ".") && len(eventType) > len(words) && strings.HasPrefix(eventType, words)
}

// CoveringPatterns returns every pattern that covers an event type, the narrowest first: for "a.b.c"
// these are "a.b.c", "a.b.*", "a.*" and "*". A stored pattern covers the type exactly if it is one
// of them, which an index can tell. For backends.
func CoveringPatterns(eventType string) []string {
	patterns := make([]string, 0, strings.Count(eventType, ".")+2)
	patterns = append(patterns, eventType)
	for words := eventType; ; {
		dot := strings.LastIndexByte(words, '.')
		if dot < 0 {
			return append(patterns, everyType)
		}
		words = words[:dot]
		patterns = append(patterns, words+".*")
	}
}
