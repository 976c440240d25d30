-- Domain events: append-only, never updated. position is the order of the schema;
-- AUTOINCREMENT keeps it from being used again after the newest events were archived.
-- Ids are text, readable in the shell; times are microseconds since 1970, UTC.
CREATE TABLE {{table "events"}} (
    position             INTEGER PRIMARY KEY AUTOINCREMENT,
    id                   TEXT    NOT NULL UNIQUE,
    event_type           TEXT    NOT NULL,
    event_name           TEXT    NOT NULL,
    aggregate_type       TEXT    NOT NULL,
    aggregate_id         TEXT    NOT NULL,
    aggregate_version    INTEGER NOT NULL CHECK (aggregate_version >= 1),
    event_data           TEXT    NOT NULL,
    event_metadata       TEXT    NOT NULL,
    correlation_id       TEXT,
    causation_id         TEXT,
    triggered_by_user_id TEXT,
    context_id           TEXT,
    occurred_at          INTEGER NOT NULL,
    created_at           INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    UNIQUE (aggregate_type, aggregate_id, aggregate_version)
) STRICT;
CREATE INDEX {{table "events_type_idx"}} ON {{table "events"}} (event_type, occurred_at, position);
CREATE INDEX {{table "events_context_idx"}} ON {{table "events"}} (context_id, occurred_at, position) WHERE context_id IS NOT NULL;
CREATE INDEX {{table "events_no_context_idx"}} ON {{table "events"}} (occurred_at, position) WHERE context_id IS NULL;
CREATE INDEX {{table "events_correlation_idx"}} ON {{table "events"}} (correlation_id, occurred_at, position) WHERE correlation_id IS NOT NULL;
CREATE INDEX {{table "events_occurred_idx"}} ON {{table "events"}} (occurred_at);

-- The events that wait to be processed: one narrow row each, with the event's id, so that marking
-- by id never reads the wide rows.
CREATE TABLE {{table "event_queue"}} (
    position    INTEGER PRIMARY KEY,
    event_id    TEXT    NOT NULL UNIQUE,
    lease_until INTEGER,
    lease_token TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- When each event was processed: append-only.
CREATE TABLE {{table "event_processed"}} (
    position     INTEGER PRIMARY KEY,
    processed_at INTEGER NOT NULL
) STRICT;
