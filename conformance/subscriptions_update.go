package conformance

import (
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionUpdate = area{name: "Subscriptions/Update", behaviours: []behaviour{
	{"ReplacesEveryField", subscriptionUpdateReplaces},
	{"ClearsFields", subscriptionUpdateClears},
	{"LeavesWhatOthersSet", subscriptionUpdateLeaves},
	{"CountsTheChanges", subscriptionUpdateCounts},
	{"RefusesAStaleRevision", subscriptionUpdateStale},
	{"OfAnUnknownOneIsNotFound", subscriptionUpdateUnknown},
	{"NeedsWhatItRefersTo", subscriptionUpdateMissing},
	{"RefusesWhatBreaksARule", subscriptionUpdateRefuses},
	{"AtOnceSucceedsOnce", subscriptionUpdateRace},
}}

var subscriptionDelete = area{name: "Subscriptions/Delete", behaviours: []behaviour{
	{"RemovesOne", subscriptionDeleteRemoves},
	{"OfAnUnknownOneIsFalse", subscriptionDeleteUnknown},
	{"GoesWithTheEndpoint", subscriptionGoesWithEndpoint},
	{"FreesTheEventType", subscriptionFreesEventType},
}}

func subscriptionUpdateReplaces(t *test) {
	endpoint := t.saveEndpoint()
	saved := t.saveSubscription(endpoint)
	eventType := must(t, t.store.EventTypes().Save, newEventType("order.placed"))
	given := fullSubscription(t.saveEndpoint().ID, eventType.ID)
	given.ID, given.Revision = saved.ID, saved.Revision
	before := t.now()
	updated := must(t, t.store.Subscriptions().Update, given)
	t.wantBetween("UpdatedAt", &updated.UpdatedAt, before, t.now())

	given.CreatedAt, given.UpdatedAt, given.Revision = saved.CreatedAt, updated.UpdatedAt, 2
	sameEntity(t, "subscription updated", updated, given)
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), updated)
	equal(t, "subscriptions of the endpoint it had", len(t.subscriptionsOf(t.store, endpoint)), 0)
}

func subscriptionUpdateClears(t *test) {
	_, saved := t.saveFullSubscription()
	given := driver.Subscription{ID: saved.ID, EndpointID: saved.EndpointID, EventType: "*", Revision: saved.Revision}
	updated := must(t, t.store.Subscriptions().Update, given)
	given.EventFilters = json.RawMessage("{}")
	given.CreatedAt, given.UpdatedAt, given.Revision = saved.CreatedAt, updated.UpdatedAt, 2
	sameEntity(t, "subscription updated", updated, given)
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), updated)
}

func subscriptionUpdateLeaves(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	equal(t, "triggered", must(t, t.store.Subscriptions().UpdateLastTriggered, []uuid.UUID{saved.ID}), 1)
	triggered := must(t, t.store.Subscriptions().GetByID, saved.ID)
	given := triggered
	given.LastTriggeredAt, given.CreatedAt, given.UpdatedAt = nil, given.CreatedAt.AddDate(-1, 0, 0), given.CreatedAt.AddDate(-1, 0, 0)
	given.SubscriptionName = "another"
	updated := must(t, t.store.Subscriptions().Update, given)
	want := triggered
	want.SubscriptionName, want.UpdatedAt, want.Revision = "another", updated.UpdatedAt, 2
	sameEntity(t, "subscription updated", updated, want)
	if updated.UpdatedAt.Before(triggered.UpdatedAt) {
		t.Errorf("UpdatedAt went back from %s to %s", triggered.UpdatedAt, updated.UpdatedAt)
	}
}

func subscriptionUpdateCounts(t *test) {
	subscription := t.saveSubscription(t.saveEndpoint())
	for revision := int64(2); revision <= 5; revision++ { // with the same fields, too
		subscription = must(t, t.store.Subscriptions().Update, subscription)
		equal(t, "Revision", subscription.Revision, revision)
	}
}

func subscriptionUpdateStale(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	latest := must(t, t.store.Subscriptions().Update, changed(saved, func(s *driver.Subscription) { s.EventType = "*" }))
	for _, revision := range []int64{saved.Revision, 0, -1, latest.Revision + 1} {
		got, err := t.store.Subscriptions().Update(t.ctx, changed(saved, func(s *driver.Subscription) { s.Revision = revision }))
		t.wantErrOn(err, driver.ErrConflict, "Subscriptions.Update", "subscription", saved.ID.String())
		sameEntity(t, "subscription beside an error", got, driver.Subscription{})
	}
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), latest)
}

func subscriptionUpdateUnknown(t *test) {
	endpoint := t.saveEndpoint()
	unknown := changed(newSubscription(endpoint.ID), func(s *driver.Subscription) { s.ID, s.Revision = newID(), 1 })
	_, err := t.store.Subscriptions().Update(t.ctx, unknown)
	t.wantErrOn(err, driver.ErrNotFound, "Subscriptions.Update", "subscription", unknown.ID.String())

	deleted := t.saveSubscription(endpoint)
	equal(t, "deleted", must(t, t.store.Subscriptions().Delete, deleted.ID), true)
	_, err = t.store.Subscriptions().Update(t.ctx, deleted)
	t.wantErrOn(err, driver.ErrNotFound, "Subscriptions.Update", "subscription", deleted.ID.String())
	equal(t, "subscriptions stored", len(t.subscriptionsOf(t.store, endpoint)), 0)
}

