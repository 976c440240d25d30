-- events.byAggregate
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.aggregate_type = ? AND e.aggregate_id = ? AND e.aggregate_version >= ? ORDER BY e.aggregate_version LIMIT ?;

-- events.byContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.context_id = ? ORDER BY e.occurred_at DESC, e.position DESC LIMIT ?;

-- events.byCorrelation
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.correlation_id = ? ORDER BY e.occurred_at, e.position LIMIT ?;

-- events.byID
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.id = ?;

-- events.byType
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.event_type = ? ORDER BY e.occurred_at DESC, e.position DESC LIMIT ?;

-- events.conflict
SELECT EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE id = ?), EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?), (SELECT coalesce(max(aggregate_version), 0) FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ?);

-- events.countByType
SELECT event_type, count(*) FROM "tenant_acme__events" WHERE occurred_at >= ? GROUP BY event_type;

-- events.countProcessing
SELECT count(*) FROM "tenant_acme__event_queue" q WHERE q.lease_until > CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000;

-- events.countUnprocessed
SELECT count(*) FROM "tenant_acme__event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000);

-- events.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE id = ?);

-- events.lastVersion
SELECT coalesce(max(aggregate_version), 0) FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ?;

-- events.lastVersions
SELECT a.number, (SELECT coalesce(max(e.aggregate_version), 0) FROM "tenant_acme__events" e WHERE e.aggregate_type = a.aggregate_type AND e.aggregate_id = a.aggregate_id) FROM (SELECT key AS number, value ->> 0 AS aggregate_type, value ->> 1 AS aggregate_id FROM json_each(?)) a ORDER BY a.number;

-- events.lock
WITH queued AS MATERIALIZED (SELECT q.position FROM "tenant_acme__event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN "tenant_acme__events" e ON e.position = q.position ORDER BY q.position;

-- events.lockSkipping
WITH queued AS MATERIALIZED (SELECT q.position FROM "tenant_acme__event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN "tenant_acme__events" e ON e.position = q.position ORDER BY q.position;

-- events.mark[0]
INSERT INTO "tenant_acme__event_processed" (position,processed_at) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?));

-- events.mark[1]
DELETE FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?));

-- events.queuePage
WITH queued AS MATERIALIZED (SELECT q.position FROM "tenant_acme__event_queue" q WHERE q.position > ? ORDER BY q.position LIMIT ?) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN "tenant_acme__events" e ON e.position = q.position ORDER BY q.position;

-- events.reserve
WITH RECURSIVE taken (position, remaining) AS (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tenant_acme__events'), 0) + 1, ? - 1 UNION ALL SELECT position + 1, remaining - 1 FROM taken WHERE remaining > 0) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM taken;

-- events.save
INSERT INTO "tenant_acme__events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) VALUES (?,?,?,?,?,?,?,?,?,?,?,coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),?) ON CONFLICT DO NOTHING RETURNING position, aggregate_version, occurred_at, created_at;

-- events.saveNext
INSERT INTO "tenant_acme__events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) VALUES (?,?,?,?,?,?,?,?,?,?,?,coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),(SELECT coalesce(max(aggregate_version), 0) + 1 FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ?)) ON CONFLICT DO NOTHING RETURNING position, aggregate_version, occurred_at, created_at;

-- events.takenID
WITH taken AS MATERIALIZED (SELECT e.id, e.position FROM json_each(?) JOIN "tenant_acme__events" e ON e.id = value) SELECT id FROM taken ORDER BY position LIMIT 1;

-- events.withoutContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.context_id IS NULL ORDER BY e.occurred_at DESC, e.position DESC LIMIT ?;

