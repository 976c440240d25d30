-- Where webhooks are sent to. The key covers what matching asks of an endpoint. secret_token,
-- previous_secret_token and custom_headers are sealed under the key key_id ('': stored plain).
CREATE TABLE {{table "webhook_endpoints"}} (
    id                       uuid        NOT NULL,
    name                     text        NOT NULL,
    description              text        NOT NULL,
    endpoint_url             text        NOT NULL,
    http_method              text        NOT NULL CHECK (http_method IN ('POST', 'PUT', 'PATCH')),
    key_id                   text        NOT NULL,
    secret_token             text        NOT NULL,
    previous_secret_token    text,
    previous_secret_until    timestamptz,
    custom_headers           text        NOT NULL,
    signature_header         text        NOT NULL,
    timeout_seconds          integer     NOT NULL CHECK (timeout_seconds > 0),
    follow_redirects         boolean     NOT NULL,
    verify_ssl               boolean     NOT NULL,
    max_retry_attempts       integer     NOT NULL CHECK (max_retry_attempts >= 0),
    retry_backoff_seconds    integer     NOT NULL CHECK (retry_backoff_seconds > 0),
    retry_backoff_multiplier double precision NOT NULL CHECK (retry_backoff_multiplier >= 1),
    retry_jitter             boolean     NOT NULL,
    disable_after_failures   integer     NOT NULL,
    disable_after_days       integer     NOT NULL,
    is_active                boolean     NOT NULL,
    is_verified              boolean     NOT NULL DEFAULT false,
    verified_at              timestamptz,
    last_used_at             timestamptz,
    consecutive_failures     integer     NOT NULL DEFAULT 0,
    failing_since            timestamptz,
    disabled_at              timestamptz,
    disabled_reason          text        NOT NULL DEFAULT '',
    created_by_user_id       uuid,
    context_id               uuid,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    revision                 bigint      NOT NULL DEFAULT 1,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id) INCLUDE (is_active, is_verified)
) WITH (fillfactor = 80);
CREATE INDEX webhook_endpoints_context_idx ON {{table "webhook_endpoints"}} (context_id, created_at, id);
CREATE INDEX webhook_endpoints_active_idx ON {{table "webhook_endpoints"}} (created_at, id) WHERE is_active;
CREATE INDEX webhook_endpoints_key_idx ON {{table "webhook_endpoints"}} (key_id, id);

-- What the types of events are that subscribers can ask for. The keys cover what matching asks.
CREATE TABLE {{table "webhook_event_types"}} (
    id                    uuid        NOT NULL,
    event_type            text        NOT NULL,
    category              text        NOT NULL,
    display_name          text        NOT NULL,
    description           text        NOT NULL,
    is_enabled            boolean     NOT NULL,
    requires_verification boolean     NOT NULL,
    payload_schema        text,
    example_payload       text,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    revision              bigint      NOT NULL DEFAULT 1,
    CONSTRAINT webhook_event_types_pkey PRIMARY KEY (id) INCLUDE (is_enabled, requires_verification),
    CONSTRAINT webhook_event_types_event_type_key UNIQUE (event_type) INCLUDE (is_enabled, requires_verification)
);
CREATE INDEX webhook_event_types_category_idx ON {{table "webhook_event_types"}} (category COLLATE "C", event_type COLLATE "C");

-- Which events go to which endpoint. The matching index has all that matching selects and sorts by.
CREATE TABLE {{table "webhook_subscriptions"}} (
    id                uuid        PRIMARY KEY,
    endpoint_id       uuid        NOT NULL CONSTRAINT webhook_subscriptions_endpoint_fkey
                                  REFERENCES {{table "webhook_endpoints"}} (id) ON DELETE CASCADE,
    event_type_id     uuid        CONSTRAINT webhook_subscriptions_event_type_fkey
                                  REFERENCES {{table "webhook_event_types"}} (id),
    event_type        text        NOT NULL,
    event_filters     text        NOT NULL,
    is_active         boolean     NOT NULL,
    context_id        uuid,
    subscription_name text        NOT NULL,
    description       text        NOT NULL,
    last_triggered_at timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    revision          bigint      NOT NULL DEFAULT 1
) WITH (fillfactor = 80);
CREATE INDEX webhook_subscriptions_matching_idx ON {{table "webhook_subscriptions"}} (event_type, context_id, created_at, id)
    INCLUDE (endpoint_id, event_type_id) WHERE is_active;
