package differential

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/neomultitenant/neoevents/driver"
)

// compare returns what is different about two answers, "" if nothing is. It tells no id and no time, so that
// a failure that is made smaller is still the same one; the trace has the rest.
func (w *twins) compare(c call, answers [2]answer) string {
	if difference := w.compareErrors(answers[0].err, answers[1].err); difference != "" {
		w.rt.Logf("sqlite:   %v\npostgres: %v", answers[0].err, answers[1].err)
		return difference
	}
	if len(answers[0].values) != len(answers[1].values) {
		return "returns another number of values"
	}
	for i := range answers[0].values {
		if difference := w.different("", answers[0].values[i], answers[1].values[i]); difference != "" {
			w.rt.Logf("sqlite:   %s\npostgres: %s", w.show(answers[0].values[i]), w.show(answers[1].values[i]))
			return difference
		}
	}
	return w.different("handed out ", reflect.ValueOf(w.received[0]), reflect.ValueOf(w.received[1]))
}

func (w *twins) compareErrors(left, right error) string {
	switch {
	case left == nil && right == nil:
		return ""
	case left == nil:
		return "only postgres returns an error"
	case right == nil:
		return "only sqlite returns an error"
	}
	var l, r *driver.Error
	if !errors.As(left, &l) || !errors.As(right, &r) {
		if errors.Is(left, errUndo) && errors.Is(right, errUndo) {
			return ""
		}
		return "returns an error that is no driver.Error"
	}
	for _, err := range []error{left, right} {
		if errors.Is(err, driver.ErrInternal) || errors.Is(err, driver.ErrUnavailable) {
			return "returns an error that it never should"
		}
	}
	if !errors.Is(l.Kind, r.Kind) {
		return "returns errors of different kinds"
	}
	if l.Op != r.Op || l.Schema != r.Schema || l.Entity != r.Entity || !w.sameText(l.Key, r.Key) {
		return "returns errors about different things"
	}
	var reference [2]*driver.ReferenceError
	if errors.As(left, &reference[0]) && errors.As(right, &reference[1]) {
		// It may hold the database's own error.
		if reference[0].Field != reference[1].Field || reference[0].Entity != reference[1].Entity || !w.sameText(reference[0].Key, reference[1].Key) {
			return "returns errors about different references"
		}
		return ""
	}
	if !holdsDatabaseError(left) && !holdsDatabaseError(right) && !w.sameText(left.Error(), right.Error()) {
		return "returns errors with different details"
	}
	return ""
}

func holdsDatabaseError(err error) bool {
	var p *pgconn.PgError
	var s *sqlite.Error
	return errors.As(err, &p) || errors.As(err, &s)
}

var idPattern = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// sameText reports whether two texts are the same but for the ids in them, which must be pairs.
func (w *twins) sameText(left, right string) bool {
	if idPattern.ReplaceAllString(left, "") != idPattern.ReplaceAllString(right, "") {
		return false
	}
	of := idPattern.FindAllString(right, -1)
	for i, id := range idPattern.FindAllString(left, -1) {
		if !w.sameID(uuid.MustParse(id), uuid.MustParse(of[i])) {
			return false
		}
	}
	return true
}

// sameID reports whether two ids are the same, or may be what each backend made up. What has a name is SQLite's, or
// was given to both.
func (w *twins) sameID(left, right uuid.UUID) bool {
	_, named := w.names[right]
	return (left == right || !named) && w.ids.pair(left, right)
}

// near is how far times, and durations, that the clock made may be from each other.
const near = 2 * time.Minute

