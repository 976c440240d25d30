package conformance

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionTriggered = area{name: "Subscriptions/UpdateLastTriggered", alone: true, behaviours: []behaviour{
	{"MovesItToNow", triggeredMoves},
	{"TouchesNothingElse", triggeredNothingElse},
	{"CountsDuplicatesOnceAndIgnoresUnknownIDs", triggeredCounts},
	{"OfNoneNeedsNoDatabase", triggeredNone},
	{"NeverGoesBack", triggeredForward},
	{"OfManyAtOnceNeverDeadlocks", triggeredAtOnce},
}}

var subscriptionMatches = area{name: "Subscriptions/Matches", behaviours: []behaviour{
	{"HoldsOfWhatWasStored", storedFiltersMatch},
	{"HoldsToTheContext", storedContextsMatch},
	{"NeedsTheFiltersAndTheType", storedFiltersNeeded},
}}

func triggeredMoves(t *test) {
	endpoint := t.saveEndpoint()
	saved := []driver.Subscription{t.saveSubscription(endpoint), t.saveSubscription(endpoint, func(s *driver.Subscription) { s.IsActive = false })}
	untouched := t.saveSubscription(endpoint)
	for range 2 {
		before := t.now()
		equal(t, "triggered", must(t, t.store.Subscriptions().UpdateLastTriggered, entityIDs(saved)), 2)
		after := t.now()
		for _, subscription := range saved {
			got := must(t, t.store.Subscriptions().GetByID, subscription.ID)
			t.wantBetween("LastTriggeredAt", got.LastTriggeredAt, before, after)
		}
	}
	sameEntity(t, "another subscription", must(t, t.store.Subscriptions().GetByID, untouched.ID), untouched)
}

func triggeredNothingElse(t *test) {
	_, saved := t.saveFullSubscription()
	equal(t, "triggered", must(t, t.store.Subscriptions().UpdateLastTriggered, []uuid.UUID{saved.ID}), 1)
	got := must(t, t.store.Subscriptions().GetByID, saved.ID)
	want := saved
	want.LastTriggeredAt = got.LastTriggeredAt
	sameEntity(t, "subscription triggered", got, want)
	must(t, t.store.Subscriptions().Update, saved) // its revision is still the latest
}

func triggeredCounts(t *test) {
	endpoint := t.saveEndpoint()
	one, other := t.saveSubscription(endpoint).ID, t.saveSubscription(endpoint).ID
	for n, ids := range map[int][]uuid.UUID{
		0: {newID(), uuid.Nil, endpoint.ID},
		1: {one, one, newID(), one},
		2: {other, one, other, newID(), one},
	} {
		equal(t, "triggered", must(t, t.store.Subscriptions().UpdateLastTriggered, ids), n)
	}
	many := slices.Repeat([]uuid.UUID{one, newID(), other}, scale(3000, 500))
	equal(t, "triggered of many", must(t, t.store.Subscriptions().UpdateLastTriggered, many), 2)
}

func triggeredNone(t *test) {
	for _, ids := range [][]uuid.UUID{nil, {}} {
		n, err := t.store.Subscriptions().UpdateLastTriggered(t.endedContext(), ids)
		t.ok(err)
		equal(t, "triggered of none", n, 0)
	}
}

// triggeredForward touches one from a transaction that began before the last touch.
func triggeredForward(t *test) {
	t.needsConcurrent()
	ids := []uuid.UUID{t.saveSubscription(t.saveEndpoint()).ID}
	t.inTx(func(tx driver.Store) {
		t.saveTo(tx, newEvent()) // its clock may stand still from here on
		must(t, t.store.Subscriptions().UpdateLastTriggered, ids)
		before := must(t, t.store.Subscriptions().GetByID, ids[0])
		equal(t, "triggered", must(t, tx.Subscriptions().UpdateLastTriggered, ids), 1)
		after := must(t, tx.Subscriptions().GetByID, ids[0])
		if after.LastTriggeredAt.Before(*before.LastTriggeredAt) {
			t.Errorf("LastTriggeredAt went back from %s to %s", before.LastTriggeredAt, after.LastTriggeredAt)
		}
	})
}

