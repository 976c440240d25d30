-- actions.addStatistics
UPDATE "tenant_acme"."event_actions" SET trigger_count = trigger_count + $1, success_count = success_count + $2, failure_count = failure_count + $3, last_triggered_at = CASE WHEN $4 AND (last_triggered_at IS NULL OR last_triggered_at < now()) THEN now() ELSE last_triggered_at END WHERE success_count + failure_count + $5 <= trigger_count + $6 AND id = $7;

-- actions.all.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE 1 = 1 AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT $1;

-- actions.all.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE 1 = 1 ORDER BY priority DESC, created_at, id LIMIT $1;

-- actions.byHandler.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE handler_type = $1 AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT $2;

-- actions.byHandler.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE handler_type = $1 ORDER BY priority DESC, created_at, id LIMIT $2;

-- actions.byTenant.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE tenant_id = $1 AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT $2;

-- actions.byTenant.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE tenant_id = $1 ORDER BY priority DESC, created_at, id LIMIT $2;

-- actions.cancelExecutions
UPDATE "tenant_acme"."action_executions" SET status = 'cancelled', completed_at = now(), error_message = $1, retry_at = NULL, lease_token = NULL, lease_until = NULL, updated_at = now(), revision = revision + 1 WHERE action_id = $2 AND status IN ('pending', 'running');

-- actions.deleteTypes
DELETE FROM "tenant_acme"."event_action_types" WHERE action_id = $1;

-- actions.forgetRetries
UPDATE "tenant_acme"."action_executions" SET retry_at = NULL WHERE action_id = $1 AND status IN ('failed', 'timeout') AND retry_at IS NOT NULL;

-- actions.ofTenant
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE status = 'active' AND is_enabled AND (tenant_id IS NULL OR tenant_id = $1) AND id IN (SELECT action_id FROM "tenant_acme"."event_action_types" WHERE event_type = ANY ($2::text[])) ORDER BY priority DESC, created_at, id;

-- actions.table.byID
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE id = $1;

-- actions.table.deleteRow
DELETE FROM "tenant_acme"."event_actions" WHERE id = $1;

-- actions.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" WHERE id = $1);

-- actions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" WHERE id = $1);

-- actions.table.insertRow
INSERT INTO "tenant_acme"."event_actions" (id,name,description,handler_type,configuration,event_types,conditions,context_filters,execution_mode,priority,timeout_seconds,max_retries,retry_delay_seconds,status,is_enabled,tags,tenant_id,created_by_user_id) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18 WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision;

-- actions.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" WHERE id = $2 AND revision = $3);

-- actions.table.updateRow
UPDATE "tenant_acme"."event_actions" SET name = $1, description = $2, handler_type = $3, configuration = $4, event_types = $5, conditions = $6, context_filters = $7, execution_mode = $8, priority = $9, timeout_seconds = $10, max_retries = $11, retry_delay_seconds = $12, status = $13, is_enabled = $14, tags = $15, tenant_id = $16, created_by_user_id = $17, updated_at = now(), revision = revision + 1 WHERE id = $18 AND revision = $19 AND 1 = 1 RETURNING id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision;

-- actions.tenantless.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE tenant_id IS NULL AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT $1;

-- actions.tenantless.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE tenant_id IS NULL ORDER BY priority DESC, created_at, id LIMIT $1;

-- actions.withoutTenant
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme"."event_actions" WHERE status = 'active' AND is_enabled AND tenant_id IS NULL AND id IN (SELECT action_id FROM "tenant_acme"."event_action_types" WHERE event_type = ANY ($1::text[])) ORDER BY priority DESC, created_at, id;

-- archiveJobs.byRule
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme"."event_archive_jobs" WHERE rule_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- archiveJobs.byStatus
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme"."event_archive_jobs" WHERE status = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- archiveJobs.count
UPDATE "tenant_acme"."event_archive_jobs" SET updated_at = now(), archives = archives + 1, events_archived = events_archived + $1, raw_bytes = raw_bytes + $2, size_bytes = size_bytes + $3 WHERE id = $4;

-- archiveJobs.deleteEnded
DELETE FROM "tenant_acme"."event_archive_jobs" WHERE completed_at IS NOT NULL AND id = $1;

-- archiveJobs.deleteOld
WITH old AS MATERIALIZED (SELECT id FROM "tenant_acme"."event_archive_jobs" WHERE completed_at < $1 ORDER BY completed_at, id LIMIT $2 FOR UPDATE) DELETE FROM "tenant_acme"."event_archive_jobs" WHERE id IN (SELECT id FROM old);

-- archiveJobs.failed
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme"."event_archive_jobs" WHERE status = 'failed' AND retry_count < max_retries ORDER BY completed_at, id LIMIT $1;

-- archiveJobs.finish
UPDATE "tenant_acme"."event_archive_jobs" SET updated_at = now(), revision = revision + 1, status = $1, error_message = $2, completed_at = now() WHERE status IN ('pending', 'running') AND id = $3 RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.progress
UPDATE "tenant_acme"."event_archive_jobs" SET updated_at = now(), events_skipped = events_skipped + $1 WHERE status = 'running' AND id = $2 RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.retry
UPDATE "tenant_acme"."event_archive_jobs" SET updated_at = now(), revision = revision + 1, status = 'running', started_at = coalesce(started_at, now()), completed_at = NULL, retry_count = retry_count + 1 WHERE status = 'failed' AND retry_count < max_retries AND id = $1 RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.start
UPDATE "tenant_acme"."event_archive_jobs" SET updated_at = now(), revision = revision + 1, status = 'running', started_at = coalesce(started_at, now()) WHERE status = 'pending' AND id = $1 RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.table.byID
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme"."event_archive_jobs" WHERE id = $1;

-- archiveJobs.table.deleteRow
DELETE FROM "tenant_acme"."event_archive_jobs" WHERE id = $1;

-- archiveJobs.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_jobs" WHERE id = $1);

-- archiveJobs.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_jobs" WHERE id = $1), EXISTS (SELECT 1 FROM unnest($2::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" r WHERE r.id = value));

-- archiveJobs.table.insertRow
INSERT INTO "tenant_acme"."event_archive_jobs" (id,rule_id,status,max_retries) SELECT $1, $2, $3, $4 WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($5::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" r WHERE r.id = value FOR KEY SHARE)) ON CONFLICT DO NOTHING RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveObjects.append
WITH counted AS (UPDATE "tenant_acme"."event_archive_objects" SET chunks = chunks + 1, size_bytes = size_bytes + $1 WHERE name = $2 AND chunks = $3 AND NOT is_complete RETURNING id, chunks) INSERT INTO "tenant_acme"."event_archive_chunks" (object_id,number,data) SELECT id, chunks - 1, $4 FROM counted;

-- archiveObjects.commit
UPDATE "tenant_acme"."event_archive_objects" SET name = $1, is_complete = TRUE WHERE name = $2 AND NOT is_complete RETURNING id, name, size_bytes, chunks, created_at, is_complete;

-- archiveObjects.create
INSERT INTO "tenant_acme"."event_archive_objects" (id,name) VALUES ($1,$2) ON CONFLICT DO NOTHING RETURNING id, name, size_bytes, chunks, created_at, is_complete;

-- archiveObjects.forget
DELETE FROM "tenant_acme"."event_archive_objects" WHERE name = $1;

-- archiveObjects.get
SELECT id, name, size_bytes, chunks, created_at, is_complete FROM "tenant_acme"."event_archive_objects" WHERE name = $1;

-- archiveObjects.list
SELECT id, name, size_bytes, chunks, created_at, is_complete FROM "tenant_acme"."event_archive_objects" WHERE name >= $1 AND name < $2 ORDER BY name LIMIT $3;

-- archiveObjects.listFrom
SELECT id, name, size_bytes, chunks, created_at, is_complete FROM "tenant_acme"."event_archive_objects" WHERE name >= $1 ORDER BY name LIMIT $2;

-- archiveObjects.read
SELECT data FROM "tenant_acme"."event_archive_chunks" WHERE number = $1 AND object_id = (SELECT id FROM "tenant_acme"."event_archive_objects" WHERE name = $2);

-- archiveRules.all.active
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."event_archive_rules" WHERE 1 = 1 AND is_enabled ORDER BY name COLLATE "C" LIMIT $1;

-- archiveRules.all.all
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."event_archive_rules" WHERE 1 = 1 ORDER BY name COLLATE "C" LIMIT $1;

-- archiveRules.byName
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."event_archive_rules" WHERE name = $1;

-- archiveRules.claim
WITH due AS MATERIALIZED (SELECT id FROM "tenant_acme"."event_archive_rules" WHERE next_run_at <= statement_timestamp() AND (lease_until IS NULL OR lease_until <= statement_timestamp()) ORDER BY next_run_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) UPDATE "tenant_acme"."event_archive_rules" SET lease_token = $2, lease_until = statement_timestamp() + $3 * interval '1 microsecond' WHERE id IN (SELECT id FROM due) RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archiveRules.clock
SELECT statement_timestamp();

-- archiveRules.due
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."event_archive_rules" WHERE next_run_at <= statement_timestamp() AND (lease_until IS NULL OR lease_until <= statement_timestamp()) ORDER BY next_run_at, id LIMIT $1;

-- archiveRules.extend
UPDATE "tenant_acme"."event_archive_rules" SET lease_until = statement_timestamp() + $1 * interval '1 microsecond' WHERE id = $2 AND lease_token = $3;

-- archiveRules.forUpdate
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision, statement_timestamp() FROM "tenant_acme"."event_archive_rules" WHERE id = $1 FOR UPDATE;

-- archiveRules.ran
UPDATE "tenant_acme"."event_archive_rules" SET last_run_at = $1, next_run_at = $2, lease_token = NULL, lease_until = NULL WHERE id = $3 RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archiveRules.table.byID
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."event_archive_rules" WHERE id = $1;

-- archiveRules.table.deleteRow
DELETE FROM "tenant_acme"."event_archive_rules" WHERE id = $1;

-- archiveRules.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" WHERE id = $1);

-- archiveRules.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" WHERE id = $1), EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" WHERE name = $2);

