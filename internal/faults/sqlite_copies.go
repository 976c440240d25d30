package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/clients"
	"github.com/neomultitenant/neoevents/internal/history"
)

// copyTo makes a copy of the database as it is at a moment, in one file.
func (f databaseFile) copyTo(ctx context.Context, to string) (databaseFile, error) {
	db, err := f.connect("?_pragma=busy_timeout(60000)")
	if err != nil {
		return "", err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return databaseFile(to), errors.Join(err, db.Close())
}

// some lets clients make calls on a database that is not theirs, and returns an error for a defect.
func some(ctx context.Context, dsn string, seed uint64, expected func(error) bool, then func(stores []driver.Store) error) error {
	db, err := driver.Connect(ctx, dsn, driver.WithLogger(nil), driver.WithMigrations(driver.MigrateVerify))
	if err != nil {
		return err
	}
	o := clients.Options{Clients: 2, Operations: 40, Seed: seed, Record: history.NewRecorder(io.Discard), Expected: expected}
	var stores []driver.Store
	for _, tenant := range tenants {
		store, err := db.Store(ctx, tenant)
		if err != nil {
			return errors.Join(err, db.Close())
		}
		stores = append(stores, store)
		o.Tenants = append(o.Tenants, clients.Tenant{Name: tenant, Store: store})
	}
	err = clients.Run(ctx, o)
	if err == nil {
		err = then(stores)
	}
	return errors.Join(err, db.Close())
}

// openReadOnly opens the file, or a copy that nobody may write to, and tries what clients do: all that writes is
// refused as read-only, the rest works.
func openReadOnly(ctx context.Context, file databaseFile, w *work) error {
	refused := func(stores []driver.Store) error {
		for _, store := range stores {
			if err := probe(ctx, store, driver.ErrReadOnly); err != nil {
				return err
			}
			if _, err := store.Events().CountUnprocessed(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if err := some(ctx, file.dsn("?mode=ro"), w.rng.Uint64(), nil, refused); err != nil {
		return err
	}
	still, err := file.copyTo(ctx, string(file)+".copy")
	if err != nil {
		return err
	}
	err = os.Chmod(string(still), 0o400)
	if err == nil {
		err = some(ctx, still.dsn("?immutable=1"), w.rng.Uint64(), nil, refused)
	}
	return errors.Join(err, os.Remove(string(still)))
}

// damageCopy changes bytes in a copy of the file and lets clients work on that: every failure is an error of
// package driver, nothing panics, and of a transaction that failed nothing is there. Damage that SQLite has no way to
// see, such as another letter in a text, stays unseen: its pages have no checksums.
func damageCopy(ctx context.Context, file databaseFile, w *work) error {
	damaged, err := file.copyTo(ctx, string(file)+".copy")
	if err != nil {
		return err
	}
	defer func() {
		_ = errors.Join(os.Remove(string(damaged)), remove(damaged, "-wal"), remove(damaged, "-shm"))
	}()
	if err := damaged.damage(w); err != nil {
		return err
	}
	typed := func(err error) bool {
		var failed *driver.Error
		return errors.As(err, &failed)
	}
	err = some(ctx, damaged.dsn(""), w.rng.Uint64(), typed, func(stores []driver.Store) error { return halves(ctx, stores) })
	if typed(err) {
		return nil // it could not even be opened
	}
	return err
}

// damage changes some bytes, or whole pages, anywhere, or cuts the file short.
func (f databaseFile) damage(w *work) error {
	bytes, err := os.ReadFile(string(f))
	if err != nil {
		return err
	}
	const page = 4096
	switch w.rng.IntN(4) {
	case 0:
		bytes = bytes[:w.rng.IntN(len(bytes))]
	case 1:
		for range 1 + w.rng.IntN(len(bytes)/page/4+1) {
			at := w.rng.IntN(len(bytes)/page) * page
			for i := range page {
				bytes[at+i] = byte(w.rng.Uint32())
			}
		}
	default:
		for range 1 + w.rng.IntN(len(bytes)/100) {
			bytes[w.rng.IntN(len(bytes))] ^= byte(1 << w.rng.IntN(8))
		}
	}
	return os.WriteFile(string(f), bytes, 0o600)
}

// halves saves pairs of events, and returns an error if of one that was refused an event is there.
func halves(ctx context.Context, stores []driver.Store) error {
	for _, store := range stores {
		for range 10 {
			pair := [2]driver.Event{}
			err := store.InTx(ctx, func(tx driver.Store) error {
				for i := range pair {
					pair[i] = driver.Event{ID: uuid.New(), EventType: "probe.sent", AggregateType: "Probe", AggregateID: uuid.New(), EventData: []byte("{}")}
					if _, err := tx.Events().Save(ctx, pair[i]); err != nil {
						return err
					}
				}
				return nil
			})
			for i := range pair {
				there, unread := store.Events().Exists(ctx, pair[i].ID)
				if err != nil && unread == nil && there {
					return fmt.Errorf("event %s is there, and its transaction ended with %v", pair[i].ID, err)
				}
			}
		}
	}
	return nil
}