func triggeredAtOnce(t *test) {
	const goroutines = 8
	ids := entityIDs(t.saveSubscriptionsInDisorder(t.saveEndpoint(), 40))
	t.together(goroutines, func(i int) error {
		random := rand.New(rand.NewPCG(uint64(i), 1))
		for range scale(20, 5) {
			some := slices.Clone(ids)
			random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			if _, err := t.store.Subscriptions().UpdateLastTriggered(t.ctx, some[:30]); err != nil {
				return err
			}
		}
		return nil
	})
}

func storedFiltersMatch(t *test) {
	endpoint := t.saveEndpoint()
	event := newEvent()
	event.EventData = json.RawMessage(`{"total": 1.0, "huge": 12345678901234567890.0000000000000000001, "note": "a\u0000\u00e4 b",
		"lines": [{"sku": "A"}, {"sku": "B"}], "customer": {"country": "DE", "vip": false, "name": null}, "total": 1.00}`)
	event = t.save(event)
	for filters, want := range map[string]bool{
		`{}`:           true,
		`{"total": 1}`: true, `{"total": "1"}`: false, `{"total": {"$gte": 1e0, "$lt": 2}}`: true, `{"total": {"$gte": 1, "$gt": 1}}`: false,
		`{"huge": 12345678901234567890.0000000000000000001}`: true, `{"huge": 12345678901234567890}`: false,
		`{"huge": {"$gt": 12345678901234567890}}`: true,
		`{"note": "a\u0000ä b"}`:                  true, `{"note": {"$prefix": "a\u0000\u00e4"}}`: true, `{"note": {"$contains": "A"}}`: false,
		`{"lines": {"$contains": {"sku": "B"}}}`: true, `{"lines": [{"sku": "A"}]}`: false, `{"lines": {"$eq": [{"sku": "A"}, {"sku": "B"}]}}`: true,
		`{"customer.country": ["FR", "DE"], "customer.vip": false}`: true, `{"customer.country": "DE", "customer.vip": true}`: false,
		`{"customer.name": null}`: true, `{"customer.name": {"$exists": true}}`: true, `{"customer.age": {"$exists": false}}`: true,
		`{"customer.age": null}`: false, `{"customer.age": {"$ne": 1, "$nin": [1]}}`: true, `{"customer.age": {"$lt": 1}}`: false,
		`{"customer": {"vip": false, "name": null, "country": "DE"}}`: true, `{"customer": {"country": "DE"}}`: false,
	} {
		saved := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventFilters = json.RawMessage(filters) })
		stored, read := must(t, t.store.Subscriptions().GetByID, saved.ID), t.get(event.ID)
		matches, err := stored.Matches(&read)
		t.ok(err)
		equal(t, "filters "+filters+" match", matches, want)
	}
}

func storedContextsMatch(t *test) {
	one, other := newID(), newID()
	endpoint := t.saveEndpoint()
	for _, of := range []*uuid.UUID{nil, &one, &other} {
		event := newEvent()
		event.ContextID = of
		event = t.save(event)
		for _, restricted := range []*uuid.UUID{nil, &one} {
			saved := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID = restricted })
			matches, err := saved.Matches(&event)
			t.ok(err)
			want := restricted == nil || of == &one
			equal(t, "a subscription of context "+optional(restricted)+" matches an event of context "+optional(of), matches, want)
		}
	}
}

// wantUnread fails the test unless err is the refusal of a field that was not read.
func (t *test) wantUnread(err error, field string) {
	t.Helper()
	var invalid *driver.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != field {
		t.Errorf("got %v, want the refusal of %s", err, field)
	}
}

func storedFiltersNeeded(t *test) {
	t.saveSubscription(t.saveEndpoint())
	found, err := t.store.Subscriptions().GetMatching(t.ctx, "order.placed", nil, driver.MatchOptions{Columns: []driver.SubscriptionColumn{
		driver.SubscriptionColumnEndpointID, driver.SubscriptionColumnEventType, driver.SubscriptionColumnContextID,
	}})
	t.ok(err)
	equal(t, "subscriptions found", len(found), 1)
	event := t.save(newEvent())
	_, err = found[0].Matches(&event)
	t.wantUnread(err, "event_filters")
	whole := newSubscription(found[0].EndpointID)
	whole.EventType = ""
	_, err = whole.Matches(&event)
	t.wantUnread(err, "event_type")
}
