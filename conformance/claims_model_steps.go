package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/driver"
)

// queueTypes are the types of the events of a queueModel.
var queueTypes = []string{"model.one", "model.two"}

// save saves a batch, which is refused if it has a version that is taken.
func (m *queueModel) save(store driver.Store) {
	given := make([]driver.Event, rapid.IntRange(1, 3).Draw(m.rt, "size"))
	want, taken := slices.Clone(m.events), false
	for i := range given {
		event := newEvent()
		aggregate := m.aggregates[rapid.IntRange(0, len(m.aggregates)-1).Draw(m.rt, "aggregate")]
		event.ID, event.AggregateType, event.AggregateID = newID(), aggregate.Type, aggregate.ID
		event.EventType = rapid.SampledFrom(queueTypes).Draw(m.rt, "type")
		event.AggregateVersion = rapid.SampledFrom([]int64{0, 0, 0, 0, 0, 9, 5, 3, 2, 1}).Draw(m.rt, "version")
		given[i] = event
		last := int64(0)
		for j := range want {
			if want[j].Aggregate() == aggregate {
				last = max(last, want[j].AggregateVersion)
				taken = taken || want[j].AggregateVersion == event.AggregateVersion
			}
		}
		if event.AggregateVersion == 0 {
			event.AggregateVersion = last + 1
		}
		m.names[event.ID] = fmt.Sprintf("e%d %s/v%d", len(m.names)+1, m.nameAggregate(aggregate), event.AggregateVersion)
		want = append(want, queueEvent{Event: event})
	}
	got, err := store.Events().SaveBatch(m.ctx, given)
	m.tell("save %s -> %s", m.list(idsOf(given)), m.outcome(err))
	if taken {
		if fault := faultOf(err, driver.ErrVersionConflict, "Events.SaveBatch"); fault != "" {
			m.fatal("%s", fault)
		}
		return
	}
	m.fine("SaveBatch", err)
	if len(got) != len(given) {
		m.fatal("SaveBatch: got %d events, want %d", len(got), len(given))
	}
	saved := want[len(m.events):]
	for i := range got {
		e := &saved[i].Event
		e.Position, e.CreatedAt, e.OccurredAt = got[i].Position, got[i].CreatedAt, got[i].OccurredAt
		m.same("SaveBatch", got[i], &saved[i])
	}
	m.events = want
	if m.open == 0 { // in a transaction it may be as of the start
		m.clock.tells(got[0].CreatedAt)
	}
}

// someClaims draws a few of the claims there were: mostly those that are valid, some of them twice,
// and stale ones.
func (m *queueModel) someClaims(most int) []driver.Claim {
	valid, all := []int{}, []int{}
	for i := range m.claims {
		if all = append(all, i); m.holding(m.claims[i]) != nil {
			valid = append(valid, i)
		}
	}
	for range 3 {
		all = append(valid, all...) // more often, and first when a failure is made smaller
	}
	if len(all) == 0 {
		return nil
	}
	var claims []driver.Claim
	for _, i := range rapid.SliceOfN(rapid.SampledFrom(all), 1, most).Draw(m.rt, "claims") {
		claims = append(claims, m.claims[i])
	}
	return claims
}

// holding returns the event that a claim is of while it is still the worker's, else nil.
func (m *queueModel) holding(claim driver.Claim) *queueEvent {
	if e := m.find(claim.Event.ID); e != nil && e.place == inQueue && e.token == claim.Token {
		return e
	}
	return nil
}

