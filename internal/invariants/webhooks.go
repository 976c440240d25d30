package invariants

var webhookRules = []rule{
	{
		"an endpoint that fails has failed since some time",
		`SELECT 'endpoint ' || id || ' with ' || consecutive_failures || ' failures' FROM {webhook_endpoints}
		WHERE consecutive_failures < 0 OR (consecutive_failures = 0) <> (failing_since IS NULL)`,
	},
	{
		// Since its last success, or since it was made active again, which is a change. In which order deliveries
		// ended is not stored.
		"an endpoint counts the deliveries that failed",
		`SELECT 'endpoint ' || c.id || ' counts ' || c.consecutive_failures || ' failures in a row; ' || c.failed || ' deliveries failed, ' || c.succeeded || ' succeeded'
		FROM (SELECT e.id, e.consecutive_failures, e.revision,
			(SELECT count(*) FROM {webhook_deliveries} d WHERE d.endpoint_id = e.id AND d.status = 'failed') AS failed,
			(SELECT count(*) FROM {webhook_deliveries} d WHERE d.endpoint_id = e.id AND d.status = 'success') AS succeeded
			FROM {webhook_endpoints} e) c
		WHERE c.consecutive_failures > c.failed OR c.revision = 1 AND c.succeeded = 0 AND c.consecutive_failures < c.failed`,
	},
	{
		"an endpoint that was disabled is not active, and says why",
		"SELECT 'endpoint ' || id FROM {webhook_endpoints} WHERE disabled_at IS NOT NULL AND (is_active OR disabled_reason = '') OR disabled_at IS NULL AND disabled_reason <> ''",
	},
	{
		"an endpoint is verified since some time, and its previous secret ends some time",
		`SELECT 'endpoint ' || id FROM {webhook_endpoints}
		WHERE is_verified <> (verified_at IS NOT NULL) OR (previous_secret_token IS NULL) <> (previous_secret_until IS NULL)`,
	},
	{
		"attempts are numbered from 1 without gaps, and counted",
		`SELECT 'delivery ' || c.id || ' counts ' || c.attempt_count || ' attempts, has ' || c.attempts || ', the last is number ' || c.last
		FROM (SELECT d.id, d.attempt_count, count(a.number) AS attempts, coalesce(max(a.number), 0) AS last
			FROM {webhook_deliveries} d LEFT JOIN {webhook_delivery_attempts} a ON a.delivery_id = d.id GROUP BY d.id, d.attempt_count) c
		WHERE c.attempts <> c.attempt_count OR c.last <> c.attempt_count`,
	},
	{
		"a delivery is what its attempts make of it",
		`SELECT 'delivery ' || c.id || ' is ' || c.status || ' after ' || c.attempt_count || ' of ' || c.max_attempts || ' attempts, ' || c.successes || ' of them a success'
		FROM (SELECT d.id, d.status, d.attempt_count, d.max_attempts, d.max_attempts_reached, count(a.number) AS successes
			FROM {webhook_deliveries} d LEFT JOIN {webhook_delivery_attempts} a ON a.delivery_id = d.id AND a.status = 'success'
			GROUP BY d.id, d.status, d.attempt_count, d.max_attempts, d.max_attempts_reached) c
		WHERE c.successes <> (CASE WHEN c.status = 'success' THEN 1 ELSE 0 END)
			OR c.status = 'pending' AND c.attempt_count > 0
			OR c.status = 'retrying' AND (c.attempt_count = 0 OR c.attempt_count >= c.max_attempts)
			OR (c.status = 'failed') <> c.max_attempts_reached
			OR c.status = 'failed' AND c.attempt_count < c.max_attempts`,
	},
	{
		"a delivery that has ended did so some time, and its success is its last attempt",
		`SELECT 'delivery ' || d.id || ' is ' || d.status FROM {webhook_deliveries} d
		WHERE (d.completed_at IS NULL) <> (d.status IN ('pending', 'retrying'))
			OR d.status IN ('success', 'failed') AND NOT EXISTS (SELECT 1 FROM {webhook_delivery_attempts} a WHERE a.delivery_id = d.id
				AND a.number = d.attempt_count AND a.completed_at = d.completed_at AND (a.status = 'success') = (d.status = 'success'))`,
	},
	{
		"a lease of a delivery has a token and an end, and none has one that has ended",
		`SELECT 'delivery ' || id || ' is ' || status FROM {webhook_deliveries}
		WHERE (lease_token IS NULL) <> (lease_until IS NULL) OR lease_token IS NOT NULL AND status NOT IN ('pending', 'retrying')`,
	},
	{
		"only what is cancelled has a reason for that",
		"SELECT 'delivery ' || id || ' is ' || status FROM {webhook_deliveries} WHERE cancel_reason <> '' AND status <> 'cancelled'",
	},
	{
		// It would never be due.
		"no delivery to an active endpoint is parked",
		`SELECT 'delivery ' || d.id || ' to endpoint ' || e.id FROM {webhook_deliveries} d JOIN {webhook_endpoints} e ON e.id = d.endpoint_id
		WHERE d.is_parked AND d.next_retry_at IS NOT NULL AND e.is_active`,
	},
	{
		"a replay is of the same event to the same endpoint, of a delivery that has ended",
		`SELECT 'delivery ' || r.id || ' replays ' || d.id FROM {webhook_deliveries} r JOIN {webhook_deliveries} d ON d.id = r.replay_of
		WHERE r.event_id <> d.event_id OR r.endpoint_id <> d.endpoint_id OR d.completed_at IS NULL`,
	},
	{
		"there is one delivery of an event to an endpoint, but for replays",
		`SELECT 'event ' || event_id || ' to endpoint ' || endpoint_id || ': ' || count(*) FROM {webhook_deliveries} WHERE replay_of IS NULL
		GROUP BY event_id, endpoint_id HAVING count(*) > 1`,
	},
}
