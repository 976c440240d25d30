package conformance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventModel = area{name: "Events/Model", behaviours: []behaviour{
	{"RandomStepsAgreeWithAModel", modelRandomSteps},
}}

// modelRandomSteps makes random steps and holds each result against a model in memory. The flag
// -rapid.checks sets how many sequences of steps there are.
func modelRandomSteps(t *test) {
	sequences := 0
	rapid.Check(t.T, func(rt *rapid.T) {
		sequences++
		m := newModel(t, rt, sequences)
		m.steps(t.store, 6)
		m.compare(t.store)
	})
}

// A model is what a repository should hold. Each sequence of steps has a type of its own, and starts with an empty queue.
type model struct {
	*test
	rt         *rapid.T
	eventType  string
	aggregates []driver.Aggregate
	ids        []uuid.UUID // few, so that some are taken
	contexts   []*uuid.UUID
	events     []driver.Event // by position
}

// marked is the ProcessedAt of an event that was marked: the database knows the time.
var marked = new(time.Time)

func newModel(t *test, rt *rapid.T, sequence int) *model {
	left := t.queue()
	if _, err := t.events.MarkMultipleAsProcessed(t.ctx, left); err != nil {
		rt.Fatal(err)
	}
	return &model{
		test:       t,
		rt:         rt,
		eventType:  fmt.Sprintf("model.n%d", sequence),
		aggregates: []driver.Aggregate{newAggregate(), newAggregate()},
		ids:        []uuid.UUID{newID(), newID(), newID(), newID()},
		contexts:   []*uuid.UUID{ptr(newID()), ptr(newID())},
	}
}

// steps makes up to so many random steps through store.
func (m *model) steps(store driver.Store, most int) {
	for range rapid.IntRange(1, most).Draw(m.rt, "number of steps") {
		step := rapid.SampledFrom(modelSteps).Draw(m.rt, "step")
		step.run(m, store)
	}
}

type modelStep struct {
	name string
	run  func(m *model, store driver.Store)
}

func (s modelStep) String() string { return s.name }

var modelSteps []modelStep

func init() { // not where it is declared: transaction leads back to it
	modelSteps = []modelStep{
		{"save", (*model).save},
		{"save batch", (*model).saveBatch},
		{"append", (*model).append},
		{"mark one", (*model).markOne},
		{"mark multiple", (*model).markMultiple},
		{"mark bulk", (*model).markBulk},
		{"lock and mark", (*model).lockAndMark},
		{"process", (*model).process},
		{"transaction", (*model).transaction},
		{"compare", (*model).compare},
	}
}

func (m *model) chance(label string) bool { return rapid.IntRange(0, 3).Draw(m.rt, label) == 0 }

// event is a random event, which may be refused.
func (m *model) event() driver.Event {
	event := newEvent()
	aggregate := rapid.SampledFrom(m.aggregates).Draw(m.rt, "aggregate")
	event.EventType, event.AggregateType, event.AggregateID = m.eventType, aggregate.Type, aggregate.ID
	event.AggregateVersion = rapid.SampledFrom([]int64{0, 0, 0, 0, 1, 2, 3, 6}).Draw(m.rt, "version")
	event.ContextID = rapid.SampledFrom(m.contexts).Draw(m.rt, "context")
	event.OccurredAt = time.Unix(rapid.Int64Range(0, 3).Draw(m.rt, "occurred at"), 0).UTC()
	if event.ID = newID(); m.chance("id from a few") {
		event.ID = rapid.SampledFrom(m.ids).Draw(m.rt, "id")
	}
	if m.chance("import") {
		event.ProcessedAt = ptr(time.Unix(1000, 0).UTC())
	}
	return event
}

func (m *model) find(id uuid.UUID) int {
	return slices.IndexFunc(m.events, func(e driver.Event) bool { return e.ID == id })
}

func (m *model) last(aggregate driver.Aggregate) (last int64) {
	for _, event := range m.events {
		if event.Aggregate() == aggregate {
			last = max(last, event.AggregateVersion)
		}
	}
	return last
}

func (m *model) queue() []driver.Event {
	return slices.DeleteFunc(slices.Clone(m.events), func(e driver.Event) bool { return e.ProcessedAt != nil })
}

// add stores events in the model one after the other and returns why they should be refused: any of these.
func (m *model) add(events []driver.Event) (refusals []error) {
	for _, event := range events {
		aggregate := event.Aggregate()
		if m.find(event.ID) >= 0 {
			refusals = append(refusals, driver.ErrAlreadyExists)
		}
		if event.AggregateVersion == 0 {
			event.AggregateVersion = m.last(aggregate) + 1
		}
		if slices.ContainsFunc(m.events, func(e driver.Event) bool {
			return e.Aggregate() == aggregate && e.AggregateVersion == event.AggregateVersion
		}) {
			refusals = append(refusals, driver.ErrVersionConflict)
		}
		m.events = append(m.events, event)
	}
	return refusals
}

