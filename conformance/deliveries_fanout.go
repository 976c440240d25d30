package conformance

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryFanOut = area{name: "Deliveries/SaveForEvent", alone: true, behaviours: []behaviour{
	{"MakesOneForEachEndpoint", fanOutEach},
	{"HoldsToTypesContextsAndFilters", fanOutMatches},
	{"MakesOneForSeveralSubscriptions", fanOutOnce},
	{"TwiceIsTheSameAsOnce", fanOutTwice},
	{"AtOnceIsTheSameAsOnce", fanOutAtOnce},
	{"ReturnsThoseThatAreThere", fanOutReturnsThere},
	{"MakesNoneForInactiveEndpoints", fanOutInactive},
	{"MakesNoneForEndpointsThatAreGone", fanOutGone},
	{"NeedsTheEvent", fanOutNeedsEvent},
	{"RefusesSubscriptionsReadWithTooLittle", fanOutRefuses},
	{"OfNoMatchNeedsNoDatabase", fanOutNone},
	{"TakesManySubscriptions", fanOutMany},
	{"OfWhatGetMatchingFoundIsTheWholePath", fanOutWholePath},
}}

// fanOut makes the deliveries of an event.
func (t *test) fanOut(event driver.Event, subscriptions ...driver.Subscription) []driver.Delivery {
	t.Helper()
	return must2(t, t.store.Deliveries().SaveForEvent, event, subscriptions)
}

// subscribe saves a subscription of a new endpoint.
func (t *test) subscribe(changes ...func(*driver.Subscription)) driver.Subscription {
	t.Helper()
	return t.saveSubscription(t.saveEndpoint(), changes...)
}

// wantOneEach fails the test unless deliveries are one to each of the endpoints, by ID.
func (t *test) wantOneEach(what string, deliveries []driver.Delivery, want ...uuid.UUID) {
	t.Helper()
	got := make([]uuid.UUID, len(deliveries))
	ids := entityIDs(deliveries)
	for i := range deliveries {
		got[i] = deliveries[i].EndpointID
	}
	if !slices.IsSortedFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		t.Errorf("%s: the deliveries are not by ID: %s", what, brief(ids))
	}
	want = slices.Clone(want)
	sortIDs(got)
	sortIDs(want)
	equalList(t, "endpoints of "+what, got, want)
}

func fanOutEach(t *test) {
	subscriptions := []driver.Subscription{t.subscribe(), t.subscribe(), t.subscribe(func(s *driver.Subscription) { s.EventType = "*" })}
	event := t.save(newEvent())
	before := t.now()
	saved := t.fanOut(event, subscriptions...)
	after := t.now()
	t.wantOneEach("the deliveries", saved, subscriptions[0].EndpointID, subscriptions[1].EndpointID, subscriptions[2].EndpointID)
	for _, d := range saved {
		endpoint := must(t, t.store.Endpoints().GetByID, d.EndpointID)
		t.wantNew("delivery", d, endpoint, event.ID, before, after)
		equal(t, "version of the ID", d.ID.Version(), 7)
		sameEntity(t, "delivery read back", t.delivery(d.ID), d)
	}
	equal(t, "due", len(t.due()), len(saved))
}

func fanOutMatches(t *test) {
	contextID := newID()
	event := newEvent()
	event.ContextID, event.EventData = &contextID, json.RawMessage(`{"total": 10, "country": "DE"}`)
	event = t.save(event)
	filters := func(text string) func(*driver.Subscription) {
		return func(s *driver.Subscription) { s.EventFilters = json.RawMessage(text) }
	}
	want := []driver.Subscription{
		t.subscribe(filters(`{"total": {"$gte": 10.0}, "country": ["FR", "DE"]}`)),
		t.subscribe(func(s *driver.Subscription) { s.ContextID = &contextID }),
		t.subscribe(func(s *driver.Subscription) { s.EventType = "order.*" }),
	}
	others := []driver.Subscription{
		t.subscribe(filters(`{"total": {"$gt": 10}}`)),
		t.subscribe(filters(`{"customer": {"$exists": true}}`)),
		t.subscribe(func(s *driver.Subscription) { s.ContextID = ptr(newID()) }),
		t.subscribe(func(s *driver.Subscription) { s.EventType = "order.paid" }),
	}
	saved := t.fanOut(event, append(others, want...)...)
	t.wantOneEach("the deliveries", saved, want[0].EndpointID, want[1].EndpointID, want[2].EndpointID)
}

