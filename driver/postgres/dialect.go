package postgres

import (
	"fmt"
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/query"
)

// dialect is PostgreSQL's SQL. Lists are arrays. No statement calls a volatile function in an
// UPDATE or spans two schemas, so that schema-based sharding (Citus) can place a tenant anywhere.
var dialect = &query.Dialect{
	Name:        "postgres",
	Placeholder: sq.Dollar,
	Quote:       quote,
	Now:         "now()",
	Clock:       "statement_timestamp()",
	UUIDs:       "unnest(?::uuid[]) AS given (value)",
	Texts:       "unnest(?::text[]) AS given (value)",
	Aggregates: "(SELECT number - 1 AS number, aggregate_type, aggregate_id" +
		" FROM unnest(?::text[], ?::uuid[]) WITH ORDINALITY AS given (aggregate_type, aggregate_id, number))",
	// A btree index is searched for an array's values in order, and 1.3 times as fast as joined
	// with the subquery.
	IsOneOf:   "= ANY (?::uuid[])",
	IsOneText: "= ANY (?::text[])",
	RowID:     "ctid",
	IsAmong:   func(selected string) string { return "= ANY (ARRAY(" + selected + "))" },
	Pairs:     "unnest(?::uuid[], ?::uuid[]) AS pairs (first, second)",
	PairArgs:  func(first, second []uuid.UUID) []any { return []any{first, second} },
	After:     "statement_timestamp() + ? * interval '1 microsecond'",
	Plus: func(moment, seconds string) string {
		return moment + " + (" + seconds + ") * interval '1 second'"
	},
	Day:       func(moment string) string { return "CAST(floor(extract(epoch FROM " + moment + ") / 86400) AS bigint)" },
	Unindexed: func(column string) string { return column },
	Bytewise:  func(column string) string { return column + ` COLLATE "C"` },
	// Without OFFSET 0 the planner may take it for a join, and merge from the oldest event on, or read
	// the whole table.
	Each: func(table query.Table, alias, where string) string {
		return "CROSS JOIN LATERAL (SELECT " + alias + ".* FROM " + quote(table) + " " + alias + " WHERE " + where + " OFFSET 0) " + alias
	},
	EachOfAggregate: func(queue query.Table) string {
		return "CROSS JOIN LATERAL (SELECT * FROM " + quote(queue) + " WHERE aggregate_id = c.aggregate_id" +
			" AND aggregate_type = c.aggregate_type AND aggregate_version >= c.aggregate_version ORDER BY aggregate_version LIMIT ?) q"
	},
	EachHasLimit: true,
	Horizon:      horizon,
	AggregateArgs: func(aggregates []driver.Aggregate) []any {
		types, ids := make([]string, len(aggregates)), make([]uuid.UUID, len(aggregates))
		for i, a := range aggregates {
			types[i], ids[i] = a.Type, a.ID
		}
		return []any{types, ids}
	},
	Reserve: func(numbered query.Table) string {
		return "SELECT nextval('" + sequence(numbered) + "'), now() FROM generate_series(1, ?)"
	},
	PartitionBounds: partitionBounds,
	PartitionList:   partitionList,
	TableBytes:      func(quoted string) string { return "pg_total_relation_size('" + quoted + "')" },
	LockWait: func(wait time.Duration) string {
		return fmt.Sprintf("SET LOCAL lock_timeout = %d", wait.Milliseconds())
	},
	Locks:       true,
	WritableCTE: true,
}

// quote qualifies the table: the search_path of a pooled connection is nobody's.
func quote(t query.Table) string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// sequence is the one that gives the positions of a table.
func sequence(numbered query.Table) string {
	return quote(query.Table{Schema: numbered.Schema, Name: numbered.Name + "_position_seq"})
}

// showsLocks tells of all rows of pg_locks whether they can be relied on: who reads them holds a lock on
// them itself. A standby has locks of its own only.
const showsLocks = "count(*) FILTER (WHERE pid = pg_backend_pid()) > 0 AND NOT pg_is_in_recovery()"

// horizon relies on two things. Who takes a position locks the sequence first, until the end of the
// transaction (PostgreSQL's nextval does), so that pg_locks names everybody who took one and has not
// ended. And the lock goes after the commit became visible. The highest position that this statement sees
// was taken before it began, and all lower ones before that. So each of them whose transaction is not
// among the holders is visible to every statement that begins afterwards, or will never be.
func horizon(events, numbered query.Table) string {
	return "SELECT (SELECT coalesce(max(position), 0) FROM " + quote(events) + ") AS last," +
		" coalesce(string_agg(virtualtransaction, ' ') FILTER (WHERE relation = '" + sequence(numbered) + "'::regclass AND mode = 'RowExclusiveLock'), '') AS holders, " +
		showsLocks + " AS reliable," +
		" current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') AS is_fresh" +
		" FROM pg_catalog.pg_locks WHERE locktype = 'relation'" +
		" AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
}
