package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

// The tests in this file run in bubbles of package synctest: time is the bubble's, passes only while
// everything waits, and the test fails if a goroutine is left behind.

// work processes for an hour of the bubble.
func work(t *testing.T, q *queue, handler worker.Handler, opts worker.Options) error {
	t.Helper()
	return workFor(t, time.Hour, q, handler, opts)
}

func workFor(t *testing.T, period time.Duration, q *queue, handler worker.Handler, opts worker.Options) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), period)
	defer cancel()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return worker.Process(ctx, q, handler, opts)
}

func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func succeed(context.Context, driver.Claim) error { return nil }

func TestEachEventIsHandledAndAcknowledgedOnce(t *testing.T) {
	for _, concurrency := range []int{1, 3, 50} {
		bubble(t, fmt.Sprint(concurrency), func(t *testing.T) {
			q := newQueue(someEvents(1000)...)
			var mu sync.Mutex
			running, most, handled := 0, 0, 0
			count := func(by int) {
				mu.Lock()
				defer mu.Unlock()
				running += by
				most, handled = max(most, running), handled+max(0, by)
			}
			handler := func(context.Context, driver.Claim) error {
				count(1)
				defer count(-1)
				time.Sleep(time.Millisecond) // as work that takes time
				return nil
			}
			if err := work(t, q, handler, worker.Options{Concurrency: concurrency}); err != nil {
				t.Errorf("got %v, want a clean drain", err)
			}
			q.expect(t, "acked")
			if handled != 1000 || most != concurrency {
				t.Errorf("got %d handled, at most %d at a time, want 1000 and %d", handled, most, concurrency)
			}
		})
	}
}

func TestEventsThatAreSavedLaterAreHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		go func() {
			for _, event := range someEvents(10) {
				time.Sleep(time.Second)
				q.add(event)
			}
		}()
		var late []time.Duration
		began, handled := time.Now(), 0
		err := work(t, q, func(context.Context, driver.Claim) error {
			handled++
			late = append(late, time.Since(began)-time.Duration(handled)*time.Second)
			return nil
		}, worker.Options{Concurrency: 1})
		if err != nil || handled != 10 || slices.Max(late) > 0 {
			t.Errorf("got %d handled, %v late, %v; want 10, each at once", handled, late, err)
		}
		q.expect(t, "acked")
	})
}

func TestAcknowledgementsGoTogetherUnlessTheWorkerIsIdle(t *testing.T) {
	bubble(t, "many", func(t *testing.T) {
		q := newQueue(someEvents(3000)...)
		if err := work(t, q, succeed, worker.Options{}); err != nil {
			t.Error(err)
		}
		q.expect(t, "acked")
		if q.calls["Ack"] > 150 {
			t.Errorf("got %d calls of Ack for 3,000 events, want batches", q.calls["Ack"])
		}
	})
	bubble(t, "one", func(t *testing.T) {
		q, began := newQueue(someEvents(1)...), time.Now()
		var took time.Duration = -1
		hooks := worker.Hooks{Acked: func(int, time.Duration) { took = time.Since(began) }}
		if err := work(t, q, succeed, worker.Options{Hooks: hooks}); err != nil || took != 0 {
			t.Errorf("got acknowledged after %s, %v; want at once", took, err)
		}
	})
}

func TestSlowHandlersHaveNothingClaimedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(100)...)
		handler := func(_ context.Context, claim driver.Claim) error {
			if waited := time.Since(claim.LeaseUntil.Add(-driver.DefaultLease)); waited > 0 {
				t.Errorf("event %d was claimed %s before its handler began", claim.Event.Position, waited)
			}
			time.Sleep(10 * time.Second)
			return nil
		}
		if err := work(t, q, handler, worker.Options{Concurrency: 4}); err != nil {
			t.Error(err)
		}
		q.expect(t, "acked")
	})
}

func TestFastHandlersHaveBatchesClaimedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(3000)...)
		if err := work(t, q, succeed, worker.Options{Batch: 250}); err != nil {
			t.Error(err)
		}
		if got := slices.Max(q.claimed); got != 250 {
			t.Errorf("got at most %d claimed at a time, want 250", got)
		}
		if q.calls["Claim"] > 60 {
			t.Errorf("got %d calls of Claim for 3,000 events, want batches", q.calls["Claim"])
		}
	})
}