func subscriptionUpdateMissing(t *test) {
	_, saved := t.saveFullSubscription()
	unknown := newID()
	_, err := t.store.Subscriptions().Update(t.ctx, changed(saved, func(s *driver.Subscription) { s.EndpointID = unknown }))
	t.wantMissing(err, "Subscriptions.Update", "endpoint_id", "endpoint", unknown)
	_, err = t.store.Subscriptions().Update(t.ctx, changed(saved, func(s *driver.Subscription) { s.EventTypeID = &unknown }))
	t.wantMissing(err, "Subscriptions.Update", "event_type_id", "event type", unknown)
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
}

func subscriptionUpdateRefuses(t *test) {
	saved := t.saveSubscription(t.saveEndpoint())
	for _, spoil := range spoiledSubscriptions() {
		_, err := t.store.Subscriptions().Update(t.ctx, changed(saved, spoil.change))
		t.wantInvalid(err, "Subscriptions.Update", spoil.field)
	}
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
}

// subscriptionUpdateRace updates the same revision from several goroutines: one of them succeeds.
func subscriptionUpdateRace(t *test) {
	const writers = 6
	saved := t.saveSubscription(t.saveEndpoint())
	won, updated := make([]bool, writers), make([]driver.Subscription, writers)
	t.together(writers, func(i int) (err error) {
		updated[i], err = t.store.Subscriptions().Update(t.ctx, changed(saved, func(s *driver.Subscription) { s.SubscriptionName = string(rune('a' + i)) }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrConflict, "Subscriptions.Update"))
	})
	equal(t, "writers that succeeded", count(won), 1)
	for i := range won {
		if won[i] {
			sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), updated[i])
		}
	}
}

func subscriptionDeleteRemoves(t *test) {
	endpoint := t.saveEndpoint()
	gone, kept := t.saveSubscription(endpoint), t.saveSubscription(endpoint)
	equal(t, "deleted", must(t, t.store.Subscriptions().Delete, gone.ID), true)
	_, err := t.store.Subscriptions().GetByID(t.ctx, gone.ID)
	t.wantErrOn(err, driver.ErrNotFound, "Subscriptions.GetByID", "subscription", gone.ID.String())
	equal(t, "there", must(t, t.store.Subscriptions().Exists, gone.ID), false)
	sameEntities(t, "subscriptions left", t.subscriptionsOf(t.store, endpoint), []driver.Subscription{kept})
	equal(t, "endpoint there", must(t, t.store.Endpoints().Exists, endpoint.ID), true)
	equal(t, "deleted again", must(t, t.store.Subscriptions().Delete, gone.ID), false)
}

func subscriptionDeleteUnknown(t *test) {
	kept := t.saveSubscription(t.saveEndpoint())
	for _, id := range []uuid.UUID{newID(), uuid.Nil, kept.EndpointID} {
		equal(t, "deleted", must(t, t.store.Subscriptions().Delete, id), false)
	}
	equal(t, "there", must(t, t.store.Subscriptions().Exists, kept.ID), true)
}

func subscriptionGoesWithEndpoint(t *test) {
	endpoint := t.saveEndpoint()
	gone := []driver.Subscription{t.saveSubscription(endpoint), t.saveSubscription(endpoint, func(s *driver.Subscription) { s.IsActive = false })}
	kept := t.saveSubscription(t.saveEndpoint())
	equal(t, "endpoint deleted", must(t, t.store.Endpoints().Delete, endpoint.ID), true)
	for _, subscription := range gone {
		_, err := t.store.Subscriptions().GetByID(t.ctx, subscription.ID)
		t.wantErr(err, driver.ErrNotFound, "Subscriptions.GetByID")
	}
	sameEntities(t, "subscriptions left", must(t, t.store.Subscriptions().GetActive, 0), []driver.Subscription{kept})
}

// subscriptionFreesEventType deletes an event type: that waits until no subscription names its id.
func subscriptionFreesEventType(t *test) {
	_, saved := t.saveFullSubscription()
	byName := t.saveSubscription(t.saveEndpoint()) // of the type, but not by its id
	_, err := t.store.EventTypes().Delete(t.ctx, *saved.EventTypeID)
	t.wantErr(err, driver.ErrReferenced, "EventTypes.Delete")
	var referenced *driver.ReferenceError
	if !errors.As(err, &referenced) || referenced.Field != "event_type_id" || referenced.Entity != "subscription" {
		t.Errorf("the error %v doesn't tell that a subscription refers to it by event_type_id", err)
	}
	must(t, t.store.Subscriptions().Update, changed(saved, func(s *driver.Subscription) { s.EventTypeID = nil }))
	equal(t, "event type deleted", must(t, t.store.EventTypes().Delete, *saved.EventTypeID), true)
	equal(t, "there", must(t, t.store.Subscriptions().Exists, byName.ID), true)
}
