package conformance

import (
	"strings"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryHealth = area{name: "Deliveries/Health", behaviours: []behaviour{
	{"CountsDeliveriesThatFailedForGood", healthCounts},
	{"IsSetBackByASuccess", healthSuccess},
	{"CountsSavedOnesToo", healthSaved},
	{"IsNotTouchedByOthers", healthOthers},
	{"DisablesAfterFailuresOnce", healthDisables},
	{"DisablesAtTheNextFailureAfterTheDays", healthDays},
	{"NeverDisablesWithoutAPolicy", healthWithoutPolicy},
	{"NeverEnablesByItself", healthEnables},
	{"BeginsAnewOnceEnabled", healthAnew},
	{"CountsExactlyAtOnce", healthAtOnce},
	{"GoesWithARollback", healthRollback},
}}

// endpoint reads an endpoint anew.
func (t *test) endpoint(e driver.Endpoint) driver.Endpoint {
	t.Helper()
	return must(t, t.store.Endpoints().GetByID, e.ID)
}

// fail lets so many new deliveries to an endpoint fail for good.
func (t *test) fail(endpoint driver.Endpoint, n int) {
	t.Helper()
	for range n {
		d := t.saveDelivery(endpoint)
		for !d.Status.Final() {
			d = t.record(d.ID, newAttempt(fails))
		}
	}
}

func healthCounts(t *test) {
	endpoint := t.saveEndpoint(policy(1, 1, 1))
	d := t.saveDelivery(endpoint)
	t.record(d.ID, newAttempt(fails))
	sameEntity(t, "endpoint while the delivery is retried", t.endpoint(endpoint), endpoint)
	before := t.now()
	t.record(d.ID, newAttempt(timesOut))
	after := t.now()
	got := t.endpoint(endpoint)
	t.wantBetween("FailingSince", got.FailingSince, before, after)
	since := got.FailingSince
	sameEntity(t, "endpoint after a failure", got, changed(endpoint, func(e *driver.Endpoint) { e.ConsecutiveFailures, e.FailingSince = 1, since }))
	t.fail(endpoint, 2)
	sameEntity(t, "endpoint after more failures", t.endpoint(endpoint), changed(endpoint, func(e *driver.Endpoint) {
		e.ConsecutiveFailures, e.FailingSince = 3, since
	}))
	must(t, t.store.Endpoints().Update, endpoint) // its revision is still the latest
}

func healthSuccess(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	t.fail(endpoint, 3)
	t.record(t.saveDelivery(endpoint).ID, newAttempt(succeeds))
	sameEntity(t, "endpoint after a success", t.endpoint(endpoint), endpoint)
	before := t.now()
	t.fail(endpoint, 1)
	after := t.now()
	got := t.endpoint(endpoint)
	equal(t, "ConsecutiveFailures", got.ConsecutiveFailures, 1)
	t.wantBetween("FailingSince", got.FailingSince, before, after)
}

func healthSaved(t *test) {
	endpoint := t.saveEndpoint(policy(1, 1, 1), func(e *driver.Endpoint) { e.DisableAfterFailures = 3 })
	t.saveDelivery(endpoint, attemptsOf(fails, timesOut)...)
	t.saveDelivery(endpoint, attemptsOf(fails)...)
	equal(t, "ConsecutiveFailures", t.endpoint(endpoint).ConsecutiveFailures, 1)
	t.saveDelivery(endpoint, attemptsOf(fails, succeeds)...)
	sameEntity(t, "endpoint after a success", t.endpoint(endpoint), endpoint)
	t.saveDeliveries(endpoint, 3, attemptsOf(fails, fails)...)
	equal(t, "IsActive", t.endpoint(endpoint).IsActive, false)
}

func healthOthers(t *test) {
	endpoint, other := t.saveEndpoint(oneTry), t.saveEndpoint(oneTry)
	t.fail(other, 1)
	must2(t, t.store.Deliveries().Cancel, t.saveDelivery(endpoint).ID, "")
	sameEntity(t, "endpoint after a delivery was cancelled", t.endpoint(endpoint), endpoint)
	t.fail(endpoint, 1)
	failing := t.endpoint(endpoint)
	t.record(t.saveDelivery(other).ID, newAttempt(succeeds))
	must2(t, t.store.Deliveries().Cancel, t.saveDelivery(endpoint).ID, "")
	sameEntity(t, "endpoint after another one's success", t.endpoint(endpoint), failing)
}

func healthDisables(t *test) {
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.DisableAfterFailures = 3 })
	late := []driver.Delivery{t.saveDelivery(endpoint), t.saveDelivery(endpoint)}
	t.fail(endpoint, 2)
	failing := t.endpoint(endpoint)
	equal(t, "IsActive after 2 failures", failing.IsActive, true)
	d := t.saveDelivery(endpoint)
	before := t.now()
	t.record(d.ID, newAttempt(fails))
	after := t.now()
	disabled := t.endpoint(endpoint)
	t.wantBetween("DisabledAt", disabled.DisabledAt, before, after)
	t.wantBetween("UpdatedAt", &disabled.UpdatedAt, before, after)
	if !strings.Contains(disabled.DisabledReason, "disable_after_failures") {
		t.Errorf("DisabledReason: got %q, want one that names disable_after_failures", disabled.DisabledReason)
	}
	sameEntity(t, "endpoint disabled", disabled, changed(failing, func(e *driver.Endpoint) {
		e.IsActive, e.ConsecutiveFailures, e.Revision = false, 3, failing.Revision+1
		e.DisabledAt, e.DisabledReason, e.UpdatedAt = disabled.DisabledAt, disabled.DisabledReason, disabled.UpdatedAt
	}))

	equal(t, "due", len(t.due()), 0)
	_, err := t.store.Endpoints().Update(t.ctx, failing) // read before it was disabled
	t.wantErr(err, driver.ErrConflict, "Endpoints.Update")
	for i, d := range late { // attempts that were under way
		t.record(d.ID, newAttempt(fails))
		sameEntity(t, "endpoint disabled, after another failure", t.endpoint(endpoint), changed(disabled, func(e *driver.Endpoint) {
			e.ConsecutiveFailures = 4 + i
		}))
	}
}