func fanOutOnce(t *test) {
	endpoint := t.saveEndpoint()
	event := t.save(newEvent())
	saved := t.fanOut(
		event, t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventFilters = json.RawMessage(`{"note": 1}`) }),
		t.saveSubscription(endpoint), t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = "*" }),
	)
	t.wantOneEach("the deliveries", saved, endpoint.ID)
	sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, event.ID, 0), saved)
}

func fanOutTwice(t *test) {
	subscriptions := []driver.Subscription{t.subscribe(), t.subscribe()}
	event := t.save(newEvent())
	saved := t.fanOut(event, subscriptions...)
	sameEntities(t, "deliveries of the second call", t.fanOut(event, reversed(subscriptions)...), saved)
	another := t.fanOut(t.save(newEvent()), subscriptions...)
	equal(t, "deliveries of another event", len(another), 2)
	sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, event.ID, 0), saved)
}

// fanOutAtOnce makes the deliveries of one event from several goroutines, which have the
// subscriptions in different orders.
func fanOutAtOnce(t *test) {
	const goroutines = 8
	subscriptions := make([]driver.Subscription, scale(40, 15))
	want := make([]uuid.UUID, len(subscriptions))
	for i := range subscriptions {
		subscriptions[i] = t.subscribe()
		want[i] = subscriptions[i].EndpointID
	}
	for round := range scale(5, 2) {
		event := t.save(newEvent())
		saved := make([][]driver.Delivery, goroutines)
		t.together(goroutines, func(i int) error {
			mine := slices.Clone(subscriptions)
			rand.New(rand.NewPCG(uint64(i), uint64(round))).Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			inside := t.store.InTx
			if round%2 == 0 {
				inside = func(_ context.Context, fn func(tx driver.Store) error, _ ...driver.TxOption) error {
					return fn(t.store)
				}
			}
			return inside(t.ctx, func(tx driver.Store) (err error) {
				saved[i], err = tx.Deliveries().SaveForEvent(t.ctx, event, mine)
				return err
			})
		})
		for i := range saved {
			t.wantOneEach("the deliveries", saved[i], want...)
			sameEntities(t, "deliveries returned to another goroutine", saved[i], saved[0])
		}
		equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, event.ID, 0)), len(want))
	}
}

func fanOutReturnsThere(t *test) {
	there, fresh := t.subscribe(), t.subscribe()
	event := t.save(newEvent())
	delivery := driver.NewDelivery(there.EndpointID, event.ID)
	delivery.Attempts = []driver.Attempt{newAttempt(succeeds)}
	ended := must(t, t.store.Deliveries().Save, delivery)
	must(t, t.store.Deliveries().Replay, ended.ID) // is none of the originals
	saved := t.fanOut(event, there, fresh)
	t.wantOneEach("the deliveries", saved, there.EndpointID, fresh.EndpointID)
	for _, d := range saved {
		if d.EndpointID == there.EndpointID {
			sameEntity(t, "delivery that was there", d, bare(ended)[0])
		}
	}
	sameEntity(t, "delivery that was there, read back", t.delivery(ended.ID), ended)
}

func fanOutInactive(t *test) {
	inactive := t.saveSubscription(t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false }))
	active := t.subscribe()
	event := t.save(newEvent())
	t.wantOneEach("the deliveries", t.fanOut(event, inactive, active), active.EndpointID)
	event = t.save(newEvent())
	equal(t, "deliveries to inactive endpoints only", len(t.fanOut(event, inactive)), 0)
	equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, event.ID, 0)), 0)
}