-- archiveRules.table.insertRow
INSERT INTO "tenant_acme"."event_archive_rules" (id,name,description,policy,include_types,exclude_types,include_contexts,exclude_contexts,archive_after_days,max_event_count,max_table_bytes,past_consumers,schedule,storage_type,location_template,encrypt,retention_days,auto_delete_after_days,is_enabled,created_by_user_id,next_run_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21 WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archiveRules.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" WHERE id = $2 AND revision = $3), EXISTS (SELECT 1 FROM "tenant_acme"."event_archive_rules" WHERE name = $4 AND id <> $5);

-- archiveRules.table.updateRow
UPDATE "tenant_acme"."event_archive_rules" SET name = $1, description = $2, policy = $3, include_types = $4, exclude_types = $5, include_contexts = $6, exclude_contexts = $7, archive_after_days = $8, max_event_count = $9, max_table_bytes = $10, past_consumers = $11, schedule = $12, storage_type = $13, location_template = $14, encrypt = $15, retention_days = $16, auto_delete_after_days = $17, is_enabled = $18, created_by_user_id = $19, next_run_at = CASE WHEN schedule = $20 AND policy = $21 AND is_enabled = $22 THEN next_run_at ELSE $23 END, updated_at = now(), revision = revision + 1 WHERE id = $24 AND revision = $25 AND 1 = 1 RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archives.byAggregate
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE status = 'completed' AND id = ANY (ARRAY(SELECT DISTINCT archive_id FROM "tenant_acme"."event_keys" WHERE aggregate_id = $1 AND aggregate_type = $2)) ORDER BY first_position, id LIMIT $3;

-- archives.byPosition
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE status = 'completed' AND last_position >= $1 ORDER BY first_position, id LIMIT $2;

-- archives.byStatus
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE status = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- archives.byTime
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE status = 'completed' AND events_from <= $1 AND events_to > $2 ORDER BY events_from, id LIMIT $3;

-- archives.expired
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE status IN ('completed', 'restored') AND auto_delete_after_days > 0 AND archived_at + (CAST(auto_delete_after_days AS bigint) * 86400) * interval '1 second' <= now() ORDER BY archived_at, id LIMIT $1;

-- archives.forget
DELETE FROM "tenant_acme"."event_archives" WHERE status IN ('pending', 'failed', 'deleted') AND id = $1;

-- archives.stats
SELECT status, storage_type, count(*), CAST(sum(event_count - restored_count) AS bigint), CAST(sum(raw_bytes) AS bigint), CAST(sum(size_bytes) AS bigint), min(events_from), max(events_to) FROM "tenant_acme"."event_archives" GROUP BY status, storage_type;

-- archives.table.byID
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme"."event_archives" WHERE id = $1;

-- archives.table.deleteRow
DELETE FROM "tenant_acme"."event_archives" WHERE id = $1;

-- archives.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_archives" WHERE id = $1);

-- archives.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_archives" WHERE id = $1);

-- archives.table.insertRow
INSERT INTO "tenant_acme"."event_archives" (id,name,description,policy,storage_type,storage_location,object_name,status,rule_id,job_id,retention_days,auto_delete_after_days,created_by_user_id,tags) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archives.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_archives" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_archives" WHERE id = $2 AND revision = $3);

-- archives.table.updateRow
UPDATE "tenant_acme"."event_archives" SET name = $1, description = $2, retention_days = $3, auto_delete_after_days = $4, created_by_user_id = $5, tags = $6, updated_at = now(), revision = revision + 1 WHERE id = $7 AND revision = $8 AND 1 = 1 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.abandoned
SELECT id FROM "tenant_acme"."event_archives" WHERE status = 'in_progress' AND lease_until <= statement_timestamp() ORDER BY created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- archiving.begin
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, status = 'in_progress', event_count = $1, first_position = $2, last_position = $3, lease_token = $4, lease_until = statement_timestamp() + $5 * interval '1 microsecond' WHERE id = $6 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.complete
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, status = 'completed', lease_token = NULL, lease_until = NULL, archived_at = now(), storage_location = $1, object_name = $2, raw_bytes = $3, size_bytes = $4, checksum = $5, key_id = $6, event_types = $7, context_ids = $8, events_from = $9, events_to = $10 WHERE id = $11 AND lease_token = $12 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.delivering
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" WHERE next_retry_at IS NOT NULL AND event_id = ANY ($1::uuid[]));

-- archiving.extend
UPDATE "tenant_acme"."event_archives" SET lease_until = statement_timestamp() + $1 * interval '1 microsecond' WHERE id = $2 AND lease_token = $3;

-- archiving.fail
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, status = 'failed', lease_token = NULL, lease_until = NULL, error_message = $1 WHERE id = $2 AND lease_token = $3 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.forget
DELETE FROM "tenant_acme"."event_processed" WHERE position = ANY (ARRAY(SELECT position FROM "tenant_acme"."event_archiving" WHERE archive_id = $1));

-- archiving.keep
INSERT INTO "tenant_acme"."event_keys" (position,aggregate_version,event_id,aggregate_id,aggregate_type,archive_id) SELECT e.position, e.aggregate_version, e.id, e.aggregate_id, e.aggregate_type, a.archive_id FROM "tenant_acme"."event_archiving" a CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = a.position OFFSET 0) e WHERE a.archive_id = $1;

-- archiving.letGo
DELETE FROM "tenant_acme"."event_archiving" WHERE archive_id = $1;

-- archiving.lock
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision, now() FROM "tenant_acme"."event_archives" WHERE id = $1 FOR UPDATE;

-- archiving.measure
SELECT count(*), CAST(coalesce(sum(octet_length(e.event_data) + octet_length(e.event_metadata)), 0) AS bigint), now() FROM "tenant_acme"."events" e;

-- archiving.page
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."event_archiving" a CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = a.position OFFSET 0) e JOIN "tenant_acme"."event_processed" p ON p.position = a.position WHERE a.archive_id = $1 AND a.position > $2 ORDER BY a.position LIMIT $3;

-- archiving.purge
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, status = 'deleted', lease_token = NULL, lease_until = NULL, deleted_at = now() WHERE id = $1 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.remove
DELETE FROM "tenant_acme"."events" WHERE position = ANY (ARRAY(SELECT position FROM "tenant_acme"."event_archiving" WHERE archive_id = $1)) RETURNING id;

