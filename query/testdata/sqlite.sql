-- actions.addStatistics
UPDATE "tenant_acme__event_actions" SET trigger_count = trigger_count + ?, success_count = success_count + ?, failure_count = failure_count + ?, last_triggered_at = CASE WHEN ? AND (last_triggered_at IS NULL OR last_triggered_at < CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ELSE last_triggered_at END WHERE success_count + failure_count + ? <= trigger_count + ? AND id = ?;

-- actions.all.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE 1 = 1 AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.all.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE 1 = 1 ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.byHandler.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE handler_type = ? AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.byHandler.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE handler_type = ? ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.byTenant.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE tenant_id = ? AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.byTenant.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE tenant_id = ? ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.cancelExecutions
UPDATE "tenant_acme__action_executions" SET status = 'cancelled', completed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, error_message = ?, retry_at = NULL, lease_token = NULL, lease_until = NULL, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE action_id = ? AND status IN ('pending', 'running');

-- actions.deleteTypes
DELETE FROM "tenant_acme__event_action_types" WHERE action_id = ?;

-- actions.forgetRetries
UPDATE "tenant_acme__action_executions" SET retry_at = NULL WHERE action_id = ? AND status IN ('failed', 'timeout') AND retry_at IS NOT NULL;

-- actions.ofTenant
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE status = 'active' AND is_enabled AND (+tenant_id IS NULL OR +tenant_id = ?) AND id IN (SELECT action_id FROM "tenant_acme__event_action_types" WHERE event_type IN (SELECT value FROM json_each(?))) ORDER BY priority DESC, created_at, id;

-- actions.table.byID
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE id = ?;

-- actions.table.deleteRow
DELETE FROM "tenant_acme__event_actions" WHERE id = ?;

-- actions.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_actions" WHERE id = ?);

-- actions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_actions" WHERE id = ?);

-- actions.table.insertRow
INSERT INTO "tenant_acme__event_actions" (id,name,description,handler_type,configuration,event_types,conditions,context_filters,execution_mode,priority,timeout_seconds,max_retries,retry_delay_seconds,status,is_enabled,tags,tenant_id,created_by_user_id) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision;

-- actions.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__event_actions" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__event_actions" WHERE id = ? AND revision = ?);

-- actions.table.updateRow
UPDATE "tenant_acme__event_actions" SET name = ?, description = ?, handler_type = ?, configuration = ?, event_types = ?, conditions = ?, context_filters = ?, execution_mode = ?, priority = ?, timeout_seconds = ?, max_retries = ?, retry_delay_seconds = ?, status = ?, is_enabled = ?, tags = ?, tenant_id = ?, created_by_user_id = ?, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 RETURNING id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision;

-- actions.tenantless.active
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE tenant_id IS NULL AND status = 'active' AND is_enabled ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.tenantless.all
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE tenant_id IS NULL ORDER BY priority DESC, created_at, id LIMIT ?;

-- actions.withoutTenant
SELECT id, name, description, handler_type, configuration, event_types, conditions, context_filters, execution_mode, priority, timeout_seconds, max_retries, retry_delay_seconds, status, is_enabled, tags, tenant_id, created_by_user_id, created_at, updated_at, last_triggered_at, trigger_count, success_count, failure_count, revision FROM "tenant_acme__event_actions" WHERE status = 'active' AND is_enabled AND +tenant_id IS NULL AND id IN (SELECT action_id FROM "tenant_acme__event_action_types" WHERE event_type IN (SELECT value FROM json_each(?))) ORDER BY priority DESC, created_at, id;

-- archiveJobs.byRule
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme__event_archive_jobs" WHERE rule_id = ? ORDER BY created_at DESC, id DESC LIMIT ?;

-- archiveJobs.byStatus
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme__event_archive_jobs" WHERE status = ? ORDER BY created_at DESC, id DESC LIMIT ?;

-- archiveJobs.count
UPDATE "tenant_acme__event_archive_jobs" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, archives = archives + 1, events_archived = events_archived + ?, raw_bytes = raw_bytes + ?, size_bytes = size_bytes + ? WHERE id = ?;

-- archiveJobs.deleteEnded
DELETE FROM "tenant_acme__event_archive_jobs" WHERE completed_at IS NOT NULL AND id = ?;

-- archiveJobs.deleteOld
WITH old AS MATERIALIZED (SELECT id FROM "tenant_acme__event_archive_jobs" WHERE completed_at < ? ORDER BY completed_at, id LIMIT ?) DELETE FROM "tenant_acme__event_archive_jobs" WHERE id IN (SELECT id FROM old);

-- archiveJobs.failed
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme__event_archive_jobs" WHERE +status = 'failed' AND retry_count < max_retries ORDER BY completed_at, id LIMIT ?;

-- archiveJobs.finish
UPDATE "tenant_acme__event_archive_jobs" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = ?, error_message = ?, completed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE status IN ('pending', 'running') AND id = ? RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.progress
UPDATE "tenant_acme__event_archive_jobs" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, events_skipped = events_skipped + ? WHERE status = 'running' AND id = ? RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.retry
UPDATE "tenant_acme__event_archive_jobs" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = 'running', started_at = coalesce(started_at, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000), completed_at = NULL, retry_count = retry_count + 1 WHERE +status = 'failed' AND retry_count < max_retries AND id = ? RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.start
UPDATE "tenant_acme__event_archive_jobs" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = 'running', started_at = coalesce(started_at, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) WHERE status = 'pending' AND id = ? RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveJobs.table.byID
SELECT id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision FROM "tenant_acme__event_archive_jobs" WHERE id = ?;

-- archiveJobs.table.deleteRow
DELETE FROM "tenant_acme__event_archive_jobs" WHERE id = ?;

-- archiveJobs.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_jobs" WHERE id = ?);

-- archiveJobs.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_jobs" WHERE id = ?), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" r WHERE r.id = value));

-- archiveJobs.table.insertRow
INSERT INTO "tenant_acme__event_archive_jobs" (id,rule_id,status,max_retries) SELECT ?, ?, ?, ? WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" r WHERE r.id = value)) ON CONFLICT DO NOTHING RETURNING id, rule_id, status, archives, events_archived, raw_bytes, size_bytes, events_skipped, error_message, retry_count, max_retries, started_at, completed_at, created_at, updated_at, revision;

-- archiveObjects.add
INSERT INTO "tenant_acme__event_archive_chunks" (object_id,number,data) SELECT id, ?, ? FROM "tenant_acme__event_archive_objects" WHERE name = ?;

-- archiveObjects.commit
UPDATE "tenant_acme__event_archive_objects" SET name = ?, is_complete = TRUE WHERE name = ? AND NOT is_complete RETURNING id, name, size_bytes, chunks, created_at, is_complete;

-- archiveObjects.count
UPDATE "tenant_acme__event_archive_objects" SET chunks = chunks + 1, size_bytes = size_bytes + ? WHERE name = ? AND chunks = ? AND NOT is_complete;

-- archiveObjects.create
INSERT INTO "tenant_acme__event_archive_objects" (id,name) VALUES (?,?) ON CONFLICT DO NOTHING RETURNING id, name, size_bytes, chunks, created_at, is_complete;

-- archiveObjects.forget
DELETE FROM "tenant_acme__event_archive_objects" WHERE name = ?;

-- archiveObjects.get
SELECT id, name, size_bytes, chunks, created_at, is_complete FROM "tenant_acme__event_archive_objects" WHERE name = ?;

-- archiveObjects.list
SELECT id, name, size_bytes, chunks, created_at, is_complete FROM "tenant_acme__event_archive_objects" WHERE name >= ? AND name < ? ORDER BY name LIMIT ?;

-- archiveObjects.listFrom
SELECT id, name, size_bytes, chunks, created_at, is_complete FROM "tenant_acme__event_archive_objects" WHERE name >= ? ORDER BY name LIMIT ?;

-- archiveObjects.read
SELECT data FROM "tenant_acme__event_archive_chunks" WHERE number = ? AND object_id = (SELECT id FROM "tenant_acme__event_archive_objects" WHERE name = ?);

-- archiveRules.all.active
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__event_archive_rules" WHERE 1 = 1 AND is_enabled ORDER BY name LIMIT ?;

