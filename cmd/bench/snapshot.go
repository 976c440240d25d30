package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// holdSnapshot calls measured while a transaction holds the snapshot of its first read, from
// before, as a backup or a report does: what was deleted since can't be cleared away.
func holdSnapshot(ctx context.Context, store driver.Store, measured func() error) error {
	return store.InTx(ctx, func(tx driver.Store) error {
		before, err := tx.Events().CountUnprocessed(ctx)
		if err != nil {
			return err
		}
		if err := measured(); err != nil {
			return err
		}
		after, err := tx.Events().CountUnprocessed(ctx)
		if err == nil && after != before {
			err = fmt.Errorf("wrong result: the snapshot had %d waiting events and then %d; it was not held", before, after)
		}
		return err
	}, driver.ReadOnly(), driver.WithIsolation(driver.RepeatableRead))
}

// tick is when some events were done.
type tick struct {
	at     time.Time
	events int
}

// tenths returns the rate of each tenth of the events, in the order in which they were done. The
// events of one call count as if they were done one after the other between the call before and its
// end. None if nothing was done.
func tenths(start time.Time, ticks []tick) []float64 {
	ticks = slices.SortedFunc(slices.Values(ticks), func(a, b tick) int { return a.at.Compare(b.at) })
	total := 0
	for _, t := range ticks {
		total += t.events
	}
	if total == 0 {
		return nil
	}
	size := float64(total) / 10
	rates := make([]float64, 0, 10)
	began := 0.0 // the seconds after which the tenth began
	before, secondsBefore := 0.0, 0.0
	for _, t := range ticks {
		if t.events == 0 {
			continue
		}
		done, seconds := before+float64(t.events), t.at.Sub(start).Seconds()
		for len(rates) < 10 && (float64(len(rates)+1)*size <= done || done == float64(total)) {
			part := (float64(len(rates)+1)*size - before) / float64(t.events)
			ended := secondsBefore + part*(seconds-secondsBefore)
			rates = append(rates, size/(ended-began))
			began = ended
		}
		before, secondsBefore = done, seconds
	}
	return rates
}
