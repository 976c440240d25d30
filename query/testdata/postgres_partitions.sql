-- archives.byAggregate
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE status = 'completed' AND (id = ANY (ARRAY(SELECT DISTINCT archive_id FROM "tenant_acme"."event_keys" WHERE aggregate_id = $1 AND aggregate_type = $2)) OR storage_type = 'database_partition' AND checksum = '' AND EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k WHERE aggregate_id = $3 AND aggregate_type = $4 AND k.archive_id IS NULL AND k.position BETWEEN first_position AND last_position)) ORDER BY first_position, id LIMIT $5;

-- archiving.forget
DELETE FROM "tenant_acme"."event_processed" WHERE position = ANY (ARRAY(SELECT position FROM "tenant_acme"."event_archiving" WHERE archive_id = $1)) AND position BETWEEN (SELECT min(position) FROM "tenant_acme"."event_archiving" WHERE archive_id = $2) AND (SELECT max(position) FROM "tenant_acme"."event_archiving" WHERE archive_id = $3);

-- archiving.keep
UPDATE "tenant_acme"."event_keys" SET archive_id = $1 WHERE event_id = ANY (ARRAY(SELECT e.id FROM "tenant_acme"."event_archiving" a CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = a.position OFFSET 0) e WHERE a.archive_id = $2));

-- archiving.page
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."event_archiving" a CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = a.position OFFSET 0) e WHERE a.archive_id = $1 AND a.position > $2 ORDER BY a.position LIMIT $3;

-- archiving.remove
DELETE FROM "tenant_acme"."events" WHERE position = ANY (ARRAY(SELECT position FROM "tenant_acme"."event_archiving" WHERE archive_id = $1)) AND position BETWEEN (SELECT min(position) FROM "tenant_acme"."event_archiving" WHERE archive_id = $2) AND (SELECT max(position) FROM "tenant_acme"."event_archiving" WHERE archive_id = $3) RETURNING id;

-- archiving.reserve
INSERT INTO "tenant_acme"."event_archiving" (position,archive_id) SELECT s.position, $1 FROM (SELECT c.position, sum(c.bytes) OVER (ORDER BY c.position) - c.bytes AS bytes_before FROM (SELECT p.position, octet_length(e.event_data) + octet_length(e.event_metadata) AS bytes FROM "tenant_acme"."event_processed" p CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = p.position OFFSET 0) e WHERE p.position > $2 AND (SELECT 1 FROM "tenant_acme"."event_archiving" o WHERE o.position = p.position LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme"."webhook_deliveries" o WHERE o.event_id = e.id AND o.next_retry_at IS NOT NULL LIMIT 1) IS NULL AND p.position <= (SELECT coalesce(min(position), 9223372036854775807) FROM "tenant_acme"."event_consumers") AND e.occurred_at < $3 ORDER BY p.position LIMIT $4) AS c) AS s WHERE s.bytes_before < $5 ON CONFLICT DO NOTHING;

-- archiving.restorable
UPDATE "tenant_acme"."event_keys" SET archive_id = NULL WHERE archive_id = $1 AND event_id = ANY ($2::uuid[]) RETURNING event_id, position;

-- claims.fenceLater
UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL WHERE lease_token <> $1 AND event_id = ANY (ARRAY(SELECT l.event_id FROM unnest($2::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."event_keys" e WHERE e.event_id = value OFFSET 0) e CROSS JOIN LATERAL (SELECT l.* FROM "tenant_acme"."event_queue" l WHERE l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token IS NOT NULL OFFSET 0) l WHERE (SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version > e.aggregate_version ORDER BY o.aggregate_version LIMIT 100) o) IS NOT NULL));

-- claims.holdLater
UPDATE "tenant_acme"."event_queue" SET is_held = TRUE, available_at = statement_timestamp() + $1 * interval '1 microsecond', lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE lease_token = $2 AND event_id = ANY (ARRAY(SELECT l.event_id FROM unnest($3::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."event_keys" e WHERE e.event_id = value OFFSET 0) e CROSS JOIN LATERAL (SELECT l.* FROM "tenant_acme"."event_queue" l WHERE l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token = $4 OFFSET 0) l));

-- claims.releaseLater
UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE lease_token = $1 AND event_id = ANY (ARRAY(SELECT l.event_id FROM unnest($2::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."event_keys" e WHERE e.event_id = value OFFSET 0) e CROSS JOIN LATERAL (SELECT l.* FROM "tenant_acme"."event_queue" l WHERE l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token = $3 OFFSET 0) l));

-- claims.unhold
UPDATE "tenant_acme"."event_queue" SET is_held = FALSE, available_at = statement_timestamp() WHERE is_held AND event_id = ANY (ARRAY(SELECT (SELECT n.event_id FROM "tenant_acme"."event_queue" n WHERE n.aggregate_id = e.aggregate_id AND n.aggregate_type = e.aggregate_type AND n.aggregate_version > e.aggregate_version ORDER BY n.aggregate_version LIMIT 1) FROM unnest($1::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."event_keys" e WHERE e.event_id = value OFFSET 0) e WHERE (SELECT 1 FROM "tenant_acme"."event_queue" WHERE is_held ORDER BY available_at LIMIT 1) IS NOT NULL));

-- consumers.read
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."events" e WHERE e.position > $1 ORDER BY e.position LIMIT $2;

-- deliveries.eventExists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position) r WHERE k.event_id = $1);

