// Package migrate brings the tables of schemas to the version that this library needs, and back. A
// Store does that by itself when it is first asked for; this package is for those who migrate in a
// step of a deployment (driver.WithMigrations(driver.MigrateVerify) then only checks). Command
// cmd/migrate does the same from a shell.
//
// A schema's migrations run in one transaction, under a lock that other processes respect: they
// take effect as a whole or not at all, and of two processes that migrate one schema at once the
// second finds the work done.
package migrate

import (
	"context"
	"errors"
	"fmt"

	engine "github.com/golang-migrate/migrate/v4"
	"golang.org/x/sync/errgroup"

	"github.com/neomultitenant/neoevents/driver"
)

// partitionsSince is the first version whose schemas can have partitioned events.
const partitionsSince = 5

// Concurrency is how many schemas Up and Verify work on at a time.
const Concurrency = 8

// Status is where a schema stands.
type Status struct {
	Schema  string
	Version int  // 0: neoevents is not installed
	Latest  int  // the version that this library needs
	Dirty   bool // another tool's migration failed half-way
}

// Up brings schemas to the latest version, creating those that are not there, several at a time.
// One schema's failure does not keep the others back; the failures are returned together, each a
// *driver.Error that names its schema. Errors: ErrInvalid for a schema name, ErrSchemaTooNew,
// ErrDirty, ErrUnavailable.
func Up(ctx context.Context, db driver.DB, schemas ...string) error {
	return each(db, schemas, func(t Target, schema string) error {
		_, err := up(ctx, t, schema)
		return err
	})
}

// Verify changes nothing and reports the schemas that are not at the latest version:
// ErrNotMigrated, ErrSchemaTooNew or ErrDirty, each with its remedy.
func Verify(ctx context.Context, db driver.DB, schemas ...string) error {
	return each(db, schemas, func(t Target, schema string) error { return verify(ctx, t, schema) })
}

// Version returns where a schema stands. A schema that is not there is at version 0.
func Version(ctx context.Context, db driver.DB, schema string) (Status, error) {
	status := Status{Schema: schema}
	err := each(db, []string{schema}, func(t Target, schema string) (err error) {
		status, err = readStatus(ctx, t, schema)
		return err
	})
	return status, err
}

// Down takes a schema back to a version, 0 for nothing at all. Everything that later versions store
// is lost, and Stores of the schema must no longer be used. Errors: ErrInvalid for a version that
// is above the schema's; those of Verify but ErrNotMigrated.
func Down(ctx context.Context, db driver.DB, schema string, version int) error {
	return each(db, []string{schema}, func(t Target, schema string) error {
		status, err := readStatus(ctx, t, schema)
		if err == nil {
			err = status.usable(t)
		}
		switch {
		case err != nil:
			return fail("migrate.Down", schema, err)
		case version < 0 || version > status.Version:
			return fail("migrate.Down", schema, &driver.InvalidError{Field: "version", Reason: fmt.Sprintf("must be 0 to %d, the schema's", status.Version)})
		case version == status.Version:
			return nil
		}
		return fail("migrate.Down", schema, undo(ctx, t, schema, func(tx Tx) error {
			switch {
			case version == 0:
				return uninstall(ctx, t, schema, tx)
			case version < partitionsSince && tx.Has("partitions"):
				return &driver.Error{Kind: driver.ErrState, Err: fmt.Errorf("its events are partitioned, which no version before %d knows; only 0, which removes everything, is below", partitionsSince)}
			}
			return run(ctx, t, schema, tx, func(m *engine.Migrate) error { return m.Migrate(uint(version)) })
		}))
	})
}

// Drop removes all that is installed in a schema, and the schema if nothing else is in it. For
// backends: DB.DropSchema.
func Drop(ctx context.Context, t Target, schema string) error {
	const op = "DropSchema"
	if err := driver.ValidateSchema(schema); err != nil {
		return err
	}
	status, err := readStatus(ctx, t, schema)
	if err == nil {
		err = status.usable(t)
	}
	if err == nil && status.Version == 0 {
		err = &driver.Error{Kind: driver.ErrNotMigrated, Err: errors.New("neoevents is not installed in it; DB.Schemas lists where it is")}
	}
	if err != nil {
		return fail(op, schema, err)
	}
	return fail(op, schema, undo(ctx, t, schema, func(tx Tx) error {
		if err := uninstall(ctx, t, schema, tx); err != nil {
			return err
		}
		return tx.DropIfEmpty(ctx)
	}))
}

// undo runs work in the schema's migration transaction. The Store is forgotten before, so that
// nobody is given one that is about to lose its tables, and after, for one made meanwhile.
func undo(ctx context.Context, t Target, schema string, work func(tx Tx) error) error {
	t.Forget(schema)
	defer t.Forget(schema)
	return byTheOwner(t.MigrationTx(ctx, schema, work))
}

