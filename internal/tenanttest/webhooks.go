package tenanttest

import (
	"errors"
	"strings"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

func (w *worker) subscribe() error {
	context, user := sharedID(1, w.rand.Int64N(7)), w.me()
	endpoint := driver.NewEndpoint(w.text(), "https://example.com/"+w.tag())
	endpoint.ID, endpoint.ContextID, endpoint.CreatedByUserID = w.newID(), &context, &user
	endpoint.SecretToken = driver.NewSecret("the secret " + w.text())
	endpoint, err := w.store.Endpoints().Save(w.ctx, endpoint)
	if err != nil {
		return err
	}
	w.count("webhook_endpoints", 1)
	w.ownEndpoints("Endpoints.Save", endpoint)

	subscription := driver.NewSubscription(endpoint.ID, "order.*")
	subscription.ID, subscription.SubscriptionName, subscription.EventFilters = w.newID(), w.text(), w.filters()
	if subscription, err = w.store.Subscriptions().Save(w.ctx, subscription); err != nil {
		return err
	}
	w.count("webhook_subscriptions", 1)
	own(w.run, w.tenant, "Subscriptions.Save", subscription)

	eventType := driver.NewEventType(w.ownType() + "." + subscription.ID.String())
	eventType.ID, eventType.Description = w.newID(), w.text()
	if eventType, err = w.store.EventTypes().Save(w.ctx, eventType); err != nil {
		return err
	}
	w.count("webhook_event_types", 1)
	own(w.run, w.tenant, "EventTypes.Save", eventType)

	rotated, err := w.store.Endpoints().RotateSecret(w.ctx, endpoint.ID, driver.RotateOptions{Secret: driver.NewSecret("another secret " + w.text())})
	if err == nil {
		w.ownEndpoints("Endpoints.RotateSecret", rotated)
	}
	return err
}

func (n *tenant) filters() []byte { return []byte(`{"of": "` + n.tag() + `"}`) }

// ownEndpoints is own, also for the secrets, which JSON does not show.
func (w *worker) ownEndpoints(op string, endpoints ...driver.Endpoint) {
	own(w.run, w.tenant, op, endpoints...)
	for _, endpoint := range endpoints {
		if secret := endpoint.SecretToken.Reveal(); !strings.Contains(secret, w.tag()) {
			w.fail("schema %s (%s): %s gave an endpoint with the secret %q", w.name, w.tag(), op, secret)
		}
	}
}

func (w *worker) readWebhooks() error {
	context := sharedID(1, w.rand.Int64N(7))
	endpoints, err := w.store.Endpoints().GetByContext(w.ctx, &context, driver.ListOptions{Limit: 10})
	if err != nil {
		return err
	}
	w.ownEndpoints("Endpoints.GetByContext", endpoints...)
	if endpoints, err = w.store.Endpoints().GetActive(w.ctx, 10); err != nil {
		return err
	}
	w.ownEndpoints("Endpoints.GetActive", endpoints...)
	for _, endpoint := range endpoints[:min(2, len(endpoints))] {
		deliveries, err := w.store.Deliveries().GetByEndpoint(w.ctx, endpoint.ID, 10)
		if err != nil {
			return err
		}
		unmarked(w.run, w.tenant, "Deliveries.GetByEndpoint", deliveries...)
	}
	types, err := w.store.EventTypes().GetEnabled(w.ctx, 10)
	own(w.run, w.tenant, "EventTypes.GetEnabled", types...)
	return err
}

// deliver saves an event, and delivers it and what else is due.
func (w *worker) deliver() error {
	event, err := w.store.Events().Save(w.ctx, w.event())
	if err != nil {
		return err
	}
	w.count("events", 1)
	matching, err := w.store.Subscriptions().GetMatching(w.ctx, event.EventType, nil, driver.MatchOptions{})
	if err != nil {
		return err
	}
	own(w.run, w.tenant, "Subscriptions.GetMatching", matching...)
	made, err := w.store.Deliveries().SaveForEvent(w.ctx, event, matching[:min(3, len(matching))])
	if err != nil {
		return err
	}
	w.count("webhook_deliveries", len(made))
	unmarked(w.run, w.tenant, "Deliveries.SaveForEvent", made...)
	due, err := w.store.Deliveries().ClaimDue(w.ctx, 3, time.Minute)
	if err != nil {
		return err
	}
	unmarked(w.run, w.tenant, "Deliveries.ClaimDue", due...)
	if released, err := w.of.store.Deliveries().Release(w.ctx, due); err != nil || released > 0 {
		w.fail("schema %s: Release of deliveries of %s: released %d, error %v", w.of.name, w.name, released, err)
	}
	for _, delivery := range due {
		attempt := driver.Attempt{
			Status: []driver.AttemptStatus{driver.AttemptSuccess, driver.AttemptFailed}[w.rand.IntN(2)], LeaseToken: delivery.LeaseToken,
			RequestURL: "https://example.com/" + w.tag(), RequestBody: string(w.data()), ResponseBody: w.text(), ErrorMessage: w.text(),
		}
		delivery, err := w.store.Deliveries().RecordAttempt(w.ctx, delivery.ID, attempt)
		if err != nil {
			return err
		}
		w.count("webhook_delivery_attempts", 1)
		own(w.run, w.tenant, "Deliveries.RecordAttempt", delivery)
		if delivery, err = w.store.Deliveries().GetByID(w.ctx, delivery.ID); err != nil {
			return err
		}
		own(w.run, w.tenant, "Deliveries.GetByID", delivery)
		if !delivery.Status.Final() {
			if delivery, err = w.store.Deliveries().Cancel(w.ctx, delivery.ID, w.text()); err != nil {
				return err
			}
			own(w.run, w.tenant, "Deliveries.Cancel", delivery)
		}
	}
	return nil
}

func (w *worker) act() error {
	tenantID := w.me()
	action := driver.NewAction(w.text(), driver.HandlerCustom, w.data(), "order.*")
	action.ID, action.TenantID, action.Tags = w.newID(), &tenantID, map[string]string{"of": w.tag()}
	action, err := w.store.Actions().Save(w.ctx, action)
	if err != nil {
		return err
	}
	w.count("event_actions", 1)
	own(w.run, w.tenant, "Actions.Save", action)
	for op, list := range map[string]func() ([]driver.Action, error){
		"GetActionsForEvent": func() ([]driver.Action, error) {
			return w.store.Actions().GetActionsForEvent(w.ctx, commonType, driver.ActionOptions{TenantID: &tenantID})
		},
		"GetActive": func() ([]driver.Action, error) { return w.store.Actions().GetActive(w.ctx, 10) },
	} {
		found, err := list()
		if err != nil {
			return err
		}
		own(w.run, w.tenant, "Actions."+op, found...)
	}
	execution := driver.NewExecution(action.ID, driver.Event{EventType: commonType, EventData: w.data()})
	execution.ID, execution.EventID = w.newID(), nil
	if execution, err = w.store.Executions().Save(w.ctx, execution); err != nil {
		return err
	}
	w.count("action_executions", 1)
	own(w.run, w.tenant, "Executions.Save", execution)
	return nil
}

func (w *worker) execute() error {
	claimed, err := w.store.Executions().ClaimPending(w.ctx, 3, time.Minute)
	if err != nil {
		return err
	}
	own(w.run, w.tenant, "Executions.ClaimPending", claimed...)
	for _, execution := range claimed {
		outcome := driver.ExecutionOutcome{Status: driver.ExecutionSuccess, Result: w.data(), LeaseToken: execution.LeaseToken}
		// Another tenant may have an execution with this id, which is not leased with this token.
		if _, err := w.of.store.Executions().Complete(w.ctx, execution.ID, outcome); err == nil || !errors.Is(err, driver.ErrNotFound) && !expected(err) {
			w.fail("schema %s: Complete of an execution of %s: got error %v, want it refused", w.of.name, w.name, err)
		}
		done, err := w.store.Executions().Complete(w.ctx, execution.ID, outcome)
		if err != nil {
			return err
		}
		own(w.run, w.tenant, "Executions.Complete", done)
	}
	recent, err := w.store.Executions().GetRecent(w.ctx, time.Time{}, 10)
	own(w.run, w.tenant, "Executions.GetRecent", recent...)
	return err
}
