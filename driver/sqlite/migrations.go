package sqlite

import (
	"context"

	"github.com/neomultitenant/neoevents/migrate"
	"github.com/neomultitenant/neoevents/query"
)

// MigrationDialect implements migrate.Target.
func (d *db) MigrationDialect() string { return dialect.Name }

// MigrationTable implements migrate.Target.
func (d *db) MigrationTable(schema, name string) string {
	return quote(query.Table{Schema: schema, Name: name})
}

func versionTable(schema string) string {
	return quote(query.Table{Schema: schema, Name: migrate.VersionTable})
}

// EventPartitions implements migrate.Target: SQLite has none.
func (d *db) EventPartitions() int64 { return 0 }

// Forget implements migrate.Target.
func (d *db) Forget(schema string) { d.stores.Forget(schema) }

// MigrationVersion implements migrate.Target. It asks the writer: each change of a table makes
// every other connection read the whole catalog again, which grows with the number of schemas.
func (d *db) MigrationVersion(ctx context.Context, schema string) (int, bool, error) {
	s, err := d.writer.acquire(ctx)
	if err != nil {
		return 0, false, err
	}
	defer d.writer.release(s)
	tx := &migrationTx{&transaction{runner: s}, schema}
	installed := int64(0)
	err = tx.Query(ctx, "SELECT count(*) FROM pragma_table_info(?)",
		[]any{prefix(query.Table{Schema: schema, Name: migrate.VersionTable})}, []any{&installed}, nil)
	if err != nil || installed == 0 {
		return 0, false, err
	}
	return tx.Version(ctx)
}

// MigrationTx implements migrate.Target: SQLite's write lock keeps other processes out.
func (d *db) MigrationTx(ctx context.Context, schema string, fn func(tx migrate.Tx) error) error {
	return (&executor{d}).InTx(ctx, func(tx query.Executor) error {
		m := &migrationTx{tx.(*transaction), schema}
		err := m.Run(ctx, "CREATE TABLE IF NOT EXISTS "+versionTable(m.schema)+" (version INTEGER PRIMARY KEY, dirty INTEGER NOT NULL) STRICT")
		if err != nil {
			return err
		}
		return fn(m)
	})
}

// migrationTx implements migrate.Tx.
type migrationTx struct {
	*transaction
	schema string
}

func (m *migrationTx) Has(string) bool { return false }

func (m *migrationTx) DropIfEmpty(context.Context) error { return nil }

// Run runs the script past the kept statements: it runs once.
func (m *migrationTx) Run(ctx context.Context, script string) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	_, err := m.runner.(*session).conn.ExecContext(ctx, script)
	return m.check(ctx, err)
}

func (m *migrationTx) Version(ctx context.Context) (int, bool, error) {
	version, dirty := int64(0), false
	err := m.Query(ctx, "SELECT version, dirty FROM "+versionTable(m.schema)+" LIMIT 1", nil, []any{&version, &dirty}, nil)
	return int(version), dirty, err
}

// DropSchema implements driver.DB.
func (d *db) DropSchema(ctx context.Context, schema string) error {
	return migrate.Drop(ctx, d, schema)
}
