{{define "appended"}}RESET (autovacuum_freeze_min_age, toast.autovacuum_freeze_min_age{{if has "insert_vacuum"}}, autovacuum_vacuum_insert_scale_factor, toast.autovacuum_vacuum_insert_scale_factor{{end}}){{end -}}
ALTER TABLE {{table "event_keys"}} {{template "appended"}};
ALTER TABLE {{table "webhook_delivery_attempts"}} {{template "appended"}};
{{if has "partitions" -}}
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent IN ('{{table "events"}}'::regclass, '{{table "event_processed"}}'::regclass)
    LOOP
        EXECUTE 'ALTER TABLE ' || partition || ' {{template "appended"}}';
    END LOOP;
END $$;
{{- else -}}
ALTER TABLE {{table "events"}} {{template "appended"}};
ALTER TABLE {{table "event_processed"}} {{template "appended"}};
{{- end}}
DROP INDEX {{table "webhook_subscriptions_created_idx"}};
DROP INDEX {{table "webhook_endpoints_created_idx"}};
CREATE INDEX webhook_subscriptions_active_idx ON {{table "webhook_subscriptions"}} (created_at, id) WHERE is_active;
CREATE INDEX webhook_endpoints_active_idx ON {{table "webhook_endpoints"}} (created_at, id) WHERE is_active;
CREATE INDEX action_executions_open_of_action_idx ON {{table "action_executions"}} (action_id) WHERE completed_at IS NULL;
CREATE INDEX events_occurred_idx ON {{table "events"}} (occurred_at);
