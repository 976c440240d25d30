package conformance

import (
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var endpointDelete = area{name: "Endpoints/Delete", behaviours: []behaviour{
	{"TellsWhetherThereWasOne", endpointDeleteTells},
	{"TakesItsSubscriptionsAlong", endpointDeleteSubscriptions},
	{"CancelsOpenDeliveriesAndKeepsThem", endpointDeleteCancels},
	{"LeavesFinishedDeliveriesAsTheyAre", endpointDeleteKeepsFinished},
	{"EndsTheLeasesOfItsDeliveries", endpointDeleteLeases},
	{"LeavesOtherEndpointsAlone", endpointDeleteOthers},
	{"FreesTheID", endpointDeleteFreesID},
	{"ByManyAtOnceSucceedsOnce", endpointDeleteRace},
	{"RolledBackBringsAllBack", endpointDeleteRolledBack},
}}

func endpointDeleteTells(t *test) {
	saved := t.saveEndpoint()
	equal(t, "deleted an unknown one", must(t, t.store.Endpoints().Delete, newID()), false)
	equal(t, "deleted the zero id", must(t, t.store.Endpoints().Delete, uuid.Nil), false)
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, saved.ID), true)
	equal(t, "deleted again", must(t, t.store.Endpoints().Delete, saved.ID), false)
	_, err := t.store.Endpoints().GetByID(t.ctx, saved.ID)
	t.wantErrOn(err, driver.ErrNotFound, "Endpoints.GetByID", "endpoint", saved.ID.String())
	equal(t, "exists", must(t, t.store.Endpoints().Exists, saved.ID), false)
	equal(t, "active ones", len(must(t, t.store.Endpoints().GetActive, 0)), 0)
}

func endpointDeleteSubscriptions(t *test) {
	gone, stays := t.saveEndpoint(), t.saveEndpoint()
	eventType := must(t, t.store.EventTypes().Save, newEventType("order.placed"))
	first := must(t, t.store.Subscriptions().Save, newSubscription(gone.ID))
	second := must(t, t.store.Subscriptions().Save, fullSubscription(gone.ID, eventType.ID))
	other := must(t, t.store.Subscriptions().Save, newSubscription(stays.ID))
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, gone.ID), true)
	for _, id := range []uuid.UUID{first.ID, second.ID} {
		equal(t, "a subscription of the deleted endpoint exists", must(t, t.store.Subscriptions().Exists, id), false)
	}
	sameEntity(t, "subscription of another endpoint", must(t, t.store.Subscriptions().GetByID, other.ID), other)
	equal(t, "deleted the event type that nothing refers to any more", must(t, t.store.EventTypes().Delete, eventType.ID), true)
}

// deliverTo saves a delivery of a new event to an endpoint, with attempts that ended so.
func (t *test) deliverTo(endpointID uuid.UUID, outcomes ...driver.AttemptStatus) driver.Delivery {
	t.Helper()
	delivery := driver.NewDelivery(endpointID, t.save(newEvent()).ID)
	for _, outcome := range outcomes {
		delivery.Attempts = append(delivery.Attempts, driver.Attempt{Status: outcome, RequestBody: canary, ErrorMessage: "refused"})
	}
	return must(t, t.store.Deliveries().Save, delivery)
}

func endpointDeleteCancels(t *test) {
	endpoint := t.saveEndpoint()
	open := []driver.Delivery{t.deliverTo(endpoint.ID), t.deliverTo(endpoint.ID, driver.AttemptFailed)}
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, endpoint.ID), true)
	for _, want := range open {
		what := "delivery that was " + string(want.Status)
		got := must(t, t.store.Deliveries().GetByID, want.ID)
		t.wantBetween("CompletedAt of a "+what, got.CompletedAt, want.CreatedAt, t.now())
		if got.CancelReason == "" {
			t.Errorf("CancelReason of a %s: got none, want one that tells why", what)
		}
		want.Status, want.NextRetryAt = driver.DeliveryCancelled, nil
		want.CompletedAt, want.UpdatedAt, want.CancelReason = got.CompletedAt, got.UpdatedAt, got.CancelReason
		sameEntity(t, what, got, want)
		_, err := t.store.Deliveries().RecordAttempt(t.ctx, want.ID, driver.Attempt{Status: driver.AttemptSuccess})
		t.wantErr(err, driver.ErrState, "Deliveries.RecordAttempt")
	}
	equal(t, "deliveries that are due", len(must(t, t.store.Deliveries().GetPendingRetries, 0)), 0)
	equal(t, "deliveries of the deleted endpoint", len(must2(t, t.store.Deliveries().GetByEndpoint, endpoint.ID, 0)), len(open))
}

