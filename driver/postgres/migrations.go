package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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

// Forget implements migrate.Target.
func (d *db) Forget(schema string) { d.stores.Forget(schema) }

// EventPartitions implements migrate.Target.
func (d *db) EventPartitions() int64 { return d.config.EventPartitions }

// MigrationVersion implements migrate.Target. Unprepared, it is one round trip.
func (d *db) MigrationVersion(ctx context.Context, schema string) (version int, dirty bool, err error) {
	conn, err := d.acquire(ctx, schema)
	if err != nil {
		return 0, false, err
	}
	defer d.release(ctx, conn)
	err = runQuery(ctx, conn, versionSQL(schema), []any{pgx.QueryExecModeExec}, []any{&version, &dirty}, nil)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == "42P01" { // undefined_table: nor need there be the schema
		return 0, false, nil
	}
	return version, dirty, classify(ctx, err, false)
}

func versionSQL(schema string) string {
	return "SELECT version, dirty FROM " + versionTable(schema) + " LIMIT 1"
}

// MigrationTx implements migrate.Target. An advisory lock, gone with the transaction, keeps other
// processes out.
func (d *db) MigrationTx(ctx context.Context, schema string, fn func(tx migrate.Tx) error) error {
	return (&executor{d, schema}).InTx(ctx, func(tx query.Executor) error {
		m := &migrationTx{transaction: tx.(*transaction), schema: schema}
		if err := m.prepare(ctx); err != nil {
			return err
		}
		return fn(m)
	})
}

// migrationTx implements migrate.Tx.
type migrationTx struct {
	*transaction
	schema string

	lz4, insertVacuum, partitioned bool
}

// prepare takes the lock, learns what the server can do and creates what is missing. It looks
// before it creates the schema: to create one that is there takes rights that the app may not have.
func (m *migrationTx) prepare(ctx context.Context) error {
	if _, err := m.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", []any{"neoevents:" + m.schema}); err != nil {
		return err
	}
	exists := false
	err := m.Query(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1),"+
		" EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)),"+
		" "+insertVacuum+","+
		" EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass($2) AND relkind = 'p')",
		[]any{m.schema, quote(query.Table{Schema: m.schema, Name: "events"})}, []any{&exists, &m.lz4, &m.insertVacuum, &m.partitioned}, nil)
	if err != nil {
		return err
	}
	script := "CREATE TABLE IF NOT EXISTS " + versionTable(m.schema) + " (version bigint PRIMARY KEY, dirty boolean NOT NULL)"
	if !exists {
		script = "CREATE SCHEMA " + pgx.Identifier{m.schema}.Sanitize() + "; " + script
	}
	return m.Run(ctx, script)
}

// insertVacuum tells whether the server vacuums tables for what was added to them, as from version 13 on.
const insertVacuum = "CAST(current_setting('server_version_num') AS integer) >= 130000"

func (m *migrationTx) Has(feature string) bool {
	return feature == "lz4" && m.lz4 || feature == "insert_vacuum" && m.insertVacuum || feature == "partitions" && m.partitioned
}

// Run sends the script as one message: prepared statements are single ones.
func (m *migrationTx) Run(ctx context.Context, script string) error {
	_, err := m.link.(pgxTx).tx.Conn().PgConn().Exec(ctx, script).ReadAll()
	return m.check(ctx, err)
}

func (m *migrationTx) Version(ctx context.Context) (version int, dirty bool, err error) {
	err = m.Query(ctx, versionSQL(m.schema), nil, []any{&version, &dirty}, nil)
	return version, dirty, err
}

// DropSchema implements driver.DB.
func (d *db) DropSchema(ctx context.Context, schema string) error {
	return migrate.Drop(ctx, d, schema)
}

// DropIfEmpty implements migrate.Tx.
func (m *migrationTx) DropIfEmpty(ctx context.Context) error {
	if m.schema == "public" {
		return nil
	}
	err := m.InTx(ctx, func(savepoint query.Executor) error {
		_, err := savepoint.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{m.schema}.Sanitize(), nil)
		return err
	})
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && (refusal.Code == "2BP01" || refusal.Code == "42501") {
		return nil // others have objects in it, or it is another role's
	}
	return err
}
