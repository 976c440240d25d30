package query

import (
	"slices"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// eventSQL is every statement on events, in the dialect and for the schema of a store. testdata/
// shows them as they are sent.
type eventSQL struct {
	// One row: position, version, occurred_at, created_at; none if the id or the version is taken.
	// The second numbers the event itself.
	save, saveNext string
	// What stood in the way of a save: is the id taken, is the version taken, the last version.
	conflict string
	reserve  string
	takenID  string

	lastVersion, lastVersions string

	byID, exists                         string
	byAggregate, byCorrelation, byType   string
	byContext, withoutContext, queuePage string

	// The statements that mark ids as processed, to be run in order with the same argument. The
	// last one's changed rows are the count.
	mark []string

	countUnprocessed, countProcessing, countByType string

	locks *lockSQL
}

// What a read of whole events selects, and one of events in the queue.
var (
	allColumns     = driver.EventColumns()
	waitingColumns = queuedColumns(allColumns)
)

// insertColumns are the columns of an event that a save sets, in the order of insertArgs.
var insertColumns = []string{
	"id", "event_type", "event_name", "aggregate_type", "aggregate_id", "event_data", "event_metadata",
	"correlation_id", "causation_id", "triggered_by_user_id", "context_id", "occurred_at", "aggregate_version",
}

func insertArgs(e *driver.Event) []any {
	return []any{
		e.ID, e.EventType, e.EventName, e.AggregateType, e.AggregateID, e.EventData, e.EventMetadata,
		e.CorrelationID, e.CausationID, e.TriggeredByUserID, e.ContextID, zeroAsNull(e.OccurredAt), e.AggregateVersion,
	}
}

// queueColumns are the columns of a row of the queue that a save sets, in the order of queueArgs.
var queueColumns = []string{"position", "event_id", "event_type", "aggregate_type", "aggregate_id", "aggregate_version"}

func queueArgs(e *driver.Event) []any {
	return []any{e.Position, e.ID, e.EventType, e.AggregateType, e.AggregateID, e.AggregateVersion}
}

// builder renders the statements on events.
type builder struct {
	*schemaSQL
	events, queue, processed, dead string
}

func newBuilder(s *schemaSQL) *builder {
	return &builder{s, s.quote(eventsTable), s.quote(queueTable), s.quote(processedTable), s.quote(deadLettersTable)}
}

func newEventSQL(s *schemaSQL) *eventSQL {
	d, schema := s.dialect, s.schema
	b := newBuilder(s)
	newestFirst := "e.occurred_at DESC, e.position DESC"
	return &eventSQL{
		save:         b.save("?"),
		saveNext:     b.save("(SELECT coalesce(max(aggregate_version), 0) + 1 FROM " + b.events + " WHERE aggregate_type = ? AND aggregate_id = ?)"),
		conflict:     b.conflict(),
		reserve:      b.render(sq.Expr(d.Reserve(Table{schema, eventsTable}))),
		takenID:      b.takenID(),
		lastVersion:  b.render(sq.Select("coalesce(max(aggregate_version), 0)").From(b.events).Where("aggregate_type = ? AND aggregate_id = ?")),
		lastVersions: b.lastVersions(),

		byID:           b.render(b.read(allColumns).Where("e.id = ?")),
		exists:         b.render(sq.Select().Column(sq.Expr("EXISTS (?)", sq.Select("1").From(b.events).Where("id = ?")))),
		byAggregate:    b.list(b.read(allColumns).Where("e.aggregate_type = ? AND e.aggregate_id = ? AND e.aggregate_version >= ?"), "e.aggregate_version"),
		byCorrelation:  b.list(b.read(allColumns).Where("e.correlation_id = ?"), "e.occurred_at, e.position"),
		byType:         b.list(b.read(allColumns).Where("e.event_type = ?"), newestFirst),
		byContext:      b.list(b.read(allColumns).Where("e.context_id = ?"), newestFirst),
		withoutContext: b.list(b.read(allColumns).Where("e.context_id IS NULL"), newestFirst),
		queuePage:      b.waiting(waitingColumns, b.queuePage()),

		mark: b.mark(),

		countUnprocessed: b.render(sq.Select("count(*)").From(b.queue + " q").Where(b.unleased())),
		countProcessing:  b.render(sq.Select("count(*)").From(b.queue + " q").Where("q.lease_until > " + d.Clock)),
		countByType:      b.render(sq.Select("event_type", "count(*)").From(b.events).Where("occurred_at >= ?").GroupBy("event_type")),

		locks: &lockSQL{builder: b},
	}
}

// read selects events, and when each was processed if that is wanted.
func (b *builder) read(columns []driver.EventColumn) sq.SelectBuilder {
	return sq.Select(names(columns)...).From(b.events + " e").
		LeftJoin(b.processed + " p ON p.position = e.position")
}

// waiting selects the events whose positions the select queued finds in the queue, in any order: a
// database would sort them with their payloads. It finds them first and reads their events
// afterwards: joined in one go, locking reads every event that somebody else holds, and a plan can
// begin with the oldest event of all.
func (b *builder) waiting(columns []driver.EventColumn, queued sq.Sqlizer) string {
	return b.render(sq.Select(names(columns)...).From("queued q").
		JoinClause(b.eachEvent("e.position = q.position")).
		PrefixExpr(sq.Expr("WITH queued AS MATERIALIZED (?)", queued)))
}

// eachEvent joins with the events e for which where holds, one lookup for each row before.
func (b *builder) eachEvent(where string) string {
	return b.dialect.Each(Table{b.schema, eventsTable}, "e", where)
}

// eachWaiting is eachEvent for the rows of the queue, under an alias.
func (b *builder) eachWaiting(alias, where string) string {
	return b.dialect.Each(Table{b.schema, queueTable}, alias, where)
}

// queuedColumns are those of columns that waiting reads: what is in the queue is not processed yet.
func queuedColumns(columns []driver.EventColumn) []driver.EventColumn {
	return slices.DeleteFunc(slices.Clone(columns), func(c driver.EventColumn) bool { return c == driver.EventColumnProcessedAt })
}

func names(columns []driver.EventColumn) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = "e." + string(column)
		if column == driver.EventColumnProcessedAt {
			names[i] = "p.processed_at"
		}
	}
	return names
}

