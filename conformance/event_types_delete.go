package conformance

import (
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var eventTypeDelete = area{name: "EventTypes/Delete", behaviours: []behaviour{
	{"TellsWhetherThereWasOne", eventTypeDeleteTells},
	{"IsRefusedWhileASubscriptionRefersToIt", eventTypeDeleteReferenced},
	{"WorksWhenNothingRefersToItAnyMore", eventTypeDeleteFreed},
	{"MindsReferencesAndNotNames", eventTypeDeleteByName},
	{"FreesTheName", eventTypeDeleteFreesName},
	{"OrASubscriptionToItWins", eventTypeDeleteRace},
}}

func eventTypeDeleteTells(t *test) {
	saved := t.saveEventTypes("order.paid", "order.placed")
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		equal(t, "deleted an unknown one", must(t, t.store.EventTypes().Delete, id), false)
	}
	equal(t, "deleted", must(t, t.store.EventTypes().Delete, saved[0].ID), true)
	equal(t, "deleted again", must(t, t.store.EventTypes().Delete, saved[0].ID), false)
	equal(t, "exists", must(t, t.store.EventTypes().Exists, saved[0].ID), false)
	t.wantEventTypes(saved[1])
}

// subscribed returns an event type and a subscription that refers to it.
func (t *test) subscribed() (driver.EventType, driver.Subscription) {
	t.Helper()
	eventType := t.saveEventTypes("order.placed")[0]
	return eventType, must(t, t.store.Subscriptions().Save, fullSubscription(t.saveEndpoint().ID, eventType.ID))
}

// wantReferenced fails the test unless err is the refusal to delete an event type.
func (t *test) wantReferenced(err error, id uuid.UUID) {
	t.Helper()
	t.wantErrOn(err, driver.ErrReferenced, "EventTypes.Delete", "event type", id.String())
	if errors.Is(err, driver.ErrMissingReference) {
		t.Errorf("the error %v also matches ErrMissingReference", err)
	}
	var reference *driver.ReferenceError
	if !errors.As(err, &reference) {
		t.Errorf("the error %v has no *driver.ReferenceError", err)
		return
	}
	equal(t, "Field of the reference", reference.Field, "event_type_id")
	equal(t, "Entity of the reference", reference.Entity, "subscription")
	equal(t, "Key of the reference", reference.Key, "")
}

func eventTypeDeleteReferenced(t *test) {
	eventType, subscription := t.subscribed()
	for range 2 {
		deleted, err := t.store.EventTypes().Delete(t.ctx, eventType.ID)
		t.wantReferenced(err, eventType.ID)
		equal(t, "deleted", deleted, false)
	}
	t.wantEventTypes(eventType)
	sameEntity(t, "subscription", must(t, t.store.Subscriptions().GetByID, subscription.ID), subscription)
}

func eventTypeDeleteFreed(t *test) {
	eventType, subscription := t.subscribed()
	subscription.EventTypeID = nil
	must(t, t.store.Subscriptions().Update, subscription)
	equal(t, "deleted", must(t, t.store.EventTypes().Delete, eventType.ID), true)

	second := t.saveEventTypes("order.placed")[0]
	other := must(t, t.store.Subscriptions().Save, changed(newSubscription(subscription.EndpointID), func(s *driver.Subscription) {
		s.EventTypeID = &second.ID
	}))
	equal(t, "deleted the subscription", must(t, t.store.Subscriptions().Delete, other.ID), true)
	equal(t, "deleted", must(t, t.store.EventTypes().Delete, second.ID), true)
}

func eventTypeDeleteByName(t *test) {
	eventType := t.saveEventTypes("order.placed")[0]
	subscription := must(t, t.store.Subscriptions().Save, newSubscription(t.saveEndpoint().ID))
	equal(t, "EventType of the subscription", subscription.EventType, eventType.EventType)
	equal(t, "deleted", must(t, t.store.EventTypes().Delete, eventType.ID), true)
	sameEntity(t, "subscription", must(t, t.store.Subscriptions().GetByID, subscription.ID), subscription)
}

func eventTypeDeleteFreesName(t *test) {
	first := t.saveEventTypes("order.placed")[0]
	equal(t, "deleted", must(t, t.store.EventTypes().Delete, first.ID), true)
	t.wantEventTypes(t.saveEventTypes("order.placed")...)
}

// eventTypeDeleteRace deletes an event type while others subscribe to it: either is refused, never
// does a subscription refer to what is gone.
func eventTypeDeleteRace(t *test) {
	endpoint := t.saveEndpoint()
	for range 5 {
		eventType := t.saveEventTypes("order.placed")[0]
		const subscribers = 3
		subscribed := make([]bool, subscribers)
		deleted := false
		t.together(subscribers+1, func(i int) (err error) {
			if i == subscribers {
				deleted, err = t.store.EventTypes().Delete(t.ctx, eventType.ID)
				if err == nil {
					return nil
				}
				return asError(faultOf(err, driver.ErrReferenced, "EventTypes.Delete"))
			}
			_, err = t.store.Subscriptions().Save(t.ctx, fullSubscription(endpoint.ID, eventType.ID))
			subscribed[i] = err == nil
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrMissingReference, "Subscriptions.Save"))
		})
		if deleted == (count(subscribed) > 0) {
			t.Fatalf("deleted: %t, and %d subscriptions were saved; want one or the other", deleted, count(subscribed))
		}
		if deleted {
			continue
		}
		for _, s := range must2(t, t.store.Subscriptions().GetByEndpoint, endpoint.ID, driver.ListOptions{IncludeInactive: true}) {
			equal(t, "deleted a subscription", must(t, t.store.Subscriptions().Delete, s.ID), true)
		}
		equal(t, "deleted", must(t, t.store.EventTypes().Delete, eventType.ID), true)
	}
}
