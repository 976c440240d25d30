-- Files of events that left the store. They outlive the rule and the job that they were made for.
CREATE TABLE {{table "event_archives"}} (
    id                     uuid        NOT NULL CONSTRAINT event_archives_pkey PRIMARY KEY,
    name                   text        NOT NULL,
    description            text        NOT NULL,
    policy                 text        NOT NULL,
    storage_type           text        NOT NULL,
    storage_location       text        NOT NULL,
    object_name            text        NOT NULL,
    status                 text        NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'restored', 'deleted')),
    rule_id                uuid,
    job_id                 uuid,
    event_count            bigint      NOT NULL DEFAULT 0,
    restored_count         bigint      NOT NULL DEFAULT 0 CHECK (restored_count BETWEEN 0 AND event_count),
    first_position         bigint      NOT NULL DEFAULT 0,
    last_position          bigint      NOT NULL DEFAULT 0,
    events_from            timestamptz,
    events_to              timestamptz,
    event_types            text        NOT NULL DEFAULT '[]',
    context_ids            text        NOT NULL DEFAULT '[]',
    raw_bytes              bigint      NOT NULL DEFAULT 0,
    size_bytes             bigint      NOT NULL DEFAULT 0,
    checksum               text        NOT NULL DEFAULT '',
    key_id                 text        NOT NULL DEFAULT '',
    retention_days         integer     NOT NULL CHECK (retention_days >= 0),
    auto_delete_after_days integer     NOT NULL CHECK (auto_delete_after_days >= 0),
    created_by_user_id     uuid,
    tags                   text        NOT NULL,
    error_message          text        NOT NULL DEFAULT '',
    lease_token            uuid,
    lease_until            timestamptz,
    archived_at            timestamptz,
    restored_at            timestamptz,
    deleted_at             timestamptz,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    revision               bigint      NOT NULL DEFAULT 1,
    CHECK ((status = 'in_progress') = (lease_token IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX event_archives_status_idx ON {{table "event_archives"}} (status, created_at, id);
CREATE INDEX event_archives_events_idx ON {{table "event_archives"}} (events_from, id, events_to) WHERE status = 'completed';
CREATE INDEX event_archives_position_idx ON {{table "event_archives"}} (first_position, id, last_position) WHERE status = 'completed';
CREATE INDEX event_archives_expiry_idx ON {{table "event_archives"}} (archived_at, id)
    WHERE auto_delete_after_days > 0 AND status IN ('completed', 'restored');

-- The events that an archive in progress is made of.
CREATE TABLE {{table "event_archiving"}} (
    position   bigint NOT NULL CONSTRAINT event_archiving_pkey PRIMARY KEY,
    archive_id uuid   NOT NULL
);
CREATE INDEX event_archiving_archive_idx ON {{table "event_archiving"}} (archive_id, position);

-- The ids and versions of events that are in an archive, or were in one that was deleted: they stay
-- taken, for good. It is narrow; without archives it is empty.
CREATE TABLE {{table "event_keys"}} (
    position          bigint NOT NULL,
    aggregate_version bigint NOT NULL,
    event_id          uuid   NOT NULL CONSTRAINT event_keys_pkey PRIMARY KEY,
    archive_id        uuid   NOT NULL,
    aggregate_id      uuid   NOT NULL,
    aggregate_type    text   NOT NULL,
    CONSTRAINT event_keys_aggregate_key UNIQUE (aggregate_id, aggregate_type, aggregate_version)
);

-- Which events are archived, and when. Lists are JSON.
CREATE TABLE {{table "event_archive_rules"}} (
    id                     uuid        NOT NULL CONSTRAINT event_archive_rules_pkey PRIMARY KEY,
    name                   text        COLLATE "C" NOT NULL CONSTRAINT event_archive_rules_name_key UNIQUE,
    description            text        NOT NULL,
    policy                 text        NOT NULL,
    include_types          text        NOT NULL,
    exclude_types          text        NOT NULL,
    include_contexts       text        NOT NULL,
    exclude_contexts       text        NOT NULL,
    archive_after_days     integer     NOT NULL,
    max_event_count        bigint      NOT NULL,
    max_table_bytes        bigint      NOT NULL,
    past_consumers         boolean     NOT NULL,
    schedule               text        NOT NULL,
    storage_type           text        NOT NULL,
    location_template      text        NOT NULL,
    encrypt                boolean     NOT NULL,
    retention_days         integer     NOT NULL,
    auto_delete_after_days integer     NOT NULL,
    is_enabled             boolean     NOT NULL,
    created_by_user_id     uuid,
    next_run_at            timestamptz,
    last_run_at            timestamptz,
    lease_token            uuid,
    lease_until            timestamptz,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    revision               bigint      NOT NULL DEFAULT 1,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX event_archive_rules_due_idx ON {{table "event_archive_rules"}} (next_run_at, id) WHERE next_run_at IS NOT NULL;

-- The runs of rules.
CREATE TABLE {{table "event_archive_jobs"}} (
    id              uuid        NOT NULL CONSTRAINT event_archive_jobs_pkey PRIMARY KEY,
    rule_id         uuid,
    status          text        NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    archives        bigint      NOT NULL DEFAULT 0,
    events_archived bigint      NOT NULL DEFAULT 0,
    events_skipped  bigint      NOT NULL DEFAULT 0,
    raw_bytes       bigint      NOT NULL DEFAULT 0,
    size_bytes      bigint      NOT NULL DEFAULT 0,
    error_message   text        NOT NULL DEFAULT '',
    retry_count     integer     NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    max_retries     integer     NOT NULL CHECK (max_retries >= retry_count),
    started_at      timestamptz,
    completed_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    revision        bigint      NOT NULL DEFAULT 1,
    CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX event_archive_jobs_status_idx ON {{table "event_archive_jobs"}} (status, created_at, id);
CREATE INDEX event_archive_jobs_rule_idx ON {{table "event_archive_jobs"}} (rule_id, created_at, id);
CREATE INDEX event_archive_jobs_failed_idx ON {{table "event_archive_jobs"}} (completed_at, id) WHERE status = 'failed' AND retry_count < max_retries;
CREATE INDEX event_archive_jobs_ended_idx ON {{table "event_archive_jobs"}} (completed_at, id) WHERE completed_at IS NOT NULL;

-- Files that are kept in the database, in chunks. These are found by the id, which stays when a file gets
-- its name.
CREATE TABLE {{table "event_archive_objects"}} (
    id          uuid        NOT NULL CONSTRAINT event_archive_objects_pkey PRIMARY KEY,
    name        text        COLLATE "C" NOT NULL CONSTRAINT event_archive_objects_name_key UNIQUE,
    size_bytes  bigint      NOT NULL DEFAULT 0,
    chunks      integer     NOT NULL DEFAULT 0,
    is_complete boolean     NOT NULL DEFAULT FALSE,
    created_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
CREATE TABLE {{table "event_archive_chunks"}} (
    object_id uuid    NOT NULL CONSTRAINT event_archive_chunks_object_fkey
                      REFERENCES {{table "event_archive_objects"}} (id) ON DELETE CASCADE,
    number    integer NOT NULL,
    data      bytea   NOT NULL,
    CONSTRAINT event_archive_chunks_pkey PRIMARY KEY (object_id, number)
);
-- What is in it is compressed already.
ALTER TABLE {{table "event_archive_chunks"}} ALTER COLUMN data SET STORAGE EXTERNAL;
