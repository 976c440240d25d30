package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// markOne marks the events one by one.
func markOne(ctx context.Context, w *worker) error {
	for _, event := range w.events {
		start := time.Now()
		marked, err := w.store.Events().MarkAsProcessed(ctx, event.ID)
		if err != nil {
			return err
		}
		if !marked {
			return fmt.Errorf("event %s was not in the queue", event.ID)
		}
		w.record(start, event.ID)
	}
	return nil
}

// markBulk marks the events by their ids, one call a batch, so that there are calls to take
// percentiles of.
func markBulk(ctx context.Context, w *worker) error {
	for batch := range slices.Chunk(idsOf(w.events), w.batch) {
		start := time.Now()
		marked, err := w.store.Events().MarkMultipleAsProcessedBulk(ctx, batch, w.batch)
		if err != nil {
			return err
		}
		if marked != len(batch) {
			return fmt.Errorf("%d of %d events were not in the queue", len(batch)-marked, len(batch))
		}
		w.record(start, batch...)
	}
	return nil
}