-- deliveries.failedSince
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $1 AND status = 'failed' AND completed_at >= $2 AND NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" r WHERE r.replay_of = "tenant_acme"."webhook_deliveries".id) AND EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position FOR KEY SHARE) r WHERE k.event_id = "tenant_acme"."webhook_deliveries".event_id) ORDER BY created_at, id;

-- deliveries.fanOut
INSERT INTO "tenant_acme"."webhook_deliveries" (id,endpoint_id,event_id,status,attempt_count,max_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,next_retry_at,max_attempts_reached,cancel_reason) SELECT first, e.id, v.id, 'pending', 0, e.max_retry_attempts + 1, e.retry_backoff_seconds, e.retry_backoff_multiplier, e.retry_jitter, now(), FALSE, '' FROM unnest($1::uuid[], $2::uuid[]) AS pairs (first, second) JOIN "tenant_acme"."webhook_endpoints" e ON e.id = second JOIN "tenant_acme"."event_keys" k ON k.event_id = $3 JOIN "tenant_acme"."events" v ON v.position = k.position WHERE e.is_active ORDER BY e.id FOR KEY SHARE OF e, v ON CONFLICT DO NOTHING;

-- deliveries.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" WHERE id = $1), EXISTS (SELECT 1 FROM unnest($2::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position) r WHERE k.event_id = value)), EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $3 AND event_id = $4 AND replay_of IS NULL);

-- deliveries.table.insertRow
INSERT INTO "tenant_acme"."webhook_deliveries" (id,endpoint_id,event_id,status,attempt_count,max_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,next_retry_at,max_attempts_reached,replay_of,cancel_reason,completed_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($15::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position FOR KEY SHARE) r WHERE k.event_id = value)) ON CONFLICT DO NOTHING RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- detaching.attach
ALTER TABLE "tenant_acme"."events" ATTACH PARTITION "tenant_acme"."events_p3" FOR VALUES FROM (3000) TO (4000); ALTER TABLE "tenant_acme"."event_processed" ATTACH PARTITION "tenant_acme"."event_processed_p3" FOR VALUES FROM (3000) TO (4000);

-- detaching.detach
ALTER TABLE "tenant_acme"."events" DETACH PARTITION "tenant_acme"."events_p3"; ALTER TABLE "tenant_acme"."event_processed" DETACH PARTITION "tenant_acme"."event_processed_p3";

-- detaching.drop
DROP TABLE "tenant_acme"."events_p3", "tenant_acme"."event_processed_p3";

-- detaching.labels
SELECT v FROM (SELECT DISTINCT event_type AS v FROM "tenant_acme"."events_p3" WHERE event_type IS NOT NULL) AS labels ORDER BY v COLLATE "C" LIMIT 1000;

-- detaching.lock
LOCK TABLE ONLY "tenant_acme"."events", ONLY "tenant_acme"."event_processed", "tenant_acme"."events_p3", "tenant_acme"."event_processed_p3" IN ACCESS EXCLUSIVE MODE;

-- detaching.moved
SELECT (SELECT CAST(coalesce(sum(a.event_count + a.restored_count), 0) AS bigint) FROM "tenant_acme"."event_archives" a WHERE a.status IN ('completed', 'restored', 'deleted') AND a.first_position < 4000 AND a.last_position >= 3000);

