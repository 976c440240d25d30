-- The queue, made anew for claims. It has what claims go by, so that they never read the wide rows
-- of events that they leave alone. available_at is NULL for an event that waits since it was saved
-- (is_fresh); one that was given back is ready from then on. is_held: it was found behind an earlier event of
-- its aggregate, and is out of the way until that one is done, or until available_at at the latest.
-- Its rows are kept in a temporary table meanwhile: to rename one, SQLite reads through its whole catalog.
CREATE TEMP TABLE event_queue_kept AS
    SELECT q.position, q.event_id, e.event_type, e.aggregate_type, e.aggregate_id, e.aggregate_version, q.attempts, q.lease_until, q.lease_token
    FROM {{table "event_queue"}} q JOIN {{table "events"}} e ON e.position = q.position;
DROP TABLE {{table "event_queue"}};
CREATE TABLE {{table "event_queue"}} (
    position          INTEGER PRIMARY KEY,
    event_id          TEXT    NOT NULL UNIQUE,
    event_type        TEXT    NOT NULL,
    aggregate_type    TEXT    NOT NULL,
    aggregate_id      TEXT    NOT NULL,
    aggregate_version INTEGER NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    is_held           INTEGER NOT NULL DEFAULT 0,
    available_at      INTEGER,
    is_fresh          INTEGER NOT NULL GENERATED ALWAYS AS (available_at IS NULL) STORED,
    lease_until       INTEGER,
    lease_token       TEXT,
    last_error        TEXT
) STRICT;
INSERT INTO {{table "event_queue"}} (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts, lease_until, lease_token)
    SELECT position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts, lease_until, lease_token FROM temp.event_queue_kept;
DROP TABLE temp.event_queue_kept;

CREATE INDEX {{table "event_queue_fresh_idx"}} ON {{table "event_queue"}} (position) WHERE is_fresh;
CREATE INDEX {{table "event_queue_due_idx"}} ON {{table "event_queue"}} (available_at, position) WHERE NOT is_fresh;
CREATE INDEX {{table "event_queue_later_idx"}} ON {{table "event_queue"}} (position) WHERE NOT is_fresh AND position > 0;
CREATE INDEX {{table "event_queue_held_idx"}} ON {{table "event_queue"}} (available_at) WHERE is_held;
CREATE INDEX {{table "event_queue_aggregate_idx"}} ON {{table "event_queue"}} (aggregate_id, aggregate_type, aggregate_version);

-- The events that nobody could handle.
CREATE TABLE {{table "event_dead_letters"}} (
    event_id          TEXT    NOT NULL PRIMARY KEY,
    position          INTEGER NOT NULL,
    event_type        TEXT    NOT NULL,
    aggregate_type    TEXT    NOT NULL,
    aggregate_id      TEXT    NOT NULL,
    aggregate_version INTEGER NOT NULL,
    attempts          INTEGER NOT NULL,
    reason            TEXT    NOT NULL,
    dead_at           INTEGER NOT NULL
) STRICT;
CREATE INDEX {{table "event_dead_letters_dead_idx"}} ON {{table "event_dead_letters"}} (dead_at, position);
CREATE INDEX {{table "event_dead_letters_aggregate_idx"}} ON {{table "event_dead_letters"}} (aggregate_id, aggregate_type, aggregate_version);

-- How far each named reader of all events has come.
CREATE TABLE {{table "event_consumers"}} (
    name       TEXT    NOT NULL PRIMARY KEY,
    position   INTEGER NOT NULL CHECK (position >= 0),
    updated_at INTEGER NOT NULL
) STRICT;
