package driver_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// legalSteps are the statuses that a delivery can get from each by an attempt.
var legalSteps = map[driver.DeliveryStatus][]driver.DeliveryStatus{
	driver.DeliveryPending:  {driver.DeliveryRetrying, driver.DeliverySuccess, driver.DeliveryFailed},
	driver.DeliveryRetrying: {driver.DeliveryRetrying, driver.DeliverySuccess, driver.DeliveryFailed},
}

// checkDelivery checks what holds for a delivery at any time.
func checkDelivery(t *testing.T, d *driver.Delivery) {
	t.Helper()
	open := d.Status == driver.DeliveryPending || d.Status == driver.DeliveryRetrying
	switch {
	case open == d.Status.Final():
		t.Fatalf("%s: Final is %t", d.Status, d.Status.Final())
	case open != (d.NextRetryAt != nil):
		t.Fatalf("%s: NextRetryAt is %v, want one exactly while it is open", d.Status, d.NextRetryAt)
	case open != (d.CompletedAt == nil):
		t.Fatalf("%s: CompletedAt is %v, want one exactly when it has ended", d.Status, d.CompletedAt)
	case d.MaxAttemptsReached != (d.Status == driver.DeliveryFailed):
		t.Fatalf("%s: MaxAttemptsReached is %t", d.Status, d.MaxAttemptsReached)
	case d.AttemptCount > d.MaxAttempts || open && d.AttemptCount == d.MaxAttempts:
		t.Fatalf("%s: after %d of %d attempts", d.Status, d.AttemptCount, d.MaxAttempts)
	case (d.Status == driver.DeliveryPending) != (d.AttemptCount == 0):
		t.Fatalf("%s: after %d attempts", d.Status, d.AttemptCount)
	}
}

func TestADeliveryMakesOnlyLegalSteps(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		policy := driver.NewEndpoint("shop", "https://example.com/")
		policy.MaxRetryAttempts, policy.RetryBackoffSeconds = random.IntN(6), 1+random.IntN(1000)
		policy.RetryBackoffMultiplier, policy.RetryJitter = 1+9*random.Float64(), random.IntN(2) == 0
		d := driver.NewDelivery(uuid.New(), uuid.New())
		d.Begin(policy, now)
		checkDelivery(t, &d)
		if d.Status != driver.DeliveryPending || !d.NextRetryAt.Equal(now) || d.MaxAttempts != policy.MaxRetryAttempts+1 {
			t.Fatalf("at first: got %+v, want it pending, due now, with %d attempts", d, policy.MaxRetryAttempts+1)
		}
		for number := 1; number <= policy.MaxRetryAttempts+3; number++ {
			now = now.Add(time.Duration(random.IntN(1e9)) * time.Microsecond)
			attempt := randomAttempt(random, number, now)
			token := uuid.New()
			d.LeaseToken, d.LeaseUntil = &token, &now
			before, given := d, attempt
			err := d.Record(&attempt, now)
			switch {
			case before.Status.Final():
				if !errors.Is(err, driver.ErrState) || !reflect.DeepEqual(d, before) || !reflect.DeepEqual(attempt, given) {
					t.Fatalf("on one that is %s: got error %v, want %v and nothing changed", before.Status, err, driver.ErrState)
				}
				continue
			case given.Number != 0 && given.Number != number:
				if !errors.Is(err, driver.ErrConflict) || !reflect.DeepEqual(d, before) || !reflect.DeepEqual(attempt, given) {
					t.Fatalf("number %d where %d is next: got error %v, want %v and nothing changed", given.Number, number, err, driver.ErrConflict)
				}
				number--
				continue
			case err != nil:
				t.Fatal(err)
			}
			checkDelivery(t, &d)
			checkStep(t, &before, &d, &attempt, now, policy)
		}
	}
}