-- archiveRules.all.all
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__event_archive_rules" WHERE 1 = 1 ORDER BY name LIMIT ?;

-- archiveRules.byName
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__event_archive_rules" WHERE name = ?;

-- archiveRules.claim
WITH due AS MATERIALIZED (SELECT id FROM "tenant_acme__event_archive_rules" WHERE next_run_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (lease_until IS NULL OR lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY next_run_at, id LIMIT ?) UPDATE "tenant_acme__event_archive_rules" SET lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE id IN (SELECT id FROM due) RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archiveRules.clock
SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000;

-- archiveRules.due
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__event_archive_rules" WHERE next_run_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (lease_until IS NULL OR lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY next_run_at, id LIMIT ?;

-- archiveRules.extend
UPDATE "tenant_acme__event_archive_rules" SET lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE id = ? AND lease_token = ?;

-- archiveRules.forUpdate
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_archive_rules" WHERE id = ?;

-- archiveRules.ran
UPDATE "tenant_acme__event_archive_rules" SET last_run_at = ?, next_run_at = ?, lease_token = NULL, lease_until = NULL WHERE id = ? RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archiveRules.table.byID
SELECT id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__event_archive_rules" WHERE id = ?;

-- archiveRules.table.deleteRow
DELETE FROM "tenant_acme__event_archive_rules" WHERE id = ?;

-- archiveRules.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" WHERE id = ?);

-- archiveRules.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" WHERE id = ?), EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" WHERE name = ?);

-- archiveRules.table.insertRow
INSERT INTO "tenant_acme__event_archive_rules" (id,name,description,policy,include_types,exclude_types,include_contexts,exclude_contexts,archive_after_days,max_event_count,max_table_bytes,past_consumers,schedule,storage_type,location_template,encrypt,retention_days,auto_delete_after_days,is_enabled,created_by_user_id,next_run_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archiveRules.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" WHERE id = ? AND revision = ?), EXISTS (SELECT 1 FROM "tenant_acme__event_archive_rules" WHERE name = ? AND id <> ?);

-- archiveRules.table.updateRow
UPDATE "tenant_acme__event_archive_rules" SET name = ?, description = ?, policy = ?, include_types = ?, exclude_types = ?, include_contexts = ?, exclude_contexts = ?, archive_after_days = ?, max_event_count = ?, max_table_bytes = ?, past_consumers = ?, schedule = ?, storage_type = ?, location_template = ?, encrypt = ?, retention_days = ?, auto_delete_after_days = ?, is_enabled = ?, created_by_user_id = ?, next_run_at = CASE WHEN schedule = ? AND policy = ? AND is_enabled = ? THEN next_run_at ELSE ? END, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 RETURNING id, name, description, policy, include_types, exclude_types, include_contexts, exclude_contexts, archive_after_days, max_event_count, max_table_bytes, past_consumers, schedule, storage_type, location_template, encrypt, retention_days, auto_delete_after_days, is_enabled, created_by_user_id, next_run_at, last_run_at, lease_token, lease_until, created_at, updated_at, revision;

-- archives.byAggregate
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme__event_archives" WHERE +status = 'completed' AND id IN (SELECT DISTINCT archive_id FROM "tenant_acme__event_keys" WHERE aggregate_id = ? AND aggregate_type = ?) ORDER BY first_position, id LIMIT ?;

-- archives.byPosition
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme__event_archives" WHERE status = 'completed' AND last_position >= ? ORDER BY first_position, id LIMIT ?;

-- archives.byStatus
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme__event_archives" WHERE status = ? ORDER BY created_at DESC, id DESC LIMIT ?;

-- archives.byTime
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme__event_archives" WHERE status = 'completed' AND events_from <= ? AND events_to > ? ORDER BY events_from, id LIMIT ?;

-- archives.expired
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme__event_archives" WHERE +status IN ('completed', 'restored') AND auto_delete_after_days > 0 AND archived_at + (CAST(auto_delete_after_days AS bigint) * 86400) * 1000000 <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ORDER BY archived_at, id LIMIT ?;

-- archives.forget
DELETE FROM "tenant_acme__event_archives" WHERE status IN ('pending', 'failed', 'deleted') AND id = ?;

-- archives.stats
SELECT status, storage_type, count(*), CAST(sum(event_count - restored_count) AS bigint), CAST(sum(raw_bytes) AS bigint), CAST(sum(size_bytes) AS bigint), min(events_from), max(events_to) FROM "tenant_acme__event_archives" GROUP BY status, storage_type;

-- archives.table.byID
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision FROM "tenant_acme__event_archives" WHERE id = ?;

-- archives.table.deleteRow
DELETE FROM "tenant_acme__event_archives" WHERE id = ?;

-- archives.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_archives" WHERE id = ?);

-- archives.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_archives" WHERE id = ?);

-- archives.table.insertRow
INSERT INTO "tenant_acme__event_archives" (id,name,description,policy,storage_type,storage_location,object_name,status,rule_id,job_id,retention_days,auto_delete_after_days,created_by_user_id,tags) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archives.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__event_archives" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__event_archives" WHERE id = ? AND revision = ?);

-- archives.table.updateRow
UPDATE "tenant_acme__event_archives" SET name = ?, description = ?, retention_days = ?, auto_delete_after_days = ?, created_by_user_id = ?, tags = ?, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.abandoned
SELECT id FROM "tenant_acme__event_archives" WHERE status = 'in_progress' AND lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ORDER BY created_at, id LIMIT ?;

-- archiving.begin
UPDATE "tenant_acme__event_archives" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = 'in_progress', event_count = ?, first_position = ?, last_position = ?, lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE id = ? RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.complete
UPDATE "tenant_acme__event_archives" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = 'completed', lease_token = NULL, lease_until = NULL, archived_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, storage_location = ?, object_name = ?, raw_bytes = ?, size_bytes = ?, checksum = ?, key_id = ?, event_types = ?, context_ids = ?, events_from = ?, events_to = ? WHERE id = ? AND lease_token = ? RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.delivering
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_deliveries" WHERE next_retry_at IS NOT NULL AND event_id IN (SELECT value FROM json_each(?)));

-- archiving.extend
UPDATE "tenant_acme__event_archives" SET lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE id = ? AND lease_token = ?;

-- archiving.fail
UPDATE "tenant_acme__event_archives" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = 'failed', lease_token = NULL, lease_until = NULL, error_message = ? WHERE id = ? AND lease_token = ? RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.forget
DELETE FROM "tenant_acme__event_processed" WHERE position IN (SELECT position FROM "tenant_acme__event_archiving" WHERE archive_id = ?);

-- archiving.keep
INSERT INTO "tenant_acme__event_keys" (position,aggregate_version,event_id,aggregate_id,aggregate_type,archive_id) SELECT e.position, e.aggregate_version, e.id, e.aggregate_id, e.aggregate_type, a.archive_id FROM "tenant_acme__event_archiving" a CROSS JOIN "tenant_acme__events" e ON e.position = a.position WHERE a.archive_id = ?;

-- archiving.letGo
DELETE FROM "tenant_acme__event_archiving" WHERE archive_id = ?;

-- archiving.lock
SELECT id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_archives" WHERE id = ?;

-- archiving.measure
SELECT count(*), CAST(coalesce(sum(octet_length(e.event_data) + octet_length(e.event_metadata)), 0) AS bigint), CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__events" e;

-- archiving.page
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__event_archiving" a CROSS JOIN "tenant_acme__events" e ON e.position = a.position JOIN "tenant_acme__event_processed" p ON p.position = a.position WHERE a.archive_id = ? AND a.position > ? ORDER BY a.position LIMIT ?;

-- archiving.purge
UPDATE "tenant_acme__event_archives" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, status = 'deleted', lease_token = NULL, lease_until = NULL, deleted_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE id = ? RETURNING id, name, description, policy, storage_type, storage_location, object_name, status, rule_id, job_id, event_count, restored_count, first_position, last_position, events_from, events_to, event_types, context_ids, raw_bytes, size_bytes, checksum, key_id, retention_days, auto_delete_after_days, created_by_user_id, tags, error_message, lease_token, lease_until, archived_at, restored_at, deleted_at, created_at, updated_at, revision;

