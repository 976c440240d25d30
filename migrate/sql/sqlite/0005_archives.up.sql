-- Files of events that left the store. They outlive the rule and the job that they were made for.
CREATE TABLE {{table "event_archives"}} (
    id                     TEXT    NOT NULL PRIMARY KEY,
    name                   TEXT    NOT NULL,
    description            TEXT    NOT NULL,
    policy                 TEXT    NOT NULL,
    storage_type           TEXT    NOT NULL,
    storage_location       TEXT    NOT NULL,
    object_name            TEXT    NOT NULL,
    status                 TEXT    NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'restored', 'deleted')),
    rule_id                TEXT,
    job_id                 TEXT,
    event_count            INTEGER NOT NULL DEFAULT 0,
    restored_count         INTEGER NOT NULL DEFAULT 0 CHECK (restored_count BETWEEN 0 AND event_count),
    first_position         INTEGER NOT NULL DEFAULT 0,
    last_position          INTEGER NOT NULL DEFAULT 0,
    events_from            INTEGER,
    events_to              INTEGER,
    event_types            TEXT    NOT NULL DEFAULT '[]',
    context_ids            TEXT    NOT NULL DEFAULT '[]',
    raw_bytes              INTEGER NOT NULL DEFAULT 0,
    size_bytes             INTEGER NOT NULL DEFAULT 0,
    checksum               TEXT    NOT NULL DEFAULT '',
    key_id                 TEXT    NOT NULL DEFAULT '',
    retention_days         INTEGER NOT NULL CHECK (retention_days >= 0),
    auto_delete_after_days INTEGER NOT NULL CHECK (auto_delete_after_days >= 0),
    created_by_user_id     TEXT,
    tags                   TEXT    NOT NULL,
    error_message          TEXT    NOT NULL DEFAULT '',
    lease_token            TEXT,
    lease_until            INTEGER,
    archived_at            INTEGER,
    restored_at            INTEGER,
    deleted_at             INTEGER,
    created_at             INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at             INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision               INTEGER NOT NULL DEFAULT 1,
    CHECK ((status = 'in_progress') = (lease_token IS NOT NULL))
) STRICT;
-- None is for one status only: SQLite would take the one by status before it.
CREATE INDEX {{table "event_archives_status_idx"}} ON {{table "event_archives"}} (status, created_at, id);
CREATE INDEX {{table "event_archives_events_idx"}} ON {{table "event_archives"}} (status, events_from, id, events_to);
CREATE INDEX {{table "event_archives_position_idx"}} ON {{table "event_archives"}} (status, first_position, id, last_position);
CREATE INDEX {{table "event_archives_expiry_idx"}} ON {{table "event_archives"}} (archived_at, id) WHERE auto_delete_after_days > 0;

-- The events that an archive in progress is made of.
CREATE TABLE {{table "event_archiving"}} (
    position   INTEGER NOT NULL PRIMARY KEY,
    archive_id TEXT    NOT NULL
) STRICT;
CREATE INDEX {{table "event_archiving_archive_idx"}} ON {{table "event_archiving"}} (archive_id, position);

-- The ids and versions of events that are in an archive, or were in one that was deleted: they stay
-- taken, for good. It is narrow; without archives it is empty.
CREATE TABLE {{table "event_keys"}} (
    position          INTEGER NOT NULL,
    aggregate_version INTEGER NOT NULL,
    event_id          TEXT    NOT NULL PRIMARY KEY,
    archive_id        TEXT    NOT NULL,
    aggregate_id      TEXT    NOT NULL,
    aggregate_type    TEXT    NOT NULL,
    UNIQUE (aggregate_id, aggregate_type, aggregate_version)
) STRICT;

-- Which events are archived, and when. Lists are JSON.
CREATE TABLE {{table "event_archive_rules"}} (
    id                     TEXT    NOT NULL PRIMARY KEY,
    name                   TEXT    NOT NULL UNIQUE,
    description            TEXT    NOT NULL,
    policy                 TEXT    NOT NULL,
    include_types          TEXT    NOT NULL,
    exclude_types          TEXT    NOT NULL,
    include_contexts       TEXT    NOT NULL,
    exclude_contexts       TEXT    NOT NULL,
    archive_after_days     INTEGER NOT NULL,
    max_event_count        INTEGER NOT NULL,
    max_table_bytes        INTEGER NOT NULL,
    past_consumers         INTEGER NOT NULL,
    schedule               TEXT    NOT NULL,
    storage_type           TEXT    NOT NULL,
    location_template      TEXT    NOT NULL,
    encrypt                INTEGER NOT NULL,
    retention_days         INTEGER NOT NULL,
    auto_delete_after_days INTEGER NOT NULL,
    is_enabled             INTEGER NOT NULL,
    created_by_user_id     TEXT,
    next_run_at            INTEGER,
    last_run_at            INTEGER,
    lease_token            TEXT,
    lease_until            INTEGER,
    created_at             INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at             INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision               INTEGER NOT NULL DEFAULT 1,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) STRICT;
CREATE INDEX {{table "event_archive_rules_due_idx"}} ON {{table "event_archive_rules"}} (next_run_at, id) WHERE next_run_at IS NOT NULL;

-- The runs of rules.
CREATE TABLE {{table "event_archive_jobs"}} (
    id              TEXT    NOT NULL PRIMARY KEY,
    rule_id         TEXT,
    status          TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    archives        INTEGER NOT NULL DEFAULT 0,
    events_archived INTEGER NOT NULL DEFAULT 0,
    events_skipped  INTEGER NOT NULL DEFAULT 0,
    raw_bytes       INTEGER NOT NULL DEFAULT 0,
    size_bytes      INTEGER NOT NULL DEFAULT 0,
    error_message   TEXT    NOT NULL DEFAULT '',
    retry_count     INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    max_retries     INTEGER NOT NULL CHECK (max_retries >= retry_count),
    started_at      INTEGER,
    completed_at    INTEGER,
    created_at      INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    updated_at      INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000),
    revision        INTEGER NOT NULL DEFAULT 1,
    CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL))
) STRICT;
CREATE INDEX {{table "event_archive_jobs_status_idx"}} ON {{table "event_archive_jobs"}} (status, created_at, id);
CREATE INDEX {{table "event_archive_jobs_rule_idx"}} ON {{table "event_archive_jobs"}} (rule_id, created_at, id);
-- With the + it is the predicate of the list, for which SQLite would take the index by status otherwise.
CREATE INDEX {{table "event_archive_jobs_failed_idx"}} ON {{table "event_archive_jobs"}} (completed_at, id) WHERE +status = 'failed' AND retry_count < max_retries;
CREATE INDEX {{table "event_archive_jobs_ended_idx"}} ON {{table "event_archive_jobs"}} (completed_at, id) WHERE completed_at IS NOT NULL;

-- Files that are kept in the database, in chunks. These are found by the id, which stays when a file gets
-- its name.
CREATE TABLE {{table "event_archive_objects"}} (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    size_bytes  INTEGER NOT NULL DEFAULT 0,
    chunks      INTEGER NOT NULL DEFAULT 0,
    is_complete INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)
) STRICT;
CREATE TABLE {{table "event_archive_chunks"}} (
    object_id TEXT    NOT NULL REFERENCES {{table "event_archive_objects"}} (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    data      BLOB    NOT NULL,
    PRIMARY KEY (object_id, number)
) STRICT;
