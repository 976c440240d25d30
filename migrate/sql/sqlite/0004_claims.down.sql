-- Dead letters go back to the queue: what came before knows none.
CREATE TEMP TABLE event_queue_kept AS
    SELECT position, event_id, lease_until, lease_token, attempts FROM {{table "event_queue"}}
    UNION ALL SELECT position, event_id, NULL, NULL, attempts FROM {{table "event_dead_letters"}};
DROP TABLE {{table "event_consumers"}};
DROP TABLE {{table "event_dead_letters"}};
DROP TABLE {{table "event_queue"}};
CREATE TABLE {{table "event_queue"}} (
    position    INTEGER PRIMARY KEY,
    event_id    TEXT    NOT NULL UNIQUE,
    lease_until INTEGER,
    lease_token TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO {{table "event_queue"}} (position, event_id, lease_until, lease_token, attempts)
    SELECT position, event_id, lease_until, lease_token, attempts FROM temp.event_queue_kept;
DROP TABLE temp.event_queue_kept;
