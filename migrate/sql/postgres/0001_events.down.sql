DROP TABLE {{table "event_processed"}};
DROP TABLE {{table "event_queue"}};
DROP TABLE {{table "events"}};
