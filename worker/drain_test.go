package worker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

func TestDrainGivesBackWhatNoHandlerHasBegun(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		name := map[bool]string{false: "in no order", true: "in order"}[ordered]
		bubble(t, name, func(t *testing.T) {
			events := someEvents(30)
			if ordered {
				events = history(30)
			}
			q := newQueue(events...)
			var handled atomic.Int64
			began := time.Now()
			err := workFor(t, 550*time.Millisecond, q, func(ctx context.Context, claim driver.Claim) error {
				handled.Add(1)
				time.Sleep(100 * time.Millisecond) // as work that takes time
				if ctx.Err() != nil {
					t.Error("the handler's context ended with that of Process")
				}
				return nil
			}, worker.Options{Concurrency: 1, PerAggregateOrder: ordered})
			if took := time.Since(began); err != nil || took != 600*time.Millisecond || handled.Load() != 6 {
				t.Errorf("got %d handled in %s, %v; want the 6th to end", handled.Load(), took, err)
			}
			for i, e := range q.entries {
				if want := map[bool]string{true: "acked", false: ""}[i < 6]; e.gone != want || e.leased() {
					t.Errorf("event %d: got %q, leased %t; want %q, not leased", i+1, e.gone, e.leased(), want)
				}
				if want := map[bool]int{true: 1, false: 0}[i < 6]; e.handed != want {
					t.Errorf("event %d: got %d attempts, want %d", i+1, e.handed, want)
				}
			}
			if q.calls["Release"] == 0 {
				t.Error("nothing was claimed ahead, so this shows nothing")
			}
		})
	}
}

func TestDrainTellsTheDatabaseHowRunningHandlersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(3)...)
		err := workFor(t, time.Second, q, func(_ context.Context, claim driver.Claim) error {
			time.Sleep(20 * time.Second)
			return []error{nil, errors.New("not now"), worker.DeadLetter(errors.New("never"))}[claim.Event.Position-1]
		}, worker.Options{})
		if err != nil {
			t.Errorf("got %v, want a clean drain", err)
		}
		q.expect(t, "acked", "waiting", "dead")
		if reason := q.entries[1].reason; reason != "not now" {
			t.Errorf("got reason %q", reason)
		}
	})
}

func TestDrainTimeoutCancelsHandlersAndGivesTheirEventsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := newQueue(someEvents(4)...), time.Now()
		var outcomes record
		err := workFor(t, time.Second, q, func(ctx context.Context, claim driver.Claim) error {
			<-ctx.Done()
			if took, cause := time.Since(began), context.Cause(ctx); took != 6*time.Second || !errors.Is(cause, worker.ErrDrainTimeout) {
				t.Errorf("the context ended after %s because of %v, want 6s and %v", took, cause, worker.ErrDrainTimeout)
			}
			if claim.Event.Position == 1 {
				return nil // it was done all the same
			}
			return ctx.Err()
		}, worker.Options{DrainTimeout: 5 * time.Second, Hooks: worker.Hooks{
			Handled: func(_ context.Context, _ driver.Claim, outcome worker.Outcome, _ error, _ time.Duration) {
				outcomes.add(string(outcome))
			},
		}})
		if !errors.Is(err, worker.ErrDrainTimeout) {
			t.Errorf("got %v, want %v", err, worker.ErrDrainTimeout)
		}
		q.expect(t, "acked", "waiting")
		outcomes.expect(t, map[string]int{"success": 1, "released": 3})
		for _, e := range q.entries[1:] {
			if e.handed != 0 {
				t.Errorf("got %d attempts of an event that was given back, want 0", e.handed)
			}
		}
	})
}

func TestHandlerThatIgnoresItsContextKeepsNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := newQueue(someEvents(1)...), time.Now()
		_ = workFor(t, time.Second, q, func(context.Context, driver.Claim) error {
			time.Sleep(time.Hour)
			q.mu.Lock()
			defer q.mu.Unlock()
			if until := q.entries[0].until.Sub(began); until > 11*time.Minute+time.Second {
				t.Errorf("the lease was extended until %s, want no more after the drain timeout", until)
			}
			return nil
		}, worker.Options{DrainTimeout: 10 * time.Minute})
		if took := time.Since(began); took != time.Hour {
			t.Errorf("Process returned after %s, want it to wait for the handler", took)
		}
	})
}
