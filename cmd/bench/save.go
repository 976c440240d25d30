package main

import (
	"context"
	"slices"
	"time"
)

// save saves the events one by one, shared out to the workers.
func save(ctx context.Context, w *worker) error {
	for i := w.taken.Add(1) - 1; i < int64(len(w.events)); i = w.taken.Add(1) - 1 {
		start := time.Now()
		saved, err := w.store.Events().Save(ctx, w.events[i])
		if err != nil {
			return err
		}
		w.record(start, saved.ID)
	}
	return nil
}

// saveBatch saves the events in batches.
func saveBatch(ctx context.Context, w *worker) error {
	for batch := range slices.Chunk(w.events, w.batch) {
		start := time.Now()
		saved, err := w.store.Events().SaveBatch(ctx, batch)
		if err != nil {
			return err
		}
		w.record(start, idsOf(saved)...)
	}
	return nil
}
