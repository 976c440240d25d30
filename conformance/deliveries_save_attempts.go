package conformance

import (
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var deliverySaveAttempts = area{name: "Deliveries/SaveWithAttempts", behaviours: []behaviour{
	{"KeepsThemInOrder", savedAttemptsKeep},
	{"CountsThemAsIfRecorded", savedAttemptsCount},
	{"TakesTheStatusTheyLeadTo", savedAttemptsStatus},
	{"RefusesAnotherStatus", savedAttemptsOtherStatus},
	{"RefusesAttemptsAfterTheLast", savedAttemptsAfterEnd},
	{"LeavesNothingIfOneIsInvalid", savedAttemptsAtomic},
	{"LeavesTheGivenAttemptsAlone", savedAttemptsLeftAlone},
	{"TakesAsManyAsThereCanBe", savedAttemptsMany},
}}

// The outcomes of an attempt, for tables.
const succeeds, fails, timesOut = driver.AttemptSuccess, driver.AttemptFailed, driver.AttemptTimeout

// attemptsOf returns attempts with these outcomes that ended a minute after each other.
func attemptsOf(outcomes ...driver.AttemptStatus) []driver.Attempt {
	attempts := make([]driver.Attempt, len(outcomes))
	for i, outcome := range outcomes {
		attempts[i] = oldAttempt(outcome, longAgo.Add(time.Duration(i)*time.Minute))
	}
	return attempts
}

// numbered returns attempts with the numbers that they get.
func numbered(attempts []driver.Attempt) []driver.Attempt {
	attempts = slices.Clone(attempts)
	for i := range attempts {
		attempts[i].Number = i + 1
	}
	return attempts
}

func savedAttemptsKeep(t *test) {
	attempts := []driver.Attempt{fullAttempt(timesOut), oldAttempt(fails, longAgo.AddDate(0, 0, -9)), fullAttempt(succeeds)}
	attempts[2].ResponseHeaders, attempts[2].ResponseStatusCode, attempts[2].ResponseTimeMS = nil, nil, nil
	saved := t.saveDelivery(t.saveEndpoint(), attempts...)
	want := saved
	want.Attempts = numbered(attempts)
	sameEntity(t, "delivery saved", saved, want)
	sameEntity(t, "delivery read back", t.delivery(saved.ID), want)
}

func savedAttemptsCount(t *test) {
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) {
		e.MaxRetryAttempts, e.RetryBackoffSeconds, e.RetryBackoffMultiplier = 2, 7, 3
	})
	for _, c := range []struct {
		outcomes []driver.AttemptStatus
		status   driver.DeliveryStatus
		delay    time.Duration // of the next attempt
	}{
		{nil, driver.DeliveryPending, 0},
		{[]driver.AttemptStatus{fails}, driver.DeliveryRetrying, 7 * time.Second},
		{[]driver.AttemptStatus{timesOut, fails}, driver.DeliveryRetrying, 21 * time.Second},
		{[]driver.AttemptStatus{fails, timesOut, timesOut}, driver.DeliveryFailed, 0},
		{[]driver.AttemptStatus{succeeds}, driver.DeliverySuccess, 0},
		{[]driver.AttemptStatus{fails, fails, succeeds}, driver.DeliverySuccess, 0},
	} {
		attempts := attemptsOf(c.outcomes...)
		saved := t.saveDelivery(endpoint, attempts...)
		t.wantSound(saved)
		equal(t, "status", saved.Status, c.status)
		equal(t, "AttemptCount", saved.AttemptCount, len(attempts))
		if len(attempts) > 0 {
			ended := attempts[len(attempts)-1].CompletedAt
			if saved.Status.Final() {
				equal(t, "CompletedAt", instant(saved.CompletedAt), instant(&ended))
			} else {
				equal(t, "NextRetryAt", instant(saved.NextRetryAt), instant(ptr(ended.Add(c.delay))))
			}
		}
		sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
	}
}

