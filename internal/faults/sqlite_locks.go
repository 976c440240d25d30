package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// probing is the schema of those who look what a call says while a fault is on. No client knows it.
const probing = "probe"

// probe saves an event while a fault is on, and returns an error unless it is refused as wanted.
func probe(ctx context.Context, store driver.Store, want error) error {
	_, err := store.Events().Save(ctx, driver.Event{
		EventType: "probe.sent", AggregateType: "Probe", AggregateID: uuid.New(), EventData: json.RawMessage(`{}`),
	})
	var typed *driver.Error
	if !errors.As(err, &typed) || !errors.Is(err, want) {
		return fmt.Errorf("a save while the fault was on: got %v, want %w", err, want)
	}
	return nil
}

// secondWriter is another app on the same file.
func secondWriter(ctx context.Context, file databaseFile, w *work) error {
	return file.whileHeld(ctx, "immediate", func() error { return w.during(ctx, time.Second) })
}

// lockFile holds the lock for longer than the clients' busy timeout.
func lockFile(ctx context.Context, file databaseFile, w *work) error {
	store, err := w.db.Store(ctx, probing)
	for driver.IsRetryable(err) {
		store, err = w.db.Store(ctx, probing)
	}
	if err != nil {
		return err
	}
	return file.whileHeld(ctx, "exclusive", func() error {
		return errors.Join(probe(ctx, store, driver.ErrUnavailable), w.during(ctx, 300*time.Millisecond))
	})
}

// moveFile moves the file away and back. Nothing must be acknowledged meanwhile: it would be lost if the file
// did not come back.
func moveFile(ctx context.Context, file databaseFile, w *work) error {
	store, err := w.db.Store(ctx, probing)
	if err != nil {
		return err
	}
	path, away := string(file), string(file)+".away"
	if err := os.Rename(path, away); err != nil {
		return err
	}
	if w.rng.IntN(2) == 0 {
		err = os.WriteFile(path, nil, 0o600)
	}
	for range 3 {
		err = errors.Join(err, probe(ctx, store, driver.ErrUnavailable))
	}
	err = errors.Join(err, w.during(ctx, 100*time.Millisecond), os.Rename(away, path))
	if err != nil {
		return err
	}
	_, err = store.Events().CountUnprocessed(ctx)
	return err
}
