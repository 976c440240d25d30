package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// fullDisk keeps the database on a small file system of its own, and fills that up.
func fullDisk(_ context.Context, dir string) (*site, error) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128m"); err != nil {
		return nil, missing(fmt.Sprintf("mounting a small file system takes root: %v", err))
	}
	file := databaseFile(filepath.Join(dir, "app.db"))
	return &site{
		dsn: file.dsn(""),
		end: func() { _ = syscall.Unmount(dir, 0) },
		inject: func(ctx context.Context, w *work) error {
			store, err := w.db.Store(ctx, probing)
			if err != nil {
				return err
			}
			ballast := filepath.Join(dir, "ballast")
			if err = fill(ballast); err == nil {
				err = untilFull(ctx, store)
			}
			return errors.Join(err, w.during(ctx, 200*time.Millisecond), os.Remove(ballast))
		},
	}, nil
}

// untilFull saves events until the room is used that the files still have. The first refusal must be the right one.
func untilFull(ctx context.Context, store driver.Store) error {
	event := driver.Event{EventType: "probe.sent", AggregateType: "Probe", EventData: json.RawMessage(`{"fill": "` + strings.Repeat("x", 100_000) + `"}`)}
	for range 1000 {
		event.AggregateID = uuid.New()
		if _, err := store.Events().Save(ctx, event); err != nil && !errors.Is(err, driver.ErrUnavailable) {
			return fmt.Errorf("a save on a full disk: got %v, want %w", err, driver.ErrUnavailable)
		} else if err != nil {
			return nil
		}
	}
	return errors.New("the disk is not full")
}

// fill writes a file until there is no room.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	for piece := make([]byte, 1<<20); len(piece) > 0; {
		if _, err := file.Write(piece); errors.Is(err, syscall.ENOSPC) {
			piece = piece[:len(piece)/2]
		} else if err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return file.Close()
}