-- archiving.remove
DELETE FROM "tenant_acme__events" WHERE position IN (SELECT position FROM "tenant_acme__event_archiving" WHERE archive_id = ?) RETURNING id;

-- archiving.reserve
INSERT INTO "tenant_acme__event_archiving" (position,archive_id) SELECT s.position, ? FROM (SELECT c.position, sum(c.bytes) OVER (ORDER BY c.position) - c.bytes AS bytes_before FROM (SELECT p.position, octet_length(e.event_data) + octet_length(e.event_metadata) AS bytes FROM "tenant_acme__event_processed" p CROSS JOIN "tenant_acme__events" e ON e.position = p.position WHERE p.position > ? AND (SELECT 1 FROM "tenant_acme__event_archiving" o WHERE o.position = p.position LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme__webhook_deliveries" o WHERE o.event_id = e.id AND o.next_retry_at IS NOT NULL LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme__event_keys" o WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version = e.aggregate_version LIMIT 1) IS NULL AND (SELECT 1 FROM "tenant_acme__event_keys" o WHERE o.event_id = e.id LIMIT 1) IS NULL AND p.position <= (SELECT coalesce(min(position), 9223372036854775807) FROM "tenant_acme__event_consumers") AND e.occurred_at < ? ORDER BY p.position LIMIT ?) AS c) AS s WHERE s.bytes_before < ? ON CONFLICT DO NOTHING;

-- archiving.reserved
SELECT count(*), coalesce(min(position), 0), coalesce(max(position), 0) FROM "tenant_acme__event_archiving" WHERE archive_id = ?;

-- archiving.restorable
DELETE FROM "tenant_acme__event_keys" WHERE archive_id = ? AND event_id IN (SELECT value FROM json_each(?)) RETURNING event_id, position;

-- archiving.restored
UPDATE "tenant_acme__event_archives" SET updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1, restored_count = restored_count + ?, status = CASE WHEN restored_count + ? = event_count THEN 'restored' ELSE status END, restored_at = CASE WHEN restored_count + ? = event_count THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ELSE restored_at END WHERE id = ?;

-- archiving.unread
SELECT EXISTS (SELECT 1 FROM "tenant_acme__event_consumers" WHERE position < ?);

-- claims.ack.Statements[0]
INSERT INTO "tenant_acme__event_processed" (position, processed_at) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ?;

-- claims.ack.Statements[1]
DELETE FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ? RETURNING event_id;

-- claims.anyReady
SELECT (SELECT 1 FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.available_at, q.position LIMIT ?) IS NOT NULL OR (SELECT 1 FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) IS NOT NULL;

-- claims.claim
WITH picked AS MATERIALIZED (SELECT * FROM (SELECT q.rowid FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.rowid FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) AS fresh LIMIT ?) UPDATE "tenant_acme__event_queue" SET lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, attempts = attempts + 1 WHERE rowid IN (SELECT rowid FROM picked) RETURNING position;

-- claims.claimInOrder
WITH run AS MATERIALIZED (SELECT row_number() OVER () AS place, r.* FROM (SELECT c.event_id AS head, c.lease_token AS token_before, q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, CASE WHEN q.event_id = c.event_id OR (q.is_fresh OR q.is_held OR q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND (SELECT 1 FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version AND o.aggregate_version < q.aggregate_version LIMIT 1) IS NULL THEN 1 ELSE 0 END AS goes_on FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) AS fresh) AS c CROSS JOIN "tenant_acme__event_queue" q INDEXED BY "tenant_acme__event_queue_aggregate_idx" ON q.aggregate_id = c.aggregate_id AND q.aggregate_type = c.aggregate_type AND q.aggregate_version >= c.aggregate_version WHERE (SELECT o.event_id FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND coalesce((SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT ?) o), CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 LIMIT ?) AS r), locked AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme__event_queue" q WHERE q.event_id IN (SELECT event_id FROM run WHERE event_id <> head) AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)), judged AS MATERIALIZED (SELECT r.*, min(r.goes_on) OVER (PARTITION BY r.head ORDER BY r.place) AS unbroken, min(CASE WHEN l.event_id IS NULL AND r.event_id <> r.head THEN 0 ELSE 1 END) OVER (PARTITION BY r.head) AS free FROM run r LEFT JOIN locked l ON l.event_id = r.event_id), picked AS MATERIALIZED (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place <= ?) UPDATE "tenant_acme__event_queue" SET lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, attempts = attempts + 1, is_held = FALSE, available_at = CASE WHEN is_held THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ELSE available_at END WHERE event_id IN (SELECT event_id FROM picked) RETURNING position;

-- claims.claimInOrderOfTypes
WITH run AS MATERIALIZED (SELECT row_number() OVER () AS place, r.* FROM (SELECT c.event_id AS head, c.lease_token AS token_before, q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, CASE WHEN q.event_id = c.event_id OR (q.is_fresh OR q.is_held OR q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND (SELECT 1 FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version AND o.aggregate_version < q.aggregate_version LIMIT 1) IS NULL AND q.event_type IN (SELECT value FROM json_each(?)) THEN 1 ELSE 0 END AS goes_on FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND q.event_type IN (SELECT value FROM json_each(?)) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND q.event_type IN (SELECT value FROM json_each(?)) ORDER BY q.position LIMIT ?) AS fresh) AS c CROSS JOIN "tenant_acme__event_queue" q INDEXED BY "tenant_acme__event_queue_aggregate_idx" ON q.aggregate_id = c.aggregate_id AND q.aggregate_type = c.aggregate_type AND q.aggregate_version >= c.aggregate_version WHERE (SELECT o.event_id FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND coalesce((SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version > c.aggregate_version ORDER BY o.aggregate_version LIMIT ?) o), CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 LIMIT ?) AS r), locked AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme__event_queue" q WHERE q.event_id IN (SELECT event_id FROM run WHERE event_id <> head) AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)), judged AS MATERIALIZED (SELECT r.*, min(r.goes_on) OVER (PARTITION BY r.head ORDER BY r.place) AS unbroken, min(CASE WHEN l.event_id IS NULL AND r.event_id <> r.head THEN 0 ELSE 1 END) OVER (PARTITION BY r.head) AS free FROM run r LEFT JOIN locked l ON l.event_id = r.event_id), picked AS MATERIALIZED (SELECT event_id FROM judged WHERE unbroken = 1 AND free = 1 AND place <= ?) UPDATE "tenant_acme__event_queue" SET lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, attempts = attempts + 1, is_held = FALSE, available_at = CASE WHEN is_held THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ELSE available_at END WHERE event_id IN (SELECT event_id FROM picked) RETURNING position;

-- claims.claimOfTypes
WITH picked AS MATERIALIZED (SELECT * FROM (SELECT q.rowid FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND q.event_type IN (SELECT value FROM json_each(?)) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.rowid FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND q.event_type IN (SELECT value FROM json_each(?)) ORDER BY q.position LIMIT ?) AS fresh LIMIT ?) UPDATE "tenant_acme__event_queue" SET lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, attempts = attempts + 1 WHERE rowid IN (SELECT rowid FROM picked) RETURNING position;

-- claims.deadLetter.Statements[0]
WITH given AS (SELECT CAST(? AS text) AS reason, CAST(? AS integer) AS uncounted) INSERT INTO "tenant_acme__event_dead_letters" (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts, reason, dead_at) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts - uncounted, coalesce(reason, last_error, ''), CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_queue" CROSS JOIN given WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ?;

-- claims.deadLetter.Statements[1]
DELETE FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ? RETURNING event_id;

-- claims.extend
UPDATE "tenant_acme__event_queue" SET lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ? RETURNING event_id;

-- claims.fenceLater
UPDATE "tenant_acme__event_queue" SET lease_token = NULL, lease_until = NULL WHERE lease_token <> ? AND event_id IN (SELECT l.event_id FROM json_each(?) CROSS JOIN "tenant_acme__events" e ON e.id = value CROSS JOIN "tenant_acme__event_queue" l ON l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token IS NOT NULL WHERE (SELECT max(o.lease_until) FROM (SELECT o.lease_until FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version > e.aggregate_version ORDER BY o.aggregate_version LIMIT 100) o) IS NOT NULL);

