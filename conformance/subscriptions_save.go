package conformance

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var subscriptionSave = area{name: "Subscriptions/Save", behaviours: []behaviour{
	{"ReturnsWhatAReadReturns", subscriptionSaveReturns},
	{"KeepsEveryField", subscriptionSaveKeeps},
	{"KeepsFiltersByteForByte", subscriptionSaveKeepsFilters},
	{"FillsInTheFilters", subscriptionSaveFills},
	{"MakesAnIDAndKeepsAGivenOne", subscriptionSaveIDs},
	{"ClearsWhatIsNotTheCallers", subscriptionSaveClears},
	{"TakesItsTimesFromTheDatabase", subscriptionSaveTimes},
	{"AllowsSeveralOfOneEndpointToOneType", subscriptionSaveSeveral},
	{"RefusesATakenIDAndChangesNothing", subscriptionSaveTaken},
	{"NeedsItsEndpoint", subscriptionSaveNeedsEndpoint},
	{"NeedsItsEventType", subscriptionSaveNeedsEventType},
	{"RefusesWhatBreaksARule", subscriptionSaveRefuses},
	{"TakesWhatIsJustWithinTheRules", subscriptionSaveTakes},
	{"LeavesTheGivenSubscriptionAlone", subscriptionSaveLeavesAlone},
	{"OfTheSameIDAtOnceSucceedsOnce", subscriptionSaveRace},
	{"NeverOutlivesAnEndpointDeletedAtOnce", subscriptionSaveRacesDelete},
}}

// saveSubscription saves an active subscription of an endpoint to the type that newEvent has,
// changed.
func (t *test) saveSubscription(endpoint driver.Endpoint, changes ...func(*driver.Subscription)) driver.Subscription {
	t.Helper()
	return must(t, t.store.Subscriptions().Save, changed(newSubscription(endpoint.ID), changes...))
}

// savedAs is a subscription as it must come back: as given, with what only the backend knows.
func savedAs(given, saved driver.Subscription) driver.Subscription {
	given.ID, given.CreatedAt, given.UpdatedAt, given.Revision = saved.ID, saved.CreatedAt, saved.UpdatedAt, 1
	return given
}

// saveFullSubscription saves a subscription with all that can be given, and what it refers to.
func (t *test) saveFullSubscription() (given, saved driver.Subscription) {
	t.Helper()
	eventType := must(t, t.store.EventTypes().Save, newEventType("order.placed"))
	given = fullSubscription(t.saveEndpoint().ID, eventType.ID)
	return given, must(t, t.store.Subscriptions().Save, given)
}

func subscriptionSaveReturns(t *test) {
	_, full := t.saveFullSubscription()
	for _, saved := range []driver.Subscription{full, t.saveSubscription(t.saveEndpoint())} {
		sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
	}
}

func subscriptionSaveKeeps(t *test) {
	given, saved := t.saveFullSubscription()
	equal(t, "ID", saved.ID, given.ID)
	sameEntity(t, "subscription saved", saved, savedAs(given, saved))
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, given.ID), savedAs(given, saved))
}

func subscriptionSaveKeepsFilters(t *test) {
	endpoint := t.saveEndpoint()
	for _, filters := range []string{
		"{}", " {\n\t} ", `{"b":1,"a":1.50,"c":1E+2}`, `{"a.b": {"$gte": -0.0e-7, "$lt":12345678901234567890.12345678901234567890}}`,
		`{"a":"\u0000\u00e4ä\ud83d\ude00\/"}`, `{"a":{"$eq":{"$in":1}},"ä ü":[null,true,"1",1, 1.0]}`, `{"a":{"$exists":false}}`,
	} {
		saved := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.EventFilters = json.RawMessage(filters) })
		equal(t, "filters saved", string(saved.EventFilters), filters)
		equal(t, "filters read back", string(must(t, t.store.Subscriptions().GetByID, saved.ID).EventFilters), filters)
	}
}

