package conformance

import (
	"slices"
	"time"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryRetries = area{name: "Deliveries/Retries", behaviours: []behaviour{
	{"ComeAfterThePausesOfTheEndpoint", retriesPauses},
	{"KeepThePolicyTheyBeganWith", retriesKeepPolicy},
	{"AreAtMostAnHourApart", retriesHour},
	{"NeverWaitForATimeThatHasNotCome", retriesAhead},
	{"OfSavedAttemptsComeAfterTheirEnd", retriesSaved},
	{"AreSpreadWithJitter", retriesJitter},
	{"EndAtTheMostAttempts", retriesEnd},
	{"CountWithoutGapsAtOnce", retriesNumbersAtOnce},
	{"OfOneNumberAtOnceAreRecordedOnce", retriesOneNumberAtOnce},
	{"WithAnotherNumberThanTheNextAreRefused", retriesOtherNumber},
}}

// policy sets how an endpoint wants its retries.
func policy(retries, backoff int, multiplier float64) func(*driver.Endpoint) {
	return func(e *driver.Endpoint) {
		e.MaxRetryAttempts, e.RetryBackoffSeconds, e.RetryBackoffMultiplier = retries, backoff, multiplier
	}
}

// wantPauses records failures and fails the test unless the retries come after these pauses, by the
// database's clock: the workers' clocks, and so the times of the attempts, may be wrong.
func (t *test) wantPauses(d driver.Delivery, pauses ...time.Duration) {
	t.Helper()
	for i, pause := range pauses {
		before, ended := t.now(), longAgo.Add(time.Duration(i)*time.Hour)
		d = t.record(d.ID, oldAttempt([]driver.AttemptStatus{fails, timesOut}[i%2], ended))
		equal(t, "status", d.Status, driver.DeliveryRetrying)
		t.wantBetween("NextRetryAt", d.NextRetryAt, before.Add(pause), t.now().Add(pause))
		equal(t, "NextRetryAt read back", instant(t.delivery(d.ID).NextRetryAt), instant(d.NextRetryAt))
	}
}

func retriesPauses(t *test) {
	const second = time.Second
	t.wantPauses(t.saveDelivery(t.saveEndpoint()), 5*second, 10*second, 20*second)
	t.wantPauses(t.saveDelivery(t.saveEndpoint(policy(3, 60, 1))), 60*second, 60*second, 60*second)
	t.wantPauses(t.saveDelivery(t.saveEndpoint(policy(4, 1, 10))), second, 10*second, 100*second, 1000*second)
	t.wantPauses(t.saveDelivery(t.saveEndpoint(policy(4, 3, 1.5))), 3*second, 4500*time.Millisecond, 6750*time.Millisecond, 10125*time.Millisecond)

	endpoint := t.saveEndpoint(policy(20, 7, 1.1))
	var pauses []time.Duration
	for attempt := range 20 {
		pauses = append(pauses, endpoint.RetryDelay(attempt+1))
	}
	t.wantPauses(t.saveDelivery(endpoint), pauses...)
}

func retriesKeepPolicy(t *test) {
	endpoint := t.saveEndpoint(policy(2, 10, 3))
	event := t.save(newEvent())
	saved := []driver.Delivery{t.saveDelivery(endpoint), t.fanOut(event, t.saveSubscription(endpoint))[0]}
	must(t, t.store.Endpoints().Update, changed(endpoint, policy(0, 1, 1), func(e *driver.Endpoint) { e.RetryJitter = true }))
	for _, d := range saved {
		t.wantPauses(d, 10*time.Second, 30*time.Second)
		d = t.record(d.ID, newAttempt(fails))
		equal(t, "status", d.Status, driver.DeliveryFailed)
	}
}

func retriesHour(t *test) {
	t.wantPauses(t.saveDelivery(t.saveEndpoint(policy(50, 3600, 10))), slices.Repeat([]time.Duration{time.Hour}, 12)...)
	t.wantPauses(t.saveDelivery(t.saveEndpoint(policy(50, 1000, 2))), 1000*time.Second, 2000*time.Second, time.Hour, time.Hour)
}

func retriesAhead(t *test) {
	d := t.saveDelivery(t.saveEndpoint(policy(5, 10, 1)))
	before := t.now()
	ahead := oldAttempt(fails, before.AddDate(1, 0, 0))
	d = t.record(d.ID, ahead)
	t.wantBetween("NextRetryAt", d.NextRetryAt, before.Add(10*time.Second), t.now().Add(10*time.Second))
	equal(t, "CompletedAt of the attempt", instant(&d.Attempts[0].CompletedAt), instant(&ahead.CompletedAt))

	before = t.now()
	d = t.record(d.ID, newAttempt(fails))
	t.wantBetween("NextRetryAt of an attempt without times", d.NextRetryAt, before.Add(10*time.Second), t.now().Add(10*time.Second))
	ended := d.Attempts[0].CompletedAt // the same now
	equal(t, "NextRetryAt of an attempt without times", instant(d.NextRetryAt), instant(ptr(ended.Add(10*time.Second))))
}

// retriesSaved saves deliveries with attempts of the past, as an import does.
func retriesSaved(t *test) {
	endpoint := t.saveEndpoint(policy(20, 7, 1.1))
	for n := 1; n <= 20; n++ {
		saved := t.saveDelivery(endpoint, slices.Repeat(attemptsOf(fails), n)...)
		equal(t, "NextRetryAt", instant(saved.NextRetryAt), instant(ptr(longAgo.Add(endpoint.RetryDelay(n)))))
	}
	before := t.now()
	for _, ended := range []time.Time{before.AddDate(1, 0, 0), {}} {
		saved := t.saveDelivery(endpoint, driver.Attempt{Status: fails, CompletedAt: ended})
		t.wantBetween("NextRetryAt of an attempt that has not ended yet", saved.NextRetryAt, before.Add(7*time.Second), t.now().Add(7*time.Second))
	}
}

func retriesJitter(t *test) {
	d := t.saveDelivery(t.saveEndpoint(policy(50, 3600, 1), func(e *driver.Endpoint) { e.RetryJitter = true }))
	seen := map[string]bool{}
	for range 20 {
		before := t.now()
		d = t.record(d.ID, newAttempt(fails))
		t.wantBetween("NextRetryAt", d.NextRetryAt, before, t.now().Add(time.Hour))
		seen[d.NextRetryAt.Sub(d.UpdatedAt).String()] = true
	}
	if len(seen) < 2 { // 20 times the same of 3.6e9 microseconds never happens
		t.Error("20 retries with jitter come after the same pause")
	}
}

func retriesEnd(t *test) {
	for _, retries := range []int{0, 1, 5} {
		d := t.saveDelivery(t.saveEndpoint(policy(retries, 1, 1)))
		for number := 1; number <= retries+1; number++ {
			equal(t, "ended before the last attempt", d.Status.Final(), false)
			d = t.record(d.ID, newAttempt(fails))
			t.wantSound(d)
			equal(t, "AttemptCount", d.AttemptCount, number)
		}
		equal(t, "status", d.Status, driver.DeliveryFailed)
		_, err := t.store.Deliveries().RecordAttempt(t.ctx, d.ID, newAttempt(fails))
		t.wantErr(err, driver.ErrState, "Deliveries.RecordAttempt")
	}
}

func retriesNumbersAtOnce(t *test) {
	const recorders = 16
	saved := t.saveDelivery(t.saveEndpoint(manyTries))
	numbers := make([]int64, recorders)
	t.together(recorders, func(i int) error {
		d, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, newAttempt(fails))
		if err != nil {
			return err
		}
		numbers[i] = int64(d.Attempts[0].Number)
		if d.AttemptCount != d.Attempts[0].Number {
			t.Errorf("attempt %d came back with the delivery after %d", d.Attempts[0].Number, d.AttemptCount)
		}
		return nil
	})
	slices.Sort(numbers)
	equalList(t, "numbers given", numbers, upTo(recorders))
	stored := []int64{}
	for _, attempt := range t.delivery(saved.ID).Attempts {
		stored = append(stored, int64(attempt.Number))
	}
	equalList(t, "numbers stored", stored, upTo(recorders))
}

func retriesOneNumberAtOnce(t *test) {
	const recorders = 8
	saved := t.saveDelivery(t.saveEndpoint(manyTries))
	for number := 1; number <= 3; number++ {
		won := make([]bool, recorders)
		t.together(recorders, func(i int) error {
			_, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, driver.Attempt{Status: fails, Number: number})
			won[i] = err == nil
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrConflict, "Deliveries.RecordAttempt"))
		})
		equal(t, "recorders that succeeded", count(won), 1)
		equal(t, "attempts", len(t.delivery(saved.ID).Attempts), number)
	}
}

func retriesOtherNumber(t *test) {
	saved := t.saveDelivery(t.saveEndpoint(manyTries), newAttempt(fails), newAttempt(fails))
	for _, number := range []int{1, 2, 4, 51} {
		_, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, driver.Attempt{Status: succeeds, Number: number})
		t.wantErrOn(err, driver.ErrConflict, "Deliveries.RecordAttempt", "delivery", saved.ID.String())
	}
	sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
	equal(t, "number", t.record(saved.ID, driver.Attempt{Status: succeeds, Number: 3}).Attempts[0].Number, 3)
}