-- claims.hold
WITH behind AS MATERIALIZED (SELECT c.event_id FROM (SELECT a.*, row_number() OVER (PARTITION BY a.aggregate_id, a.aggregate_type ORDER BY a.aggregate_version) AS place FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) AS fresh) AS a) AS c WHERE place > 1 OR NOT ((SELECT o.event_id FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL)), held AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme__event_queue" q WHERE q.event_id IN (SELECT event_id FROM behind) AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) UPDATE "tenant_acme__event_queue" SET is_held = TRUE, available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE event_id IN (SELECT event_id FROM held) RETURNING event_id;

-- claims.holdLater
UPDATE "tenant_acme__event_queue" SET is_held = TRUE, available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE lease_token = ? AND event_id IN (SELECT l.event_id FROM json_each(?) CROSS JOIN "tenant_acme__events" e ON e.id = value CROSS JOIN "tenant_acme__event_queue" l ON l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token = ?);

-- claims.holdOfTypes
WITH behind AS MATERIALIZED (SELECT c.event_id FROM (SELECT a.*, row_number() OVER (PARTITION BY a.aggregate_id, a.aggregate_type ORDER BY a.aggregate_version) AS place FROM (SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND q.event_type IN (SELECT value FROM json_each(?)) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.event_id, q.aggregate_id, q.aggregate_type, q.aggregate_version, q.lease_token FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND q.event_type IN (SELECT value FROM json_each(?)) ORDER BY q.position LIMIT ?) AS fresh) AS a) AS c WHERE place > 1 OR NOT ((SELECT o.event_id FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL)), held AS MATERIALIZED (SELECT q.event_id FROM "tenant_acme__event_queue" q WHERE q.event_id IN (SELECT event_id FROM behind) AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) UPDATE "tenant_acme__event_queue" SET is_held = TRUE, available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE event_id IN (SELECT event_id FROM held) RETURNING event_id;

-- claims.leased
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, q.attempts, q.lease_until FROM "tenant_acme__event_queue" q CROSS JOIN "tenant_acme__events" e ON e.position = q.position WHERE q.position IN (SELECT value FROM json_each(?));

-- claims.nextReady
SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, (SELECT min(available_at) FROM (SELECT q.available_at FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ORDER BY q.available_at LIMIT 10000) AS q), (SELECT min(lease_until) FROM (SELECT q.lease_until FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ORDER BY q.available_at, q.position LIMIT 10000) AS q), (SELECT min(lease_until) FROM (SELECT q.lease_until FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? ORDER BY q.position LIMIT 10000) AS q);

-- claims.release
UPDATE "tenant_acme__event_queue" SET lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE event_id IN (SELECT value FROM json_each(?)) AND lease_token = ? RETURNING event_id;

-- claims.releaseLater
UPDATE "tenant_acme__event_queue" SET lease_token = NULL, lease_until = NULL, attempts = attempts - 1 WHERE lease_token = ? AND event_id IN (SELECT l.event_id FROM json_each(?) CROSS JOIN "tenant_acme__events" e ON e.id = value CROSS JOIN "tenant_acme__event_queue" l ON l.aggregate_id = e.aggregate_id AND l.aggregate_type = e.aggregate_type AND l.aggregate_version > e.aggregate_version AND l.lease_token = ?);

-- claims.retry
UPDATE "tenant_acme__event_queue" SET lease_token = NULL, lease_until = NULL, available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, is_held = FALSE, last_error = ? WHERE event_id = ? AND lease_token = ?;

-- claims.unhold
UPDATE "tenant_acme__event_queue" SET is_held = FALSE, available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE is_held AND event_id IN (SELECT (SELECT n.event_id FROM "tenant_acme__event_queue" n WHERE n.aggregate_id = e.aggregate_id AND n.aggregate_type = e.aggregate_type AND n.aggregate_version > e.aggregate_version ORDER BY n.aggregate_version LIMIT 1) FROM json_each(?) CROSS JOIN "tenant_acme__events" e ON e.id = value WHERE (SELECT 1 FROM "tenant_acme__event_queue" WHERE is_held ORDER BY available_at LIMIT 1) IS NOT NULL);

