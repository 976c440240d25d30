package worker_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

var inOrder = worker.Options{PerAggregateOrder: true}

// histories notes which versions of each aggregate were handled, and that no two are at a time.
type histories struct {
	mu       sync.Mutex
	versions map[uuid.UUID][]int64
	running  map[uuid.UUID]bool
}

func newHistories() *histories {
	return &histories{versions: map[uuid.UUID][]int64{}, running: map[uuid.UUID]bool{}}
}

func (h *histories) begin(t *testing.T, event driver.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[event.AggregateID] {
		t.Errorf("version %d of %s is handled while another one is", event.AggregateVersion, event.AggregateID)
	}
	h.running[event.AggregateID] = true
	h.versions[event.AggregateID] = append(h.versions[event.AggregateID], event.AggregateVersion)
}

func (h *histories) end(event driver.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[event.AggregateID] = false
}

// expect compares what was handled with the versions from 1 to last, each once, in this order.
func (h *histories) expect(t *testing.T, aggregates int, last int64) {
	t.Helper()
	var want []int64
	for version := range last {
		want = append(want, version+1)
	}
	if len(h.versions) != aggregates {
		t.Errorf("got %d aggregates, want %d", len(h.versions), aggregates)
	}
	for id, got := range h.versions {
		if !slices.Equal(got, want) {
			t.Errorf("%s: got versions %v, want %v", id, got, want)
		}
	}
}

func TestEventsOfAnAggregateAreHandledInOrderOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []driver.Event
		for range 20 {
			events = append(events, history(50)...)
		}
		rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		q, seen := newQueue(events...), newHistories()
		handler := func(_ context.Context, claim driver.Claim) error {
			seen.begin(t, claim.Event)
			defer seen.end(claim.Event)
			time.Sleep(rand.N(10 * time.Millisecond)) // as work that takes time
			return nil
		}
		opts := worker.Options{PerAggregateOrder: true, Batch: 30}
		other := make(chan error, 1)
		go func() { other <- work(t, q, handler, opts) }()
		if err := errors.Join(work(t, q, handler, opts), <-other); err != nil {
			t.Error(err)
		}
		q.expect(t, "acked")
		seen.expect(t, 20, 50)
	})
}

func TestAggregatesAreHandledAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := newQueue(slices.Concat(history(10), history(10), history(10))...), time.Now()
		var last atomic.Int64
		err := work(t, q, func(context.Context, driver.Claim) error {
			time.Sleep(time.Second) // as work that takes time
			last.Store(int64(time.Since(began)))
			return nil
		}, inOrder)
		if took := time.Duration(last.Load()); err != nil || took > 11*time.Second {
			t.Errorf("got done after %s, %v; want 10s, and not 30s", took, err)
		}
		q.expect(t, "acked")
	})
}

func TestFailureHoldsBackTheLaterEventsOfItsAggregateOnly(t *testing.T) {
	for name, fail := range map[string]func(error) error{
		"retry":       func(err error) error { return err },
		"dead letter": worker.DeadLetter,
	} {
		bubble(t, name, func(t *testing.T) {
			q := newQueue(slices.Concat(history(4), history(2))...)
			var order record
			hooks := worker.Hooks{Error: func(op string, err error) { t.Errorf("%s: %v", op, err) }}
			err := work(t, q, func(_ context.Context, claim driver.Claim) error {
				order.add(fmt.Sprint(claim.Event.Position, " attempt ", claim.Attempt))
				if claim.Event.Position == 2 && claim.Attempt == 1 {
					return fail(errors.New("not now"))
				}
				return nil
			}, worker.Options{PerAggregateOrder: true, Hooks: hooks, Backoff: driver.Backoff{Base: time.Minute}})
			if err != nil {
				t.Error(err)
			}
			want := map[string]int{"1 attempt 1": 1, "2 attempt 1": 1, "5 attempt 1": 1, "6 attempt 1": 1}
			if name == "dead letter" {
				q.expect(t, "acked", "dead", "waiting", "waiting", "acked", "acked")
			} else {
				want["2 attempt 2"], want["3 attempt 1"], want["4 attempt 1"] = 1, 1, 1
				q.expect(t, "acked")
			}
			order.expect(t, want)
		})
	}
}

// The lease of the first event is lost to another worker; the database may still have the others
// leased to this one.
func TestLostLeaseGivesBackTheLaterEventsOfItsAggregate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(history(3)...)
		var order record
		err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
			order.add(fmt.Sprint(claim.Event.Position))
			if claim.Event.Position == 1 {
				q.steal(claim.Event.ID)
				<-ctx.Done()
			}
			return nil
		}, inOrder)
		if err != nil {
			t.Error(err)
		}
		q.expect(t, "leased", "waiting", "waiting")
		order.expect(t, map[string]int{"1": 1})
	})
}

func TestRetryOfALostLeaseGivesBackTheLaterEventsOfItsAggregate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(history(3)...)
		var order record
		err := work(t, q, func(_ context.Context, claim driver.Claim) error {
			order.add(fmt.Sprint(claim.Event.Position))
			q.steal(claim.Event.ID)
			return errors.New("not now")
		}, inOrder)
		if err != nil {
			t.Error(err)
		}
		q.expect(t, "leased", "waiting", "waiting")
		order.expect(t, map[string]int{"1": 1})
	})
}

// Once a handler has acknowledged its event, the next one can be claimed while it still runs.
func TestNextEventOfAnAggregateWaitsForAHandlerThatAcknowledgedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(history(5)...), newHistories()
		err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
			seen.begin(t, claim.Event)
			defer seen.end(claim.Event)
			if err := q.Ack(ctx, []driver.Claim{claim}); err != nil {
				return err
			}
			time.Sleep(time.Minute) // as work that takes time
			return worker.Done
		}, worker.Options{PerAggregateOrder: true, Batch: 1})
		if err != nil {
			t.Error(err)
		}
		q.expect(t, "acked")
		seen.expect(t, 1, 5)
	})
}

func TestEventIsNotHandledAgainWhileItsLastHandlerStillRunsHere(t *testing.T) {
	away := func(op string, _ int) error {
		if op == "Extend" {
			return unavailable(false)
		}
		return nil
	}
	for name, fails := range map[string]func(string, int) error{
		// The lease is lost without a detail that says which.
		"the lease is lost": failOnce("Extend", driver.Fail("Events.Extend", "", "event", "", &driver.Error{Kind: driver.ErrLeaseLost})),
		// Claim hands the event out again, because its lease ended.
		"the lease can't be extended": away,
	} {
		bubble(t, name, func(t *testing.T) {
			q, seen := newQueue(someEvents(1)...), newHistories()
			q.fails = fails
			err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
				seen.begin(t, claim.Event)
				defer seen.end(claim.Event)
				if claim.Attempt == 1 {
					<-ctx.Done()
					if cause := context.Cause(ctx); !errors.Is(cause, driver.ErrLeaseLost) {
						t.Errorf("cause: got %v, want %v", cause, driver.ErrLeaseLost)
					}
					time.Sleep(10 * time.Second) // takes its time to heed its context
				}
				return nil
			}, worker.Options{})
			if err != nil {
				t.Error(err)
			}
			q.expect(t, "acked")
			if got := seen.versions[q.entries[0].event.AggregateID]; len(got) != 2 {
				t.Errorf("got handled %d times, want 2", len(got))
			}
		})
	}
}
