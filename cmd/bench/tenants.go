package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

const (
	defaultTenants = 1000
	maxTenants     = 9999
	tenantWorkers  = 8
	tenantBatch    = 10 // events that a schema begins with, and of a claim at the most
	// savesPerClaim is how many events are saved, and read, for each claim.
	savesPerClaim = 5
)

func tenantShapes(config) []shape { return []shape{{tenantWorkers, tenantBatch}} }

// byTenants measures the same mix of calls on more and more schemas. Each row has a pool of its own, so
// that its memory is that of as many schemas.
func byTenants(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error) {
	if err := b.db.drop(ctx); err != nil {
		return nil, err
	}
	all := &tenants{b: b}
	var rows []result
	for _, n := range upTo(sweptTenants, b.cfg.tenants) {
		if err := all.grow(ctx, n); err != nil {
			return append(rows, result{}), err // the rows so far are whole
		}
		row, err := all.measure(ctx, s, sh)
		row.Scenario, row.Sweep, row.Tenants = "mixed", s.name, n
		if len(rows) > 0 && rows[0].PerSecond > 0 {
			row.RatioToOneTenant = row.PerSecond / rows[0].PerSecond
		}
		rows = append(rows, row)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// tenants are the schemas there are so far.
type tenants struct {
	b      *bencher
	mu     sync.Mutex // for what follows, and for the source
	schema []*tenant
}

type tenant struct {
	name    string
	ids     []uuid.UUID // of events to read
	waiting int64       // events in the queue
}

// grow makes schemas until there are n, with events in each.
func (t *tenants) grow(ctx context.Context, n int) (err error) {
	first := len(t.schema)
	var names []string
	for i := first; i < n; i++ {
		names = append(names, fmt.Sprintf("%s-%d", t.b.db.schema, i+1))
		t.schema = append(t.schema, &tenant{name: names[i-first]})
	}
	if err := t.b.db.claimNames(ctx, names...); err != nil {
		return err
	}
	db, err := t.b.db.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	progress := startProgress(t.b.stderr, sweepTenants+": making schemas", n-first)
	defer progress.stop()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(schemasAtOnce)
	for _, tenant := range t.schema[first:] {
		group.Go(func() error {
			store, err := db.Store(ctx, tenant.name)
			if err != nil {
				return err
			}
			saved, err := store.Events().SaveBatch(ctx, t.take(tenantBatch))
			tenant.ids, tenant.waiting = idsOf(saved), int64(len(saved))
			progress.add(1)
			return err
		})
	}
	return group.Wait()
}

func (t *tenants) take(n int) []driver.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.source.Take(n, 0)
}

// measure measures the schemas there are, through a new pool.
func (t *tenants) measure(ctx context.Context, s scenario, sh shape) (row result, err error) {
	var memory occupied
	leftOut := t.b.db.lookErr
	var others []int // processes that are not the pool's
	if leftOut == nil {
		others, leftOut = t.b.db.look.processes(ctx)
	}
	db, err := t.b.db.connect(ctx)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	stores := make([]driver.Store, len(t.schema))
	for i := range stores {
		if stores[i], err = db.Store(ctx, t.schema[i].name); err != nil {
			return row, err
		}
	}
	progress := startProgress(t.b.stderr, fmt.Sprintf("%s: %d schemas", s.name, len(stores)), -1)
	defer progress.stop()
	shared := newShared(nil, nil, sh.batch, progress)
	defer shared.end()
	workers, mixers := make([]*worker, sh.workers), map[*worker]*mixer{}
	for i := range workers {
		workers[i] = &worker{shared: shared}
		mixers[workers[i]] = &mixer{tenants: t, stores: stores, rng: rand.New(rand.NewPCG(t.b.cfg.seed, uint64(i)))}
	}
	// Each schema's statements are prepared before the clock starts.
	warm, warmCtx := errgroup.WithContext(ctx)
	for i, w := range workers {
		warm.Go(func() error { return mixers[w].warmUp(warmCtx, w, i, sh.workers) })
	}
	if err := warm.Wait(); err != nil {
		return row, err
	}
	runtime.GC()
	began := time.Now()
	m, err := measure(ctx, workers, func(ctx context.Context, w *worker) error { return mixers[w].work(ctx, w, began) })
	runtime.GC()
	memory.look()
	if leftOut == nil {
		leftOut = memory.addServer(ctx, t.b.db.look, others)
	}
	if leftOut != nil {
		memory.ServerLeftOut = leftOut.Error()
	}
	row = newResult(s, sh, m)
	row.Events, row.PerSecond, row.Memory = len(m.calls), float64(len(m.calls))/m.elapsed.Seconds(), &memory
	if err == nil {
		err = t.check(ctx, stores, m.done)
	}
	return row, err
}

// check checks that no event was done twice, and that each queue has the rest.
func (t *tenants) check(ctx context.Context, stores []driver.Store, done []uuid.UUID) error {
	ids := slices.SortedFunc(slices.Values(done), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	if len(slices.Compact(ids)) != len(done) {
		return errors.New("wrong result: events were done twice")
	}
	for i, store := range stores {
		if err := checkQueue(ctx, store, t.schema[i].waiting); err != nil {
			return fmt.Errorf("schema %s: %w", store.Schema(), err)
		}
	}
	return nil
}

// mixer is what a worker does on schemas that it chooses at random.
type mixer struct {
	*tenants
	stores []driver.Store
	rng    *rand.Rand
}

// warmUp makes each kind of call on the schemas that are this worker's among others, unmeasured.
func (x *mixer) warmUp(ctx context.Context, w *worker, first, step int) error {
	for i := first; i < len(x.stores); i += step {
		for _, call := range []func(context.Context, *worker, int) error{x.save, x.read, x.claim} {
			if err := call(ctx, w, i); err != nil {
				return err
			}
		}
	}
	w.calls, w.ticks = nil, nil
	return nil
}

func (x *mixer) work(ctx context.Context, w *worker, began time.Time) error {
	for n := 0; time.Since(began) < x.b.cfg.duration; n++ {
		call := x.save
		switch turn := n % (2*savesPerClaim + 1); {
		case turn == 2*savesPerClaim:
			call = x.claim
		case turn%2 == 1:
			call = x.read
		}
		start := time.Now()
		if err := call(ctx, w, x.rng.IntN(len(x.stores))); err != nil {
			return err
		}
		w.calls = append(w.calls, time.Since(start))
	}
	return nil
}

func (x *mixer) save(ctx context.Context, w *worker, i int) error {
	if _, err := x.stores[i].Events().Save(ctx, x.take(1)[0]); err != nil {
		return err
	}
	w.progress.add(1)
	x.wait(i, 1)
	return nil
}

func (x *mixer) read(ctx context.Context, _ *worker, i int) error {
	id := x.schema[i].ids[x.rng.IntN(tenantBatch)]
	event, err := x.stores[i].Events().GetByID(ctx, id)
	if err == nil && (event.ID != id || len(event.EventData) == 0) {
		err = fmt.Errorf("wrong result: event %s was read as %s, with %d bytes of payload", id, event.ID, len(event.EventData))
	}
	return err
}

// claim claims a batch and acknowledges it, if there is anything to claim.
func (x *mixer) claim(ctx context.Context, w *worker, i int) error {
	events := x.stores[i].Events()
	claims, err := events.Claim(ctx, driver.ClaimOptions{Limit: w.batch, Columns: []driver.EventColumn{driver.EventColumnID, driver.EventColumnData}})
	if err != nil || len(claims) == 0 {
		return err
	}
	if err := events.Ack(ctx, claims); err != nil {
		return err
	}
	for _, claim := range claims {
		w.done = append(w.done, claim.Event.ID)
	}
	x.wait(i, -len(claims))
	return nil
}

// wait counts events that have come to a queue, or left it.
func (x *mixer) wait(i, events int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.schema[i].waiting += int64(events)
}
