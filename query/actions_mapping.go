package query

import (
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/neomultitenant/neoevents/driver"
)

var actionMapping = &mapping[driver.Action]{
	table:      actionsTable,
	repository: "Actions",
	entity:     "action",
	columns: []column[driver.Action]{
		{name: "id", at: func(a *driver.Action) any { return &a.ID }, set: bySave},
		{name: "name", at: func(a *driver.Action) any { return &a.Name }, set: byBoth},
		{name: "description", at: func(a *driver.Action) any { return &a.Description }, set: byBoth},
		{name: "handler_type", at: func(a *driver.Action) any { return (*string)(&a.HandlerType) }, set: byBoth},
		{name: "configuration", at: func(a *driver.Action) any { return &a.Configuration }, set: byBoth},
		{name: "event_types", at: func(a *driver.Action) any { return encoded{&a.EventTypes} }, set: byBoth},
		{name: "conditions", at: func(a *driver.Action) any { return conditions{&a.Conditions} }, set: byBoth},
		{name: "context_filters", at: func(a *driver.Action) any { return &a.ContextFilters }, set: byBoth},
		{name: "execution_mode", at: func(a *driver.Action) any { return (*string)(&a.ExecutionMode) }, set: byBoth},
		{name: "priority", at: func(a *driver.Action) any { return rank{&a.Priority} }, set: byBoth},
		{name: "timeout_seconds", at: func(a *driver.Action) any { return &a.TimeoutSeconds }, set: byBoth},
		{name: "max_retries", at: func(a *driver.Action) any { return &a.MaxRetries }, set: byBoth},
		{name: "retry_delay_seconds", at: func(a *driver.Action) any { return &a.RetryDelaySeconds }, set: byBoth},
		{name: "status", at: func(a *driver.Action) any { return (*string)(&a.Status) }, set: byBoth},
		{name: "is_enabled", at: func(a *driver.Action) any { return &a.IsEnabled }, set: byBoth},
		{name: "tags", at: func(a *driver.Action) any { return encoded{&a.Tags} }, set: byBoth},
		{name: "tenant_id", at: func(a *driver.Action) any { return &a.TenantID }, set: byBoth},
		{name: "created_by_user_id", at: func(a *driver.Action) any { return &a.CreatedByUserID }, set: byBoth},
		{name: "created_at", at: func(a *driver.Action) any { return &a.CreatedAt }},
		{name: "updated_at", at: func(a *driver.Action) any { return &a.UpdatedAt }},
		{name: "last_triggered_at", at: func(a *driver.Action) any { return &a.LastTriggeredAt }},
		{name: "trigger_count", at: func(a *driver.Action) any { return &a.TriggerCount }},
		{name: "success_count", at: func(a *driver.Action) any { return &a.SuccessCount }},
		{name: "failure_count", at: func(a *driver.Action) any { return &a.FailureCount }},
		{name: "revision", at: func(a *driver.Action) any { return &a.Revision }},
	},
}

// rank is a priority that is kept as its rank: words would sort as text.
type rank struct{ of *driver.Priority }

// Value implements database/sql/driver.Valuer.
func (r rank) Value() (sqldriver.Value, error) { return int64(r.of.Rank()), nil }

// Scan implements database/sql.Scanner.
func (r rank) Scan(stored any) error {
	n, ok := stored.(int64)
	if *r.of = driver.PriorityOfRank(int(n)); !ok || *r.of == "" {
		return fmt.Errorf("a priority is stored as %T, or is none", stored)
	}
	return nil
}

// conditions are kept as JSON. Their values are texts in it: as a part of it they would lose the
// spaces around them.
type conditions struct{ of *[]driver.Condition }

type storedCondition struct {
	Field    string          `json:"field"`
	Operator driver.Operator `json:"operator"`
	Value    *string         `json:"value,omitempty"`
}

// Value implements database/sql/driver.Valuer.
func (c conditions) Value() (sqldriver.Value, error) {
	var list []storedCondition
	if *c.of != nil {
		list = make([]storedCondition, len(*c.of))
	}
	for i, condition := range *c.of {
		list[i] = storedCondition{Field: condition.Field, Operator: condition.Operator}
		if condition.Value != nil {
			value := string(condition.Value)
			list[i].Value = &value
		}
	}
	return encoded{list}.Value()
}

// Scan implements database/sql.Scanner.
func (c conditions) Scan(stored any) error {
	var list []storedCondition
	if err := (encoded{&list}).Scan(stored); err != nil || list == nil {
		*c.of = nil
		return err
	}
	*c.of = make([]driver.Condition, len(list))
	for i, condition := range list {
		(*c.of)[i] = driver.Condition{Field: condition.Field, Operator: condition.Operator}
		if condition.Value != nil {
			(*c.of)[i].Value = json.RawMessage(*condition.Value)
		}
	}
	return nil
}