// randomAttempt is one with or without what Record fills in, and sometimes with a wrong number.
func randomAttempt(random *rand.Rand, number int, now time.Time) driver.Attempt {
	statuses := []driver.AttemptStatus{driver.AttemptSuccess, driver.AttemptFailed, driver.AttemptTimeout, driver.AttemptFailed}
	attempt := driver.Attempt{Status: statuses[random.IntN(len(statuses))]}
	switch random.IntN(6) {
	case 0, 1:
		attempt.Number = number
	case 2:
		attempt.Number = number + 1 - 2*random.IntN(2)
		if attempt.Number == 0 {
			attempt.Number = number + 1
		}
	}
	around := func() time.Time { return now.Add(time.Duration(random.IntN(2e9)-1e9) * time.Microsecond) }
	if random.IntN(2) == 0 {
		attempt.AttemptedAt = around()
	}
	if random.IntN(2) == 0 {
		attempt.CompletedAt = around()
		if attempt.AttemptedAt.After(attempt.CompletedAt) {
			attempt.AttemptedAt = attempt.CompletedAt
		}
	}
	return attempt
}

func checkStep(t *testing.T, before, d *driver.Delivery, attempt *driver.Attempt, now time.Time, policy driver.Endpoint) {
	t.Helper()
	legal := false
	for _, next := range legalSteps[before.Status] {
		legal = legal || d.Status == next
	}
	switch {
	case !legal:
		t.Fatalf("from %s to %s by a %s", before.Status, d.Status, attempt.Status)
	case attempt.Number != before.AttemptCount+1 || d.AttemptCount != attempt.Number:
		t.Fatalf("after %d attempts: got number %d, and %d attempts, want the next", before.AttemptCount, attempt.Number, d.AttemptCount)
	case d.LeaseToken != nil || d.LeaseUntil != nil:
		t.Fatal("the lease did not end")
	case attempt.AttemptedAt.IsZero() || attempt.CompletedAt.Before(attempt.AttemptedAt):
		t.Fatalf("got an attempt from %s to %s", attempt.AttemptedAt, attempt.CompletedAt)
	case (d.Status == driver.DeliverySuccess) != (attempt.Status == driver.AttemptSuccess):
		t.Fatalf("%s after a %s", d.Status, attempt.Status)
	case d.CompletedAt != nil && !d.CompletedAt.Equal(attempt.CompletedAt):
		t.Fatalf("ended at %s, want %s, as its last attempt", d.CompletedAt, attempt.CompletedAt)
	}
	if d.NextRetryAt == nil {
		return
	}
	latest := now.Add(policy.RetryDelay(attempt.Number))
	earliest := latest
	if policy.RetryJitter {
		earliest = now
	}
	if d.NextRetryAt.Before(earliest.Truncate(time.Microsecond)) || d.NextRetryAt.After(latest) {
		t.Fatalf("attempt %d: due %s, want %s to %s", attempt.Number, d.NextRetryAt, earliest, latest)
	}
}

func TestADeliveryOfAnEndpointWithoutRetriesFailsAtOnce(t *testing.T) {
	d := driver.NewDelivery(uuid.New(), uuid.New())
	d.Begin(driver.Endpoint{}, time.Now())
	if err := d.Record(&driver.Attempt{Status: driver.AttemptTimeout}, time.Now()); err != nil || d.Status != driver.DeliveryFailed {
		t.Errorf("got %s (%v), want %s", d.Status, err, driver.DeliveryFailed)
	}
}

func TestACancelledDeliveryTakesNoAttempt(t *testing.T) {
	d := driver.Delivery{Status: driver.DeliveryCancelled}
	if err := d.Record(&driver.Attempt{Status: driver.AttemptSuccess}, time.Now()); !errors.Is(err, driver.ErrState) {
		t.Errorf("got error %v, want %v", err, driver.ErrState)
	}
}

func TestAnAttemptFromTheFutureDoesNotPutTheNextOneOff(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := driver.NewDelivery(uuid.New(), uuid.New())
	d.Begin(driver.NewEndpoint("shop", "https://example.com/"), now)
	attempt := driver.Attempt{Status: driver.AttemptFailed, AttemptedAt: lastMoment, CompletedAt: lastMoment}
	if err := d.Record(&attempt, now); err != nil || !d.NextRetryAt.Equal(now.Add(5*time.Second)) {
		t.Errorf("due %s (%v), want %s", d.NextRetryAt, err, now.Add(5*time.Second))
	}
}

func TestADeliveryKeepsItsEndWhenTheAttemptChanges(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := driver.NewDelivery(uuid.New(), uuid.New())
	d.Begin(driver.NewEndpoint("shop", "https://example.com/"), now)
	attempt := driver.Attempt{Status: driver.AttemptSuccess}
	if err := d.Record(&attempt, now); err != nil {
		t.Fatal(err)
	}
	attempt.CompletedAt = time.Time{}
	if !d.CompletedAt.Equal(now) {
		t.Errorf("ended at %s, want %s", d.CompletedAt, now)
	}
}

