package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// sampled is how many events of a run are read back.
const sampled = 100

// verify checks a run's result: done has each event once and nothing else, the queue holds all
// events, or none if they were processed, and besides a backlog of so many, and a sample reads back
// as it was given.
func verify(ctx context.Context, store driver.Store, events []driver.Event, done []uuid.UUID, processed bool, backlog int) error {
	if err := onceEach(events, done); err != nil {
		return err
	}
	want := int64(len(events))
	if processed {
		want = 0
	}
	want += int64(backlog)
	if err := checkQueue(ctx, store, want); err != nil {
		return err
	}
	for i := 0; i < len(events); i += max(1, len(events)/sampled) {
		if err := readBack(ctx, store, &events[i], processed); err != nil {
			return err
		}
	}
	return nil
}

// checkQueue checks that so many events wait, and none is leased.
func checkQueue(ctx context.Context, store driver.Store, want int64) error {
	waiting, err := store.Events().CountUnprocessed(ctx)
	if err != nil {
		return err
	}
	leased, err := store.Events().CountProcessing(ctx)
	if err == nil && (waiting != want || leased != 0) {
		err = fmt.Errorf("wrong result: %d events wait and %d are leased, %d and 0 should", waiting, leased, want)
	}
	return err
}

func onceEach(events []driver.Event, done []uuid.UUID) error {
	times := make(map[uuid.UUID]int, len(events))
	for _, id := range done {
		times[id]++
	}
	for i := range events {
		if n := times[events[i].ID]; n != 1 {
			return fmt.Errorf("wrong result: event %s was done %d times, not once", events[i].ID, n)
		}
	}
	if len(done) != len(events) {
		return fmt.Errorf("wrong result: %d events were done that are not of this run", len(done)-len(events))
	}
	return nil
}

func readBack(ctx context.Context, store driver.Store, given *driver.Event, processed bool) error {
	got, err := store.Events().GetByID(ctx, given.ID)
	switch {
	case err != nil:
		return err
	case got.EventType != given.EventType || got.EventName != given.EventName || !bytes.Equal(got.EventData, given.EventData):
		return fmt.Errorf("wrong result: event %s does not read back as it was given", given.ID)
	case (got.ProcessedAt != nil) != processed:
		return fmt.Errorf("wrong result: event %s is processed: %t, should be %t", given.ID, !processed, processed)
	}
	return nil
}
