package conformance

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionMatching = area{name: "Subscriptions/Matching", behaviours: []behaviour{
	{"FindsEveryPatternThatCoversTheType", matchingPatterns},
	{"NeedsAnActiveSubscription", matchingActive},
	{"NeedsAnActiveEndpoint", matchingActiveEndpoint},
	{"NeedsAnEnabledTypeByName", matchingEnabledByName},
	{"NeedsAnEnabledTypeByItsID", matchingEnabledByID},
	{"NeedsAVerifiedEndpointWhereTheTypeAsks", matchingVerified},
	{"WithAContextAddsThoseWithoutOne", matchingContext},
	{"WithoutAContextLeavesOutThoseWithOne", matchingNoContext},
	{"IsOldestFirstThenByID", matchingOrder},
	{"HasNoLimit", matchingMany},
	{"DoesNotLookAtFilters", matchingFilters},
	{"ReadsTheAskedColumnsAndTheID", matchingColumns},
	{"RefusesAnUnknownColumn", matchingUnknownColumn},
	{"RefusesATypeThatNoEventHas", matchingRefusesType},
	{"IsEmptyWithoutMatches", matchingNothing},
}}

// match returns the subscriptions that an event of the type can be for, with all columns.
func (t *test) match(eventType string, contextID *uuid.UUID) []driver.Subscription {
	t.Helper()
	found, err := t.store.Subscriptions().GetMatching(t.ctx, eventType, contextID, driver.MatchOptions{})
	t.ok(err)
	return found
}

func matchingPatterns(t *test) {
	endpoint := t.saveEndpoint()
	saved := map[string]driver.Subscription{}
	for _, pattern := range []string{
		"order.line.added", "order.line.*", "order.*", "*", "order", "order.line", "order.line.added.*", "order.line.adde", "order.line.added.twice",
		"orders.*", "Order.*", "order.lin.*", "line.*", "order.line.Added",
	} {
		saved[pattern] = t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = pattern })
	}
	for eventType, patterns := range map[string][]string{
		"order.line.added":          {"order.line.added", "order.line.*", "order.*", "*"},
		"order.line.added.twice":    {"order.line.*", "order.*", "*", "order.line.added.*", "order.line.added.twice"},
		"order.line":                {"order.*", "*", "order.line"},
		"order":                     {"*", "order"},
		"orders":                    {"*"},
		"Order.line.added":          {"*", "Order.*"},
		"order.line.Added":          {"order.line.*", "order.*", "*", "order.line.Added"},
		"a.b.c.d.e.f.g.h.i.j.k.l.m": {"*"},
	} {
		want := make([]driver.Subscription, len(patterns))
		for i, pattern := range patterns {
			want[i] = saved[pattern]
		}
		sameEntities(t, "matching "+eventType, t.match(eventType, nil), want)
	}
}

func matchingActive(t *test) {
	endpoint := t.saveEndpoint()
	active := t.saveSubscription(endpoint)
	inactive := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.IsActive = false })
	sameEntities(t, "matching", t.match("order.placed", nil), []driver.Subscription{active})

	inactive = must(t, t.store.Subscriptions().Update, changed(inactive, func(s *driver.Subscription) { s.IsActive = true }))
	must(t, t.store.Subscriptions().Update, changed(active, func(s *driver.Subscription) { s.IsActive = false }))
	sameEntities(t, "matching after the change", t.match("order.placed", nil), []driver.Subscription{inactive})
}

func matchingActiveEndpoint(t *test) {
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false })
	waiting, kept := t.saveSubscription(endpoint), t.saveSubscription(t.saveEndpoint())
	sameEntities(t, "matching", t.match("order.placed", nil), []driver.Subscription{kept})
	must(t, t.store.Endpoints().Update, changed(endpoint, func(e *driver.Endpoint) { e.IsActive = true }))
	sameEntities(t, "matching once the endpoint is active", t.match("order.placed", nil), []driver.Subscription{waiting, kept})
}

func matchingEnabledByName(t *test) {
	endpoint := t.saveEndpoint()
	all := []driver.Subscription{
		t.saveSubscription(endpoint),
		t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = "order.*" }),
		t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = "*" }),
	}
	eventType := must(t, t.store.EventTypes().Save, changed(newEventType("order.placed"), func(d *driver.EventType) { d.IsEnabled = false }))
	equal(t, "matching a disabled type", len(t.match("order.placed", nil)), 0)
	sameEntities(t, "matching another type of the category", t.match("order.paid", nil), all[1:])
	must(t, t.store.EventTypes().Update, changed(eventType, func(d *driver.EventType) { d.IsEnabled = true }))
	sameEntities(t, "matching the type once it is enabled", t.match("order.placed", nil), all)
}

