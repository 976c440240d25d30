package query

import (
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Dialect is how a database spells what SQL has no common spelling for.
type Dialect struct {
	// Name of the backend, as in driver.Stats.
	Name string
	// Placeholder is the form of parameters.
	Placeholder sq.PlaceholderFormat
	// Quote returns the table's name, quoted and qualified, as it stands in a statement.
	Quote func(Table) string
	// Now is an expression for the present moment that is the same throughout a statement.
	Now string
	// Clock is the present moment, too, but not that of the start of the transaction where Now is:
	// leases are counted by it.
	Clock string
	// UUIDs is a FROM item that turns one parameter, a list, into rows with a column "value".
	UUIDs string
	// IsOneOf is a predicate, after a column, that one parameter, a list, has its value.
	IsOneOf string
	// IsOneText is as IsOneOf, for a list of texts.
	IsOneText string
	// Texts is as UUIDs, for a list of texts.
	Texts string
	// Pairs is a FROM item that turns the parameters of PairArgs, two lists of the same length, into
	// rows with the columns "first" and "second".
	Pairs    string
	PairArgs func(first, second []uuid.UUID) []any
	// IsAmong is a predicate, after a column, that a select of one column has its value. It looks the
	// values up in the column's index, however many the planner takes them for.
	IsAmong func(selected string) string
	// RowID is a column that every table has, whether declared or not: where a row is. It finds a row that the same statement has
	// locked without looking into an index.
	RowID string
	// After is the moment that is one parameter, in microseconds, after Clock.
	After string
	// Plus is a moment and an expression of seconds, added.
	Plus func(moment, seconds string) string
	// Day is the number of days from 1970-01-01 to a moment, in UTC.
	Day func(moment string) string
	// Unindexed is a column's value for which no index is looked for: SQLite takes the index that has
	// the order before the one that finds the fewest rows.
	Unindexed func(column string) string
	// Bytewise sorts a text by its bytes.
	Bytewise func(column string) string
	// Aggregates is a FROM item that turns the parameters of AggregateArgs into rows with the
	// columns "number" (from 0), "aggregate_type" and "aggregate_id".
	Aggregates    string
	AggregateArgs func([]driver.Aggregate) []any
	// Each joins the rows before it in a FROM clause with those of a table, under an alias, for which
	// where holds, by one lookup in an index for each, whatever the planner takes the tables for.
	Each func(table Table, alias, where string) string
	// EachOfAggregate joins the rows of a FROM item c with the rows q of the queue that are of the
	// same aggregate and of its version or a later one, by version. It may stop after so many as one
	// parameter says, if EachHasLimit.
	EachOfAggregate func(queue Table) string
	// EachHasLimit tells that EachOfAggregate has a parameter.
	EachHasLimit bool
	// Horizon is a query for the last position in a table, the transactions that took some of the table
	// which gives them and have not ended, as words, whether that can be relied on, and whether each
	// statement of this transaction sees what was committed before it. Empty where positions are
	// committed in order.
	Horizon func(events, numbered Table) string
	// Reserve returns a query with one parameter, a count, that takes so many positions of the table
	// that gives them and returns them in rising order, each with Now.
	Reserve func(numbered Table) string
	// PartitionBounds is a query for the size of the partitions of events, 0 if they are not partitioned, the
	// first position that has none, and the last one that was taken, as size, last_end and last_position.
	PartitionBounds func(events, numbered Table) string
	// PartitionList is a query for the bounds of the partitions of events, by position: the first position of
	// each and the one behind its last.
	PartitionList func(events Table) string
	// TableBytes is an expression for how many bytes a table takes, with all that belongs to it.
	TableBytes func(quoted string) string
	// LockWait is a statement after which those of a transaction fail that wait longer for a lock.
	LockWait func(time.Duration) string
	// Locks tells that rows are locked with FOR UPDATE, FOR KEY SHARE and the like, in a LATERAL
	// subquery, too. Without it a transaction must keep other writers out from its start.
	Locks bool
	// WritableCTE tells that INSERT, UPDATE and DELETE … RETURNING can stand in a WITH clause, and that
	// subqueries can be LATERAL.
	WritableCTE bool
}

// Table names a table of a schema.
type Table struct {
	Schema, Name string
}

// The tables. The migrations create them.
const (
	eventsTable        = "events"
	queueTable         = "event_queue"
	processedTable     = "event_processed"
	deadLettersTable   = "event_dead_letters"
	consumersTable     = "event_consumers"
	endpointsTable     = "webhook_endpoints"
	eventTypesTable    = "webhook_event_types"
	subscriptionsTable = "webhook_subscriptions"
	deliveriesTable    = "webhook_deliveries"
	attemptsTable      = "webhook_delivery_attempts"
	actionsTable       = "event_actions"
	actionTypesTable   = "event_action_types"
	executionsTable    = "action_executions"
	archivesTable      = "event_archives"
	archivingTable     = "event_archiving"
	keysTable          = "event_keys"
	archiveRulesTable  = "event_archive_rules"
	archiveJobsTable   = "event_archive_jobs"
	objectsTable       = "event_archive_objects"
	chunksTable        = "event_archive_chunks"
)