func subscriptionSaveFills(t *test) {
	given := driver.Subscription{EndpointID: t.saveEndpoint().ID, EventType: "*"}
	saved := must(t, t.store.Subscriptions().Save, given)
	given.EventFilters = json.RawMessage("{}")
	sameEntity(t, "subscription saved", saved, savedAs(given, saved))
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
}

func subscriptionSaveIDs(t *test) {
	endpoint := t.saveEndpoint()
	equal(t, "version of an ID that was made", t.saveSubscription(endpoint).ID.Version(), 7)
	for _, id := range []uuid.UUID{newID(), uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), uuid.Max} {
		saved := t.saveSubscription(endpoint, func(s *driver.Subscription) { s.ID = id })
		equal(t, "ID", saved.ID, id)
		sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, id), saved)
	}
}

func subscriptionSaveClears(t *test) {
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	endpoint := t.saveEndpoint()
	saved := t.saveSubscription(endpoint, func(s *driver.Subscription) {
		s.LastTriggeredAt, s.CreatedAt, s.UpdatedAt, s.Revision = &at, at, at, 9
	})
	sameEntity(t, "subscription saved", saved, savedAs(newSubscription(endpoint.ID), saved))
	if saved.CreatedAt.Equal(at) || saved.UpdatedAt.Equal(at) {
		t.Errorf("created at %s, updated at %s: want the database's now", saved.CreatedAt, saved.UpdatedAt)
	}
}

func subscriptionSaveTimes(t *test) {
	endpoint := t.saveEndpoint()
	before := t.now()
	saved := t.saveSubscription(endpoint)
	t.wantBetween("CreatedAt", &saved.CreatedAt, before, t.now())
	equal(t, "UpdatedAt", saved.UpdatedAt, saved.CreatedAt)
	equal(t, "Revision", saved.Revision, 1)
}

func subscriptionSaveSeveral(t *test) {
	endpoint := t.saveEndpoint()
	saved := []driver.Subscription{t.saveSubscription(endpoint), t.saveSubscription(endpoint), t.saveSubscription(endpoint)}
	sameEntities(t, "subscriptions of the endpoint", t.subscriptionsOf(t.store, endpoint), saved)
}

// subscriptionsOf returns all subscriptions of an endpoint.
func (t *test) subscriptionsOf(store driver.Store, endpoint driver.Endpoint) []driver.Subscription {
	t.Helper()
	return must2(t, store.Subscriptions().GetByEndpoint, endpoint.ID, driver.ListOptions{IncludeInactive: true, Limit: driver.MaxLimit})
}

func subscriptionSaveTaken(t *test) {
	_, saved := t.saveFullSubscription()
	endpoint := t.saveEndpoint()
	for _, other := range []driver.Subscription{changed(newSubscription(endpoint.ID), func(s *driver.Subscription) { s.ID = saved.ID }), saved} {
		got, err := t.store.Subscriptions().Save(t.ctx, other)
		t.wantErrOn(err, driver.ErrAlreadyExists, "Subscriptions.Save", "subscription", saved.ID.String())
		sameEntity(t, "subscription beside an error", got, driver.Subscription{})
	}
	sameEntity(t, "subscription there before", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
	equal(t, "subscriptions of the other endpoint", len(t.subscriptionsOf(t.store, endpoint)), 0)
}

// wantMissing fails the test unless err is the refusal of a reference by the method op, and says
// which field names what that is not there.
func (t *test) wantMissing(err error, op, field, entity string, key uuid.UUID) {
	t.Helper()
	t.wantErr(err, driver.ErrMissingReference, op)
	var missing *driver.ReferenceError
	if !errors.As(err, &missing) {
		t.Errorf("%s: the error %v has no *driver.ReferenceError", op, err)
		return
	}
	equal(t, "field that refers to what is missing, in "+op, missing.Field, field)
	equal(t, "entity that is missing, in "+op, missing.Entity, entity)
	equal(t, "key of what is missing, in "+op, missing.Key, key.String())
	if !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), key.String()) {
		t.Errorf("%s: the error %q doesn't name %s and %s", op, err, field, key)
	}
}

