package query

import (
	sq "github.com/Masterminds/squirrel"
)

// How claims keep the order of aggregates.
//
// The first row of an aggregate in the queue, by version, is its head, unless an earlier event of it is
// a dead letter. A claim looks for heads among the rows that are ready, locks them, and takes of each the
// run of rows that follow it. If a row of the run is locked or leased, the aggregate is in somebody
// else's hands.
//
// What makes two claims exclude each other is that both need the head, or, where one of them began
// before the other ended and sees another head, that one head is a row of the other's run. If the limit
// cut the run, the row after it is held (guard), so that who saw it as a head finds it changed.
//
// A worker whose lease ended may still have later rows of an aggregate under its token. They are taken from
// it with the head (fence): else it could acknowledge them before the head.
//
// Rows behind a head are ready, too, and a claim that finds none but such walks past all of them. So
// they are held: out of the way, until the event before them is done (unhold, by who acknowledges
// it). Who holds rows looks afterwards whether they are behind others still (unholdHeads), and who
// acknowledges an event lets the next one go on by a statement that begins when the event is gone: one of
// the two sees what the other did. What else may let an aggregate go on does not look; hence a held row is
// due again after driver.HoldInterval at the latest.

// candidate is what of a row is needed to look for its aggregate's others.
const candidate = "q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token"

func sameAggregate(a, b string) string {
	return a + ".aggregate_id = " + b + ".aggregate_id AND " + a + ".aggregate_type = " + b + ".aggregate_type"
}

// isHead holds for a row c that is behind none of its aggregate. As scalars the rows before are looked
// up in the index, which a join need not do.
func (b *builder) isHead() string {
	return earlier(b.queue) + " IS NULL AND " + earlier(b.dead) + " IS NULL"
}

// earlier selects the id of the row just before row c in its aggregate.
func earlier(table string) string {
	return "(SELECT o.event_id FROM " + table + " o WHERE " + sameAggregate("o", "c") +
		" AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1)"
}

// leasedBehind selects when the last lease ends of the first rows behind a row in its aggregate, NULL if none
// of them is or was leased. Leases are at the front of an aggregate, but for versions that were saved late.
func (b *builder) leasedBehind(row, limit string) string {
	return "(SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM " + b.queue + " o WHERE " + sameAggregate("o", row) +
		" AND o.aggregate_version > " + row + ".aggregate_version ORDER BY o.aggregate_version LIMIT " + limit + ") o)"
}

// pickInOrder picks runs. Its parameters are those of pickInOrderArgs.
func (b *builder) pickInOrder(typed bool) sq.Sqlizer {
	d := b.dialect
	goesOn := "(q.is_fresh OR q.is_held OR q.available_at <= " + d.Clock + ") AND " +
		none(b.dead, sameAggregate("o", "c")+" AND o.aggregate_version > c.aggregate_version AND o.aggregate_version < q.aggregate_version")
	parts := []any{either(b.due(candidate, typed), b.fresh(candidate, typed))}
	if typed {
		goesOn += " AND " + b.ofTypes(true)
		parts = append([]any{sq.Expr("?")}, parts...) // for the types, which stay a parameter
	}
	lockHead := ""
	if d.Locks {
		lockHead = "CROSS JOIN LATERAL (SELECT FROM " + b.queue + " q WHERE q.event_id = c.event_id AND " + b.unleased() + " " + claimLock + ") h "
	}
	run := sq.Expr("SELECT c.event_id AS head, c.lease_token AS token_before, q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, "+
		"CASE WHEN q.event_id = c.event_id OR "+goesOn+" THEN 1 ELSE 0 END AS goes_on FROM (?) AS c "+lockHead+d.EachOfAggregate(Table{b.schema, queueTable})+
		" WHERE "+b.isHead()+" AND coalesce("+b.leasedBehind("c", "?")+", "+d.Clock+") <= "+d.Clock+" LIMIT ?", parts...)
	locked := b.locking(sq.Select("q.event_id").From(b.queue+" q").Where("q.event_id "+d.IsAmong("SELECT event_id FROM run WHERE event_id <> head")).
		Where(b.unleased()), claimLock)
	judged := sq.Select("r.*",
		"min(r.goes_on) OVER (PARTITION BY r.head ORDER BY r.place) AS unbroken",
		"min(CASE WHEN l.event_id IS NULL AND r.event_id <> r.head THEN 0 ELSE 1 END) OVER (PARTITION BY r.head) AS free").
		From("run r").LeftJoin("locked l ON l.event_id = r.event_id")
	picked := sq.Select("event_id").From("judged").Where("unbroken = 1 AND free = 1 AND place <= ?")
	return sq.Expr("WITH run AS MATERIALIZED (SELECT row_number() OVER () AS place, r.* FROM (?) AS r), locked AS MATERIALIZED (?), "+
		"judged AS MATERIALIZED (?), picked AS MATERIALIZED (?)", run, locked, judged, picked)
}