-- archiving.reserve
INSERT INTO "tenant_acme"."event_archiving" (position,archive_id) SELECT s.position, $1 FROM (SELECT c.position, sum(c.bytes) OVER (ORDER BY c.position) - c.bytes AS bytes_before FROM (SELECT p.position, octet_length(e.event_data) + octet_length(e.event_metadata) AS bytes FROM "tenant_acme"."event_processed" p CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = p.position OFFSET 0) e WHERE p.position > $2 AND (SELECT 1 FROM "tenant_acme"."event_archiving" o WHERE o.position = p.position LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme"."webhook_deliveries" o WHERE o.event_id = e.id AND o.next_retry_at IS NOT NULL LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme"."event_keys" o WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version = e.aggregate_version LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme"."event_keys" o WHERE o.event_id = e.id LIMIT 1) IS NULL AND p.position <= (SELECT coalesce(min(position), 9223372036854775807) FROM "tenant_acme"."event_consumers") AND e.occurred_at < $3 ORDER BY p.position LIMIT $4) AS c) AS s WHERE s.bytes_before < $5 ON CONFLICT DO NOTHING;

-- archiving.reserved
SELECT count(*), coalesce(min(position), 0), coalesce(max(position), 0) FROM "tenant_acme"."event_archiving" WHERE archive_id = $1;

-- archiving.restorable
DELETE FROM "tenant_acme"."event_keys" WHERE archive_id = $1 AND event_id = ANY ($2::uuid[]) RETURNING event_id, position;

-- archiving.restored
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, restored_count = restored_count + $1, status = CASE WHEN restored_count + $2 = event_count THEN 'restored' ELSE status END, restored_at = CASE WHEN restored_count + $3 = event_count THEN now() ELSE restored_at END WHERE id = $4;

-- archiving.unread
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."event_consumers" WHERE position < $1);

-- claims.ack.Statements[0]
WITH moved AS (DELETE FROM "tenant_acme"."event_queue" WHERE event_id = ANY ($1::uuid[]) AND lease_token = $2 RETURNING *), added AS (INSERT INTO "tenant_acme"."event_processed" (position, processed_at) SELECT position, now() FROM moved) SELECT event_id FROM moved;

-- claims.anyReady
SELECT (SELECT 1 FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.available_at, q.position LIMIT $1) IS NOT NULL OR (SELECT 1 FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $2 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.position LIMIT $3) IS NOT NULL;

-- claims.claim
WITH picked AS MATERIALIZED (SELECT * FROM (SELECT q.ctid FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.available_at, q.position LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED) AS due UNION ALL SELECT * FROM (SELECT q.ctid FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $2 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.position LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) AS fresh LIMIT $4), leased AS (UPDATE "tenant_acme"."event_queue" SET lease_token = $5, lease_until = statement_timestamp() + $6 * interval '1 microsecond', attempts = attempts + 1 WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked)) RETURNING position, attempts, lease_until) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, q.attempts, q.lease_until FROM leased q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- claims.claimInOrder
WITH run AS MATERIALIZED (SELECT row_number() OVER () AS place, r.* FROM (SELECT c.event_id AS head, c.lease_token AS token_before, q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, CASE WHEN q.event_id = c.event_id OR (q.is_fresh OR q.is_held OR q.available_at <= statement_timestamp()) AND (SELECT 1 FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version AND o.aggregate_version < q.aggregate_version LIMIT 1) IS NULL THEN 1 ELSE 0 END AS goes_on FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.available_at, q.position LIMIT $1) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $2 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.position LIMIT $3) AS fresh) AS c CROSS JOIN LATERAL (SELECT FROM "tenant_acme"."event_queue" q WHERE q.event_id = c.event_id AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) FOR NO KEY UPDATE SKIP LOCKED) h CROSS JOIN LATERAL (SELECT * FROM "tenant_acme"."event_queue" WHERE aggregate_id = c.aggregate_id AND aggregate_type = c.aggregate_type AND aggregate_version >= c.aggregate_version ORDER BY aggregate_version LIMIT $4) q WHERE (SELECT o.event_id FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND coalesce((SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT $5) o), statement_timestamp()) <= statement_timestamp() LIMIT $6) AS r), locked AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme"."event_queue" q WHERE q.event_id = ANY (ARRAY(SELECT event_id FROM run WHERE event_id <> head)) AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) FOR NO KEY UPDATE SKIP LOCKED), judged AS MATERIALIZED (SELECT r.*, min(r.goes_on) OVER (PARTITION BY r.head ORDER BY r.place) AS unbroken, min(CASE WHEN l.event_id IS NULL AND r.event_id <> r.head THEN 0 ELSE 1 END) OVER (PARTITION BY r.head) AS free FROM run r LEFT JOIN locked l ON l.event_id = r.event_id), picked AS MATERIALIZED (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place <= $7), leased AS (UPDATE "tenant_acme"."event_queue" SET lease_token = $8, lease_until = statement_timestamp() + $9 * interval '1 microsecond', attempts = attempts + 1, is_held = FALSE, available_at = CASE WHEN is_held THEN statement_timestamp() ELSE available_at END WHERE event_id = ANY (ARRAY(SELECT event_id FROM picked)) RETURNING position, attempts, lease_until), fenced AS (UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL WHERE event_id = ANY (ARRAY(SELECT l.event_id FROM (SELECT * FROM run WHERE event_id = head AND head IN (SELECT event_id FROM picked) AND head IN (SELECT head FROM run WHERE event_id <> head) OFFSET 0) c CROSS JOIN LATERAL (SELECT o.event_id, o.lease_token FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT CASE WHEN c.token_before IS NULL THEN CAST($10 AS bigint) END) l WHERE l.lease_token IS NOT NULL AND l.event_id NOT IN (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1)))), guarded AS (UPDATE "tenant_acme"."event_queue" SET is_held = TRUE, available_at = statement_timestamp() + $11 * interval '1 microsecond', lease_token = NULL, lease_until = NULL WHERE event_id = ANY (ARRAY(SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place > $12 AND event_id <> head))) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, q.attempts, q.lease_until FROM leased q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- claims.claimInOrderOfTypes
WITH run AS MATERIALIZED (SELECT row_number() OVER () AS place, r.* FROM (SELECT c.event_id AS head, c.lease_token AS token_before, q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, CASE WHEN q.event_id = c.event_id OR (q.is_fresh OR q.is_held OR q.available_at <= statement_timestamp()) AND (SELECT 1 FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version AND o.aggregate_version < q.aggregate_version LIMIT 1) IS NULL AND q.event_type = ANY ($1::text[]) THEN 1 ELSE 0 END AS goes_on FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) AND q.event_type = ANY ($2::text[]) ORDER BY q.available_at, q.position LIMIT $3) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $4 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) AND q.event_type = ANY ($5::text[]) ORDER BY q.position LIMIT $6) AS fresh) AS c CROSS JOIN LATERAL (SELECT FROM "tenant_acme"."event_queue" q WHERE q.event_id = c.event_id AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) FOR NO KEY UPDATE SKIP LOCKED) h CROSS JOIN LATERAL (SELECT * FROM "tenant_acme"."event_queue" WHERE aggregate_id = c.aggregate_id AND aggregate_type = c.aggregate_type AND aggregate_version >= c.aggregate_version ORDER BY aggregate_version LIMIT $7) q WHERE (SELECT o.event_id FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND coalesce((SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT $8) o), statement_timestamp()) <= statement_timestamp() LIMIT $9) AS r), locked AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme"."event_queue" q WHERE q.event_id = ANY (ARRAY(SELECT event_id FROM run WHERE event_id <> head)) AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) FOR NO KEY UPDATE SKIP LOCKED), judged AS MATERIALIZED (SELECT r.*, min(r.goes_on) OVER (PARTITION BY r.head ORDER BY r.place) AS unbroken, min(CASE WHEN l.event_id IS NULL AND r.event_id <> r.head THEN 0 ELSE 1 END) OVER (PARTITION BY r.head) AS free FROM run r LEFT JOIN locked l ON l.event_id = r.event_id), picked AS MATERIALIZED (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place <= $10), leased AS (UPDATE "tenant_acme"."event_queue" SET lease_token = $11, lease_until = statement_timestamp() + $12 * interval '1 microsecond', attempts = attempts + 1, is_held = FALSE, available_at = CASE WHEN is_held THEN statement_timestamp() ELSE available_at END WHERE event_id = ANY (ARRAY(SELECT event_id FROM picked)) RETURNING position, attempts, lease_until), fenced AS (UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL WHERE event_id = ANY (ARRAY(SELECT l.event_id FROM (SELECT * FROM run WHERE event_id = head AND head IN (SELECT event_id FROM picked) AND head IN (SELECT head FROM run WHERE event_id <> head) OFFSET 0) c CROSS JOIN LATERAL (SELECT o.event_id, o.lease_token FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT CASE WHEN c.token_before IS NULL THEN CAST($13 AS bigint) END) l WHERE l.lease_token IS NOT NULL AND l.event_id NOT IN (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1)))), guarded AS (UPDATE "tenant_acme"."event_queue" SET is_held = TRUE, available_at = statement_timestamp() + $14 * interval '1 microsecond', lease_token = NULL, lease_until = NULL WHERE event_id = ANY (ARRAY(SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place > $15 AND event_id <> head))) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, q.attempts, q.lease_until FROM leased q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- claims.claimOfTypes
WITH picked AS MATERIALIZED (SELECT * FROM (SELECT q.ctid FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) AND q.event_type = ANY ($1::text[]) ORDER BY q.available_at, q.position LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) AS due UNION ALL SELECT * FROM (SELECT q.ctid FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $3 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) AND q.event_type = ANY ($4::text[]) ORDER BY q.position LIMIT $5 FOR NO KEY UPDATE SKIP LOCKED) AS fresh LIMIT $6), leased AS (UPDATE "tenant_acme"."event_queue" SET lease_token = $7, lease_until = statement_timestamp() + $8 * interval '1 microsecond', attempts = attempts + 1 WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked)) RETURNING position, attempts, lease_until) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, q.attempts, q.lease_until FROM leased q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- claims.deadLetter.Statements[0]
WITH given AS (SELECT CAST($1 AS text) AS reason, CAST($2 AS integer) AS uncounted), moved AS (DELETE FROM "tenant_acme"."event_queue" WHERE event_id = ANY ($3::uuid[]) AND lease_token = $4 RETURNING *), added AS (INSERT INTO "tenant_acme"."event_dead_letters" (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts, reason, dead_at) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts - uncounted, coalesce(reason, last_error, ''), statement_timestamp() FROM moved CROSS JOIN given) SELECT event_id FROM moved;