// matchingEnabledByID has a type that is described under another name than the event's: what a
// subscription names by id counts, too.
func matchingEnabledByID(t *test) {
	described := must(t, t.store.EventTypes().Save, changed(newEventType("order.changed"), func(d *driver.EventType) { d.IsEnabled = false }))
	endpoint := t.saveEndpoint()
	linked := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventTypeID, s.EventType = &described.ID, "order.*" })
	free := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = "order.*" })
	sameEntities(t, "matching", t.match("order.placed", nil), []driver.Subscription{free})
	described = must(t, t.store.EventTypes().Update, changed(described, func(d *driver.EventType) { d.IsEnabled = true }))
	sameEntities(t, "matching once it is enabled", t.match("order.placed", nil), []driver.Subscription{linked, free})
	must(t, t.store.EventTypes().Update, changed(described, func(d *driver.EventType) { d.RequiresVerification = true }))
	sameEntities(t, "matching an endpoint that is not verified", t.match("order.placed", nil), []driver.Subscription{free})
}

func matchingVerified(t *test) {
	must(t, t.store.EventTypes().Save, changed(newEventType("order.placed"), func(d *driver.EventType) { d.RequiresVerification = true }))
	endpoint, other := t.saveEndpoint(), t.saveEndpoint()
	subscription := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventType = "order.*" })
	t.saveSubscription(other)
	equal(t, "matching without a verified endpoint", len(t.match("order.placed", nil)), 0)
	sameEntities(t, "matching a type that doesn't ask for it", t.match("order.paid", nil), []driver.Subscription{subscription})
	equal(t, "verified", must2(t, t.store.Endpoints().MarkVerified, endpoint.ID, endpoint.EndpointURL), true)
	sameEntities(t, "matching with a verified endpoint", t.match("order.placed", nil), []driver.Subscription{subscription})

	verified := must(t, t.store.Endpoints().GetByID, endpoint.ID)
	must(t, t.store.Endpoints().Update, changed(verified, func(e *driver.Endpoint) { e.EndpointURL = "https://example.com/moved" }))
	equal(t, "matching after the address changed", len(t.match("order.placed", nil)), 0)
}

// saveInContexts saves subscriptions of no context and of two, one after the other.
func (t *test) saveInContexts() (one, other uuid.UUID, free, ofOne, ofOther []driver.Subscription) {
	t.Helper()
	one, other = newID(), newID()
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.ContextID = &other }) // of no account here
	for range 2 {
		free = append(free, t.saveSubscription(endpoint))
		ofOne = append(ofOne, t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID = &one }))
		ofOther = append(ofOther, t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ContextID = &other }))
	}
	return one, other, free, ofOne, ofOther
}

func matchingContext(t *test) {
	one, other, free, ofOne, ofOther := t.saveInContexts()
	for id, own := range map[uuid.UUID][]driver.Subscription{one: ofOne, other: ofOther} {
		want := []driver.Subscription{free[0], own[0], free[1], own[1]}
		sameEntities(t, "matching of the context", t.match("order.placed", &id), want)
	}
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		sameEntities(t, "matching of a context without any", t.match("order.placed", &id), free)
	}
}

func matchingNoContext(t *test) {
	_, _, free, _, _ := t.saveInContexts()
	sameEntities(t, "matching without a context", t.match("order.placed", nil), free)
}

