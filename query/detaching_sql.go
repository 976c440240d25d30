package query

import (
	"fmt"
	"strconv"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// partition is one of the partitions of the events. It has the positions from first on, to before end.
type partition struct {
	number, first, end int64
}

// tables are the names of its tables, that of the events first.
func (p partition) tables() [2]string {
	return [2]string{PartitionName(eventsTable, p.number), PartitionName(processedTable, p.number)}
}

// archivedPartition is the partition that a detached archive names.
func archivedPartition(archive *driver.Archive, size int64) (partition, error) {
	number, err := strconv.ParseInt(strings.TrimPrefix(archive.ObjectName, eventsTable+"_p"), 10, 64)
	if err != nil {
		return partition{}, stateError("its object_name is no partition's")
	}
	return partition{number, number * size, (number + 1) * size}, nil
}

// detachingSQL is the statements that detach and attach partitions. Those about one partition have its
// bounds in their text, and are used once.
type detachingSQL struct {
	*builder

	attachedNow string // the bounds of the attached partitions, by position
	complete    string // what detachedArgs has, id
	attached    string // id
}

func newDetachingSQL(t *table[driver.Archive]) *detachingSQL {
	s := t.schemaSQL
	d := &detachingSQL{builder: newBuilder(s)}
	if s.dialect.PartitionList == nil {
		return d
	}
	change := sq.Update(s.quote(archivesTable)).Set("updated_at", sq.Expr(s.dialect.Now)).Set("revision", sq.Expr("revision + 1"))
	complete := change.Set("status", sq.Expr("'"+string(driver.ArchiveCompleted)+"'")).Set("archived_at", sq.Expr(s.dialect.Now))
	for _, column := range detachedColumns {
		complete = complete.Set(column, sq.Expr("?"))
	}
	d.attachedNow = s.dialect.PartitionList(Table{s.schema, eventsTable})
	d.complete = s.render(complete.Where("id = ?").Suffix(t.returning()))
	d.attached = s.render(change.Set("status", sq.Expr("'"+string(driver.ArchiveRestored)+"'")).Set("restored_at", sq.Expr(s.dialect.Now)).
		Set("restored_count", sq.Expr("event_count")).Where("id = ?").Suffix(t.returning()))
	return d
}

// detachedColumns are what Detach sets of an archive, in the order of detachedArgs.
var detachedColumns = []string{
	"object_name", "event_count", "first_position", "last_position", "events_from", "events_to", "event_types", "context_ids", "raw_bytes", "size_bytes",
}

func detachedArgs(a *driver.Archive) []any {
	return []any{
		a.ObjectName, a.EventCount, a.FirstPosition, a.LastPosition, a.EventsFrom, a.EventsTo, encoded{&a.EventTypes}, encoded{&a.ContextIDs}, a.RawBytes, a.SizeBytes,
	}
}

// obstacle selects whether something keeps a partition from being archived: an event of it that is to be
// processed, delivered or archived, or, but for past consumers, read.
func (d *detachingSQL) obstacle(p partition, pastConsumers bool) string {
	within := fmt.Sprintf("position BETWEEN %d AND %d", p.first, p.end-1)
	there := func(from string) string { return "EXISTS (SELECT 1 FROM " + from + ")" }
	obstacles := []string{
		there(d.queue + " WHERE is_fresh AND " + within),
		there(d.queue + " WHERE NOT is_fresh AND position > 0 AND " + within),
		there(d.dead + " WHERE " + within),
		there(d.archiving + " WHERE " + within),
		// As many lookups as there are open deliveries, however many events.
		there(d.quote(deliveriesTable) + " d CROSS JOIN LATERAL (SELECT k.position FROM " + d.keys + " k WHERE k.event_id = d.event_id OFFSET 0) k" +
			" WHERE d.next_retry_at IS NOT NULL AND " + within),
	}
	if !pastConsumers {
		obstacles = append(obstacles, there(d.quote(consumersTable)+fmt.Sprintf(" WHERE position < %d", p.end-1)))
	}
	return "SELECT " + strings.Join(obstacles, " OR ")
}

// moved selects a number that changes when events of a partition go to an archive, or come from one.
func (d *detachingSQL) moved(p partition) string {
	return "(SELECT CAST(coalesce(sum(a.event_count + a.restored_count), 0) AS bigint) FROM " + d.quote(archivesTable) +
		fmt.Sprintf(" a WHERE a.status IN ('completed', 'restored', 'deleted') AND a.first_position < %d AND a.last_position >= %d)", p.end, p.first)
}

// summary selects what an archive says of its events: how many, their first and last positions and times,
// how many bytes they are and how many they take; and moved.
func (d *detachingSQL) summary(p partition) string {
	tables := p.tables()
	events, processed := d.quote(tables[0]), d.quote(tables[1])
	return d.render(sq.Select("count(*)", "coalesce(min(e.position), 0)", "coalesce(max(e.position), 0)", "min(e.occurred_at)", "max(e.occurred_at)",
		"CAST(coalesce(sum("+payloadBytes+"), 0) AS bigint)", d.dialect.TableBytes(events)+" + "+d.dialect.TableBytes(processed), d.moved(p)).From(events + " e"))
}

// newest selects when the newest event of a partition occurred.
func (d *detachingSQL) newest(p partition) string {
	events := d.quote(p.tables()[0])
	return d.render(ofEachType(events, "max((SELECT max(e.occurred_at) FROM "+events+" e WHERE e.event_type = t.event_type))"))
}

// labels selects the first values of a column of a partition's events that occur.
func (d *detachingSQL) labels(p partition, column, order string) string {
	return fmt.Sprintf("SELECT v FROM (SELECT DISTINCT %s AS v FROM %s WHERE %s IS NOT NULL) AS labels ORDER BY %s LIMIT %d",
		column, d.quote(p.tables()[0]), column, order, driver.MaxArchiveLabels)
}

// page selects events of a partition behind a position, with or without being attached. Its parameters are
// the position and the limit.
func (d *detachingSQL) page(p partition) string {
	tables := p.tables()
	return d.schemaSQL.list(sq.Select(names(allColumns)...).From(d.quote(tables[0])+" e").
		LeftJoin(d.quote(tables[1])+" p ON p.position = e.position").Where("e.position > ?"), "e.position")
}

// lock keeps everybody else from the events until the transaction ends, of its own partition and others.
func (d *detachingSQL) lock(p partition) string {
	tables := p.tables()
	return "LOCK TABLE ONLY " + d.events + ", ONLY " + d.processed + ", " + d.quote(tables[0]) + ", " + d.quote(tables[1]) + " IN ACCESS EXCLUSIVE MODE"
}

// detach and attach are the statements that take a partition out of its tables, and put it back. A
// constraint of the partition's says which positions it has, so that they read none of it.
func (d *detachingSQL) detach(p partition) []string {
	tables := p.tables()
	return []string{
		"ALTER TABLE " + d.events + " DETACH PARTITION " + d.quote(tables[0]),
		"ALTER TABLE " + d.processed + " DETACH PARTITION " + d.quote(tables[1]),
	}
}

func (d *detachingSQL) attach(p partition) []string {
	tables := p.tables()
	bounds := fmt.Sprintf(" FOR VALUES FROM (%d) TO (%d)", p.first, p.end)
	return []string{
		"ALTER TABLE " + d.events + " ATTACH PARTITION " + d.quote(tables[0]) + bounds,
		"ALTER TABLE " + d.processed + " ATTACH PARTITION " + d.quote(tables[1]) + bounds,
	}
}

func (d *detachingSQL) drop(p partition) string {
	tables := p.tables()
	return "DROP TABLE " + d.quote(tables[0]) + ", " + d.quote(tables[1])
}

// sample adds the statements about a partition, of the positions 3,000 to 3,999, to others by name.
func (d *detachingSQL) sample(statements map[string]string) {
	p := partition{3, 3000, 4000}
	for name, sql := range map[string]string{
		"obstacle": d.obstacle(p, false), "obstaclePastConsumers": d.obstacle(p, true), "moved": "SELECT " + d.moved(p), "summary": d.summary(p), "newest": d.newest(p),
		"labels": d.labels(p, "event_type", d.dialect.Bytewise("v")), "page": d.page(p), "lock": d.lock(p), "drop": d.drop(p),
		"detach": strings.Join(d.detach(p), "; "), "attach": strings.Join(d.attach(p), "; "),
	} {
		statements["detaching."+name] = sql
	}
}
