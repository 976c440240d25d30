package differential

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// call is a method of a repository. All there are are called: a new one needs no word here, unless an
// argument of it is of a new kind.
type call struct {
	repository, method string

	typ reflect.Type
}

func (c call) String() string   { return c.repository + "." + c.method }
func (c call) GoString() string { return c.String() }

var allCalls = findCalls()

func findCalls() (calls []call) {
	store := reflect.TypeFor[driver.Store]()
	for i := range store.NumMethod() {
		accessor := store.Method(i)
		if accessor.Type.NumIn() != 0 || accessor.Type.NumOut() != 1 || !strings.HasSuffix(accessor.Type.Out(0).Name(), "Repository") {
			continue
		}
		repository := accessor.Type.Out(0)
		for j := range repository.NumMethod() {
			c := call{accessor.Name, repository.Method(j).Name, repository.Method(j).Type}
			switch c.String() {
			case "Events.Wait": // which does what it says, and waits
			default:
				calls = append(calls, c)
			}
		}
	}
	return calls
}

// weight is how much more often than others it is called: without rows there is nothing to see.
func (c call) weight() int {
	switch c.method {
	case "Save":
		return 8
	case "Claim", "SaveBatch", "Append", "Create", "RecordAttempt", "SaveForEvent", "Begin", "Complete", "ClaimDue", "ClaimPending":
		return 4
	case "Update", "AllEvents", "Ack", "Retry", "DeadLetter", "MarkAsProcessed", "MarkMultipleAsProcessed", "Commit", "Restore":
		return 2
	}
	return 1
}

// reads tells that it changes nothing.
func (c call) reads() bool {
	for _, start := range []string{"Get", "All", "Exists", "Count", "List", "Next", "Lag", "Measure", "Summary", "ReadChunk"} {
		if strings.HasPrefix(c.method, start) {
			return c.method != "GetUnprocessedForUpdate"
		}
	}
	return false
}

// makesMoment tells that the moment of the call decides about an order. In a transaction of PostgreSQL the
// moment is that of its start, SQLite's goes on.
func (c call) makesMoment() bool {
	switch c.repository {
	case "Events":
		return !c.reads() && !strings.HasPrefix(c.method, "Save") && c.method != "Append"
	case "DeadLetters", "Deliveries", "Executions", "Archives", "ArchiveJobs":
		return !c.reads() && c.method != "Save"
	}
	return false
}

// answer is what a call returned.
type answer struct {
	values []reflect.Value
	err    error
}

// call makes a random call to both and compares the answers.
func (w *twins) call(stores [2]driver.Store, c call) {
	if w.depth > 0 && c.makesMoment() {
		if w.moment {
			return
		}
		w.moment = true
	}
	w.calls++
	w.subject, w.received = uuid.Nil, [2][]driver.Event{}
	arguments := w.arguments(c)
	w.rt.Logf("%s(%s)", c, w.showAll(arguments[0]))
	var answers [2]answer
	for i, store := range stores {
		answers[i] = w.ask(store, c, append([]reflect.Value{reflect.ValueOf(w.ctx)}, arguments[i]...))
	}
	if c.String() == "Consumers.Read" {
		w.readOn(&answers, func() answer {
			return w.ask(stores[1], c, append([]reflect.Value{reflect.ValueOf(w.ctx)}, arguments[1]...))
		})
	}
	if difference := w.compare(c, answers); difference != "" {
		w.rt.Fatalf("%s: %s", c, difference)
	}
	if answers[0].err != nil {
		w.rt.Logf("\t%s", w.showError(answers[0].err))
	} else {
		w.rt.Logf("\t%s", w.showAll(answers[0].values))
		w.learn(c, answers)
	}
	if !c.reads() && w.depth == 0 {
		time.Sleep(tick)
	}
}

// readOn lets PostgreSQL read again what it stopped in, because it could not tell yet what is settled before. In a
// transaction that may be so until it ends, and the rest is not compared.
func (w *twins) readOn(answers *[2]answer, again func() answer) {
	length := func(a answer) int {
		if a.err != nil {
			return 0
		}
		return a.values[0].Len()
	}
	for deadline := time.Now().Add(5 * time.Second); w.depth == 0 && length(answers[1]) < length(answers[0]) && time.Now().Before(deadline); {
		answers[1] = again()
	}
	if short := length(answers[1]); w.depth > 0 && answers[1].err == nil && short < length(answers[0]) {
		answers[0].values[0] = answers[0].values[0].Slice(0, short)
	}
}

func (w *twins) ask(store driver.Store, c call, arguments []reflect.Value) (a answer) {
	method := reflect.ValueOf(store).MethodByName(c.repository).Call(nil)[0].MethodByName(c.method)
	results := method.Call(arguments)
	for _, result := range results {
		switch value := result.Interface().(type) {
		case iter.Seq2[driver.Event, error]:
			events := []driver.Event{}
			for event, err := range value {
				if err != nil {
					a.err = err
					break
				}
				events = append(events, event)
			}
			a.values = append(a.values, reflect.ValueOf(events))
		case error:
			a.err = value
		default:
			if result.Type() != reflect.TypeFor[error]() {
				a.values = append(a.values, result)
			}
		}
	}
	return a
}

// learn keeps what later calls can be about.
func (w *twins) learn(c call, answers [2]answer) {
	for i, value := range answers[0].values {
		switch left := value.Interface().(type) {
		case []driver.Claim:
			for j, claim := range left {
				w.claims = append(w.claims, [2]driver.Claim{claim, answers[1].values[i].Interface().([]driver.Claim)[j]})
			}
		case []driver.Event:
			if c.method == "AllEvents" && len(left) > 0 {
				w.files[w.subject] = &[2][]driver.Event{left, answers[1].values[i].Interface().([]driver.Event)}
			}
			w.learnEach(value)
		default:
			w.learnEach(value)
		}
	}
}

func (w *twins) learnEach(value reflect.Value) {
	switch value.Kind() {
	case reflect.Slice:
		for i := range value.Len() {
			w.learnEach(value.Index(i))
		}
	case reflect.Struct:
		id, created := value.FieldByName("ID"), value.FieldByName("CreatedAt")
		if !id.IsValid() || !created.IsValid() || created.IsZero() {
			return // a part of one
		}
		w.know(value.Type().Name(), id.Interface().(uuid.UUID))
		w.latest[id.Interface().(uuid.UUID)] = value
	}
}

func (w *twins) know(kind string, id uuid.UUID) {
	if _, named := w.names[id]; !named {
		w.known[kind] = append(w.known[kind], id)
		w.names[id] = fmt.Sprintf("%s %d", kind, len(w.known[kind]))
	}
}