// lateVersions is how many events of an aggregate, saved with versions below those of its leased ones, a
// claim looks past for these.
const lateVersions = 100

// pickInOrderArgs are the parameters of pickInOrder: window is how many ready rows of each kind it looks
// at, at the most.
func (b *builder) pickInOrderArgs(floor int64, types []string, window, limit int) []any {
	var args []any
	if len(types) > 0 {
		args = append(args, types)
	}
	args = append(args, readyArgs(floor, types, window)...)
	if b.dialect.EachHasLimit {
		args = append(args, int64(limit)+1)
	}
	return append(args, int64(limit+lateVersions), int64(limit)+1, int64(limit))
}

// fence selects the rows whose token is to go because a claim took the head of their aggregate: all if it
// took it from another worker, else the first so many as its parameter says. Heads with no row behind
// them are left out first, and what the claim changes anyway in the end.
func (b *builder) fence() string {
	return "SELECT l.event_id FROM (SELECT * FROM run WHERE event_id = head AND head IN (SELECT event_id FROM picked)" +
		" AND head IN (SELECT head FROM run WHERE event_id <> head) OFFSET 0) c" +
		" CROSS JOIN LATERAL (SELECT o.event_id, o.lease_token FROM " + b.queue + " o WHERE " + sameAggregate("o", "c") +
		" AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT CASE WHEN c.token_before IS NULL THEN CAST(? AS bigint) END) l" +
		" WHERE l.lease_token IS NOT NULL AND l.event_id NOT IN (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1)"
}

// guard holds the row after a run that the limit cut, and takes its token, too. Its parameters are the
// microseconds and the limit.
func (b *builder) guard() sq.UpdateBuilder {
	return withoutLease(b.holding()).Where("event_id " + b.dialect.IsAmong(
		"SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place > ? AND event_id <> head"))
}

// holding puts rows of the queue out of the way for so many microseconds as its parameter says.
func (b *builder) holding() sq.UpdateBuilder {
	return sq.Update(b.queue).Set("is_held", sq.Expr("TRUE")).Set("available_at", sq.Expr(b.dialect.After))
}

// hold holds the rows that are ready, but behind others of their aggregates, and returns their ids. Its
// parameters are readyArgs and the microseconds.
func (b *builder) hold(typed bool) string {
	d := b.dialect
	// What has another candidate before it needs no look.
	behind := sq.Expr("SELECT c.event_id FROM (SELECT a.*, row_number() OVER (PARTITION BY a.aggregate_id, a.aggregate_type ORDER BY a.aggregate_version) AS place "+
		"FROM (?) AS a) AS c WHERE place > 1 OR NOT ("+b.isHead()+")", either(b.due(candidate, typed), b.fresh(candidate, typed)))
	held := b.locking(sq.Select("q.event_id").From(b.queue+" q").
		Where("q.event_id "+d.IsAmong("SELECT event_id FROM behind")).Where(b.unleased()), claimLock)
	return b.render(b.holding().Where("event_id " + d.IsAmong("SELECT event_id FROM held")).Suffix("RETURNING event_id").
		PrefixExpr(sq.Expr("WITH behind AS MATERIALIZED (?), held AS MATERIALIZED (?)", behind, held)))
}