func savedAttemptsStatus(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	for status, outcome := range map[driver.DeliveryStatus]driver.AttemptStatus{driver.DeliverySuccess: succeeds, driver.DeliveryFailed: timesOut} {
		delivery := driver.NewDelivery(endpoint.ID, t.save(newEvent()).ID)
		delivery.Status, delivery.AttemptCount, delivery.Attempts = status, 1, numbered(attemptsOf(outcome))
		saved := must(t, t.store.Deliveries().Save, delivery)
		equal(t, "status", saved.Status, status)
	}
}

func savedAttemptsOtherStatus(t *test) {
	endpoint := t.saveEndpoint()
	all := []driver.DeliveryStatus{driver.DeliveryPending, driver.DeliveryRetrying, driver.DeliverySuccess, driver.DeliveryFailed}
	for _, attempts := range [][]driver.Attempt{nil, attemptsOf(fails), attemptsOf(succeeds), attemptsOf(fails, timesOut, fails, fails)} {
		reached := t.saveDelivery(endpoint, attempts...).Status
		for _, status := range all {
			if status == reached {
				continue
			}
			delivery := driver.NewDelivery(endpoint.ID, t.save(newEvent()).ID)
			delivery.Status, delivery.Attempts = status, attempts
			_, err := t.store.Deliveries().Save(t.ctx, delivery)
			t.wantErr(err, driver.ErrState, "Deliveries.Save")
			equal(t, "deliveries of the event", len(must2(t, t.store.Deliveries().GetByEvent, delivery.EventID, 0)), 0)
		}
	}
}

func savedAttemptsAfterEnd(t *test) {
	endpoint := t.saveEndpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts = 1 })
	for _, outcomes := range [][]driver.AttemptStatus{{succeeds, succeeds}, {succeeds, fails}, {fails, succeeds, timesOut}, {fails, fails, succeeds}} {
		delivery := driver.NewDelivery(endpoint.ID, t.save(newEvent()).ID)
		delivery.Attempts = attemptsOf(outcomes...)
		_, err := t.store.Deliveries().Save(t.ctx, delivery)
		t.wantErr(err, driver.ErrState, "Deliveries.Save")
	}
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, endpoint)), 0)
}

func savedAttemptsAtomic(t *test) {
	endpoint, event := t.saveEndpoint(), t.save(newEvent())
	for _, spoil := range spoiledAttempts() {
		delivery := driver.NewDelivery(endpoint.ID, event.ID)
		delivery.Attempts = append(attemptsOf(fails, timesOut), changed(newAttempt(succeeds), spoil.change))
		_, err := t.store.Deliveries().Save(t.ctx, delivery)
		t.wantInvalid(err, "Deliveries.Save", "attempts[2]."+spoil.field)
	}
	equal(t, "deliveries to the endpoint", len(t.deliveriesTo(t.store, endpoint)), 0)
	equal(t, "failures of the endpoint", must(t, t.store.Endpoints().GetByID, endpoint.ID).ConsecutiveFailures, 0)
}

func savedAttemptsLeftAlone(t *test) {
	given := []driver.Attempt{newAttempt(fails), changed(fullAttempt(fails), func(a *driver.Attempt) {
		a.RequestHeaders = map[string][]string{"Authorization": {canary}}
	})}
	before := slices.Clone(given)
	t.saveDelivery(t.saveEndpoint(), given...)
	for i := range given {
		sameEntity(t, "attempt given to Save", given[i], before[i])
	}
	equal(t, "header given to Save", given[1].RequestHeaders["Authorization"][0], canary)
}

func savedAttemptsMany(t *test) {
	attempts := slices.Repeat(attemptsOf(fails), 51)
	saved := t.saveDelivery(t.saveEndpoint(manyTries), attempts...)
	equal(t, "status", saved.Status, driver.DeliveryFailed)
	want := saved
	want.Attempts = numbered(attempts)
	sameEntity(t, "delivery read back", t.delivery(saved.ID), want)
}
