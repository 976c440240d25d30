package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// settleTimeout is how long the database has, after the drain timeout, to take the last results.
const settleTimeout = 10 * time.Second

// Process claims events, has handler handle them, and acknowledges them, until ctx ends. Any number
// of calls, in any number of processes, can work on one store.
//
// When ctx ends, it drains: it claims nothing more, gives back what no handler has begun, lets
// running handlers go on for Options.DrainTimeout, and acknowledges what they did. Then it cancels
// their contexts; what fails after that is given back. When Process returns, its handlers and
// goroutines have ended, and the store can be closed.
//
// It returns nil after such a drain; [ErrDrainTimeout] if handlers had to be cancelled; and, after
// an error of the database that trying again can't help against (driver.ErrClosed,
// driver.ErrNotMigrated, …), that error, after draining in the same way. While the database is away
// (driver.ErrUnavailable) it keeps trying, with growing pauses; what it still can't tell the
// database 10 seconds after the drain timeout is left to the leases, and that error returned.
//
// Options that can't be used are driver.ErrInvalid, naming the field, before anything is claimed.
func Process(ctx context.Context, store driver.Store, handler Handler, opts Options) error {
	if err := check(store, handler, &opts); err != nil {
		return err
	}
	if opts.Hooks.Wrap != nil {
		handler = opts.Hooks.Wrap(handler)
	}
	w := &worker{
		opts:    opts,
		events:  store.Events(),
		handler: handler,
		log:     opts.Logger.With("schema", store.Schema()),
		held:    map[uuid.UUID]*task{},
		last:    map[driver.Aggregate]*lane{},
		changed: make(chan struct{}, 1),
		freed:   make(chan struct{}, 1),
	}
	w.lanes, w.finished = make(chan *lane, w.mostHeld()), make(chan *task, w.mostHeld())
	return w.run(ctx)
}

// check validates what Process was given, and sets the defaults.
func check(store driver.Store, handler Handler, opts *Options) error {
	schema, err := "", error(&driver.InvalidError{Field: "store", Reason: "is required"})
	if store != nil {
		schema, err = store.Schema(), opts.prepare()
	}
	if handler == nil {
		err = &driver.InvalidError{Field: "handler", Reason: "is required"}
	}
	return driver.Fail("worker.Process", schema, "options", "", err)
}

// worker is one call of Process. Events go through it like this: the claimer (claims.go) puts them
// in lanes, the handlers (lanes.go) take a lane each, and what they finish is acknowledged in
// batches (acks.go) or given back (settle.go), while leases.go keeps all that is in hand leased.
type worker struct {
	opts    Options
	events  driver.EventClaims
	handler Handler
	log     *slog.Logger

	// These three contexts end one after the other: claiming begins the drain, handling is what
	// handlers' contexts descend from, and settling is that of calls of the database.
	claiming, handling, settling          context.Context
	stopClaiming, stopHandling, stopCalls context.CancelCauseFunc

	lanes    chan *lane    // to be handled
	finished chan *task    // to be acknowledged
	changed  chan struct{} // there may be room for more claims
	freed    chan struct{} // there may be events to claim that Wait does not know of

	mu       sync.Mutex
	held     map[uuid.UUID]*task        // what this worker has to keep leased, by the event's id
	last     map[driver.Aggregate]*lane // the lane that was last begun for each key
	assigned int                        // lanes that wait or run
	waiting  int                        // tasks that no handler has begun
	pace     time.Duration              // how long a handler takes on average
	overrun  bool                       // the drain timeout has passed
	failed   error                      // why this is no clean drain
}

// run works until the context ends or the worker fails, and drains.
func (w *worker) run(ctx context.Context) error {
	w.claiming, w.stopClaiming = context.WithCancelCause(ctx)
	w.handling, w.stopHandling = context.WithCancelCause(context.WithoutCancel(ctx))
	w.settling, w.stopCalls = context.WithCancelCause(context.WithoutCancel(ctx))
	defer w.stopHandling(nil)
	defer w.stopCalls(nil)

	var handlers, acks, rest sync.WaitGroup
	settled := make(chan struct{})
	for range w.opts.Concurrency {
		handlers.Go(w.handleLanes)
	}
	acks.Go(w.sendAcks)
	rest.Go(func() { w.keepLeases(settled) })
	rest.Go(func() { w.limitDrain(settled) })

	w.claim()
	close(w.lanes)
	w.release(w.takeWaiting())
	handlers.Wait()
	close(w.finished)
	acks.Wait()
	close(settled)
	rest.Wait()

	if w.failed != nil {
		return fmt.Errorf("worker: %w", w.failed)
	}
	return nil
}

// limitDrain sees to it that the drain comes to an end.
func (w *worker) limitDrain(settled <-chan struct{}) {
	<-w.claiming.Done()
	select {
	case <-settled:
		return
	case <-time.After(w.opts.DrainTimeout):
		w.cancelHandlers()
	}
	select {
	case <-settled:
	case <-time.After(settleTimeout):
		w.stopCalls(errors.New("the drain took too long"))
	}
}

// cancelHandlers ends the contexts of the handlers that still run. Their events are left to their
// leases from now on, in case that they never return.
func (w *worker) cancelHandlers() {
	w.mu.Lock()
	w.overrun = true
	late := 0
	for _, task := range w.held {
		if task.state == running {
			late++
		}
	}
	w.mu.Unlock()
	if late > 0 {
		w.log.Warn("handlers still run at the drain timeout, cancelling them", "handlers", late)
		w.fail(ErrDrainTimeout)
	}
	w.stopHandling(ErrDrainTimeout)
}

// fail begins the drain because of an error that Process returns. The first one counts.
func (w *worker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
	}
	w.stopClaiming(err)
}
