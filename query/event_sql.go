package query

import (
	"fmt"
	"math"
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
	conflict   string
	reserve    string // positions, now, and whether events are archived, or are about to be
	archived   string // first and last position: whether one of these events has the id or version of an archived one
	takenID    string
	archivedIn string // id → the archive that an event is in

	lastVersion, lastVersions string

	byID, exists                         string
	byAggregate, byCorrelation, byType   string
	byContext, withoutContext, queuePage string

	// Looks for ids to mark as processed, made one after the other until all are found. The arguments of their statements
	// are the ids, once for each placeholder; the last statement of a look changes as many rows as it found.
	mark [][]string

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

// They point into the event, so that none is allocated.
func insertArgs(args []any, e *driver.Event) []any {
	return append(args,
		&e.ID, &e.EventType, &e.EventName, &e.AggregateType, &e.AggregateID, e.EventData, e.EventMetadata,
		e.CorrelationID, e.CausationID, e.TriggeredByUserID, e.ContextID, zeroAsNull(&e.OccurredAt), &e.AggregateVersion)
}

// queueColumns are the columns of a row of the queue that a save sets, in the order of queueArgs.
var queueColumns = []string{"position", "event_id", "event_type", "aggregate_type", "aggregate_id", "aggregate_version"}

func queueArgs(args []any, e *driver.Event) []any {
	return append(args, &e.Position, &e.ID, &e.EventType, &e.AggregateType, &e.AggregateID, &e.AggregateVersion)
}

// builder renders the statements on events.
type builder struct {
	*schemaSQL
	events, queue, processed, dead, keys, archiving string
}

func newBuilder(s *schemaSQL) *builder {
	return &builder{
		s, s.quote(eventsTable), s.quote(queueTable), s.quote(processedTable), s.quote(deadLettersTable), s.quote(keysTable), s.quote(archivingTable),
	}
}

func newEventSQL(s *schemaSQL) *eventSQL {
	d, b := s.dialect, newBuilder(s)
	newestFirst := "e.occurred_at DESC, e.position DESC"
	return &eventSQL{
		save:         b.save("?", b.untaken(theID, theVersion)),
		saveNext:     b.save("("+b.nextOf("?", "?")+")", b.untaken(theID)),
		conflict:     b.conflict(),
		archived:     b.archived(),
		reserve:      b.render(sq.Select("r.*").Column(b.anyArchived()).From("(" + d.Reserve(b.numbered()) + ") r")),
		takenID:      b.takenID(),
		archivedIn:   b.render(b.archivedIn()),
		lastVersion:  b.render(sq.Select("(" + b.lastOf("?", "?") + ")")),
		lastVersions: b.lastVersions(),

		byID:           b.render(b.readByKey().Where(b.key("id") + " = ?")),
		exists:         b.render(sq.Expr("SELECT EXISTS (" + b.ofEvent("?", "") + ")")),
		byAggregate:    b.list(b.readByKey().Where(b.key("aggregate_type")+" = ? AND "+b.key("aggregate_id")+" = ? AND "+b.key("aggregate_version")+" >= ?"), b.key("aggregate_version")),
		byCorrelation:  b.list(b.read(allColumns).Where("e.correlation_id = ?"), "e.occurred_at, e.position"),
		byType:         b.list(b.read(allColumns).Where("e.event_type = ?"), newestFirst),
		byContext:      b.list(b.read(allColumns).Where("e.context_id = ?"), newestFirst),
		withoutContext: b.list(b.read(allColumns).Where("e.context_id IS NULL"), newestFirst),
		queuePage:      b.waiting(waitingColumns, b.queuePage()),

		mark: b.mark(),

		countUnprocessed: b.render(sq.Select("count(*)").From(b.queue + " q").Where(b.unleased())),
		countProcessing:  b.render(sq.Select("count(*)").From(b.queue + " q").Where("q.lease_until > " + d.Clock)),
		countByType:      b.render(ofEachType(b.events, "t.event_type, (?)", sq.Select("count(*)").From(b.events+" e").Where("e.event_type = t.event_type AND e.occurred_at >= ?"))),

		locks: &lockSQL{builder: b},
	}
}

// ofEachType selects columns, with values in them, for each type t that the events of a table have. It goes
// from type to type, and values can look among those of one, by the index on types and times: an index on
// times alone, which each save would pay for, is not needed.
func ofEachType(events, columns string, values ...any) sq.Sqlizer {
	return sq.Expr("WITH RECURSIVE types (event_type) AS (SELECT min(event_type) FROM "+events+
		" UNION ALL SELECT (SELECT min(e.event_type) FROM "+events+" e WHERE e.event_type > t.event_type) FROM types t WHERE t.event_type IS NOT NULL)"+
		" SELECT "+columns+" FROM types t WHERE t.event_type IS NOT NULL", values...)
}

// read selects events, and when each was processed if that is wanted.
func (b *builder) read(columns []driver.EventColumn) sq.SelectBuilder {
	selected := sq.Select(b.columns(columns)...).From(b.events + " e")
	if b.keyed {
		return selected
	}
	return selected.LeftJoin(b.processed + " p ON p.position = e.position")
}

// columns are those of events e, and when each was processed, from p if they are not partitioned. If they
// are, it is a lookup: a planner takes the rows of an event for as many as there are partitions, and would
// rather read all of these.
func (b *builder) columns(columns []driver.EventColumn) []string {
	selected := names(columns)
	if i := slices.Index(columns, driver.EventColumnProcessedAt); i >= 0 && b.keyed {
		selected[i] = "(SELECT p.processed_at FROM " + b.processed + " p WHERE p.position = e.position)"
	}
	return selected
}

// readByKey is read for events that are looked for by their id or aggregate, whose columns are key.
func (b *builder) readByKey() sq.SelectBuilder {
	if !b.keyed {
		return b.read(allColumns)
	}
	return sq.Select(b.columns(allColumns)...).From(b.keys + " k").JoinClause(b.eachEvent("e.position = k.position"))
}

// key is a column by which readByKey looks for events.
func (b *builder) key(column string) string {
	switch {
	case !b.keyed:
		return "e." + column
	case column == "id":
		return "k.event_id"
	}
	return "k." + column
}

// eachGiven joins with what identifies an event e, its id and its aggregate's columns, for which where
// holds of e's id: one lookup for each row before.
func (b *builder) eachGiven() string {
	if b.keyed {
		return b.dialect.Each(Table{b.schema, keysTable}, "e", "e.event_id = value")
	}
	return b.eachEvent("e.id = value")
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

// save stores one event, numbered by the expression version, if it is untaken.
func (b *builder) save(version, untaken string) string {
	const saved = "position, aggregate_version, occurred_at, created_at"
	if b.keyed {
		return b.saveKeyed(version, saved)
	}
	insert := sq.Insert(b.events).Columns(insertColumns...).Select(b.given().Column(version).Where(untaken)).Suffix("ON CONFLICT DO NOTHING")
	if !b.dialect.WritableCTE {
		return b.render(insert.Suffix("RETURNING " + saved)) // the caller enqueues it
	}
	return b.render(sq.Select(saved).From("saved").PrefixExpr(sq.Expr("WITH saved AS (?), queued AS (?)",
		insert.Suffix("RETURNING "+queuedOf(saved)), b.queueSaved())))
}

// given selects the values of insertColumns, but for the last one, the version.
func (b *builder) given() sq.SelectBuilder {
	values := sq.Select()
	for _, column := range insertColumns[:len(insertColumns)-1] {
		if column == "occurred_at" {
			values = values.Column("coalesce(?, " + b.dialect.Now + ")")
		} else {
			values = values.Column("?")
		}
	}
	return values
}

// queuedOf is what the statement that saves an event returns besides saved, so that queueSaved can queue it.
func queuedOf(saved string) string {
	return "id AS event_id, event_type, aggregate_type, aggregate_id, " + saved
}

func (b *builder) queueSaved() sq.InsertBuilder {
	return sq.Insert(b.queue).Columns(queueColumns...).Select(sq.Select(queueColumns...).From("saved"))
}

// saveKeyed is save where all events have keys, which say what is taken and give the position. Its
// parameters are the key's, id, aggregate type and id, and what version has, and then those of the other
// columns.
func (b *builder) saveKeyed(version, saved string) string {
	keyed := sq.Insert(b.keys).Columns("event_id", "aggregate_type", "aggregate_id", "aggregate_version").
		Select(sq.Select("?", "?", "?", version)).Suffix("ON CONFLICT DO NOTHING RETURNING position, aggregate_version")
	insert := sq.Insert(b.events).Columns(insertColumns...).Columns("position").
		Select(b.given().Columns("k.aggregate_version", "k.position").From("keyed k")).Suffix("RETURNING " + queuedOf(saved))
	return b.render(sq.Select(saved).From("saved").PrefixExpr(sq.Expr("WITH keyed AS (?), saved AS (?), queued AS (?)",
		keyed, insert, b.queueSaved())))
}

// saveArgs are the parameters of save, or of saveNext for an event without a version.
func (b *builder) saveArgs(e *driver.Event) []any {
	args := insertArgs(nil, e)
	columns := args[:len(args)-1] // all but the version
	version := args[len(columns):]
	if e.AggregateVersion == 0 {
		version = b.both(&e.AggregateType, &e.AggregateID)
	}
	if b.keyed {
		return slices.Concat([]any{&e.ID, &e.AggregateType, &e.AggregateID}, version, columns)
	}
	args = slices.Concat(columns, version, b.both(&e.ID))
	if e.AggregateVersion != 0 {
		args = append(args, b.both(&e.AggregateType, &e.AggregateID, &e.AggregateVersion)...)
	}
	return args
}

// both is the parameters of what is asked of the events and of the keys: the same twice, unless the keys
// are those of all events.
func (s *schemaSQL) both(args ...any) []any {
	if s.keyed {
		return args
	}
	return slices.Concat(args, args)
}

// What an event must not share with another one, in the table of events and in that of keys, whose
// parameters are the event's id, and its aggregate type, aggregate id and version.
var (
	theID      = [2]string{"id = ?", "event_id = ?"}
	theVersion = [2]string{ofVersion, ofVersion}
)

const ofVersion = "aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?"

// anyArchived tells whether a batch has to be compared with the keys of archived events before it is
// stored. Where all events have keys, storing these tells.
func (b *builder) anyArchived() string {
	if b.keyed {
		return "FALSE"
	}
	return "EXISTS (SELECT 1 FROM " + b.keys + ") OR EXISTS (SELECT 1 FROM " + b.archiving + ")"
}

// archivedIn selects the archive that an event is in or was in when that was deleted. Its parameter is the
// event's id.
func (b *builder) archivedIn() sq.SelectBuilder {
	if !b.keyed {
		return sq.Select("archive_id").From(b.keys).Where("event_id = ?")
	}
	detached := sq.Select("a.id").From(b.quote(archivesTable) + " a").Where(isDetached("a.") + " AND a.status IN ('completed', 'deleted')").
		Where("k.position BETWEEN a.first_position AND a.last_position").OrderBy("a.archived_at DESC").Suffix("LIMIT 1")
	return sq.Select().Column(sq.Expr("coalesce(k.archive_id, (?))", detached)).From(b.keys + " k").Where("k.event_id = ?")
}

// isDetached holds for an archive that is, or was, a partition.
func isDetached(prefix string) string {
	return prefix + "storage_type = '" + string(driver.StoragePartition) + "' AND " + prefix + "checksum = ''"
}

// untaken holds if no event is, or was before it was archived, what of an event must not be another one's. Its
// parameters are those of each, twice. The table of events has unique keys of its own; it is asked so that an
// event is not passed over that an archive takes away at this moment: either it is there, or its keys are.
func (b *builder) untaken(by ...[2]string) string {
	predicates := make([]string, len(by))
	for i, where := range by {
		predicates[i] = "NOT (" + b.taken(where) + ")"
	}
	return strings.Join(predicates, " AND ")
}

func (b *builder) taken(by [2]string) string {
	if b.keyed {
		return "EXISTS (SELECT 1 FROM " + b.keys + " WHERE " + by[1] + ")"
	}
	return "EXISTS (SELECT 1 FROM " + b.events + " WHERE " + by[0] + ") OR EXISTS (SELECT 1 FROM " + b.keys + " WHERE " + by[1] + ")"
}

// lastOf selects the last version of an aggregate, archived or not, 0 if there is none.
func (b *builder) lastOf(aggregateType, aggregateID string) string {
	return "SELECT coalesce(max(last), 0)" + b.fromLasts(aggregateType, aggregateID)
}

// nextOf selects the version after the last one of an aggregate. After the largest there is none: it is that
// one again, which is taken.
func (b *builder) nextOf(aggregateType, aggregateID string) string {
	return fmt.Sprintf("SELECT coalesce(max(last) + CASE max(last) WHEN %d THEN 0 ELSE 1 END, 1)", int64(math.MaxInt64)) + b.fromLasts(aggregateType, aggregateID)
}

func (b *builder) fromLasts(aggregateType, aggregateID string) string {
	last := func(table string) string {
		return "SELECT max(aggregate_version) AS last FROM " + table + " WHERE aggregate_type = " + aggregateType + " AND aggregate_id = " + aggregateID
	}
	if b.keyed {
		return " FROM (" + last(b.keys) + ") AS lasts"
	}
	return " FROM (" + last(b.events) + " UNION ALL " + last(b.keys) + ") AS lasts"
}

// archived looks for the keys of events that were just stored. It has to be asked afterwards: since their
// versions were found free, others may have got them, and been archived.
func (b *builder) archived() string {
	same := func(where string) string {
		text, _ := sq.Select("1").From(b.events + " e").JoinClause(b.dialect.Each(Table{b.schema, keysTable}, "o", where)).
			Where("e.position >= ? AND e.position <= ?").MustSql()
		return "EXISTS (" + text + ")"
	}
	return b.render(sq.Select(same("o.event_id = e.id") + " OR " + same(sameVersion)))
}

// sameVersion holds for an event e and the keys o of another one of the same aggregate and version.
var sameVersion = sameAggregate("o", "e") + " AND o.aggregate_version = e.aggregate_version"

// none holds if a table has no row o for which where holds. As a scalar it is looked up in an index, one row after
// the other: as a join, and without statistics, it was a walk through the whole table for each.
func none(table, where string) string {
	return "(SELECT 1 FROM " + table + " o WHERE " + where + " LIMIT 1) IS NULL"
}

func (b *builder) conflict() string {
	return b.render(sq.Select(b.taken(theID), b.taken(theVersion), "("+b.lastOf("?", "?")+")"))
}

func (b *builder) lastVersions() string {
	return b.render(sq.Select("a.number", "("+b.lastOf("a.aggregate_type", "a.aggregate_id")+")").
		From(b.dialect.Aggregates + " a").OrderBy("a.number"))
}

func (b *builder) mark() [][]string {
	given := "event_id " + b.dialect.IsOneOf
	record := sq.Insert(b.processed).Columns("position", "processed_at")
	if !b.dialect.WritableCTE {
		from := func(table string) []string {
			return []string{
				b.render(record.Select(sq.Select("position", b.dialect.Now).From(table).Where(given))),
				b.render(sq.Delete(table).Where(given)),
			}
		}
		return [][]string{from(b.queue), from(b.dead)}
	}
	taken := func(table string) sq.Sqlizer { return sq.Delete(table).Where(given).Suffix("RETURNING position") }
	both := []string{b.render(record.
		PrefixExpr(sq.Expr("WITH done AS (?), dead AS (?)", taken(b.queue), taken(b.dead))).
		Select(sq.Select("position", b.dialect.Now).From("(SELECT position FROM done UNION ALL SELECT position FROM dead) marked")))}
	return [][]string{both, both} // the second one finds what went from one table to the other during the first
}

// takenID finds the ids first: asked for the one with the lowest position, a plan can go through
// all events in that order.
func (b *builder) takenID() string {
	taken := sq.Select("k.event_id AS id", "k.position").From(b.dialect.UUIDs).Join(b.keys + " k ON k.event_id = value")
	if !b.keyed {
		taken = sq.Select("e.id", "e.position").From(b.dialect.UUIDs).Join(b.events + " e ON e.id = value").
			Suffix("UNION ALL SELECT k.event_id, k.position FROM " + b.dialect.UUIDs + " JOIN " + b.keys + " k ON k.event_id = value")
	}
	return b.render(sq.Select("id").From("taken").OrderBy("position").Suffix("LIMIT 1").
		PrefixExpr(sq.Expr("WITH taken AS MATERIALIZED (?)", taken)))
}
