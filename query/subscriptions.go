package query

import (
	"context"
	"slices"
	"strings"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionMapping = &mapping[driver.Subscription]{
	table:      subscriptionsTable,
	repository: "Subscriptions",
	entity:     "subscription",
	columns: []column[driver.Subscription]{
		{name: "id", at: func(s *driver.Subscription) any { return &s.ID }, set: bySave},
		{name: "endpoint_id", at: func(s *driver.Subscription) any { return &s.EndpointID }, set: byBoth},
		{name: "event_type_id", at: func(s *driver.Subscription) any { return &s.EventTypeID }, set: byBoth},
		{name: "event_type", at: func(s *driver.Subscription) any { return &s.EventType }, set: byBoth},
		{name: "event_filters", at: func(s *driver.Subscription) any { return &s.EventFilters }, set: byBoth},
		{name: "is_active", at: func(s *driver.Subscription) any { return &s.IsActive }, set: byBoth},
		{name: "context_id", at: func(s *driver.Subscription) any { return &s.ContextID }, set: byBoth},
		{name: "subscription_name", at: func(s *driver.Subscription) any { return &s.SubscriptionName }, set: byBoth},
		{name: "description", at: func(s *driver.Subscription) any { return &s.Description }, set: byBoth},
		{name: "last_triggered_at", at: func(s *driver.Subscription) any { return &s.LastTriggeredAt }},
		{name: "created_at", at: func(s *driver.Subscription) any { return &s.CreatedAt }},
		{name: "updated_at", at: func(s *driver.Subscription) any { return &s.UpdatedAt }},
		{name: "revision", at: func(s *driver.Subscription) any { return &s.Revision }},
	},
	references: []reference{
		{"endpoint_id", endpointsTable, "endpoint"},
		{"event_type_id", eventTypesTable, "event type"},
	},
}

// subscriptionSQL is the statements on subscriptions.
type subscriptionSQL struct {
	table *table[driver.Subscription]

	byEndpoint, byEventType, byContext, withoutContext, all listSQL

	triggered string
	matching  choices
}

func newSubscriptionSQL(s *schemaSQL) *subscriptionSQL {
	t := newTable(s, subscriptionMapping)
	name := s.quote(subscriptionsTable)
	// In one order: two that have the same ids never wait for each other.
	given := s.locking(sq.Select("id").From(name).Where("id "+s.dialect.IsOneOf).OrderBy("id"), "FOR UPDATE")
	return &subscriptionSQL{
		table:          t,
		byEndpoint:     t.lists("endpoint_id = ?", "is_active", oldestFirst),
		byEventType:    t.lists("event_type = ?", "is_active", oldestFirst),
		byContext:      t.lists("context_id = ?", "is_active", oldestFirst),
		withoutContext: t.lists("context_id IS NULL", "is_active", oldestFirst),
		all:            t.lists("1 = 1", "is_active", oldestFirst),
		triggered: s.render(sq.Update(name).Set("last_triggered_at", sq.Expr(s.forward("last_triggered_at"))).
			Where("id IN (SELECT id FROM given)").PrefixExpr(sq.Expr("WITH given AS MATERIALIZED (?)", given))),
	}
}

// match selects the subscriptions that a type's events can be for: of patterns, given as a list,
// and of a context. Those of the context and those without one are two selects, each from the index:
// one with an OR reads those of all contexts.
func (q *subscriptionSQL) match(columns []string, ofContext bool) string {
	s := q.table.schemaSQL
	needed := slices.Clone(columns)
	for _, column := range []string{"id", "endpoint_id", "event_type_id", "created_at"} {
		if !slices.Contains(needed, column) {
			needed = append(needed, column)
		}
	}
	of := func(context string) sq.SelectBuilder {
		return sq.Select(needed...).From(s.quote(subscriptionsTable)).Where("is_active AND event_type " + s.dialect.IsOneText + " AND " + context)
	}
	candidates := sq.Expr("?", of("context_id IS NULL"))
	if ofContext {
		candidates = sq.Expr("? UNION ALL ?", of("context_id IS NULL"), of("context_id = ?"))
	}
	// A lookup for each row: joined, a plan may begin with all types there are.
	allowed := func(where string) string {
		return "coalesce((SELECT t.is_enabled AND (e.is_verified OR NOT t.requires_verification) FROM " + s.quote(eventTypesTable) + " t WHERE " + where + "), TRUE)"
	}
	selected := make([]string, len(columns))
	for i, column := range columns {
		selected[i] = "s." + column
	}
	return s.render(sq.Expr("SELECT "+strings.Join(selected, ", ")+" FROM (?) s JOIN "+s.quote(endpointsTable)+" e ON e.id = s.endpoint_id"+
		" WHERE e.is_active AND "+allowed("t.id = s.event_type_id")+" AND "+allowed("t.event_type = ?")+" ORDER BY "+s.dialect.Unindexed("s.created_at")+", s.id",
		candidates, sq.Expr("?")))
}

func (q *subscriptionSQL) matchStatement(columns []string, ofContext bool) string {
	key := strings.Join(columns, " ")
	if ofContext {
		key += " of context"
	}
	return q.matching.statement(func() string { return q.match(columns, ofContext) }, key)
}

// subscriptions implements driver.SubscriptionRepository.
type subscriptions struct {
	repository[driver.Subscription]
	sql *subscriptionSQL
}

func (r *subscriptions) Save(ctx context.Context, subscription driver.Subscription) (driver.Subscription, error) {
	return r.write(ctx, "Save", r.insert, &subscription, subscription.Prepare())
}

func (r *subscriptions) Update(ctx context.Context, subscription driver.Subscription) (driver.Subscription, error) {
	return r.write(ctx, "Update", r.replace, &subscription, subscription.Prepare())
}

func (r *subscriptions) GetByID(ctx context.Context, id uuid.UUID) (driver.Subscription, error) {
	found, err := r.get(ctx, r.table.byID, id)
	return found, r.failID("GetByID", id, err)
}

func (r *subscriptions) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	return r.changes(ctx, "Delete", r.table.deleteRow, id)
}