-- claims.unholdHeads
UPDATE "tenant_acme__event_queue" SET is_held = FALSE, available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE is_held AND event_id IN (SELECT c.event_id FROM json_each(?) CROSS JOIN "tenant_acme__event_queue" c ON c.event_id = value WHERE (SELECT o.event_id FROM "tenant_acme__event_queue" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL AND (SELECT o.event_id FROM "tenant_acme__event_dead_letters" o WHERE o.aggregate_id = c.aggregate_id AND o.aggregate_type = c.aggregate_type AND o.aggregate_version < c.aggregate_version ORDER BY o.aggregate_version DESC LIMIT 1) IS NULL);

-- consumers.commit
INSERT INTO "tenant_acme__event_consumers" (name,position,updated_at) VALUES (?,?,CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at WHERE "tenant_acme__event_consumers".position < excluded.position;

-- consumers.create
INSERT INTO "tenant_acme__event_consumers" (name,position,updated_at) VALUES (?,0,CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ON CONFLICT DO NOTHING;

-- consumers.forget
DELETE FROM "tenant_acme__event_consumers" WHERE name = ?;

-- consumers.get
SELECT name, position, updated_at FROM "tenant_acme__event_consumers" WHERE name = ?;

-- consumers.lag
SELECT count(*) FROM "tenant_acme__events" WHERE position > ?;

-- consumers.list
SELECT name, position, updated_at FROM "tenant_acme__event_consumers" ORDER BY name;

-- consumers.lock
SELECT position FROM "tenant_acme__event_consumers" WHERE name = ?;

-- consumers.read
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.position > ? ORDER BY e.position LIMIT ?;

-- consumers.reset
INSERT INTO "tenant_acme__event_consumers" (name,position,updated_at) VALUES (?,?,CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at;

-- deadLetters.byID
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, d.attempts, d.reason, d.dead_at FROM "tenant_acme__event_dead_letters" d JOIN "tenant_acme__events" e ON e.position = d.position WHERE d.event_id = ?;

-- deadLetters.list
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, d.attempts, d.reason, d.dead_at FROM "tenant_acme__event_dead_letters" d JOIN "tenant_acme__events" e ON e.position = d.position ORDER BY d.dead_at DESC, d.position DESC LIMIT ?;

-- deadLetters.mark.Statements[0]
INSERT INTO "tenant_acme__event_processed" (position, processed_at) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_dead_letters" WHERE event_id IN (SELECT value FROM json_each(?));

-- deadLetters.mark.Statements[1]
DELETE FROM "tenant_acme__event_dead_letters" WHERE event_id IN (SELECT value FROM json_each(?)) RETURNING event_id;

-- deadLetters.requeue.Statements[0]
INSERT INTO "tenant_acme__event_queue" (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, last_error, available_at) SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, reason, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_dead_letters" WHERE event_id IN (SELECT value FROM json_each(?));

-- deadLetters.requeue.Statements[1]
DELETE FROM "tenant_acme__event_dead_letters" WHERE event_id IN (SELECT value FROM json_each(?)) RETURNING event_id;

-- deliveries.advance
UPDATE "tenant_acme__webhook_deliveries" SET status = ?, attempt_count = ?, next_retry_at = ?, max_attempts_reached = ?, completed_at = ?, lease_token = NULL, lease_until = NULL, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE id = ? RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.byEndpoint
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme__webhook_deliveries" WHERE endpoint_id = ? ORDER BY created_at DESC, id DESC LIMIT ?;

-- deliveries.byEvent
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme__webhook_deliveries" WHERE event_id = ? ORDER BY created_at, id LIMIT ?;

-- deliveries.cancel
UPDATE "tenant_acme__webhook_deliveries" SET status = 'cancelled', cancel_reason = ?, next_retry_at = NULL, lease_token = NULL, lease_until = NULL, completed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE id = ? RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.claim
WITH due AS MATERIALIZED (SELECT id FROM "tenant_acme__webhook_deliveries" WHERE NOT is_parked AND next_retry_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (lease_until IS NULL OR lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" e WHERE e.id = endpoint_id AND e.is_active) ORDER BY next_retry_at, id LIMIT ?) UPDATE "tenant_acme__webhook_deliveries" SET lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ? WHERE id IN (SELECT id FROM due) RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.daily
SELECT created_at / 86400000000 AS day, status, count(*), CAST(sum(attempt_count) AS bigint) FROM "tenant_acme__webhook_deliveries" WHERE endpoint_id = ? AND created_at >= ? GROUP BY day, status ORDER BY day, status;

-- deliveries.due
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme__webhook_deliveries" WHERE NOT is_parked AND next_retry_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (lease_until IS NULL OR lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" e WHERE e.id = endpoint_id AND e.is_active) ORDER BY next_retry_at, id LIMIT ?;

-- deliveries.eventExists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = ?);

-- deliveries.failedSince
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme__webhook_deliveries" WHERE endpoint_id = ? AND status = 'failed' AND completed_at >= ? AND NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_deliveries" r WHERE r.replay_of = "tenant_acme__webhook_deliveries".id) AND EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = "tenant_acme__webhook_deliveries".event_id) ORDER BY created_at, id;

-- deliveries.fanOut
INSERT INTO "tenant_acme__webhook_deliveries" (id,endpoint_id,event_id,status,attempt_count,max_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,next_retry_at,max_attempts_reached,cancel_reason) SELECT first, e.id, v.id, 'pending', 0, e.max_retry_attempts + 1, e.retry_backoff_seconds, e.retry_backoff_multiplier, e.retry_jitter, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, FALSE, '' FROM (SELECT value ->> 0 AS first, value ->> 1 AS second FROM json_each(?)) AS pairs JOIN "tenant_acme__webhook_endpoints" e ON e.id = second JOIN "tenant_acme__events" v ON v.id = ? WHERE e.is_active ORDER BY e.id ON CONFLICT DO NOTHING;

-- deliveries.forUpdate
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__webhook_deliveries" WHERE id = ?;

-- deliveries.insertAttempt
INSERT INTO "tenant_acme__webhook_delivery_attempts" (delivery_id,number,status,request_url,request_method,request_headers,request_body,request_signature,response_status_code,response_headers,response_body,response_body_truncated,response_time_ms,error_message,error_code,attempted_at,completed_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?);

-- deliveries.lockEndpoint
SELECT id FROM "tenant_acme__webhook_endpoints" WHERE id = ?;

-- deliveries.ofEvent
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme__webhook_deliveries" WHERE event_id = ? AND replay_of IS NULL AND endpoint_id IN (SELECT value FROM json_each(?)) ORDER BY id;

-- deliveries.policy
SELECT max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__webhook_endpoints" WHERE id = ?;

-- deliveries.release
UPDATE "tenant_acme__webhook_deliveries" SET lease_token = NULL, lease_until = NULL WHERE id IN (SELECT value FROM json_each(?)) AND lease_token = ?;

-- deliveries.responseTimes
WITH ranked AS (SELECT a.response_time_ms AS v, row_number() OVER (ORDER BY a.response_time_ms) AS n, count(*) OVER () AS total FROM "tenant_acme__webhook_delivery_attempts" a JOIN "tenant_acme__webhook_deliveries" d ON d.id = a.delivery_id WHERE d.endpoint_id = ? AND d.created_at >= ? AND a.response_time_ms IS NOT NULL) SELECT count(*), CAST(coalesce(sum(v), 0) AS bigint), coalesce(min(v), 0), coalesce(max(v), 0), coalesce(max(CASE WHEN n = (total * 50 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 95 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 99 + 99) / 100 THEN v END), 0) FROM ranked;

-- deliveries.table.byID
SELECT id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at FROM "tenant_acme__webhook_deliveries" WHERE id = ?;

-- deliveries.table.deleteRow
DELETE FROM "tenant_acme__webhook_deliveries" WHERE id = ?;

-- deliveries.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_deliveries" WHERE id = ?);

-- deliveries.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_deliveries" WHERE id = ?), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = value)), EXISTS (SELECT 1 FROM "tenant_acme__webhook_deliveries" WHERE endpoint_id = ? AND event_id = ? AND replay_of IS NULL);

-- deliveries.table.insertRow
INSERT INTO "tenant_acme__webhook_deliveries" (id,endpoint_id,event_id,status,attempt_count,max_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,next_retry_at,max_attempts_reached,replay_of,cancel_reason,completed_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = value)) ON CONFLICT DO NOTHING RETURNING id, endpoint_id, event_id, status, attempt_count, max_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, next_retry_at, max_attempts_reached, replay_of, cancel_reason, lease_token, lease_until, created_at, updated_at, completed_at;

-- deliveries.timeouts
SELECT count(*) FROM "tenant_acme__webhook_delivery_attempts" a JOIN "tenant_acme__webhook_deliveries" d ON d.id = a.delivery_id WHERE d.endpoint_id = ? AND d.created_at >= ? AND a.status = 'timeout';

-- deliveries.withAttempts
SELECT d.id, d.endpoint_id, d.event_id, d.status, d.attempt_count, d.max_attempts, d.retry_backoff_seconds, d.retry_backoff_multiplier, d.retry_jitter, d.next_retry_at, d.max_attempts_reached, d.replay_of, d.cancel_reason, d.lease_token, d.lease_until, d.created_at, d.updated_at, d.completed_at, coalesce(a.number, 0), coalesce(a.status, ''), coalesce(a.request_url, ''), coalesce(a.request_method, ''), coalesce(a.request_headers, 'null'), coalesce(a.request_body, ''), coalesce(a.request_signature, ''), a.response_status_code, coalesce(a.response_headers, 'null'), coalesce(a.response_body, ''), coalesce(a.response_body_truncated, FALSE), a.response_time_ms, coalesce(a.error_message, ''), coalesce(a.error_code, ''), coalesce(a.attempted_at, d.created_at), coalesce(a.completed_at, d.created_at) FROM "tenant_acme__webhook_deliveries" d LEFT JOIN "tenant_acme__webhook_delivery_attempts" a ON a.delivery_id = d.id WHERE d.id = ? ORDER BY a.number;

-- endpoints.active.active
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE 1 = 1 AND is_active ORDER BY created_at, id LIMIT ?;

-- endpoints.active.all
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE 1 = 1 ORDER BY created_at, id LIMIT ?;

-- endpoints.byContext.active
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE context_id = ? AND is_active ORDER BY created_at, id LIMIT ?;

-- endpoints.byContext.all
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE context_id = ? ORDER BY created_at, id LIMIT ?;

-- endpoints.cancelDeliveries
UPDATE "tenant_acme__webhook_deliveries" SET status = 'cancelled', cancel_reason = ?, next_retry_at = NULL, lease_token = NULL, lease_until = NULL, completed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 WHERE endpoint_id = ? AND next_retry_at IS NOT NULL;

-- endpoints.failed
UPDATE "tenant_acme__webhook_endpoints" SET consecutive_failures = consecutive_failures + 1, failing_since = coalesce(failing_since, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000), is_active = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * 1000000 <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) THEN FALSE ELSE is_active END, disabled_at = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * 1000000 <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ELSE disabled_at END, disabled_reason = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * 1000000 <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) THEN CASE WHEN (disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) THEN 'disable_after_failures: as many deliveries in a row have failed' ELSE 'disable_after_days: deliveries have failed for as long' END ELSE disabled_reason END, updated_at = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * 1000000 <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ELSE updated_at END, revision = CASE WHEN is_active AND ((disable_after_failures > 0 AND consecutive_failures + 1 >= disable_after_failures) OR (disable_after_days > 0 AND failing_since IS NOT NULL AND failing_since + (disable_after_days * 86400) * 1000000 <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)) THEN revision + 1 ELSE revision END WHERE id = ? RETURNING NOT is_active AND disabled_at IS NOT NULL AND disabled_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000;

-- endpoints.outdated
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE key_id <> ? ORDER BY key_id, id LIMIT ?;

-- endpoints.park
WITH open AS MATERIALIZED (SELECT id FROM "tenant_acme__webhook_deliveries" WHERE endpoint_id = ? AND next_retry_at IS NOT NULL AND NOT is_parked) UPDATE "tenant_acme__webhook_deliveries" SET is_parked = TRUE WHERE id IN (SELECT id FROM open);

