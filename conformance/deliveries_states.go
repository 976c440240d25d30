package conformance

import (
	"strings"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryStates = area{name: "Deliveries/States", behaviours: []behaviour{
	{"ChangeAsTheAttemptsSay", statesByAttempts},
	{"ChangeByCancel", statesByCancel},
	{"NeverChangeOnceFinal", statesFinal},
	{"AreReplayedOnceFinalOnly", statesReplayed},
	{"CancelKeepsTheReason", statesCancelReason},
	{"CancelRefusesAReasonThatIsNoText", statesCancelRefuses},
	{"CancelOfAnUnknownOneIsNotFound", statesCancelUnknown},
	{"EndOnceUnderConcurrency", statesEndOnce},
}}

// starts are deliveries in every state there is, by how they got there.
var starts = []struct {
	name     string
	status   driver.DeliveryStatus
	retries  int // that the endpoint allows
	attempts []driver.AttemptStatus
	cancel   bool
}{
	{"pending", driver.DeliveryPending, 2, nil, false},
	{"pending, the only try", driver.DeliveryPending, 0, nil, false},
	{"retrying", driver.DeliveryRetrying, 2, []driver.AttemptStatus{fails}, false},
	{"retrying, the last try", driver.DeliveryRetrying, 2, []driver.AttemptStatus{timesOut, fails}, false},
	{"success", driver.DeliverySuccess, 2, []driver.AttemptStatus{succeeds}, false},
	{"success at the last try", driver.DeliverySuccess, 1, []driver.AttemptStatus{fails, succeeds}, false},
	{"failed", driver.DeliveryFailed, 1, []driver.AttemptStatus{fails, timesOut}, false},
	{"cancelled", driver.DeliveryCancelled, 2, nil, true},
	{"cancelled between attempts", driver.DeliveryCancelled, 2, []driver.AttemptStatus{timesOut}, true},
}

// eachStart runs fn on a delivery in each state, got to by recording its attempts.
func (t *test) eachStart(fn func(name string, d driver.Delivery)) {
	t.Helper()
	for _, start := range starts {
		d := t.saveDelivery(t.saveEndpoint(func(e *driver.Endpoint) { e.MaxRetryAttempts = start.retries }))
		for _, outcome := range start.attempts {
			d = t.record(d.ID, oldAttempt(outcome, longAgo))
		}
		if start.cancel {
			d = must2(t, t.store.Deliveries().Cancel, d.ID, "not wanted")
		}
		equal(t, start.name, d.Status, start.status)
		t.wantSound(d)
		fn(start.name, t.delivery(d.ID))
	}
}

func statesByAttempts(t *test) {
	for _, outcome := range []driver.AttemptStatus{succeeds, fails, timesOut} {
		t.eachStart(func(name string, d driver.Delivery) {
			if d.Status.Final() {
				return
			}
			want := driver.DeliveryRetrying
			switch {
			case outcome == succeeds:
				want = driver.DeliverySuccess
			case d.AttemptCount+1 == d.MaxAttempts:
				want = driver.DeliveryFailed
			}
			attempt := oldAttempt(outcome, longAgo)
			before := t.now()
			got := t.record(d.ID, attempt)
			name += ", then an attempt that ended as " + string(outcome)
			t.wantSound(got)
			equal(t, name, got.Status, want)
			t.wantBetween(name+": UpdatedAt", &got.UpdatedAt, before, t.now())
			if got.Status.Final() {
				equal(t, name+": CompletedAt", instant(got.CompletedAt), instant(&attempt.CompletedAt))
			}
			sameEntity(t, name, got, changed(d, func(d *driver.Delivery) {
				d.AttemptCount++
				d.Attempts = got.Attempts
				d.Status, d.NextRetryAt, d.CompletedAt, d.UpdatedAt = got.Status, got.NextRetryAt, got.CompletedAt, got.UpdatedAt
				d.MaxAttemptsReached = want == driver.DeliveryFailed
			}))
			sameEntity(t, name+", read back", t.delivery(d.ID), changed(got, func(got *driver.Delivery) {
				got.Attempts = append(d.Attempts, got.Attempts...)
			}))
		})
	}
}

func statesByCancel(t *test) {
	t.eachStart(func(name string, d driver.Delivery) {
		if d.Status.Final() {
			return
		}
		before := t.now()
		got := must2(t, t.store.Deliveries().Cancel, d.ID, "not wanted")
		t.wantSound(got)
		t.wantBetween(name+", cancelled: CompletedAt", got.CompletedAt, before, t.now())
		sameEntity(t, name+", cancelled", got, changed(d, func(d *driver.Delivery) {
			d.Status, d.CancelReason, d.NextRetryAt, d.Attempts = driver.DeliveryCancelled, "not wanted", nil, nil
			d.CompletedAt, d.UpdatedAt = got.CompletedAt, got.UpdatedAt
		}))
		sameEntity(t, name+", read back", t.delivery(d.ID), changed(got, func(got *driver.Delivery) { got.Attempts = d.Attempts }))
		equal(t, "due once all are final", len(t.due()), 0)
	})
}

func statesFinal(t *test) {
	t.eachStart(func(name string, d driver.Delivery) {
		if !d.Status.Final() {
			must2(t, t.store.Deliveries().Cancel, d.ID, "")
			return
		}
		endpoint := must(t, t.store.Endpoints().GetByID, d.EndpointID)
		for _, attempt := range []driver.Attempt{
			newAttempt(succeeds), newAttempt(fails), newAttempt(timesOut),
			changed(newAttempt(succeeds), func(a *driver.Attempt) { a.Number = d.AttemptCount + 1 }),
			changed(newAttempt(succeeds), func(a *driver.Attempt) { a.LeaseToken = ptr(newID()) }),
		} {
			got, err := t.store.Deliveries().RecordAttempt(t.ctx, d.ID, attempt)
			t.wantErrOn(err, driver.ErrState, "Deliveries.RecordAttempt", "delivery", d.ID.String())
			sameEntity(t, "delivery beside an error", got, driver.Delivery{})
		}
		got, err := t.store.Deliveries().Cancel(t.ctx, d.ID, "again")
		t.wantErrOn(err, driver.ErrState, "Deliveries.Cancel", "delivery", d.ID.String())
		sameEntity(t, "delivery beside an error", got, driver.Delivery{})
		sameEntity(t, name+", read back", t.delivery(d.ID), d)
		sameEntity(t, name+": endpoint", must(t, t.store.Endpoints().GetByID, d.EndpointID), endpoint)
	})
}

func statesReplayed(t *test) {
	t.eachStart(func(name string, d driver.Delivery) {
		replay, err := t.store.Deliveries().Replay(t.ctx, d.ID)
		if !d.Status.Final() {
			t.wantErrOn(err, driver.ErrState, "Deliveries.Replay", "delivery", d.ID.String())
			sameEntity(t, "delivery beside an error", replay, driver.Delivery{})
		} else {
			t.ok(err)
			equal(t, name+": status of the replay", replay.Status, driver.DeliveryPending)
		}
		sameEntity(t, name+", read back", t.delivery(d.ID), d)
	})
}

func statesCancelReason(t *test) {
	endpoint := t.saveEndpoint()
	for _, reason := range []string{"", "ä\u2028 \"'", strings.Repeat("x", driver.MaxName)} {
		d := t.saveDelivery(endpoint)
		equal(t, "CancelReason", must2(t, t.store.Deliveries().Cancel, d.ID, reason).CancelReason, reason)
		equal(t, "CancelReason read back", t.delivery(d.ID).CancelReason, reason)
	}
}

func statesCancelRefuses(t *test) {
	d := t.saveDelivery(t.saveEndpoint())
	for _, reason := range []string{canary + "\x00", canary + "\xff", canary + strings.Repeat("x", driver.MaxName)} {
		_, err := t.store.Deliveries().Cancel(t.ctx, d.ID, reason)
		t.wantInvalid(err, "Deliveries.Cancel", "reason")
	}
	sameEntity(t, "delivery read back", t.delivery(d.ID), d)
}

func statesCancelUnknown(t *test) {
	for _, id := range []uuid.UUID{newID(), uuid.Nil} {
		_, err := t.store.Deliveries().Cancel(t.ctx, id, "")
		t.wantErrOn(err, driver.ErrNotFound, "Deliveries.Cancel", "delivery", id.String())
		_, err = t.store.Deliveries().Replay(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "Deliveries.Replay", "delivery", id.String())
	}
}

// statesEndOnce ends a delivery in different ways at once: one of them does.
func statesEndOnce(t *test) {
	const goroutines = 9
	for range scale(5, 2) {
		d := t.saveDelivery(t.saveEndpoint(oneTry))
		ends := make([]driver.DeliveryStatus, goroutines)
		t.together(goroutines, func(i int) error {
			var got driver.Delivery
			var err error
			op := "Deliveries.RecordAttempt"
			switch i % 3 {
			case 0:
				got, err = t.store.Deliveries().RecordAttempt(t.ctx, d.ID, newAttempt(succeeds))
			case 1:
				got, err = t.store.Deliveries().RecordAttempt(t.ctx, d.ID, newAttempt(fails))
			default:
				op = "Deliveries.Cancel"
				got, err = t.store.Deliveries().Cancel(t.ctx, d.ID, "")
			}
			ends[i] = got.Status
			if err == nil {
				return nil
			}
			return asError(faultOf(err, driver.ErrState, op))
		})
		var winner driver.DeliveryStatus
		for _, status := range ends {
			if status != "" && winner != "" {
				t.Errorf("ended twice, as %s and as %s", winner, status)
			}
			if status != "" {
				winner = status
			}
		}
		got := t.delivery(d.ID)
		t.wantSound(got)
		equal(t, "status", got.Status, winner)
		equal(t, "AttemptCount", got.AttemptCount, len(got.Attempts))
	}
}
