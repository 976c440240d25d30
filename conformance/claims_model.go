package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

var claimModel = area{name: "Claims/Model", behaviours: []behaviour{
	{"RandomStepsAgreeWithAModel", claimModelRandomSteps},
}}

// claimModelRandomSteps makes random steps and holds each result, and all that can be read
// afterwards, against a model in memory. The flags -rapid.checks and -rapid.steps set how many
// sequences of steps there are, and how long they are.
func claimModelRandomSteps(t *test) {
	rapid.Check(t.T, func(rt *rapid.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience) // each sequence has its own
		defer cancel()
		m := newQueueModel(t, rt, ctx)
		rt.Repeat(map[string]func(*rapid.T){"step": func(*rapid.T) { m.step(m.store) }})
	})
}

// A queueModel is what the queue and the dead letters should hold. Each sequence of steps starts
// with both empty, and either all of its claims keep the order of aggregates or none does.
type queueModel struct {
	*test
	rt         *rapid.T
	ordered    bool
	aggregates []driver.Aggregate
	events     []queueEvent         // by position
	claims     []driver.Claim       // all that there were
	names      map[uuid.UUID]string // of events, for a person to read
	clock      queueClock
	open       int // transactions
}

// A queueEvent is an event, where it is, and what is known of it there.
type queueEvent struct {
	driver.Event
	place    queuePlace
	attempts int
	reason   string // of the last Retry or DeadLetter

	// In the queue: the moment since which it is due (0: it is fresh), or whether that is in an
	// hour. A dead letter: the moment at which it became one.
	since  int
	parked bool
	token  uuid.UUID // of the last lease, zero if it was given back
	over   bool      // that lease has ended
	// What it may have been held behind was given up: it may take driver.HoldInterval to be
	// noticed.
	hidden bool
}

type queuePlace int

const (
	inQueue queuePlace = iota
	isDead
	isProcessed
)

func (e *queueEvent) leased() bool { return e.token != uuid.Nil && !e.over }

func newQueueModel(t *test, rt *rapid.T, ctx context.Context) *queueModel {
	sequence := *t
	sequence.ctx = ctx
	m := &queueModel{test: &sequence, rt: rt, names: map[uuid.UUID]string{}}
	left, err := t.events.GetUnprocessed(ctx, driver.MaxLimit)
	m.fine("GetUnprocessed", err)
	_, err = t.events.MarkMultipleAsProcessed(ctx, idsOf(left))
	m.fine("MarkMultipleAsProcessed", err)
	_, err = t.store.DeadLetters().Purge(ctx, driver.DeadLetterFilter{})
	m.fine("Purge", err)
	m.ordered = rapid.Bool().Draw(rt, "ordered")
	for range 3 {
		m.aggregates = append(m.aggregates, newAggregate())
	}
	return m
}

// step makes one random step through store, and compares what there is afterwards.
func (m *queueModel) step(store driver.Store) {
	rapid.SampledFrom(queueSteps).Draw(m.rt, "step").run(m, store)
	m.compare(store)
}

type queueStep struct {
	name string
	run  func(m *queueModel, store driver.Store)
}

func (s queueStep) GoString() string { return s.name }

var queueSteps []queueStep

func init() { // not where it is declared: transaction leads back to it
	for _, step := range []struct {
		weight int
		queueStep
	}{
		{4, queueStep{"save", (*queueModel).save}},
		{5, queueStep{"claim", (*queueModel).claim}},
		{3, queueStep{"ack", (*queueModel).ack}},
		{3, queueStep{"retry", (*queueModel).retry}},
		{2, queueStep{"release", (*queueModel).release}},
		{2, queueStep{"expire", (*queueModel).expire}},
		{1, queueStep{"extend", (*queueModel).extend}},
		{2, queueStep{"dead-letter", (*queueModel).deadLetter}},
		{1, queueStep{"mark", (*queueModel).mark}},
		{2, queueStep{"requeue", (*queueModel).requeue}},
		{1, queueStep{"requeue all", (*queueModel).requeueAll}},
		{1, queueStep{"purge", (*queueModel).purge}},
		{1, queueStep{"lock", (*queueModel).lock}},
		{2, queueStep{"transaction", (*queueModel).transaction}},
	} {
		queueSteps = append(queueSteps, slices.Repeat([]queueStep{step.queueStep}, step.weight)...)
	}
}

