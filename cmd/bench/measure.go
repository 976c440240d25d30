package main

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// shared is what the workers of one run have in common.
type shared struct {
	store    driver.Store
	connect  func(ctx context.Context) (driver.DB, error) // to the same database, by another pool
	events   []driver.Event
	batch    int
	progress *progress
	versions versions

	taken   atomic.Int64    // events that save has given out
	left    atomic.Int64    // events that are not done
	drained context.Context // ends when none is left
	end     context.CancelFunc
}

// newShared returns what is shared in a run, whose end is to be called when it is over.
func newShared(store driver.Store, events []driver.Event, batch int, progress *progress) *shared {
	s := &shared{store: store, events: events, batch: batch, progress: progress}
	s.left.Store(int64(len(events)))
	s.drained, s.end = context.WithCancel(context.Background())
	return s
}

// worker is one goroutine's part of a run, and what it measured.
type worker struct {
	*shared
	calls []time.Duration
	ticks []tick
	done  []uuid.UUID
}

// record notes a call, or several that belong together, which began at start and ends now, and the
// events it was for.
func (w *worker) record(start time.Time, ids ...uuid.UUID) {
	w.calls = append(w.calls, time.Since(start))
	w.finish(ids...)
}

// finish notes events that are done now.
func (w *worker) finish(ids ...uuid.UUID) {
	w.ticks = append(w.ticks, tick{time.Now(), len(ids)})
	w.done = append(w.done, ids...)
	w.progress.add(len(ids))
	if w.left.Add(-int64(len(ids))) <= 0 {
		w.end()
	}
}

// measurement is what came of the work of all workers together.
type measurement struct {
	start   time.Time
	elapsed time.Duration
	calls   []time.Duration // sorted
	ticks   []tick
	done    []uuid.UUID
}

// measure lets the workers work, all at once, until none has anything left or one fails. What was
// done until then is measured in any case.
func measure(ctx context.Context, workers []*worker, work func(context.Context, *worker) error) (measurement, error) {
	group, groupCtx := errgroup.WithContext(ctx)
	m := measurement{start: time.Now()}
	for _, w := range workers {
		group.Go(func() error { return work(groupCtx, w) })
	}
	err := group.Wait()
	m.elapsed = time.Since(m.start)
	for _, w := range workers {
		m.calls = append(m.calls, w.calls...)
		m.ticks = append(m.ticks, w.ticks...)
		m.done = append(m.done, w.done...)
	}
	slices.Sort(m.calls)
	return m, err
}

// add takes in another measurement, of a run after this one: all but when it did what.
func (m *measurement) add(other measurement) {
	m.elapsed += other.elapsed
	m.calls = append(m.calls, other.calls...)
	slices.Sort(m.calls)
	m.done = append(m.done, other.done...)
}

// perSecond is the rate at which events were done.
func (m *measurement) perSecond() float64 {
	if m.elapsed <= 0 {
		return 0
	}
	return float64(len(m.done)) / m.elapsed.Seconds()
}

func idsOf(events []driver.Event) []uuid.UUID {
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return ids
}
