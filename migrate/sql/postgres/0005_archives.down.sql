-- What was archived is in files only from here on: nothing tells their events from such that never were.
DROP TABLE {{table "event_archive_chunks"}};
DROP TABLE {{table "event_archive_objects"}};
DROP TABLE {{table "event_archive_jobs"}};
DROP TABLE {{table "event_archive_rules"}};
DROP TABLE {{table "event_keys"}};
DROP TABLE {{table "event_archiving"}};
DROP TABLE {{table "event_archives"}};