// With EventTypes, Wait may tell of events that Claim does not return.
func TestWaitThatReturnsForNothingMakesNoHotLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		hasty := &hastyQueue{q}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := worker.Process(ctx, hasty, succeed, worker.Options{}); err != nil {
			t.Error(err)
		}
		if calls := q.calls["Claim"]; calls < 100 || calls > 400 {
			t.Errorf("got %d calls of Claim in a minute, want a few per second", calls)
		}
	})
}

// hastyQueue has a Wait that never waits.
type hastyQueue struct{ *queue }

func (h *hastyQueue) Events() driver.EventRepository { return h }
func (h *hastyQueue) Wait(ctx context.Context) error { return ctx.Err() }

func TestErrorIsRetriedWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(20)...)
		var outcomes record
		opts := worker.Options{
			Backoff: driver.Backoff{Base: time.Second},
			Hooks: worker.Hooks{Handled: func(_ context.Context, _ driver.Claim, outcome worker.Outcome, _ error, _ time.Duration) {
				outcomes.add(string(outcome))
			}},
		}
		err := work(t, q, func(_ context.Context, claim driver.Claim) error {
			if claim.Attempt < 3 {
				return fmt.Errorf("attempt %d failed", claim.Attempt)
			}
			return nil
		}, opts)
		if err != nil {
			t.Error(err)
		}
		q.expect(t, "acked")
		outcomes.expect(t, map[string]int{"retry": 40, "success": 20})
		for i, e := range q.entries {
			if e.handed != 3 || e.reason != "attempt 2 failed" {
				t.Errorf("event %d: got %d attempts, reason %q", i+1, e.handed, e.reason)
			}
		}
	})
}

func TestRetryAfterSaysWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := newQueue(someEvents(1)...), time.Now()
		var at []time.Duration
		err := work(t, q, func(context.Context, driver.Claim) error {
			at = append(at, time.Since(began))
			if len(at) == 1 {
				return worker.RetryAfter(errors.New("try tomorrow"), 17*time.Minute)
			}
			return nil
		}, worker.Options{})
		if want := []time.Duration{0, 17 * time.Minute}; err != nil || !slices.Equal(at, want) {
			t.Errorf("got handled at %v, %v; want %v", at, err, want)
		}
		q.expect(t, "acked")
	})
}

func TestPanicIsRetriedAndItsStackIsLogged(t *testing.T) {
	wrong := errors.New("wrong")
	for _, test := range []struct {
		name, reason string
		fail         func()
		is           error
	}{
		{"a panic", "panic: boom", func() { panic("boom") }, nil},
		{"a panic with an error", "panic: wrong", func() { panic(wrong) }, wrong},
		{"the end of the goroutine", "panic: the handler ended its goroutine", runtime.Goexit, nil},
	} {
		bubble(t, test.name, func(t *testing.T) {
			q := newQueue(someEvents(1)...)
			var log bytes.Buffer
			var got error
			err := work(t, q, func(_ context.Context, claim driver.Claim) error {
				if claim.Attempt == 1 {
					test.fail()
				}
				return nil
			}, worker.Options{
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Hooks: worker.Hooks{Handled: func(_ context.Context, claim driver.Claim, _ worker.Outcome, err error, _ time.Duration) {
					if claim.Attempt == 1 {
						got = err
					}
				}},
			})
			q.expect(t, "acked")
			var panicked *worker.PanicError
			if !errors.As(got, &panicked) || test.is != nil && !errors.Is(got, test.is) {
				t.Errorf("got %v, want a PanicError that matches %v", got, test.is)
			}
			if e := q.entries[0]; err != nil || e.reason != test.reason || e.handed != 2 {
				t.Errorf("got reason %q, %d attempts, %v; want %q and 2", e.reason, e.handed, err, test.reason)
			}
			if stack := strings.Contains(log.String(), "process_test.go"); stack != (test.name != "the end of the goroutine") {
				t.Errorf("a stack in the log: %t\n%s", stack, &log)
			}
		})
	}
}