-- endpoints.reencrypt
UPDATE "tenant_acme__webhook_endpoints" SET key_id = ?, secret_token = ?, previous_secret_token = ?, custom_headers = ? WHERE id = ?;

-- endpoints.rotate
UPDATE "tenant_acme__webhook_endpoints" SET key_id = ?, secret_token = ?, previous_secret_token = ?, custom_headers = ?, previous_secret_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.rotateAtOnce
UPDATE "tenant_acme__webhook_endpoints" SET key_id = ?, secret_token = ?, previous_secret_token = ?, custom_headers = ?, previous_secret_until = NULL, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.succeeded
UPDATE "tenant_acme__webhook_endpoints" SET consecutive_failures = 0, failing_since = NULL WHERE id = ? AND consecutive_failures > 0;

-- endpoints.table.byID
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE id = ?;

-- endpoints.table.deleteRow
DELETE FROM "tenant_acme__webhook_endpoints" WHERE id = ?;

-- endpoints.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" WHERE id = ?);

-- endpoints.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" WHERE id = ?);

-- endpoints.table.insertRow
INSERT INTO "tenant_acme__webhook_endpoints" (id,name,description,endpoint_url,http_method,key_id,secret_token,previous_secret_token,custom_headers,signature_header,timeout_seconds,follow_redirects,verify_ssl,max_retry_attempts,retry_backoff_seconds,retry_backoff_multiplier,retry_jitter,disable_after_failures,disable_after_days,is_active,created_by_user_id,context_id) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" WHERE id = ? AND revision = ?);

-- endpoints.table.updateRow
UPDATE "tenant_acme__webhook_endpoints" SET name = ?, description = ?, endpoint_url = ?, http_method = ?, key_id = ?, secret_token = ?, previous_secret_token = ?, custom_headers = ?, signature_header = ?, timeout_seconds = ?, follow_redirects = ?, verify_ssl = ?, max_retry_attempts = ?, retry_backoff_seconds = ?, retry_backoff_multiplier = ?, retry_jitter = ?, disable_after_failures = ?, disable_after_days = ?, is_active = ?, created_by_user_id = ?, context_id = ?, is_verified = is_verified AND endpoint_url = ?, verified_at = CASE WHEN endpoint_url = ? THEN verified_at END, consecutive_failures = CASE WHEN ? AND NOT is_active THEN 0 ELSE consecutive_failures END, failing_since = CASE WHEN ? AND NOT is_active THEN NULL ELSE failing_since END, disabled_at = CASE WHEN ? AND NOT is_active THEN NULL ELSE disabled_at END, disabled_reason = CASE WHEN ? AND NOT is_active THEN '' ELSE disabled_reason END, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 RETURNING id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision;

-- endpoints.unpark
WITH locked AS MATERIALIZED (SELECT id FROM "tenant_acme__webhook_deliveries" WHERE endpoint_id = ? AND next_retry_at IS NOT NULL AND is_parked ORDER BY id) UPDATE "tenant_acme__webhook_deliveries" SET is_parked = FALSE WHERE id IN (SELECT id FROM locked);

-- endpoints.used
UPDATE "tenant_acme__webhook_endpoints" SET last_used_at = CASE WHEN last_used_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 THEN last_used_at ELSE CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 END WHERE id = ?;

-- endpoints.verified
UPDATE "tenant_acme__webhook_endpoints" SET is_verified = TRUE, verified_at = CASE WHEN is_verified THEN verified_at ELSE CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 END, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE endpoint_url = ? AND id = ?;

-- endpoints.withoutContext.active
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE context_id IS NULL AND is_active ORDER BY created_at, id LIMIT ?;

-- endpoints.withoutContext.all
SELECT id, name, description, endpoint_url, http_method, key_id, secret_token, previous_secret_token, previous_secret_until, custom_headers, signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier, retry_jitter, disable_after_failures, disable_after_days, is_active, is_verified, verified_at, last_used_at, consecutive_failures, failing_since, disabled_at, disabled_reason, created_by_user_id, context_id, created_at, updated_at, revision FROM "tenant_acme__webhook_endpoints" WHERE context_id IS NULL ORDER BY created_at, id LIMIT ?;

-- eventTypes.byCategory.active
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme__webhook_event_types" WHERE category = ? AND is_enabled ORDER BY event_type LIMIT ?;

-- eventTypes.byCategory.all
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme__webhook_event_types" WHERE category = ? ORDER BY event_type LIMIT ?;

-- eventTypes.byEventType
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme__webhook_event_types" WHERE event_type = ?;

-- eventTypes.enabled.active
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme__webhook_event_types" WHERE 1 = 1 AND is_enabled ORDER BY category, event_type LIMIT ?;

-- eventTypes.enabled.all
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme__webhook_event_types" WHERE 1 = 1 ORDER BY category, event_type LIMIT ?;

-- eventTypes.table.byID
SELECT id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision FROM "tenant_acme__webhook_event_types" WHERE id = ?;

-- eventTypes.table.deleteRow
DELETE FROM "tenant_acme__webhook_event_types" WHERE id = ?;

-- eventTypes.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" WHERE id = ?);

-- eventTypes.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" WHERE id = ?), EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" WHERE event_type = ?);

-- eventTypes.table.insertRow
INSERT INTO "tenant_acme__webhook_event_types" (id,event_type,category,display_name,description,is_enabled,requires_verification,payload_schema,example_payload) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision;

-- eventTypes.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" WHERE id = ? AND revision = ?), EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" WHERE event_type = ? AND id <> ?);

-- eventTypes.table.updateRow
UPDATE "tenant_acme__webhook_event_types" SET event_type = ?, category = ?, display_name = ?, description = ?, is_enabled = ?, requires_verification = ?, payload_schema = ?, example_payload = ?, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 RETURNING id, event_type, category, display_name, description, is_enabled, requires_verification, payload_schema, example_payload, created_at, updated_at, revision;

-- events.archived
SELECT EXISTS (SELECT 1 FROM "tenant_acme__events" e CROSS JOIN "tenant_acme__event_keys" o ON o.event_id = e.id WHERE e.position >= ? AND e.position <= ?) OR EXISTS (SELECT 1 FROM "tenant_acme__events" e CROSS JOIN "tenant_acme__event_keys" o ON o.aggregate_id = e.aggregate_id AND o.aggregate_type = e.aggregate_type AND o.aggregate_version = e.aggregate_version WHERE e.position >= ? AND e.position <= ?);

-- events.archivedIn
SELECT archive_id FROM "tenant_acme__event_keys" WHERE event_id = ?;

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
SELECT EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE id = ?) OR EXISTS (SELECT 1 FROM "tenant_acme__event_keys" WHERE event_id = ?), EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?) OR EXISTS (SELECT 1 FROM "tenant_acme__event_keys" WHERE aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?), (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ? UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme__event_keys" WHERE aggregate_type = ? AND aggregate_id = ?) AS lasts);

-- events.countByType
WITH RECURSIVE types (event_type) AS (SELECT min(event_type) FROM "tenant_acme__events" UNION ALL SELECT (SELECT min(e.event_type) FROM "tenant_acme__events" e WHERE e.event_type > t.event_type) FROM types t WHERE t.event_type IS NOT NULL) SELECT t.event_type, (SELECT count(*) FROM "tenant_acme__events" e WHERE e.event_type = t.event_type AND e.occurred_at >= ?) FROM types t WHERE t.event_type IS NOT NULL;

-- events.countProcessing
SELECT count(*) FROM "tenant_acme__event_queue" q WHERE q.lease_until > CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000;

-- events.countUnprocessed
SELECT count(*) FROM "tenant_acme__event_queue" q WHERE (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000);

-- events.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = ?);

-- events.lastVersion
SELECT (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ? UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme__event_keys" WHERE aggregate_type = ? AND aggregate_id = ?) AS lasts);

-- events.lastVersions
SELECT a.number, (SELECT coalesce(max(last), 0) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme__events" WHERE aggregate_type = a.aggregate_type AND aggregate_id = a.aggregate_id UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme__event_keys" WHERE aggregate_type = a.aggregate_type AND aggregate_id = a.aggregate_id) AS lasts) FROM (SELECT key AS number, value ->> 0 AS aggregate_type, value ->> 1 AS aggregate_id FROM json_each(?)) a ORDER BY a.number;

