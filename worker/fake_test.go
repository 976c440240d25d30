package worker_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// queue is a driver.Store whose queue is in memory, and can be made to fail. What the worker does not
// use panics.
type queue struct {
	driver.Store
	driver.EventRepository

	mu      sync.Mutex
	entries []*entry
	byID    map[uuid.UUID]*entry
	changed chan struct{} // closed and made anew with each change
	calls   map[string]int
	claimed []int // the limits that Claim was asked for
	acked   []int // how many events each Ack was given
	// fails is asked before each call; after, once it took effect.
	fails, failsAfter func(op string, call int) error
}

// entry is an event in the queue, and its past.
type entry struct {
	event   driver.Event
	token   uuid.UUID
	until   time.Time // of the lease
	due     time.Time
	handed  int // attempts
	acks    int
	extends int
	gone    string // why it is not in the queue
	reason  string
}

func newQueue(events ...driver.Event) *queue {
	q := &queue{byID: map[uuid.UUID]*entry{}, calls: map[string]int{}, changed: make(chan struct{})}
	q.add(events...)
	return q
}

func (q *queue) Schema() string                 { return "tenant_test" }
func (q *queue) Events() driver.EventRepository { return q }
func (q *queue) InTx(_ context.Context, fn func(driver.Store) error, _ ...driver.TxOption) error {
	return fn(q)
}

func (q *queue) add(events ...driver.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, event := range events {
		event.Position = int64(len(q.entries) + 1)
		e := &entry{event: event}
		q.entries, q.byID[event.ID] = append(q.entries, e), e
	}
	q.wake()
}

func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// enter begins a call; the function that it returns ends it.
func (q *queue) enter(op string) (leave func(err error) error, err error) {
	q.mu.Lock()
	q.calls[op]++
	call := q.calls[op]
	if q.fails != nil {
		if err := q.fails(op, call); err != nil {
			q.mu.Unlock()
			return nil, err
		}
	}
	return func(err error) error {
		if op != "Claim" && op != "Extend" {
			q.wake()
		}
		q.mu.Unlock()
		if err == nil && q.failsAfter != nil {
			err = q.failsAfter(op, call)
		}
		return err
	}, nil
}

func (q *queue) Claim(_ context.Context, opts driver.ClaimOptions) (claims []driver.Claim, err error) {
	leave, err := q.enter("Claim")
	if err != nil {
		return nil, err
	}
	q.claimed = append(q.claimed, opts.Limit)
	token, blocked := uuid.New(), map[driver.Aggregate]bool{}
	for _, e := range slices.SortedFunc(slices.Values(q.entries), byVersion) {
		aggregate := e.event.Aggregate()
		switch {
		case e.gone == "acked":
		case len(claims) == opts.Limit || e.gone != "" || e.leased() || time.Now().Before(e.due):
			blocked[aggregate] = true
		case opts.PerAggregateOrder && blocked[aggregate]:
		default:
			e.token, e.until = token, time.Now().Add(opts.Lease)
			e.handed++
			claims = append(claims, driver.Claim{
				Event: e.event, Token: token, Attempt: e.handed, LeaseUntil: e.until,
				MaxAttempts: opts.MaxAttempts, PerAggregateOrder: opts.PerAggregateOrder,
			})
		}
	}
	slices.SortFunc(claims, func(a, b driver.Claim) int { return cmp.Compare(a.Event.Position, b.Event.Position) })
	return claims, leave(nil)
}

func byVersion(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.event.AggregateVersion, b.event.AggregateVersion), cmp.Compare(a.event.Position, b.event.Position))
}

func (e *entry) leased() bool { return e.gone == "" && time.Now().Before(e.until) }

// each does something to the entries of claims that are still theirs, and reports the others.
func (q *queue) each(op string, claims []driver.Claim, do func(*entry)) error {
	leave, err := q.enter(op)
	if err != nil {
		return err
	}
	var lost []uuid.UUID
	for _, claim := range claims {
		if e := q.byID[claim.Event.ID]; e != nil && e.token == claim.Token && e.gone == "" {
			do(e)
		} else {
			lost = append(lost, claim.Event.ID)
		}
	}
	if lost == nil {
		return leave(nil)
	}
	return leave(driver.Fail("Events."+op, "tenant_test", "event", "", &driver.LeaseLostError{EventIDs: lost}))
}

