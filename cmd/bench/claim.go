package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// claimLocked works through the queue: it locks a batch, reads its payloads and marks it,
// all in one transaction, against the other workers, until nothing is left.
func claimLocked(ctx context.Context, w *worker) error {
	for {
		start := time.Now()
		ids, err := lockAndMark(ctx, w)
		if err != nil || len(ids) == 0 {
			return err
		}
		w.record(start, ids...)
	}
}

// lockAndMark returns the ids of the events that it has processed, none if the queue has none to
// give.
func lockAndMark(ctx context.Context, w *worker) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := w.store.InTx(ctx, func(tx driver.Store) error {
		locked, err := tx.Events().GetUnprocessedForUpdate(ctx, driver.LockOptions{
			Limit:      w.batch,
			SkipLocked: true,
			Columns:    []driver.EventColumn{driver.EventColumnID, driver.EventColumnData},
		})
		if err != nil || len(locked) == 0 {
			return err
		}
		for i := range locked {
			if len(locked[i].EventData) == 0 {
				return fmt.Errorf("event %s came without its payload", locked[i].ID)
			}
		}
		ids = idsOf(locked)
		marked, err := tx.Events().MarkMultipleAsProcessed(ctx, ids)
		if err == nil && marked != len(ids) {
			err = fmt.Errorf("%d of %d locked events were processed by somebody else", len(ids)-marked, len(ids))
		}
		return err
	})
	return ids, err
}
