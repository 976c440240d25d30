-- What the role of an app needs on a schema, and no more. Run it as the role that migrates and owns the tables, after
-- each migration. The role must also be able to connect: GRANT CONNECT ON DATABASE.
GRANT USAGE ON SCHEMA {{schema}} TO {{role}};
GRANT SELECT ON ALL TABLES IN SCHEMA {{schema}} TO {{role}};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {{schema}} TO {{role}};

-- Events are added, and deleted when they are archived, and never changed. To lock one while a delivery of it is
-- saved takes UPDATE on some column: id it is.
GRANT INSERT, DELETE, UPDATE (id) ON {{table "events"}} TO {{role}};
GRANT INSERT, DELETE ON {{table "event_processed"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_queue"}} TO {{role}};
GRANT INSERT, DELETE ON {{table "event_dead_letters"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_consumers"}} TO {{role}};

GRANT INSERT, UPDATE, DELETE ON {{table "webhook_endpoints"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "webhook_event_types"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "webhook_subscriptions"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "webhook_deliveries"}} TO {{role}};
GRANT INSERT ON {{table "webhook_delivery_attempts"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_actions"}} TO {{role}};
GRANT INSERT, DELETE ON {{table "event_action_types"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "action_executions"}} TO {{role}};

GRANT INSERT, UPDATE, DELETE ON {{table "event_archives"}} TO {{role}};
GRANT INSERT, DELETE ON {{table "event_archiving"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_keys"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_archive_rules"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_archive_jobs"}} TO {{role}};
GRANT INSERT, UPDATE, DELETE ON {{table "event_archive_objects"}} TO {{role}};
GRANT INSERT ON {{table "event_archive_chunks"}} TO {{role}};

-- Tables and partitions that this role creates later on: the app need not stop between a migration and these grants.
ALTER DEFAULT PRIVILEGES IN SCHEMA {{schema}} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{role}};
ALTER DEFAULT PRIVILEGES IN SCHEMA {{schema}} GRANT USAGE ON SEQUENCES TO {{role}};