-- detaching.newest
WITH RECURSIVE types (event_type) AS (SELECT min(event_type) FROM "tenant_acme"."events_p3" UNION ALL SELECT (SELECT min(e.event_type) FROM "tenant_acme"."events_p3" e WHERE e.event_type > t.event_type) FROM types t WHERE t.event_type IS NOT NULL) SELECT max((SELECT max(e.occurred_at) FROM "tenant_acme"."events_p3" e WHERE e.event_type = t.event_type)) FROM types t WHERE t.event_type IS NOT NULL;

-- detaching.obstacle
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_queue" WHERE is_fresh AND position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_queue" WHERE NOT is_fresh AND position > 0 AND position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_dead_letters" WHERE position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_archiving" WHERE position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" d CROSS JOIN LATERAL (SELECT k.position FROM "tenant_acme"."event_keys" k WHERE k.event_id = d.event_id OFFSET 0) k WHERE d.next_retry_at IS NOT NULL AND position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_consumers" WHERE position < 3999);

-- detaching.obstaclePastConsumers
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_queue" WHERE is_fresh AND position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_queue" WHERE NOT is_fresh AND position > 0 AND position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_dead_letters" WHERE position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_archiving" WHERE position BETWEEN 3000 AND 3999) OR EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" d CROSS JOIN LATERAL (SELECT k.position FROM "tenant_acme"."event_keys" k WHERE k.event_id = d.event_id OFFSET 0) k WHERE d.next_retry_at IS NOT NULL AND position BETWEEN 3000 AND 3999);

-- detaching.page
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events_p3" e LEFT JOIN "tenant_acme"."event_processed_p3" p ON p.position = e.position WHERE e.position > $1 ORDER BY e.position LIMIT $2;

-- detaching.summary
SELECT count(*), coalesce(min(e.position), 0), coalesce(max(e.position), 0), min(e.occurred_at), max(e.occurred_at), CAST(coalesce(sum(octet_length(e.event_data) + octet_length(e.event_metadata)), 0) AS bigint), pg_total_relation_size('"tenant_acme"."events_p3"') + pg_total_relation_size('"tenant_acme"."event_processed_p3"'), (SELECT CAST(coalesce(sum(a.event_count + a.restored_count), 0) AS bigint) FROM "tenant_acme"."event_archives" a WHERE a.status IN ('completed', 'restored', 'deleted') AND a.first_position < 4000 AND a.last_position >= 3000) FROM "tenant_acme"."events_p3" e;

-- events.archivedIn
SELECT coalesce(k.archive_id, (SELECT a.id FROM "tenant_acme"."event_archives" a WHERE a.storage_type = 'database_partition' AND a.checksum = '' AND a.status IN ('completed', 'deleted') AND k.position BETWEEN a.first_position AND a.last_position ORDER BY a.archived_at DESC LIMIT 1)) FROM "tenant_acme"."event_keys" k WHERE k.event_id = $1;

-- events.byAggregate
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = k.position OFFSET 0) e WHERE k.aggregate_type = $1 AND k.aggregate_id = $2 AND k.aggregate_version >= $3 ORDER BY k.aggregate_version LIMIT $4;

-- events.byContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."events" e WHERE e.context_id = $1 ORDER BY e.occurred_at DESC, e.position DESC LIMIT $2;

-- events.byCorrelation
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."events" e WHERE e.correlation_id = $1 ORDER BY e.occurred_at, e.position LIMIT $2;

-- events.byID
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = k.position OFFSET 0) e WHERE k.event_id = $1;

-- events.byType
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."events" e WHERE e.event_type = $1 ORDER BY e.occurred_at DESC, e.position DESC LIMIT $2;

-- events.conflict
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE event_id = $1), EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE aggregate_type = $2 AND aggregate_id = $3 AND aggregate_version = $4), (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = $5 AND aggregate_id = $6) AS lasts);

-- events.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position) r WHERE k.event_id = $1);

-- events.lastVersion
SELECT (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = $1 AND aggregate_id = $2) AS lasts);

-- events.lastVersions
SELECT a.number, (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = a.aggregate_type AND aggregate_id = a.aggregate_id) AS lasts) FROM (SELECT number - 1 AS number, aggregate_type, aggregate_id FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS given (aggregate_type, aggregate_id, number)) a ORDER BY a.number;

-- events.reserve
SELECT r.*, FALSE FROM (SELECT nextval('"tenant_acme"."event_keys_position_seq"'), now() FROM generate_series(1, $1)) r;

