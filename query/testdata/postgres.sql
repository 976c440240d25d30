-- events.byAggregate
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.aggregate_version >= $3 ORDER BY e.aggregate_version LIMIT $4;

-- events.byContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.context_id = $1 ORDER BY e.occurred_at DESC, e.position DESC LIMIT $2;

-- events.byCorrelation
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.correlation_id = $1 ORDER BY e.occurred_at, e.position LIMIT $2;

-- events.byID
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.id = $1;

-- events.byType
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.event_type = $1 ORDER BY e.occurred_at DESC, e.position DESC LIMIT $2;

-- events.conflict
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE id = $1), EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE aggregate_type = $2 AND aggregate_id = $3 AND aggregate_version = $4), (SELECT coalesce(max(aggregate_version), 0) FROM "tenant_acme"."events" WHERE aggregate_type = $5 AND aggregate_id = $6);

-- events.countByType
SELECT event_type, count(*) FROM "tenant_acme"."events" WHERE occurred_at >= $1 GROUP BY event_type;

-- events.countProcessing
SELECT count(*) FROM "tenant_acme"."event_queue" q WHERE q.lease_until > now();

-- events.countUnprocessed
SELECT count(*) FROM "tenant_acme"."event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= now());

-- events.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE id = $1);

-- events.lastVersion
SELECT coalesce(max(aggregate_version), 0) FROM "tenant_acme"."events" WHERE aggregate_type = $1 AND aggregate_id = $2;

-- events.lastVersions
SELECT a.number, (SELECT coalesce(max(e.aggregate_version), 0) FROM "tenant_acme"."events" e WHERE e.aggregate_type = a.aggregate_type AND e.aggregate_id = a.aggregate_id) FROM (SELECT number - 1 AS number, aggregate_type, aggregate_id FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS given (aggregate_type, aggregate_id, number)) a ORDER BY a.number;

-- events.lock
WITH queued AS MATERIALIZED (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= now()) ORDER BY q.position LIMIT $1 FOR UPDATE) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN LATERAL (SELECT * FROM "tenant_acme"."events" WHERE position = q.position OFFSET 0) e ORDER BY q.position;

-- events.lockSkipping
WITH queued AS MATERIALIZED (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= now()) ORDER BY q.position LIMIT $1 FOR UPDATE SKIP LOCKED) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN LATERAL (SELECT * FROM "tenant_acme"."events" WHERE position = q.position OFFSET 0) e ORDER BY q.position;

-- events.mark[0]
WITH done AS (DELETE FROM "tenant_acme"."event_queue" WHERE event_id = ANY ($1::uuid[]) RETURNING position) INSERT INTO "tenant_acme"."event_processed" (position,processed_at) SELECT position, now() FROM done;

-- events.queuePage
WITH queued AS MATERIALIZED (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE q.position > $1 ORDER BY q.position LIMIT $2) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN LATERAL (SELECT * FROM "tenant_acme"."events" WHERE position = q.position OFFSET 0) e ORDER BY q.position;

-- events.reserve
SELECT nextval('"tenant_acme"."events_position_seq"'), now() FROM generate_series(1, $1);

-- events.save
WITH saved AS (INSERT INTO "tenant_acme"."events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,coalesce($12, now()),$13) ON CONFLICT DO NOTHING RETURNING id, position, aggregate_version, occurred_at, created_at), queued AS (INSERT INTO "tenant_acme"."event_queue" (position,event_id) SELECT position, id FROM saved) SELECT position, aggregate_version, occurred_at, created_at FROM saved;

-- events.saveNext
WITH saved AS (INSERT INTO "tenant_acme"."events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,coalesce($12, now()),(SELECT coalesce(max(aggregate_version), 0) + 1 FROM "tenant_acme"."events" WHERE aggregate_type = $13 AND aggregate_id = $14)) ON CONFLICT DO NOTHING RETURNING id, position, aggregate_version, occurred_at, created_at), queued AS (INSERT INTO "tenant_acme"."event_queue" (position,event_id) SELECT position, id FROM saved) SELECT position, aggregate_version, occurred_at, created_at FROM saved;

-- events.takenID
WITH taken AS MATERIALIZED (SELECT e.id, e.position FROM unnest($1::uuid[]) AS given (value) JOIN "tenant_acme"."events" e ON e.id = value) SELECT id FROM taken ORDER BY position LIMIT 1;

-- events.withoutContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.context_id IS NULL ORDER BY e.occurred_at DESC, e.position DESC LIMIT $1;

