package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

const (
	killEvery     = 100 * time.Millisecond // on average
	stopEvery     = 5                      // kills
	shortestStop  = shortestLease
	longestStop   = longestLease + time.Second
	saveBatch     = 500
	fewLeft       = 300 // less than that in the queue could leave a worker without work
	hotAggregates = 20  // they have one half of the events
	tellEvery     = 10 * time.Second
	// patience is how long nothing may be acknowledged. An event of an aggregate whose turn nobody
	// noticed has its turn after HoldInterval.
	patience = driver.HoldInterval + time.Minute
)

// workers is how many processes work at a time.
var workers = map[string]int{"sqlite": 2, "postgres": 4}

// saved is an event that is to be processed.
type saved struct {
	id        uuid.UUID
	aggregate uuid.UUID
	version   int64
}

// phase is a schema whose queue is filled, and emptied by workers that are killed.
type phase struct {
	order            // of the workers, but for name, log and seed
	dir       string // of the logs
	events    int    // to save, at least
	kills     int    // to do
	rng       *rand.Rand
	store     driver.Store
	progress  io.Writer
	aggregate []uuid.UUID // the hot ones

	running []*process
	started int
	saved   []saved
	killed  int
	stops   int
	done    int // events that left the queue
	since   time.Time
	told    time.Time
}

// crash fills queues on one backend, kills the workers, and compares what they left behind.
func crash(ctx context.Context, backend, dsn, dir string, cfg config, progress io.Writer) (*result, error) {
	db, err := driver.Connect(ctx, dsn, driver.WithLogger(nil))
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // nothing is done any more
	acks, err := openTable(ctx, backend, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = acks.close() }()
	result := newResult()
	for i, ordered := range []bool{false, true} {
		p := &phase{
			order: order{Backend: backend, DSN: dsn, Schema: "any", Ordered: ordered},
			dir:   dir, events: cfg.events / 2, kills: cfg.kills / 2, rng: rand.New(rand.NewPCG(cfg.seed, uint64(i))),
			progress: progress, since: time.Now(), told: time.Now(),
		}
		if ordered {
			p.Schema, p.events, p.kills = "ordered", cfg.events-p.events, cfg.kills-p.kills
		}
		if p.store, err = db.Store(ctx, p.Schema); err != nil {
			return nil, err
		}
		if !ordered { // the first migration has made the database what it is to be
			if err := acks.create(ctx); err != nil {
				return nil, err
			}
		}
		stuck := p.run(ctx)
		if stuck != nil && !errors.Is(stuck, errStuck) {
			return nil, stuck
		}
		if err := result.check(ctx, p, acks); err != nil {
			return nil, err
		}
		if stuck != nil {
			result.stuck = stuck
			return result, nil
		}
	}
	return result, nil
}

// errStuck: nothing was acknowledged any more, so the queue will not be empty.
var errStuck = errors.New("no progress")

// run works until all events are saved and processed and all kills done.
func (p *phase) run(ctx context.Context) (err error) {
	defer func() {
		for _, worker := range p.running {
			err = errors.Join(err, worker.Kill())
		}
	}()
	for range hotAggregates {
		p.aggregate = append(p.aggregate, uuid.New())
	}
	for range workers[p.Backend] {
		if err := p.startWorker(len(p.running)); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(p.rng.Int64N(int64(2 * killEvery)))):
		}
		left, err := p.look(ctx)
		if err != nil {
			return err
		}
		if len(p.saved) >= p.events && p.killed >= p.kills {
			if left > 0 {
				continue
			}
			return p.finish()
		}
		if len(p.saved) < p.events || left < fewLeft {
			if err := p.save(ctx); err != nil {
				return err
			}
		}
		if err := p.disturb(); err != nil {
			return err
		}
	}
}

func (p *phase) startWorker(slot int) error {
	p.started++
	o := p.order
	o.Name = fmt.Sprintf("%s-%d", p.Schema, p.started)
	o.Log, o.Seed = logPath(p.dir, o.Name), p.rng.Uint64()
	worker, err := start(o, p.progress)
	if err != nil {
		return err
	}
	if slot == len(p.running) {
		p.running = append(p.running, worker)
	}
	p.running[slot] = worker
	return nil
}

