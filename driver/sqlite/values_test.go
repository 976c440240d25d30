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
	"github.com/neomultitenant/neoevents/query"
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
		{allBytes(), allBytes()},
		{[]byte{}, []byte{}},
		{[]byte(nil), []byte(nil)},
		{shout{pointer("hey")}, shout{pointer("hey!")}},
		{nil, (*string)(nil)},
		{nil, []byte(nil)},
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

// allBytes has every byte there is, NUL and such that are no UTF-8 among them.
func allBytes() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// Bytes are stored as bytes, not as a text of the same ones; and they belong to the caller, before and after.
func TestBytesAreBlobs(t *testing.T) {
	x := inMemory(t)
	given := allBytes()
	var got [][]byte
	var kind string
	var bytes []byte
	err := x.Query(t.Context(), "SELECT typeof(?), value FROM (SELECT ? AS value UNION ALL SELECT X'01' UNION ALL SELECT X'')",
		[]any{given, given}, []any{&kind, &bytes}, func() { got = append(got, bytes) })
	if err != nil || kind != "blob" {
		t.Errorf("got a %s, %v; want a blob", kind, err)
	}
	if want := [][]byte{allBytes(), {1}, {}}; !reflect.DeepEqual(got, want) || !slices.Equal(given, allBytes()) {
		t.Errorf("got %v, want %v; what was given is %v now", got, want, given)
	}
	for _, other := range []string{"'text'", "1", "1.5"} {
		if err := x.Query(t.Context(), "SELECT "+other, nil, []any{&bytes}, nil); err == nil {
			t.Errorf("%s was taken for bytes", other)
		}
	}
}

func TestInsertTakesBytes(t *testing.T) {
	x := inMemory(t)
	table := query.Table{Schema: "public", Name: "probe"}
	if _, err := x.Exec(t.Context(), "CREATE TABLE "+quote(table)+" (n INTEGER PRIMARY KEY, a BLOB) STRICT", nil); err != nil {
		t.Fatal(err)
	}
	values := [][]byte{allBytes(), {}, nil}
	const n = 70
	if err := x.Insert(t.Context(), table, []string{"a"}, n, func(i int) []any { return []any{values[i%len(values)]} }); err != nil {
		t.Fatal(err)
	}
	var got, want [][]byte
	var bytes []byte
	if err := x.Query(t.Context(), "SELECT a FROM "+quote(table)+" ORDER BY n", nil, []any{&bytes}, func() { got = append(got, bytes) }); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		want = append(want, values[i%len(values)])
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
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
