-- What is to be done when events happen. priority is a rank, 1 (low) to 4 (critical).
CREATE TABLE {{table "event_actions"}} (
    id                  TEXT    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    handler_type        TEXT    NOT NULL,
    configuration       TEXT    NOT NULL,
    event_types         TEXT    NOT NULL,
    conditions          TEXT    NOT NULL,
    context_filters     TEXT    NOT NULL,
    execution_mode      TEXT    NOT NULL CHECK (execution_mode IN ('sync', 'async', 'queued')),
    priority            INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),
    timeout_seconds     INTEGER NOT NULL CHECK (timeout_seconds > 0),
    max_retries         INTEGER NOT NULL CHECK (max_retries >= 0),
    retry_delay_seconds INTEGER NOT NULL CHECK (retry_delay_seconds > 0),
    status              TEXT    NOT NULL CHECK (status IN ('active', 'inactive', 'paused', 'archived')),
    is_enabled          INTEGER NOT NULL,
    tags                TEXT    NOT NULL,
    tenant_id           TEXT,
    created_by_user_id  TEXT,
    created_at          INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at          INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    last_triggered_at   INTEGER,
    trigger_count       INTEGER NOT NULL DEFAULT 0,
    success_count       INTEGER NOT NULL DEFAULT 0 CHECK (success_count >= 0),
    failure_count       INTEGER NOT NULL DEFAULT 0 CHECK (failure_count >= 0),
    revision            INTEGER NOT NULL DEFAULT 1,
    CHECK (success_count + failure_count <= trigger_count)
) STRICT;
CREATE INDEX {{table "event_actions_order_idx"}} ON {{table "event_actions"}} (priority DESC, created_at, id);
CREATE INDEX {{table "event_actions_handler_idx"}} ON {{table "event_actions"}} (handler_type, priority DESC, created_at, id);
CREATE INDEX {{table "event_actions_tenant_idx"}} ON {{table "event_actions"}} (tenant_id, priority DESC, created_at, id);

-- The actions of a type or pattern: event_types again, for looking up.
CREATE TABLE {{table "event_action_types"}} (
    event_type TEXT    NOT NULL,
    action_id  TEXT    NOT NULL REFERENCES {{table "event_actions"}} (id) ON DELETE CASCADE,
    PRIMARY KEY (event_type, action_id)
) STRICT;
CREATE INDEX {{table "event_action_types_action_idx"}} ON {{table "event_action_types"}} (action_id);

-- Runs of actions. They outlive the action and the event: history has no foreign keys to what may
-- go, and is checked when it is written. priority is the action's when the run was saved. What is
-- to be tried again has a retry_at.
CREATE TABLE {{table "action_executions"}} (
    id                TEXT    NOT NULL PRIMARY KEY,
    action_id         TEXT    NOT NULL,
    event_id          TEXT,
    event_type        TEXT    NOT NULL,
    event_data        TEXT    NOT NULL,
    priority          INTEGER NOT NULL,
    status            TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'timeout', 'cancelled')),
    started_at        INTEGER,
    completed_at      INTEGER,
    duration_ms       INTEGER,
    result            TEXT,
    error_message     TEXT    NOT NULL,
    retry_count       INTEGER NOT NULL CHECK (retry_count >= 0),
    retry_at          INTEGER,
    retry_of          TEXT    UNIQUE,
    execution_context TEXT    NOT NULL,
    lease_token       TEXT,
    lease_until       INTEGER,
    created_at        INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at        INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision          INTEGER NOT NULL DEFAULT 1,
    CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL))
) STRICT;
CREATE INDEX {{table "action_executions_action_idx"}} ON {{table "action_executions"}} (action_id, created_at, id);
CREATE INDEX {{table "action_executions_action_status_idx"}} ON {{table "action_executions"}} (action_id, status, created_at, id);
CREATE INDEX {{table "action_executions_status_idx"}} ON {{table "action_executions"}} (status, created_at, id);
CREATE INDEX {{table "action_executions_created_idx"}} ON {{table "action_executions"}} (created_at, id);
CREATE INDEX {{table "action_executions_open_idx"}} ON {{table "action_executions"}} (priority DESC, created_at, id) WHERE completed_at IS NULL;
CREATE INDEX {{table "action_executions_open_of_action_idx"}} ON {{table "action_executions"}} (action_id) WHERE completed_at IS NULL;
CREATE INDEX {{table "action_executions_retry_idx"}} ON {{table "action_executions"}} (retry_at, id) WHERE retry_at IS NOT NULL;
