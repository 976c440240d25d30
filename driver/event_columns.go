package driver

import (
	"slices"
	"strconv"
)

// EventColumn names a field of [Event] where a method can be asked for some fields only.
type EventColumn string

// The columns of an event.
const (
	EventID                EventColumn = "id"
	EventPosition          EventColumn = "position"
	EventType              EventColumn = "event_type"
	EventName              EventColumn = "event_name"
	EventAggregateType     EventColumn = "aggregate_type"
	EventAggregateID       EventColumn = "aggregate_id"
	EventAggregateVersion  EventColumn = "aggregate_version"
	EventData              EventColumn = "event_data"
	EventMetadata          EventColumn = "event_metadata"
	EventCorrelationID     EventColumn = "correlation_id"
	EventCausationID       EventColumn = "causation_id"
	EventTriggeredByUserID EventColumn = "triggered_by_user_id"
	EventContextID         EventColumn = "context_id"
	EventOccurredAt        EventColumn = "occurred_at"
	EventCreatedAt         EventColumn = "created_at"
	EventProcessedAt       EventColumn = "processed_at"
)

var eventColumns = []EventColumn{
	EventID, EventPosition, EventType, EventName, EventAggregateType, EventAggregateID, EventAggregateVersion,
	EventData, EventMetadata, EventCorrelationID, EventCausationID, EventTriggeredByUserID, EventContextID,
	EventOccurredAt, EventCreatedAt, EventProcessedAt,
}

// EventColumns returns all columns of an event.
func EventColumns() []EventColumn { return slices.Clone(eventColumns) }

// SelectEventColumns returns the columns to read when columns are asked for: all for none, else
// those given and the id, each once, in the order of [EventColumns]. An unknown one is an
// [InvalidError]. For backends.
func SelectEventColumns(columns []EventColumn) ([]EventColumn, error) {
	if len(columns) == 0 {
		return eventColumns, nil
	}
	for i, column := range columns {
		if !slices.Contains(eventColumns, column) {
			return nil, &InvalidError{"columns[" + strconv.Itoa(i) + "]", "is not a column of an event"}
		}
	}
	selected := make([]EventColumn, 0, len(columns)+1)
	for _, column := range eventColumns {
		if column == EventID || slices.Contains(columns, column) {
			selected = append(selected, column)
		}
	}
	return selected, nil
}
