package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// round is one run of a path on a peer.
type round struct {
	workers, batch int
	events         []driver.Event
	rewrites       bool

	left  atomic.Int64 // events that are not acknowledged
	start time.Time
	stop  time.Time // zero: it goes on

	mu   sync.Mutex
	ids  []uuid.UUID // that were read, by the peer's ids
	size int         // of the payloads that were read
	lost int         // events without payload
}

// begin starts the clock, anew if what came before is not to be measured.
func (r *round) begin() { r.start = time.Now() }

// end stops the clock, unless it has been stopped.
func (r *round) end() {
	if r.stop.IsZero() {
		r.stop = time.Now()
	}
}

// read is what a worker does with an event. The payload may be used by others when it returns.
func (r *round) read(id uuid.UUID, payload []byte) {
	empty := 0
	if len(payload) == 0 || payload[0] != '{' || payload[len(payload)-1] != '}' {
		empty = 1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, id)
	r.size += len(payload)
	r.lost += empty
}

// acked notes events that were acknowledged.
func (r *round) acked(n int) { r.left.Add(-int64(n)) }

// each lets the workers take events by claim, which returns how many there were, until there are none
// left, or none but what the others have.
func (r *round) each(ctx context.Context, claim func(ctx context.Context, worker int) (int, error)) error {
	group, ctx := errgroup.WithContext(ctx)
	for worker := range r.workers {
		group.Go(func() error {
			for r.left.Load() > 0 {
				n, err := claim(ctx, worker)
				if err != nil || n == 0 {
					return err
				}
				r.acked(n)
			}
			return nil
		})
	}
	return group.Wait()
}

// check compares what workers have read with the events.
func (r *round) check() error {
	slices.SortFunc(r.ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	different := len(slices.Compact(slices.Clone(r.ids)))
	size := 0
	for i := range r.events {
		size += len(r.events[i].EventData)
	}
	switch {
	case len(r.ids) != len(r.events) || different != len(r.events):
		return fmt.Errorf("wrong result: of %d events workers read %d, %d different ones", len(r.events), len(r.ids), different)
	case r.lost > 0:
		return fmt.Errorf("wrong result: %d of %d events came without their payload", r.lost, len(r.events))
	case !r.rewrites && r.size != size:
		return fmt.Errorf("wrong result: payloads of %d bytes were read, of %d saved", r.size, size)
	}
	return nil
}

// path is one kind of work to measure.
type path struct {
	name    string
	doc     string
	workers int
	batch   int // 0: as many as the peer's workers take
	atMost  int // events; 0: as many as -events says
	queued  bool
	// do is measured.
	do func(ctx context.Context, q queue, r *round) error
	// check is about what it did, beside how many events wait.
	check func(r *round) error
}

const (
	singles     = 2000 // events at the most where one is done at a time: over in seconds where a commit takes milliseconds
	concurrents = 4000 // the same, by many at once
	bulk        = 1000 // events of a batch
	claimed     = 100  // of a claim
)

// paths is all there is, in the order in which they run.
var paths = []path{
	{name: "save", doc: "save one event at a time", workers: 1, batch: 1, atMost: singles, do: saveEach},
	{name: "save_32", doc: "save one event at a time, by 32 goroutines", workers: 32, batch: 1, atMost: concurrents, do: saveEach},
	{name: "save_batch", doc: fmt.Sprintf("save %d events at a time", bulk), workers: 1, batch: bulk, do: saveBatches},
	{name: "claim_ack", doc: fmt.Sprintf("a worker takes events, %d at a time, reads and acknowledges them", claimed), workers: 1, queued: true, do: work, check: (*round).check},
	{name: "claim_ack_4", doc: "the same with 4 workers", workers: 4, queued: true, do: work, check: (*round).check},
	{name: "mark_bulk", doc: fmt.Sprintf("acknowledge events by their ids, %d at a time", bulk), workers: 1, batch: bulk, queued: true, do: markBatches},
}

func saveEach(ctx context.Context, q queue, r *round) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range r.workers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(r.events) {
					return nil
				}
				if err := q.save(ctx, &r.events[i]); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func saveBatches(ctx context.Context, q queue, r *round) error {
	for batch := range slices.Chunk(r.events, bulk) {
		if err := q.saveBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func work(ctx context.Context, q queue, r *round) error { return q.work(ctx, r) }

func markBatches(ctx context.Context, q queue, r *round) error {
	m, ok := q.(marker)
	if !ok {
		return errors.New("has no call that acknowledges events by their ids")
	}
	ids := make([]uuid.UUID, len(r.events))
	for i := range ids {
		ids[i] = r.events[i].ID
	}
	for batch := range slices.Chunk(ids, bulk) {
		if err := m.markBulk(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// claimBatch is how many events each of a peer's calls in a path is for.
func (p *path) claimBatch(by *peer) int {
	switch {
	case p.batch > 0:
		return p.batch
	case by.oneByOne:
		return 1
	case by.claims > 0:
		return by.claims / p.workers
	}
	return claimed
}

// size is how many events a peer gets in a path.
func (p *path) size(by *peer, events int) int {
	if p.atMost > 0 {
		return min(p.atMost, events)
	}
	if p.claimBatch(by) == 1 {
		return min(singles, events)
	}
	return events
}

// run runs the path once on a queue with nothing in it, and checks the result. It returns the rate.
func (p *path) run(ctx context.Context, by *peer, q queue, events []driver.Event) (perSecond float64, err error) {
	r := &round{workers: p.workers, batch: p.claimBatch(by), events: events, rewrites: by.rewrites}
	r.left.Store(int64(len(events)))
	want := len(events)
	if p.queued {
		want = 0
		if err := saveBatches(ctx, q, r); err != nil {
			return 0, err
		}
	}
	runtime.GC() // what was made so far is not the path's to clear away
	r.begin()
	if err := p.do(ctx, q, r); err != nil {
		return 0, err
	}
	r.end()
	if p.check != nil {
		if err := p.check(r); err != nil {
			return 0, err
		}
	}
	waiting, err := q.waiting(ctx)
	if err == nil && waiting != want {
		err = fmt.Errorf("wrong result: %d events wait, %d should", waiting, want)
	}
	return float64(len(events)) / r.stop.Sub(r.start).Seconds(), err
}
