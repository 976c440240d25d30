package conformance

import (
	"github.com/neomultitenant/neoevents/driver"
)

var endpointTransactions = area{name: "Endpoints/Transactions", alone: true, behaviours: []behaviour{
	{"CommitTogether", endpointTxCommit},
	{"RolledBackLeaveNothing", endpointTxUndone},
	{"HideTheirWritesUntilTheyCommit", endpointTxHide},
	{"RefusalsLeaveThemUsable", endpointTxUsable},
	{"OfTheAppCommitAndRollBack", eachAppTx(endpointTxOfApp)},
	{"NeverTouchAnotherSchema", endpointTxSchema},
}}

// webhookState is the endpoints and event types of a schema.
type webhookState struct {
	endpoints  []driver.Endpoint
	eventTypes []driver.EventType
}

func (t *test) webhooksOf(store driver.Store) webhookState {
	t.Helper()
	all := driver.ListOptions{IncludeInactive: true, Limit: driver.MaxLimit}
	return webhookState{
		append(must2(t, store.Endpoints().GetByContext, nil, all), must(t, store.Endpoints().GetActive, driver.MaxLimit)...),
		append(must2(t, store.EventTypes().GetByCategory, "order", all), must(t, store.EventTypes().GetEnabled, driver.MaxLimit)...),
	}
}

// wantWebhooks fails the test if an endpoint or an event type is not as it was.
func (t *test) wantWebhooks(store driver.Store, want webhookState) {
	t.Helper()
	got := t.webhooksOf(store)
	sameEntities(t, "endpoints", got.endpoints, want.endpoints)
	sameEntities(t, "event types", got.eventTypes, want.eventTypes)
}

// saveWebhooks saves what changeWebhooks changes.
func (t *test) saveWebhooks() ([]driver.Endpoint, []driver.EventType) {
	t.Helper()
	endpoints := []driver.Endpoint{t.saveEndpoint(), t.saveEndpoint(), t.saveEndpoint(), t.saveEndpoint(), t.saveEndpoint()}
	return endpoints, t.saveEventTypes("order.a", "order.b")
}

// changeWebhooks writes through tx in every way there is.
func (t *test) changeWebhooks(tx driver.Store, endpoints []driver.Endpoint, eventTypes []driver.EventType) {
	t.Helper()
	must(t, tx.Endpoints().Save, newEndpoint())
	must(t, tx.Endpoints().Update, changed(endpoints[0], func(e *driver.Endpoint) { e.Name, e.CustomHeaders = "Changed", nil }))
	equal(t, "used", must(t, tx.Endpoints().UpdateLastUsed, endpoints[1].ID), true)
	equal(t, "verified", must2(t, tx.Endpoints().MarkVerified, endpoints[2].ID, endpoints[2].EndpointURL), true)
	must2(t, tx.Endpoints().RotateSecret, endpoints[3].ID, driver.RotateOptions{})
	equal(t, "deleted", must(t, tx.Endpoints().Delete, endpoints[4].ID), true)
	must(t, tx.EventTypes().Save, newEventType("order.c"))
	must(t, tx.EventTypes().Update, changed(eventTypes[0], func(e *driver.EventType) { e.EventType = "order.d" }))
	equal(t, "deleted", must(t, tx.EventTypes().Delete, eventTypes[1].ID), true)
}

func endpointTxCommit(t *test) {
	endpoints, eventTypes := t.saveWebhooks()
	var inside webhookState
	t.inTx(func(tx driver.Store) {
		t.changeWebhooks(tx, endpoints, eventTypes)
		inside = t.webhooksOf(tx)
	})
	equal(t, "endpoints, listed twice", len(inside.endpoints), 2*5)
	equal(t, "event types, listed twice", len(inside.eventTypes), 2*2)
	t.wantWebhooks(t.store, inside)
}

func endpointTxUndone(t *test) {
	endpoints, eventTypes := t.saveWebhooks()
	before := t.webhooksOf(t.store)
	t.undone(t.store, func(tx driver.Store) { t.changeWebhooks(tx, endpoints, eventTypes) })
	t.wantWebhooks(t.store, before)
	t.inTx(func(tx driver.Store) {
		t.undone(tx, func(nested driver.Store) { t.changeWebhooks(nested, endpoints, eventTypes) })
		t.wantWebhooks(tx, before)
	})
	t.wantWebhooks(t.store, before)
}

func endpointTxHide(t *test) {
	t.needsReadsBeside()
	endpoints, eventTypes := t.saveWebhooks()
	before := t.webhooksOf(t.store)
	end := t.hold(t.store, func(tx driver.Store) error {
		t.changeWebhooks(tx, endpoints, eventTypes)
		return nil
	})
	t.wantWebhooks(t.store, before)
	end(nil)
	equal(t, "exists after the commit", must(t, t.store.Endpoints().Exists, endpoints[4].ID), false)
}

