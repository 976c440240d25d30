package invariants

var actionRules = []rule{
	{
		"an action is found by its types, and by no others",
		`SELECT 'action ' || v.id || ' and type ' || v.event_type FROM (
			SELECT a.id, t.value AS event_type FROM {event_actions} a CROSS JOIN {list a.event_types list}
			UNION ALL SELECT action_id, event_type FROM {event_action_types}) v
		GROUP BY v.id, v.event_type HAVING count(*) <> 2`,
	},
	{
		"an action counts the executions that ended",
		`SELECT 'action ' || c.id || ' counts ' || c.trigger_count || ' triggers, ' || c.success_count || ' successes, ' || c.failure_count || ' failures; it has ' ||
			c.succeeded || ' executions that succeeded, ' || c.failed || ' that failed'
		FROM (SELECT a.id, a.trigger_count, a.success_count, a.failure_count,
			(SELECT count(*) FROM {action_executions} x WHERE x.action_id = a.id AND x.status = 'success') AS succeeded,
			(SELECT count(*) FROM {action_executions} x WHERE x.action_id = a.id AND x.status IN ('failed', 'timeout')) AS failed
			FROM {event_actions} a) c
		WHERE c.success_count <> c.succeeded OR c.failure_count <> c.failed OR c.trigger_count <> c.succeeded + c.failed`,
	},
	{
		"an action that was triggered was so some time",
		"SELECT 'action ' || id FROM {event_actions} WHERE (last_triggered_at IS NULL) <> (trigger_count = 0)",
	},
	{
		"a lease of an execution has a token and an end, and is of one that runs",
		`SELECT 'execution ' || id || ' is ' || status FROM {action_executions}
		WHERE (lease_token IS NULL) <> (lease_until IS NULL) OR lease_token IS NOT NULL AND status <> 'running'`,
	},
	{
		"what is to be tried again has failed, and was not tried again",
		`SELECT 'execution ' || x.id || ' is ' || x.status FROM {action_executions} x WHERE x.retry_at IS NOT NULL
		AND (x.status NOT IN ('failed', 'timeout') OR EXISTS (SELECT 1 FROM {action_executions} r WHERE r.retry_of = x.id))`,
	},
	{
		"a retry is of the same action and the same event",
		`SELECT 'execution ' || r.id || ' is a retry of ' || x.id FROM {action_executions} r JOIN {action_executions} x ON x.id = r.retry_of
		WHERE r.action_id <> x.action_id OR coalesce(CAST(r.event_id AS text), '') <> coalesce(CAST(x.event_id AS text), '')`,
	},
}