CREATE INDEX webhook_subscriptions_type_idx ON {{table "webhook_subscriptions"}} (event_type, created_at, id);
CREATE INDEX webhook_subscriptions_endpoint_idx ON {{table "webhook_subscriptions"}} (endpoint_id, created_at, id);
CREATE INDEX webhook_subscriptions_context_idx ON {{table "webhook_subscriptions"}} (context_id, created_at, id);
CREATE INDEX webhook_subscriptions_active_idx ON {{table "webhook_subscriptions"}} (created_at, id) WHERE is_active;
CREATE INDEX webhook_subscriptions_event_type_idx ON {{table "webhook_subscriptions"}} (event_type_id) WHERE event_type_id IS NOT NULL;

-- One event to one endpoint. They outlive both: history has no foreign keys to what may go, and is
-- checked when it is written. What is due has a next_retry_at; it is parked while its endpoint is
-- not active, so that it is in nobody's way.
CREATE TABLE {{table "webhook_deliveries"}} (
    id                       uuid        PRIMARY KEY,
    endpoint_id              uuid        NOT NULL,
    event_id                 uuid        NOT NULL,
    status                   text        NOT NULL CHECK (status IN ('pending', 'retrying', 'success', 'failed', 'cancelled')),
    attempt_count            integer     NOT NULL CHECK (attempt_count >= 0),
    max_attempts             integer     NOT NULL CHECK (max_attempts >= 1),
    retry_backoff_seconds    integer     NOT NULL,
    retry_backoff_multiplier double precision NOT NULL,
    retry_jitter             boolean     NOT NULL,
    next_retry_at            timestamptz,
    is_parked                boolean     NOT NULL DEFAULT false,
    max_attempts_reached     boolean     NOT NULL,
    replay_of                uuid        CONSTRAINT webhook_deliveries_replay_fkey REFERENCES {{table "webhook_deliveries"}} (id),
    cancel_reason            text        NOT NULL,
    lease_token              uuid,
    lease_until              timestamptz,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    completed_at             timestamptz,
    CHECK ((status IN ('pending', 'retrying')) = (next_retry_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX webhook_deliveries_original_key ON {{table "webhook_deliveries"}} (endpoint_id, event_id) WHERE replay_of IS NULL;
CREATE INDEX webhook_deliveries_due_idx ON {{table "webhook_deliveries"}} (next_retry_at, id) WHERE next_retry_at IS NOT NULL AND NOT is_parked;
CREATE INDEX webhook_deliveries_open_idx ON {{table "webhook_deliveries"}} (endpoint_id) WHERE next_retry_at IS NOT NULL;
CREATE INDEX webhook_deliveries_endpoint_idx ON {{table "webhook_deliveries"}} (endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_failed_idx ON {{table "webhook_deliveries"}} (endpoint_id, completed_at) WHERE status = 'failed';
CREATE INDEX webhook_deliveries_event_idx ON {{table "webhook_deliveries"}} (event_id, created_at, id);
CREATE INDEX webhook_deliveries_replay_idx ON {{table "webhook_deliveries"}} (replay_of) WHERE replay_of IS NOT NULL;

-- What was sent and what came back: append-only.
CREATE TABLE {{table "webhook_delivery_attempts"}} (
    delivery_id             uuid        NOT NULL CONSTRAINT webhook_delivery_attempts_delivery_fkey
                                        REFERENCES {{table "webhook_deliveries"}} (id) ON DELETE CASCADE,
    number                  integer     NOT NULL CHECK (number >= 1),
    status                  text        NOT NULL CHECK (status IN ('success', 'failed', 'timeout')),
    request_url             text        NOT NULL,
    request_method          text        NOT NULL,
    request_headers         text        NOT NULL,
    request_body            text        {{if has "lz4"}}COMPRESSION lz4 {{end}}NOT NULL,
    request_signature       text        NOT NULL,
    response_status_code    integer,
    response_headers        text        NOT NULL,
    response_body           text        {{if has "lz4"}}COMPRESSION lz4 {{end}}NOT NULL,
    response_body_truncated boolean     NOT NULL,
    response_time_ms        bigint,
    error_message           text        NOT NULL,
    error_code              text        NOT NULL,
    attempted_at            timestamptz NOT NULL,
    completed_at            timestamptz NOT NULL,
    CONSTRAINT webhook_delivery_attempts_pkey PRIMARY KEY (delivery_id, number)
);
