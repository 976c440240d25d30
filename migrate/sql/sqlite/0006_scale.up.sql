-- No statement needs these two: what counts by type or looks for the newest goes from type to type, and the
-- open runs of an action are those of two states.
DROP INDEX {{table "events_occurred_idx"}};
DROP INDEX {{table "action_executions_open_of_action_idx"}};

-- Lists are of all rows, or of those that are active, which are most.
DROP INDEX {{table "webhook_endpoints_active_idx"}};
DROP INDEX {{table "webhook_subscriptions_active_idx"}};
CREATE INDEX {{table "webhook_endpoints_created_idx"}} ON {{table "webhook_endpoints"}} (created_at, id);
CREATE INDEX {{table "webhook_subscriptions_created_idx"}} ON {{table "webhook_subscriptions"}} (created_at, id);