func healthDays(t *test) {
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.DisableAfterDays = 1 })
	t.fail(endpoint, 5)
	got := t.endpoint(endpoint)
	equal(t, "IsActive within the day", got.IsActive, true)
	equal(t, "ConsecutiveFailures", got.ConsecutiveFailures, 5)
	equal(t, "Revision", got.Revision, endpoint.Revision)
}

func healthWithoutPolicy(t *test) {
	endpoint := t.saveEndpoint(oneTry)
	t.saveDeliveries(endpoint, scale(200, 50), newAttempt(fails))
	got := t.endpoint(endpoint)
	equal(t, "IsActive", got.IsActive, true)
	equal(t, "ConsecutiveFailures", got.ConsecutiveFailures, scale(200, 50))
}

func healthEnables(t *test) {
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.DisableAfterFailures = 1 })
	late := t.saveDelivery(endpoint)
	t.fail(endpoint, 1)
	disabled := t.endpoint(endpoint)
	equal(t, "IsActive", disabled.IsActive, false)
	t.record(late.ID, newAttempt(succeeds))
	sameEntity(t, "endpoint disabled, after a success", t.endpoint(endpoint), changed(disabled, func(e *driver.Endpoint) {
		e.ConsecutiveFailures, e.FailingSince = 0, nil
	}))
}

func healthAnew(t *test) {
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.DisableAfterFailures = 2 })
	for range 2 {
		waiting := t.saveDelivery(endpoint)
		t.fail(endpoint, 2)
		disabled := t.endpoint(endpoint)
		equal(t, "IsActive after 2 failures", disabled.IsActive, false)
		enabled := must(t, t.store.Endpoints().Update, changed(disabled, func(e *driver.Endpoint) { e.IsActive = true }))
		sameEntity(t, "endpoint enabled again", enabled, changed(disabled, func(e *driver.Endpoint) {
			e.IsActive, e.ConsecutiveFailures, e.FailingSince, e.DisabledAt, e.DisabledReason = true, 0, nil, nil, ""
			e.UpdatedAt, e.Revision = enabled.UpdatedAt, disabled.Revision+1
		}))
		sameEntities(t, "due once it is enabled", t.due(), []driver.Delivery{waiting})
		t.record(waiting.ID, newAttempt(fails))
		equal(t, "IsActive after one failure more", t.endpoint(endpoint).IsActive, true)
		t.record(t.saveDelivery(endpoint).ID, newAttempt(succeeds))
	}
}

func healthAtOnce(t *test) {
	const deliveries = 12
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.DisableAfterFailures = 5 })
	saved := t.saveDeliveries(endpoint, deliveries)
	t.together(deliveries, func(i int) error {
		_, err := t.store.Deliveries().RecordAttempt(t.ctx, saved[i].ID, newAttempt(fails))
		return err
	})
	got := t.endpoint(endpoint)
	equal(t, "ConsecutiveFailures", got.ConsecutiveFailures, deliveries)
	equal(t, "IsActive", got.IsActive, false)
	equal(t, "Revision", got.Revision, endpoint.Revision+1)
}

func healthRollback(t *test) {
	endpoint := t.saveEndpoint(oneTry, func(e *driver.Endpoint) { e.DisableAfterFailures = 1 })
	d := t.saveDelivery(endpoint)
	t.undone(t.store, func(tx driver.Store) {
		must2(t, tx.Deliveries().RecordAttempt, d.ID, newAttempt(fails))
		equal(t, "IsActive inside", must(t, tx.Endpoints().GetByID, endpoint.ID).IsActive, false)
	})
	sameEntity(t, "endpoint after the rollback", t.endpoint(endpoint), endpoint)
	sameEntity(t, "delivery after the rollback", t.delivery(d.ID), d)
}
