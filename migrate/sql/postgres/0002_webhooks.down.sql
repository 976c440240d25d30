DROP TABLE {{table "webhook_delivery_attempts"}};
DROP TABLE {{table "webhook_deliveries"}};
DROP TABLE {{table "webhook_subscriptions"}};
DROP TABLE {{table "webhook_event_types"}};
DROP TABLE {{table "webhook_endpoints"}};
