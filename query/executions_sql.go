package query

import (
	sq "github.com/Masterminds/squirrel"

	"github.com/neomultitenant/neoevents/driver"
)

// executionRow is an execution and the rank of its action's priority.
type executionRow struct {
	driver.Execution
	priority int
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
	unique: []unique{{columns: []string{"retry_of"}}},
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
	recent, failed                       string

	claim, finish string
	deleteOld     string

	counts, durations           string // of one action
	countsOfAll, durationsOfAll string
}

func newExecutionSQL(s *schemaSQL) *executionSQL {
	t := newTable(s, executionMapping)
	d, executions, actions := s.dialect, s.quote(executionsTable), s.quote(actionsTable)
	update := func(q sq.SelectBuilder, how string) sq.SelectBuilder {
		if !d.Locks {
			return q
		}
		return q.Suffix("FOR UPDATE" + how)
	}
	const newestFirst = "created_at DESC, id DESC"
	open := sq.Select("id").From(executions).
		Where("status IN ('pending', 'running') AND (status = 'pending' OR lease_until <= "+d.Now+")").
		Where("EXISTS (SELECT 1 FROM "+actions+" a WHERE a.id = action_id AND a.status = 'active' AND a.is_enabled)").
		OrderBy("priority DESC", "created_at", "id").Suffix("LIMIT ?")
	counts := func(where string) string {
		return s.render(sq.Select("status", "count(*)", "CAST(sum(CASE WHEN retry_count > 0 THEN 1 ELSE 0 END) AS bigint)", "min(created_at)", "max(created_at)").
			From(executions).Where(where).GroupBy("status").OrderBy("status"))
	}
	// Doubling ends where no count of retries gets to: an expression must not overflow.
	delay := "CASE WHEN CAST(a.retry_delay_seconds AS bigint) << e.retry_count > 86400 THEN 86400 ELSE CAST(a.retry_delay_seconds AS bigint) << e.retry_count END"
	return &executionSQL{
		table:            t,
		forUpdate:        s.render(update(sq.Select(append(t.names(""), d.Now)...).From(executions).Where("id = ?"), "")),
		byAction:         s.list(t.read().Where("action_id = ?"), newestFirst),
		byStatus:         s.list(t.read().Where("status = ?"), oldestFirst),
		byStatusOfAction: s.list(t.read().Where("status = ? AND action_id = ?"), oldestFirst),
		recent:           s.list(t.read().Where("created_at >= ?"), newestFirst),
		failed: s.list(sq.Select(t.names("e.")...).From(executions+" e").Join(actions+" a ON a.id = e.action_id").
			Where("e.status IN ('failed', 'timeout') AND e.retry_count < a.max_retries").
			Where(d.Plus("e.completed_at", delay)+" <= "+d.Now).
			Where("NOT EXISTS (SELECT 1 FROM "+executions+" r WHERE r.retry_of = e.id)"), "e.completed_at, e.id"),

		claim: s.render(sq.Update(executions).Set("status", sq.Expr("'running'")).
			Set("started_at", sq.Expr("coalesce(started_at, "+d.Now+")")).
			Set("lease_token", sq.Expr("?")).Set("lease_until", sq.Expr(d.After)).
			Set("updated_at", sq.Expr(d.Now)).Set("revision", sq.Expr("revision + 1")).
			Where("id IN (SELECT id FROM open)").Suffix(t.returning()).
			PrefixExpr(sq.Expr("WITH open AS MATERIALIZED (?)", update(open, " SKIP LOCKED")))),
		finish: s.render(sq.Update(executions).Set("status", sq.Expr("?")).Set("completed_at", sq.Expr(d.Now)).
			Set("duration_ms", sq.Expr("?")).Set("result", sq.Expr("?")).Set("error_message", sq.Expr("?")).
			Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).
			Set("updated_at", sq.Expr(d.Now)).Set("revision", sq.Expr("revision + 1")).
			Where("id = ?").Suffix(t.returning())),
		// Locked, they are those that still have the status when their turn comes.
		deleteOld: s.render(sq.Delete(executions).Where("id IN (SELECT id FROM old)").
			PrefixExpr(sq.Expr("WITH old AS MATERIALIZED (?)", update(sq.Select("id").From(executions).
				Where("created_at < ? AND status "+d.IsOneText).OrderBy("created_at", "id").Suffix("LIMIT ?"), "")))),

		counts:         counts("created_at >= ? AND action_id = ?"),
		durations:      s.render(spread("duration_ms", "FROM "+executions+" WHERE created_at >= ? AND action_id = ?")),
		countsOfAll:    counts("created_at >= ?"),
		durationsOfAll: s.render(spread("duration_ms", "FROM "+executions+" WHERE created_at >= ?")),
	}
}
