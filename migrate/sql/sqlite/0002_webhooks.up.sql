-- Where webhooks are sent to. The key covers what matching asks of an endpoint. secret_token,
-- previous_secret_token and custom_headers are sealed under the key key_id ('': stored plain).
CREATE TABLE {{table "webhook_endpoints"}} (
    id                       TEXT    NOT NULL,
    name                     TEXT    NOT NULL,
    description              TEXT    NOT NULL,
    endpoint_url             TEXT    NOT NULL,
    http_method              TEXT    NOT NULL CHECK (http_method IN ('POST', 'PUT', 'PATCH')),
    key_id                   TEXT    NOT NULL,
    secret_token             TEXT    NOT NULL,
    previous_secret_token    TEXT,
    previous_secret_until    INTEGER,
    custom_headers           TEXT    NOT NULL,
    signature_header         TEXT    NOT NULL,
    timeout_seconds          INTEGER NOT NULL CHECK (timeout_seconds > 0),
    follow_redirects         INTEGER NOT NULL,
    verify_ssl               INTEGER NOT NULL,
    max_retry_attempts       INTEGER NOT NULL CHECK (max_retry_attempts >= 0),
    retry_backoff_seconds    INTEGER NOT NULL CHECK (retry_backoff_seconds > 0),
    retry_backoff_multiplier REAL    NOT NULL CHECK (retry_backoff_multiplier >= 1),
    retry_jitter             INTEGER NOT NULL,
    disable_after_failures   INTEGER NOT NULL,
    disable_after_days       INTEGER NOT NULL,
    is_active                INTEGER NOT NULL,
    is_verified              INTEGER NOT NULL DEFAULT 0,
    verified_at              INTEGER,
    last_used_at             INTEGER,
    consecutive_failures     INTEGER NOT NULL DEFAULT 0,
    failing_since            INTEGER,
    disabled_at              INTEGER,
    disabled_reason          TEXT    NOT NULL DEFAULT '',
    created_by_user_id       TEXT,
    context_id               TEXT,
    created_at               INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at               INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision                 INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (id)
) STRICT;
CREATE INDEX {{table "webhook_endpoints_context_idx"}} ON {{table "webhook_endpoints"}} (context_id, created_at, id);
CREATE INDEX {{table "webhook_endpoints_active_idx"}} ON {{table "webhook_endpoints"}} (created_at, id) WHERE is_active;
CREATE INDEX {{table "webhook_endpoints_key_idx"}} ON {{table "webhook_endpoints"}} (key_id, id);

-- What the types of events are that subscribers can ask for. The keys cover what matching asks.
CREATE TABLE {{table "webhook_event_types"}} (
    id                    TEXT    NOT NULL,
    event_type            TEXT    NOT NULL,
    category              TEXT    NOT NULL,
    display_name          TEXT    NOT NULL,
    description           TEXT    NOT NULL,
    is_enabled            INTEGER NOT NULL,
    requires_verification INTEGER NOT NULL,
    payload_schema        TEXT,
    example_payload       TEXT,
    created_at            INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at            INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision              INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    UNIQUE (event_type)
) STRICT;
CREATE INDEX {{table "webhook_event_types_category_idx"}} ON {{table "webhook_event_types"}} (category, event_type);

