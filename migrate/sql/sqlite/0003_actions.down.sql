DROP TABLE {{table "action_executions"}};
DROP TABLE {{table "event_action_types"}};
DROP TABLE {{table "event_actions"}};
