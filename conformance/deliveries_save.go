package conformance

import (
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliverySave = area{name: "Deliveries/Save", behaviours: []behaviour{
	{"MakesAPendingOneThatIsDueNow", deliverySavePending},
	{"CopiesTheEndpointsPolicy", deliverySaveCopies},
	{"MakesAnIDAndKeepsAGivenOne", deliverySaveIDs},
	{"ClearsWhatIsNotTheCallers", deliverySaveClears},
	{"RefusesATakenIDAndChangesNothing", deliverySaveTaken},
	{"RefusesASecondOriginal", deliverySaveSecond},
	{"AllowsOtherEndpointsAndEvents", deliverySaveOthers},
	{"NeedsItsEndpoint", deliverySaveNeedsEndpoint},
	{"NeedsItsEvent", deliverySaveNeedsEvent},
	{"TakesAnInactiveEndpoint", deliverySaveInactive},
	{"RefusesWhatBreaksARule", deliverySaveRefuses},
	{"OfTheSameEventAtOnceSucceedsOnce", deliverySaveRace},
}}

// wantNew fails the test unless a delivery is as a new one to an endpoint must be, made between
// two moments.
func (t *test) wantNew(what string, d driver.Delivery, endpoint driver.Endpoint, eventID uuid.UUID, before, after time.Time) {
	t.Helper()
	t.wantBetween(what+": CreatedAt", &d.CreatedAt, before, after)
	t.wantBetween(what+": NextRetryAt", d.NextRetryAt, before, after)
	sameEntity(t, what, d, driver.Delivery{
		ID: d.ID, EndpointID: endpoint.ID, EventID: eventID, Status: driver.DeliveryPending, ReplayOf: d.ReplayOf,
		MaxAttempts: endpoint.MaxRetryAttempts + 1, RetryBackoffSeconds: endpoint.RetryBackoffSeconds,
		RetryBackoffMultiplier: endpoint.RetryBackoffMultiplier, RetryJitter: endpoint.RetryJitter,
		NextRetryAt: d.NextRetryAt, CreatedAt: d.CreatedAt, UpdatedAt: d.CreatedAt,
	})
}

func deliverySavePending(t *test) {
	endpoint, event := t.saveEndpoint(), t.save(newEvent())
	before := t.now()
	saved := must(t, t.store.Deliveries().Save, driver.NewDelivery(endpoint.ID, event.ID))
	t.wantNew("delivery saved", saved, endpoint, event.ID, before, t.now())
	sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
	sameEntities(t, "due", t.due(), []driver.Delivery{saved})

	event = t.save(newEvent())
	delivery := driver.NewDelivery(endpoint.ID, event.ID)
	delivery.Status, delivery.Attempts = driver.DeliveryPending, []driver.Attempt{}
	saved = must(t, t.store.Deliveries().Save, delivery)
	sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
}

func deliverySaveCopies(t *test) {
	endpoint := must(t, t.store.Endpoints().Save, changed(fullEndpoint(), func(e *driver.Endpoint) { e.IsActive = true }))
	before := t.now()
	saved := t.saveDelivery(endpoint)
	t.wantNew("delivery saved", saved, endpoint, saved.EventID, before, t.now())

	must(t, t.store.Endpoints().Update, changed(endpoint, func(e *driver.Endpoint) {
		e.MaxRetryAttempts, e.RetryBackoffSeconds, e.RetryBackoffMultiplier, e.RetryJitter = 0, 1, 1, false
	}))
	sameEntity(t, "delivery after the endpoint changed", t.delivery(saved.ID), saved)
}

func deliverySaveIDs(t *test) {
	endpoint := t.saveEndpoint()
	equal(t, "version of an ID that was made", t.saveDelivery(endpoint).ID.Version(), 7)
	for _, id := range []uuid.UUID{newID(), uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), uuid.Max} {
		delivery := driver.NewDelivery(endpoint.ID, t.save(newEvent()).ID)
		delivery.ID = id
		saved := must(t, t.store.Deliveries().Save, delivery)
		equal(t, "ID", saved.ID, id)
		sameEntity(t, "delivery read back", t.delivery(id), saved)
	}
}

func deliverySaveClears(t *test) {
	endpoint, event := t.saveEndpoint(), t.save(newEvent())
	given := driver.NewDelivery(endpoint.ID, event.ID)
	given.MaxAttempts, given.RetryBackoffSeconds, given.RetryBackoffMultiplier, given.RetryJitter = 9, 9, 9, true
	given.NextRetryAt, given.CompletedAt, given.MaxAttemptsReached, given.CancelReason = &longAgo, &longAgo, true, "why"
	given.LeaseToken, given.LeaseUntil = ptr(newID()), ptr(longAgo.AddDate(99, 0, 0))
	given.CreatedAt, given.UpdatedAt = longAgo, longAgo
	before := t.now()
	saved := must(t, t.store.Deliveries().Save, given)
	t.wantNew("delivery saved", saved, endpoint, event.ID, before, t.now())
	sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
}

func deliverySaveTaken(t *test) {
	endpoint := t.saveEndpoint()
	saved := t.saveDelivery(endpoint, fullAttempt(fails))
	other := driver.NewDelivery(endpoint.ID, t.save(newEvent()).ID)
	other.ID, other.Attempts = saved.ID, []driver.Attempt{newAttempt(fails), newAttempt(succeeds)}
	got, err := t.store.Deliveries().Save(t.ctx, other)
	t.wantErrOn(err, driver.ErrAlreadyExists, "Deliveries.Save", "delivery", saved.ID.String())
	sameEntity(t, "delivery beside an error", got, driver.Delivery{})
	sameEntity(t, "delivery there before", t.delivery(saved.ID), saved)
	sameEntities(t, "deliveries to the endpoint", t.deliveriesTo(t.store, endpoint), bare(saved))
}

