// Package sqltexts has what the tests of backends ask of statements: that nothing an app gives gets into their texts.
package sqltexts

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// marker stands in every text that is given.
const marker = "mark7f3a"

// hostile are texts as somebody gives them who hopes that they become a part of a statement, some of which are words that
// types of events can be.
var hostile = []string{
	marker, marker + ".*", marker + "'; DROP TABLE events; --", marker + `"`, "%" + marker + "_%", marker + "$1 ? :a @b \\", "https://" + marker + ".example/'",
	`{"` + marker + `": "'` + marker + `"}`,
}

var errUndo = errors.New("undo this")

// Finite calls every method of every repository with hostile texts in each of its arguments, one at a time, in a transaction and
// outside. No statement may have any of them in its text; and a second run with other texts may send no
// statement that the first did not.
func Finite(t *testing.T, store driver.Store, texts *Texts) {
	f := &fixture{t: t, store: store, ids: map[string]uuid.UUID{}}
	f.save()
	first := f.callAll(texts, hostile)
	for name, sent := range first {
		if sent == 0 && !slices.Contains(sendNothing, name) {
			t.Errorf("%s sent no statement: this test says nothing of it", name)
		}
	}
	known := len(texts.sent)
	var others []string
	for _, text := range hostile[:3] {
		others = append(others, strings.ReplaceAll(text, marker, marker+"b"))
	}
	f.callAll(texts, others)
	if len(texts.sent) != known {
		t.Errorf("the second run, with other texts, sent %d statements that the first did not: they are not a finite set", len(texts.sent)-known)
	}
	for sql := range texts.sent {
		if strings.Contains(strings.ToLower(sql), marker) {
			t.Errorf("what was given is in the text of a statement: %.600s", sql)
		}
	}
	t.Logf("%d methods, %d statements sent, of %d texts", len(first), texts.n, len(texts.sent))
}

// sendNothing are methods that have nothing to do here: without partitions, and without keys.
var sendNothing = []string{"Archives.Detach", "Archives.Attach", "Endpoints.ReencryptSecrets"}

type fixture struct {
	t     *testing.T
	store driver.Store
	ids   map[string]uuid.UUID // by repository
}

func (f *fixture) save() {
	ctx := f.t.Context()
	check := func(err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatal(err)
		}
	}
	event, err := f.store.Events().Save(ctx, f.event())
	check(err)
	endpoint, err := f.store.Endpoints().Save(ctx, driver.NewEndpoint("one", "https://example.com/"))
	check(err)
	f.ids["Events"], f.ids["DeadLetters"], f.ids["Endpoints"] = event.ID, event.ID, endpoint.ID
	eventType, err := f.store.EventTypes().Save(ctx, driver.NewEventType("order.placed"))
	check(err)
	subscription, err := f.store.Subscriptions().Save(ctx, driver.NewSubscription(endpoint.ID, "order.*"))
	check(err)
	delivery, err := f.store.Deliveries().Save(ctx, driver.NewDelivery(endpoint.ID, event.ID))
	check(err)
	action, err := f.store.Actions().Save(ctx, driver.NewAction("one", driver.HandlerCustom, nil, "order.*"))
	check(err)
	execution, err := f.store.Executions().Save(ctx, driver.NewExecution(action.ID, event))
	check(err)
	archive, err := f.store.Archives().Save(ctx, driver.Archive{Name: "one"})
	check(err)
	rule, err := f.store.ArchiveRules().Save(ctx, driver.NewArchiveRule("one", 1))
	check(err)
	job, err := f.store.ArchiveJobs().Save(ctx, driver.ArchiveJob{RuleID: &rule.ID})
	check(err)
	_, err = f.store.ArchiveObjects().Create(ctx, marker)
	check(err)
	for name, id := range map[string]uuid.UUID{
		"EventTypes": eventType.ID, "Subscriptions": subscription.ID, "Deliveries": delivery.ID, "Actions": action.ID, "Executions": execution.ID,
		"Archives": archive.ID, "ArchiveRules": rule.ID, "ArchiveJobs": job.ID,
	} {
		f.ids[name] = id
	}
}

