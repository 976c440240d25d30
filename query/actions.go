package query

import (
	"context"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// actionSQL is the statements on actions.
type actionSQL struct {
	table *table[driver.Action]

	ofTenant, withoutTenant         string // for an event
	byHandler, byTenant, tenantless listSQL
	all                             listSQL

	addStatistics    string
	deleteTypes      string
	cancelExecutions string
	forgetRetries    string
}

func newActionSQL(s *schemaSQL) *actionSQL {
	t := newTable(s, actionMapping)
	const active = "status = 'active' AND is_enabled"
	const order = "priority DESC, created_at, id"
	forEvent := func(tenant string) string {
		return s.render(t.read().Where(active + " AND " + tenant).
			Where("id IN (SELECT action_id FROM " + s.quote(actionTypesTable) + " WHERE event_type " + s.dialect.IsOneText + ")").OrderBy(order))
	}
	now, tenant := s.dialect.Now, s.dialect.Unindexed("tenant_id") // found by their types
	return &actionSQL{
		table:         t,
		ofTenant:      forEvent("(" + tenant + " IS NULL OR " + tenant + " = ?)"),
		withoutTenant: forEvent(tenant + " IS NULL"),
		byHandler:     t.lists("handler_type = ?", active, order),
		byTenant:      t.lists("tenant_id = ?", active, order),
		tenantless:    t.lists("tenant_id IS NULL", active, order),
		all:           t.lists("1 = 1", active, order),
		addStatistics: s.render(sq.Update(s.quote(actionsTable)).
			Set("trigger_count", sq.Expr("trigger_count + ?")).
			Set("success_count", sq.Expr("success_count + ?")).
			Set("failure_count", sq.Expr("failure_count + ?")).
			Set("last_triggered_at", sq.Expr("CASE WHEN ? AND (last_triggered_at IS NULL OR last_triggered_at < "+now+") THEN "+now+
				" ELSE last_triggered_at END")).
			Where("success_count + failure_count + ? <= trigger_count + ? AND id = ?")),
		deleteTypes: s.render(sq.Delete(s.quote(actionTypesTable)).Where("action_id = ?")),
		cancelExecutions: s.render(sq.Update(s.quote(executionsTable)).Set("status", sq.Expr("'cancelled'")).
			Set("completed_at", sq.Expr(now)).Set("error_message", sq.Expr("?")).Set("retry_at", sq.Expr("NULL")).
			Set("lease_token", sq.Expr("NULL")).Set("lease_until", sq.Expr("NULL")).
			Set("updated_at", sq.Expr(now)).Set("revision", sq.Expr("revision + 1")).
			Where("action_id = ? AND status IN ('pending', 'running')")),
		forgetRetries: s.render(sq.Update(s.quote(executionsTable)).Set("retry_at", sq.Expr("NULL")).
			Where("action_id = ? AND status IN ('failed', 'timeout') AND retry_at IS NOT NULL")),
	}
}

// actions implements driver.ActionRepository.
type actions struct {
	repository[driver.Action]
	sql *actionSQL
}

func (r *actions) Save(ctx context.Context, action driver.Action) (driver.Action, error) {
	return r.writeWithTypes(ctx, "Save", &action, action.Prepare(r.config.MaxPayload), func(tx *repository[driver.Action]) error {
		return tx.insert(ctx, &action)
	})
}

func (r *actions) Update(ctx context.Context, action driver.Action) (driver.Action, error) {
	return r.writeWithTypes(ctx, "Update", &action, action.Prepare(r.config.MaxPayload), func(tx *repository[driver.Action]) error {
		if err := tx.replace(ctx, &action); err != nil {
			return err
		}
		_, err := tx.exec.Exec(ctx, r.sql.deleteTypes, []any{action.ID})
		return err
	})
}

// writeWithTypes writes an action and the types by which it is found.
func (r *actions) writeWithTypes(
	ctx context.Context, op string, action *driver.Action, prepared error, change func(tx *repository[driver.Action]) error,
) (driver.Action, error) {
	return r.write(ctx, op, func(ctx context.Context, _ *driver.Action) error {
		return r.exec.InTx(ctx, func(x Executor) error {
			if err := change(r.on(x)); err != nil {
				return err
			}
			return x.Insert(ctx, Table{r.schema, actionTypesTable}, []string{"event_type", "action_id"}, len(action.EventTypes), func(i int) []any {
				return []any{action.EventTypes[i], action.ID}
			})
		})
	}, action, prepared)
}

func (r *actions) GetByID(ctx context.Context, id uuid.UUID) (driver.Action, error) {
	found, err := r.get(ctx, r.table.byID, id)
	return found, r.failID("GetByID", id, err)
}

func (r *actions) Delete(ctx context.Context, id uuid.UUID) (bool, error) {
	deleted := int64(0)
	err := r.retried(ctx, func(x Executor) (err error) {
		if deleted, err = x.Exec(ctx, r.table.deleteRow, []any{id}); err != nil || deleted == 0 {
			return err
		}
		if _, err = x.Exec(ctx, r.sql.forgetRetries, []any{id}); err != nil {
			return err
		}
		_, err = x.Exec(ctx, r.sql.cancelExecutions, []any{"the action was deleted", id})
		return err
	})
	return deleted > 0 && err == nil, r.failID("Delete", id, err)
}

func (r *actions) GetActionsForEvent(ctx context.Context, eventType string, opts driver.ActionOptions) ([]driver.Action, error) {
	err := driver.ValidateEventType(eventType)
	if err == nil {
		err = opts.Validate()
	}
	if err != nil {
		return nil, r.fail("GetActionsForEvent", err)
	}
	sql, args := r.sql.withoutTenant, []any{driver.CoveringPatterns(eventType)}
	if opts.TenantID != nil {
		sql, args = r.sql.ofTenant, []any{*opts.TenantID, args[0]}
	}
	found, err := r.query(ctx, sql, args)
	if err != nil || opts.Context == nil {
		return found, r.fail("GetActionsForEvent", err)
	}
	satisfied := found[:0]
	for i := range found {
		matches, err := found[i].MatchesContext(opts.Context)
		if err != nil {
			return nil, r.failID("GetActionsForEvent", found[i].ID, err)
		}
		if matches {
			satisfied = append(satisfied, found[i])
		}
	}
	return satisfied, nil
}

func (r *actions) GetActive(ctx context.Context, limit int) ([]driver.Action, error) {
	return r.list(ctx, "GetActive", r.sql.all.active, limit)
}

func (r *actions) GetByHandlerType(ctx context.Context, handler driver.HandlerType, opts driver.ListOptions) ([]driver.Action, error) {
	if err := handler.Validate(); err != nil {
		return nil, r.fail("GetByHandlerType", err)
	}
	return r.list(ctx, "GetByHandlerType", r.sql.byHandler.of(opts), opts.Limit, string(handler))
}

func (r *actions) GetByTenant(ctx context.Context, tenantID *uuid.UUID, opts driver.ListOptions) ([]driver.Action, error) {
	if tenantID == nil {
		return r.list(ctx, "GetByTenant", r.sql.tenantless.of(opts), opts.Limit)
	}
	return r.list(ctx, "GetByTenant", r.sql.byTenant.of(opts), opts.Limit, *tenantID)
}

func (r *actions) UpdateStatistics(ctx context.Context, id uuid.UUID, add driver.ActionStatistics) (bool, error) {
	if err := add.Validate(); err != nil {
		return false, r.failID("UpdateStatistics", id, err)
	}
	n, err := r.exec.Exec(ctx, r.sql.addStatistics, statisticsArgs(id, add))
	if err == nil && n == 0 {
		exists := false
		if err = r.exec.Query(ctx, r.table.exists, []any{id}, []any{&exists}, nil); exists {
			err = stateError("successes and failures would be more than triggers; count triggered as well")
		}
	}
	return n > 0, r.failID("UpdateStatistics", id, err)
}

func statisticsArgs(id uuid.UUID, add driver.ActionStatistics) []any {
	return []any{add.Triggered, add.Succeeded, add.Failed, add.Triggered > 0, add.Succeeded + add.Failed, add.Triggered, id}
}
