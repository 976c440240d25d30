package conformance

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var readOnlyWebhooks = area{name: "ReadOnly", behaviours: []behaviour{
	{"RefusesTheWritesOfAllRepositories", readOnlyRefusesAll},
	{"RefusesWritesThatWouldFindNothingToDo", readOnlyRefusesEmpty},
}}

// wantAllRefused calls methods in a read-only transaction, which must be refused and leave it usable.
func (t *test) wantAllRefused(writes map[string]func(ctx context.Context, tx driver.Store) error) {
	t.Helper()
	before := t.state()
	for _, level := range []driver.Isolation{driver.ReadCommitted, driver.RepeatableRead} {
		t.readOnly(t.store, func(tx driver.Store) {
			for op, write := range writes {
				t.wantErr(write(t.ctx, tx), driver.ErrReadOnly, op)
			}
			t.wantStateOf(tx, before)
		}, driver.WithIsolation(level))
	}
	t.wantState(before)
}

func readOnlyRefusesAll(t *test) {
	event := t.save(newEvent())
	endpoint, err := t.store.Endpoints().Save(t.ctx, driver.NewEndpoint("Orders", "https://example.com/hooks"))
	t.ok(err)
	eventType, err := t.store.EventTypes().Save(t.ctx, driver.NewEventType("order.placed"))
	t.ok(err)
	subscription, err := t.store.Subscriptions().Save(t.ctx, driver.NewSubscription(endpoint.ID, "order.placed"))
	t.ok(err)
	delivery, err := t.store.Deliveries().Save(t.ctx, driver.Delivery{EndpointID: endpoint.ID, EventID: event.ID})
	t.ok(err)
	action, err := t.store.Actions().Save(t.ctx, driver.NewAction("Tell", driver.HandlerCustom, json.RawMessage(`{}`), "order.placed"))
	t.ok(err)
	execution, err := t.store.Executions().Save(t.ctx, driver.Execution{ActionID: action.ID, EventType: "order.placed", EventData: json.RawMessage(`{}`)})
	t.ok(err)
	t.wantAllRefused(map[string]func(context.Context, driver.Store) error{
		"Endpoints.Save": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Endpoints().Save(ctx, driver.NewEndpoint("More orders", "https://example.com/hooks"))
			return err
		},
		"Endpoints.Update": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Endpoints().Update(ctx, endpoint)
			return err
		},
		"Endpoints.Delete": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Endpoints().Delete(ctx, endpoint.ID)
			return err
		},
		"Endpoints.UpdateLastUsed": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Endpoints().UpdateLastUsed(ctx, endpoint.ID)
			return err
		},
		"Endpoints.MarkVerified": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Endpoints().MarkVerified(ctx, endpoint.ID, endpoint.EndpointURL)
			return err
		},
		"Endpoints.RotateSecret": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Endpoints().RotateSecret(ctx, endpoint.ID, driver.RotateOptions{})
			return err
		},
		"EventTypes.Save": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.EventTypes().Save(ctx, driver.NewEventType("order.paid"))
			return err
		},
		"EventTypes.Update": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.EventTypes().Update(ctx, eventType)
			return err
		},
		"EventTypes.Delete": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.EventTypes().Delete(ctx, eventType.ID)
			return err
		},
		"Subscriptions.Save": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Subscriptions().Save(ctx, driver.NewSubscription(endpoint.ID, "*"))
			return err
		},
		"Subscriptions.Update": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Subscriptions().Update(ctx, subscription)
			return err
		},
		"Subscriptions.Delete": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Subscriptions().Delete(ctx, subscription.ID)
			return err
		},
		"Subscriptions.UpdateLastTriggered": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Subscriptions().UpdateLastTriggered(ctx, []uuid.UUID{subscription.ID})
			return err
		},
		"Deliveries.Save": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().Save(ctx, driver.Delivery{EndpointID: endpoint.ID, EventID: event.ID})
			return err
		},
		"Deliveries.SaveForEvent": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().SaveForEvent(ctx, event, []driver.Subscription{subscription})
			return err
		},
		"Deliveries.RecordAttempt": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().RecordAttempt(ctx, delivery.ID, driver.Attempt{Status: driver.AttemptFailed})
			return err
		},
		"Deliveries.Cancel": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().Cancel(ctx, delivery.ID, "")
			return err
		},
		"Actions.Save": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Actions().Save(ctx, driver.NewAction("Tell again", driver.HandlerCustom, json.RawMessage(`{}`), "order.placed"))
			return err
		},
		"Actions.Update": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Actions().Update(ctx, action)
			return err
		},
		"Actions.Delete": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Actions().Delete(ctx, action.ID)
			return err
		},
		"Actions.UpdateStatistics": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Actions().UpdateStatistics(ctx, action.ID, driver.ActionStatistics{Triggered: 1})
			return err
		},
		"Executions.Save": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Executions().Save(ctx, driver.Execution{ActionID: action.ID, EventType: "order.placed", EventData: json.RawMessage(`{}`)})
			return err
		},
		"Executions.Update": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Executions().Update(ctx, execution)
			return err
		},
		"Executions.Complete": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Executions().Complete(ctx, execution.ID, driver.ExecutionOutcome{Status: driver.ExecutionSuccess})
			return err
		},
	})
}

// readOnlyRefusesEmpty has methods that look for work first: whether there is any must not decide.
func readOnlyRefusesEmpty(t *test) {
	t.wantAllRefused(map[string]func(context.Context, driver.Store) error{
		"Events.ProcessUnprocessed": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{}, func(driver.Store, []driver.Event) ([]uuid.UUID, error) { return nil, nil })
			return err
		},
		"Deliveries.ClaimDue": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().ClaimDue(ctx, 0, time.Minute)
			return err
		},
		"Deliveries.Replay": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().Replay(ctx, newID())
			return err
		},
		"Deliveries.Recover": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Deliveries().Recover(ctx, newID(), time.Time{})
			return err
		},
		"Executions.ClaimPending": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Executions().ClaimPending(ctx, 0, time.Minute)
			return err
		},
		"Executions.DeleteOlderThan": func(ctx context.Context, tx driver.Store) error {
			_, err := tx.Executions().DeleteOlderThan(ctx, time.Now())
			return err
		},
	})
}