-- claims.extend
UPDATE "tenant_acme"."event_queue" SET lease_until = statement_timestamp() + $1 * interval '1 microsecond' WHERE event_id = ANY ($2::uuid[]) AND lease_token = $3 RETURNING event_id;

-- claims.fenceLater
UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL WHERE lease_token <> $1 AND event_id = ANY (ARRAY(SELECT l.event_id FROM unnest($2::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.id = value OFFSET 0) e CROSS JOIN LATERAL (SELECT l.* FROM "tenant_acme"."event_queue" l WHERE l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token IS NOT NULL OFFSET 0) l WHERE (SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version > e.aggregate_version ORDER BY o.aggregate_version LIMIT 100) o) IS NOT NULL));

-- claims.hold
WITH behind AS MATERIALIZED (SELECT c.event_id FROM (SELECT a.*, row_number() OVER (PARTITION BY a.aggregate_id, a.aggregate_type ORDER BY a.aggregate_version) AS place FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.available_at, q.position LIMIT $1) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $2 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.position LIMIT $3) AS fresh) AS a) AS c WHERE place > 1 OR NOT ((SELECT o.event_id FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL)), held AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme"."event_queue" q WHERE q.event_id = ANY (ARRAY(SELECT event_id FROM behind)) AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) FOR NO KEY UPDATE SKIP LOCKED) UPDATE "tenant_acme"."event_queue" SET is_held = TRUE, available_at = statement_timestamp() + $4 * interval '1 microsecond' WHERE event_id = ANY (ARRAY(SELECT event_id FROM held)) RETURNING event_id;

-- claims.holdLater
UPDATE "tenant_acme"."event_queue" SET is_held = TRUE, available_at = statement_timestamp() + $1 * interval '1 microsecond', lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE lease_token = $2 AND event_id = ANY (ARRAY(SELECT l.event_id FROM unnest($3::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.id = value OFFSET 0) e CROSS JOIN LATERAL (SELECT l.* FROM "tenant_acme"."event_queue" l WHERE l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token = $4 OFFSET 0) l));

-- claims.holdOfTypes
WITH behind AS MATERIALIZED (SELECT c.event_id FROM (SELECT a.*, row_number() OVER (PARTITION BY a.aggregate_id, a.aggregate_type ORDER BY a.aggregate_version) AS place FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) AND q.event_type = ANY ($1::text[]) ORDER BY q.available_at, q.position LIMIT $2) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $3 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) AND q.event_type = ANY ($4::text[]) ORDER BY q.position LIMIT $5) AS fresh) AS a) AS c WHERE place > 1 OR NOT ((SELECT o.event_id FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL)), held AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme"."event_queue" q WHERE q.event_id = ANY (ARRAY(SELECT event_id FROM behind)) AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) FOR NO KEY UPDATE SKIP LOCKED) UPDATE "tenant_acme"."event_queue" SET is_held = TRUE, available_at = statement_timestamp() + $6 * interval '1 microsecond' WHERE event_id = ANY (ARRAY(SELECT event_id FROM held)) RETURNING event_id;

-- claims.nextReady
SELECT statement_timestamp(), (SELECT min(available_at) FROM (SELECT q.available_at FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at > statement_timestamp() ORDER BY q.available_at LIMIT 10000) AS q), (SELECT min(lease_until) FROM (SELECT q.lease_until FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() ORDER BY q.available_at, q.position LIMIT 10000) AS q), (SELECT min(lease_until) FROM (SELECT q.lease_until FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $1 ORDER BY q.position LIMIT 10000) AS q);

-- claims.release
UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE event_id = ANY ($1::uuid[]) AND lease_token = $2 RETURNING event_id;

-- claims.releaseLater
UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE lease_token = $1 AND event_id = ANY (ARRAY(SELECT l.event_id FROM unnest($2::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.id = value OFFSET 0) e CROSS JOIN LATERAL (SELECT l.* FROM "tenant_acme"."event_queue" l WHERE l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token = $3 OFFSET 0) l));

-- claims.retry
UPDATE "tenant_acme"."event_queue" SET lease_token = NULL, lease_until = NULL, available_at = statement_timestamp() + $1 * interval '1 microsecond', is_held = FALSE, last_error = $2 WHERE event_id = $3 AND lease_token = $4;

-- claims.unhold
UPDATE "tenant_acme"."event_queue" SET is_held = FALSE, available_at = statement_timestamp() WHERE is_held AND event_id = ANY (ARRAY(SELECT (SELECT n.event_id FROM "tenant_acme"."event_queue" n WHERE n.aggregate_id = e.aggregate_id AND n.aggregate_type = e.aggregate_type AND n.aggregate_version > e.aggregate_version ORDER BY n.aggregate_version LIMIT 1) FROM unnest($1::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.id = value OFFSET 0) e WHERE (SELECT 1 FROM "tenant_acme"."event_queue" WHERE is_held ORDER BY available_at LIMIT 1) IS NOT NULL));

