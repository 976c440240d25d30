package worker

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// lane is a row of events that are handled one after the other: a single event, or with
// PerAggregateOrder those of one aggregate that were claimed together, by version.
type lane struct {
	key   driver.Aggregate
	tasks []*task
	// before is the lane with the same key that was claimed before. It may still run if the lease
	// was lost, or if its handler has acknowledged the event but not returned yet.
	before *lane
	done   chan struct{}
}

// task is a claim in hand. What changes is under worker.mu.
type task struct {
	claim  driver.Claim
	state  state
	leased time.Time               // its lease began then or a little later
	cancel context.CancelCauseFunc // of the handler's context; nil before it has one
}

// state is where a task is. It only moves forward.
type state uint8

const (
	waiting  state = iota // no handler has begun
	running               // the handler runs
	finished              // the database is yet to be told
	gone                  // no longer in hand: told, given back, or lost
)

// dispatch puts claims in lanes and hands these to the handlers.
func (w *worker) dispatch(claims []driver.Claim, leased time.Time) {
	for _, lane := range w.keep(claims, leased) {
		w.lanes <- lane
	}
}

// keep takes claims in hand.
func (w *worker) keep(claims []driver.Claim, leased time.Time) []*lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lanes []*lane
	open := map[driver.Aggregate]*lane{}
	for _, claim := range claims {
		key := w.key(&claim)
		into := open[key]
		if into == nil {
			into = &lane{key: key, before: w.last[key], done: make(chan struct{})}
			open[key], w.last[key] = into, into
			lanes = append(lanes, into)
		}
		if old := w.held[claim.Event.ID]; old != nil {
			w.lose(old, driver.ErrLeaseLost) // else the event could not have been claimed again
		}
		task := &task{claim: claim, leased: leased}
		w.held[claim.Event.ID] = task
		into.tasks = append(into.tasks, task)
	}
	for _, lane := range lanes {
		slices.SortStableFunc(lane.tasks, byVersion)
	}
	w.waiting += len(claims)
	w.assigned += len(lanes)
	return lanes
}

// byVersion orders the events of an aggregate. They were claimed by position, which can differ.
func byVersion(a, b *task) int {
	return cmp.Compare(a.claim.Event.AggregateVersion, b.claim.Event.AggregateVersion)
}

// key tells which events are handled one after the other.
func (w *worker) key(claim *driver.Claim) driver.Aggregate {
	if w.opts.PerAggregateOrder {
		return claim.Event.Aggregate()
	}
	return driver.Aggregate{ID: claim.Event.ID}
}

// handleLanes is one handler: it handles lane after lane until there are no more.
func (w *worker) handleLanes() {
	for lane := range w.lanes {
		w.handleLane(lane)
		w.leave(lane)
	}
}

func (w *worker) handleLane(lane *lane) {
	if lane.before != nil {
		<-lane.before.done
	}
	for i, task := range lane.tasks {
		behind := lane.tasks[i+1:]
		if ctx, ok := w.begin(task); !ok || !w.handle(ctx, task, behind) {
			w.giveBack(behind)
			return
		}
	}
}

func (w *worker) leave(lane *lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lane.before = nil // so that lanes do not keep a chain of earlier ones in memory
	if w.last[lane.key] == lane {
		delete(w.last, lane.key)
	}
	w.assigned--
	close(lane.done)
	notify(w.changed)
}

// begin returns the context of a task's handler, or false if the task is no longer to be handled.
func (w *worker) begin(task *task) (context.Context, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if task.state != waiting || w.claiming.Err() != nil {
		return nil, false
	}
	ctx, cancel := context.WithCancelCause(w.handling)
	task.state, task.cancel = running, cancel
	w.waiting--
	notify(w.changed)
	return ctx, true
}

// handle calls the handler and tells the database about it. It returns whether the tasks behind this
// one are to be handled, too.
func (w *worker) handle(ctx context.Context, task *task, behind []*task) (goOn bool) {
	defer task.cancel(nil)
	if w.opts.HandlerTimeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, w.opts.HandlerTimeout)
		defer stop()
	}
	began := time.Now()
	err := w.call(ctx, task.claim)
	took := time.Since(began)
	outcome := w.end(task, err, took)
	w.logOutcome(task, outcome, err)
	w.opts.Hooks.handled(ctx, task.claim, outcome, err, took)
	return w.settle(task, behind, outcome, err)
}

// call calls the handler, on a goroutine of its own, which it may end.
func (w *worker) call(ctx context.Context, claim driver.Claim) error {
	result := make(chan error, 1)
	go func() {
		var err error = &PanicError{Value: errGoexit}
		defer func() {
			if value := recover(); value != nil {
				err = &PanicError{Value: value, Stack: debug.Stack()}
			}
			result <- err
		}()
		err = w.handler(ctx, claim)
	}()
	return <-result
}

// end notes that a handler ended, and returns what becomes of the event.
func (w *worker) end(task *task, err error, took time.Duration) Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observe(took)
	lost, overrun := task.state == gone, w.overrun
	if !lost {
		task.state = finished
	}
	var deadly *deadLetter
	switch {
	case errors.Is(err, Done): // if it is lost, then because the handler acknowledged it
		return OutcomeSuccess
	case lost:
		return OutcomeLeaseLost
	case err == nil:
		return OutcomeSuccess
	case errors.As(err, &deadly):
		return OutcomeDeadLetter
	case overrun:
		return OutcomeReleased
	case task.claim.Attempt >= task.claim.MaxAttempts:
		return OutcomeDeadLetter
	}
	return OutcomeRetry
}

// observe keeps the average of how long handlers take, of the last few mostly.
func (w *worker) observe(took time.Duration) {
	if w.pace == 0 {
		w.pace = took
	}
	w.pace = max(1, w.pace+(took-w.pace)/8)
}

func (w *worker) logOutcome(task *task, outcome Outcome, err error) {
	if outcome == OutcomeSuccess {
		return
	}
	log := w.log.With("event", task.claim.Event.ID, "attempt", task.claim.Attempt, "outcome", string(outcome), "error", err)
	var panicked *PanicError
	if errors.As(err, &panicked) {
		log.Error("a handler panicked", "stack", string(panicked.Stack))
		return
	}
	log.Warn("an event was not handled")
}