func (m *queueModel) chance(label string) bool { return rapid.IntRange(0, 3).Draw(m.rt, label) == 3 }

// fatal ends the sequence. No id or time may be in what it says: to make a failure smaller takes
// the same words again.
func (m *queueModel) fatal(format string, args ...any) {
	m.rt.Helper()
	m.rt.Fatalf(format, args...)
}

func (m *queueModel) fine(what string, err error) {
	m.rt.Helper()
	if err != nil {
		m.fatal("%s: unexpected error: %v", what, err)
	}
}

// tell writes one line of the trace that a failure shows, between the lines that tell what was
// drawn.
func (m *queueModel) tell(format string, args ...any) {
	m.rt.Helper()
	m.rt.Logf("* "+format, args...)
}

// name is an event for a person to read: its number, its aggregate and its version.
func (m *queueModel) name(id uuid.UUID) string {
	if name, known := m.names[id]; known {
		return name
	}
	return "an unknown event"
}

func (m *queueModel) list(ids []uuid.UUID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = m.name(id)
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (m *queueModel) nameAggregate(a driver.Aggregate) string {
	return string(rune('a' + slices.Index(m.aggregates, a)))
}

// outcome is an error for the trace.
func (m *queueModel) outcome(err error) string {
	var lost *driver.LeaseLostError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &lost):
		return "lost " + m.list(lost.EventIDs)
	}
	return err.Error()
}

func (m *queueModel) find(id uuid.UUID) *queueEvent {
	if i := slices.IndexFunc(m.events, func(e queueEvent) bool { return e.ID == id }); i >= 0 {
		return &m.events[i]
	}
	return nil
}

// in returns the events that are in a place, by position.
func (m *queueModel) in(place queuePlace) (events []*queueEvent) {
	for i := range m.events {
		if m.events[i].place == place {
			events = append(events, &m.events[i])
		}
	}
	return events
}

// queueOfAggregate returns the events of an aggregate in the queue, by version.
func (m *queueModel) queueOfAggregate(aggregate driver.Aggregate) []*queueEvent {
	events := slices.DeleteFunc(m.in(inQueue), func(e *queueEvent) bool { return e.Aggregate() != aggregate })
	slices.SortFunc(events, func(a, b *queueEvent) int { return int(a.AggregateVersion - b.AggregateVersion) })
	return events
}

// behind returns the event of the same aggregate that comes next in the queue, or nil.
func (m *queueModel) behind(e *queueEvent) *queueEvent {
	for _, other := range m.queueOfAggregate(e.Aggregate()) {
		if other.AggregateVersion > e.AggregateVersion {
			return other
		}
	}
	return nil
}

