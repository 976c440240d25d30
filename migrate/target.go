package migrate

import (
	"context"

	"github.com/neomultitenant/neoevents/driver"
)

// VersionTable is the table that holds a schema's version, in golang-migrate's format.
const VersionTable = "neoevents_migrations"

// Target is a database whose schemas this package migrates. The DBs of the backends are Targets.
type Target interface {
	driver.DB

	// MigrationDialect names the folder of migrations, under sql/.
	MigrationDialect() string

	// MigrationTable returns the name of a schema's table, or of an index on backends where they
	// share one room with those of other schemas, as it stands in a statement.
	MigrationTable(schema, name string) string

	// MigrationVersion reads a schema's version in one round trip. A schema without VersionTable is
	// at version 0.
	MigrationVersion(ctx context.Context, schema string) (version int, dirty bool, err error)

	// MigrationTx runs fn in a transaction in which no other process migrates the schema. It
	// creates the schema and VersionTable first if they are not there. Either all that fn does
	// takes effect or nothing.
	MigrationTx(ctx context.Context, schema string, fn func(tx Tx) error) error

	// EventPartitions is how many positions each partition of the events of a new schema is to have; 0:
	// they are not to be partitioned.
	EventPartitions() int64

	// Forget makes the next call of Store look at the schema anew.
	Forget(schema string)
}

// Tx is a transaction that migrates one schema.
type Tx interface {
	// Has reports a feature of the server that migrations make use of, "lz4" or "insert_vacuum", or that the
	// schema has "partitions".
	Has(feature string) bool
	// DropIfEmpty drops the schema itself if nothing is left in it, where there is such a thing.
	DropIfEmpty(ctx context.Context) error
	// Run runs a script of statements, separated by semicolons.
	Run(ctx context.Context, script string) error
	// Version reads VersionTable: 0 if it is empty.
	Version(ctx context.Context) (version int, dirty bool, err error)
}
