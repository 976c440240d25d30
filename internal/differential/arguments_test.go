package differential

import (
	"encoding/json"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// arguments are those of a call, but for its context, for SQLite and for PostgreSQL.
func (w *twins) arguments(c call) (both [2][]reflect.Value) {
	for i := 1; i < c.typ.NumIn(); i++ {
		typ := c.typ.In(i)
		if c.typ.IsVariadic() && i == c.typ.NumIn()-1 {
			for range w.number("how many", 0, 1, 2) {
				value := w.value(c.repository, "", typ.Elem())
				both[0], both[1] = append(both[0], value), append(both[1], value)
			}
			break
		}
		pair := w.argument(c, i, typ)
		both[0], both[1] = append(both[0], pair[0]), append(both[1], pair[1])
	}
	return both
}

// argument is one of them.
func (w *twins) argument(c call, i int, typ reflect.Type) [2]reflect.Value {
	switch typ {
	case reflect.TypeFor[[]driver.Claim]():
		var claims [2][]driver.Claim
		for range w.number("how many claims", 1, 1, 2, 3, 0) {
			claim := w.claim()
			claims[0], claims[1] = append(claims[0], claim[0]), append(claims[1], claim[1])
		}
		return pair(claims[0], claims[1])
	case reflect.TypeFor[driver.Claim]():
		claim := w.claim()
		return pair(claim[0], claim[1])
	case reflect.TypeFor[func(driver.Store, []driver.Event) ([]uuid.UUID, error)]():
		return w.handler()
	case reflect.TypeFor[iter.Seq2[driver.Event, error]]():
		return w.restored()
	case reflect.TypeFor[uuid.UUID]():
		left := w.idArgument(c, i)
		return pair(left, w.ids.translate(left))
	case reflect.TypeFor[int64]():
		if c.repository == "Consumers" || c.method == "GetByPosition" || c.method == "GetUnprocessedPage" {
			left := w.position()
			return pair(left, w.positions.translate(left))
		}
	case reflect.TypeFor[string]():
		left := w.textArgument(c, i)
		return pair(left, left)
	case reflect.TypeFor[driver.ArchiveFile]():
		left := w.file()
		return pair(left, left)
	}
	left := w.value(c.repository, c.method, typ)
	if c.method == "Update" {
		w.identify(left)
	}
	if id := left; id.Kind() == reflect.Struct && id.FieldByName("ID").IsValid() && c.method == "Save" {
		w.newOrTaken(left)
	}
	return [2]reflect.Value{left, w.translatedValue(left, typ)}
}

func pair[T any](left, right T) [2]reflect.Value {
	l, r := reflect.New(reflect.TypeFor[T]()).Elem(), reflect.New(reflect.TypeFor[T]()).Elem()
	if v := reflect.ValueOf(left); v.IsValid() {
		l.Set(v)
	}
	if v := reflect.ValueOf(right); v.IsValid() {
		r.Set(v)
	}
	return [2]reflect.Value{l, r}
}

// kinds is the type of the entities of a repository.
var kinds = map[string]string{
	"Events": "Event", "DeadLetters": "Event", "Endpoints": "Endpoint", "EventTypes": "EventType", "Subscriptions": "Subscription", "Deliveries": "Delivery",
	"Actions": "Action", "Executions": "Execution", "Archives": "Archive", "ArchiveRules": "ArchiveRule", "ArchiveJobs": "ArchiveJob",
}

// idArgument is what the i-th argument of a call, an id, may be.
func (w *twins) idArgument(c call, i int) uuid.UUID {
	if i > 1 && (c.method == "Extend" || c.method == "Complete" || c.method == "Fail" || c.method == "Ran") {
		return w.token()
	}
	kind := kinds[c.repository]
	switch c.method {
	case "GetByEndpoint", "Recover":
		kind = "Endpoint"
	case "GetByEvent":
		kind = "Event"
	case "GetByAction":
		kind = "Action"
	case "GetByRule":
		kind = "ArchiveRule"
	case "GetByCorrelationID":
		kind = "context"
	case "GetStats":
		kind = map[string]string{"Deliveries": "Endpoint", "Executions": "Action"}[c.repository]
	}
	w.subject = w.id(kind)
	return w.subject
}

// token is that of the subject's lease, mostly.
func (w *twins) token() uuid.UUID {
	if !w.oneIn(6, "another token") {
		switch entity := w.subjectEntity().(type) {
		case driver.Archive:
			if entity.LeaseToken != nil {
				return *entity.LeaseToken
			}
		case driver.ArchiveRule:
			if entity.LeaseToken != nil {
				return *entity.LeaseToken
			}
		}
	}
	return w.id("context")
}

// subjectEntity is the subject as it was last seen, or nil.
func (w *twins) subjectEntity() any {
	if entity, known := w.latest[w.subject]; known {
		return entity.Interface()
	}
	return nil
}

// id is one of what is known of a kind, mostly.
func (w *twins) id(kind string) uuid.UUID {
	known := append(append([]uuid.UUID(nil), w.fixed[kind]...), w.known[kind]...)
	if kind == "aggregate" || kind == "context" || kind == "user" {
		return known[w.number("which "+kind, 0, 1)]
	}
	switch which := w.number("known", 0, 0, 0, 0, 0, 0, 0, 0, 1, 2); {
	case which == 2:
		return uuid.Nil
	case which == 1 || len(known) == 0:
		return w.fixed["context"][0] // unknown
	}
	return known[len(known)-1-w.number("which "+kind, upTo(len(known))...)]
}

func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

func (w *twins) number(label string, from ...int) int { return pick(w, label, from...) }

// textArgument is what an argument that is a text may be.
func (w *twins) textArgument(c call, i int) string {
	switch c.method {
	case "GetByType", "GetMatching", "GetActionsForEvent":
		return w.text("EventType")
	case "GetByEventType":
		return w.text(kinds[c.repository] + ".EventType")
	case "GetByCategory":
		return w.text("Category")
	case "MarkVerified":
		return w.text("EndpointURL")
	case "GetByName":
		return w.text("Name")
	}
	if c.repository == "ArchiveObjects" && i > 1 && c.method == "List" && w.oneIn(2, "from the first") {
		return ""
	}
	return w.text("Name")
}

// position is that of an event, or one at the limits.
func (w *twins) position() int64 {
	if w.subject = w.id("Event"); !w.oneIn(4, "position at a limit") {
		if event, known := w.subjectEntity().(driver.Event); known {
			return event.Position
		}
	}
	return pick(w, "position", int64(0), -1, 1<<63-1, -1<<63)
}

// claim is one that there was, mostly a late one.
func (w *twins) claim() [2]driver.Claim {
	if len(w.claims) == 0 || w.oneIn(20, "no claim") {
		return [2]driver.Claim{}
	}
	return w.claims[len(w.claims)-1-w.number("claim", upTo(len(w.claims))...)]
}

// handler is a function for ProcessUnprocessed. It notes what it is given.
func (w *twins) handler() [2]reflect.Value {
	done, fails := w.number("done", 100, 0, 1), w.oneIn(4, "handler fails")
	make := func(i int) func(driver.Store, []driver.Event) ([]uuid.UUID, error) {
		return func(_ driver.Store, events []driver.Event) (ids []uuid.UUID, err error) {
			w.received[i] = events
			for _, event := range events[:min(done, len(events))] {
				ids = append(ids, event.ID)
			}
			if fails {
				return ids, errUndo
			}
			return ids, nil
		}
	}
	return pair(make(0), make(1))
}

// restored is the events of the subject, an archive, as they come from its file.
func (w *twins) restored() [2]reflect.Value {
	files := w.files[w.subject]
	if files == nil {
		files = &[2][]driver.Event{}
	}
	least, fails := w.number("left out", 0, 0, 0, 1), w.oneIn(6, "file fails")
	make := func(i int) iter.Seq2[driver.Event, error] {
		events := files[i][min(least, len(files[i])):]
		return func(yield func(driver.Event, error) bool) {
			for _, event := range events {
				if !yield(event, nil) {
					return
				}
			}
			if fails {
				yield(driver.Event{}, errUndo)
			}
		}
	}
	return pair(make(0), make(1))
}

// file is what Complete is told of that of the subject.
func (w *twins) file() driver.ArchiveFile {
	file := driver.ArchiveFile{
		StorageLocation: "file:///x", ObjectName: "a/b", RawBytes: 100, SizeBytes: 10, Checksum: strings.Repeat("0a", 32),
		EventTypes: []string{"order.placed"}, EventsFrom: givenTimes[0], EventsTo: givenTimes[1], PastConsumers: w.oneIn(2, "past consumers"),
	}
	if archive, known := w.subjectEntity().(driver.Archive); known {
		file.EventCount = archive.EventCount
	}
	if w.oneIn(5, "wrong count") {
		file.EventCount++
	}
	value := reflect.ValueOf(&file).Elem()
	w.spoil(value)
	return file
}

// identify gives an entity that Update takes the id and the revision of one that is stored.
func (w *twins) identify(entity reflect.Value) {
	id := w.id(entity.Type().Name())
	entity.FieldByName("ID").Set(reflect.ValueOf(id))
	if known, there := w.latest[id]; there && known.Type() == entity.Type() {
		revision := known.FieldByName("Revision").Int()
		if w.oneIn(8, "stale") {
			revision--
		}
		entity.FieldByName("Revision").SetInt(revision)
	}
}

// newOrTaken gives an entity that Save takes an id.
func (w *twins) newOrTaken(entity reflect.Value) {
	id := uuid.Must(uuid.NewV7())
	switch kind := entity.Type().Name(); w.number("id", 0, 0, 0, 0, 0, 0, 1, 2) {
	case 1:
		id = w.id(kind)
	case 2:
		id = uuid.Nil // the backend makes one
	}
	entity.FieldByName("ID").Set(reflect.ValueOf(id))
	if id != uuid.Nil {
		w.know(entity.Type().Name(), id)
	}
}

// translatedValue is a copy of a value with PostgreSQL's ids in the place of SQLite's.
func (w *twins) translatedValue(value reflect.Value, typ reflect.Type) reflect.Value {
	copied := reflect.New(typ).Elem()
	switch v := value.Interface().(type) {
	case uuid.UUID:
		copied.Set(reflect.ValueOf(w.ids.translate(v)))
		return copied
	case time.Time, driver.Secret, json.RawMessage:
		copied.Set(value)
		return copied
	case driver.ArchiveCriteria:
		v.AfterPosition = w.positions.translate(v.AfterPosition)
		copied.Set(reflect.ValueOf(v))
		return copied
	}
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			copied.Set(reflect.New(typ.Elem()))
			copied.Elem().Set(w.translatedValue(value.Elem(), typ.Elem()))
		}
	case reflect.Struct:
		for i := range value.NumField() {
			copied.Field(i).Set(w.translatedValue(value.Field(i), typ.Field(i).Type))
		}
	case reflect.Slice:
		if !value.IsNil() {
			copied.Set(reflect.MakeSlice(typ, value.Len(), value.Len()))
			for i := range value.Len() {
				copied.Index(i).Set(w.translatedValue(value.Index(i), typ.Elem()))
			}
		}
	default:
		copied.Set(value)
	}
	return copied
}

// givenTimes are those that arguments have; no clock shows them.
var givenTimes = []time.Time{
	time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC),
	time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
	time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC),
	time.Date(2000, 1, 1, 12, 0, 0, 1999, time.FixedZone("east", 14*3600)),
	time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
	time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	{},
}

// isGiven tells that a time is one of those, as it is stored.
func isGiven(t time.Time) bool {
	for _, given := range givenTimes {
		if t.Equal(given) || t.Equal(given.Truncate(time.Microsecond)) {
			return true
		}
	}
	return false
}