func endpointTxUsable(t *test) {
	stored := t.saveEndpoint()
	t.staysUsable(func(tx driver.Store, _ driver.Event) {
		before := t.webhooksOf(tx)
		_, err := tx.Endpoints().Save(t.ctx, stored)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Endpoints.Save", "endpoint", stored.ID.String())
		_, err = tx.Endpoints().Save(t.ctx, driver.Endpoint{})
		t.wantInvalid(err, "Endpoints.Save", "name")
		_, err = tx.Endpoints().Update(t.ctx, driver.Endpoint{})
		t.wantInvalid(err, "Endpoints.Update", "name")
		_, err = tx.Endpoints().Update(t.ctx, changed(stored, func(e *driver.Endpoint) { e.Revision++ }))
		t.wantErrOn(err, driver.ErrConflict, "Endpoints.Update", "endpoint", stored.ID.String())
		_, err = tx.Endpoints().Update(t.ctx, changed(stored, func(e *driver.Endpoint) { e.ID = newID() }))
		t.wantErr(err, driver.ErrNotFound, "Endpoints.Update")
		_, err = tx.Endpoints().RotateSecret(t.ctx, newID(), driver.RotateOptions{})
		t.wantErr(err, driver.ErrNotFound, "Endpoints.RotateSecret")
		_, err = tx.Endpoints().RotateSecret(t.ctx, stored.ID, driver.RotateOptions{Grace: driver.MaxSecretGrace + 1})
		t.wantInvalid(err, "Endpoints.RotateSecret", "grace")
		_, err = tx.Endpoints().GetByID(t.ctx, newID())
		t.wantErr(err, driver.ErrNotFound, "Endpoints.GetByID")
		_, err = tx.Endpoints().GetActive(t.ctx, -1)
		t.wantInvalid(err, "Endpoints.GetActive", "limit")
		_, err = tx.Endpoints().ReencryptSecrets(t.ctx, 0)
		t.wantInvalid(err, "Endpoints.ReencryptSecrets", "keys")
		t.wantWebhooks(tx, before)
	})
	sameEntities(t, "active endpoints", must(t, t.store.Endpoints().GetActive, 0), []driver.Endpoint{stored})
}

// endpointTxOfApp saves an endpoint in a transaction that the app began.
func endpointTxOfApp(t *test, app *app) {
	stored := t.saveEndpoint()
	for _, commits := range []bool{false, true} {
		begun := app.begin()
		tx, err := begun.Join(t.store)
		t.ok(err)
		_, err = tx.Endpoints().Save(t.ctx, stored)
		t.wantErr(err, driver.ErrAlreadyExists, "Endpoints.Save")
		saved := must(t, tx.Endpoints().Save, newEndpoint())
		rotated := must2(t, tx.Endpoints().RotateSecret, saved.ID, driver.RotateOptions{})
		must(t, tx.EventTypes().Save, newEventType("order.placed"))
		_, err = tx.EventTypes().Save(t.ctx, newEventType("order.placed"))
		t.wantErr(err, driver.ErrAlreadyExists, "EventTypes.Save")
		if !commits {
			t.ok(begun.Rollback())
			equal(t, "exists after the rollback", must(t, t.store.Endpoints().Exists, saved.ID), false)
			t.wantEventTypes()
			continue
		}
		t.ok(begun.Commit())
		sameEntity(t, "endpoint after the commit", must(t, t.store.Endpoints().GetByID, saved.ID), rotated)
	}
}

func endpointTxSchema(t *test) {
	endpoints, eventTypes := t.saveWebhooks()
	before := t.webhooksOf(t.store)
	other := t.openStore(t.db, newSchema())
	t.wantWebhooks(other, webhookState{})
	finds := map[string]bool{}
	for _, op := range []string{
		"Endpoints.Update", "Endpoints.GetByID", "Endpoints.RotateSecret",
		"EventTypes.Update", "EventTypes.GetByID", "EventTypes.GetByEventType",
	} {
		finds[op] = true
	}
	for _, call := range callsOn(endpoints[0], eventTypes[0]) {
		if err := call.run(t.ctx, other); finds[call.op] {
			t.wantErr(err, driver.ErrNotFound, call.op)
		} else {
			t.ok(err)
		}
	}
	same := must(t, other.Endpoints().Save, changed(fullEndpoint(), func(e *driver.Endpoint) { e.ID = endpoints[0].ID }))
	sameEntity(t, "endpoint of the same id in another schema", must(t, other.Endpoints().GetByID, same.ID), same)
	t.wantWebhooks(t.store, before)
}
