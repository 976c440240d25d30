package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

// cleanupTime bounds the dropping of the schema, which also happens after an interruption.
const cleanupTime = time.Minute

// database is the database to measure, and how to leave it as it was.
type database struct {
	driver.DB
	schema string
	dir    string // of the temporary file; empty: the database is the user's
	keep   bool
	made   bool // the schema is ours to drop
}

// openDatabase connects to the database that cfg names, or makes one in a temporary file.
func openDatabase(ctx context.Context, cfg config) (*database, error) {
	d := &database{schema: cfg.schema, keep: cfg.keep}
	dsn := cfg.dsn
	if dsn == "" {
		dir, err := os.MkdirTemp("", "neoevents-bench-")
		if err != nil {
			return nil, err
		}
		d.dir, dsn = dir, "sqlite:"+filepath.Join(dir, "bench.db")
	}
	opts := []driver.Option{driver.WithLogger(nil)} // migrations are no news here
	if cfg.workers > defaultWorkers {
		opts = append(opts, driver.WithMaxConns(cfg.workers))
	}
	var err error
	if d.DB, err = driver.Connect(ctx, dsn, opts...); err != nil {
		if errors.Is(err, driver.ErrInvalid) {
			err = usageError{err}
		}
		return nil, errors.Join(err, d.removeFile())
	}
	return d, nil
}

// fresh returns the store of a schema with nothing in it.
func (d *database) fresh(ctx context.Context) (driver.Store, error) {
	if d.made {
		if err := d.drop(ctx); err != nil {
			return nil, err
		}
		return d.Store(ctx, d.schema)
	}
	there, err := d.Schemas(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(there, d.schema) {
		return nil, usageError{fmt.Errorf("schema %s is in use, and the run would drop it; name one with -schema that is not there", d.schema)}
	}
	d.made = true
	return d.Store(ctx, d.schema)
}

// close drops what was made, unless it is to be kept, and disconnects, whether or not ctx has ended.
func (d *database) close(ctx context.Context) error {
	var errs []error
	if d.made && !d.keep && d.dir == "" { // with the temporary file it goes anyway
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		errs = append(errs, d.drop(ctx))
	}
	return errors.Join(append(errs, d.Close(), d.removeFile())...)
}

// drop drops the schema; that it isn't there, as after an interrupted migration, is fine.
func (d *database) drop(ctx context.Context) error {
	err := d.DropSchema(ctx, d.schema)
	if errors.Is(err, driver.ErrNotMigrated) {
		return nil
	}
	return err
}

func (d *database) removeFile() error {
	if d.dir == "" || d.keep {
		return nil
	}
	return os.RemoveAll(d.dir)
}

// place says where the events go, without the DSN, which may hold a password.
func (d *database) place() string {
	if d.dir == "" {
		return "schema " + d.schema
	}
	return "schema " + d.schema + " of a temporary file in " + d.dir
}
