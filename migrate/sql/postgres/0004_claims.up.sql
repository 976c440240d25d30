-- The queue, made anew for claims. It has what claims go by, so that they never read the wide rows
-- of events that they leave alone. available_at is NULL for an event that waits since it was saved
-- (is_fresh); one that was given back is ready from then on. is_held: it was found behind an earlier event of
-- its aggregate, and is out of the way until that one is done, or until available_at at the latest.
CREATE TABLE {{table "event_queue_new"}} (
    position          bigint  NOT NULL,
    aggregate_version bigint  NOT NULL,
    available_at      timestamptz,
    lease_until       timestamptz,
    attempts          integer NOT NULL DEFAULT 0,
    is_held           boolean NOT NULL DEFAULT FALSE,
    is_fresh          boolean NOT NULL GENERATED ALWAYS AS (available_at IS NULL) STORED,
    event_id          uuid    NOT NULL CONSTRAINT event_queue_id_pkey PRIMARY KEY,
    aggregate_id      uuid    NOT NULL,
    lease_token       uuid,
    aggregate_type    text    NOT NULL,
    event_type        text    NOT NULL,
    last_error        text
) WITH (fillfactor = 40);
INSERT INTO {{table "event_queue_new"}} (position, event_id, event_type, aggregate_type, aggregate_id, aggregate_version, attempts, lease_until, lease_token)
    SELECT q.position, q.event_id, e.event_type, e.aggregate_type, e.aggregate_id, e.aggregate_version, q.attempts, q.lease_until, q.lease_token
    FROM {{table "event_queue"}} q JOIN {{table "events"}} e ON e.position = q.position;
DROP TABLE {{table "event_queue"}};
ALTER TABLE {{table "event_queue_new"}} RENAME TO event_queue;

-- Leases are updated in place (HOT): they are in no index, and a page has room for all its rows once more.
CREATE UNIQUE INDEX event_queue_fresh_idx ON {{table "event_queue"}} (position) WHERE is_fresh;
CREATE INDEX event_queue_due_idx ON {{table "event_queue"}} (available_at, position) WHERE NOT is_fresh;
-- For reading the queue in order. Claims can't take it for the one above, which suits them: they don't
-- ask for position > 0.
CREATE INDEX event_queue_later_idx ON {{table "event_queue"}} (position) WHERE NOT is_fresh AND position > 0;
CREATE INDEX event_queue_held_idx ON {{table "event_queue"}} (available_at) WHERE is_held;
CREATE INDEX event_queue_aggregate_idx ON {{table "event_queue"}} (aggregate_id, aggregate_type, aggregate_version);

-- The events that nobody could handle.
CREATE TABLE {{table "event_dead_letters"}} (
    event_id          uuid        NOT NULL CONSTRAINT event_dead_letters_pkey PRIMARY KEY,
    position          bigint      NOT NULL,
    event_type        text        NOT NULL,
    aggregate_type    text        NOT NULL,
    aggregate_id      uuid        NOT NULL,
    aggregate_version bigint      NOT NULL,
    attempts          integer     NOT NULL,
    reason            text        NOT NULL,
    dead_at           timestamptz NOT NULL
);
CREATE INDEX event_dead_letters_dead_idx ON {{table "event_dead_letters"}} (dead_at, position);
CREATE INDEX event_dead_letters_aggregate_idx ON {{table "event_dead_letters"}} (aggregate_id, aggregate_type, aggregate_version);

-- How far each named reader of all events has come.
CREATE TABLE {{table "event_consumers"}} (
    name       text        NOT NULL CONSTRAINT event_consumers_pkey PRIMARY KEY,
    position   bigint      NOT NULL CHECK (position >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