func TestDeadLetterAtOnceAndAfterTheLastAttempt(t *testing.T) {
	failure := errors.New("no such customer")
	for name, handler := range map[string]worker.Handler{
		"at once":                func(context.Context, driver.Claim) error { return worker.DeadLetter(failure) },
		"wrapped":                func(context.Context, driver.Claim) error { return fmt.Errorf("%w", worker.DeadLetter(failure)) },
		"after the last attempt": func(context.Context, driver.Claim) error { return failure },
	} {
		bubble(t, name, func(t *testing.T) {
			q := newQueue(someEvents(1)...)
			var outcomes record
			err := work(t, q, handler, worker.Options{
				MaxAttempts: 2,
				Hooks: worker.Hooks{Handled: func(_ context.Context, _ driver.Claim, outcome worker.Outcome, err error, _ time.Duration) {
					outcomes.add(string(outcome))
					if !errors.Is(err, failure) {
						t.Errorf("got %v, want it to match %v", err, failure)
					}
				}},
			})
			q.expect(t, "dead")
			want := map[string]int{"dead_letter": 1}
			if name == "after the last attempt" {
				want["retry"] = 1
			}
			outcomes.expect(t, want)
			if reason := q.entries[0].reason; err != nil || reason != failure.Error() {
				t.Errorf("got reason %q, %v; want %q", reason, err, failure)
			}
		})
	}
}

func TestNilStaysNil(t *testing.T) {
	if err := worker.DeadLetter(nil); err != nil {
		t.Errorf("DeadLetter: got %v", err)
	}
	if err := worker.RetryAfter(nil, time.Second); err != nil {
		t.Errorf("RetryAfter: got %v", err)
	}
}

func TestEventThatItsHandlerAcknowledgedIsNotAcknowledgedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(100)...)
		hooks := worker.Hooks{
			Acked: func(n int, _ time.Duration) { t.Errorf("the worker acknowledged %d", n) },
			Error: func(op string, err error) { t.Errorf("%s: %v", op, err) },
		}
		err := work(t, q, worker.InTx(q, func(context.Context, driver.Store, driver.Claim) error { return nil }), worker.Options{Hooks: hooks})
		if err != nil || len(q.acked) != 100 {
			t.Errorf("got %d calls of Ack, %v; want one by each handler", len(q.acked), err)
		}
		q.expect(t, "acked")
	})
}

func TestErrorInATransactionIsRetriedWithoutAnAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(1)...)
		failure := errors.New("out of stock")
		err := work(t, q, worker.InTx(q, func(_ context.Context, _ driver.Store, claim driver.Claim) error {
			if claim.Attempt == 1 {
				return failure
			}
			return nil
		}), worker.Options{})
		if e := q.entries[0]; err != nil || e.handed != 2 || e.reason != failure.Error() || len(q.acked) != 1 {
			t.Errorf("got %d attempts, reason %q, %d acks, %v; want 2, %q, 1", e.handed, e.reason, len(q.acked), err, failure)
		}
	})
}

func TestLeaseIsExtendedWhileASlowHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(3)...)
		var handled record
		handler := func(context.Context, driver.Claim) error {
			handled.add("handled")
			time.Sleep(10 * time.Minute)
			return nil
		}
		opts := worker.Options{Concurrency: 2, Lease: time.Minute}
		other := make(chan error, 1)
		go func() { other <- work(t, q, handler, opts) }()
		if err := errors.Join(work(t, q, handler, opts), <-other); err != nil {
			t.Error(err)
		}
		q.expect(t, "acked")
		handled.expect(t, map[string]int{"handled": 3})
		for i, e := range q.entries {
			// Not before a third of a lease, and never so late that less than half is left.
			if e.extends < 20 || e.extends > 30 {
				t.Errorf("event %d: extended %d times in ten leases, want 20 to 30", i+1, e.extends)
			}
		}
	})
}

func TestShortHandlersExtendNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(1000)...)
		handler := func(context.Context, driver.Claim) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		}
		if err := work(t, q, handler, worker.Options{Lease: 10 * time.Second}); err != nil || q.calls["Extend"] != 0 {
			t.Errorf("got %d calls of Extend, %v; want none", q.calls["Extend"], err)
		}
	})
}

func TestLostLeaseCancelsTheHandler(t *testing.T) {
	for name, result := range map[string]error{"success": nil, "error": errors.New("gave up"), "dead letter": worker.DeadLetter(errors.New("gave up"))} {
		bubble(t, name, func(t *testing.T) {
			q := newQueue(someEvents(1)...)
			var outcomes record
			err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
				q.steal(claim.Event.ID)
				<-ctx.Done()
				if cause := context.Cause(ctx); !errors.Is(cause, driver.ErrLeaseLost) {
					t.Errorf("cause: got %v, want %v", cause, driver.ErrLeaseLost)
				}
				return result
			}, worker.Options{Hooks: worker.Hooks{
				Handled: func(_ context.Context, _ driver.Claim, outcome worker.Outcome, _ error, _ time.Duration) {
					outcomes.add(string(outcome))
				},
				Error: func(op string, err error) {
					outcomes.add(op)
					if !errors.Is(err, driver.ErrLeaseLost) {
						t.Errorf("%s: got %v, want %v", op, err, driver.ErrLeaseLost)
					}
				},
			}})
			if err != nil {
				t.Error(err)
			}
			outcomes.expect(t, map[string]int{"lease_lost": 1, "Extend": 1})
			if n := q.calls["Ack"] + q.calls["Retry"] + q.calls["DeadLetter"] + q.calls["Release"]; n != 0 {
				t.Errorf("got %d more calls for the event: %v", n, q.calls)
			}
		})
	}
}

