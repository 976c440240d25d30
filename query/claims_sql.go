package query

import (
	"strconv"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// claimSQL is the statements of claims. A claim's own parameters are those of its picking, the token
// and the lease.
type claimSQL struct {
	*builder
	choices

	ack        move   // parameters: ids, token
	retry      string // microseconds, reason, id, token
	deadLetter move   // reason or NULL, attempts not counted; ids, token
	extend     string // microseconds, ids, token
	release    string // ids, token
	// The later ones of their aggregates: given back, and out of the way of others or not; or taken from
	// any other token, if there is one among the first of them. Parameters: for holdLater the microseconds
	// out of the way; the token; ids; but for fenceLater again the token.
	releaseLater, holdLater, fenceLater string

	// The first row after each of these events in its aggregate is in the way again, if it was held. And
	// those of these rows that are behind none.
	unhold, unholdHeads string // ids
	anyReady            string // readyArgs
	nextReady           string // the floor
}

func newClaimSQL(s *schemaSQL) *claimSQL {
	b := newBuilder(s)
	d := s.dialect
	theirs := "event_id " + d.IsOneOf + " AND lease_token = ?"
	back := func() sq.UpdateBuilder { return withoutLease(sq.Update(b.queue)) }
	uncounted := func(u sq.UpdateBuilder) sq.UpdateBuilder { return u.Set("attempts", sq.Expr("attempts - 1")) }
	// The later rows of the aggregates of events, and the first row there is after these events.
	later := func(token, where string) string {
		return "event_id " + d.IsAmong("SELECT l.event_id FROM "+d.UUIDs+" "+b.eachGiven()+" "+
			b.eachWaiting("l", sameAggregate("l", "e")+" AND l.aggregate_version > e.aggregate_version AND "+token)+where)
	}
	ours := later("l.lease_token = ?", "")
	next := "SELECT (SELECT n.event_id FROM " + b.queue + " n WHERE " + sameAggregate("n", "e") +
		" AND n.aggregate_version > e.aggregate_version ORDER BY n.aggregate_version LIMIT 1) FROM " + d.UUIDs + " " + b.eachGiven() +
		" WHERE (SELECT 1 FROM " + b.queue + " WHERE is_held ORDER BY available_at LIMIT 1) IS NOT NULL" // mostly none is
	event := strings.Join(queueColumns, ", ")

	return &claimSQL{
		builder: b,
		ack:     b.moving(b.queue, theirs, b.processed, "position, processed_at", "position, "+d.Now),
		retry: b.render(back().Set("available_at", sq.Expr(d.After)).Set("is_held", sq.Expr("FALSE")).Set("last_error", sq.Expr("?")).
			Where("event_id = ? AND lease_token = ?")),
		deadLetter: b.moving(b.queue, theirs, b.dead, event+", attempts, reason, dead_at",
			event+", attempts - uncounted, coalesce(reason, last_error, ''), "+d.Clock,
			"CAST(? AS text) AS reason", "CAST(? AS integer) AS uncounted"),
		extend:       b.render(sq.Update(b.queue).Set("lease_until", sq.Expr(d.After)).Where(theirs).Suffix("RETURNING event_id")),
		release:      b.render(uncounted(back()).Where(theirs).Suffix("RETURNING event_id")),
		releaseLater: b.render(uncounted(back()).Where("lease_token = ?").Where(ours)),
		holdLater:    b.render(uncounted(withoutLease(b.holding())).Where("lease_token = ?").Where(ours)),
		fenceLater: b.render(back().Where("lease_token <> ?").
			Where(later("l.lease_token IS NOT NULL", " WHERE "+b.leasedBehind("e", strconv.Itoa(lateVersions))+" IS NOT NULL"))),
		unhold: b.render(b.letGoOn().Where("event_id " + d.IsAmong(next))),
		unholdHeads: b.render(b.letGoOn().Where("event_id " + d.IsAmong("SELECT c.event_id FROM "+d.UUIDs+" "+
			b.eachWaiting("c", "c.event_id = value")+" WHERE "+b.isHead()))),
		anyReady: b.anyReady(), nextReady: b.nextReady(),
	}
}

// withoutLease takes the lease from rows of the queue, besides what is done to them.
func withoutLease(u sq.UpdateBuilder) sq.UpdateBuilder {
	return u.Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL"))
}

// letGoOn puts held rows in the way again.
func (b *builder) letGoOn() sq.UpdateBuilder {
	return sq.Update(b.queue).Set("is_held", sq.Expr("FALSE")).Set("available_at", sq.Expr(b.dialect.Clock)).Where("is_held")
}

// A claimChoice is what the statement of a claim depends on.
type claimChoice struct {
	columns        []driver.EventColumn
	typed, ordered bool
}

func (c *claimSQL) claimStatement(choice claimChoice) string {
	key := strings.Join(names(choice.columns), " ")
	if choice.typed {
		key += " typed"
	}
	if choice.ordered {
		key += " ordered"
	}
	return c.choices.statement(func() string { return c.claim(choice) }, key)
}

// claim leases the events that are picked. Where an UPDATE can't stand in a WITH clause it returns
// their positions, and leasedStatement reads them.
func (c *claimSQL) claim(choice claimChoice) string {
	picking, key := c.pick(choice.typed), c.dialect.RowID
	if choice.ordered {
		picking, key = c.pickInOrder(choice.typed), "event_id"
	}
	lease := sq.Update(c.queue).Set("lease_token", sq.Expr("?")).Set("lease_until", sq.Expr(c.dialect.After)).Set("attempts", sq.Expr("attempts + 1")).
		Where(key + " " + c.dialect.IsAmong("SELECT "+key+" FROM picked"))
	if choice.ordered { // what was out of the way is as before it was put there, if this lease ends
		lease = lease.Set("is_held", sq.Expr("FALSE")).Set("available_at", sq.Expr("CASE WHEN is_held THEN "+c.dialect.Clock+" ELSE available_at END"))
	}
	if !c.dialect.WritableCTE {
		return c.render(lease.Suffix("RETURNING position").PrefixExpr(picking))
	}
	picking = sq.Expr("?, leased AS (?)", picking, lease.Suffix("RETURNING position, attempts, lease_until"))
	if choice.ordered {
		picking = sq.Expr("?, fenced AS (?), guarded AS (?)", picking, withoutLease(sq.Update(c.queue)).Where("event_id "+c.dialect.IsAmong(c.fence())), c.guard())
	}
	return c.render(c.leased(choice.columns, "leased q").PrefixExpr(picking))
}

// holdStatement puts rows out of the way, of some types only if typed, and returns their ids.
func (c *claimSQL) holdStatement(typed bool) string {
	key := "hold"
	if typed {
		key += " typed"
	}
	return c.choices.statement(func() string { return c.hold(typed) }, key)
}

// leasedStatement reads events that were just leased, by their positions.
func (c *claimSQL) leasedStatement(columns []driver.EventColumn) string {
	return c.choices.statement(func() string {
		return c.render(c.leased(columns, c.queue+" q").Where("q.position " + c.dialect.IsOneOf))
	}, strings.Join(names(columns), " "), "leased")
}

func (c *claimSQL) leased(columns []driver.EventColumn, from string) sq.SelectBuilder {
	return sq.Select(names(columns)...).Columns("q.attempts", "q.lease_until").From(from).
		JoinClause(c.eachEvent("e.position = q.position"))
}

// Claims lock rows as an update of them does.
const claimLock = "FOR NO KEY UPDATE SKIP LOCKED"

// pick picks the rows that are ready, by RowID, at most as many as the last parameter says. The others are
// readyArgs.
func (b *builder) pick(typed bool) sq.Sqlizer {
	row := "q." + b.dialect.RowID
	return sq.Expr("WITH picked AS MATERIALIZED (? LIMIT ?)",
		either(b.locking(b.due(row, typed), claimLock), b.locking(b.fresh(row, typed), claimLock)))
}
