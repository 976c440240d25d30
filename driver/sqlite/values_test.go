package sqlite

import (
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// shout is a Valuer and a Scanner of text.
type shout struct{ text *string }

func (s shout) Value() (sqldriver.Value, error) { return *s.text + "!", nil }

func (s shout) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("text comes as %T", value)
	}
	*s.text = text
	return nil
}

func inMemory(t *testing.T) *executor {
	t.Helper()
	d, err := driver.Connect(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return &executor{d.(*db)}
}

func pointer[T any](v T) *T { return &v }

func TestValuesOfEveryTypeComeBack(t *testing.T) {
	x := inMemory(t)
	id, at := uuid.New(), time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
	elsewhere := at.In(time.FixedZone("", 3*3600))
	for _, c := range []struct {
		arg, want any // want is what a new target of its type comes to hold
	}{
		{id, id},
		{&id, &id},
		{(*uuid.UUID)(nil), (*uuid.UUID)(nil)},
		{elsewhere, at},
		{&elsewhere, &at},
		{(*time.Time)(nil), (*time.Time)(nil)},
		{int64(1) << 40, int64(1) << 40},
		{pointer(int64(7)), pointer(int64(7))},
		{(*int64)(nil), (*int64)(nil)},
		{7, 7},
		{pointer(7), pointer(7)},
		{(*int)(nil), (*int)(nil)},
		{0.1, 0.1},
		{pointer(2.5), pointer(2.5)},
		{(*float64)(nil), (*float64)(nil)},
		{true, true},
		{pointer(false), pointer(false)},
		{(*bool)(nil), (*bool)(nil)},
		{"it's é", "it's é"},
		{pointer("x"), pointer("x")},
		{(*string)(nil), (*string)(nil)},
		{json.RawMessage(`{ "a":1e2 }`), json.RawMessage(`{ "a":1e2 }`)},
		{json.RawMessage(nil), json.RawMessage(nil)},
		{shout{pointer("hey")}, shout{pointer("hey!")}},
		{nil, (*string)(nil)},
	} {
		target := reflect.New(reflect.TypeOf(c.want))
		into := target.Interface()
		if _, ok := c.want.(shout); ok {
			into = shout{new(string)}
			target.Elem().Set(reflect.ValueOf(into))
		}
		err := x.Query(t.Context(), "SELECT ?", []any{c.arg}, []any{into}, nil)
		if got := target.Elem().Interface(); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("from %T: got %v, %v; want %v", c.arg, got, err, c.want)
		}
	}
}

func TestListsArriveWhole(t *testing.T) {
	x := inMemory(t)
	for _, want := range [][]string{{"", `"q", {b} \ <é>`, "NULL"}, {}, nil} {
		var text string
		var got []string
		err := x.Query(t.Context(), "SELECT value FROM json_each(?)", []any{want}, []any{&text}, func() { got = append(got, text) })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}
