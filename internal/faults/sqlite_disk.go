package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
)

// failingDisk fails some of the calls of a kind, for a short time.
func failingDisk(call int32) func(context.Context, string) (*site, error) {
	return func(_ context.Context, dir string) (*site, error) {
		d, stop, err := spin(dir)
		if err != nil {
			return nil, err
		}
		file := databaseFile(filepath.Join(dir, "app.db"))
		return &site{dsn: file.dsn(""), end: stop, inject: func(ctx context.Context, w *work) error {
			n, often := 0, 1+w.rng.IntN(4)
			d.setFails(func(other int32) int32 {
				if n++; other != call || n%often != 0 {
					return 0
				}
				return call
			})
			defer d.setFails(nil)
			return w.during(ctx, 200*time.Millisecond)
		}}, nil
	}
}

// cutPower takes a copy of the files as a disk would have them after a power failure, opens that, and holds it against what
// clients had been told until then. They know nothing of it and go on.
//
// What this simulates: sectors of 512 bytes that were written and not yet covered by an fsync, of which each may be
// there, missing, or garbage. What it does not: a disk that says it has synced and has not, one that damages what it
// did not write, and the loss of a name in a folder.
func cutPower(_ context.Context, dir string) (*site, error) {
	d, stop, err := spin(dir)
	if err != nil {
		return nil, err
	}
	file := databaseFile(filepath.Join(dir, "app.db"))
	return &site{dsn: file.dsn(""), end: stop, inject: func(ctx context.Context, w *work) error {
		after, err := os.MkdirTemp(dir, "after-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(after) }()
		before := w.log.size()
		if err := d.cut(w.rng, "app.db", after); err != nil {
			return err
		}
		told, err := w.log.toldUntil(before)
		if err != nil {
			return err
		}
		return afterwards(ctx, databaseFile(filepath.Join(after, "app.db")), told, w)
	}}, nil
}

// afterwards opens what is left and finishes the clients' work on it.
func afterwards(ctx context.Context, file databaseFile, told []history.Op, w *work) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	forget(told)
	db, err := driver.Connect(ctx, file.dsn(""), driver.WithLogger(nil))
	if err != nil {
		return fmt.Errorf("after the power was back: %w", err)
	}
	defer func() { _ = db.Close() }() // it is looked at no more
	var log journal
	o := clients.Options{Seed: w.rng.Uint64(), First: 1000, Record: history.NewRecorder(&log)}
	for _, tenant := range tenants {
		store, err := db.Store(ctx, tenant)
		if err != nil {
			return fmt.Errorf("after the power was back: %w", err)
		}
		o.Tenants = append(o.Tenants, clients.Tenant{Name: tenant, Store: store})
	}
	report, err := judge(ctx, "sqlite", file.dsn(""), o, func() ([]history.Op, error) {
		more, err := log.ops()
		return append(told, more...), err
	})
	w.found(report)
	if err != nil {
		return fmt.Errorf("after the power was back: %w", err)
	}
	return nil
}

// forget makes unknown what the last claims were told: a claim does not wait for the disk, and a power failure ends
// its worker, too. What was committed after it, and waited for the disk, took it along.
func forget(ops []history.Op) {
	synced := int64(0)
	for i := range ops {
		if op := &ops[i]; op.Outcome == history.OK && op.Kind != history.Claimed && op.Kind != history.Seen {
			synced = max(synced, op.Call)
		}
	}
	for i := range ops {
		if op := &ops[i]; op.Kind == history.Claimed && op.Outcome == history.OK && op.Return > synced {
			op.Outcome = history.Unknown
		}
	}
}
