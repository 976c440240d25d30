package conformance

import (
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

var deliveryAttempts = area{name: "Deliveries/Attempts", behaviours: []behaviour{
	{"KeepEveryField", attemptsKeep},
	{"MayLackAllButTheStatus", attemptsBare},
	{"TakeMissingTimesFromTheDatabase", attemptsTimes},
	{"AreTruncatedToMicroseconds", attemptsTruncated},
	{"HideCredentialsInHeaders", attemptsRedact},
	{"CutWhatTheOtherSideSent", attemptsCut},
	{"ReplaceWhatIsNoText", attemptsReplace},
	{"RefuseWhatBreaksARule", attemptsRefuse},
	{"HoldToTheLimitOfPayloads", attemptsMaxPayload},
	{"OfAnUnknownDeliveryAreNotFound", attemptsUnknown},
	{"LeaveTheGivenAttemptAlone", attemptsLeaveAlone},
}}

// recordOne records an attempt of a new delivery, and returns it as recorded and as read back.
func (t *test) recordOne(attempt driver.Attempt) (recorded, read driver.Attempt) {
	t.Helper()
	saved := t.saveDelivery(t.saveEndpoint(manyTries))
	delivery := t.record(saved.ID, attempt)
	equal(t, "attempts returned", len(delivery.Attempts), 1)
	got := t.delivery(saved.ID)
	sameEntity(t, "delivery read back", got, delivery)
	return delivery.Attempts[0], got.Attempts[0]
}

func attemptsKeep(t *test) {
	saved := t.saveDelivery(t.saveEndpoint(manyTries))
	var all []driver.Attempt
	for _, attempt := range []driver.Attempt{fullAttempt(fails), newAttempt(timesOut), oldAttempt(fails, longAgo), {Status: fails, ResponseStatusCode: ptr(0)}, {Status: fails, ResponseStatusCode: ptr(999)}, fullAttempt(succeeds)} {
		delivery := t.record(saved.ID, attempt)
		equal(t, "attempts returned", len(delivery.Attempts), 1)
		want := attempt
		want.Number = len(all) + 1
		if want.CompletedAt.IsZero() {
			want.AttemptedAt, want.CompletedAt = delivery.Attempts[0].AttemptedAt, delivery.Attempts[0].CompletedAt
		}
		sameEntity(t, "attempt returned", delivery.Attempts[0], want)
		all = append(all, want)

		got := t.delivery(saved.ID)
		sameEntity(t, "delivery read back", got, changed(delivery, func(d *driver.Delivery) { d.Attempts = all }))
		t.wantSound(got)
		equal(t, "AttemptCount", got.AttemptCount, len(all))
	}
}

func attemptsBare(t *test) {
	for _, status := range []driver.AttemptStatus{succeeds, fails, timesOut} {
		recorded, read := t.recordOne(driver.Attempt{Status: status})
		want := driver.Attempt{Number: 1, Status: status, AttemptedAt: recorded.AttemptedAt, CompletedAt: recorded.CompletedAt}
		sameEntity(t, "attempt recorded", recorded, want)
		sameEntity(t, "attempt read back", read, want)
	}
}

func attemptsTimes(t *test) {
	before := t.now()
	recorded, _ := t.recordOne(newAttempt(fails))
	t.wantBetween("CompletedAt without one", &recorded.CompletedAt, before, t.now())
	equal(t, "AttemptedAt without one", instant(&recorded.AttemptedAt), instant(&recorded.CompletedAt))

	before = t.now()
	recorded, _ = t.recordOne(driver.Attempt{Status: fails, AttemptedAt: longAgo})
	t.wantBetween("CompletedAt with an AttemptedAt only", &recorded.CompletedAt, before, t.now())
	equal(t, "AttemptedAt", instant(&recorded.AttemptedAt), instant(&longAgo))

	recorded, _ = t.recordOne(driver.Attempt{Status: fails, CompletedAt: longAgo})
	equal(t, "AttemptedAt with a CompletedAt only", instant(&recorded.AttemptedAt), instant(&longAgo))

	ahead := t.now().AddDate(1, 0, 0) // a worker's clock may be wrong
	recorded, _ = t.recordOne(driver.Attempt{Status: fails, AttemptedAt: ahead})
	equal(t, "CompletedAt of one that begins later", instant(&recorded.CompletedAt), instant(&ahead))
}

func attemptsTruncated(t *test) {
	east := time.FixedZone("east", 5*3600)
	recorded, read := t.recordOne(driver.Attempt{
		Status: fails, AttemptedAt: longAgo.Add(999).In(east), CompletedAt: longAgo.Add(time.Microsecond + 1).In(east),
	})
	for _, attempt := range []driver.Attempt{recorded, read} {
		equal(t, "AttemptedAt", instant(&attempt.AttemptedAt), instant(&longAgo))
		equal(t, "CompletedAt", instant(&attempt.CompletedAt), instant(ptr(longAgo.Add(time.Microsecond))))
	}
}

func attemptsRedact(t *test) {
	hidden := []string{driver.Redacted}
	recorded, read := t.recordOne(driver.Attempt{
		Status: fails,
		RequestHeaders: map[string][]string{
			"AUTHORIZATION": {canary}, "X-Api-Key": {canary, canary}, "X-Anything": {canary}, "Cookie": {canary}, "Content-Type": {"text/plain"}, "user-agent": {"us"},
			"Webhook-Signature": {"v1,abc"}, "X-Webhook-Signature": {"abc"}, "X-Nothing": nil,
		},
		ResponseHeaders: map[string][]string{
			"Set-Cookie": {canary}, "www-authenticate": {canary}, "X-Auth-Token": {canary}, "X-Session-Id": {canary}, "Server": {"them"}, "X-Anything": {"plain"},
		},
	})
	for _, attempt := range []driver.Attempt{recorded, read} {
		sameEntity(t, "headers", attempt, changed(attempt, func(a *driver.Attempt) {
			a.RequestHeaders = map[string][]string{
				"AUTHORIZATION": hidden, "X-Api-Key": {driver.Redacted, driver.Redacted}, "X-Anything": hidden, "Cookie": hidden,
				"Content-Type": {"text/plain"}, "user-agent": {"us"}, "Webhook-Signature": {"v1,abc"}, "X-Webhook-Signature": {"abc"}, "X-Nothing": {},
			}
			a.ResponseHeaders = map[string][]string{
				"Set-Cookie": hidden, "www-authenticate": hidden, "X-Auth-Token": hidden, "X-Session-Id": hidden, "Server": {"them"}, "X-Anything": {"plain"},
			}
		}))
	}
}

func attemptsCut(t *test) {
	const odd = "€" // of 3 bytes, which no limit here is a multiple of
	for _, c := range []struct {
		text string
		cut  bool
	}{
		{strings.Repeat("x", driver.MaxResponseBody), false},
		{strings.Repeat("x", driver.MaxResponseBody+1), true},
		{strings.Repeat(odd, driver.MaxResponseBody/3+1), true},
		{strings.Repeat(odd, driver.MaxResponseBody/3), false},
	} {
		recorded, read := t.recordOne(driver.Attempt{Status: fails, ResponseBody: c.text, ErrorMessage: c.text})
		equal(t, "attempt recorded is the one read back", recorded.ResponseBody == read.ResponseBody && recorded.ErrorMessage == read.ErrorMessage, true)
		t.wantCut("ResponseBody", read.ResponseBody, c.text, driver.MaxResponseBody)
		t.wantCut("ErrorMessage", read.ErrorMessage, c.text, driver.MaxErrorMessage)
		equal(t, "ResponseBodyTruncated", read.ResponseBodyTruncated, c.cut)
	}
	_, read := t.recordOne(driver.Attempt{Status: fails, ResponseBody: "cut by the worker", ResponseBodyTruncated: true})
	equal(t, "ResponseBodyTruncated as given", read.ResponseBodyTruncated, true)

	headers := map[string][]string{"X-Long": {strings.Repeat(odd, driver.MaxHeaderValue)}}
	for i := range 30 {
		headers["Y-"+strings.Repeat("y", i)] = []string{strings.Repeat("x", driver.MaxHeaderValue)}
	}
	_, read = t.recordOne(driver.Attempt{Status: fails, ResponseHeaders: headers})
	t.wantCut("value of a header", read.ResponseHeaders["X-Long"][0], strings.Repeat(odd, driver.MaxHeaderValue), driver.MaxHeaderValue)
	if n := len(read.ResponseHeaders); n < 10 || n > driver.MaxResponseHeaders/driver.MaxHeaderValue {
		t.Errorf("response headers kept: got %d, want as many as fit in %d bytes", n, driver.MaxResponseHeaders)
	}
}

// wantCut fails the test unless got is as many whole characters of text as fit in so many bytes.
func (t *test) wantCut(what, got, text string, maxBytes int) {
	t.Helper()
	if !strings.HasPrefix(text, got) || len(got) > maxBytes || len(got) <= min(maxBytes, len(text))-3 {
		t.Errorf("%s: got %d bytes (%s), want the first %d of %d, but for a character that would be cut",
			what, len(got), excerpt(got, 0), maxBytes, len(text))
	}
	if strings.Contains(got, "\ufffd") {
		t.Errorf("%s: is cut within a character", what)
	}
}

func attemptsReplace(t *test) {
	recorded, read := t.recordOne(driver.Attempt{
		Status: fails, ResponseBody: "a\x00b\xffc\xe2\x82", ErrorMessage: "\x00\xc3(",
		ResponseHeaders: map[string][]string{"X\x00\xfe": {"\x00\xff", "ä"}},
	})
	for _, attempt := range []driver.Attempt{recorded, read} {
		equal(t, "ResponseBody", attempt.ResponseBody, "a\ufffdb\ufffdc\ufffd\ufffd")
		equal(t, "ErrorMessage", attempt.ErrorMessage, "\ufffd\ufffd(")
		equal(t, "ResponseBodyTruncated", attempt.ResponseBodyTruncated, false)
		equalList(t, "header", attempt.ResponseHeaders["X\ufffd\ufffd"], []string{"\ufffd\ufffd", "ä"})
	}
	_, read = t.recordOne(driver.Attempt{Status: fails, ResponseBody: strings.Repeat("\xff", driver.MaxResponseBody)})
	equal(t, "bytes of a body that is no text, each of them replaced by 3", len(read.ResponseBody), driver.MaxResponseBody/3*3)
	equal(t, "ResponseBodyTruncated", read.ResponseBodyTruncated, true)
}

// spoiledAttempts are what RecordAttempt and Save refuse. Values have the canary, which errors must
// not tell.
func spoiledAttempts() []spoiled[driver.Attempt] {
	long := func(n int) string { return canary + strings.Repeat("x", n) }
	list := []spoiled[driver.Attempt]{
		{"number", func(a *driver.Attempt) { a.Number = -1 }},
		{"number", func(a *driver.Attempt) { a.Number = 52 }},
		{"status", func(a *driver.Attempt) { a.Status = "" }},
		{"status", func(a *driver.Attempt) { a.Status = "pending" }},
		{"status", func(a *driver.Attempt) { a.Status = canary }},
		{"request_method", func(a *driver.Attempt) { a.RequestMethod = "GET" }},
		{"request_method", func(a *driver.Attempt) { a.RequestMethod = canary }},
		{"request_headers", func(a *driver.Attempt) { a.RequestHeaders = map[string][]string{"": {canary}} }},
		{"request_headers", func(a *driver.Attempt) { a.RequestHeaders = map[string][]string{"X Y": {canary}} }},
		{"request_headers[X-Y]", func(a *driver.Attempt) { a.RequestHeaders = map[string][]string{"X-Y": {"", canary + "\xff"}} }},
		{"request_headers[X-Y]", func(a *driver.Attempt) { a.RequestHeaders = map[string][]string{"X-Y": {long(driver.MaxHeaderValue)}} }},
		{"request_headers", func(a *driver.Attempt) {
			a.RequestHeaders = map[string][]string{"X-Y": {}}
			for range 40 {
				a.RequestHeaders["X-Y"] = append(a.RequestHeaders["X-Y"], strings.Repeat("x", driver.MaxHeaderValue))
			}
		}},
		{"request_body", func(a *driver.Attempt) { a.RequestBody = canary + "\x00" }},
		{"request_body", func(a *driver.Attempt) { a.RequestBody = canary + "\xff" }},
		{"request_signature", func(a *driver.Attempt) { a.RequestSignature = long(driver.MaxSignature) }},
		{"error_code", func(a *driver.Attempt) { a.ErrorCode = long(driver.MaxName) }},
		{"error_code", func(a *driver.Attempt) { a.ErrorCode = canary + "\x00" }},
		{"lease_token", func(a *driver.Attempt) { a.LeaseToken = ptr(uuid.Nil) }},
		{"response_time_ms", func(a *driver.Attempt) { a.ResponseTimeMS = ptr(int64(-1)) }},
		{"response_time_ms", func(a *driver.Attempt) { a.ResponseTimeMS = ptr(int64(driver.MaxDurationMS + 1)) }},
		{"response_time_ms", func(a *driver.Attempt) { a.ResponseTimeMS = ptr(int64(math.MinInt64)) }},
		{"attempted_at", func(a *driver.Attempt) { a.AttemptedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"completed_at", func(a *driver.Attempt) { a.CompletedAt = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"completed_at", func(a *driver.Attempt) { a.AttemptedAt, a.CompletedAt = longAgo, longAgo.Add(-time.Microsecond) }},
	}
	for _, code := range []int{-1, 1000, -200, math.MaxInt} {
		list = append(list, spoiled[driver.Attempt]{"response_status_code", func(a *driver.Attempt) { a.ResponseStatusCode = &code }})
	}
	for _, url := range []string{canary, "https://user:" + canary + "@example.com", "https://example.com/" + canary + "\x00", "https://example.com/" + long(driver.MaxURL)} {
		list = append(list, spoiled[driver.Attempt]{"request_url", func(a *driver.Attempt) { a.RequestURL = url }})
	}
	return list
}

func attemptsRefuse(t *test) {
	saved := t.saveDelivery(t.saveEndpoint())
	for _, spoil := range spoiledAttempts() {
		got, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, changed(newAttempt(fails), spoil.change))
		t.wantInvalid(err, "Deliveries.RecordAttempt", spoil.field)
		sameEntity(t, "delivery beside an error", got, driver.Delivery{})
	}
	sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
}

func attemptsMaxPayload(t *test) {
	t = t.alone(driver.WithMaxPayload(1000))
	recorded, read := t.recordOne(driver.Attempt{Status: fails, RequestBody: strings.Repeat("x", 1000+driver.MaxEnvelope), ResponseBody: strings.Repeat("x", 2000)})
	sameEntity(t, "attempt read back", read, recorded)
	saved := t.saveDelivery(t.saveEndpoint())
	body := strings.Repeat("x", 1001+driver.MaxEnvelope)
	_, err := t.store.Deliveries().RecordAttempt(t.ctx, saved.ID, driver.Attempt{Status: fails, RequestBody: body})
	t.wantInvalid(err, "Deliveries.RecordAttempt", "request_body")
	delivery := driver.NewDelivery(saved.EndpointID, t.save(newEvent()).ID)
	delivery.Attempts = []driver.Attempt{{Status: fails, RequestBody: body}}
	_, err = t.store.Deliveries().Save(t.ctx, delivery)
	t.wantInvalid(err, "Deliveries.Save", "attempts[0].request_body")
}

func attemptsUnknown(t *test) {
	saved := t.saveDelivery(t.saveEndpoint())
	for _, id := range []uuid.UUID{newID(), uuid.Nil, saved.EventID} {
		_, err := t.store.Deliveries().RecordAttempt(t.ctx, id, newAttempt(succeeds))
		t.wantErrOn(err, driver.ErrNotFound, "Deliveries.RecordAttempt", "delivery", id.String())
		got, err := t.store.Deliveries().GetByID(t.ctx, id)
		t.wantErrOn(err, driver.ErrNotFound, "Deliveries.GetByID", "delivery", id.String())
		sameEntity(t, "delivery beside an error", got, driver.Delivery{})
	}
	sameEntity(t, "delivery read back", t.delivery(saved.ID), saved)
}

func attemptsLeaveAlone(t *test) {
	given := driver.Attempt{Status: fails, RequestHeaders: map[string][]string{"Authorization": {canary}}, ResponseBody: "\x00"}
	saved := t.saveDelivery(t.saveEndpoint())
	t.record(saved.ID, given)
	sameEntity(t, "attempt given to RecordAttempt", given, driver.Attempt{
		Status: fails, RequestHeaders: map[string][]string{"Authorization": {canary}}, ResponseBody: "\x00",
	})
}