func subscriptionSaveNeedsEndpoint(t *test) {
	unknown, eventType := newID(), must(t, t.store.EventTypes().Save, newEventType("order.placed"))
	_, err := t.store.Subscriptions().Save(t.ctx, newSubscription(unknown))
	t.wantMissing(err, "Subscriptions.Save", "endpoint_id", "endpoint", unknown)
	_, err = t.store.Subscriptions().Save(t.ctx, fullSubscription(unknown, eventType.ID))
	t.wantMissing(err, "Subscriptions.Save", "endpoint_id", "endpoint", unknown)

	elsewhere := t.openStore(t.db, newSchema())
	foreign := must(t, elsewhere.Endpoints().Save, newEndpoint())
	_, err = t.store.Subscriptions().Save(t.ctx, newSubscription(foreign.ID))
	t.wantMissing(err, "Subscriptions.Save", "endpoint_id", "endpoint", foreign.ID)
}

func subscriptionSaveNeedsEventType(t *test) {
	endpoint, unknown := t.saveEndpoint(), newID()
	_, err := t.store.Subscriptions().Save(t.ctx, fullSubscription(endpoint.ID, unknown))
	t.wantMissing(err, "Subscriptions.Save", "event_type_id", "event type", unknown)
	equal(t, "subscriptions stored", len(t.subscriptionsOf(t.store, endpoint)), 0)
}

// spoiledSubscriptions are what Save and Update refuse. Values have the canary, which errors must
// not tell.
func spoiledSubscriptions() []spoiled[driver.Subscription] {
	list := []spoiled[driver.Subscription]{
		{"endpoint_id", func(s *driver.Subscription) { s.EndpointID = uuid.Nil }},
		{"event_type_id", func(s *driver.Subscription) { s.EventTypeID = ptr(uuid.Nil) }},
		{"context_id", func(s *driver.Subscription) { s.ContextID = ptr(uuid.Nil) }},
		{"subscription_name", func(s *driver.Subscription) { s.SubscriptionName = canary + strings.Repeat("x", driver.MaxName) }},
		{"subscription_name", func(s *driver.Subscription) { s.SubscriptionName = canary + "\xff" }},
		{"description", func(s *driver.Subscription) { s.Description = canary + strings.Repeat("x", driver.MaxDescription) }},
		{"description", func(s *driver.Subscription) { s.Description = canary + "\x00" }},
	}
	for _, pattern := range []string{
		"", " ", canary + " placed", "order..placed", ".order", "order.", "**", "*.placed", "order*", "order.*.placed", "order.*.*", "bestellung.größe",
		canary + "\x00", canary + "\xff", strings.Repeat("x", driver.MaxEventType+1),
	} {
		list = append(list, spoiled[driver.Subscription]{"event_type", func(s *driver.Subscription) { s.EventType = pattern }})
	}
	for filters, field := range map[string]string{
		``: "event_filters", `null`: "event_filters", `[]`: "event_filters", `"` + canary + `"`: "event_filters", `{"a": ` + canary + `}`: "event_filters",
		"{\"a\": \"\xff\"}":                            "event_filters",
		`{"$in": ["` + canary + `"]}`:                  `event_filters["$in"]`,
		`{"a": {"$regex": "` + canary + `"}}`:          `event_filters["a"]."$regex"`,
		`{"a": {"$gt": 1, "b": "` + canary + `"}}`:     `event_filters["a"]`,
		`{"a": {"$in": "` + canary + `"}}`:             `event_filters["a"].$in`,
		`{"a": {"$exists": 1}}`:                        `event_filters["a"].$exists`,
		`{"a": {"$prefix": 1}}`:                        `event_filters["a"].$prefix`,
		`{"a": 1, "a": 2}`:                             `event_filters["a"]`,
		`{"a": {"b": 1, "b": "` + canary + `"}}`:       `event_filters["a"]`,
		`{"a": "` + strings.Repeat("x", 64<<10) + `"}`: "event_filters",
	} {
		list = append(list, spoiled[driver.Subscription]{field, func(s *driver.Subscription) { s.EventFilters = json.RawMessage(filters) }})
	}
	return list
}

