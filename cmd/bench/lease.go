package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// claimLease works through the queue by leases, against the other workers: it claims a batch, reads
// its payloads and acknowledges it. It ends when nothing is left, or nothing but what the others
// lease, which they will acknowledge.
func claimLease(ctx context.Context, w *worker) error {
	for w.left.Load() > 0 {
		if n, err := claimAndAck(ctx, w, false); err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// claimOrdered does the same by the order of aggregates. A worker that finds nothing waits: when
// the others are done with an aggregate, more of its events may be ready.
func claimOrdered(ctx context.Context, w *worker) error {
	for w.left.Load() > 0 {
		n, err := claimAndAck(ctx, w, true)
		if err == nil && n == 0 {
			err = waitForWork(ctx, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// waitForWork returns when there may be something to claim, or nothing is left.
func waitForWork(ctx context.Context, w *worker) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.drained, cancel)()
	err := w.store.Events().Wait(waiting)
	if w.drained.Err() != nil {
		return nil
	}
	return err
}

// claimAndAck is one call of each. It returns how many events there were.
func claimAndAck(ctx context.Context, w *worker, ordered bool) (int, error) {
	start := time.Now()
	claims, err := w.store.Events().Claim(ctx, driver.ClaimOptions{
		Limit:             w.batch,
		Columns:           []driver.EventColumn{driver.EventColumnID, driver.EventColumnData},
		PerAggregateOrder: ordered,
	})
	if err != nil || len(claims) == 0 {
		return 0, err
	}
	ids := make([]uuid.UUID, len(claims))
	for i := range claims {
		event := &claims[i].Event
		if len(event.EventData) == 0 {
			return 0, fmt.Errorf("event %s came without its payload", event.ID)
		}
		if ordered {
			if err := w.versions.handle(event); err != nil {
				return 0, err
			}
		}
		ids[i] = event.ID
	}
	if err := w.store.Events().Ack(ctx, claims); err != nil {
		return 0, err
	}
	w.record(start, ids...)
	return len(ids), nil
}

// versions checks that the events of each aggregate are handled by version, from 1 and without
// gaps, whoever handles them. An event is noted while it is leased, when nobody else may have its
// aggregate.
type versions struct {
	mu   sync.Mutex
	last map[driver.Aggregate]int64
}

func (v *versions) handle(event *driver.Event) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		v.last = map[driver.Aggregate]int64{}
	}
	last := v.last[event.Aggregate()]
	if event.AggregateVersion != last+1 {
		return fmt.Errorf("wrong result: event %s, version %d of its aggregate, was handed out after version %d", event.ID, event.AggregateVersion, last)
	}
	v.last[event.Aggregate()] = event.AggregateVersion
	return nil
}