// look sees to what goes on by itself, and counts the events in the queue.
func (p *phase) look(ctx context.Context) (int, error) {
	for _, worker := range p.running {
		if err := worker.hasEnded(); err != nil {
			return 0, err
		}
		if worker.isStopped() && time.Now().After(worker.resumeAt) {
			if err := worker.resume(); err != nil {
				return 0, err
			}
		}
	}
	waiting, err := p.store.Events().CountUnprocessed(ctx)
	if err != nil {
		return 0, err
	}
	leased, err := p.store.Events().CountProcessing(ctx)
	if err != nil {
		return 0, err
	}
	left := int(waiting + leased)
	if left == 0 { // a lease may have ended between the two
		events, err := p.store.Events().GetUnprocessed(ctx, 1)
		if err != nil {
			return 0, err
		}
		left = len(events)
	}
	if done := len(p.saved) - left; done > p.done {
		p.done, p.since = done, time.Now()
	}
	if time.Since(p.told) > tellEvery {
		p.told = time.Now()
		fmt.Fprintf(p.progress, "crash %s %s: %d of %d events, %d of %d kills, %d stops\n",
			p.Backend, p.Schema, p.done, max(len(p.saved), p.events), p.killed, p.kills, p.stops)
	}
	if time.Since(p.since) > patience {
		return 0, fmt.Errorf("%w for %s: %d events in the queue of schema %s, after %d kills", errStuck, patience, left, p.Schema, p.killed)
	}
	return left, nil
}

// save puts events in the queue. A busy database gets them the next time.
func (p *phase) save(ctx context.Context) error {
	missing := p.events - len(p.saved)
	if missing <= 0 {
		missing = fewLeft // for the kills that are still to do
	}
	events := make([]driver.Event, 0, saveBatch)
	for range min(saveBatch, missing) {
		aggregate := p.aggregate[p.rng.IntN(hotAggregates)]
		if n := len(events); n > 0 && p.rng.IntN(4) == 0 {
			aggregate = events[n-1].AggregateID
		} else if p.rng.IntN(2) == 0 {
			aggregate = uuid.New()
		}
		events = append(events, driver.Event{
			EventType: "order.changed", AggregateType: "Order", AggregateID: aggregate,
			EventData: json.RawMessage(`{"total":"12.50"}`),
		})
	}
	stored, err := p.store.Events().SaveBatch(ctx, events)
	if driver.IsRetryable(err) {
		return nil
	}
	for i := range stored {
		p.saved = append(p.saved, saved{stored[i].ID, stored[i].AggregateID, stored[i].AggregateVersion})
	}
	return err
}

// disturb kills a worker and starts another, or stops one so that it lives on past its leases. It
// takes one that has had work, and leaves it for the next time if there is none. The kills go with
// the work, a little ahead of it.
func (p *phase) disturb() error {
	if p.killed >= p.kills || p.killed*p.events > p.kills*(p.done+p.events/10) {
		return nil
	}
	stopped := slices.ContainsFunc(p.running, (*process).isStopped)
	var able []int
	for slot, worker := range p.running {
		if !worker.isStopped() && worker.hasWorked() {
			able = append(able, slot)
		}
	}
	if len(able) == 0 {
		return nil
	}
	slot := able[p.rng.IntN(len(able))]
	if canStop && !stopped && p.killed >= stopEvery*p.stops {
		p.stops++
		return p.running[slot].stop(shortestStop + time.Duration(p.rng.Int64N(int64(longestStop-shortestStop))))
	}
	p.killed++
	if err := p.running[slot].Kill(); err != nil {
		return err
	}
	return p.startWorker(slot)
}

// finish ends the workers, those that are late too: what they still acknowledge is to be refused.
func (p *phase) finish() error {
	var errs []error
	for _, worker := range p.running {
		errs = append(errs, worker.finish())
	}
	return errors.Join(errs...)
}
