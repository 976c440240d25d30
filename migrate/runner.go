package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"

	engine "github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
)

// run lets golang-migrate work in a schema's migration transaction.
func run(ctx context.Context, t Target, schema string, tx Tx, work func(*engine.Migrate) error) error {
	source, err := newSource(t, schema, tx)
	if err != nil {
		return err
	}
	m, err := engine.NewWithInstance("embedded", source, t.MigrationDialect(), &schemaDB{ctx, tx, t.MigrationTable(schema, VersionTable)})
	if err != nil {
		return err
	}
	if err := work(m); err != nil && !errors.Is(err, engine.ErrNoChange) {
		return err
	}
	return nil
}

// runFile runs a template that is not one of the numbered migrations.
func runFile(ctx context.Context, t Target, schema string, tx Tx, name string) error {
	text, err := files.ReadFile("sql/" + t.MigrationDialect() + "/" + name)
	if err != nil {
		return err
	}
	script, err := execute(name, text, functions(t, schema, tx))
	if err != nil {
		return err
	}
	return tx.Run(ctx, script.String())
}

// schemaDB is golang-migrate's view of one schema. The transaction around it is the lock, and it
// makes dirty versions impossible: golang-migrate writes the mark before each migration and takes
// it away after, and both commit with the migration or not at all.
type schemaDB struct {
	ctx   context.Context // golang-migrate's interface has none
	tx    Tx
	table string // VersionTable
}

var _ database.Driver = (*schemaDB)(nil)

func (d *schemaDB) Version() (int, bool, error) {
	version, dirty, err := d.tx.Version(d.ctx)
	if version == 0 {
		version = database.NilVersion
	}
	return version, dirty, err
}

func (d *schemaDB) SetVersion(version int, dirty bool) error {
	script := "DELETE FROM " + d.table
	if version > 0 {
		script += fmt.Sprintf("; INSERT INTO %s (version, dirty) VALUES (%d, %t)", d.table, version, dirty)
	}
	return d.tx.Run(d.ctx, script)
}

func (d *schemaDB) Run(migration io.Reader) error {
	script, err := io.ReadAll(migration)
	if err != nil {
		return err
	}
	return d.tx.Run(d.ctx, string(script))
}

func (d *schemaDB) Lock() error   { return nil }
func (d *schemaDB) Unlock() error { return nil }
func (d *schemaDB) Close() error  { return nil }

// Open and Drop are not called by what run lets golang-migrate do.
func (d *schemaDB) Open(string) (database.Driver, error) { return nil, errors.ErrUnsupported }
func (d *schemaDB) Drop() error                          { return errors.ErrUnsupported }