// wantLost fails unless the error tells those of the claims that are lost, each once. It returns
// the events of the others.
func (m *queueModel) wantLost(op string, err error, claims []driver.Claim) (held []*queueEvent) {
	type key struct{ token, id uuid.UUID }
	seen := map[key]bool{}
	var lost []uuid.UUID
	for _, claim := range claims {
		k := key{claim.Token, claim.Event.ID}
		if seen[k] {
			continue
		}
		seen[k] = true
		if e := m.holding(claim); e != nil {
			held = append(held, e)
		} else {
			lost = append(lost, k.id)
		}
	}
	if len(lost) == 0 {
		m.fine(op, err)
		return held
	}
	if fault := faultOf(err, driver.ErrLeaseLost, op); fault != "" {
		m.fatal("%s", fault)
	}
	var detail *driver.LeaseLostError
	if !errors.As(err, &detail) {
		m.fatal("%s: the error %v has no *driver.LeaseLostError", op, err)
	}
	if !slices.Equal(detail.EventIDs, lost) {
		m.fatal("%s: got %s lost, want %s", op, m.list(detail.EventIDs), m.list(lost))
	}
	return held
}

// claimTexts is claims with the numbers of their attempts.
func (m *queueModel) claimTexts(claims []driver.Claim) string {
	texts := make([]string, len(claims))
	for i, claim := range claims {
		texts[i] = fmt.Sprintf("%s (attempt %d)", m.name(claim.Event.ID), claim.Attempt)
		if m.holding(claim) == nil {
			texts[i] += " stale"
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (m *queueModel) ack(store driver.Store) {
	claims := m.someClaims(4)
	err := store.Events().Ack(m.ctx, claims)
	m.tell("ack %s -> %s", m.claimTexts(claims), m.outcome(err))
	held := m.wantLost("Events.Ack", err, claims)
	for _, e := range held {
		e.place = isProcessed // all, before what comes behind them is looked for
	}
	for _, e := range held {
		m.gone(e)
	}
}

func (m *queueModel) extend(store driver.Store) {
	claims := m.someClaims(4)
	err := store.Events().Extend(m.ctx, claims, driver.MaxLease)
	m.tell("extend %s -> %s", m.claimTexts(claims), m.outcome(err))
	for _, e := range m.wantLost("Events.Extend", err, claims) {
		e.over = false
	}
}

// expire lets leases end.
func (m *queueModel) expire(store driver.Store) {
	claims := m.someClaims(3)
	err := store.Events().Extend(m.ctx, claims, time.Millisecond)
	m.tell("expire %s -> %s", m.claimTexts(claims), m.outcome(err))
	m.end(store, m.wantLost("Events.Extend", err, claims))
}

// end waits until the database takes the leases of these events to be over.
func (m *queueModel) end(store driver.Store, events []*queueEvent) {
	for _, e := range events {
		e.over = true
	}
	want := m.leasedNow()
	m.waitUntil("the end of the leases", func() bool {
		n, err := store.Events().CountProcessing(m.ctx)
		m.fine("CountProcessing", err)
		return n <= want
	})
}

func (m *queueModel) release(store driver.Store) {
	claims := m.someClaims(3)
	err := store.Events().Release(m.ctx, claims)
	m.tell("release %s -> %s", m.claimTexts(claims), m.outcome(err))
	held := m.wantLost("Events.Release", err, claims)
	for _, e := range held[:len(held):len(held)] {
		for _, later := range m.later(e) {
			if !slices.Contains(held, later) {
				held = append(held, later)
			}
		}
	}
	m.giveBackUncounted(held...)
}

func (m *queueModel) retry(store driver.Store) {
	claims := m.someClaims(1)
	if len(claims) == 0 {
		return
	}
	after := rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(m.rt, "after")
	reason := fmt.Sprintf("retried at %d", len(m.clock.moments))
	m.lookAtClock(store)
	err := store.Events().Retry(m.ctx, claims[0], after, reason)
	m.tell("retry %s of %d after %s -> %s", m.claimTexts(claims), claims[0].MaxAttempts, after, m.outcome(err))
	for _, e := range m.wantLost("Events.Retry", err, claims) {
		m.giveBackUncounted(m.later(e)...)
		if claims[0].Attempt >= claims[0].MaxAttempts {
			m.die(e, reason)
			continue
		}
		m.giveBack(e)
		e.reason, e.since, e.parked, e.hidden = reason, m.clock.tick(), after > 0, false
	}
	m.lookAtClock(store)
}

func (m *queueModel) deadLetter(store driver.Store) {
	claims := m.someClaims(1)
	if len(claims) == 0 {
		return
	}
	reason := fmt.Sprintf("dead at %d", len(m.clock.moments))
	err := store.Events().DeadLetter(m.ctx, claims[0], reason)
	m.tell("dead-letter %s -> %s", m.claimTexts(claims), m.outcome(err))
	for _, e := range m.wantLost("Events.DeadLetter", err, claims) {
		m.giveBackUncounted(m.later(e)...)
		m.die(e, reason)
	}
}

// someEvents draws a few of the events, some of them twice.
func (m *queueModel) someEvents(most int) (ids []uuid.UUID) {
	if len(m.events) == 0 {
		return nil
	}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(m.events)-1), 1, most).Draw(m.rt, "events") {
		ids = append(ids, m.events[i].ID)
	}
	return ids
}

func (m *queueModel) mark(store driver.Store) {
	ids := m.someEvents(2)
	got, err := store.Events().MarkMultipleAsProcessed(m.ctx, ids)
	m.tell("mark %s -> %d", m.list(ids), got)
	m.fine("MarkMultipleAsProcessed", err)
	if want := m.markInModel(ids); got != want {
		m.fatal("MarkMultipleAsProcessed: got %d, want %d", got, want)
	}
}

func (m *queueModel) markInModel(ids []uuid.UUID) (n int) {
	for _, id := range ids {
		if e := m.find(id); e.place != isProcessed {
			m.gone(e)
			n++
		}
	}
	return n
}

func (m *queueModel) requeue(store driver.Store) {
	pool := m.in(isDead)
	if len(pool) == 0 || m.chance("no dead letter") {
		pool = m.in(inQueue)
	}
	if len(pool) == 0 {
		return
	}
	e := pool[rapid.IntRange(0, len(pool)-1).Draw(m.rt, "event")]
	m.lookAtClock(store)
	got, err := store.DeadLetters().Requeue(m.ctx, e.ID)
	m.tell("requeue %s -> %t", m.name(e.ID), got)
	m.fine("Requeue", err)
	if want := e.place == isDead; got != want {
		m.fatal("Requeue of %s: got %t, want %t", m.name(e.ID), got, want)
	}
	if got {
		e.backToQueue(m.clock.tick())
	}
	m.lookAtClock(store)
}

// backToQueue makes an event of a dead letter that has not been handed out.
func (e *queueEvent) backToQueue(moment int) {
	e.place, e.since, e.attempts, e.parked, e.hidden = inQueue, moment, 0, false, false
}

// someFilter draws a filter of dead letters. It returns what it selects, and a text.
func (m *queueModel) someFilter() (filter driver.DeadLetterFilter, selected []*queueEvent, text string) {
	switch rapid.IntRange(0, 2).Draw(m.rt, "filter") {
	case 1:
		aggregate := m.aggregates[rapid.IntRange(0, len(m.aggregates)-1).Draw(m.rt, "aggregate")]
		filter.Aggregate, text = &aggregate, " of "+m.nameAggregate(aggregate)
	case 2:
		filter.EventTypes, text = queueTypes[1:], " of "+queueTypes[1]
	}
	for _, e := range m.in(isDead) {
		if (filter.Aggregate == nil || e.Aggregate() == *filter.Aggregate) && (filter.EventTypes == nil || slices.Contains(filter.EventTypes, e.EventType)) {
			selected = append(selected, e)
		}
	}
	return filter, selected, text
}

func (m *queueModel) requeueAll(store driver.Store) {
	filter, selected, text := m.someFilter()
	m.lookAtClock(store)
	got, err := store.DeadLetters().RequeueAll(m.ctx, filter)
	m.tell("requeue all%s -> %d", text, got)
	m.fine("RequeueAll", err)
	if got != len(selected) {
		m.fatal("RequeueAll: got %d, want %d", got, len(selected))
	}
	moment := m.clock.tick()
	for _, e := range selected {
		e.backToQueue(moment)
	}
	m.lookAtClock(store)
}

func (m *queueModel) purge(store driver.Store) {
	filter, selected, text := m.someFilter()
	got, err := store.DeadLetters().Purge(m.ctx, filter)
	m.tell("purge%s -> %d", text, got)
	m.fine("Purge", err)
	if got != len(selected) {
		m.fatal("Purge: got %d, want %d", got, len(selected))
	}
	for _, e := range selected {
		m.gone(e)
	}
}

// lock locks events, in a transaction of its own, and marks some of them.
func (m *queueModel) lock(store driver.Store) {
	m.inTx(store, func(tx driver.Store) {
		opts := driver.LockOptions{Limit: rapid.IntRange(1, 5).Draw(m.rt, "limit"), SkipLocked: m.chance("skip locked")}
		events, err := tx.Events().GetUnprocessedForUpdate(m.ctx, opts)
		m.tell("lock limit %d -> %s", opts.Limit, m.list(idsOf(events)))
		m.fine("GetUnprocessedForUpdate", err)
		m.wantLocked(events, opts.Limit)
		done := idsOf(events[:rapid.IntRange(0, len(events)).Draw(m.rt, "done")])
		n, err := tx.Events().MarkMultipleAsProcessed(m.ctx, done)
		m.tell("mark %s -> %d", m.list(done), n)
		m.fine("MarkMultipleAsProcessed", err)
		if want := m.markInModel(done); n != want {
			m.fatal("MarkMultipleAsProcessed: got %d, want %d", n, want)
		}
	})
}

// wantLocked fails unless these are the first events that are ready, by position. Those held behind
// others of their aggregates may be left out.
func (m *queueModel) wantLocked(events []driver.Event, limit int) {
	ready := m.ready(driver.ClaimOptions{})
	var locked []*queueEvent
	for _, event := range events {
		e := m.find(event.ID)
		if e == nil || !slices.Contains(ready, e) {
			m.fatal("locked %s, want none but %s", m.name(event.ID), m.list(idsOfQueue(ready)))
		}
		m.same("GetUnprocessedForUpdate", event, e)
		locked = append(locked, e)
	}
	if !slices.IsSortedFunc(locked, func(a, b *queueEvent) int { return int(a.Position - b.Position) }) {
		m.fatal("locked in the order %s, want that of positions", m.list(idsOfQueue(locked)))
	}
	if !m.ordered {
		if want := min(limit, len(ready)); len(locked) != want {
			m.fatal("locked %s, want %d of %s", m.list(idsOfQueue(locked)), want, m.list(idsOfQueue(ready)))
		}
		m.wantFirst("GetUnprocessedForUpdate", locked, ready)
		return
	}
	for _, aggregate := range m.aggregates {
		run := m.run(aggregate, driver.ClaimOptions{})
		if len(run) > 0 && !run[0].hidden && len(locked) < limit && !slices.Contains(locked, run[0]) {
			m.fatal("locked %s, want %s, too", m.list(idsOfQueue(locked)), m.name(run[0].ID))
		}
	}
}

// inTx runs fn in a transaction that commits or rolls back by chance, and the model with it. What
// the model learned of the database's clock, and the claims that were returned, stay.
func (m *queueModel) inTx(store driver.Store, fn func(tx driver.Store)) {
	before := slices.Clone(m.events)
	ending, verdict := "commit", error(nil)
	if m.chance("rollback") {
		ending, verdict = "roll back", errUndo
	}
	m.tell("begin")
	m.open++
	err := store.InTx(m.ctx, func(tx driver.Store) error {
		fn(tx)
		return verdict
	})
	m.open--
	m.tell("%s", ending)
	if !errors.Is(err, verdict) {
		m.fatal("InTx: got error %v, want %v", err, verdict)
	}
	if verdict != nil {
		m.events = before
	}
	for i := range m.events {
		m.events[i].hidden = m.events[i].hidden && m.open > 0
	}
}

func (m *queueModel) transaction(store driver.Store) {
	m.inTx(store, func(tx driver.Store) {
		for range rapid.IntRange(1, 4).Draw(m.rt, "number of steps") {
			m.step(tx)
		}
	})
}
