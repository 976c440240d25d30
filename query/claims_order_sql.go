package query

import (
	sq "github.com/Masterminds/squirrel"
)

// How claims keep the order of aggregates.
//
// The first row of an aggregate in the queue, by version, is its head, unless an earlier event of it is
// a dead letter. A claim looks for heads among the rows that are ready and not locked, and takes of
// each the run of rows that follow it. To lock all of a run, and the row after it if the limit cut it, is what makes
// two claims exclude each other: who sees another head of the same aggregate, because it began
// earlier or an earlier version was saved meanwhile, needs one of these rows, too. If one of them is
// locked or leased the aggregate is in somebody else's hands.
//
// If a head was leased before, the worker whose lease ended may still have later rows of its run under its
// token. They are taken from it with the head (fence): else it could acknowledge them before the head.
//
// Rows behind a head are ready, too, and a claim that finds none but such walks past all of them. So
// they are held: out of the way, until the event before them is done (unhold, by who acknowledges
// it). hold locks the event before, so that either it sees that it is done or who acknowledges it sees
// the held row afterwards. What else may let an aggregate go on does not look; hence a held row is due
// again after driver.HoldInterval at the latest.

// candidate is what of a row is needed to look for its aggregate's others.
const candidate = "q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token"

// earlier selects a column of the row o of a table just before row c in its aggregate. As a scalar it
// is looked up in the index for each row c, which a join need not be.
func earlier(column, table string) string {
	return "(SELECT o." + column + " FROM " + table + " o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type" +
		" AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1)"
}

// pickInOrder picks runs. Its parameters are those of pickInOrderArgs.
func (b *builder) pickInOrder(typed bool) sq.Sqlizer {
	d := b.dialect
	goesOn := "q.available_at IS NULL OR q.is_held OR q.available_at <= " + d.Clock
	parts := []any{either(b.locking(b.due(candidate, typed), claimLock), b.locking(b.fresh(candidate, typed), claimLock))}
	if typed {
		goesOn = "(" + goesOn + ") AND " + b.ofTypes(true)
		parts = append([]any{sq.Expr("?")}, parts...) // for the types, which stay a parameter
	}
	run := sq.Expr("SELECT c.event_id AS head, c.lease_token AS token_before, q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, "+
		"CASE WHEN "+goesOn+" THEN 1 ELSE 0 END AS goes_on FROM (?) AS c "+
		d.EachOfAggregate(Table{b.schema, queueTable})+" WHERE "+earlier("event_id", b.queue)+" IS NULL AND "+earlier("event_id", b.dead)+" IS NULL LIMIT ?",
		parts...)
	locked := b.locking(sq.Select("q.event_id").From(b.queue+" q").Where("q.event_id "+d.IsAmong("SELECT event_id FROM run")).Where(b.unleased()), claimLock)
	judged := sq.Select("r.event_id", "r.place",
		"min(r.goes_on) OVER (PARTITION BY r.head ORDER BY r.place) AS unbroken",
		"min(CASE WHEN l.event_id IS NULL THEN 0 ELSE 1 END) OVER (PARTITION BY r.head) AS free").
		From("run r").LeftJoin("locked l ON l.event_id = r.event_id")
	return sq.Expr("WITH run AS MATERIALIZED (SELECT row_number() OVER () AS place, r.* FROM (?) AS r), locked AS MATERIALIZED (?), picked AS MATERIALIZED (?)",
		run, locked, sq.Select("event_id").FromSelect(judged, "judged").Where("unbroken = 1 AND free = 1 AND place <= ?"))
}

// fence selects the rows whose token is to go because a claim took the head of their aggregate from
// another worker. That is rare, and only then the rows of an aggregate are looked at.
func (b *builder) fence() string {
	return "SELECT l.event_id FROM run r CROSS JOIN LATERAL (SELECT * FROM " + b.queue + " WHERE aggregate_id = r.aggregate_id" +
		" AND aggregate_type = r.aggregate_type AND aggregate_version > r.aggregate_version AND lease_token IS NOT NULL OFFSET 0) l" +
		" WHERE r.event_id = r.head AND r.token_before IS NOT NULL AND r.head IN (SELECT event_id FROM picked)" +
		" AND l.event_id NOT IN (SELECT event_id FROM picked)"
}

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
	return append(args, int64(limit)+1, int64(limit))
}

// hold puts the rows that are ready, but behind others of their aggregates, out of the way. Its
// parameters are readyArgs and the microseconds.
func (b *builder) hold(typed bool) string {
	d := b.dialect
	behind := sq.Expr("SELECT c.event_id, "+earlier("event_id", b.queue)+" AS before, "+earlier("event_id", b.dead)+" AS dead FROM (?) AS c",
		either(b.due(candidate, typed), b.fresh(candidate, typed)))
	before := b.locking(sq.Select("q.event_id").From(b.queue+" q").Where("q.event_id "+d.IsAmong("SELECT before FROM behind")), "FOR KEY SHARE SKIP LOCKED")
	held := b.locking(sq.Select("q.event_id").From(b.queue+" q").
		Where("q.event_id "+d.IsAmong("SELECT event_id FROM behind WHERE dead IS NOT NULL OR before IN (SELECT event_id FROM locked)")).
		Where(b.unleased()), claimLock)
	return b.render(sq.Update(b.queue).Set("is_held", sq.Expr("TRUE")).Set("available_at", sq.Expr(d.After)).
		Where("event_id " + d.IsAmong("SELECT event_id FROM held")).
		PrefixExpr(sq.Expr("WITH behind AS MATERIALIZED (?), locked AS MATERIALIZED (?), held AS MATERIALIZED (?)", behind, before, held)))
}