-- claims.unholdHeads
UPDATE "tenant_acme"."event_queue" SET is_held = FALSE, available_at = statement_timestamp() WHERE is_held AND event_id = ANY (ARRAY(SELECT c.event_id FROM unnest($1::uuid[]) AS given (value) CROSS JOIN LATERAL (SELECT c.* FROM "tenant_acme"."event_queue" c WHERE c.event_id = value OFFSET 0) c WHERE (SELECT o.event_id FROM "tenant_acme"."event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme"."event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL));

-- consumers.commit
INSERT INTO "tenant_acme"."event_consumers" (name,position,updated_at) VALUES ($1,$2,now()) ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at WHERE "tenant_acme"."event_consumers".position < excluded.position;

-- consumers.create
INSERT INTO "tenant_acme"."event_consumers" (name,position,updated_at) VALUES ($1,0,now()) ON CONFLICT DO NOTHING;

-- consumers.forget
DELETE FROM "tenant_acme"."event_consumers" WHERE name = $1;

-- consumers.get
SELECT name, position, updated_at FROM "tenant_acme"."event_consumers" WHERE name = $1;

-- consumers.lag
SELECT count(*) FROM "tenant_acme"."events" WHERE position > $1;

-- consumers.list
SELECT name, position, updated_at FROM "tenant_acme"."event_consumers" ORDER BY name COLLATE "C";

-- consumers.lock
SELECT position FROM "tenant_acme"."event_consumers" WHERE name = $1 FOR UPDATE;

-- consumers.read
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.position > $1 ORDER BY e.position LIMIT $2;

-- consumers.reset
INSERT INTO "tenant_acme"."event_consumers" (name,position,updated_at) VALUES ($1,$2,now()) ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at;

-- deadLetters.byID
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, d.attempts, d.reason, d.dead_at FROM "tenant_acme"."event_dead_letters" d JOIN "tenant_acme"."events" e ON e.position = d.position WHERE d.event_id = $1;

-- deadLetters.list
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, d.attempts, d.reason, d.dead_at FROM "tenant_acme"."event_dead_letters" d JOIN "tenant_acme"."events" e ON e.position = d.position ORDER BY d.dead_at DESC, d.position DESC LIMIT $1;

-- deadLetters.mark.Statements[0]
WITH moved AS (DELETE FROM "tenant_acme"."event_dead_letters" WHERE event_id = ANY ($1::uuid[]) RETURNING *), added AS (INSERT INTO "tenant_acme"."event_processed" (position, processed_at) SELECT position, now() FROM moved) SELECT event_id FROM moved;

-- deadLetters.requeue.Statements[0]
WITH moved AS (DELETE FROM "tenant_acme"."event_dead_letters" WHERE event_id = ANY ($1::uuid[]) RETURNING *), added AS (INSERT INTO "tenant_acme"."event_queue" (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, last_error, available_at) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, reason, statement_timestamp() FROM moved) SELECT event_id FROM moved;

-- deliveries.advance
UPDATE "tenant_acme"."webhook_deliveries" SET status = $1, attempt_count = $2, next_retry_at = $3, max_attempts_reached = $4, completed_at = $5, lease_token = NULL, lease_until = NULL, updated_at = now() WHERE id = $6 RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.byEndpoint
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- deliveries.byEvent
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE event_id = $1 ORDER BY created_at, id LIMIT $2;

-- deliveries.cancel
UPDATE "tenant_acme"."webhook_deliveries" SET status = 'cancelled', cancel_reason = $1, next_retry_at = NULL, lease_token = NULL, lease_until = NULL, completed_at = now(), updated_at = now() WHERE id = $2 RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.claim
WITH due AS MATERIALIZED (SELECT id FROM "tenant_acme"."webhook_deliveries" WHERE NOT is_parked AND next_retry_at <= now() AND (lease_until IS NULL OR lease_until <= statement_timestamp()) AND EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" e WHERE e.id = endpoint_id AND e.is_active) ORDER BY next_retry_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) UPDATE "tenant_acme"."webhook_deliveries" SET lease_token = $2, lease_until = statement_timestamp() + $3 * interval '1 microsecond' WHERE id IN (SELECT id FROM due) RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.daily
SELECT CAST(floor(extract(epoch FROM created_at) / 86400) AS bigint) AS day, status, count(*), CAST(sum(attempt_count) AS bigint) FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $1 AND created_at >= $2 GROUP BY day, status ORDER BY day, status;

-- deliveries.due
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE NOT is_parked AND next_retry_at <= now() AND (lease_until IS NULL OR lease_until <= statement_timestamp()) AND EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" e WHERE e.id = endpoint_id AND e.is_active) ORDER BY next_retry_at, id LIMIT $1;

-- deliveries.eventExists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = $1);

-- deliveries.failedSince
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $1 AND status = 'failed' AND completed_at >= $2 AND NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" r WHERE r.replay_of = "tenant_acme"."webhook_deliveries".id) AND EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = "tenant_acme"."webhook_deliveries".event_id FOR KEY SHARE) ORDER BY created_at, id;

-- deliveries.fanOut
INSERT INTO "tenant_acme"."webhook_deliveries" (id,endpoint_id,event_id,status,attempt_count,max_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,next_retry_at,max_attempts_reached,cancel_reason) SELECT first, e.id, v.id, 'pending', 0, e.max_retry_attempts + 1, e.retry_backoff_seconds, e.retry_backoff_multiplier, e.retry_jitter, now(), FALSE, '' FROM unnest($1::uuid[], $2::uuid[]) AS pairs (first, second) JOIN "tenant_acme"."webhook_endpoints" e ON e.id = second JOIN "tenant_acme"."events" v ON v.id = $3 WHERE e.is_active ORDER BY e.id FOR KEY SHARE OF e, v ON CONFLICT DO NOTHING;

-- deliveries.forUpdate
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at, now() FROM "tenant_acme"."webhook_deliveries" WHERE id = $1 FOR UPDATE;

-- deliveries.insertAttempt
INSERT INTO "tenant_acme"."webhook_delivery_attempts" (delivery_id,number,status,request_url,request_method,request_headers,request_body,request_signature,response_status_code,response_headers,response_body,response_body_truncated,response_time_ms,error_message,error_code,attempted_at,completed_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17);

-- deliveries.lockEndpoint
SELECT id FROM "tenant_acme"."webhook_endpoints" WHERE id = $1 FOR UPDATE;

-- deliveries.ofEvent
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE event_id = $1 AND replay_of IS NULL AND endpoint_id = ANY ($2::uuid[]) ORDER BY id;

-- deliveries.policy
SELECT max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, now() FROM "tenant_acme"."webhook_endpoints" WHERE id = $1 FOR KEY SHARE;

-- deliveries.release
UPDATE "tenant_acme"."webhook_deliveries" SET lease_token = NULL, lease_until = NULL WHERE id = ANY ($1::uuid[]) AND lease_token = $2;

-- deliveries.responseTimes
WITH ranked AS (SELECT a.response_time_ms AS v, row_number() OVER (ORDER BY a.response_time_ms) AS n, count(*) OVER () AS total FROM "tenant_acme"."webhook_delivery_attempts" a JOIN "tenant_acme"."webhook_deliveries" d ON d.id = a.delivery_id WHERE d.endpoint_id = $1 AND d.created_at >= $2 AND a.response_time_ms IS NOT NULL) SELECT count(*), CAST(coalesce(sum(v), 0) AS bigint), coalesce(min(v), 0), coalesce(max(v), 0), coalesce(max(CASE WHEN n = (total * 50 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 95 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 99 + 99) / 100 THEN v END), 0) FROM ranked;

-- deliveries.table.byID
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme"."webhook_deliveries" WHERE id = $1;

-- deliveries.table.deleteRow
DELETE FROM "tenant_acme"."webhook_deliveries" WHERE id = $1;

-- deliveries.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" WHERE id = $1);

-- deliveries.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" WHERE id = $1), EXISTS (SELECT 1 FROM unnest($2::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = value)), EXISTS (SELECT 1 FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $3 AND event_id = $4 AND replay_of IS NULL);

-- deliveries.table.insertRow
INSERT INTO "tenant_acme"."webhook_deliveries" (id,endpoint_id,event_id,status,attempt_count,max_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,next_retry_at,max_attempts_reached,replay_of,cancel_reason,completed_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($15::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = value FOR KEY SHARE)) ON CONFLICT DO NOTHING RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.timeouts
SELECT count(*) FROM "tenant_acme"."webhook_delivery_attempts" a JOIN "tenant_acme"."webhook_deliveries" d ON d.id = a.delivery_id WHERE d.endpoint_id = $1 AND d.created_at >= $2 AND a.status = 'timeout';

-- deliveries.withAttempts
SELECT d.id, d.endpoint_id, d.event_id, d.status, d.attempt_count, d.max_attempts, d.retry_backoff_seconds, d.retry_backoff_multiplier, d.retry_jitter, d.next_retry_at, d.max_attempts_reached, d.replay_of, d.cancel_reason, d.lease_token, d.lease_until, d.created_at, d.updated_at, d.completed_at, coalesce(a.number, 0), coalesce(a.status, ''), coalesce(a.request_url, ''), coalesce(a.request_method, ''), coalesce(a.request_headers, 'null'), coalesce(a.request_body, ''), coalesce(a.request_signature, ''), a.response_status_code, coalesce(a.response_headers, 'null'), coalesce(a.response_body, ''), coalesce(a.response_body_truncated, FALSE), a.response_time_ms, coalesce(a.error_message, ''), coalesce(a.error_code, ''), coalesce(a.attempted_at, d.created_at), coalesce(a.completed_at, d.created_at) FROM "tenant_acme"."webhook_deliveries" d LEFT JOIN "tenant_acme"."webhook_delivery_attempts" a ON a.delivery_id = d.id WHERE d.id = $1 ORDER BY a.number;

-- detaching.attached
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, status = 'restored', restored_at = now(), restored_count = event_count WHERE id = $1 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- detaching.attachedNow
SELECT CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \(''(\d+)''\)') AS bigint) AS first, CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(\d+)''\)') AS bigint) FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('"tenant_acme"."events"') ORDER BY first;

-- detaching.complete
UPDATE "tenant_acme"."event_archives" SET updated_at = now(), revision = revision + 1, status = 'completed', archived_at = now(), object_name = $1, event_count = $2, first_position = $3, last_position = $4, events_from = $5, events_to = $6, event_types = $7, context_ids = $8, raw_bytes = $9, size_bytes = $10 WHERE id = $11 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- endpoints.active.active
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE 1 = 1 AND is_active ORDER BY created_at, id LIMIT $1;

-- endpoints.active.all
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE 1 = 1 ORDER BY created_at, id LIMIT $1;

-- endpoints.byContext.active
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE context_id = $1 AND is_active ORDER BY created_at, id LIMIT $2;

-- endpoints.byContext.all
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE context_id = $1 ORDER BY created_at, id LIMIT $2;

-- endpoints.cancelDeliveries
UPDATE "tenant_acme"."webhook_deliveries" SET status = 'cancelled', cancel_reason = $1, next_retry_at = NULL, lease_token = NULL, lease_until = NULL, completed_at = now(), updated_at = now() WHERE endpoint_id = $2 AND next_retry_at IS NOT NULL;

-- endpoints.failed
UPDATE "tenant_acme"."webhook_endpoints" SET consecutive_failures = consecutive_failures + 1, failing_since = coalesce(failing_since, now()), is_active = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * interval '1 second' <= now())) THEN FALSE ELSE is_active END, disabled_at = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * interval '1 second' <= now())) THEN now() ELSE disabled_at END, disabled_reason = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * interval '1 second' <= now())) THEN CASE WHEN (disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) THEN 'disable_after_failures: as many deliveries in a row have failed' ELSE 'disable_after_days: deliveries have failed for as long' END ELSE disabled_reason END, updated_at = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * interval '1 second' <= now())) THEN now() ELSE updated_at END, revision = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * interval '1 second' <= now())) THEN revision + 1 ELSE revision END WHERE id = $1 RETURNING NOT is_active AND disabled_at IS NOT NULL AND disabled_at = now();

