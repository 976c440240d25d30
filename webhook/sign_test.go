package webhook_test

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/webhook"
)

// secretsOf returns n secrets that differ.
func secretsOf(n int) []string {
	secrets := make([]string, n)
	for i := range secrets {
		secrets[i] = webhook.NewSecret()
	}
	return secrets
}

func TestSignHasOneSignatureForEachSecretInTheirOrder(t *testing.T) {
	secrets := append([]string{reference.secret}, secretsOf(2)...)
	for _, given := range [][]string{secrets[:1], secrets[:2], secrets} {
		header := sign(t, reference.id, reference.at(), reference.body, given...)
		var want []string
		for _, secret := range given {
			want = append(want, sign(t, reference.id, reference.at(), reference.body, secret).Get("webhook-signature"))
		}
		if got := header.Get("webhook-signature"); got != strings.Join(want, " ") {
			t.Errorf("%d secrets: %q, want %q", len(given), got, want)
		}
	}
}

func TestSignSendsWholeSecondsOfAnyZone(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{time.Unix(1614265330, 999_999_999), "1614265330"},
		{time.Date(2021, 2, 25, 17, 2, 10, 0, time.FixedZone("east", 2*60*60)), "1614265330"},
		{time.Unix(0, 0), "0"},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "253402300799"},
	} {
		header := sign(t, reference.id, test.at, reference.body, reference.secret)
		if got := header.Get("webhook-timestamp"); got != test.want {
			t.Errorf("%s: %s, want %s", test.at, got, test.want)
		}
		if err := webhook.Verify(header, []byte(reference.body), test.at, reference.secret); err != nil {
			t.Errorf("%s: %v", test.at, err)
		}
	}
}

func TestSignTakesAnyBytesAsBody(t *testing.T) {
	for _, body := range []string{"", "\x00\xff", "not JSON", strings.Repeat("a", 1<<20)} {
		header := sign(t, reference.id, reference.at(), body, reference.secret)
		if err := webhook.Verify(header, []byte(body), reference.at(), reference.secret); err != nil {
			t.Errorf("%d bytes: %v", len(body), err)
		}
	}
	header := sign(t, reference.id, reference.at(), "", reference.secret)
	if err := webhook.Verify(header, nil, reference.at(), reference.secret); err != nil {
		t.Errorf("nil for an empty body: %v", err)
	}
}

func TestSignLeavesItsArgumentsAlone(t *testing.T) {
	secrets, body := secretsOf(2), []byte(reference.body)
	before := slices.Clone(secrets)
	sign(t, reference.id, reference.at(), string(body), secrets...)
	if !slices.Equal(secrets, before) || string(body) != reference.body {
		t.Error("changed")
	}
}

func TestIDsThatCannotBeSignedAreRefusedByBothSides(t *testing.T) {
	for _, id := range []string{".", "msg.1", "msg_1.", "msg 1", " msg_1", "msg_1\t", "msg\n1", "msg\r\nX-Other: 1", "msg\x00", "msg\x7f", "mésg", "msg\xff"} {
		if _, err := webhook.Sign(id, reference.at(), nil, reference.secret); !errors.Is(err, webhook.ErrID) {
			t.Errorf("signing %q: %v, want ErrID", id, err)
		}
		header := reference.header()
		header.Set("webhook-id", id)
		if err := webhook.Verify(header, nil, reference.at(), reference.secret); !errors.Is(err, webhook.ErrID) {
			t.Errorf("verifying %q: %v, want ErrID", id, err)
		}
	}
	if _, err := webhook.Sign("", reference.at(), nil, reference.secret); !errors.Is(err, webhook.ErrID) {
		t.Errorf("no id: %v, want ErrID", err)
	}
}

func TestUsualIDsAreSigned(t *testing.T) {
	for _, id := range []string{"a", "!~", "0190163d-8694-739b-aea5-966c26f8ad91", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", strings.Repeat("a", 255)} {
		header := sign(t, id, reference.at(), reference.body, reference.secret)
		if err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestSignRefusesTimesThatNoReceiverCanRead(t *testing.T) {
	for _, at := range []time.Time{
		{}, time.Unix(-1, 0), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0),
	} {
		if header, err := webhook.Sign(reference.id, at, nil, reference.secret); !errors.Is(err, webhook.ErrTimestamp) || header != nil {
			t.Errorf("%d: %v, %v; want ErrTimestamp", at.Unix(), header, err)
		}
	}
}

func sign(t *testing.T, id string, at time.Time, body string, secrets ...string) http.Header {
	t.Helper()
	header, err := webhook.Sign(id, at, []byte(body), secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return header
}