// saved holds what a save returned against the model. refusals are why it may be refused, besides what is taken.
func (m *model) saved(given, got []driver.Event, err error, refusals ...error) {
	before := slices.Clone(m.events)
	refusals = append(refusals, m.add(given)...)
	if len(refusals) > 0 {
		m.events = before
		if !slices.ContainsFunc(refusals, func(kind error) bool { return errors.Is(err, kind) }) {
			m.rt.Fatalf("saving: got error %v, want one of %v", err, refusals)
		}
		return
	}
	if err != nil {
		m.rt.Fatalf("saving: unexpected error: %v", err)
	}
	if len(got) != len(given) {
		m.rt.Fatalf("saving: got %d events, want %d", len(got), len(given))
	}
	for i := range got {
		want := &m.events[len(before)+i]
		want.Position, want.CreatedAt = got[i].Position, got[i].CreatedAt
		m.same("event saved", got[i], *want)
	}
}

func (m *model) same(what string, got, want driver.Event) {
	if want.ProcessedAt == marked && got.ProcessedAt != nil {
		want.ProcessedAt = got.ProcessedAt
	}
	if diff := differences(got, want); diff != "" {
		m.rt.Fatalf("%s:%s", what, diff)
	}
}

func (m *model) sameAll(what string, got []driver.Event, err error, want []driver.Event) {
	if err != nil {
		m.rt.Fatalf("%s: unexpected error: %v", what, err)
	}
	if !slices.Equal(idsOf(got), idsOf(want)) {
		m.rt.Fatalf("%s: got the events %v, want %v", what, brief(idsOf(got)), brief(idsOf(want)))
	}
	for i := range got {
		m.same(what, got[i], want[i])
	}
}

func (m *model) save(store driver.Store) {
	given := m.event()
	got, err := store.Events().Save(m.ctx, given)
	m.saved([]driver.Event{given}, []driver.Event{got}, err)
}

func (m *model) batch() []driver.Event {
	events := make([]driver.Event, rapid.IntRange(0, 4).Draw(m.rt, "size"))
	for i := range events {
		events[i] = m.event()
	}
	return events
}

func (m *model) saveBatch(store driver.Store) {
	given := m.batch()
	got, err := store.Events().SaveBatch(m.ctx, given)
	m.saved(given, got, err)
}

func (m *model) append(store driver.Store) {
	given := m.batch()
	if len(given) == 0 {
		return
	}
	aggregate := rapid.SampledFrom(m.aggregates).Draw(m.rt, "aggregate")
	for i := range given {
		given[i].AggregateType, given[i].AggregateID, given[i].AggregateVersion = aggregate.Type, aggregate.ID, 0
	}
	last := m.last(aggregate)
	expected := rapid.SampledFrom([]int64{driver.AnyVersion, driver.NoEvents, last, last, last + 1}).Draw(m.rt, "expected version")
	got, err := store.Events().Append(m.ctx, aggregate, expected, given)
	if expected != driver.AnyVersion && expected != last {
		m.saved(given, got, err, driver.ErrVersionConflict)
	} else {
		m.saved(given, got, err)
	}
}

// someIDs are ids of events, in any order, some of them twice or unknown.
func (m *model) someIDs() []uuid.UUID {
	known := append(idsOf(m.events), m.ids...)
	return rapid.SliceOfN(rapid.SampledFrom(known), 0, 6).Draw(m.rt, "ids")
}

// mark marks events in the model and returns how many.
func (m *model) mark(ids []uuid.UUID) (n int) {
	for _, id := range ids {
		if i := m.find(id); i >= 0 && m.events[i].ProcessedAt == nil {
			m.events[i].ProcessedAt = marked
			n++
		}
	}
	return n
}

func (m *model) wantMarked(got int, err error, ids []uuid.UUID) {
	if want := m.mark(ids); err != nil || got != want {
		m.rt.Fatalf("marking: got %d and error %v, want %d", got, err, want)
	}
}

func (m *model) markOne(store driver.Store) {
	id := rapid.SampledFrom(append(idsOf(m.events), m.ids...)).Draw(m.rt, "id")
	got, err := store.Events().MarkAsProcessed(m.ctx, id)
	if want := m.mark([]uuid.UUID{id}) == 1; err != nil || got != want {
		m.rt.Fatalf("MarkAsProcessed: got %t and error %v, want %t", got, err, want)
	}
}

