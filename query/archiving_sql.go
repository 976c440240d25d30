package query

import (
	"math"
	"slices"
	"strconv"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// archivingSQL is the statements that fill and empty archives.
type archivingSQL struct {
	*builder
	choices

	lock     string // id; a row of the archive, and now
	reserved string // id; count, first and last position of its events
	begin    string // count, first and last position, token, microseconds, id
	page     string // id, position, limit

	extend   string // microseconds, id, token
	complete string // what fileArgs has, id, token
	fail     string // reason, id, token

	// The steps of Complete and Fail, each with the archive's id, in their order.
	keep   string // the keys of its events
	remove string // its events: returns their ids
	forget string // when they were processed
	letGo  string // what it has reserved
	// Whether one of these events has a delivery that is open.
	delivering string // ids
	unread     string // position: whether there is a consumer that is not there yet

	abandoned string // limit; ids of archives whose lease has ended, which stay locked

	restorable string // id, event ids: takes these out of the archive and returns their ids and positions
	restored   string // count, count, count, id

	purge   string // id
	measure string
}

func newArchivingSQL(t *table[driver.Archive]) *archivingSQL {
	s, b, d := t.schemaSQL, newBuilder(t.schemaSQL), t.dialect
	archives := s.quote(archivesTable)
	ours := "position " + d.IsAmong("SELECT position FROM "+b.archiving+" WHERE archive_id = ?")
	if s.keyed { // without these bounds it would look into every partition
		ours += " AND position BETWEEN (SELECT min(position) FROM " + b.archiving + " WHERE archive_id = ?) AND (SELECT max(position) FROM " + b.archiving + " WHERE archive_id = ?)"
	}
	change := func() sq.UpdateBuilder {
		return sq.Update(archives).Set("updated_at", sq.Expr(d.Now)).Set("revision", sq.Expr("revision + 1"))
	}
	end := func(status driver.ArchiveStatus) sq.UpdateBuilder {
		return change().Set("status", sq.Expr("'"+string(status)+"'")).Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL"))
	}
	const theirs = "id = ? AND lease_token = ?"
	complete := end(driver.ArchiveCompleted).Set("archived_at", sq.Expr(d.Now))
	for _, column := range fileColumns {
		complete = complete.Set(column, sq.Expr("?"))
	}
	all := "restored_count + ? = event_count"
	return &archivingSQL{
		builder: b,
		lock:    s.render(s.locking(t.read().Column(d.Now).Where("id = ?"), "FOR UPDATE")),
		reserved: s.render(sq.Select("count(*)", "coalesce(min(position), 0)", "coalesce(max(position), 0)").
			From(b.archiving).Where("archive_id = ?")),
		begin: s.render(change().Set("status", sq.Expr("'"+string(driver.ArchiveInProgress)+"'")).
			Set("event_count", sq.Expr("?")).Set("first_position", sq.Expr("?")).Set("last_position", sq.Expr("?")).
			Set("lease_token", sq.Expr("?")).Set("lease_until", sq.Expr(d.After)).Where("id = ?").Suffix(t.returning())),
		page:     b.archivingPage(),
		extend:   s.render(sq.Update(archives).Set("lease_until", sq.Expr(d.After)).Where(theirs)),
		complete: s.render(complete.Where(theirs).Suffix(t.returning())),
		fail:     s.render(end(driver.ArchiveFailed).Set("error_message", sq.Expr("?")).Where(theirs).Suffix(t.returning())),
		keep:     b.keep(),
		remove:   s.render(sq.Delete(b.events).Where(ours).Suffix("RETURNING id")),
		forget:   s.render(sq.Delete(b.processed).Where(ours)),
		letGo:    s.render(sq.Delete(b.archiving).Where("archive_id = ?")),
		delivering: s.render(sq.Select().Column(sq.Expr("EXISTS (?)", sq.Select("1").From(b.quote(deliveriesTable)).
			Where("next_retry_at IS NOT NULL AND event_id "+d.IsOneOf)))),
		unread: s.render(sq.Select().Column(sq.Expr("EXISTS (?)", sq.Select("1").From(b.quote(consumersTable)).Where("position < ?")))),
		abandoned: s.render(s.locking(sq.Select("id").From(archives).Where("status = 'in_progress' AND lease_until <= "+d.Clock).
			OrderBy("created_at", "id").Suffix("LIMIT ?"), "FOR UPDATE SKIP LOCKED")),
		restorable: b.restorable("archive_id = ? AND event_id " + d.IsOneOf),
		restored: s.render(change().Set("restored_count", sq.Expr("restored_count + ?")).
			Set("status", sq.Expr("CASE WHEN "+all+" THEN '"+string(driver.ArchiveRestored)+"' ELSE status END")).
			Set("restored_at", sq.Expr("CASE WHEN "+all+" THEN "+d.Now+" ELSE restored_at END")).Where("id = ?")),
		purge: s.render(end(driver.ArchiveDeleted).Set("deleted_at", sq.Expr(d.Now)).Where("id = ?").Suffix(t.returning())),
		measure: s.render(sq.Select("count(*)", "CAST(coalesce(sum("+payloadBytes+"), 0) AS bigint)", d.Now).
			From(b.events + " e")),
	}
}

// archivingPage selects the events of an archive in progress. Its parameters are the archive's id, a position
// and the limit.
func (b *builder) archivingPage() string {
	page := sq.Select(b.columns(allColumns)...).From(b.archiving + " a").JoinClause(b.eachEvent("e.position = a.position"))
	if !b.keyed {
		page = page.Join(b.processed + " p ON p.position = a.position")
	}
	return b.render(page.Where("a.archive_id = ? AND a.position > ?").OrderBy("a.position").Suffix("LIMIT ?"))
}

// keep stores the keys of the events of an archive, or says in those which are there that they are archived.
func (b *builder) keep() string {
	if b.keyed {
		return b.render(sq.Update(b.keys).Set("archive_id", sq.Expr("?")).Where("event_id " + b.dialect.IsAmong("SELECT e.id FROM "+b.archiving+" a "+
			b.eachEvent("e.position = a.position")+" WHERE a.archive_id = ?")))
	}
	return b.render(sq.Insert(b.keys).Columns("position", "aggregate_version", "event_id", "aggregate_id", "aggregate_type", "archive_id").
		Select(sq.Select("e.position", "e.aggregate_version", "e.id", "e.aggregate_id", "e.aggregate_type", "a.archive_id").From(b.archiving + " a").
			JoinClause(b.eachEvent("e.position = a.position")).Where("a.archive_id = ?")))
}

// restorable takes keys out of an archive and returns their events' ids and positions.
func (b *builder) restorable(where string) string {
	const found = "RETURNING event_id, position"
	if b.keyed {
		return b.render(sq.Update(b.keys).Set("archive_id", sq.Expr("NULL")).Where(where).Suffix(found))
	}
	return b.render(sq.Delete(b.keys).Where(where).Suffix(found))
}

// twiceIfKeyed repeats parameters where events are partitioned.
func (s *schemaSQL) twiceIfKeyed(args ...any) []any {
	if s.keyed {
		return slices.Concat(args, args)
	}
	return args
}

// archiveTwice and archiveThrice are the parameters of statements that have an archive's id once, and so
// often where events are partitioned.
func (s *schemaSQL) archiveTwice(id uuid.UUID) []any  { return s.archiveIDs(id, 2) }
func (s *schemaSQL) archiveThrice(id uuid.UUID) []any { return s.archiveIDs(id, 3) }

func (s *schemaSQL) archiveIDs(id uuid.UUID, n int) []any {
	if !s.keyed {
		n = 1
	}
	return slices.Repeat([]any{id}, n)
}

// fileColumns are what Complete sets of an archive, in the order of fileArgs.
var fileColumns = []string{
	"storage_location", "object_name", "raw_bytes", "size_bytes", "checksum", "key_id", "event_types", "context_ids", "events_from", "events_to",
}

func fileArgs(f *driver.ArchiveFile) []any {
	return []any{
		f.StorageLocation, f.ObjectName, f.RawBytes, f.SizeBytes, f.Checksum, f.KeyID, encoded{&f.EventTypes}, encoded{&f.ContextIDs}, f.EventsFrom, f.EventsTo,
	}
}

// payloadBytes is the size of an event e, which no database has to read its payload for.
const payloadBytes = "octet_length(e.event_data) + octet_length(e.event_metadata)"

// reserveStatement reserves for an archive the first events that criteria choose. It looks them up one by
// one in the order of positions, so that no plan reads and sorts all there are.
func (a *archivingSQL) reserveStatement(c driver.ArchiveCriteria) (sql string, args []any) {
	d := a.dialect
	predicates := []string{
		"p.position > ?",
		none(a.archiving, "o.position = p.position"),
		none(a.quote(deliveriesTable), "o.event_id = e.id AND o.next_retry_at IS NOT NULL"),
	}
	if !a.keyed { // keys are kept once: an event that shares one, by a transaction that could not see it, stays
		predicates = append(predicates, none(a.keys, sameVersion), none(a.keys, "o.event_id = e.id"))
	}
	args = []any{c.AfterPosition}
	add := func(predicate string, arg ...any) {
		predicates, args = append(predicates, predicate), append(args, arg...)
	}
	if !c.PastConsumers {
		add("p.position <= (SELECT coalesce(min(position), " + strconv.FormatInt(math.MaxInt64, 10) + ") FROM " + a.quote(consumersTable) + ")")
	}
	if !c.OccurredBefore.IsZero() {
		add("e.occurred_at < ?", c.OccurredBefore)
	}
	covered := "EXISTS (SELECT 1 FROM " + d.Texts + " WHERE " + covers + ")"
	if len(c.IncludeTypes) > 0 {
		add(covered, c.IncludeTypes)
	}
	if len(c.ExcludeTypes) > 0 {
		add("NOT "+covered, c.ExcludeTypes)
	}
	if len(c.IncludeContexts) > 0 {
		add("e.context_id "+d.IsOneOf, c.IncludeContexts)
	}
	if len(c.ExcludeContexts) > 0 {
		add("(e.context_id IS NULL OR NOT (e.context_id "+d.IsOneOf+"))", c.ExcludeContexts)
	}
	sql = a.choices.statement(func() string {
		chosen := sq.Select("p.position", payloadBytes+" AS bytes").From(a.processed + " p").JoinClause(a.eachEvent("e.position = p.position"))
		for _, predicate := range predicates {
			chosen = chosen.Where(predicate)
		}
		before := sq.Select("c.position", "sum(c.bytes) OVER (ORDER BY c.position) - c.bytes AS bytes_before").
			FromSelect(chosen.OrderBy("p.position").Suffix("LIMIT ?"), "c")
		return a.render(sq.Insert(a.archiving).Columns("position", "archive_id").
			Select(sq.Select("s.position").Column("?").FromSelect(before, "s").Where("s.bytes_before < ?")).
			Suffix("ON CONFLICT DO NOTHING"))
	}, append([]string{"reserve"}, predicates...)...)
	return sql, args
}

// covers holds if the pattern "value" covers the type of an event e, as driver.MatchEventType says.
const covers = "(value = '*' OR value = e.event_type OR substr(value, length(value) - 1) = '.*'" +
	" AND substr(e.event_type, 1, length(value) - 1) = substr(value, 1, length(value) - 1))"