-- Which events go to which endpoint. The matching index has all that matching selects and sorts by.
CREATE TABLE {{table "webhook_subscriptions"}} (
    id                TEXT    NOT NULL PRIMARY KEY,
    endpoint_id       TEXT    NOT NULL REFERENCES {{table "webhook_endpoints"}} (id) ON DELETE CASCADE,
    event_type_id     TEXT    REFERENCES {{table "webhook_event_types"}} (id),
    event_type        TEXT    NOT NULL,
    event_filters     TEXT    NOT NULL,
    is_active         INTEGER NOT NULL,
    context_id        TEXT,
    subscription_name TEXT    NOT NULL,
    description       TEXT    NOT NULL,
    last_triggered_at INTEGER,
    created_at        INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at        INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision          INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX {{table "webhook_subscriptions_matching_idx"}} ON {{table "webhook_subscriptions"}} (event_type, context_id, created_at, id) WHERE is_active;
CREATE INDEX {{table "webhook_subscriptions_type_idx"}} ON {{table "webhook_subscriptions"}} (event_type, created_at, id);
CREATE INDEX {{table "webhook_subscriptions_endpoint_idx"}} ON {{table "webhook_subscriptions"}} (endpoint_id, created_at, id);
CREATE INDEX {{table "webhook_subscriptions_context_idx"}} ON {{table "webhook_subscriptions"}} (context_id, created_at, id);
CREATE INDEX {{table "webhook_subscriptions_active_idx"}} ON {{table "webhook_subscriptions"}} (created_at, id) WHERE is_active;
CREATE INDEX {{table "webhook_subscriptions_event_type_idx"}} ON {{table "webhook_subscriptions"}} (event_type_id) WHERE event_type_id IS NOT NULL;

-- One event to one endpoint. They outlive both: history has no foreign keys to what may go, and is
-- checked when it is written. What is due has a next_retry_at; it is parked while its endpoint is
-- not active, so that it is in nobody's way.
CREATE TABLE {{table "webhook_deliveries"}} (
    id                       TEXT    NOT NULL PRIMARY KEY,
    endpoint_id              TEXT    NOT NULL,
    event_id                 TEXT    NOT NULL,
    status                   TEXT    NOT NULL CHECK (status IN ('pending', 'retrying', 'success', 'failed', 'cancelled')),
    attempt_count            INTEGER NOT NULL CHECK (attempt_count >= 0),
    max_attempts             INTEGER NOT NULL CHECK (max_attempts >= 1),
    retry_backoff_seconds    INTEGER NOT NULL,
    retry_backoff_multiplier REAL    NOT NULL,
    retry_jitter             INTEGER NOT NULL,
    next_retry_at            INTEGER,
    is_parked                INTEGER NOT NULL DEFAULT 0,
    max_attempts_reached     INTEGER NOT NULL,
    replay_of                TEXT    REFERENCES {{table "webhook_deliveries"}} (id),
    cancel_reason            TEXT    NOT NULL,
    lease_token              TEXT,
    lease_until              INTEGER,
    created_at               INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at               INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    completed_at             INTEGER,
    CHECK ((status IN ('pending', 'retrying')) = (next_retry_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX {{table "webhook_deliveries_original_key"}} ON {{table "webhook_deliveries"}} (endpoint_id, event_id) WHERE replay_of IS NULL;
CREATE INDEX {{table "webhook_deliveries_due_idx"}} ON {{table "webhook_deliveries"}} (next_retry_at, id) WHERE next_retry_at IS NOT NULL AND NOT is_parked;
CREATE INDEX {{table "webhook_deliveries_open_idx"}} ON {{table "webhook_deliveries"}} (endpoint_id) WHERE next_retry_at IS NOT NULL;
CREATE INDEX {{table "webhook_deliveries_endpoint_idx"}} ON {{table "webhook_deliveries"}} (endpoint_id, created_at, id);
CREATE INDEX {{table "webhook_deliveries_failed_idx"}} ON {{table "webhook_deliveries"}} (endpoint_id, completed_at) WHERE status = 'failed';
CREATE INDEX {{table "webhook_deliveries_event_idx"}} ON {{table "webhook_deliveries"}} (event_id, created_at, id);
CREATE INDEX {{table "webhook_deliveries_replay_idx"}} ON {{table "webhook_deliveries"}} (replay_of) WHERE replay_of IS NOT NULL;

-- What was sent and what came back: append-only.
CREATE TABLE {{table "webhook_delivery_attempts"}} (
    delivery_id             TEXT    NOT NULL REFERENCES {{table "webhook_deliveries"}} (id) ON DELETE CASCADE,
    number                  INTEGER NOT NULL CHECK (number >= 1),
    status                  TEXT    NOT NULL CHECK (status IN ('success', 'failed', 'timeout')),
    request_url             TEXT    NOT NULL,
    request_method          TEXT    NOT NULL,
    request_headers         TEXT    NOT NULL,
    request_body            TEXT    NOT NULL,
    request_signature       TEXT    NOT NULL,
    response_status_code    INTEGER,
    response_headers        TEXT    NOT NULL,
    response_body           TEXT    NOT NULL,
    response_body_truncated INTEGER NOT NULL,
    response_time_ms        INTEGER,
    error_message           TEXT    NOT NULL,
    error_code              TEXT    NOT NULL,
    attempted_at            INTEGER NOT NULL,
    completed_at            INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT;
