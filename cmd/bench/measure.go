package main

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// worker is one goroutine's part of a scenario, and what it measured.
type worker struct {
	store    driver.Store
	events   []driver.Event // of all workers
	batch    int
	progress *progress

	calls []time.Duration
	done  []uuid.UUID
}

// record notes a call that began at start and ends now, and the events it was for.
func (w *worker) record(start time.Time, ids ...uuid.UUID) {
	w.calls = append(w.calls, time.Since(start))
	w.done = append(w.done, ids...)
	w.progress.add(len(ids))
}

// measurement is what came of the work of all workers together.
type measurement struct {
	elapsed time.Duration
	calls   []time.Duration // sorted
	done    []uuid.UUID
}

// measure lets the workers work, all at once, until none has anything left or one fails. What was
// done until then is measured in any case.
func measure(ctx context.Context, workers []*worker, work func(context.Context, *worker) error) (measurement, error) {
	group, groupCtx := errgroup.WithContext(ctx)
	start := time.Now()
	for _, w := range workers {
		group.Go(func() error { return work(groupCtx, w) })
	}
	err := group.Wait()
	m := measurement{elapsed: time.Since(start)}
	for _, w := range workers {
		m.calls = append(m.calls, w.calls...)
		m.done = append(m.done, w.done...)
	}
	slices.Sort(m.calls)
	return m, err
}

// percentile returns the smallest of the sorted durations that p percent of them do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func idsOf(events []driver.Event) []uuid.UUID {
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return ids
}
