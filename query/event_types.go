package query

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventTypeMapping = &mapping[driver.EventType]{
	table:      eventTypesTable,
	repository: "EventTypes",
	entity:     "event type",
	columns: []column[driver.EventType]{
		{name: "id", at: func(t *driver.EventType) any { return &t.ID }, set: bySave},
		{name: "event_type", at: func(t *driver.EventType) any { return &t.EventType }, set: byBoth},
		{name: "category", at: func(t *driver.EventType) any { return &t.Category }, set: byBoth},
		{name: "display_name", at: func(t *driver.EventType) any { return &t.DisplayName }, set: byBoth},
		{name: "description", at: func(t *driver.EventType) any { return &t.Description }, set: byBoth},
		{name: "is_enabled", at: func(t *driver.EventType) any { return &t.IsEnabled }, set: byBoth},
		{name: "requires_verification", at: func(t *driver.EventType) any { return &t.RequiresVerification }, set: byBoth},
		{name: "payload_schema", at: func(t *driver.EventType) any { return &t.PayloadSchema }, set: byBoth},
		{name: "example_payload", at: func(t *driver.EventType) any { return &t.ExamplePayload }, set: byBoth},
		{name: "created_at", at: func(t *driver.EventType) any { return &t.CreatedAt }},
		{name: "updated_at", at: func(t *driver.EventType) any { return &t.UpdatedAt }},
		{name: "revision", at: func(t *driver.EventType) any { return &t.Revision }},
	},
	unique: []unique{{columns: []string{"event_type"}}},
}

// eventTypeSQL is the statements on event types.
type eventTypeSQL struct {
	table *table[driver.EventType]

	byEventType string
	byCategory  listSQL
	enabled     listSQL
}

func newEventTypeSQL(s *schemaSQL) *eventTypeSQL {
	t := newTable(s, eventTypeMapping)
	byType := s.dialect.Bytewise("event_type")
	return &eventTypeSQL{
		table:       t,
		byEventType: s.render(t.read().Where("event_type = ?")),
		byCategory:  t.lists(s.dialect.Bytewise("category")+" = ?", "is_enabled", byType),
		enabled:     t.lists("1 = 1", "is_enabled", s.dialect.Bytewise("category")+", "+byType),
	}
}

// eventTypes implements driver.EventTypeRepository.
type eventTypes struct {
	repository[driver.EventType]
	sql *eventTypeSQL
}

func (r *eventTypes) Save(ctx context.Context, eventType driver.EventType) (driver.EventType, error) {
	return r.write(ctx, "Save", r.insert, &eventType, eventType.Prepare(r.config.MaxPayload))
}

func (r *eventTypes) Update(ctx context.Context, eventType driver.EventType) (driver.EventType, error) {
	return r.write(ctx, "Update", r.replace, &eventType, eventType.Prepare(r.config.MaxPayload))
}

func (r *eventTypes) GetByID(ctx context.Context, id uuid.UUID) (driver.EventType, error) {
	found, err := r.get(ctx, r.table.byID, id)
	return found, r.failID("GetByID", id, err)
}

func (r *eventTypes) GetByEventType(ctx context.Context, eventType string) (driver.EventType, error) {
	if err := driver.ValidateEventType(eventType); err != nil {
		return driver.EventType{}, r.fail("GetByEventType", err)
	}
	found, err := r.get(ctx, r.sql.byEventType, eventType)
	return found, driver.Fail("EventTypes.GetByEventType", r.schema, r.table.entity, eventType, err)
}

func (r *eventTypes) GetByCategory(ctx context.Context, category string, opts driver.ListOptions) ([]driver.EventType, error) {
	if err := driver.ValidateCategory(category); err != nil {
		return nil, r.fail("GetByCategory", err)
	}
	return r.list(ctx, "GetByCategory", r.sql.byCategory.of(opts), opts.Limit, category)
}

func (r *eventTypes) GetEnabled(ctx context.Context, limit int) ([]driver.EventType, error) {
	return r.list(ctx, "GetEnabled", r.sql.enabled.active, limit)
}

func (r *eventTypes) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	deleted := int64(0)
	err := r.apart(ctx, func(x Executor) (err error) {
		deleted, err = x.Exec(ctx, r.table.deleteRow, []any{id})
		return err
	})
	var below *driver.Error
	if errors.As(err, &below) && below.Kind == driver.ErrMissingReference { // the key of those that refer to it
		err = &driver.Error{Kind: driver.ErrReferenced, Err: &driver.ReferenceError{Field: "event_type_id", Entity: "subscription", Err: below.Err}}
	}
	return deleted > 0, r.failID("Delete", id, err)
}