func matchingOrder(t *test) {
	context := newID()
	saved := t.saveSubscriptionsInDisorder(t.saveEndpoint(), 12, func(s *driver.Subscription) {
		s.EventType = []string{"*", "order.*", "order.placed"}[s.ID.ID()%3]
	}, func(s *driver.Subscription) { s.ContextID = &context })
	saved = append(saved, t.saveSubscriptionsInDisorder(t.saveEndpoint(), 5)...)
	slices.SortFunc(saved, func(a, b driver.Subscription) int { return byAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
	sameEntities(t, "matching", t.match("order.placed", &context), saved)
	ids, err := t.store.Subscriptions().GetMatching(t.ctx, "order.placed", &context, driver.MatchOptions{Columns: []driver.SubscriptionColumn{driver.SubscriptionColumnID}})
	t.ok(err)
	equalList(t, "ids matching", entityIDs(ids), entityIDs(saved))
}

func matchingMany(t *test) {
	saved := t.saveSubscriptionsInDisorder(t.saveEndpoint(), 2*driver.DefaultLimit+50)
	sameEntities(t, "matching", t.match("order.placed", nil), saved)
}

func matchingFilters(t *test) {
	saved := t.saveSubscription(t.saveEndpoint(), func(s *driver.Subscription) {
		s.EventFilters = json.RawMessage(`{"note": "another one"}`)
	})
	sameEntities(t, "matching", t.match("order.placed", nil), []driver.Subscription{saved})
}

// onlySubscription returns a subscription with the id and the given columns of s, all else zero.
func onlySubscription(s driver.Subscription, columns ...driver.SubscriptionColumn) driver.Subscription {
	got := driver.Subscription{ID: s.ID}
	for _, column := range columns {
		switch column {
		case driver.SubscriptionColumnID:
		case driver.SubscriptionColumnEndpointID:
			got.EndpointID = s.EndpointID
		case driver.SubscriptionColumnEventTypeID:
			got.EventTypeID = s.EventTypeID
		case driver.SubscriptionColumnEventType:
			got.EventType = s.EventType
		case driver.SubscriptionColumnEventFilters:
			got.EventFilters = s.EventFilters
		case driver.SubscriptionColumnIsActive:
			got.IsActive = s.IsActive
		case driver.SubscriptionColumnContextID:
			got.ContextID = s.ContextID
		case driver.SubscriptionColumnName:
			got.SubscriptionName = s.SubscriptionName
		case driver.SubscriptionColumnDescription:
			got.Description = s.Description
		case driver.SubscriptionColumnLastTriggeredAt:
			got.LastTriggeredAt = s.LastTriggeredAt
		case driver.SubscriptionColumnCreatedAt:
			got.CreatedAt = s.CreatedAt
		case driver.SubscriptionColumnUpdatedAt:
			got.UpdatedAt = s.UpdatedAt
		case driver.SubscriptionColumnRevision:
			got.Revision = s.Revision
		default:
			panic("a column that this suite doesn't know: " + column)
		}
	}
	return got
}

func matchingColumns(t *test) {
	_, saved := t.saveFullSubscription()
	saved = must(t, t.store.Subscriptions().Update, changed(saved, func(s *driver.Subscription) { s.IsActive = true }))
	must(t, t.store.Subscriptions().UpdateLastTriggered, []uuid.UUID{saved.ID})
	saved = must(t, t.store.Subscriptions().GetByID, saved.ID)
	bare := t.saveSubscription(t.saveEndpoint())

	choices := [][]driver.SubscriptionColumn{
		{driver.SubscriptionColumnID, driver.SubscriptionColumnEndpointID, driver.SubscriptionColumnEventType, driver.SubscriptionColumnContextID},
		{driver.SubscriptionColumnRevision, driver.SubscriptionColumnName, driver.SubscriptionColumnName, driver.SubscriptionColumnID},
		driver.SubscriptionColumns(),
		reversed(driver.SubscriptionColumns()),
	}
	for _, column := range driver.SubscriptionColumns() {
		choices = append(choices, []driver.SubscriptionColumn{column})
	}
	for _, columns := range choices {
		want := []driver.Subscription{onlySubscription(saved, columns...), onlySubscription(bare, columns...)}
		found, err := t.store.Subscriptions().GetMatching(t.ctx, "order.placed", saved.ContextID, driver.MatchOptions{Columns: columns})
		t.ok(err)
		sameEntities(t, "matching", found, want)
		found, err = t.store.Subscriptions().GetMatching(t.ctx, "order.placed", nil, driver.MatchOptions{Columns: columns})
		t.ok(err)
		sameEntities(t, "matching without a context", found, want[1:])
	}
	found, err := t.store.Subscriptions().GetMatching(t.ctx, "order.placed", saved.ContextID, driver.MatchOptions{Columns: []driver.SubscriptionColumn{}})
	t.ok(err)
	sameEntities(t, "matching, columns empty", found, []driver.Subscription{saved, bare})
}

func matchingUnknownColumn(t *test) {
	for _, column := range []driver.SubscriptionColumn{"", "filters", "ID", "id; DROP TABLE subscriptions", "*", canary} {
		columns := []driver.SubscriptionColumn{driver.SubscriptionColumnName, column}
		found, err := t.store.Subscriptions().GetMatching(t.ctx, "order.placed", nil, driver.MatchOptions{Columns: columns})
		t.wantInvalid(err, "Subscriptions.GetMatching", "columns[1]")
		equal(t, "subscriptions beside an error", len(found), 0)
	}
}

func matchingRefusesType(t *test) {
	t.saveSubscription(t.saveEndpoint(), func(s *driver.Subscription) { s.EventType = "*" })
	for _, eventType := range []string{"", "*", "order.*", "order.", "order..placed", canary + " placed", "\x00", "\xff"} {
		_, err := t.store.Subscriptions().GetMatching(t.ctx, eventType, nil, driver.MatchOptions{})
		t.wantInvalid(err, "Subscriptions.GetMatching", "event_type")
	}
}

func matchingNothing(t *test) {
	for _, id := range []*uuid.UUID{nil, ptr(newID())} {
		if found := t.match("order.placed", id); found == nil || len(found) > 0 {
			t.Errorf("matching nothing: got %v, want an empty list", found)
		}
	}
}