func (m *model) markMultiple(store driver.Store) {
	ids := m.someIDs()
	got, err := store.Events().MarkMultipleAsProcessed(m.ctx, ids)
	m.wantMarked(got, err, ids)
}

func (m *model) markBulk(store driver.Store) {
	ids := m.someIDs()
	got, err := store.Events().MarkMultipleAsProcessedBulk(m.ctx, ids, rapid.IntRange(0, 3).Draw(m.rt, "batch"))
	m.wantMarked(got, err, ids)
}

// inTx runs fn in a transaction that commits or rolls back by chance, and the model with it.
func (m *model) inTx(store driver.Store, fn func(tx driver.Store)) {
	before := slices.Clone(m.events)
	var verdict error
	if m.chance("rollback") {
		verdict = errUndo
	}
	err := store.InTx(m.ctx, func(tx driver.Store) error {
		fn(tx)
		return verdict
	})
	if !errors.Is(err, verdict) {
		m.rt.Fatalf("InTx: got error %v, want %v", err, verdict)
	}
	if verdict != nil {
		m.events = before
	}
}

func (m *model) transaction(store driver.Store) {
	m.inTx(store, func(tx driver.Store) { m.steps(tx, 3) })
}

func (m *model) lockAndMark(store driver.Store) {
	m.inTx(store, func(tx driver.Store) {
		opts := driver.LockOptions{Limit: rapid.IntRange(1, 3).Draw(m.rt, "limit"), SkipLocked: m.chance("skip locked")}
		want := m.queue()
		got, err := tx.Events().GetUnprocessedForUpdate(m.ctx, opts)
		m.sameAll("events locked", got, err, want[:min(len(want), opts.Limit)])
		done := idsOf(got[:rapid.IntRange(0, len(got)).Draw(m.rt, "done")])
		n, err := tx.Events().MarkMultipleAsProcessed(m.ctx, done)
		m.wantMarked(n, err, done)
	})
}

func (m *model) process(store driver.Store) {
	limit := rapid.IntRange(1, 3).Draw(m.rt, "limit")
	var done []uuid.UUID
	var verdict error
	got, err := store.Events().ProcessUnprocessed(m.ctx, driver.ProcessOptions{Limit: limit}, func(_ driver.Store, events []driver.Event) ([]uuid.UUID, error) {
		want := m.queue()
		m.sameAll("events to process", events, nil, want[:min(len(want), limit)])
		done = idsOf(events[:rapid.IntRange(0, len(events)).Draw(m.rt, "done")])
		if m.chance("rollback") {
			verdict = errUndo
		}
		return done, verdict
	})
	if verdict != nil {
		if got != 0 || !errors.Is(err, verdict) {
			m.rt.Fatalf("ProcessUnprocessed: got %d and error %v, want 0 and %v", got, err, verdict)
		}
		return
	}
	m.wantMarked(got, err, done)
}

// compare holds every read against the model.
func (m *model) compare(store driver.Store) {
	events := store.Events()
	queue := m.queue()
	got, err := events.GetUnprocessed(m.ctx, driver.MaxLimit)
	m.sameAll("GetUnprocessed", got, err, queue)
	waiting, err := events.CountUnprocessed(m.ctx)
	if err != nil || waiting != int64(len(queue)) {
		m.rt.Fatalf("CountUnprocessed: got %d and error %v, want %d", waiting, err, len(queue))
	}
	for _, aggregate := range m.aggregates {
		got, err := events.GetByAggregate(m.ctx, aggregate, driver.HistoryOptions{Limit: driver.MaxLimit})
		m.sameAll("GetByAggregate", got, err, m.selected(
			func(e driver.Event) bool { return e.Aggregate() == aggregate },
			func(a, b driver.Event) int { return int(a.AggregateVersion - b.AggregateVersion) },
		))
	}
	for _, context := range m.contexts {
		got, err := events.GetByContext(m.ctx, context, driver.MaxLimit)
		m.sameAll("GetByContext", got, err, m.selected(func(e driver.Event) bool { return *e.ContextID == *context }, newestFirst))
	}
	got, err = events.GetByType(m.ctx, m.eventType, driver.MaxLimit)
	m.sameAll("GetByType", got, err, m.selected(func(driver.Event) bool { return true }, newestFirst))
}

func newestFirst(a, b driver.Event) int {
	if c := b.OccurredAt.Compare(a.OccurredAt); c != 0 {
		return c
	}
	return int(b.Position - a.Position)
}

// selected returns the model's events that match, in an order.
func (m *model) selected(match func(driver.Event) bool, order func(a, b driver.Event) int) []driver.Event {
	events := slices.DeleteFunc(slices.Clone(m.events), func(e driver.Event) bool { return !match(e) })
	slices.SortFunc(events, order)
	return events
}