-- endpoints.outdated
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE key_id <> $1 ORDER BY key_id, id LIMIT $2 FOR NO KEY UPDATE;

-- endpoints.park
WITH open AS MATERIALIZED (SELECT id FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $1 AND next_retry_at IS NOT NULL AND NOT is_parked FOR UPDATE SKIP LOCKED) UPDATE "tenant_acme"."webhook_deliveries" SET is_parked = TRUE WHERE id IN (SELECT id FROM open);

-- endpoints.reencrypt
UPDATE "tenant_acme"."webhook_endpoints" SET key_id = $1, secret_token = $2, previous_secret_token = $3, custom_headers = $4 WHERE id = $5;

-- endpoints.rotate
UPDATE "tenant_acme"."webhook_endpoints" SET key_id = $1, secret_token = $2, previous_secret_token = $3, custom_headers = $4, previous_secret_until = statement_timestamp() + $5 * interval '1 microsecond', updated_at = now(), revision = revision + 1 WHERE id = $6 AND revision = $7 RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.rotateAtOnce
UPDATE "tenant_acme"."webhook_endpoints" SET key_id = $1, secret_token = $2, previous_secret_token = $3, custom_headers = $4, previous_secret_until = NULL, updated_at = now(), revision = revision + 1 WHERE id = $5 AND revision = $6 RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.succeeded
UPDATE "tenant_acme"."webhook_endpoints" SET consecutive_failures = 0, failing_since = NULL WHERE id = $1 AND consecutive_failures > 0;

-- endpoints.table.byID
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE id = $1;

-- endpoints.table.deleteRow
DELETE FROM "tenant_acme"."webhook_endpoints" WHERE id = $1;

-- endpoints.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" WHERE id = $1);

-- endpoints.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" WHERE id = $1);

-- endpoints.table.insertRow
INSERT INTO "tenant_acme"."webhook_endpoints" (id,name,description,endpoint_url,http_method,key_id,secret_token,previous_secret_token,custom_headers,signature_header,timeout_seconds,follow_redirects,verify_ssl,max_retry_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,disable_after_failures,disable_after_days,is_active,created_by_user_id,context_id) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22 WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" WHERE id = $2 AND revision = $3);

-- endpoints.table.updateRow
UPDATE "tenant_acme"."webhook_endpoints" SET name = $1, description = $2, endpoint_url = $3, http_method = $4, key_id = $5, secret_token = $6, previous_secret_token = $7, custom_headers = $8, signature_header = $9, timeout_seconds = $10, follow_redirects = $11, verify_ssl = $12, max_retry_attempts = $13, retry_backoff_seconds = $14, retry_backoff_multiplier = $15, retry_jitter = $16, disable_after_failures = $17, disable_after_days = $18, is_active = $19, created_by_user_id = $20, context_id = $21, is_verified = is_verified AND endpoint_url = $22, verified_at = CASE WHEN endpoint_url = $23 THEN verified_at END, consecutive_failures = CASE WHEN $24 AND NOT is_active THEN 0 ELSE consecutive_failures END, failing_since = CASE WHEN $25 AND NOT is_active THEN NULL ELSE failing_since END, disabled_at = CASE WHEN $26 AND NOT is_active THEN NULL ELSE disabled_at END, disabled_reason = CASE WHEN $27 AND NOT is_active THEN '' ELSE disabled_reason END, updated_at = now(), revision = revision + 1 WHERE id = $28 AND revision = $29 AND 1 = 1 RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.unpark
WITH locked AS MATERIALIZED (SELECT id FROM "tenant_acme"."webhook_deliveries" WHERE endpoint_id = $1 AND next_retry_at IS NOT NULL AND is_parked ORDER BY id FOR UPDATE) UPDATE "tenant_acme"."webhook_deliveries" SET is_parked = FALSE WHERE id IN (SELECT id FROM locked);

-- endpoints.used
UPDATE "tenant_acme"."webhook_endpoints" SET last_used_at = CASE WHEN last_used_at > now() THEN last_used_at ELSE now() END WHERE id = $1;

-- endpoints.verified
UPDATE "tenant_acme"."webhook_endpoints" SET is_verified = TRUE, verified_at = CASE WHEN is_verified THEN verified_at ELSE now() END, updated_at = now(), revision = revision + 1 WHERE endpoint_url = $1 AND id = $2;

-- endpoints.withoutContext.active
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE context_id IS NULL AND is_active ORDER BY created_at, id LIMIT $1;

-- endpoints.withoutContext.all
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme"."webhook_endpoints" WHERE context_id IS NULL ORDER BY created_at, id LIMIT $1;

-- eventTypes.byCategory.active
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme"."webhook_event_types" WHERE category COLLATE "C" = $1 AND is_enabled ORDER BY event_type COLLATE "C" LIMIT $2;

-- eventTypes.byCategory.all
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme"."webhook_event_types" WHERE category COLLATE "C" = $1 ORDER BY event_type COLLATE "C" LIMIT $2;

-- eventTypes.byEventType
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme"."webhook_event_types" WHERE event_type = $1;

-- eventTypes.enabled.active
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme"."webhook_event_types" WHERE 1 = 1 AND is_enabled ORDER BY category COLLATE "C", event_type COLLATE "C" LIMIT $1;

-- eventTypes.enabled.all
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme"."webhook_event_types" WHERE 1 = 1 ORDER BY category COLLATE "C", event_type COLLATE "C" LIMIT $1;

-- eventTypes.table.byID
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme"."webhook_event_types" WHERE id = $1;

-- eventTypes.table.deleteRow
DELETE FROM "tenant_acme"."webhook_event_types" WHERE id = $1;

-- eventTypes.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" WHERE id = $1);

-- eventTypes.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" WHERE id = $1), EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" WHERE event_type = $2);

-- eventTypes.table.insertRow
INSERT INTO "tenant_acme"."webhook_event_types" (id,event_type,category,display_name,description,is_enabled,requires_verification,payload_schema,example_payload) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision;

-- eventTypes.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" WHERE id = $2 AND revision = $3), EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" WHERE event_type = $4 AND id <> $5);

-- eventTypes.table.updateRow
UPDATE "tenant_acme"."webhook_event_types" SET event_type = $1, category = $2, display_name = $3, description = $4, is_enabled = $5, requires_verification = $6, payload_schema = $7, example_payload = $8, updated_at = now(), revision = revision + 1 WHERE id = $9 AND revision = $10 AND 1 = 1 RETURNING id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision;

-- events.archived
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."events" e CROSS JOIN LATERAL (SELECT o.* FROM "tenant_acme"."event_keys" o WHERE o.event_id = e.id OFFSET 0) o WHERE e.position >= $1 AND e.position <= $2) OR EXISTS (SELECT 1 FROM "tenant_acme"."events" e CROSS JOIN LATERAL (SELECT o.* FROM "tenant_acme"."event_keys" o WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version = e.aggregate_version OFFSET 0) o WHERE e.position >= $3 AND e.position <= $4);

-- events.archivedIn
SELECT archive_id FROM "tenant_acme"."event_keys" WHERE event_id = $1;

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
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE id = $1) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE event_id = $2), EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE aggregate_type = $3 AND aggregate_id = $4 AND aggregate_version = $5) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE aggregate_type = $6 AND aggregate_id = $7 AND aggregate_version = $8), (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."events" WHERE aggregate_type = $9 AND aggregate_id = $10 UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = $11 AND aggregate_id = $12) AS lasts);

-- events.countByType
WITH RECURSIVE types (event_type) AS (SELECT min(event_type) FROM "tenant_acme"."events" UNION ALL SELECT (SELECT min(e.event_type) FROM "tenant_acme"."events" e WHERE e.event_type > t.event_type) FROM types t WHERE t.event_type IS NOT NULL) SELECT t.event_type, (SELECT count(*) FROM "tenant_acme"."events" e WHERE e.event_type = t.event_type AND e.occurred_at >= $1) FROM types t WHERE t.event_type IS NOT NULL;

-- events.countProcessing
SELECT count(*) FROM "tenant_acme"."event_queue" q WHERE q.lease_until > statement_timestamp();

-- events.countUnprocessed
SELECT count(*) FROM "tenant_acme"."event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= statement_timestamp());

-- events.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = $1);

-- events.lastVersion
SELECT (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."events" WHERE aggregate_type = $1 AND aggregate_id = $2 UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = $3 AND aggregate_id = $4) AS lasts);

-- events.lastVersions
SELECT a.number, (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."events" WHERE aggregate_type = a.aggregate_type AND aggregate_id = a.aggregate_id UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = a.aggregate_type AND aggregate_id = a.aggregate_id) AS lasts) FROM (SELECT number - 1 AS number, aggregate_type, aggregate_id FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS given (aggregate_type, aggregate_id, number)) a ORDER BY a.number;