func (r *subscriptions) GetByEndpoint(ctx context.Context, endpointID uuid.UUID, opts driver.ListOptions) ([]driver.Subscription, error) {
	return r.list(ctx, "GetByEndpoint", r.sql.byEndpoint.of(opts), opts.Limit, endpointID)
}

func (r *subscriptions) GetByEventType(ctx context.Context, eventType string, opts driver.ListOptions) ([]driver.Subscription, error) {
	if err := driver.ValidateEventPattern(eventType); err != nil {
		return nil, r.fail("GetByEventType", err)
	}
	return r.list(ctx, "GetByEventType", r.sql.byEventType.of(opts), opts.Limit, eventType)
}

func (r *subscriptions) GetByContext(ctx context.Context, contextID *uuid.UUID, opts driver.ListOptions) ([]driver.Subscription, error) {
	if contextID == nil {
		return r.list(ctx, "GetByContext", r.sql.withoutContext.of(opts), opts.Limit)
	}
	return r.list(ctx, "GetByContext", r.sql.byContext.of(opts), opts.Limit, *contextID)
}

func (r *subscriptions) GetActive(ctx context.Context, limit int) ([]driver.Subscription, error) {
	return r.list(ctx, "GetActive", r.sql.all.active, limit)
}

func (r *subscriptions) GetMatching(
	ctx context.Context, eventType string, contextID *uuid.UUID, opts driver.MatchOptions,
) ([]driver.Subscription, error) {
	err := driver.ValidateEventType(eventType)
	var selected []driver.SubscriptionColumn
	if err == nil {
		selected, err = driver.SelectSubscriptionColumns(opts.Columns)
	}
	if err != nil {
		return nil, r.fail("GetMatching", err)
	}
	var row driver.Subscription
	columns, targets := make([]string, len(selected)), make([]any, len(selected))
	for i, column := range selected {
		columns[i] = string(column)
		targets[i] = r.table.at(&row, columns[i])
	}
	patterns := driver.CoveringPatterns(eventType)
	args := []any{patterns, eventType}
	if contextID != nil {
		args = []any{patterns, patterns, *contextID, eventType}
	}
	matching := []driver.Subscription{}
	err = r.exec.Query(ctx, r.sql.matchStatement(columns, contextID != nil), args, targets, func() {
		matching = append(matching, row)
		row = driver.Subscription{}
	})
	if err != nil {
		return nil, r.fail("GetMatching", err)
	}
	return matching, nil
}

func (r *subscriptions) UpdateLastTriggered(ctx context.Context, ids []uuid.UUID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	n, err := r.exec.Exec(ctx, r.sql.triggered, []any{ids})
	return int(n), r.fail("UpdateLastTriggered", err)
}