func idsOfQueue(events []*queueEvent) []uuid.UUID {
	ids := make([]uuid.UUID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

// gone takes an event out of the queue, or from the dead letters. What was held behind it comes at
// once, but for a transaction: once it has committed.
func (m *queueModel) gone(e *queueEvent) {
	e.place = isProcessed
	if next := m.behind(e); next != nil {
		next.hidden = m.open > 0
	}
}

// giveBack takes a lease from an event. What it was before it was claimed it is again.
func (m *queueModel) giveBack(e *queueEvent) { e.token, e.over = uuid.Nil, false }

// giveBackUncounted gives events back as if they had not been claimed.
func (m *queueModel) giveBackUncounted(events ...*queueEvent) {
	for _, e := range events {
		m.giveBack(e)
		e.attempts--
	}
}

// later returns the later events of the same aggregate under the same token, in order only.
func (m *queueModel) later(e *queueEvent) []*queueEvent {
	if !m.ordered {
		return nil
	}
	return slices.DeleteFunc(m.queueOfAggregate(e.Aggregate()), func(other *queueEvent) bool {
		return other.token != e.token || other.AggregateVersion <= e.AggregateVersion
	})
}

func (m *queueModel) die(e *queueEvent, reason string) {
	m.giveBack(e)
	e.place, e.reason, e.since = isDead, reason, m.clock.tick()
}

func (m *queueModel) leasedNow() (n int64) {
	for _, e := range m.in(inQueue) {
		if e.leased() {
			n++
		}
	}
	return n
}

// compare holds every read against the model.
func (m *queueModel) compare(store driver.Store) {
	events, queue := store.Events(), m.in(inQueue)
	got, err := events.GetUnprocessed(m.ctx, driver.MaxLimit)
	m.fine("GetUnprocessed", err)
	if ids := idsOf(got); !slices.Equal(ids, idsOfQueue(queue)) {
		m.fatal("GetUnprocessed: got %s, want %s", m.list(ids), m.list(idsOfQueue(queue)))
	}
	for i := range got {
		m.same("GetUnprocessed", got[i], queue[i])
	}
	leased := m.leasedNow()
	n, err := events.CountProcessing(m.ctx)
	m.fine("CountProcessing", err)
	if n != leased {
		m.fatal("CountProcessing: got %d, want %d", n, leased)
	}
	n, err = events.CountUnprocessed(m.ctx)
	m.fine("CountUnprocessed", err)
	if want := int64(len(queue)) - leased; n != want {
		m.fatal("CountUnprocessed: got %d, want %d", n, want)
	}
	m.compareDead(store)
	for i := range m.events {
		got, err := events.GetByID(m.ctx, m.events[i].ID)
		m.fine("GetByID", err)
		if want := m.events[i].place == isProcessed; (got.ProcessedAt != nil) != want {
			m.fatal("GetByID of %s: got a ProcessedAt: %t, want %t", m.name(got.ID), !want, want)
		}
	}
}

func (m *queueModel) same(what string, got driver.Event, want *queueEvent) {
	if diff := differences(got, want.Event); diff != "" {
		m.fatal("%s: %s:%s", what, m.name(got.ID), diff)
	}
}

func (m *queueModel) letters(store driver.Store) []driver.DeadLetter {
	letters, err := store.DeadLetters().List(m.ctx, driver.DeadLetterFilter{}, driver.MaxLimit)
	m.fine("DeadLetters.List", err)
	return letters
}

func (m *queueModel) compareDead(store driver.Store) {
	want := m.in(isDead)
	n, err := store.DeadLetters().Count(m.ctx, driver.DeadLetterFilter{})
	m.fine("DeadLetters.Count", err)
	got := m.letters(store)
	if n != int64(len(want)) || len(got) != len(want) {
		m.fatal("dead letters: got %s, counted %d, want %s", m.list(letterIDs(got)), n, m.list(idsOfQueue(want)))
	}
	for i, letter := range got {
		e := m.find(letter.Event.ID)
		if e == nil || e.place != isDead {
			m.fatal("dead letters: got %s, want %s", m.list(letterIDs(got)), m.list(idsOfQueue(want)))
		}
		m.same("DeadLetters.List", letter.Event, e)
		if letter.Attempts != e.attempts || letter.Reason != e.reason {
			m.fatal("dead letter %s: got %d attempts and the reason %q, want %d and %q", m.name(e.ID), letter.Attempts, letter.Reason, e.attempts, e.reason)
		}
		if i == 0 {
			continue
		}
		newer := got[i-1]
		c := newer.DeadAt.Compare(letter.DeadAt)
		if c < 0 || c == 0 && newer.Event.Position < letter.Event.Position || c > 0 && m.find(newer.Event.ID).since < e.since {
			m.fatal("dead letters: got %s before %s, want the newest first", m.name(newer.Event.ID), m.name(e.ID))
		}
	}
}

// waitUntil asks again and again, and fails in the end.
func (m *queueModel) waitUntil(what string, done func() bool) {
	const most = patience / 8 // to make a failure smaller takes it many times
	hangs := time.After(most)
	for pause := time.Millisecond; !done(); pause = min(2*pause, 100*time.Millisecond) {
		select {
		case <-time.After(pause): // only to leave the machine to others
		case <-hangs:
			m.fatal("%s: has not happened", what)
		}
	}
}