func endpointDeleteKeepsFinished(t *test) {
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts = 1 })
	success := t.deliverTo(endpoint.ID, driver.AttemptTimeout, driver.AttemptSuccess)
	failed := t.deliverTo(endpoint.ID, driver.AttemptFailed, driver.AttemptFailed)
	cancelled := t.deliverTo(endpoint.ID, driver.AttemptFailed)
	must2(t, t.store.Deliveries().Cancel, cancelled.ID, "of no use")
	cancelled = must(t, t.store.Deliveries().GetByID, cancelled.ID)
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, endpoint.ID), true)
	for _, finished := range []driver.Delivery{success, failed, cancelled} {
		sameEntity(t, "delivery that was "+string(finished.Status), must(t, t.store.Deliveries().GetByID, finished.ID), finished)
	}
}

func endpointDeleteLeases(t *test) {
	endpoint := t.saveEndpoint()
	t.deliverTo(endpoint.ID)
	claimed := must2(t, t.store.Deliveries().ClaimDue, 0, 0)
	equal(t, "claimed", len(claimed), 1)
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, endpoint.ID), true)
	got := must(t, t.store.Deliveries().GetByID, claimed[0].ID)
	equal(t, "Status", got.Status, driver.DeliveryCancelled)
	equal(t, "LeaseToken", optional(got.LeaseToken), "nil")
	equal(t, "LeaseUntil", instant(got.LeaseUntil), "nil")
	_, err := t.store.Deliveries().RecordAttempt(t.ctx, got.ID, driver.Attempt{Status: driver.AttemptSuccess, LeaseToken: claimed[0].LeaseToken})
	t.wantErr(err, driver.ErrState, "Deliveries.RecordAttempt")
}

func endpointDeleteOthers(t *test) {
	gone, stays := t.saveEndpoint(), must(t, t.store.Endpoints().Save, fullEndpoint())
	open := t.deliverTo(stays.ID)
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, gone.ID), true)
	sameEntity(t, "another endpoint", must(t, t.store.Endpoints().GetByID, stays.ID), stays)
	got := must(t, t.store.Deliveries().GetByID, open.ID)
	sameEntity(t, "delivery to another endpoint", got, open)
}

func endpointDeleteFreesID(t *test) {
	first := t.saveEndpoint()
	history := t.deliverTo(first.ID, driver.AttemptSuccess)
	equal(t, "deleted", must(t, t.store.Endpoints().Delete, first.ID), true)
	second := must(t, t.store.Endpoints().Save, changed(fullEndpoint(), func(e *driver.Endpoint) { e.ID = first.ID }))
	sameEntity(t, "endpoint of the same id", must(t, t.store.Endpoints().GetByID, first.ID), second)
	sameEntity(t, "delivery", must(t, t.store.Deliveries().GetByID, history.ID), history)
}

func endpointDeleteRace(t *test) {
	const deleters = 6
	saved := t.saveEndpoint()
	t.deliverTo(saved.ID)
	deleted := make([]bool, deleters)
	t.together(deleters, func(i int) (err error) {
		deleted[i], err = t.store.Endpoints().Delete(t.ctx, saved.ID)
		return err
	})
	equal(t, "deleters that were told true", count(deleted), 1)
}

func endpointDeleteRolledBack(t *test) {
	endpoint := must(t, t.store.Endpoints().Save, fullEndpoint())
	subscription := must(t, t.store.Subscriptions().Save, newSubscription(endpoint.ID))
	open := t.deliverTo(endpoint.ID, driver.AttemptFailed)
	t.undone(t.store, func(tx driver.Store) {
		equal(t, "deleted", must(t, tx.Endpoints().Delete, endpoint.ID), true)
		equal(t, "exists", must(t, tx.Endpoints().Exists, endpoint.ID), false)
		equal(t, "deleted again", must(t, tx.Endpoints().Delete, endpoint.ID), false)
	})
	sameEntity(t, "endpoint", must(t, t.store.Endpoints().GetByID, endpoint.ID), endpoint)
	sameEntity(t, "subscription", must(t, t.store.Subscriptions().GetByID, subscription.ID), subscription)
	sameEntity(t, "delivery", must(t, t.store.Deliveries().GetByID, open.ID), open)
}