-- events.save
WITH keyed AS (INSERT INTO "tenant_acme"."event_keys" (event_id,aggregate_type,aggregate_id,aggregate_version) SELECT $1, $2, $3, $4 ON CONFLICT DO NOTHING RETURNING position, aggregate_version), saved AS (INSERT INTO "tenant_acme"."events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version,position) SELECT $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, coalesce($16, now()), k.aggregate_version, k.position FROM keyed k RETURNING id AS event_id, event_type, aggregate_type, aggregate_id, position, aggregate_version, occurred_at, created_at), queued AS (INSERT INTO "tenant_acme"."event_queue" (position,event_id,event_type,aggregate_type,aggregate_id,aggregate_version) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version FROM saved) SELECT position, aggregate_version, occurred_at, created_at FROM saved;

-- events.saveNext
WITH keyed AS (INSERT INTO "tenant_acme"."event_keys" (event_id,aggregate_type,aggregate_id,aggregate_version) SELECT $1, $2, $3, (SELECT coalesce(max(last) + CASE max(last) WHEN 9223372036854775807 THEN 0 ELSE 1 END, 1) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = $4 AND aggregate_id = $5) AS lasts) ON CONFLICT DO NOTHING RETURNING position, aggregate_version), saved AS (INSERT INTO "tenant_acme"."events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version,position) SELECT $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, coalesce($17, now()), k.aggregate_version, k.position FROM keyed k RETURNING id AS event_id, event_type, aggregate_type, aggregate_id, position, aggregate_version, occurred_at, created_at), queued AS (INSERT INTO "tenant_acme"."event_queue" (position,event_id,event_type,aggregate_type,aggregate_id,aggregate_version) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version FROM saved) SELECT position, aggregate_version, occurred_at, created_at FROM saved;

-- events.takenID
WITH taken AS MATERIALIZED (SELECT k.event_id AS id, k.position FROM unnest($1::uuid[]) AS given (value) JOIN "tenant_acme"."event_keys" k ON k.event_id = value) SELECT id FROM taken ORDER BY position LIMIT 1;

-- events.withoutContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, (SELECT p.processed_at FROM "tenant_acme"."event_processed" p WHERE p.position = e.position) FROM "tenant_acme"."events" e WHERE e.context_id IS NULL ORDER BY e.occurred_at DESC, e.position DESC LIMIT $1;

-- executions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE id = $1), EXISTS (SELECT 1 FROM unnest($2::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" r WHERE r.id = value)), EXISTS (SELECT 1 FROM unnest($3::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position) r WHERE k.event_id = value)), EXISTS (SELECT 1 FROM unnest($4::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" r WHERE r.id = value)), EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE retry_of = $5);

-- executions.table.insertRow
INSERT INTO "tenant_acme"."action_executions" (id,action_id,event_id,event_type,event_data,priority,status,started_at,completed_at,duration_ms,result,error_message,retry_count,retry_at,retry_of,execution_context) SELECT $1, $2, $3, $4, $5, (SELECT priority FROM "tenant_acme"."event_actions" WHERE id = $6), $7, $8, CASE WHEN $9 THEN coalesce($10, now()) END, $11, $12, $13, $14, CASE WHEN $15 THEN (SELECT CASE WHEN $16 < a.max_retries THEN coalesce($17, now()) + (CASE WHEN a.retry_delay_seconds * $18 > 86400 THEN 86400 ELSE a.retry_delay_seconds * $19 END) * interval '1 second' END FROM "tenant_acme"."event_actions" a WHERE a.id = $20) END, $21, $22 WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($23::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" r WHERE r.id = value FOR KEY SHARE)) AND NOT EXISTS (SELECT 1 FROM unnest($24::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" k CROSS JOIN LATERAL (SELECT 1 FROM "tenant_acme"."events" r WHERE r.position = k.position FOR KEY SHARE) r WHERE k.event_id = value)) AND NOT EXISTS (SELECT 1 FROM unnest($25::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" r WHERE r.id = value FOR KEY SHARE)) ON CONFLICT DO NOTHING RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- horizon
SELECT h.last, h.holders, h.reliable, h.is_fresh, (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $1 ORDER BY q.position LIMIT 1) FROM (SELECT (SELECT coalesce(max(position), 0) FROM "tenant_acme"."events") AS last, coalesce(string_agg(virtualtransaction, ' ') FILTER (WHERE relation = '"tenant_acme"."event_keys_position_seq"'::regclass AND mode = 'RowExclusiveLock'), '') AS holders, count(*) FILTER (WHERE pid = pg_backend_pid()) > 0 AND NOT pg_is_in_recovery() AS reliable, current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') AS is_fresh FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) h;