func uninstall(ctx context.Context, t Target, schema string, tx Tx) error {
	if tx.Has("partitions") {
		if err := runFile(ctx, t, schema, tx, "partitions_drop.sql"); err != nil {
			return err
		}
	}
	if err := run(ctx, t, schema, tx, (*engine.Migrate).Down); err != nil {
		return err
	}
	return tx.Run(ctx, "DROP TABLE "+t.MigrationTable(schema, VersionTable))
}

// Ensure does what a migration mode says when a Store is first asked for. For backends.
func Ensure(ctx context.Context, t Target, schema string, config driver.Config) error {
	switch config.Migrations {
	case driver.MigrateNever:
		return nil
	case driver.MigrateVerify:
		return verify(ctx, t, schema)
	}
	before, err := up(ctx, t, schema)
	if err == nil && !before.current() {
		config.Logger.InfoContext(ctx, "neoevents: schema migrated",
			"backend", t.Stats().Backend, "schema", schema, "from", before.Version, "to", before.Latest)
	}
	return err
}

// up returns where the schema stood before.
func up(ctx context.Context, t Target, schema string) (Status, error) {
	status, err := readStatus(ctx, t, schema)
	if err == nil && !status.current() {
		err = t.MigrationTx(ctx, schema, func(tx Tx) (err error) {
			// What another process did while this one waited for the lock counts.
			status.Version, status.Dirty, err = tx.Version(ctx)
			if err == nil {
				err = status.usable(t)
			}
			if err != nil || status.current() {
				return err
			}
			err = run(ctx, t, schema, tx, (*engine.Migrate).Up)
			if err == nil && status.Version == 0 && t.EventPartitions() > 0 {
				err = runFile(ctx, t, schema, tx, "partitions.sql")
			}
			return err
		})
	}
	return status, fail("migrate.Up", schema, byTheOwner(err))
}

func verify(ctx context.Context, t Target, schema string) error {
	status, err := readStatus(ctx, t, schema)
	if err == nil {
		err = status.usable(t)
	}
	if err == nil && !status.current() {
		err = &driver.Error{Kind: driver.ErrNotMigrated, Err: fmt.Errorf(
			"it is at version %d of %d; run: go run github.com/neomultitenant/neoevents/cmd/migrate -dsn DSN -schema %s up", status.Version, status.Latest, schema)}
	}
	return fail("migrate.Verify", schema, err)
}

func readStatus(ctx context.Context, t Target, schema string) (Status, error) {
	latest, err := Latest(t.MigrationDialect())
	if err != nil {
		return Status{}, err
	}
	status := Status{Schema: schema, Latest: latest}
	status.Version, status.Dirty, err = t.MigrationVersion(ctx, schema)
	return status, err
}

func (s *Status) current() bool { return !s.Dirty && s.Version == s.Latest }

// usable reports a version that this library must not touch.
func (s *Status) usable(t Target) error {
	switch {
	case s.Dirty:
		return &driver.Error{Kind: driver.ErrDirty, Err: fmt.Errorf(
			"another tool's migration to version %d failed half-way; undo or finish by hand what it did, then: UPDATE %s SET dirty = false",
			s.Version, t.MigrationTable(s.Schema, VersionTable))}
	case s.Version > s.Latest:
		return &driver.Error{Kind: driver.ErrSchemaTooNew, Err: fmt.Errorf(
			"it is at version %d and this library knows up to %d; update the library: go get github.com/neomultitenant/neoevents@latest", s.Version, s.Latest)}
	}
	return nil
}

// each runs work on schemas, several at a time, and collects the failures.
func each(db driver.DB, schemas []string, work func(Target, string) error) error {
	target, ok := db.(Target)
	if !ok {
		return fmt.Errorf("neoevents: migrate: a %s database has no migrations", db.Stats().Backend)
	}
	errs := make([]error, len(schemas))
	var group errgroup.Group
	group.SetLimit(Concurrency)
	for i, schema := range schemas {
		group.Go(func() error {
			if errs[i] = driver.ValidateSchema(schema); errs[i] == nil {
				errs[i] = work(target, schema)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

func fail(op, schema string, err error) error { return driver.Fail(op, schema, "schema", "", err) }

// byTheOwner tells of a refusal, if it is one, which role can migrate.
func byTheOwner(err error) error {
	var refusal *driver.PermissionError
	if errors.As(err, &refusal) {
		refusal.Remedy = "only the role that owns the tables can migrate them, and one that may create schemas in the database can make new ones: migrate as that role, in a step of " +
			"the deployment, and let the app connect with driver.WithMigrations(driver.MigrateVerify)"
	}
	return err
}