-- events.lock
WITH queued AS MATERIALIZED (SELECT * FROM (SELECT q.position FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.position FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) AS fresh LIMIT ?) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN "tenant_acme__events" e ON e.position = q.position;

-- events.lockSkipping
WITH queued AS MATERIALIZED (SELECT * FROM (SELECT q.position FROM "tenant_acme__event_queue" q WHERE NOT q.is_fresh AND q.available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.available_at, q.position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT q.position FROM "tenant_acme__event_queue" q WHERE q.is_fresh AND q.position > ? AND (q.lease_until IS NULL OR q.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) ORDER BY q.position LIMIT ?) AS fresh LIMIT ?) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN "tenant_acme__events" e ON e.position = q.position;

-- events.mark[0][0]
INSERT INTO "tenant_acme__event_processed" (position,processed_at) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?));

-- events.mark[0][1]
DELETE FROM "tenant_acme__event_queue" WHERE event_id IN (SELECT value FROM json_each(?));

-- events.mark[1][0]
INSERT INTO "tenant_acme__event_processed" (position,processed_at) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__event_dead_letters" WHERE event_id IN (SELECT value FROM json_each(?));

-- events.mark[1][1]
DELETE FROM "tenant_acme__event_dead_letters" WHERE event_id IN (SELECT value FROM json_each(?));

-- events.queuePage
WITH queued AS MATERIALIZED (SELECT * FROM (SELECT position FROM "tenant_acme__event_queue" WHERE NOT is_fresh AND position > 0 AND position > ? ORDER BY position LIMIT ?) AS due UNION ALL SELECT * FROM (SELECT position FROM "tenant_acme__event_queue" WHERE is_fresh AND position > ? ORDER BY position LIMIT ?) AS fresh ORDER BY position LIMIT ?) SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at FROM queued q CROSS JOIN "tenant_acme__events" e ON e.position = q.position;

-- events.reserve
SELECT r.*, EXISTS (SELECT 1 FROM "tenant_acme__event_keys") OR EXISTS (SELECT 1 FROM "tenant_acme__event_archiving") FROM (WITH RECURSIVE taken (position, remaining) AS (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tenant_acme__events'), 0) + 1, ? - 1 UNION ALL SELECT position + 1, remaining - 1 FROM taken WHERE remaining > 0) SELECT position, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM taken) r;

-- events.save
INSERT INTO "tenant_acme__events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000), ? WHERE NOT (EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE id = ?) OR EXISTS (SELECT 1 FROM "tenant_acme__event_keys" WHERE event_id = ?)) AND NOT (EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?) OR EXISTS (SELECT 1 FROM "tenant_acme__event_keys" WHERE aggregate_type = ? AND aggregate_id = ? AND aggregate_version = ?)) ON CONFLICT DO NOTHING RETURNING position, aggregate_version, occurred_at, created_at;

-- events.saveNext
INSERT INTO "tenant_acme__events" (id,event_type,event_name,aggregate_type,aggregate_id,event_data,event_metadata,correlation_id,causation_id,triggered_by_user_id,context_id,occurred_at,aggregate_version) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000), (SELECT coalesce(max(last) + CASE max(last) WHEN 9223372036854775807 THEN 0 ELSE 1 END, 1) FROM (SELECT max(aggregate_version) AS last FROM "tenant_acme__events" WHERE aggregate_type = ? AND aggregate_id = ? UNION ALL SELECT max(aggregate_version) AS last FROM "tenant_acme__event_keys" WHERE aggregate_type = ? AND aggregate_id = ?) AS lasts) WHERE NOT (EXISTS (SELECT 1 FROM "tenant_acme__events" WHERE id = ?) OR EXISTS (SELECT 1 FROM "tenant_acme__event_keys" WHERE event_id = ?)) ON CONFLICT DO NOTHING RETURNING position, aggregate_version, occurred_at, created_at;

-- events.takenID
WITH taken AS MATERIALIZED (SELECT e.id, e.position FROM json_each(?) JOIN "tenant_acme__events" e ON e.id = value UNION ALL SELECT k.event_id, k.position FROM json_each(?) JOIN "tenant_acme__event_keys" k ON k.event_id = value) SELECT id FROM taken ORDER BY position LIMIT 1;

-- events.withoutContext
SELECT e.id, e.position, e.event_type, e.event_name, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_data, e.event_metadata, e.correlation_id, e.causation_id, e.triggered_by_user_id, e.context_id, e.occurred_at, e.created_at, p.processed_at FROM "tenant_acme__events" e LEFT JOIN "tenant_acme__event_processed" p ON p.position = e.position WHERE e.context_id IS NULL ORDER BY e.occurred_at DESC, e.position DESC LIMIT ?;

-- executions.byAction
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__action_executions" WHERE action_id = ? ORDER BY created_at DESC, id DESC LIMIT ?;

-- executions.byStatus
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__action_executions" WHERE status = ? ORDER BY created_at, id LIMIT ?;

-- executions.byStatusOfAction
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__action_executions" WHERE status = ? AND action_id = ? ORDER BY created_at, id LIMIT ?;

-- executions.claim
WITH open AS MATERIALIZED (SELECT id FROM "tenant_acme__action_executions" WHERE completed_at IS NULL AND (status <> 'running' OR lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) AND EXISTS (SELECT 1 FROM "tenant_acme__event_actions" a WHERE a.id = action_id AND a.status = 'active' AND a.is_enabled) ORDER BY priority DESC, created_at, id LIMIT ?) UPDATE "tenant_acme__action_executions" SET status = 'running', started_at = coalesce(started_at, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000), lease_token = ?, lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 + ?, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id IN (SELECT id FROM open) RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- executions.counts
SELECT status, count(*), CAST(sum(CASE WHEN retry_count > 0 THEN 1 ELSE 0 END) AS bigint), min(created_at), max(created_at) FROM "tenant_acme__action_executions" WHERE created_at >= ? AND action_id = ? GROUP BY +status ORDER BY status;

-- executions.countsOfAll
SELECT status, count(*), CAST(sum(CASE WHEN retry_count > 0 THEN 1 ELSE 0 END) AS bigint), min(created_at), max(created_at) FROM "tenant_acme__action_executions" WHERE created_at >= ? GROUP BY +status ORDER BY status;

-- executions.deleteOld
WITH old AS MATERIALIZED (SELECT id FROM "tenant_acme__action_executions" WHERE created_at < ? AND +status IN (SELECT value FROM json_each(?)) ORDER BY created_at, id LIMIT ?) DELETE FROM "tenant_acme__action_executions" WHERE id IN (SELECT id FROM old);

-- executions.durations
WITH ranked AS (SELECT duration_ms AS v, row_number() OVER (ORDER BY duration_ms) AS n, count(*) OVER () AS total FROM "tenant_acme__action_executions" WHERE created_at >= ? AND action_id = ? AND duration_ms IS NOT NULL) SELECT count(*), CAST(coalesce(sum(v), 0) AS bigint), coalesce(min(v), 0), coalesce(max(v), 0), coalesce(max(CASE WHEN n = (total * 50 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 95 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 99 + 99) / 100 THEN v END), 0) FROM ranked;

-- executions.durationsOfAll
WITH ranked AS (SELECT duration_ms AS v, row_number() OVER (ORDER BY duration_ms) AS n, count(*) OVER () AS total FROM "tenant_acme__action_executions" WHERE created_at >= ? AND duration_ms IS NOT NULL) SELECT count(*), CAST(coalesce(sum(v), 0) AS bigint), coalesce(min(v), 0), coalesce(max(v), 0), coalesce(max(CASE WHEN n = (total * 50 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 95 + 99) / 100 THEN v END), 0), coalesce(max(CASE WHEN n = (total * 99 + 99) / 100 THEN v END), 0) FROM ranked;

-- executions.failed
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__action_executions" WHERE retry_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 ORDER BY retry_at, id LIMIT ?;

-- executions.finish
UPDATE "tenant_acme__action_executions" SET status = ?, completed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, duration_ms = ?, result = ?, error_message = ?, retry_at = CASE WHEN ? THEN (SELECT CASE WHEN ? < a.max_retries THEN coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) + (CASE WHEN a.retry_delay_seconds * ? > 86400 THEN 86400 ELSE a.retry_delay_seconds * ? END) * 1000000 END FROM "tenant_acme__event_actions" a WHERE a.id = ?) END, lease_token = NULL, lease_until = NULL, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- executions.forUpdate
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 FROM "tenant_acme__action_executions" WHERE id = ?;

