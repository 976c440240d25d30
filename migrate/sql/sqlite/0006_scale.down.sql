DROP INDEX {{table "webhook_subscriptions_created_idx"}};
DROP INDEX {{table "webhook_endpoints_created_idx"}};
CREATE INDEX {{table "webhook_subscriptions_active_idx"}} ON {{table "webhook_subscriptions"}} (created_at, id) WHERE is_active;
CREATE INDEX {{table "webhook_endpoints_active_idx"}} ON {{table "webhook_endpoints"}} (created_at, id) WHERE is_active;
CREATE INDEX {{table "action_executions_open_of_action_idx"}} ON {{table "action_executions"}} (action_id) WHERE completed_at IS NULL;
CREATE INDEX {{table "events_occurred_idx"}} ON {{table "events"}} (occurred_at);
