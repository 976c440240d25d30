package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// sameEntity fails the test for each field in which an entity is not as wanted: times by moment and
// location, JSON byte for byte, secrets by their text, nil apart from empty.
func sameEntity[E any](t *test, what string, got, want E) {
	t.Helper()
	if diff := entityDifferences(got, want); diff != "" {
		t.Errorf("%s:%s", what, diff)
	}
}

// sameEntities fails the test if got is not want, in that order.
func sameEntities[E any](t *test, what string, got, want []E) {
	t.Helper()
	if gotIDs, wantIDs := entityIDs(got), entityIDs(want); !slices.Equal(gotIDs, wantIDs) {
		t.Errorf("ids of %s:\n got %s\nwant %s", what, brief(gotIDs), brief(wantIDs))
		return
	}
	for i := range got {
		sameEntity(t, fmt.Sprintf("%s, number %d", what, i), got[i], want[i])
	}
}

// entityIDs returns the ids of entities.
func entityIDs[E any](entities []E) []uuid.UUID {
	ids := make([]uuid.UUID, len(entities))
	for i := range entities {
		ids[i] = reflect.ValueOf(&entities[i]).Elem().FieldByName("ID").Interface().(uuid.UUID)
	}
	return ids
}

// entityDifferences lists the fields in which got is not want, "" if there are none.
func entityDifferences[E any](got, want E) string {
	gotFields, wantFields := leaves(got), leaves(want)
	all := maps.Clone(gotFields)
	maps.Copy(all, wantFields)
	var diff strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		gotValue, there := gotFields[name]
		wantValue, wanted := wantFields[name]
		switch {
		case !there:
			fmt.Fprintf(&diff, "\n\t%s: is missing, want %s", name, excerpt(wantValue, 0))
		case !wanted:
			fmt.Fprintf(&diff, "\n\t%s: got %s, want nothing", name, excerpt(gotValue, 0))
		case gotValue != wantValue:
			from := firstDifference(gotValue, wantValue)
			fmt.Fprintf(&diff, "\n\t%s: got %s, want %s", name, excerpt(gotValue, from), excerpt(wantValue, from))
		}
	}
	return diff.String()
}

// leaves returns all that an entity holds as text, by its place: "Name", "Attempts[0].Number".
func leaves(entity any) map[string]string {
	found := map[string]string{}
	addLeaves(found, "", reflect.ValueOf(entity))
	return found
}

func addLeaves(found map[string]string, place string, v reflect.Value) {
	if text, ok := leaf(v.Interface()); ok {
		found[place] = text
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			addLeaves(found, place, v.Elem())
			return
		}
		found[place] = "nil"
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			addLeaves(found, strings.TrimPrefix(place+"."+name, "."), v.Field(i))
		}
	case reflect.Map, reflect.Slice:
		found[place] = fmt.Sprintf("%d elements", v.Len())
		if v.IsNil() {
			found[place] = "nil"
		}
		if v.Kind() == reflect.Slice {
			for i := range v.Len() {
				addLeaves(found, fmt.Sprintf("%s[%d]", place, i), v.Index(i))
			}
			return
		}
		for _, key := range v.MapKeys() {
			addLeaves(found, fmt.Sprintf("%s[%v]", place, key), v.MapIndex(key))
		}
	default:
		found[place] = fmt.Sprint(v.Interface())
	}
}

// leaf is what is compared as a whole although it has parts.
func leaf(value any) (text string, ok bool) {
	switch v := value.(type) {
	case uuid.UUID:
		return v.String(), true
	case time.Time:
		return instant(&v), true
	case driver.Secret:
		return v.Reveal(), true
	case json.RawMessage:
		if v == nil {
			return "nil", true
		}
		return string(v), true
	}
	return "", false
}

// wantErrOn fails the test unless err is of the kind, from the method op, and names the entity and
// its key.
func (t *test) wantErrOn(err, kind error, op, entity, key string) {
	t.Helper()
	t.wantErr(err, kind, op)
	var failed *driver.Error
	if !errors.As(err, &failed) {
		return
	}
	equal(t, "entity that the error of "+op+" names", failed.Entity, entity)
	if !strings.Contains(failed.Key, key) || !strings.Contains(err.Error(), key) {
		t.Errorf("%s: the error %q doesn't name the key %q", op, err, key)
	}
}

// holdsToLimits fails the test unless the list op returns the first of want, which must be more
// than driver.DefaultLimit, as its limit says, and refuses limits that are none.
func holdsToLimits[E any](t *test, op string, want []E, list func(limit int) ([]E, error)) {
	t.Helper()
	for limit, most := range map[int]int{0: driver.DefaultLimit, 1: 1, 3: 3, len(want): len(want), driver.MaxLimit: len(want)} {
		found, err := list(limit)
		t.ok(err)
		sameEntities(t, fmt.Sprintf("%s, limit %d", op, limit), found, want[:most])
	}
	for _, limit := range []int{-1, math.MinInt, driver.MaxLimit + 1, math.MaxInt} {
		_, err := list(limit)
		t.wantInvalid(err, op, "limit")
	}
}
