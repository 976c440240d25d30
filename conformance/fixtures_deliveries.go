package conformance

import (
	"bytes"
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// byAge compares entities in the order of lists that are oldest first.
func byAge(a, b time.Time, aID, bID uuid.UUID) int {
	return cmp.Or(a.Compare(b), bytes.Compare(aID[:], bID[:]))
}

// longAgo is when attempts were made whose retries are due by now.
var longAgo = time.Date(2024, 2, 29, 23, 59, 58, 123456000, time.UTC)

// newAttempt returns an attempt with that outcome, made now, whose texts an error must not tell.
func newAttempt(status driver.AttemptStatus) driver.Attempt {
	return driver.Attempt{Status: status, RequestBody: canary, ErrorMessage: canary}
}

// oldAttempt returns an attempt with that outcome that ended at a moment.
func oldAttempt(status driver.AttemptStatus, completed time.Time) driver.Attempt {
	attempt := newAttempt(status)
	attempt.AttemptedAt, attempt.CompletedAt = completed.Add(-1500*time.Millisecond), completed
	return attempt
}

// fullAttempt returns an attempt with all that can be given, as it is stored.
func fullAttempt(status driver.AttemptStatus) driver.Attempt {
	return driver.Attempt{
		Status:        status,
		RequestURL:    "https://example.com:8443/hooks?tenant=a%20b",
		RequestMethod: "PUT",
		RequestHeaders: map[string][]string{
			"Content-Type": {"application/json"}, "X-Request-Id": {"1", " \"<ä>&\u2028", ""}, "Authorization": {driver.Redacted}, "Accept": {},
		},
		RequestBody:        "{\"note\": \"" + canary + "\"}\r\n\t ä\u2028",
		RequestSignature:   "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
		ResponseStatusCode: ptr(503),
		ResponseHeaders:    map[string][]string{"Retry-After": {"120"}, "Set-Cookie": {driver.Redacted, driver.Redacted}, "": {"no name"}},
		ResponseBody:       "Wartung \ufffd\n" + canary,
		ResponseTimeMS:     ptr(int64(1499)),
		ErrorMessage:       "unavailable: " + canary,
		ErrorCode:          "http_503",
		AttemptedAt:        longAgo,
		CompletedAt:        longAgo.Add(1499001 * time.Microsecond),
	}
}

// oneTry makes deliveries to an endpoint fail for good at their first failure.
func oneTry(e *driver.Endpoint) { e.MaxRetryAttempts = 0 }

// manyTries gives deliveries to an endpoint as many attempts as there can be.
func manyTries(e *driver.Endpoint) { e.MaxRetryAttempts = 50 }

// saveDelivery saves a delivery of a new event to an endpoint, with the attempts it had.
func (t *test) saveDelivery(endpoint driver.Endpoint, attempts ...driver.Attempt) driver.Delivery {
	t.Helper()
	return t.saveDeliveryTo(t.store, endpoint, attempts...)
}

func (t *test) saveDeliveryTo(store driver.Store, endpoint driver.Endpoint, attempts ...driver.Attempt) driver.Delivery {
	t.Helper()
	delivery := driver.NewDelivery(endpoint.ID, t.saveTo(store, newEvent()).ID)
	delivery.Attempts = attempts
	return must(t, store.Deliveries().Save, delivery)
}

// saveDeliveries saves so many deliveries of new events to an endpoint, in one transaction.
func (t *test) saveDeliveries(endpoint driver.Endpoint, n int, attempts ...driver.Attempt) []driver.Delivery {
	t.Helper()
	saved := make([]driver.Delivery, n)
	t.inTx(func(tx driver.Store) {
		for i := range saved {
			saved[i] = t.saveDeliveryTo(tx, endpoint, attempts...)
		}
	})
	return saved
}

// delivery reads one with its attempts.
func (t *test) delivery(id uuid.UUID) driver.Delivery {
	t.Helper()
	return must(t, t.store.Deliveries().GetByID, id)
}

// record records an attempt and returns the delivery as it is then.
func (t *test) record(id uuid.UUID, attempt driver.Attempt) driver.Delivery {
	t.Helper()
	return must2(t, t.store.Deliveries().RecordAttempt, id, attempt)
}

// deliveriesTo returns the deliveries to an endpoint, newest first.
func (t *test) deliveriesTo(store driver.Store, endpoint driver.Endpoint) []driver.Delivery {
	t.Helper()
	return must2(t, store.Deliveries().GetByEndpoint, endpoint.ID, driver.MaxLimit)
}

// due returns the deliveries that are due.
func (t *test) due() []driver.Delivery {
	t.Helper()
	return must(t, t.store.Deliveries().GetPendingRetries, driver.MaxLimit)
}

// claim leases so many deliveries for the longest time there is.
func (t *test) claim(limit int) []driver.Delivery {
	t.Helper()
	return must2(t, t.store.Deliveries().ClaimDue, limit, driver.MaxLease)
}

// bare is deliveries as lists have them: without attempts.
func bare(deliveries ...driver.Delivery) []driver.Delivery {
	list := make([]driver.Delivery, len(deliveries))
	for i := range deliveries {
		list[i] = deliveries[i]
		list[i].Attempts = nil
	}
	return list
}

// wantSound fails the test if what a delivery says of itself does not fit together.
func (t *test) wantSound(d driver.Delivery) {
	t.Helper()
	final := d.Status.Final()
	equal(t, string(d.Status)+": has a NextRetryAt", d.NextRetryAt != nil, !final)
	equal(t, string(d.Status)+": has a CompletedAt", d.CompletedAt != nil, final)
	equal(t, string(d.Status)+": MaxAttemptsReached", d.MaxAttemptsReached, d.Status == driver.DeliveryFailed)
	equal(t, string(d.Status)+": is leased", d.LeaseToken != nil, d.LeaseUntil != nil)
	if final && d.LeaseToken != nil {
		t.Errorf("%s: is leased", d.Status)
	}
	if d.AttemptCount > d.MaxAttempts {
		t.Errorf("%s: %d attempts, at most %d are allowed", d.Status, d.AttemptCount, d.MaxAttempts)
	}
	if d.Status == driver.DeliveryPending && d.AttemptCount > 0 || d.Status == driver.DeliveryRetrying && d.AttemptCount == 0 {
		t.Errorf("%s: after %d attempts", d.Status, d.AttemptCount)
	}
}
