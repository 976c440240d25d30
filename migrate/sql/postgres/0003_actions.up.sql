-- What is to be done when events happen. priority is a rank, 1 (low) to 4 (critical).
CREATE TABLE {{table "event_actions"}} (
    id                  uuid        PRIMARY KEY,
    name                text        NOT NULL,
    description         text        NOT NULL,
    handler_type        text        NOT NULL,
    configuration       text        NOT NULL,
    event_types         text        NOT NULL,
    conditions          text        NOT NULL,
    context_filters     text        NOT NULL,
    execution_mode      text        NOT NULL CHECK (execution_mode IN ('sync', 'async', 'queued')),
    priority            integer     NOT NULL CHECK (priority BETWEEN 1 AND 4),
    timeout_seconds     integer     NOT NULL CHECK (timeout_seconds > 0),
    max_retries         integer     NOT NULL CHECK (max_retries >= 0),
    retry_delay_seconds integer     NOT NULL CHECK (retry_delay_seconds > 0),
    status              text        NOT NULL CHECK (status IN ('active', 'inactive', 'paused', 'archived')),
    is_enabled          boolean     NOT NULL,
    tags                text        NOT NULL,
    tenant_id           uuid,
    created_by_user_id  uuid,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    last_triggered_at   timestamptz,
    trigger_count       bigint      NOT NULL DEFAULT 0,
    success_count       bigint      NOT NULL DEFAULT 0 CHECK (success_count >= 0),
    failure_count       bigint      NOT NULL DEFAULT 0 CHECK (failure_count >= 0),
    revision            bigint      NOT NULL DEFAULT 1,
    CHECK (success_count + failure_count <= trigger_count)
) WITH (fillfactor = 80);
CREATE INDEX event_actions_order_idx ON {{table "event_actions"}} (priority DESC, created_at, id);
CREATE INDEX event_actions_handler_idx ON {{table "event_actions"}} (handler_type, priority DESC, created_at, id);
CREATE INDEX event_actions_tenant_idx ON {{table "event_actions"}} (tenant_id, priority DESC, created_at, id);

-- The actions of a type or pattern: event_types again, for looking up.
CREATE TABLE {{table "event_action_types"}} (
    event_type text NOT NULL,
    action_id  uuid NOT NULL CONSTRAINT event_action_types_action_fkey
                    REFERENCES {{table "event_actions"}} (id) ON DELETE CASCADE,
    CONSTRAINT event_action_types_pkey PRIMARY KEY (event_type, action_id)
);
CREATE INDEX event_action_types_action_idx ON {{table "event_action_types"}} (action_id);

-- Runs of actions. They outlive the action and the event: history has no foreign keys to what may
-- go, and is checked when it is written. priority is the action's when the run was saved. What is
-- to be tried again has a retry_at.
CREATE TABLE {{table "action_executions"}} (
    id                uuid        PRIMARY KEY,
    action_id         uuid        NOT NULL,
    event_id          uuid,
    event_type        text        NOT NULL,
    event_data        text        {{if has "lz4"}}COMPRESSION lz4 {{end}}NOT NULL,
    priority          integer     NOT NULL,
    status            text        NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'timeout', 'cancelled')),
    started_at        timestamptz,
    completed_at      timestamptz,
    duration_ms       bigint,
    result            text        {{if has "lz4"}}COMPRESSION lz4 {{end}},
    error_message     text        NOT NULL,
    retry_count       integer     NOT NULL CHECK (retry_count >= 0),
    retry_at          timestamptz,
    retry_of          uuid        CONSTRAINT action_executions_retry_of_key UNIQUE,
    execution_context text        NOT NULL,
    lease_token       uuid,
    lease_until       timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    revision          bigint      NOT NULL DEFAULT 1,
    CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX action_executions_action_idx ON {{table "action_executions"}} (action_id, created_at, id);
CREATE INDEX action_executions_action_status_idx ON {{table "action_executions"}} (action_id, status, created_at, id);
CREATE INDEX action_executions_status_idx ON {{table "action_executions"}} (status, created_at, id);
CREATE INDEX action_executions_created_idx ON {{table "action_executions"}} (created_at, id);
CREATE INDEX action_executions_open_idx ON {{table "action_executions"}} (priority DESC, created_at, id) WHERE completed_at IS NULL;
CREATE INDEX action_executions_open_of_action_idx ON {{table "action_executions"}} (action_id) WHERE completed_at IS NULL;
CREATE INDEX action_executions_retry_idx ON {{table "action_executions"}} (retry_at, id) WHERE retry_at IS NOT NULL;