func (w *twins) different(place string, left, right reflect.Value) string {
	if left.Type() != right.Type() {
		return place + " is of another type"
	}
	is := func(same bool) string {
		if same {
			return ""
		}
		return "differs in " + strings.TrimPrefix(place, ".")
	}
	switch l := left.Interface().(type) {
	case uuid.UUID:
		return is(w.sameID(l, right.Interface().(uuid.UUID)))
	case time.Time:
		r := right.Interface().(time.Time)
		fromClock := time.Since(l).Abs() < 100*365*24*time.Hour && !isGiven(l)
		return is(l.Equal(r) && l.Location() == r.Location() || fromClock && !isGiven(r) && l.Sub(r).Abs() < near)
	case driver.Secret:
		return is(w.secrets.pair(l.Reveal(), right.Interface().(driver.Secret).Reveal()))
	case json.RawMessage:
		r := right.Interface().(json.RawMessage)
		return is(string(l) == string(r) && (l == nil) == (r == nil))
	case int64:
		r := right.Interface().(int64)
		switch {
		case strings.HasSuffix(place, "Position"):
			return is(w.positions.pair(l, r))
		case strings.Contains(place, "Duration"):
			return is(l == r || max(l-r, r-l) < near.Milliseconds())
		}
		return is(l == r)
	case float64:
		r := right.Interface().(float64)
		return is(l == r || strings.Contains(place, "Duration") && math.Abs(l-r) < float64(near.Milliseconds()))
	}
	switch left.Kind() {
	case reflect.Pointer:
		if left.IsNil() || right.IsNil() {
			return is(left.IsNil() == right.IsNil())
		}
		if strings.HasSuffix(place, "NextRunAt") {
			return "" // whether there is one: a day may begin between the two calls
		}
		return w.different(place, left.Elem(), right.Elem())
	case reflect.Struct:
		for i := range left.NumField() {
			if difference := w.different(place+"."+left.Type().Field(i).Name, left.Field(i), right.Field(i)); difference != "" {
				return difference
			}
		}
		return ""
	case reflect.Slice:
		if left.Len() != right.Len() || left.IsNil() != right.IsNil() {
			return is(false) + " (how many)"
		}
		for i := range left.Len() {
			if difference := w.different(place+"[]", left.Index(i), right.Index(i)); difference != "" {
				return difference
			}
		}
		return ""
	case reflect.Map:
		if left.Len() != right.Len() || left.IsNil() != right.IsNil() {
			return is(false) + " (how many)"
		}
		for _, key := range left.MapKeys() {
			value := right.MapIndex(key)
			if !value.IsValid() {
				return is(false) + " (a key)"
			}
			if difference := w.different(place+"[]", left.MapIndex(key), value); difference != "" {
				return difference
			}
		}
		return ""
	}
	return is(left.Interface() == right.Interface())
}

// showAll is values for a person to read.
func (w *twins) showAll(values []reflect.Value) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = w.show(value)
	}
	return strings.Join(texts, ", ")
}

func (w *twins) showError(err error) string {
	return idPattern.ReplaceAllStringFunc(err.Error(), func(id string) string { return w.name(uuid.MustParse(id)) })
}

func (w *twins) name(id uuid.UUID) string {
	switch name, named := w.names[id]; {
	case named:
		return "<" + name + ">"
	case id == uuid.Nil:
		return "<zero>"
	}
	return "<some id>"
}

func (w *twins) show(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case uuid.UUID:
		return w.name(v)
	case time.Time:
		if time.Since(v).Abs() < 100*365*24*time.Hour && !isGiven(v) {
			return "<some time>"
		}
		return v.Format(time.RFC3339Nano)
	case driver.Secret:
		return fmt.Sprintf("%q", v.Reveal())
	case json.RawMessage:
		return short(string(v))
	case []byte:
		return short(fmt.Sprintf("%q", v))
	}
	switch value.Kind() {
	case reflect.String:
		return short(fmt.Sprintf("%q", value.String()))
	case reflect.Pointer:
		if value.IsNil() {
			return "nil"
		}
		return w.show(value.Elem())
	case reflect.Struct:
		var fields []string
		for i := range value.NumField() {
			if !value.Field(i).IsZero() {
				fields = append(fields, value.Type().Field(i).Name+": "+w.show(value.Field(i)))
			}
		}
		return value.Type().Name() + "{" + strings.Join(fields, ", ") + "}"
	case reflect.Slice:
		var elements []string
		for i := range min(value.Len(), 20) {
			elements = append(elements, w.show(value.Index(i)))
		}
		return fmt.Sprintf("%d[%s]", value.Len(), strings.Join(elements, ", "))
	case reflect.Map:
		var entries []string
		for _, key := range value.MapKeys() {
			entries = append(entries, w.show(key)+": "+w.show(value.MapIndex(key)))
		}
		return "map[" + strings.Join(entries, ", ") + "]"
	case reflect.Func:
		return "a function"
	}
	return fmt.Sprint(value.Interface())
}

func short(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%.100s… (%d bytes)", text, len(text))
}
