package query

import (
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// deliverySQL is the statements on deliveries and attempts.
type deliverySQL struct {
	table *table[driver.Delivery]

	withAttempts, forUpdate string
	byEndpoint, byEvent     string
	policy                  string // of an endpoint, and now
	fanOut, ofEvent         string
	eventExists             string

	advance       string // after an attempt
	insertAttempt string
	cancel        string

	due, claim, release string
	lockEndpoint        string
	failedSince         string // without a replay, with their events

	daily, timeouts, responseTimes string
}

func newDeliverySQL(s *schemaSQL) *deliverySQL {
	t := newTable(s, deliveryMapping)
	d := s.dialect
	deliveries, endpoints, attempts, events := s.quote(deliveriesTable), s.quote(endpointsTable), s.quote(attemptsTable), s.quote(eventsTable)
	due := "NOT is_parked AND next_retry_at <= " + d.Now + " AND (lease_until IS NULL OR lease_until <= " + d.Clock + ") AND " +
		"EXISTS (SELECT 1 FROM " + endpoints + " e WHERE e.id = endpoint_id AND e.is_active)"
	dueFirst := sq.Select("id").From(deliveries).Where(due).OrderBy("next_retry_at", "id").Suffix("LIMIT ?")

	theEvent := events + " v ON v.id = ?"
	if s.keyed {
		theEvent = s.quote(keysTable) + " k ON k.event_id = ? JOIN " + events + " v ON v.position = k.position"
	}

	joined := t.names("d.")
	attemptNames := make([]string, len(attemptColumns))
	for i, c := range attemptColumns {
		attemptNames[i] = c.name
		selected := "a." + c.name
		if c.none != "" {
			selected = "coalesce(" + selected + ", " + c.none + ")"
		}
		joined = append(joined, selected)
	}
	since := "FROM " + attempts + " a JOIN " + deliveries + " d ON d.id = a.delivery_id WHERE d.endpoint_id = ? AND d.created_at >= ?"

	return &deliverySQL{
		table: t,
		withAttempts: s.render(sq.Select(joined...).From(deliveries + " d").
			LeftJoin(attempts + " a ON a.delivery_id = d.id").Where("d.id = ?").OrderBy("a.number")),
		forUpdate:  s.render(s.locking(sq.Select(append(t.names(""), d.Now)...).From(deliveries).Where("id = ?"), "FOR UPDATE")),
		byEndpoint: s.list(t.read().Where("endpoint_id = ?"), "created_at DESC, id DESC"),
		byEvent:    s.list(t.read().Where("event_id = ?"), oldestFirst),
		policy: s.render(s.locking(sq.Select("max_retry_attempts", "retry_backoff_seconds", "retry_backoff_multiplier", "retry_jitter", d.Now).
			From(endpoints).Where("id = ?"), "FOR KEY SHARE")),
		fanOut: s.render(sq.Insert(deliveries).Columns(
			"id", "endpoint_id", "event_id", "status", "attempt_count", "max_attempts", "retry_backoff_seconds",
			"retry_backoff_multiplier", "retry_jitter", "next_retry_at", "max_attempts_reached", "cancel_reason",
		).Select(s.locking(sq.Select(
			"first", "e.id", "v.id", "'pending'", "0", "e.max_retry_attempts + 1", "e.retry_backoff_seconds",
			"e.retry_backoff_multiplier", "e.retry_jitter", d.Now, "FALSE", "''",
		).From(d.Pairs).Join(endpoints+" e ON e.id = second").Join(theEvent).Where("e.is_active").
			OrderBy("e.id"), "FOR KEY SHARE OF e, v")). // two that save the same ones never wait for each other
			Suffix("ON CONFLICT DO NOTHING")),
		ofEvent:     s.render(t.read().Where("event_id = ? AND replay_of IS NULL AND endpoint_id " + d.IsOneOf).OrderBy("id")),
		eventExists: s.render(sq.Expr("SELECT EXISTS (" + s.ofEvent("?", "") + ")")),

		advance: s.render(sq.Update(deliveries).
			Set("status", sq.Expr("?")).Set("attempt_count", sq.Expr("?")).Set("next_retry_at", sq.Expr("?")).
			Set("max_attempts_reached", sq.Expr("?")).Set("completed_at", sq.Expr("?")).
			Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).Set("updated_at", sq.Expr(d.Now)).
			Where("id = ?").Suffix(t.returning())),
		insertAttempt: s.render(sq.Insert(attempts).Columns(append([]string{"delivery_id"}, attemptNames...)...).
			Values(exprs(len(attemptNames) + 1)...)),
		cancel: s.render(s.cancel().Where("id = ?").Suffix(t.returning())),

		due: s.list(t.read().Where(due), "next_retry_at, id"),
		claim: s.render(sq.Update(deliveries).Set("lease_token", sq.Expr("?")).Set("lease_until", sq.Expr(d.After)).
			Where("id IN (SELECT id FROM due)").Suffix(t.returning()).
			PrefixExpr(sq.Expr("WITH due AS MATERIALIZED (?)", s.locking(dueFirst, "FOR UPDATE SKIP LOCKED")))),
		release: s.render(sq.Update(deliveries).Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).
			Where("id " + d.IsOneOf + " AND lease_token = ?")),
		lockEndpoint: s.render(s.locking(sq.Select("id").From(endpoints).Where("id = ?"), "FOR UPDATE")),
		failedSince: s.render(t.read().Where("endpoint_id = ? AND status = 'failed' AND completed_at >= ?").
			Where("NOT EXISTS (SELECT 1 FROM "+deliveries+" r WHERE r.replay_of = "+deliveries+".id)").
			Where("EXISTS ("+s.ofEvent(deliveries+".event_id", s.keepingThere())+")").OrderBy("created_at", "id")),

		daily: s.render(sq.Select(d.Day("created_at")+" AS day", "status", "count(*)", "CAST(sum(attempt_count) AS bigint)").From(deliveries).
			Where("endpoint_id = ? AND created_at >= ?").GroupBy("day", "status").OrderBy("day", "status")),
		timeouts:      s.render(sq.Expr("SELECT count(*) " + since + " AND a.status = 'timeout'")),
		responseTimes: s.render(spread("a.response_time_ms", since)),
	}
}

