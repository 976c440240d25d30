package main

import (
	"context"
	"fmt"
	"time"
)

// consumerName is that of the one consumer there is.
const consumerName = "bench"

// consume reads all events as a consumer, a page at a time, and commits each page.
func consume(ctx context.Context, w *worker) error {
	last := int64(0)
	for w.left.Load() > 0 {
		start := time.Now()
		page, err := w.store.Consumers().Read(ctx, consumerName, w.batch)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if page[i].Position <= last {
				return fmt.Errorf("wrong result: event %s, at position %d, was read after position %d", page[i].ID, page[i].Position, last)
			}
			if len(page[i].EventData) == 0 {
				return fmt.Errorf("event %s came without its payload", page[i].ID)
			}
			last = page[i].Position
		}
		if err := w.store.Consumers().Commit(ctx, consumerName, last); err != nil {
			return err
		}
		w.record(start, idsOf(page)...)
	}
	return nil
}
