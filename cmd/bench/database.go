package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// The dropping of the schemas, which also happens after an interruption, is bounded by cleanupTime and
// cleanupEach for each.
const (
	cleanupTime = time.Minute
	cleanupEach = time.Second
)

// database is the database to measure, and how to leave it as it was.
type database struct {
	driver.DB
	connect func(ctx context.Context) (driver.DB, error) // opens another pool
	schema  string
	dir     string // of the temporary file; empty: the database is the user's
	keep    bool
	made    []string // schemas that are ours to drop

	look    inspector // nil: lookErr says why
	lookErr error

	archiveDir string       // a temporary folder; empty: there is none
	archiving  *archive.Dir // the same
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
	if cfg.partitions > 0 {
		opts = append(opts, driver.WithEventPartitions(int64(cfg.partitions)))
	}
	if conns := cfg.conns(); conns > defaultWorkers {
		opts = append(opts, driver.WithMaxConns(conns))
	}
	d.connect = func(ctx context.Context) (driver.DB, error) { return driver.Connect(ctx, dsn, opts...) }
	var err error
	if d.DB, err = d.connect(ctx); err != nil {
		if errors.Is(err, driver.ErrInvalid) {
			err = usageError{err}
		}
		return nil, errors.Join(err, d.removeFile())
	}
	d.lookErr = errors.New("nothing is known about the backend")
	if inspect := backends[d.Stats().Backend].inspect; inspect != nil {
		d.look, d.lookErr = inspect(ctx, dsn)
	}
	return d, nil
}

// conns is how many connections the scenarios need.
func (cfg *config) conns() int {
	conns := cfg.workers
	for _, s := range cfg.scenarios {
		conns = max(conns, s.conns)
	}
	return conns
}

// secondSchema is what the name of the second schema has after that of the first.
const secondSchema = "-2"

// fresh returns the store of a schema with nothing in it. Stores from before must no longer be
// used.
func (d *database) fresh(ctx context.Context) (driver.Store, error) {
	if err := d.drop(ctx); err != nil {
		return nil, err
	}
	return d.create(ctx, d.schema)
}

// second returns the store of another schema with nothing in it, which goes with the first one.
func (d *database) second(ctx context.Context) (driver.Store, error) {
	return d.create(ctx, d.schema+secondSchema)
}

func (d *database) create(ctx context.Context, schema string) (driver.Store, error) {
	if err := d.claimNames(ctx, schema); err != nil {
		return nil, err
	}
	return d.Store(ctx, schema)
}

// claimNames has the schemas dropped in the end, unless one is there already.
func (d *database) claimNames(ctx context.Context, schemas ...string) error {
	there, err := d.Schemas(ctx)
	if err != nil {
		return err
	}
	for _, schema := range schemas {
		if slices.Contains(there, schema) {
			return usageError{fmt.Errorf("schema %s is in use, and the run would drop it; name one with -schema that is not there", schema)}
		}
	}
	d.made = append(d.made, schemas...)
	return nil
}

// traits returns what scenarios have to know of the database.
func (d *database) traits(ctx context.Context) (traits, error) {
	capabilities, err := d.Capabilities(ctx)
	return traits{capabilities, d.Stats().MaxConns}, err
}

// close drops what was made, unless it is to be kept, and disconnects, whether or not ctx has ended.
func (d *database) close(ctx context.Context) error {
	var errs []error
	if !d.keep && d.dir == "" { // with the temporary file it goes anyway
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime+time.Duration(len(d.made))*cleanupEach)
		defer cancel()
		errs = append(errs, d.drop(ctx))
	}
	if d.look != nil {
		errs = append(errs, d.look.close())
	}
	return errors.Join(append(errs, d.Close(), d.removeFile(), d.removeArchives())...)
}

// archives returns the folder of the schemas' archives.
func (d *database) archives() (*archive.Dir, error) {
	if d.archiving != nil {
		return d.archiving, nil
	}
	var err error
	if d.archiveDir, err = os.MkdirTemp("", "neoevents-bench-archives-"); err == nil {
		d.archiving, err = archive.OpenDir(d.archiveDir)
	}
	return d.archiving, err
}

func (d *database) removeArchives() error {
	if d.archiving == nil {
		return nil
	}
	err := d.archiving.Close()
	d.archiving = nil
	if d.keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(d.archiveDir))
}

// schemasAtOnce is how many schemas are made, or dropped, at a time.
const schemasAtOnce = 4

// drop drops the schemas; that one isn't there, as after an interrupted migration, is fine.
func (d *database) drop(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(schemasAtOnce)
	for _, schema := range d.made {
		group.Go(func() error {
			err := d.DropSchema(ctx, schema)
			if errors.Is(err, driver.ErrNotMigrated) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	d.made = nil
	return d.removeArchives()
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