-- events.lock
WITH queued AS MATERIALIZED (SELECT * FROM (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.available_at, q.position LIMIT $1 FOR UPDATE) AS due UNION ALL SELECT * FROM (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $2 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.position LIMIT $3 FOR UPDATE) AS fresh LIMIT $4) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- events.lockSkipping
WITH queued AS MATERIALIZED (SELECT * FROM (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE NOT q.is_fresh AND q.available_at <= statement_timestamp() AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.available_at, q.position LIMIT $1 FOR UPDATE SKIP LOCKED) AS due UNION ALL SELECT * FROM (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $2 AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp()) ORDER BY q.position LIMIT $3 FOR UPDATE SKIP LOCKED) AS fresh LIMIT $4) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- events.mark[0][0]
WITH done AS (DELETE FROM "tenant_acme"."event_queue" WHERE event_id = ANY ($1::uuid[]) RETURNING position), dead AS (DELETE FROM "tenant_acme"."event_dead_letters" WHERE event_id = ANY ($2::uuid[]) RETURNING position) INSERT INTO "tenant_acme"."event_processed" (position,processed_at) SELECT position, now() FROM (SELECT position FROM done UNION ALL SELECT position FROM dead) marked;

-- events.mark[1][0]
WITH done AS (DELETE FROM "tenant_acme"."event_queue" WHERE event_id = ANY ($1::uuid[]) RETURNING position), dead AS (DELETE FROM "tenant_acme"."event_dead_letters" WHERE event_id = ANY ($2::uuid[]) RETURNING position) INSERT INTO "tenant_acme"."event_processed" (position,processed_at) SELECT position, now() FROM (SELECT position FROM done UNION ALL SELECT position FROM dead) marked;

-- events.queuePage
WITH queued AS MATERIALIZED (SELECT * FROM (SELECT position FROM "tenant_acme"."event_queue" WHERE NOT is_fresh AND position > 0 AND position > $1 ORDER BY position LIMIT $2) AS due UNION ALL SELECT * FROM (SELECT position FROM "tenant_acme"."event_queue" WHERE is_fresh AND position > $3 ORDER BY position LIMIT $4) AS fresh ORDER BY position LIMIT $5) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN LATERAL (SELECT e.* FROM "tenant_acme"."events" e WHERE e.position = q.position OFFSET 0) e;

-- events.reserve
SELECT r.*, EXISTS (SELECT 1 FROM "tenant_acme"."event_keys") OR EXISTS (SELECT 1 FROM "tenant_acme"."event_archiving") FROM (SELECT nextval('"tenant_acme"."events_position_seq"'), now() FROM generate_series(1, $1)) r;

-- events.save
WITH saved AS (INSERT INTO "tenant_acme"."events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, now()), $13 WHERE NOT (EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE id = $14) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE event_id = $15)) AND NOT (EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE aggregate_type = $16 AND aggregate_id = $17 AND aggregate_version = $18) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE aggregate_type = $19 AND aggregate_id = $20 AND aggregate_version = $21)) ON CONFLICT DO NOTHING RETURNING id AS event_id, event_type, aggregate_type, aggregate_id, position, aggregate_version, occurred_at, created_at), queued AS (INSERT INTO "tenant_acme"."event_queue" (position,event_id,event_type,aggregate_type,aggregate_id,aggregate_version) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version FROM saved) SELECT position, aggregate_version, occurred_at, created_at FROM saved;

-- events.saveNext
WITH saved AS (INSERT INTO "tenant_acme"."events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, now()), (SELECT coalesce(max(last) + CASE max(last) WHEN 9223372036854775807 THEN 0 ELSE 1 END, 1) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme"."events" WHERE aggregate_type = $13 AND aggregate_id = $14 UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme"."event_keys" WHERE aggregate_type = $15 AND aggregate_id = $16) AS lasts) WHERE NOT (EXISTS (SELECT 1 FROM "tenant_acme"."events" WHERE id = $17) OR EXISTS (SELECT 1 FROM "tenant_acme"."event_keys" WHERE event_id = $18)) ON CONFLICT DO NOTHING RETURNING id AS event_id, event_type, aggregate_type, aggregate_id, position, aggregate_version, occurred_at, created_at), queued AS (INSERT INTO "tenant_acme"."event_queue" (position,event_id,event_type,aggregate_type,aggregate_id,aggregate_version) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version FROM saved) SELECT position, aggregate_version, occurred_at, created_at FROM saved;

-- events.takenID
WITH taken AS MATERIALIZED (SELECT e.id, e.position FROM unnest($1::uuid[]) AS given (value) JOIN "tenant_acme"."events" e ON e.id = value UNION ALL SELECT k.event_id, k.position FROM unnest($2::uuid[]) AS given (value) JOIN "tenant_acme"."event_keys" k ON k.event_id = value) SELECT id FROM taken ORDER BY position LIMIT 1;

-- events.withoutContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme"."events" e LEFT JOIN "tenant_acme"."event_processed" p ON p.position = e.position WHERE e.context_id IS NULL ORDER BY e.occurred_at DESC, e.position DESC LIMIT $1;

-- executions.byAction
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."action_executions" WHERE action_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- executions.byStatus
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."action_executions" WHERE status = $1 ORDER BY created_at, id LIMIT $2;

-- executions.byStatusOfAction
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."action_executions" WHERE status = $1 AND action_id = $2 ORDER BY created_at, id LIMIT $3;

-- executions.claim
WITH open AS MATERIALIZED (SELECT id FROM "tenant_acme"."action_executions" WHERE completed_at IS NULL AND (status <> 'running' OR lease_until <= statement_timestamp()) AND EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" a WHERE a.id = action_id AND a.status = 'active' AND a.is_enabled) ORDER BY priority DESC, created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) UPDATE "tenant_acme"."action_executions" SET status = 'running', started_at = coalesce(started_at, now()), lease_token = $2, lease_until = statement_timestamp() + $3 * interval '1 microsecond', updated_at = now(), revision = revision + 1 WHERE id IN (SELECT id FROM open) RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- executions.counts
SELECT status, count(*), CAST(sum(CASE WHEN retry_count > 0 THEN 1 ELSE 0 END) AS bigint), min(created_at), max(created_at) FROM "tenant_acme"."action_executions" WHERE created_at >= $1 AND action_id = $2 GROUP BY status ORDER BY status;

-- executions.countsOfAll
SELECT status, count(*), CAST(sum(CASE WHEN retry_count > 0 THEN 1 ELSE 0 END) AS bigint), min(created_at), max(created_at) FROM "tenant_acme"."action_executions" WHERE created_at >= $1 GROUP BY status ORDER BY status;

-- executions.deleteOld
WITH old AS MATERIALIZED (SELECT id FROM "tenant_acme"."action_executions" WHERE created_at < $1 AND status = ANY ($2::text[]) ORDER BY created_at, id LIMIT $3 FOR UPDATE) DELETE FROM "tenant_acme"."action_executions" WHERE id IN (SELECT id FROM old);

-- executions.durations
WITH ranked AS (SELECT duration_ms AS v, row_number() OVER (ORDER BY duration_ms) AS n, count(*) OVER () AS total FROM "tenant_acme"."action_executions" WHERE created_at >= $1 AND action_id = $2 AND duration_ms IS NOT NULL) SELECT count(*), CAST(coalesce(sum(v), 0) AS bigint), coalesce(min(v), 0), coalesce(max(v), 0), coalesce(max(CASE WHEN n = (total * 50 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 95 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 99 + 99) / 100 THEN v END), 0) FROM ranked;

-- executions.durationsOfAll
WITH ranked AS (SELECT duration_ms AS v, row_number() OVER (ORDER BY duration_ms) AS n, count(*) OVER () AS total FROM "tenant_acme"."action_executions" WHERE created_at >= $1 AND duration_ms IS NOT NULL) SELECT count(*), CAST(coalesce(sum(v), 0) AS bigint), coalesce(min(v), 0), coalesce(max(v), 0), coalesce(max(CASE WHEN n = (total * 50 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 95 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 99 + 99) / 100 THEN v END), 0) FROM ranked;

-- executions.failed
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."action_executions" WHERE retry_at <= now() ORDER BY retry_at, id LIMIT $1;

-- executions.finish
UPDATE "tenant_acme"."action_executions" SET status = $1, completed_at = now(), duration_ms = $2, result = $3, error_message = $4, retry_at = CASE WHEN $5 THEN (SELECT CASE WHEN $6 < a.max_retries THEN coalesce($7, now()) + (CASE WHEN a.retry_delay_seconds * $8 > 86400 THEN 86400 ELSE a.retry_delay_seconds * $9 END) * interval '1 second' END FROM "tenant_acme"."event_actions" a WHERE a.id = $10) END, lease_token = NULL, lease_until = NULL, updated_at = now(), revision = revision + 1 WHERE id = $11 RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- executions.forUpdate
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision, now() FROM "tenant_acme"."action_executions" WHERE id = $1 FOR UPDATE;

-- executions.recent
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."action_executions" WHERE created_at >= $1 ORDER BY created_at DESC, id DESC LIMIT $2;

-- executions.retried
UPDATE "tenant_acme"."action_executions" SET retry_at = NULL WHERE id = $1;

-- executions.table.byID
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme"."action_executions" WHERE id = $1;

-- executions.table.deleteRow
DELETE FROM "tenant_acme"."action_executions" WHERE id = $1;

-- executions.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE id = $1);

-- executions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE id = $1), EXISTS (SELECT 1 FROM unnest($2::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" r WHERE r.id = value)), EXISTS (SELECT 1 FROM unnest($3::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = value)), EXISTS (SELECT 1 FROM unnest($4::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" r WHERE r.id = value)), EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE retry_of = $5);