func fanOutGone(t *test) {
	gone, kept := t.subscribe(), t.subscribe()
	event, earlier := t.save(newEvent()), t.save(newEvent())
	there := t.fanOut(earlier, gone)
	equal(t, "endpoint deleted", must(t, t.store.Endpoints().Delete, gone.EndpointID), true)
	t.wantOneEach("the deliveries", t.fanOut(event, gone, kept), kept.EndpointID)
	equal(t, "deliveries to an endpoint that is gone", len(t.fanOut(t.save(newEvent()), gone)), 0)
	equalList(t, "deliveries that were there", entityIDs(t.fanOut(earlier, gone)), entityIDs(there))
}

func fanOutNeedsEvent(t *test) {
	subscription := t.subscribe()
	unsaved := newEvent()
	unsaved.ID = newID()
	foreign := t.saveTo(t.openStore(t.db, newSchema()), newEvent())
	for _, event := range []driver.Event{unsaved, foreign, newEvent()} {
		saved, err := t.store.Deliveries().SaveForEvent(t.ctx, event, []driver.Subscription{subscription})
		t.wantMissing(err, "Deliveries.SaveForEvent", "event_id", "event", event.ID)
		equal(t, "deliveries beside an error", len(saved), 0)
	}
	equal(t, "due", len(t.due()), 0)
}

func fanOutRefuses(t *test) {
	whole, event := t.subscribe(), t.save(newEvent())
	for field, unread := range map[string]func(*driver.Subscription){
		"event_filters": func(s *driver.Subscription) { s.EventFilters = nil },
		"endpoint_id":   func(s *driver.Subscription) { s.EndpointID = uuid.Nil },
		"event_type":    func(s *driver.Subscription) { s.EventType = "" },
	} {
		saved, err := t.store.Deliveries().SaveForEvent(t.ctx, event, []driver.Subscription{whole, changed(t.subscribe(), unread)})
		t.wantInvalid(err, "Deliveries.SaveForEvent", field)
		equal(t, "deliveries beside an error", len(saved), 0)
	}
	equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, event.ID, 0)), 0)
}

func fanOutNone(t *test) {
	other := newSubscription(newID())
	other.EventType = "order.paid"
	for _, subscriptions := range [][]driver.Subscription{nil, {}, {other}} {
		saved, err := t.store.Deliveries().SaveForEvent(t.endedContext(), newEvent(), subscriptions)
		t.ok(err)
		if saved == nil || len(saved) > 0 {
			t.Errorf("deliveries without a match: got %v, want an empty list", saved)
		}
	}
}

func fanOutMany(t *test) {
	subscriptions := make([]driver.Subscription, scale(500, 150))
	want := make([]uuid.UUID, len(subscriptions))
	t.inTx(func(tx driver.Store) {
		for i := range subscriptions {
			want[i] = must(t, tx.Endpoints().Save, newEndpoint()).ID
			subscriptions[i] = must(t, tx.Subscriptions().Save, newSubscription(want[i]))
		}
	})
	event := t.save(newEvent())
	t.wantOneEach("the deliveries", t.fanOut(event, subscriptions...), want...)
	equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, event.ID, driver.MaxLimit)), len(want))
}

// fanOutWholePath goes from the event to the attempt as an app does.
func fanOutWholePath(t *test) {
	subscription := t.subscribe(func(s *driver.Subscription) { s.EventFilters = json.RawMessage(`{"note": {"$exists": true}}`) })
	t.subscribe(func(s *driver.Subscription) { s.EventFilters = json.RawMessage(`{"note": {"$exists": false}}`) })
	var event driver.Event
	t.inTx(func(tx driver.Store) {
		event = t.saveTo(tx, newEvent())
		found, err := tx.Subscriptions().GetMatching(t.ctx, event.EventType, event.ContextID, driver.MatchOptions{})
		t.ok(err)
		saved := must2(t, tx.Deliveries().SaveForEvent, event, found)
		t.wantOneEach("the deliveries", saved, subscription.EndpointID)
	})
	claimed := t.claim(0)
	equal(t, "deliveries claimed", len(claimed), 1)
	ended := t.record(claimed[0].ID, driver.Attempt{Status: succeeds, LeaseToken: claimed[0].LeaseToken})
	equal(t, "status", ended.Status, driver.DeliverySuccess)
	equal(t, "event", ended.EventID, event.ID)
}
