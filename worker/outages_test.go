package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/worker"
)

// mixed is a handler under which every method of driver.EventClaims but Release is called.
func mixed(_ context.Context, claim driver.Claim) error {
	switch {
	case claim.Event.Position == 1:
		return worker.DeadLetter(errors.New("never"))
	case claim.Event.Position == 2 && claim.Attempt == 1:
		return errors.New("not now")
	}
	time.Sleep(time.Minute)
	return nil
}

func TestWorkerGoesOnWhenTheDatabaseWasAway(t *testing.T) {
	for _, op := range []string{"Claim", "Ack", "Retry", "Extend", "DeadLetter", "Wait"} {
		for _, unknown := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, commit unknown %t", op, unknown), func(t *testing.T) {
				q := newQueue(someEvents(4)...)
				q.fails = func(called string, call int) error {
					if called == op && call <= 3 {
						return unavailable(unknown)
					}
					return nil
				}
				var failures record
				err := work(t, q, mixed, worker.Options{Lease: time.Minute, Hooks: worker.Hooks{Error: func(op string, _ error) { failures.add(op) }}})
				if err != nil {
					t.Errorf("got %v, want a clean drain", err)
				}
				q.expect(t, "dead", "acked")
				failures.expect(t, map[string]int{op: 3})
			})
		}
	}
}

func TestCallThatTookEffectAndFailedAllTheSameIsNoLostLease(t *testing.T) {
	for _, op := range []string{"Ack", "Retry", "DeadLetter"} {
		bubble(t, op, func(t *testing.T) {
			q := newQueue(someEvents(4)...)
			q.failsAfter = failOnce(op, unavailable(true))
			acked, failures := 0, 0
			err := work(t, q, mixed, worker.Options{Hooks: worker.Hooks{
				Acked: func(n int, _ time.Duration) { acked += n },
				Error: func(got string, err error) {
					failures++
					if got != op || errors.Is(err, driver.ErrLeaseLost) {
						t.Errorf("%s: %v", got, err)
					}
				},
			}})
			if err != nil || acked != 3 || failures != 1 {
				t.Errorf("got %d acknowledged, %d failures, %v; want 3 and 1", acked, failures, err)
			}
			q.expect(t, "dead", "acked")
		})
	}
}

func TestErrorThatNoRepetitionHelpsAgainstEndsProcess(t *testing.T) {
	for _, op := range []string{"Claim", "Ack", "Retry", "Extend", "DeadLetter", "Wait"} {
		for _, kind := range []error{driver.ErrClosed, driver.ErrNotMigrated, driver.ErrInvalid, driver.ErrInternal} {
			bubble(t, fmt.Sprintf("%s, %v", op, kind), func(t *testing.T) {
				q, began := newQueue(someEvents(3)...), time.Now()
				q.fails = failOnce(op, driver.Fail("Events."+op, "tenant_test", "event", "", &driver.Error{Kind: kind}))
				ended := 0
				err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
					defer func() { ended++ }()
					return mixed(ctx, claim)
				}, worker.Options{Concurrency: 1, DrainTimeout: 5 * time.Minute})
				if !errors.Is(err, kind) {
					t.Errorf("got %v, want %v", err, kind)
				}
				if took := time.Since(began); took >= time.Hour {
					t.Errorf("Process returned after %s, want soon", took)
				}
				if handed := q.entries[0].handed + q.entries[1].handed + q.entries[2].handed; handed < ended {
					t.Errorf("got %d handlers ended, but %d attempts", ended, handed)
				}
			})
		}
	}
}

func TestRunningHandlersEndBeforeAnErrorIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(someEvents(2)...)
		q.fails = failOnce("Retry", driver.Fail("Events.Retry", "tenant_test", "event", "", &driver.Error{Kind: driver.ErrInternal}))
		err := work(t, q, func(ctx context.Context, claim driver.Claim) error {
			time.Sleep(time.Second)
			if claim.Event.Position == 1 {
				return errors.New("not now")
			}
			time.Sleep(20 * time.Second)
			return ctx.Err()
		}, worker.Options{Concurrency: 2})
		if !errors.Is(err, driver.ErrInternal) {
			t.Errorf("got %v, want %v", err, driver.ErrInternal)
		}
		q.expect(t, "leased", "acked")
	})
}

func TestDrainEndsThoughTheDatabaseStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := newQueue(someEvents(3)...), time.Now()
		q.fails = func(op string, _ int) error {
			if op != "Claim" {
				return unavailable(false)
			}
			return nil
		}
		err := workFor(t, time.Minute, q, succeed, worker.Options{DrainTimeout: time.Minute})
		if took := time.Since(began); !errors.Is(err, driver.ErrUnavailable) || took > 2*time.Minute+10*time.Second {
			t.Errorf("got %v after %s, want %v after 2m10s", err, took, driver.ErrUnavailable)
		}
	})
}

func TestPausesGrowWhileTheDatabaseIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.fails = func(string, int) error { return unavailable(false) }
		if err := work(t, q, succeed, worker.Options{}); err != nil {
			t.Errorf("got %v, want a clean drain", err)
		}
		// At a pause of 5 s on average, after the first few.
		if calls := q.calls["Claim"]; calls < 360 || calls > 1500 {
			t.Errorf("got %d calls of Claim in an hour, want some 720", calls)
		}
	})
}
