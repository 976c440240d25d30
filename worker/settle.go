package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// outage is how long to pause while the database is away.
var outage = driver.Backoff{Base: 100 * time.Millisecond, Cap: 10 * time.Second}

// settle tells the database what becomes of an event, or hands it to those who do. It returns
// whether the tasks behind this one are to be handled, too.
func (w *worker) settle(done *task, behind []*task, outcome Outcome, err error) (goOn bool) {
	switch outcome {
	case OutcomeSuccess:
		if errors.Is(err, Done) {
			w.settled(done)
		} else {
			w.finished <- done
		}
		return true
	case OutcomeRetry, OutcomeDeadLetter:
		w.reject(done, behind, err)
	case OutcomeReleased:
		w.release([]*task{done})
		w.settled(done)
	}
	return false
}

// reject gives an event back that could not be handled. That gives back those behind it, too, which
// are therefore no longer in hand from before the call.
func (w *worker) reject(task *task, behind []*task, cause error) {
	given := w.take(behind)
	claim, reason := task.claim, fmt.Sprint(cause) // which survives an Error method that panics
	var deadly *deadLetter
	var err error
	if errors.As(cause, &deadly) {
		err = w.try("DeadLetter", func(ctx context.Context) error { return w.events.DeadLetter(ctx, claim, reason) })
	} else {
		after := w.delay(claim.Attempt, cause)
		err = w.try("Retry", func(ctx context.Context) error { return w.events.Retry(ctx, claim, after, reason) })
	}
	w.settled(task)
	if errors.Is(err, driver.ErrLeaseLost) {
		w.release(given) // nothing was given back by the call
	}
}

// delay is how long an event waits for its retry.
func (w *worker) delay(attempt int, cause error) time.Duration {
	var told *retryAfter
	if errors.As(cause, &told) {
		return told.after
	}
	return w.opts.Backoff.Delay(attempt)
}

// giveBack gives back those of the tasks that no handler has begun.
func (w *worker) giveBack(tasks []*task) { w.release(w.take(tasks)) }

// release gives back tasks that are not to be handled here.
func (w *worker) release(tasks []*task) {
	if len(tasks) > 0 {
		claims := claimsOf(tasks)
		_ = w.try("Release", func(ctx context.Context) error { return w.events.Release(ctx, claims) })
	}
}

// take takes out of hand those of the tasks that no handler has begun, and returns them.
func (w *worker) take(tasks []*task) []*task {
	w.mu.Lock()
	defer w.mu.Unlock()
	var taken []*task
	for _, task := range tasks {
		if task.state == waiting {
			w.drop(task)
			taken = append(taken, task)
		}
	}
	return taken
}

// takeWaiting takes out of hand all that no handler has begun.
func (w *worker) takeWaiting() []*task {
	w.mu.Lock()
	held := slices.Collect(maps.Values(w.held))
	w.mu.Unlock()
	return w.take(held)
}

// settled takes a task out of hand of which the database was told.
func (w *worker) settled(task *task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(task)
	if w.opts.PerAggregateOrder {
		notify(w.freed) // the next events of its aggregate can be claimed
	}
}

// drop takes a task out of hand. The caller holds worker.mu.
func (w *worker) drop(task *task) {
	if task.state == waiting {
		w.waiting--
	}
	task.state = gone
	if id := task.claim.Event.ID; w.held[id] == task {
		delete(w.held, id)
	}
	notify(w.changed)
}

// try makes a call of the database, again and again while it is away: nil when it took effect. It
// returns an error that matches driver.ErrLeaseLost, one that no repetition helps against, or the
// last one before time was up; the latter two also make Process fail.
func (w *worker) try(op string, call func(context.Context) error) error {
	for failures := 0; ; {
		err := call(w.settling)
		if err == nil || failures > 0 && errors.Is(err, driver.ErrLeaseLost) {
			return nil // in the latter case an earlier call took effect, as far as anybody can tell
		}
		if err := w.check(op, err); !temporary(err) {
			return err
		}
		failures++
		if !sleep(w.settling, outage.Delay(failures)) {
			w.fail(err)
			return err
		}
	}
}

// check reports an error of the database and returns it. One that no repetition helps against begins
// the drain.
func (w *worker) check(op string, err error) error {
	w.opts.Hooks.error(op, err)
	switch {
	case errors.Is(err, driver.ErrLeaseLost):
		w.log.Warn("leases were lost", "operation", op, "error", err)
	case temporary(err):
		w.log.Warn("the database is away, trying again", "operation", op, "error", err)
	default:
		w.log.Error("the worker ends because of an error of the database", "operation", op, "error", err)
		w.fail(err)
	}
	return err
}

// temporary reports whether the same call may succeed later.
func temporary(err error) bool {
	var unavailable *driver.UnavailableError
	return errors.Is(err, driver.ErrUnavailable) || errors.As(err, &unavailable)
}

// sleep pauses, and returns false as soon as the context has ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func claimsOf(tasks []*task) []driver.Claim {
	claims := make([]driver.Claim, len(tasks))
	for i, task := range tasks {
		claims[i] = task.claim
	}
	return claims
}

// lostOf returns the ids of the events whose lease was lost, given the error of a call on tasks.
func lostOf(err error, tasks []*task) map[uuid.UUID]bool {
	lost := map[uuid.UUID]bool{}
	var details *driver.LeaseLostError
	switch {
	case errors.As(err, &details):
		for _, id := range details.EventIDs {
			lost[id] = true
		}
	case errors.Is(err, driver.ErrLeaseLost):
		for _, task := range tasks {
			lost[task.claim.Event.ID] = true
		}
	}
	return lost
}