-- executions.recent
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__action_executions" WHERE created_at >= ? ORDER BY created_at DESC, id DESC LIMIT ?;

-- executions.retried
UPDATE "tenant_acme__action_executions" SET retry_at = NULL WHERE id = ?;

-- executions.table.byID
SELECT id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision FROM "tenant_acme__action_executions" WHERE id = ?;

-- executions.table.deleteRow
DELETE FROM "tenant_acme__action_executions" WHERE id = ?;

-- executions.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__action_executions" WHERE id = ?);

-- executions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__action_executions" WHERE id = ?), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__event_actions" r WHERE r.id = value)), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = value)), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__action_executions" r WHERE r.id = value)), EXISTS (SELECT 1 FROM "tenant_acme__action_executions" WHERE retry_of = ?);

-- executions.table.insertRow
INSERT INTO "tenant_acme__action_executions" (id,action_id,event_id,event_type,event_data,priority,status,started_at,completed_at,duration_ms,result,error_message,retry_count,retry_at,retry_of,execution_context) SELECT ?, ?, ?, ?, ?, (SELECT priority FROM "tenant_acme__event_actions" WHERE id = ?), ?, ?, CASE WHEN ? THEN coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) END, ?, ?, ?, ?, CASE WHEN ? THEN (SELECT CASE WHEN ? < a.max_retries THEN coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) + (CASE WHEN a.retry_delay_seconds * ? > 86400 THEN 86400 ELSE a.retry_delay_seconds * ? END) * 1000000 END FROM "tenant_acme__event_actions" a WHERE a.id = ?) END, ?, ? WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__event_actions" r WHERE r.id = value)) AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__events" r WHERE r.id = value)) AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__action_executions" r WHERE r.id = value)) ON CONFLICT DO NOTHING RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- executions.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__action_executions" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__action_executions" WHERE id = ? AND revision = ?);

-- executions.table.updateRow
UPDATE "tenant_acme__action_executions" SET status = ?, started_at = ?, completed_at = CASE WHEN ? THEN coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) END, duration_ms = ?, result = ?, error_message = ?, retry_at = CASE WHEN ? THEN (SELECT CASE WHEN ? < a.max_retries THEN coalesce(?, CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000) + (CASE WHEN a.retry_delay_seconds * ? > 86400 THEN 86400 ELSE a.retry_delay_seconds * ? END) * 1000000 END FROM "tenant_acme__event_actions" a WHERE a.id = ?) END, execution_context = ?, lease_token = CASE WHEN ? THEN NULL ELSE lease_token END, lease_until = CASE WHEN ? THEN NULL ELSE lease_until END, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 RETURNING id, action_id, event_id, event_type, event_data, priority, status, started_at, completed_at, duration_ms, result, error_message, retry_count, retry_at, retry_of, execution_context, lease_token, lease_until, created_at, updated_at, revision;

-- now
SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000;

-- subscriptions.all.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE 1 = 1 AND is_active ORDER BY created_at, id LIMIT ?;

-- subscriptions.all.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE 1 = 1 ORDER BY created_at, id LIMIT ?;

-- subscriptions.byContext.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE context_id = ? AND is_active ORDER BY created_at, id LIMIT ?;

-- subscriptions.byContext.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE context_id = ? ORDER BY created_at, id LIMIT ?;

-- subscriptions.byEndpoint.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE endpoint_id = ? AND is_active ORDER BY created_at, id LIMIT ?;

-- subscriptions.byEndpoint.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE endpoint_id = ? ORDER BY created_at, id LIMIT ?;

-- subscriptions.byEventType.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE event_type = ? AND is_active ORDER BY created_at, id LIMIT ?;

-- subscriptions.byEventType.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE event_type = ? ORDER BY created_at, id LIMIT ?;

-- subscriptions.matching
SELECT s.id, s.endpoint_id, s.event_type_id, s.event_type, s.event_filters, s.is_active, s.context_id, s.subscription_name, s.description, s.last_triggered_at, s.created_at, s.updated_at, s.revision FROM (SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE is_active AND event_type IN (SELECT value FROM json_each(?)) AND context_id IS NULL) s JOIN "tenant_acme__webhook_endpoints" e ON e.id = s.endpoint_id WHERE e.is_active AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme__webhook_event_types" t WHERE t.id = s.event_type_id), TRUE) AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme__webhook_event_types" t WHERE t.event_type = ?), TRUE) ORDER BY +s.created_at, s.id;

-- subscriptions.matchingOfContext
SELECT s.id, s.endpoint_id, s.event_type_id, s.event_type, s.event_filters, s.is_active, s.context_id, s.subscription_name, s.description, s.last_triggered_at, s.created_at, s.updated_at, s.revision FROM (SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE is_active AND event_type IN (SELECT value FROM json_each(?)) AND context_id IS NULL UNION ALL SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE is_active AND event_type IN (SELECT value FROM json_each(?)) AND context_id = ?) s JOIN "tenant_acme__webhook_endpoints" e ON e.id = s.endpoint_id WHERE e.is_active AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme__webhook_event_types" t WHERE t.id = s.event_type_id), TRUE) AND coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM "tenant_acme__webhook_event_types" t WHERE t.event_type = ?), TRUE) ORDER BY +s.created_at, s.id;

-- subscriptions.table.byID
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE id = ?;

-- subscriptions.table.deleteRow
DELETE FROM "tenant_acme__webhook_subscriptions" WHERE id = ?;

-- subscriptions.table.exists
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_subscriptions" WHERE id = ?);

-- subscriptions.table.insertExplained
SELECT EXISTS (SELECT 1 FROM "tenant_acme__webhook_subscriptions" WHERE id = ?), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" r WHERE r.id = value)), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" r WHERE r.id = value));

-- subscriptions.table.insertRow
INSERT INTO "tenant_acme__webhook_subscriptions" (id,endpoint_id,event_type_id,event_type,event_filters,is_active,context_id,subscription_name,description) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE 1 = 1 AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" r WHERE r.id = value)) AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" r WHERE r.id = value)) ON CONFLICT DO NOTHING RETURNING id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision;

-- subscriptions.table.updateExplained
SELECT NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_subscriptions" WHERE id = ?), NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_subscriptions" WHERE id = ? AND revision = ?), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" r WHERE r.id = value)), EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" r WHERE r.id = value));

-- subscriptions.table.updateRow
UPDATE "tenant_acme__webhook_subscriptions" SET endpoint_id = ?, event_type_id = ?, event_type = ?, event_filters = ?, is_active = ?, context_id = ?, subscription_name = ?, description = ?, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000, revision = revision + 1 WHERE id = ? AND revision = ? AND 1 = 1 AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_endpoints" r WHERE r.id = value)) AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM "tenant_acme__webhook_event_types" r WHERE r.id = value)) RETURNING id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision;

-- subscriptions.triggered
WITH given AS MATERIALIZED (SELECT id FROM "tenant_acme__webhook_subscriptions" WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id) UPDATE "tenant_acme__webhook_subscriptions" SET last_triggered_at = CASE WHEN last_triggered_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 THEN last_triggered_at ELSE CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 END WHERE id IN (SELECT id FROM given);

-- subscriptions.withoutContext.active
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE context_id IS NULL AND is_active ORDER BY created_at, id LIMIT ?;

-- subscriptions.withoutContext.all
SELECT id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description, last_triggered_at, created_at, updated_at, revision FROM "tenant_acme__webhook_subscriptions" WHERE context_id IS NULL ORDER BY created_at, id LIMIT ?;

-- unknownKey
SELECT key_id FROM "tenant_acme__webhook_endpoints" WHERE key_id <> '' AND NOT (key_id IN (SELECT value FROM json_each(?))) LIMIT 1;

