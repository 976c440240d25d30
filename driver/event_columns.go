package driver

import "slices"

// EventColumn names a field of [Event] where a method can be asked for some fields only.
type EventColumn string

// The columns of an event.
const (
	EventColumnID                EventColumn = "id"
	EventColumnPosition          EventColumn = "position"
	EventColumnType              EventColumn = "event_type"
	EventColumnName              EventColumn = "event_name"
	EventColumnAggregateType     EventColumn = "aggregate_type"
	EventColumnAggregateID       EventColumn = "aggregate_id"
	EventColumnAggregateVersion  EventColumn = "aggregate_version"
	EventColumnData              EventColumn = "event_data"
	EventColumnMetadata          EventColumn = "event_metadata"
	EventColumnCorrelationID     EventColumn = "correlation_id"
	EventColumnCausationID       EventColumn = "causation_id"
	EventColumnTriggeredByUserID EventColumn = "triggered_by_user_id"
	EventColumnContextID         EventColumn = "context_id"
	EventColumnOccurredAt        EventColumn = "occurred_at"
	EventColumnCreatedAt         EventColumn = "created_at"
	EventColumnProcessedAt       EventColumn = "processed_at"
)

var eventColumns = []EventColumn{
	EventColumnID, EventColumnPosition, EventColumnType, EventColumnName, EventColumnAggregateType, EventColumnAggregateID, EventColumnAggregateVersion,
	EventColumnData, EventColumnMetadata, EventColumnCorrelationID, EventColumnCausationID, EventColumnTriggeredByUserID, EventColumnContextID,
	EventColumnOccurredAt, EventColumnCreatedAt, EventColumnProcessedAt,
}

// EventColumns returns all columns of an event.
func EventColumns() []EventColumn { return slices.Clone(eventColumns) }

// SelectEventColumns returns the columns to read when columns are asked for: all for none, else
// those given and the id, each once, in the order of [EventColumns]. An unknown one is an
// [InvalidError]. For backends.
func SelectEventColumns(columns []EventColumn) ([]EventColumn, error) {
	return selectColumns(eventColumns, columns, "an event")
}