// unleased holds for a row q of the queue that nobody leases.
func (b *builder) unleased() string {
	return "(q.lease_until IS NULL OR q.lease_until <= " + b.dialect.Clock + ")"
}

// save stores one event, numbered by the expression version.
func (b *builder) save(version string) string {
	values := make([]any, len(insertColumns))
	for i, column := range insertColumns {
		switch column {
		case "occurred_at":
			values[i] = sq.Expr("coalesce(?, " + b.dialect.Now + ")")
		case "aggregate_version":
			values[i] = sq.Expr(version)
		default:
			values[i] = sq.Expr("?")
		}
	}
	const saved = "position, aggregate_version, occurred_at, created_at"
	queued := strings.Join(queueColumns, ", ")
	insert := sq.Insert(b.events).Columns(insertColumns...).Values(values...)
	if !b.dialect.WritableCTE {
		return b.render(insert.Suffix("ON CONFLICT DO NOTHING RETURNING " + saved)) // the caller enqueues it
	}
	return b.render(sq.Select(saved).From("saved").PrefixExpr(sq.Expr("WITH saved AS (?), queued AS (?)",
		insert.Suffix("ON CONFLICT DO NOTHING RETURNING id AS event_id, event_type, aggregate_type, aggregate_id, "+saved),
		sq.Insert(b.queue).Columns(queueColumns...).Select(sq.Select(queued).From("saved")))))
}

func (b *builder) conflict() string {
	exists := func(where string) sq.Sqlizer {
		return sq.Expr("EXISTS (?)", sq.Select("1").From(b.events).Where(where))
	}
	return b.render(sq.Select().
		Column(exists("id = ?")).
		Column(exists("aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?")).
		Column(sq.Expr("(?)", sq.Select("coalesce(max(aggregate_version), 0)").From(b.events).
			Where("aggregate_type = ? AND aggregate_id = ?"))))
}

func (b *builder) lastVersions() string {
	last := sq.Select("coalesce(max(e.aggregate_version), 0)").From(b.events + " e").
		Where("e.aggregate_type = a.aggregate_type AND e.aggregate_id = a.aggregate_id")
	return b.render(sq.Select("a.number").Column(sq.Expr("(?)", last)).
		From(b.dialect.Aggregates + " a").OrderBy("a.number"))
}

func (b *builder) mark() []string {
	given := "event_id " + b.dialect.IsOneOf
	done := sq.Delete(b.queue).Where(given)
	record := sq.Insert(b.processed).Columns("position", "processed_at")
	if b.dialect.WritableCTE {
		return []string{b.render(record.
			PrefixExpr(sq.Expr("WITH done AS (?)", done.Suffix("RETURNING position"))).
			Select(sq.Select("position", b.dialect.Now).From("done")))}
	}
	return []string{
		b.render(record.Select(sq.Select("position", b.dialect.Now).From(b.queue).Where(given))),
		b.render(done),
	}
}

// takenID finds the ids first: asked for the one with the lowest position, a plan can go through
// all events in that order.
func (b *builder) takenID() string {
	taken := sq.Select("e.id", "e.position").From(b.dialect.UUIDs).Join(b.events + " e ON e.id = value")
	return b.render(sq.Select("id").From("taken").OrderBy("position").Suffix("LIMIT 1").
		PrefixExpr(sq.Expr("WITH taken AS MATERIALIZED (?)", taken)))
}