func (f *fixture) event() driver.Event {
	return driver.Event{EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`)}
}

// callAll calls every method with every text in every place, and returns how many statements each sent.
func (f *fixture) callAll(texts *Texts, given []string) map[string]int {
	sent := map[string]int{}
	stores := reflect.TypeFor[driver.Store]()
	for i := range stores.NumMethod() {
		repository := stores.Method(i)
		if repository.Type.NumIn() != 0 || repository.Type.NumOut() != 1 || !strings.HasSuffix(repository.Type.Out(0).Name(), "Repository") {
			continue
		}
		for j := range repository.Type.Out(0).NumMethod() {
			method := repository.Type.Out(0).Method(j)
			before := texts.count()
			places := 0
			for place := 0; place <= places; place++ {
				for _, text := range given {
					places = f.call(repository.Name, method, place, text)
				}
			}
			sent[repository.Name+"."+method.Name] = texts.count() - before
		}
	}
	return sent
}

// call calls a method in a transaction that is undone, and outside, with a text in one place of its arguments, and returns how many
// places there are.
func (f *fixture) call(repository string, method reflect.Method, place int, text string) (places int) {
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	run := func(store driver.Store) {
		on := reflect.ValueOf(store).MethodByName(repository).Call(nil)[0].MethodByName(method.Name)
		p := &placing{fixture: f, repository: repository, method: method.Name, place: place, text: text}
		args := []reflect.Value{reflect.ValueOf(ctx)}
		for k := 1; k < on.Type().NumIn(); k++ {
			args = append(args, p.value(on.Type().In(k), 0))
		}
		call := on.Call
		if on.Type().IsVariadic() {
			call = on.CallSlice
		}
		for _, result := range call(args) {
			if result.Kind() == reflect.Func { // an iterator
				for range result.Seq2() {
				}
			}
		}
		places = p.places
	}
	err := f.store.InTx(ctx, func(tx driver.Store) error {
		run(tx)
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		f.t.Fatalf("%s.%s: InTx: %v", repository, method.Name, err)
	}
	if method.Name == "Wait" {
		run(f.store)
	}
	return places
}

// placing makes arguments that are valid but for a text in one place.
type placing struct {
	*fixture
	repository, method string
	place              int
	text               string
	places             int
}

// here tells that this is the place of the text. In place 0 all is valid.
func (p *placing) here() bool {
	p.places++
	return p.places == p.place
}

// value makes a value of a type.
func (p *placing) value(typ reflect.Type, depth int) reflect.Value {
	made := reflect.New(typ).Elem()
	if valid, known := p.valid()[typ]; known {
		made.Set(reflect.ValueOf(valid))
	}
	p.fill(made, depth)
	return made
}

// valid are values from which others are made by a text in one place.
func (p *placing) valid() map[reflect.Type]any {
	id, now := p.ids[p.repository], time.Now()
	entities := []any{
		id, now, time.Minute, p.event(), driver.NewEndpoint("a", "https://example.com/"), driver.NewEventType("a." + uuid.NewString()),
		driver.NewSubscription(p.ids["Endpoints"], "order.*"), driver.NewDelivery(p.ids["Endpoints"], p.ids["Events"]),
		driver.Attempt{Status: driver.AttemptFailed},
		driver.NewAction("a", driver.HandlerCustom, nil, "order.*"),
		driver.NewExecution(p.ids["Actions"], driver.Event{ID: p.ids["Events"], EventType: "a"}), driver.NewArchiveRule(uuid.NewString(), 1),
		driver.Archive{Name: "a"},
		driver.ExecutionOutcome{Status: driver.ExecutionSuccess},
		driver.ExecutionPending, driver.HandlerCustom, driver.ArchivePending, driver.JobFailed,
		driver.Aggregate{Type: "Order", ID: id},
		driver.Claim{Event: driver.Event{ID: id}, Token: uuid.New()},
		driver.ArchiveFile{ObjectName: "a", EventCount: 1, Checksum: strings.Repeat("0", 64), EventsFrom: now, EventsTo: now},
		int64(1), 1,
	}
	byType := map[reflect.Type]any{}
	for _, entity := range entities {
		switch e := entity.(type) {
		case driver.Event:
			if p.method == "Append" { // which says of which aggregate they are
				e.AggregateType, e.AggregateID = "", uuid.Nil
			}
			entity = e
		case driver.Delivery:
			if p.method == "Release" {
				e.ID, e.LeaseToken = id, &id
			}
			entity = e
		case driver.Endpoint: // so that Update finds one
			e.Revision = 1
			if p.repository == "Endpoints" && p.place%2 == 0 {
				e.ID = id
			}
			entity = e
		}
		byType[reflect.TypeOf(entity)] = entity
	}
	return byType
}

var rawJSON, secret, idType, timeType = reflect.TypeFor[json.RawMessage](), reflect.TypeFor[driver.Secret](), reflect.TypeFor[uuid.UUID](), reflect.TypeFor[time.Time]()

func (p *placing) fill(v reflect.Value, depth int) {
	switch {
	case depth > 6, v.Type() == idType, v.Type() == timeType:
	case v.Type() == rawJSON:
		if p.here() {
			v.SetBytes([]byte(`{"` + marker + `": ` + quote(p.text) + `}`))
		}
	case v.Type() == secret:
		if p.here() {
			v.Set(reflect.ValueOf(driver.NewSecret(p.text)))
		}
	case v.Kind() == reflect.String:
		if p.here() {
			v.SetString(p.text)
		} else if v.Len() == 0 && depth == 0 {
			v.SetString(marker)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				p.fill(v.Field(i), depth+1)
			}
		}
	case v.Kind() == reflect.Pointer && v.IsNil():
		inner := *p
		made := reflect.New(v.Type().Elem())
		p.fill(made.Elem(), depth+1)
		if inner.places < p.place && p.place <= p.places || v.Type().Elem() == idType && depth == 0 { // the text is in it
			v.Set(made)
		}
	case v.Kind() == reflect.Pointer:
		p.fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(p.text))
	case v.Kind() == reflect.Slice:
		before := p.places
		one := p.value(v.Type().Elem(), depth+1)
		if depth == 0 || before < p.place && p.place <= p.places {
			v.Set(reflect.Append(reflect.MakeSlice(v.Type(), 0, 1), one))
		}
	case v.Kind() == reflect.Map:
		before := p.places
		key, value := p.value(v.Type().Key(), depth+1), p.value(v.Type().Elem(), depth+1)
		if before < p.place && p.place <= p.places {
			made := reflect.MakeMap(v.Type())
			made.SetMapIndex(key, value)
			v.Set(made)
		}
	case v.Kind() == reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) (results []reflect.Value) {
			for i := range v.Type().NumOut() {
				results = append(results, reflect.Zero(v.Type().Out(i)))
			}
			return results
		}))
	}
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // texts always marshal
	return string(quoted)
}
