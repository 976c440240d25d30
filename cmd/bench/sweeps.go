package main

import (
	"context"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/payloads"
)

// A sweep measures the same work again and again while one thing grows. Its rows have its name.
const (
	sweepWorkers = "by_workers"
	sweepBatch   = "by_batch"
	sweepBacklog = "by_backlog"
	sweepPayload = "by_payload"
	sweepTenants = "by_tenants"
	sweepBloat   = "bloat"
)

var sweepScenarios = []scenario{
	{name: sweepWorkers, doc: "save and claim_lease with 1 to 32 workers", conns: sweptWorkers[len(sweptWorkers)-1], shapes: sweepShapes(sweptWorkers, nil), special: byWorkersOrBatch("save", "claim_lease")},
	{name: sweepBatch, doc: "save_batch and claim_lease with batches of 1 to 1,000", shapes: sweepShapes(nil, sweptBatches), special: byWorkersOrBatch("save_batch", "claim_lease")},
	{name: sweepBacklog, doc: "claim_lease out of queues of 10,000 events to -max-waiting", shapes: byOne, special: byBacklog},
	{name: sweepPayload, doc: "save_batch and claim_lease with payloads of 100 B to 100 kB", shapes: byOne, special: byPayload},
	{name: sweepTenants, doc: fmt.Sprintf("%d workers that save, read and claim in 1 schema, and in up to -max-tenants, through one pool", tenantWorkers), conns: tenantWorkers, shapes: tenantShapes, lacks: connections, special: byTenants},
	{name: sweepBloat, doc: "-workers that save, claim and acknowledge for -duration, with the sizes of the tables each second", shapes: steadyShapes, special: bloat},
}

// What is swept over.
var (
	sweptWorkers  = []int{1, 2, 4, 8, 16, 32}
	sweptBatches  = []int{1, 10, 100, 1000}
	sweptBacklogs = []int{10_000, 100_000, 1_000_000}
	sweptPayloads = []int{100, 1000, 10_000, 100_000}
	sweptTenants  = []int{1, 10, 100, 1000}
)

const (
	defaultWaiting = 1_000_000
	// smallPayload is that of sweeps that are about rows, not about what is in them.
	smallPayload = 100
	// sweptSaves bounds what by_workers saves one at a time, sweptBytes what by_payload has of each payload.
	sweptSaves = 5 * singles
	sweptBytes = 64 << 20
)

// sweepShapes are one for each number of workers, or for each batch.
func sweepShapes(workers, batches []int) func(config) []shape {
	return func(cfg config) []shape {
		var shapes []shape
		for _, n := range workers {
			shapes = append(shapes, shape{n, cfg.claimBatch})
		}
		for _, n := range batches {
			shapes = append(shapes, shape{1, n})
		}
		return shapes
	}
}

// upTo returns those of the numbers that are not above the bound; if none is, the bound.
func upTo(numbers []int, bound int) []int {
	var below []int
	for _, n := range numbers {
		if n <= bound {
			below = append(below, n)
		}
	}
	if below == nil {
		return []int{bound}
	}
	return below
}

// byWorkersOrBatch measures scenarios in each shape. The fewer events a call is for, the fewer there are.
func byWorkersOrBatch(names ...string) func(context.Context, *bencher, scenario, shape) ([]result, error) {
	return func(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error) {
		var rows []result
		for _, name := range names {
			swept, sh, n := eventScenario(name), sh, min(b.cfg.events, singles*sh.batch)
			if name == "save" {
				sh.batch, n = 1, min(b.cfg.events, sweptSaves)
			}
			row, err := runScenario(ctx, b.db, swept, sh, b.source.Take(n, 0), 0, b.stderr)
			row.Sweep = s.name
			rows = append(rows, row)
			if err != nil {
				return rows, fmt.Errorf("%s: %w", name, err)
			}
		}
		return rows, nil
	}
}

// byPayload measures scenarios with payloads of each size.
func byPayload(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error) {
	var rows []result
	for _, size := range sweptPayloads {
		n := min(b.cfg.events, sweptBytes/size)
		source := payloads.Generated(n, size, b.cfg.seed)
		for _, name := range []string{"save_batch", "claim_lease"} {
			row, err := runScenario(ctx, b.db, eventScenario(name), sh, source.Take(n, 0), 0, b.stderr)
			row.Sweep, row.Payload = s.name, size
			rows = append(rows, row)
			if err != nil {
				return rows, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return rows, nil
}

// byBacklog claims the same number of events out of queues of each length. The events are small, as a
// million large ones would be about the disk.
func byBacklog(ctx context.Context, b *bencher, s scenario, sh shape) ([]result, error) {
	var rows []result
	backlogs := upTo(sweptBacklogs, b.cfg.waiting)
	n := min(b.cfg.events, backlogs[0])
	sh.batch = min(sh.batch, n)
	n -= n % sh.batch // so that no claim has one of those that stay
	source := payloads.Generated(n, smallPayload, b.cfg.seed)
	for _, waiting := range backlogs {
		row, err := b.outOf(ctx, waiting, sh, source, n)
		row.Sweep, row.Backlog, row.Payload = s.name, waiting, smallPayload
		rows = append(rows, row)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// outOf claims n events out of a queue.
func (b *bencher) outOf(ctx context.Context, waiting int, sh shape, source *payloads.Source, n int) (result, error) {
	store, err := b.db.fresh(ctx)
	if err != nil {
		return result{}, err
	}
	events := source.Take(n, 0) // claims begin with the oldest
	if err := b.fill(ctx, store, source, events, waiting-n); err != nil {
		return result{}, err
	}
	claims := eventScenario("claim_lease")
	claims.queued = false // they are in the queue already
	m, err := runOn(ctx, b.db, store, claims, sh, events, b.stderr)
	row := newResult(claims, sh, m)
	if err != nil {
		return row, err
	}
	return row, verify(ctx, store, events, m.done, true, waiting-n)
}

// fill puts the events in the queue, and so many others behind them.
func (b *bencher) fill(ctx context.Context, store driver.Store, source *payloads.Source, events []driver.Event, others int) error {
	progress := startProgress(b.stderr, sweepBacklog+": filling the queue", len(events)+others)
	defer progress.stop()
	for len(events) > 0 || others > 0 {
		batch := events[:min(fillBatch, len(events))]
		events = events[len(batch):]
		if len(batch) == 0 {
			batch = source.Take(min(fillBatch, others), 0)
			others -= len(batch)
		}
		if _, err := store.Events().SaveBatch(ctx, batch); err != nil {
			return err
		}
		progress.add(len(batch))
	}
	return nil
}