func TestEventThatWasLostBeforeTheAcknowledgementIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(1)...)
		var told record
		err := work(t, q, func(_ context.Context, claim driver.Claim) error {
			q.steal(claim.Event.ID)
			return nil
		}, worker.Options{Hooks: worker.Hooks{
			Acked: func(int, time.Duration) { told.add("acked") },
			Error: func(op string, err error) { told.add(fmt.Sprint(op, " ", errors.Is(err, driver.ErrLeaseLost))) },
		}})
		if err != nil {
			t.Error(err)
		}
		told.expect(t, map[string]int{"Ack true": 1})
	})
}

func TestHandlerTimeoutEndsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := newQueue(someEvents(1)...), time.Now()
		err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
			if claim.Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			if took := time.Since(began); took != 5*time.Second {
				t.Errorf("got %s, want 5s", took)
			}
			return ctx.Err()
		}, worker.Options{HandlerTimeout: 5 * time.Second})
		if e := q.entries[0]; err != nil || e.handed != 2 || e.reason != context.DeadlineExceeded.Error() {
			t.Errorf("got %d attempts, reason %q, %v", e.handed, e.reason, err)
		}
	})
}

func TestWrapTakesThePlaceOfTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		q := newQueue(someEvents(2)...)
		var seen record
		err := work(t, q, func(ctx context.Context, _ driver.Claim) error {
			seen.add(fmt.Sprint(ctx.Value(key{})))
			return nil
		}, worker.Options{Hooks: worker.Hooks{Wrap: func(next worker.Handler) worker.Handler {
			return func(ctx context.Context, claim driver.Claim) error {
				return next(context.WithValue(ctx, key{}, "wrapped"), claim)
			}
		}}})
		if err != nil {
			t.Error(err)
		}
		seen.expect(t, map[string]int{"wrapped": 2})
	})
}

func TestOptionsAreValidatedBeforeAnythingIsAskedFor(t *testing.T) {
	q := newQueue(someEvents(1)...)
	for field, opts := range map[string]worker.Options{
		"concurrency":     {Concurrency: -1},
		"batch":           {Batch: driver.MaxLimit + 1},
		"lease":           {Lease: -time.Second},
		"event_types[1]":  {EventTypes: []string{"order.placed", "order.*"}},
		"columns[0]":      {Columns: []driver.EventColumn{"payload"}},
		"max_attempts":    {MaxAttempts: -1},
		"backoff.base":    {Backoff: driver.Backoff{Base: -1}},
		"backoff.cap":     {Backoff: driver.Backoff{Cap: driver.MaxRetryDelay + 1}},
		"drain_timeout":   {DrainTimeout: -1},
		"handler_timeout": {HandlerTimeout: -1},
	} {
		wantInvalid(t, field, worker.Process(t.Context(), q, succeed, opts))
	}
	wantInvalid(t, "handler", worker.Process(t.Context(), q, nil, worker.Options{}))
	wantInvalid(t, "store", worker.Process(t.Context(), nil, succeed, worker.Options{}))
	if len(q.calls) != 0 {
		t.Errorf("got calls %v, want none", q.calls)
	}
}

func wantInvalid(t *testing.T, field string, err error) {
	t.Helper()
	var invalid *driver.InvalidError
	if !errors.Is(err, driver.ErrInvalid) || !errors.As(err, &invalid) || invalid.Field != field {
		t.Errorf("%s: got %v, want an InvalidError that names it", field, err)
	}
}

func TestContextThatHasEndedClaimsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		q := newQueue(someEvents(1)...)
		if err := worker.Process(ctx, q, succeed, worker.Options{}); err != nil || len(q.calls) != 0 {
			t.Errorf("got %v, calls %v; want none", err, q.calls)
		}
	})
}