// later gives back the later events of an aggregate.
func (q *queue) later(claim driver.Claim) {
	for _, e := range q.entries {
		if claim.PerAggregateOrder && e.token == claim.Token && e.event.Aggregate() == claim.Event.Aggregate() &&
			e.event.AggregateVersion > claim.Event.AggregateVersion {
			e.release()
		}
	}
}

func (e *entry) release() {
	e.token, e.until = uuid.Nil, time.Time{}
	e.handed--
}

func (q *queue) Ack(_ context.Context, claims []driver.Claim) error {
	err := q.each("Ack", claims, func(e *entry) { e.acks, e.gone = e.acks+1, "acked" })
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acked = append(q.acked, len(claims))
	return err
}

func (q *queue) Retry(_ context.Context, claim driver.Claim, after time.Duration, reason string) error {
	return q.each("Retry", []driver.Claim{claim}, func(e *entry) {
		e.token, e.until, e.due, e.reason = uuid.Nil, time.Time{}, time.Now().Add(after), reason
		if claim.Attempt >= claim.MaxAttempts {
			e.gone = "dead"
		}
		q.later(claim)
	})
}

func (q *queue) DeadLetter(_ context.Context, claim driver.Claim, reason string) error {
	return q.each("DeadLetter", []driver.Claim{claim}, func(e *entry) {
		e.gone, e.reason = "dead", reason
		q.later(claim)
	})
}

func (q *queue) Extend(_ context.Context, claims []driver.Claim, lease time.Duration) error {
	return q.each("Extend", claims, func(e *entry) { e.extends, e.until = e.extends+1, time.Now().Add(lease) })
}

func (q *queue) Release(_ context.Context, claims []driver.Claim) error {
	return q.each("Release", claims, func(e *entry) { e.release() })
}

func (q *queue) Wait(ctx context.Context) error {
	q.mu.Lock()
	q.calls["Wait"]++
	if q.fails != nil {
		if err := q.fails("Wait", q.calls["Wait"]); err != nil {
			q.mu.Unlock()
			return err
		}
	}
	changed, next := q.changed, time.Hour
	for _, e := range q.entries {
		if e.gone == "" {
			next = min(next, max(0, time.Until(e.due), time.Until(e.until)))
		}
	}
	q.mu.Unlock()
	select {
	case <-changed:
		return nil
	case <-time.After(next):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// steal hands an event to another worker.
func (q *queue) steal(id uuid.UUID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.byID[id]
	e.token, e.until = uuid.New(), time.Now().Add(24*time.Hour)
}

// expect compares what became of the events with what should have: "acked", "dead", "waiting" or
// "leased". The last one is for all that follow, too.
func (q *queue) expect(t *testing.T, want ...string) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range q.entries {
		got := e.gone
		switch {
		case got == "" && e.leased():
			got = "leased"
		case got == "":
			got = "waiting"
		}
		if w := want[min(i, len(want)-1)]; got != w {
			t.Errorf("event %d: got %s, want %s", i+1, got, w)
		}
		if e.acks > 1 {
			t.Errorf("event %d: acknowledged %d times", i+1, e.acks)
		}
	}
}

// someEvents returns events of as many aggregates.
func someEvents(n int) []driver.Event {
	events := make([]driver.Event, n)
	for i := range events {
		events[i] = driver.Event{ID: uuid.New(), EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(), AggregateVersion: 1}
	}
	return events
}

// history returns events of one aggregate.
func history(n int) []driver.Event {
	events, id := someEvents(n), uuid.New()
	for i := range events {
		events[i].AggregateID, events[i].AggregateVersion = id, int64(i+1)
	}
	return events
}

// failOnce fails the first call of op.
func failOnce(op string, err error) func(string, int) error {
	return func(called string, call int) error {
		if called == op && call == 1 {
			return err
		}
		return nil
	}
}

func unavailable(unknown bool) error {
	return driver.Fail("Events", "tenant_test", "event", "", &driver.UnavailableError{CommitUnknown: unknown, Err: errors.New("connection reset")})
}

// record counts what hooks and handlers are told.
type record struct {
	mu    sync.Mutex
	count map[string]int
	order []string
}

func (r *record) add(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[string]int{}
	}
	r.count[what]++
	r.order = append(r.order, what)
}

func (r *record) expect(t *testing.T, want map[string]int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !maps.Equal(r.count, want) {
		t.Errorf("got %v, want %v", r.count, want)
	}
}
