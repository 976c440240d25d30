-- Dead letters go back to the queue: what came before knows none.
DROP TABLE {{table "event_consumers"}};
CREATE TABLE {{table "event_queue_old"}} (
    position    bigint  CONSTRAINT event_queue_pkey PRIMARY KEY,
    event_id    uuid    NOT NULL CONSTRAINT event_queue_event_id_key UNIQUE,
    lease_until timestamptz,
    lease_token uuid,
    attempts    integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO {{table "event_queue_old"}} (position, event_id, lease_until, lease_token, attempts)
    SELECT position, event_id, lease_until, lease_token, attempts FROM {{table "event_queue"}}
    UNION ALL SELECT position, event_id, NULL, NULL, attempts FROM {{table "event_dead_letters"}};
DROP TABLE {{table "event_dead_letters"}};
DROP TABLE {{table "event_queue"}};
ALTER TABLE {{table "event_queue_old"}} RENAME TO event_queue;