func subscriptionSaveRefuses(t *test) {
	endpoint := t.saveEndpoint()
	for _, spoil := range spoiledSubscriptions() {
		_, err := t.store.Subscriptions().Save(t.ctx, changed(newSubscription(endpoint.ID), spoil.change))
		t.wantInvalid(err, "Subscriptions.Save", spoil.field)
	}
	equal(t, "subscriptions stored", len(t.subscriptionsOf(t.store, endpoint)), 0)
}

func subscriptionSaveTakes(t *test) {
	endpoint := t.saveEndpoint()
	for _, change := range []func(*driver.Subscription){
		func(s *driver.Subscription) { s.EventType = "*" },
		func(s *driver.Subscription) { s.EventType = "a.*" },
		func(s *driver.Subscription) { s.EventType = "a.b.c.d.e.*" },
		func(s *driver.Subscription) { s.EventType = "Order-1_x.PLACED" },
		func(s *driver.Subscription) { s.EventType = strings.Repeat("x", driver.MaxEventType) },
		func(s *driver.Subscription) { s.EventType = strings.Repeat("x", driver.MaxEventType-2) + ".*" },
		func(s *driver.Subscription) { s.SubscriptionName = strings.Repeat("ä", driver.MaxName/2) },
		func(s *driver.Subscription) { s.Description = strings.Repeat("x", driver.MaxDescription) },
		func(s *driver.Subscription) { s.EventFilters = object(driver.MaxFilters) },
	} {
		given := changed(newSubscription(endpoint.ID), change)
		saved := must(t, t.store.Subscriptions().Save, given)
		sameEntity(t, "subscription saved", saved, savedAs(given, saved))
		sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
	}
}

func subscriptionSaveLeavesAlone(t *test) {
	endpoint := t.saveEndpoint()
	given, before := newSubscription(endpoint.ID), newSubscription(endpoint.ID)
	saved := must(t, t.store.Subscriptions().Save, given)
	sameEntity(t, "subscription given to Save", given, before)
	copy(given.EventFilters, "[]")
	sameEntity(t, "subscription read back", must(t, t.store.Subscriptions().GetByID, saved.ID), saved)
	equal(t, "filters returned", string(saved.EventFilters), "{}")
}

// subscriptionSaveRace saves the same id from several goroutines: one of them gets it.
func subscriptionSaveRace(t *test) {
	const savers = 6
	id, endpoint := newID(), t.saveEndpoint()
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		_, err := t.store.Subscriptions().Save(t.ctx, changed(newSubscription(endpoint.ID), func(s *driver.Subscription) { s.ID = id }))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "Subscriptions.Save"))
	})
	equal(t, "savers that succeeded", count(won), 1)
}

// subscriptionSaveRacesDelete saves while the endpoint goes: what is saved goes with it, what comes
// later is refused.
func subscriptionSaveRacesDelete(t *test) {
	for range scale(8, 3) {
		endpoint := t.saveEndpoint()
		t.together(5, func(i int) error {
			if i == 0 {
				_, err := t.store.Endpoints().Delete(t.ctx, endpoint.ID)
				return err
			}
			_, err := t.store.Subscriptions().Save(t.ctx, newSubscription(endpoint.ID))
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrMissingReference, "Subscriptions.Save"))
		})
		equal(t, "subscriptions of an endpoint that is gone", len(t.subscriptionsOf(t.store, endpoint)), 0)
	}
}
