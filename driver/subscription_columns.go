package driver

import "slices"

// SubscriptionColumn names a column of a subscription, for methods that read only some.
type SubscriptionColumn string

// The columns of a subscription. The id is always read.
const (
	SubscriptionColumnID              SubscriptionColumn = "id"
	SubscriptionColumnEndpointID      SubscriptionColumn = "endpoint_id"
	SubscriptionColumnEventTypeID     SubscriptionColumn = "event_type_id"
	SubscriptionColumnEventType       SubscriptionColumn = "event_type"
	SubscriptionColumnEventFilters    SubscriptionColumn = "event_filters"
	SubscriptionColumnIsActive        SubscriptionColumn = "is_active"
	SubscriptionColumnContextID       SubscriptionColumn = "context_id"
	SubscriptionColumnName            SubscriptionColumn = "subscription_name"
	SubscriptionColumnDescription     SubscriptionColumn = "description"
	SubscriptionColumnLastTriggeredAt SubscriptionColumn = "last_triggered_at"
	SubscriptionColumnCreatedAt       SubscriptionColumn = "created_at"
	SubscriptionColumnUpdatedAt       SubscriptionColumn = "updated_at"
	SubscriptionColumnRevision        SubscriptionColumn = "revision"
)

var subscriptionColumns = []SubscriptionColumn{
	SubscriptionColumnID, SubscriptionColumnEndpointID, SubscriptionColumnEventTypeID, SubscriptionColumnEventType,
	SubscriptionColumnEventFilters, SubscriptionColumnIsActive, SubscriptionColumnContextID, SubscriptionColumnName,
	SubscriptionColumnDescription, SubscriptionColumnLastTriggeredAt, SubscriptionColumnCreatedAt, SubscriptionColumnUpdatedAt,
	SubscriptionColumnRevision,
}

// SubscriptionColumns returns all columns of a subscription.
func SubscriptionColumns() []SubscriptionColumn { return slices.Clone(subscriptionColumns) }

// SelectSubscriptionColumns returns the columns to read when columns are asked for, as
// [SelectEventColumns] does. For backends.
func SelectSubscriptionColumns(columns []SubscriptionColumn) ([]SubscriptionColumn, error) {
	return selectColumns(subscriptionColumns, columns, "a subscription")
}