func TestTheAttemptsOfADeliveryThatIsSaved(t *testing.T) {
	success := driver.Attempt{Status: driver.AttemptSuccess}
	many := func(n int) (attempts []driver.Attempt) {
		for range n {
			attempts = append(attempts, driver.Attempt{Status: driver.AttemptFailed})
		}
		return attempts
	}
	numbered := many(3)
	for i := range numbered {
		numbered[i].Number = i + 1
	}
	gap := many(3)
	gap[2].Number = 4
	for name, test := range map[string]struct {
		count    int
		attempts []driver.Attempt
		field    string
	}{
		"none":               {0, nil, ""},
		"some, not counted":  {0, many(3), ""},
		"some, counted":      {3, many(3), ""},
		"numbered":           {3, numbered, ""},
		"all there can be":   {0, many(51), ""},
		"one more":           {0, many(52), "attempts"},
		"counted wrong":      {2, many(3), "attempt_count"},
		"counted, not there": {1, nil, "attempt_count"},
		"a negative count":   {-1, nil, "attempt_count"},
		"numbered wrong":     {0, gap, "attempts[2].number"},
		"one without status": {0, []driver.Attempt{success, {}}, "attempts[1].status"},
	} {
		d := driver.NewDelivery(uuid.New(), uuid.New())
		d.AttemptCount, d.Attempts = test.count, test.attempts
		err := d.Validate()
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

func TestAnAttemptIsCutOnARuneBoundary(t *testing.T) {
	const replaced = "\uFFFD"
	for _, field := range []struct {
		name  string
		limit int
		of    func(*driver.Attempt) *string
	}{
		{"response_body", driver.MaxResponseBody, func(a *driver.Attempt) *string { return &a.ResponseBody }},
		{"error_message", driver.MaxErrorMessage, func(a *driver.Attempt) *string { return &a.ErrorMessage }},
	} {
		fill := func(n int) string { return strings.Repeat("a", n) }
		limit := field.limit
		for name, test := range map[string]struct {
			given, want string
			cut         bool
		}{
			"nothing":                        {"", "", false},
			"what fits":                      {fill(limit), fill(limit), false},
			"a byte more":                    {fill(limit + 1), fill(limit), true},
			"many more":                      {fill(3 * limit), fill(limit), true},
			"a rune that just fits":          {fill(limit-2) + "ä", fill(limit-2) + "ä", false},
			"a rune across the limit":        {fill(limit-1) + "ä", fill(limit - 1), true},
			"a longer one":                   {fill(limit-3) + "😀", fill(limit - 3), true},
			"one behind it":                  {fill(limit) + "😀", fill(limit), true},
			"one further behind":             {fill(limit+3) + "😀", fill(limit), true},
			"bytes that are no text":         {"a\xff\xfeb\xe2\x82c", "a" + replaced + replaced + "b" + replaced + replaced + "c", false},
			"half a rune at the end":         {"a\xe2\x82", "a" + replaced + replaced, false},
			"NUL":                            {"\x00a\x00", replaced + "a" + replaced, false},
			"a surrogate":                    {"a\xed\xa0\x80", "a" + replaced + replaced + replaced, false},
			"U+FFFD itself":                  {"a" + replaced, "a" + replaced, false},
			"a byte that grows too long":     {fill(limit-1) + "\xff", fill(limit - 1), true},
			"a NUL that grows too long":      {fill(limit-2) + "\x00", fill(limit - 2), true},
			"no text at all":                 {strings.Repeat("\xff", limit+100), strings.Repeat(replaced, limit/3), true},
			"no text, then text that is cut": {strings.Repeat("\xff", 100) + strings.Repeat("😀", limit/4), strings.Repeat(replaced, 100) + strings.Repeat("😀", limit/4-75), true},
		} {
			attempt := driver.Attempt{Status: driver.AttemptFailed}
			*field.of(&attempt) = test.given
			if err := attempt.Prepare(driver.DefaultMaxPayload); err != nil {
				t.Fatal(err)
			}
			got := *field.of(&attempt)
			if got != test.want {
				t.Errorf("%s, %s: got %d bytes ending in %q, want %d ending in %q", field.name, name,
					len(got), got[max(0, len(got)-10):], len(test.want), test.want[max(0, len(test.want)-10):])
			}
			if wantCut := test.cut && field.name == "response_body"; attempt.ResponseBodyTruncated != wantCut {
				t.Errorf("%s, %s: ResponseBodyTruncated is %t, want %t", field.name, name, attempt.ResponseBodyTruncated, wantCut)
			}
		}
	}
}

func TestWhatTheOtherSideSentCanAlwaysBeStored(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	parts := []string{"a", "ä", "€", "😀", "\xff", "\x00", "\xe2\x82", "\xf0\x9f", "\xed\xa0\x80", "\uFFFD", "\n", `"`, "\u2028"}
	for range 300 {
		var b strings.Builder
		for part := parts[random.IntN(len(parts))]; b.Len() < driver.MaxErrorMessage-50; {
			b.WriteString(part)
		}
		for range random.IntN(100) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		attempt := driver.Attempt{Status: driver.AttemptFailed, ErrorMessage: b.String(), ResponseBodyTruncated: true}
		if err := attempt.Prepare(driver.DefaultMaxPayload); err != nil {
			t.Fatal(err)
		}
		got := attempt.ErrorMessage
		whole := strings.ReplaceAll(string([]rune(b.String())), "\x00", "\uFFFD")
		if len(got) > driver.MaxErrorMessage || !utf8.ValidString(got) || strings.Contains(got, "\x00") || !strings.HasPrefix(whole, got) {
			t.Fatalf("got %d bytes ending in %q, want the start of the text, as it can be stored", len(got), got[max(0, len(got)-10):])
		}
		if room := driver.MaxErrorMessage - len(got); len(got) < len(whole) && room >= utf8.UTFMax {
			t.Fatalf("cut with room for %d bytes more", room)
		}
		if !attempt.ResponseBodyTruncated {
			t.Fatal("ResponseBodyTruncated was forgotten: a caller may have cut the body already")
		}
	}
}

func TestTheHeadersOfAnAttemptAreRedacted(t *testing.T) {
	attempt := driver.Attempt{
		Status:          driver.AttemptSuccess,
		RequestHeaders:  map[string][]string{"Authorization": {canary}, "Content-Type": {"application/json"}, "X-Custom": {canary, canary}},
		ResponseHeaders: map[string][]string{"Set-Cookie": {canary}, "Content-Type": {"text/plain\x00"}, "X-\xff": {"\xff"}},
	}
	given := attempt.RequestHeaders
	if err := attempt.Prepare(driver.DefaultMaxPayload); err != nil {
		t.Fatal(err)
	}
	wantRequest := map[string][]string{"Authorization": {driver.Redacted}, "Content-Type": {"application/json"}, "X-Custom": {driver.Redacted, driver.Redacted}}
	if !reflect.DeepEqual(attempt.RequestHeaders, wantRequest) {
		t.Errorf("of the request: got %v, want %v", attempt.RequestHeaders, wantRequest)
	}
	wantResponse := map[string][]string{"Set-Cookie": {driver.Redacted}, "Content-Type": {"text/plain\uFFFD"}, "X-\uFFFD": {"\uFFFD"}}
	if !reflect.DeepEqual(attempt.ResponseHeaders, wantResponse) {
		t.Errorf("of the response: got %v, want %v", attempt.ResponseHeaders, wantResponse)
	}
	if given["Authorization"][0] != canary {
		t.Error("the caller's headers were changed")
	}
}

func TestResponseHeadersAreBounded(t *testing.T) {
	many := map[string][]string{}
	for i := range 10_000 {
		many[fmt.Sprintf("X-%05d", i)] = []string{"value"}
	}
	for name, test := range map[string]struct {
		headers map[string][]string
		names   int // that are left
	}{
		"none":                    {nil, 0},
		"one":                     {map[string][]string{"X-A": {"a"}}, 1},
		"many":                    {many, driver.MaxResponseHeaders / (len("X-00000") + len("value") + 2*len(`"":`))},
		"a long value":            {map[string][]string{"X-A": {strings.Repeat("a", 17<<20)}}, 1},
		"a long name":             {map[string][]string{strings.Repeat("a", 17<<20): {"a"}}, 1},
		"no values":               {map[string][]string{"X-A": nil, "X-B": {}}, 2},
		"many values":             {map[string][]string{"X-A": {"a"}, "X-B": make([]string, 1<<20)}, 1},
		"many values in the end":  {map[string][]string{"X-Z": make([]string, 1<<20), "X-A": {"a"}, "X-B": {"b"}}, 2},
		"names that become equal": {map[string][]string{strings.Repeat("a", 300): {"a"}, strings.Repeat("a", 301): {"b"}}, 1},
	} {
		attempt := driver.Attempt{Status: driver.AttemptSuccess, ResponseHeaders: test.headers}
		if err := attempt.Prepare(driver.DefaultMaxPayload); err != nil {
			t.Fatal(err)
		}
		size := 0
		for name, values := range attempt.ResponseHeaders {
			size += len(name)
			for _, value := range values {
				size += len(value) + 1
			}
		}
		if len(attempt.ResponseHeaders) != test.names || size > driver.MaxResponseHeaders {
			t.Errorf("%s: %d are left with %d bytes, want %d with %d at most", name, len(attempt.ResponseHeaders), size, test.names, driver.MaxResponseHeaders)
		}
		if (test.headers == nil) != (attempt.ResponseHeaders == nil) {
			t.Errorf("%s: got %v of %v", name, attempt.ResponseHeaders, test.headers)
		}
	}
}

func TestAnAttemptThatIsRefusedStaysAsItIs(t *testing.T) {
	attempt := driver.Attempt{Status: "no such", ErrorMessage: "a\x00", RequestHeaders: map[string][]string{"Cookie": {"a"}}}
	given := attempt
	wantInvalid(t, "status", attempt.Prepare(driver.DefaultMaxPayload), "status")
	if !reflect.DeepEqual(attempt, given) {
		t.Errorf("got %+v, want %+v", attempt, given)
	}
	wantInvalid(t, "a body over the limit", (&driver.Attempt{Status: driver.AttemptFailed, RequestBody: strings.Repeat("x", driver.MaxEnvelope+5)}).Prepare(4), "request_body")
}

func TestTheTimesOfAnAttempt(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.FixedZone("", 3600))
	attempt := driver.Attempt{Status: driver.AttemptSuccess, AttemptedAt: begin, CompletedAt: begin.Add(-1)}
	wantInvalid(t, "backwards", attempt.Validate(), "completed_at")
	attempt.CompletedAt = begin.Add(time.Second)
	if err := attempt.Prepare(driver.DefaultMaxPayload); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 1, 2, 2, 4, 5, 123_456_000, time.UTC)
	if attempt.AttemptedAt != want || attempt.CompletedAt != want.Add(time.Second) {
		t.Errorf("got %s to %s, want UTC in whole microseconds", attempt.AttemptedAt, attempt.CompletedAt)
	}
	none := driver.Attempt{Status: driver.AttemptSuccess}
	if err := none.Prepare(driver.DefaultMaxPayload); err != nil || !none.AttemptedAt.IsZero() || !none.CompletedAt.IsZero() {
		t.Errorf("without times: got %s to %s (%v), want them left to Record", none.AttemptedAt, none.CompletedAt, err)
	}
}

func TestCheckLease(t *testing.T) {
	for lease, want := range map[time.Duration]time.Duration{
		0: driver.DefaultLease, time.Millisecond: time.Millisecond, driver.MaxLease: driver.MaxLease, time.Second + 1: time.Second,
	} {
		if got, err := driver.CheckLease(lease); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", lease, got, err, want)
		}
	}
	for _, lease := range []time.Duration{-1, 1, time.Millisecond - 1, driver.MaxLease + 1, -1 << 63, 1<<63 - 1} {
		_, err := driver.CheckLease(lease)
		wantInvalid(t, lease.String(), err, "lease")
	}
}

func TestValidateCancelReason(t *testing.T) {
	for _, reason := range []string{"", "no longer wanted", strings.Repeat("a", driver.MaxName)} {
		if err := driver.ValidateCancelReason(reason); err != nil {
			t.Errorf("%.20q: got error %v, want none", reason, err)
		}
	}
	for _, reason := range []string{strings.Repeat("a", driver.MaxName+1), "\xff", "a\x00"} {
		wantInvalid(t, brief(reason), driver.ValidateCancelReason(reason), "reason")
	}
}
