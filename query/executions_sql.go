package query

import (
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// executionRow is an execution, the rank of its action's priority, and when it is to be tried again.
type executionRow struct {
	driver.Execution
	priority int
	retryAt  *time.Time
}

var executionMapping = &mapping[executionRow]{
	table:      executionsTable,
	repository: "Executions",
	entity:     "execution",
	columns: []column[executionRow]{
		{name: "id", at: func(e *executionRow) any { return &e.ID }, set: bySave},
		{name: "action_id", at: func(e *executionRow) any { return &e.ActionID }, set: bySave},
		{name: "event_id", at: func(e *executionRow) any { return &e.EventID }, set: bySave},
		{name: "event_type", at: func(e *executionRow) any { return &e.EventType }, set: bySave},
		{name: "event_data", at: func(e *executionRow) any { return &e.EventData }, set: bySave},
		{
			name: "priority", at: func(e *executionRow) any { return &e.priority }, set: bySave,
			expression: func(s *schemaSQL) string { return "(SELECT priority FROM " + s.quote(actionsTable) + " WHERE id = ?)" },
			args:       func(e *executionRow) []any { return []any{e.ActionID} },
		},
		{name: "status", at: func(e *executionRow) any { return (*string)(&e.Status) }, set: byBoth},
		{name: "started_at", at: func(e *executionRow) any { return &e.StartedAt }, set: byBoth},
		{
			name: "completed_at", at: func(e *executionRow) any { return &e.CompletedAt }, set: byBoth,
			expression: func(s *schemaSQL) string { return "CASE WHEN ? THEN coalesce(?, " + s.dialect.Now + ") END" },
			args:       func(e *executionRow) []any { return []any{e.Status.Final(), e.CompletedAt} },
		},
		{name: "duration_ms", at: func(e *executionRow) any { return &e.DurationMS }, set: byBoth},
		{name: "result", at: func(e *executionRow) any { return &e.Result }, set: byBoth},
		{name: "error_message", at: func(e *executionRow) any { return &e.ErrorMessage }, set: byBoth},
		{name: "retry_count", at: func(e *executionRow) any { return &e.RetryCount }, set: bySave},
		{
			name: "retry_at", at: func(e *executionRow) any { return &e.retryAt }, set: byBoth,
			expression: retryAt, args: func(e *executionRow) []any { return retryArgs(e, e.Status, e.CompletedAt) },
		},
		{name: "retry_of", at: func(e *executionRow) any { return &e.RetryOf }, set: bySave},
		{name: "execution_context", at: func(e *executionRow) any { return &e.ExecutionContext }, set: byBoth},
		{name: "lease_token", at: func(e *executionRow) any { return &e.LeaseToken }},
		{name: "lease_until", at: func(e *executionRow) any { return &e.LeaseUntil }},
		{name: "created_at", at: func(e *executionRow) any { return &e.CreatedAt }},
		{name: "updated_at", at: func(e *executionRow) any { return &e.UpdatedAt }},
		{name: "revision", at: func(e *executionRow) any { return &e.Revision }},
	},
	derived: []column[executionRow]{
		onEnd("lease_token"), onEnd("lease_until"),
	},
	references: []reference{
		{"action_id", actionsTable, "action"},
		{"event_id", eventsTable, "event"},
		{"retry_of", executionsTable, "execution"},
	},
	// The event of a retry may have been archived since.
	refers: func(e *executionRow, column string) bool { return column != "event_id" || e.RetryOf == nil },
	unique: []unique{{columns: []string{"retry_of"}}},
}

// retryAt is when an execution is to be tried again: if it failed and the action's MaxRetries is not
// reached, after the pause of driver.Action.RetryDelay. Its arguments are retryArgs.
func retryAt(s *schemaSQL) string {
	const most = "86400"
	delay := "CASE WHEN a.retry_delay_seconds * ? > " + most + " THEN " + most + " ELSE a.retry_delay_seconds * ? END"
	return "CASE WHEN ? THEN (SELECT CASE WHEN ? < a.max_retries THEN " + s.dialect.Plus("coalesce(?, "+s.dialect.Now+")", delay) +
		" END FROM " + s.quote(actionsTable) + " a WHERE a.id = ?) END"
}

func retryArgs(e *executionRow, status driver.ExecutionStatus, completedAt *time.Time) []any {
	failed := status == driver.ExecutionFailed || status == driver.ExecutionTimeout
	doubled := int64(1) << min(e.RetryCount, 17) // beyond that it is more than a day in any case
	return []any{failed, int64(e.RetryCount), completedAt, doubled, doubled, e.ActionID}
}

// onEnd is a column that an execution loses when it ends.
func onEnd(name string) column[executionRow] {
	return column[executionRow]{
		name: name, expression: expression("CASE WHEN ? THEN NULL ELSE " + name + " END"),
		args: func(e *executionRow) []any { return []any{e.Status.Final()} },
	}
}

// executionSQL is the statements on executions.
type executionSQL struct {
	table *table[executionRow]

	forUpdate                            string
	byAction, byStatus, byStatusOfAction string
	recent, failed, retried              string

	claim, finish string
	deleteOld     string

	counts, durations           string // of one action
	countsOfAll, durationsOfAll string
}

func newExecutionSQL(s *schemaSQL) *executionSQL {
	t := newTable(s, executionMapping)
	d, executions, actions := s.dialect, s.quote(executionsTable), s.quote(actionsTable)
	const newestFirst = "created_at DESC, id DESC"
	open := sq.Select("id").From(executions).
		// Not status = 'pending': a planner takes what is open for rare, what is pending for rare once more, and
		// sorts all of it for each claim.
		Where("completed_at IS NULL AND (status <> 'running' OR lease_until <= "+d.Clock+")").
		Where("EXISTS (SELECT 1 FROM "+actions+" a WHERE a.id = action_id AND a.status = 'active' AND a.is_enabled)").
		OrderBy("priority DESC", "created_at", "id").Suffix("LIMIT ?")
	counts := func(where string) string {
		return s.render(sq.Select("status", "count(*)", "CAST(sum(CASE WHEN retry_count > 0 THEN 1 ELSE 0 END) AS bigint)", "min(created_at)", "max(created_at)").
			From(executions).Where(where).GroupBy(d.Unindexed("status")).OrderBy("status"))
	}
	return &executionSQL{
		table:            t,
		forUpdate:        s.render(s.locking(sq.Select(append(t.names(""), d.Now)...).From(executions).Where("id = ?"), "FOR UPDATE")),
		byAction:         s.list(t.read().Where("action_id = ?"), newestFirst),
		byStatus:         s.list(t.read().Where("status = ?"), oldestFirst),
		byStatusOfAction: s.list(t.read().Where("status = ? AND action_id = ?"), oldestFirst),
		recent:           s.list(t.read().Where("created_at >= ?"), newestFirst),
		failed:           s.list(t.read().Where("retry_at <= "+d.Now), "retry_at, id"),
		retried:          s.render(sq.Update(executions).Set("retry_at", sq.Expr("NULL")).Where("id = ?")),

		claim: s.render(sq.Update(executions).Set("status", sq.Expr("'running'")).
			Set("started_at", sq.Expr("coalesce(started_at, "+d.Now+")")).
			Set("lease_token", sq.Expr("?")).Set("lease_until", sq.Expr(d.After)).
			Set("updated_at", sq.Expr(d.Now)).Set("revision", sq.Expr("revision + 1")).
			Where("id IN (SELECT id FROM open)").Suffix(t.returning()).
			PrefixExpr(sq.Expr("WITH open AS MATERIALIZED (?)", s.locking(open, "FOR UPDATE SKIP LOCKED")))),
		finish: s.render(sq.Update(executions).Set("status", sq.Expr("?")).Set("completed_at", sq.Expr(d.Now)).
			Set("duration_ms", sq.Expr("?")).Set("result", sq.Expr("?")).Set("error_message", sq.Expr("?")).
			Set("retry_at", sq.Expr(retryAt(s))).Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).
			Set("updated_at", sq.Expr(d.Now)).Set("revision", sq.Expr("revision + 1")).
			Where("id = ?").Suffix(t.returning())),
		// Locked, they are those that still have the status when their turn comes.
		deleteOld: s.render(sq.Delete(executions).Where("id IN (SELECT id FROM old)").
			PrefixExpr(sq.Expr("WITH old AS MATERIALIZED (?)", s.locking(sq.Select("id").From(executions).
				Where("created_at < ? AND "+d.Unindexed("status")+" "+d.IsOneText).OrderBy("created_at", "id").Suffix("LIMIT ?"), "FOR UPDATE")))),

		counts:         counts("created_at >= ? AND action_id = ?"),
		durations:      s.render(spread("duration_ms", "FROM "+executions+" WHERE created_at >= ? AND action_id = ?")),
		countsOfAll:    counts("created_at >= ?"),
		durationsOfAll: s.render(spread("duration_ms", "FROM "+executions+" WHERE created_at >= ?")),
	}
}