-- executions.table.insertRow
INSERT INTO "tenant_acme"."action_executions" (id,action_id,event_id,event_type,event_data,priority,status,started_at,completed_at,duration_ms,result,error_message,retry_count,retry_at,retry_of,execution_context) SELECT $1, $2, $3, $4, $5, (SELECT priority FROM "tenant_acme"."event_actions" WHERE id = $6), $7, $8, CASE WHEN $9 THEN coalesce($10, now()) END, $11, $12, $13, $14, CASE WHEN $15 THEN (SELECT CASE WHEN $16 < a.max_retries THEN coalesce($17, now()) + (CASE WHEN a.retry_delay_seconds * $18 > 86400 THEN 86400 ELSE a.retry_delay_seconds * $19 END) * interval '1 second' END FROM "tenant_acme"."event_actions" a WHERE a.id = $20) END, $21, $22 WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($23::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."event_actions" r WHERE r.id = value FOR KEY SHARE)) AND NOT EXISTS (SELECT 1 FROM unnest($24::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."events" r WHERE r.id = value FOR KEY SHARE)) AND NOT EXISTS (SELECT 1 FROM unnest($25::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" r WHERE r.id = value FOR KEY SHARE)) ON CONFLICT DO NOTHING RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- executions.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."action_executions" WHERE id = $2 AND revision = $3);

-- executions.table.updateRow
UPDATE "tenant_acme"."action_executions" SET status = $1, started_at = $2, completed_at = CASE WHEN $3 THEN coalesce($4, now()) END, duration_ms = $5, result = $6, error_message = $7, retry_at = CASE WHEN $8 THEN (SELECT CASE WHEN $9 < a.max_retries THEN coalesce($10, now()) + (CASE WHEN a.retry_delay_seconds * $11 > 86400 THEN 86400 ELSE a.retry_delay_seconds * $12 END) * interval '1 second' END FROM "tenant_acme"."event_actions" a WHERE a.id = $13) END, execution_context = $14, lease_token = CASE WHEN $15 THEN NULL ELSE lease_token END, lease_until = CASE WHEN $16 THEN NULL ELSE lease_until END, updated_at = now(), revision = revision + 1 WHERE id = $17 AND revision = $18 AND 1 = 1 RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- horizon
SELECT h.last, h.holders, h.reliable, h.is_fresh, (SELECT q.position FROM "tenant_acme"."event_queue" q WHERE q.is_fresh AND q.position > $1 ORDER BY q.position LIMIT 1) FROM (SELECT (SELECT coalesce(max(position), 0) FROM "tenant_acme"."events") AS last, coalesce(string_agg(virtualtransaction, ' ') FILTER (WHERE relation = '"tenant_acme"."events_position_seq"'::regclass AND mode = 'RowExclusiveLock'), '') AS holders, count(*) FILTER (WHERE pid = pg_backend_pid()) > 0 AND NOT pg_is_in_recovery() AS reliable, current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') AS is_fresh FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) h;

-- now
SELECT now();

-- subscriptions.all.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE 1 = 1 AND is_active ORDER BY created_at, id LIMIT $1;

-- subscriptions.all.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE 1 = 1 ORDER BY created_at, id LIMIT $1;

-- subscriptions.byContext.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE context_id = $1 AND is_active ORDER BY created_at, id LIMIT $2;

-- subscriptions.byContext.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE context_id = $1 ORDER BY created_at, id LIMIT $2;

-- subscriptions.byEndpoint.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE endpoint_id = $1 AND is_active ORDER BY created_at, id LIMIT $2;

-- subscriptions.byEndpoint.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE endpoint_id = $1 ORDER BY created_at, id LIMIT $2;

-- subscriptions.byEventType.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE event_type = $1 AND is_active ORDER BY created_at, id LIMIT $2;

-- subscriptions.byEventType.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE event_type = $1 ORDER BY created_at, id LIMIT $2;

-- subscriptions.matching
SELECT s.id, s.endpoint_id, s.event_type_id, s.event_type, s.event_filters, s.is_active, s.context_id, s.subscription_name, s.description, s.last_triggered_at, s.created_at, s.updated_at, s.revision FROM (SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE is_active AND event_type = ANY ($1::text[]) AND context_id IS NULL) s JOIN "tenant_acme"."webhook_endpoints" e ON e.id = s.endpoint_id WHERE e.is_active AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme"."webhook_event_types" t WHERE t.id = s.event_type_id), TRUE) AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme"."webhook_event_types" t WHERE t.event_type = $2), TRUE) ORDER BY s.created_at, s.id;

-- subscriptions.matchingOfContext
SELECT s.id, s.endpoint_id, s.event_type_id, s.event_type, s.event_filters, s.is_active, s.context_id, s.subscription_name, s.description, s.last_triggered_at, s.created_at, s.updated_at, s.revision FROM (SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE is_active AND event_type = ANY ($1::text[]) AND context_id IS NULL UNION ALL SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE is_active AND event_type = ANY ($2::text[]) AND context_id = $3) s JOIN "tenant_acme"."webhook_endpoints" e ON e.id = s.endpoint_id WHERE e.is_active AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme"."webhook_event_types" t WHERE t.id = s.event_type_id), TRUE) AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme"."webhook_event_types" t WHERE t.event_type = $4), TRUE) ORDER BY s.created_at, s.id;

-- subscriptions.table.byID
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE id = $1;

-- subscriptions.table.deleteRow
DELETE FROM "tenant_acme"."webhook_subscriptions" WHERE id = $1;

-- subscriptions.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_subscriptions" WHERE id = $1);

-- subscriptions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_subscriptions" WHERE id = $1), EXISTS (SELECT 1 FROM unnest($2::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" r WHERE r.id = value)), EXISTS (SELECT 1 FROM unnest($3::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" r WHERE r.id = value));

-- subscriptions.table.insertRow
INSERT INTO "tenant_acme"."webhook_subscriptions" (id,endpoint_id,event_type_id,event_type,event_filters,is_active,context_id,subscription_name,description) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($10::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" r WHERE r.id = value FOR KEY SHARE)) AND NOT EXISTS (SELECT 1 FROM unnest($11::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" r WHERE r.id = value FOR KEY SHARE)) ON CONFLICT DO NOTHING RETURNING id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision;

-- subscriptions.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_subscriptions" WHERE id = $1), NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_subscriptions" WHERE id = $2 AND revision = $3), EXISTS (SELECT 1 FROM unnest($4::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" r WHERE r.id = value)), EXISTS (SELECT 1 FROM unnest($5::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" r WHERE r.id = value));

-- subscriptions.table.updateRow
UPDATE "tenant_acme"."webhook_subscriptions" SET endpoint_id = $1, event_type_id = $2, event_type = $3, event_filters = $4, is_active = $5, context_id = $6, subscription_name = $7, description = $8, updated_at = now(), revision = revision + 1 WHERE id = $9 AND revision = $10 AND 1 = 1 AND NOT EXISTS (SELECT 1 FROM unnest($11::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_endpoints" r WHERE r.id = value FOR KEY SHARE)) AND NOT EXISTS (SELECT 1 FROM unnest($12::uuid[]) AS given (value) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme"."webhook_event_types" r WHERE r.id = value FOR KEY SHARE)) RETURNING id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision;

-- subscriptions.triggered
WITH given AS MATERIALIZED (SELECT id FROM "tenant_acme"."webhook_subscriptions" WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE) UPDATE "tenant_acme"."webhook_subscriptions" SET last_triggered_at = CASE WHEN last_triggered_at > now() THEN last_triggered_at ELSE now() END WHERE id IN (SELECT id FROM given);

-- subscriptions.withoutContext.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE context_id IS NULL AND is_active ORDER BY created_at, id LIMIT $1;

-- subscriptions.withoutContext.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme"."webhook_subscriptions" WHERE context_id IS NULL ORDER BY created_at, id LIMIT $1;

-- unknownKey
SELECT key_id FROM "tenant_acme"."webhook_endpoints" WHERE key_id <> '' AND NOT (key_id = ANY ($1::text[])) LIMIT 1;