func deliverySaveSecond(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	for _, saved := range []driver.Delivery{
		t.saveDelivery(endpoint), t.saveDelivery(endpoint, newAttempt(fails)), t.saveDelivery(endpoint, newAttempt(succeeds)),
	} {
		_, err := t.store.Deliveries().Save(t.ctx, driver.NewDelivery(saved.EndpointID, saved.EventID))
		for _, key := range []string{"endpoint_id " + saved.EndpointID.String(), "event_id " + saved.EventID.String()} {
			t.wantErrOn(err, driver.ErrAlreadyExists, "Deliveries.Save", "delivery", key)
		}
		sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, saved.EventID, 0), bare(saved))
	}
}

func deliverySaveOthers(t *test) {
	one, other, event := t.saveEndpoint(), t.saveEndpoint(), t.save(newEvent())
	saved := []driver.Delivery{
		must(t, t.store.Deliveries().Save, driver.NewDelivery(one.ID, event.ID)),
		must(t, t.store.Deliveries().Save, driver.NewDelivery(other.ID, event.ID)),
	}
	sameEntities(t, "deliveries of the event", must2(t, t.store.Deliveries().GetByEvent, event.ID, 0), saved)
	t.saveDelivery(one)
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, one)), 2)
}

func deliverySaveNeedsEndpoint(t *test) {
	event, unknown := t.save(newEvent()), newID()
	elsewhere := t.openStore(t.db, newSchema())
	foreign := must(t, elsewhere.Endpoints().Save, newEndpoint())
	for _, id := range []uuid.UUID{unknown, foreign.ID} {
		_, err := t.store.Deliveries().Save(t.ctx, driver.NewDelivery(id, event.ID))
		t.wantMissing(err, "Deliveries.Save", "endpoint_id", "endpoint", id)
	}
	equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, event.ID, 0)), 0)
}

func deliverySaveNeedsEvent(t *test) {
	endpoint, unknown := t.saveEndpoint(), newID()
	foreign := t.saveTo(t.openStore(t.db, newSchema()), newEvent())
	for _, id := range []uuid.UUID{unknown, foreign.ID} {
		delivery := driver.NewDelivery(endpoint.ID, id)
		delivery.Attempts = []driver.Attempt{newAttempt(succeeds)}
		_, err := t.store.Deliveries().Save(t.ctx, delivery)
		t.wantMissing(err, "Deliveries.Save", "event_id", "event", id)
	}
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, endpoint)), 0)
}

// deliverySaveInactive saves to an endpoint that is not active: it waits.
func deliverySaveInactive(t *test) {
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.IsActive = false })
	saved := t.saveDelivery(endpoint)
	equal(t, "status", saved.Status, driver.DeliveryPending)
	equal(t, "due", len(t.due()), 0)
	must(t, t.store.Endpoints().Update, changed(endpoint, func(e *driver.Endpoint) { e.IsActive = true }))
	sameEntities(t, "due once the endpoint is active", t.due(), []driver.Delivery{saved})
}

func deliverySaveRefuses(t *test) {
	endpoint, event := t.saveEndpoint(), t.save(newEvent())
	for _, spoil := range []spoiled[driver.Delivery]{
		{"endpoint_id", func(d *driver.Delivery) { d.EndpointID = uuid.Nil }},
		{"event_id", func(d *driver.Delivery) { d.EventID = uuid.Nil }},
		{"status", func(d *driver.Delivery) { d.Status = driver.DeliveryCancelled }},
		{"status", func(d *driver.Delivery) { d.Status = "timeout" }},
		{"status", func(d *driver.Delivery) { d.Status = canary }},
		{"replay_of", func(d *driver.Delivery) { d.ReplayOf = ptr(newID()) }},
		{"attempt_count", func(d *driver.Delivery) { d.AttemptCount = 1 }},
		{"attempt_count", func(d *driver.Delivery) { d.AttemptCount = -1 }},
		{"attempts", func(d *driver.Delivery) { d.Attempts = make([]driver.Attempt, 52) }},
		{"attempts[0].status", func(d *driver.Delivery) { d.Attempts = []driver.Attempt{{}} }},
		{"attempts[1].number", func(d *driver.Delivery) {
			d.Attempts = []driver.Attempt{newAttempt(fails), {Status: fails, Number: 1}}
		}},
		{"attempts[0].number", func(d *driver.Delivery) { d.Attempts = []driver.Attempt{{Status: fails, Number: 2}} }},
	} {
		_, err := t.store.Deliveries().Save(t.ctx, changed(driver.NewDelivery(endpoint.ID, event.ID), spoil.change))
		t.wantInvalid(err, "Deliveries.Save", spoil.field)
	}
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, endpoint)), 0)
}

// deliverySaveRace saves a delivery of the same event to the same endpoint from several goroutines.
func deliverySaveRace(t *test) {
	const savers = 6
	endpoint, event := t.saveEndpoint(), t.save(newEvent())
	won := make([]bool, savers)
	t.together(savers, func(i int) error {
		_, err := t.store.Deliveries().Save(t.ctx, driver.NewDelivery(endpoint.ID, event.ID))
		won[i] = err == nil
		if err == nil {
			return nil
		}
		return asError(faultOf(err, driver.ErrAlreadyExists, "Deliveries.Save"))
	})
	equal(t, "savers that succeeded", count(won), 1)
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, endpoint)), 1)
}