// cancel cancels deliveries.
func (s *schemaSQL) cancel() sq.UpdateBuilder {
	return sq.Update(s.quote(deliveriesTable)).Set("status", sq.Expr("'cancelled'")).Set("cancel_reason", sq.Expr("?")).
		Set("next_retry_at", sq.Expr("NULL")).Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).
		Set("completed_at", sq.Expr(s.dialect.Now)).Set("updated_at", sq.Expr(s.dialect.Now))
}

func exprs(n int) []any {
	values := make([]any, n)
	for i := range values {
		values[i] = sq.Expr("?")
	}
	return values
}

// spread selects a driver.Spread of the values of a column that are not NULL: their count and sum,
// the rest as it is. from begins with FROM and has a WHERE clause.
func spread(column, from string) sq.Sqlizer {
	rank := func(percent string) string {
		return "coalesce(max(CASE WHEN n = (total * " + percent + " + 99) / 100 THEN v END), 0)"
	}
	return sq.Expr("WITH ranked AS (SELECT " + column + " AS v, row_number() OVER (ORDER BY " + column + ") AS n, count(*) OVER () AS total " +
		from + " AND " + column + " IS NOT NULL) SELECT " + strings.Join([]string{
		"count(*)", "CAST(coalesce(sum(v), 0) AS bigint)", "coalesce(min(v), 0)", "coalesce(max(v), 0)", rank("50"), rank("95"), rank("99"),
	}, ", ") + " FROM ranked")
}

// scanSpread is the targets of a spread; the average is to be made of sum.
func scanSpread(s *driver.Spread, sum *int64) []any {
	return []any{&s.Count, sum, &s.Min, &s.Max, &s.P50, &s.P95, &s.P99}
}
