package driver

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/internal/jsontext"
)

const (
	// DefaultLimit is how many rows a list returns when it is asked for 0.
	DefaultLimit = 100
	// MaxLimit is how many rows a list can be asked for.
	MaxLimit = 10_000
)

// CheckLimit returns the rows that a list asked for limit should return: DefaultLimit for 0,
// ErrInvalid for a negative one or one above MaxLimit. For backends.
func CheckLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, &InvalidError{"limit", fmt.Sprintf("must be 0 (for %d) to %d", DefaultLimit, MaxLimit)}
	}
	return limit, nil
}

// Is makes an InvalidError match ErrInvalid by itself, too.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// The checks below return nil or an *InvalidError.

// Limits of text, in bytes, for all entities.
const (
	MaxName        = 255
	MaxDescription = 4096
	MaxURL         = 2048
	MaxSecret      = 255
)

// firstError returns the first error there is.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkText(field, value string, maxBytes int) error {
	switch {
	case len(value) > maxBytes:
		return &InvalidError{field, fmt.Sprintf("has %d bytes, at most %d are allowed", len(value), maxBytes)}
	case !utf8.ValidString(value):
		return &InvalidError{field, "is not valid UTF-8"}
	case strings.IndexByte(value, 0) >= 0:
		return &InvalidError{field, "must not contain a NUL character"}
	}
	return nil
}

func checkRequired(field, value string, maxBytes int) error {
	if strings.TrimSpace(value) == "" {
		return &InvalidError{field, "is required"}
	}
	return checkText(field, value, maxBytes)
}

func checkRange[T int | int64](field string, value, least, most T) error {
	if value < least || value > most {
		return &InvalidError{field, fmt.Sprintf("must be %d to %d", least, most)}
	}
	return nil
}

func checkOneOf[T ~string](field string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	names := make([]string, len(allowed))
	for i, name := range allowed {
		names[i] = string(name)
	}
	return &InvalidError{field, "must be one of " + strings.Join(names, ", ")}
}

func checkOptionalID(field string, id *uuid.UUID) error {
	if id != nil && *id == uuid.Nil {
		return &InvalidError{field, "must not be the zero id; leave it nil"}
	}
	return nil
}

func checkID(field string, id uuid.UUID) error {
	if id == uuid.Nil {
		return &InvalidError{field, "is required"}
	}
	return nil
}

// setDefault replaces a zero value.
func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

// newID gives an entity an id if it has none.
func newID(id *uuid.UUID) error {
	if *id != uuid.Nil {
		return nil
	}
	made, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("new id: %w", err)
	}
	*id = made
	return nil
}

// sorted yields a map's entries by key, so that the first error is always the same one.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// checkWords checks a name of words of letters, digits, "_" and "-", separated by single dots.
func checkWords(field, value string, maxBytes int) error {
	if value == "" {
		return &InvalidError{field, "is required"}
	}
	if len(value) > maxBytes {
		return checkText(field, value, maxBytes)
	}
	afterDot := true
	for i := range len(value) {
		c := value[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
			afterDot = false
		case c == '.' && !afterDot:
			afterDot = true
		default:
			return &InvalidError{field, "must be words of letters, digits, _ and -, separated by single dots, such as user.created"}
		}
	}
	if afterDot {
		return &InvalidError{field, "must not end with a dot"}
	}
	return nil
}

func checkJSONObject(field string, value json.RawMessage, maxBytes int) error {
	if len(value) > maxBytes {
		return &InvalidError{field, fmt.Sprintf("has %d bytes, at most %d are allowed", len(value), maxBytes)}
	}
	kind, err := jsontext.Check(value)
	if err != nil {
		return &InvalidError{field, err.Error()}
	}
	if kind != jsontext.Object {
		return &InvalidError{field, "must be a JSON object"}
	}
	return nil
}

// checkOptionalJSON checks JSON of any kind; nil is fine.
func checkOptionalJSON(field string, value json.RawMessage, maxBytes int) error {
	if value == nil {
		return nil
	}
	if len(value) > maxBytes {
		return checkJSONObject(field, value, maxBytes)
	}
	if _, err := jsontext.Check(value); err != nil {
		return &InvalidError{field, err.Error()}
	}
	return nil
}

// storedTime returns t as it can be stored and read again: UTC, whole microseconds.
func storedTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func storedOptionalTime(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	stored := storedTime(*t)
	return &stored
}

func checkOptionalTime(field string, t *time.Time) error {
	if t == nil {
		return nil
	}
	return checkTime(field, *t)
}

// CheckTime reports a moment that no stored one can be compared with: ErrInvalid outside the years 1
// to 9999. For backends.
func CheckTime(field string, t time.Time) error { return checkTime(field, t) }

func checkTime(field string, t time.Time) error {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return &InvalidError{field, "must be in the years 1 to 9999"}
	}
	return nil
}
