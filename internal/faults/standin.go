package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// standIn is clients that save events and remember what they were told.
type standIn struct {
	stores []driver.Store
	seed   uint64
	saved  []map[uuid.UUID]bool
}

func (c *standIn) run(ctx context.Context, operations int) (int, error) {
	if c.saved == nil {
		for range c.stores {
			c.saved = append(c.saved, map[uuid.UUID]bool{})
		}
	}
	rng := rand.New(rand.NewPCG(c.seed, 1))
	for i := range operations {
		if ctx.Err() != nil {
			return i, nil
		}
		t := rng.IntN(len(c.stores))
		event := driver.Event{
			ID: uuid.New(), EventType: "order.placed", AggregateType: "Order", AggregateID: uuid.New(),
			EventData: json.RawMessage(`{}`),
		}
		_, err := c.stores[t].Events().Save(ctx, event)
		var failed *driver.Error
		switch {
		case err == nil:
			c.saved[t][event.ID] = true
		case !errors.As(err, &failed) || failed.Kind == driver.ErrInternal:
			return i, fmt.Errorf("defect: %w", err)
		case driver.IsRetryable(err):
			c.saved[t][event.ID] = false
		}
	}
	return operations, nil
}

func (c *standIn) settle(ctx context.Context, r *result) (findings []string, err error) {
	for t, store := range c.stores {
		for id, saved := range c.saved[t] {
			there, err := store.Events().Exists(ctx, id)
			for driver.IsRetryable(err) && ctx.Err() == nil {
				there, err = store.Events().Exists(ctx, id)
			}
			if err != nil {
				return nil, err
			}
			if saved && !there {
				r.lost++
				findings = append(findings, "lost "+id.String())
			}
			if !saved && there {
				r.doubled++
				findings = append(findings, "refused, and there "+id.String())
			}
		}
	}
	return findings, nil
}
