package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

const (
	latencies   = 500 // events, at the most
	latencyPace = 5 * time.Millisecond
)

// latency measures how soon a worker that waits has an event: from the moment Save has returned to
// the moment Claim has. Where the worker was faster than the return of Save that is 0. Events are
// saved one at a time, and slowly enough for the worker to wait again.
func latency(ctx context.Context, w *worker) error { return saveAndHandle(ctx, w, w.store) }

// latencyOtherPool saves through a pool of its own, which wakes the worker as another process
// would.
func latencyOtherPool(ctx context.Context, w *worker) (err error) {
	db, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	store, err := db.Store(ctx, w.store.Schema())
	if err != nil {
		return err
	}
	return saveAndHandle(ctx, w, store)
}

func saveAndHandle(ctx context.Context, w *worker, saver driver.Store) error {
	var saved, handled map[uuid.UUID]time.Time
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { saved, err = savePaced(groupCtx, saver, w.events); return err })
	group.Go(func() (err error) { handled, err = handle(groupCtx, w); return err })
	err := group.Wait()
	for id, at := range handled {
		if since, ok := saved[id]; ok {
			w.calls = append(w.calls, max(0, at.Sub(since)))
		}
	}
	return err
}

// savePaced saves the events, and returns when each Save returned.
func savePaced(ctx context.Context, store driver.Store, events []driver.Event) (map[uuid.UUID]time.Time, error) {
	saved := make(map[uuid.UUID]time.Time, len(events))
	pace := time.NewTicker(latencyPace)
	defer pace.Stop()
	for i := range events {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return saved, context.Cause(ctx)
		}
		if _, err := store.Events().Save(ctx, events[i]); err != nil {
			return saved, err
		}
		saved[events[i].ID] = time.Now()
	}
	return saved, nil
}

// handle waits for the events, claims and acknowledges them, and returns when it got each.
func handle(ctx context.Context, w *worker) (map[uuid.UUID]time.Time, error) {
	handled := make(map[uuid.UUID]time.Time, len(w.events))
	for w.left.Load() > 0 {
		if err := w.store.Events().Wait(ctx); err != nil {
			return handled, err
		}
		claims, err := w.store.Events().Claim(ctx, driver.ClaimOptions{
			Limit:   w.batch,
			Columns: []driver.EventColumn{driver.EventColumnID, driver.EventColumnData},
		})
		if err != nil {
			return handled, err
		}
		now := time.Now()
		ids := make([]uuid.UUID, len(claims))
		for i := range claims {
			ids[i] = claims[i].Event.ID
			handled[ids[i]] = now
		}
		if err := w.store.Events().Ack(ctx, claims); err != nil {
			return handled, err
		}
		w.finish(ids...)
	}
	return handled, nil
}

func aboutLatency(traits) string {
	return fmt.Sprintf("a save every %s, by the worker's own pool; p50 and p99 from the return of Save until the worker has the event", latencyPace)
}

func aboutLatencyOtherPool(t traits) string {
	woken := "the database notifies the worker's pool"
	if !t.Notifications {
		woken = fmt.Sprintf("the worker's pool looks every %s", t.PollInterval)
	}
	return fmt.Sprintf("a save every %s, by another pool; %s", latencyPace, woken)
}
