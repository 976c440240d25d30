package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/webhook"
)

func TestVerifyRefusesWhatWasChanged(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*vector)
	}{
		{"another id", func(v *vector) { v.id += "x" }},
		{"an id in other case", func(v *vector) { v.id = strings.ToUpper(v.id) }},
		{"another timestamp", func(v *vector) { v.timestamp++ }},
		{"another body", func(v *vector) { v.body = strings.Replace(v.body, "4", "5", 1) }},
		{"a body with a space more", func(v *vector) { v.body += " " }},
		{"no body", func(v *vector) { v.body = "" }},
		{"another secret", func(v *vector) { v.secret = webhook.NewSecret() }},
		{"another signature", func(v *vector) { v.signature = foreignV1 }},
		{"a signature with its last character changed", func(v *vector) { v.signature = strings.Replace(v.signature, "OE=", "OF=", 1) }},
		{"a signature in other case", func(v *vector) { v.signature = "v1," + strings.ToLower(v.signature[3:]) }},
		{"the version in other case", func(v *vector) { v.signature = "V1," + v.signature[3:] }},
		{"a signature without its padding", func(v *vector) { v.signature = strings.TrimSuffix(v.signature, "=") }},
		{"a signature that goes on", func(v *vector) { v.signature += "A" }},
		{"the first part of a signature", func(v *vector) { v.signature = v.signature[:8] }},
		{"a signature with a space in it", func(v *vector) { v.signature = v.signature[:8] + " " + v.signature[8:] }},
	} {
		changed := reference
		test.change(&changed)
		err := webhook.Verify(changed.header(), []byte(changed.body), reference.at(), changed.secret)
		if !errors.Is(err, webhook.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", test.name, err)
		}
	}
}

func TestVerifyTakesASignatureOfAnyOfTheSecrets(t *testing.T) {
	old, current, next := webhook.NewSecret(), webhook.NewSecret(), webhook.NewSecret()
	for _, test := range []struct {
		name          string
		signed, known []string
		want          error
	}{
		{"a receiver that has the current one", []string{current, old}, []string{current}, nil},
		{"a receiver that has the previous one", []string{current, old}, []string{old}, nil},
		{"a receiver that has both", []string{current}, []string{old, current}, nil},
		{"a receiver that is ahead", []string{current}, []string{next, current}, nil},
		{"a receiver that is behind", []string{next}, []string{old, current}, webhook.ErrSignature},
		{"as many as there can be", append(secretsOf(webhook.MaxSecrets-1), current), append(secretsOf(webhook.MaxSecrets-1), current), nil},
	} {
		header := sign(t, reference.id, reference.at(), reference.body, test.signed...)
		if err := webhook.Verify(header, []byte(reference.body), reference.at(), test.known...); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestVerifyReadsTheListOfSignatures(t *testing.T) {
	const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	foreign := func(n int) string { return strings.Repeat(foreignV1+" ", n) }
	for _, test := range []struct {
		name, list string
		want       error
	}{
		{"one", signature, nil},
		{"twice the same", signature + " " + signature, nil},
		{"white space around and between", "  " + foreignV1 + " \t  " + signature + " ", nil},
		{"versions that are not known", foreignV2 + " " + foreignV1a + " v1b " + signature, nil},
		{"entries that are none", "v1 v1, , ,, v1,= " + signature, nil},
		{"as many as are looked at", foreign(webhook.MaxSecrets-1) + signature, nil},
		{"one more than are looked at", foreign(webhook.MaxSecrets) + signature, webhook.ErrSignature},
		{"a hundred thousand", foreign(100_000) + signature, webhook.ErrSignature},
		{"white space only", " \t ", webhook.ErrSignature},
		{"versions that are not known only", foreignV2 + " " + foreignV1a, webhook.ErrSignature},
		{"the signature under version v1a", "v1a" + signature[2:], webhook.ErrSignature},
		{"the signature under version v2", "v2" + signature[2:], webhook.ErrSignature},
		{"the signature without a version", signature[3:], webhook.ErrSignature},
		{"the signature after a space", "v1, " + signature[3:], webhook.ErrSignature},
		{"the version alone", "v1", webhook.ErrSignature},
		{"an empty signature", "v1,", webhook.ErrSignature},
		{"commas between", foreignV1 + "," + signature, webhook.ErrSignature},
		{"no base64", "v1,dawfeoifkpqwoekfpqoekf", webhook.ErrSignature},
		{"no text", "\x00\xff", webhook.ErrSignature},
	} {
		header := reference.header()
		header.Set("webhook-signature", test.list)
		if err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestVerifyNeedsAllThreeHeaders(t *testing.T) {
	for _, name := range []string{webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature} {
		for kind, change := range map[string]func(http.Header){
			"missing":        func(h http.Header) { h.Del(name) },
			"empty":          func(h http.Header) { h.Set(name, "") },
			"without values": func(h http.Header) { h[name] = []string{} },
			"branded":        func(h http.Header) { h["Svix"+strings.TrimPrefix(name, "Webhook")] = h[name]; h.Del(name) },
		} {
			header := reference.header()
			change(header)
			err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret)
			if !errors.Is(err, webhook.ErrMissingHeader) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %s: %v, want ErrMissingHeader that names it", name, kind, err)
			}
		}
	}
	if err := webhook.Verify(nil, nil, reference.at(), reference.secret); !errors.Is(err, webhook.ErrMissingHeader) {
		t.Errorf("no header: %v, want ErrMissingHeader", err)
	}
}

func TestOfAHeaderGivenTwiceTheFirstCounts(t *testing.T) {
	for name, value := range map[string]string{
		webhook.HeaderID: "other", webhook.HeaderTimestamp: "1614265331", webhook.HeaderSignature: foreignV1,
	} {
		header := reference.header()
		header.Add(name, value)
		if err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret); err != nil {
			t.Errorf("%s again: %v", name, err)
		}
		header = reference.header()
		header[name] = []string{value, header.Get(name)}
		if err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret); !errors.Is(err, webhook.ErrSignature) {
			t.Errorf("another %s before: %v, want ErrSignature", name, err)
		}
	}
}

func TestVerifyTakesTimestampsWithinTheTolerance(t *testing.T) {
	for _, test := range []struct {
		age  time.Duration
		want string // "" if it verifies
	}{
		{0, ""},
		{5 * time.Minute, ""},
		{5*time.Minute + time.Second - 1, ""}, // still the 300th second
		{5*time.Minute + time.Second, "too old"},
		{-5 * time.Minute, ""},
		{-5*time.Minute - 1, "too new"},
		{-5*time.Minute - time.Second, "too new"},
		{24 * time.Hour, "too old"},
		{-24 * time.Hour, "too new"},
	} {
		now := reference.at().Add(test.age)
		err := webhook.Verify(reference.header(), []byte(reference.body), now, reference.secret)
		if test.want == "" && err != nil {
			t.Errorf("age %s: %v", test.age, err)
		}
		if test.want != "" && (!errors.Is(err, webhook.ErrTimestamp) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("age %s: %v, want ErrTimestamp, %s", test.age, err, test.want)
		}
	}
	if webhook.Tolerance != 5*time.Minute {
		t.Errorf("the tolerance is %s, want 5m", webhook.Tolerance)
	}
}

func TestClocksThatAreFarOffAreRefused(t *testing.T) {
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		err := webhook.Verify(reference.header(), []byte(reference.body), now, reference.secret)
		if !errors.Is(err, webhook.ErrTimestamp) {
			t.Errorf("%d: %v, want ErrTimestamp", now.Unix(), err)
		}
	}
}

func TestUnreadableTimestampsAreRefused(t *testing.T) {
	for _, text := range []string{
		"hello", " ", "-1", "+1614265330", "-1614265330", "1614265330.0", "1614265330,", "1_614_265_330", "0x60377f72", "1e9", " 1614265330", "1614265330 ",
		"1614265330\n", "١٦١٤٢٦٥٣٣٠", "2021-02-25T15:02:10Z", "1614265330000000", "253402300800", "9223372036854775807", "18446744073709551616",
		strings.Repeat("9", 1000), "\x00", "1614265330.1", "NaN",
	} {
		header := reference.header()
		header.Set("webhook-timestamp", text)
		err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret)
		if !errors.Is(err, webhook.ErrTimestamp) || !strings.Contains(err.Error(), "whole seconds") {
			t.Errorf("%q: %v, want ErrTimestamp that asks for whole seconds", text, err)
		}
	}
}

// The signed text is id.timestamp.body: where one part ends must not be a matter of opinion.
func TestPartsOfASignedTextCannotChangePlaces(t *testing.T) {
	const seconds, later = "1614265330", "1614265331"
	at := time.Unix(1614265330, 0)
	for _, test := range []struct{ signedBody, id, timestamp, body string }{
		{later + ".{}", "msg_1." + seconds, later, "{}"}, // the body's first part as the timestamp
		{"{}", "msg_1", "", seconds + ".{}"},
		{"{}", "msg_1", seconds + ".{}", ""},
	} {
		header := sign(t, "msg_1", at, test.signedBody, reference.secret)
		header[webhook.HeaderID] = []string{test.id}
		header[webhook.HeaderTimestamp] = []string{test.timestamp}
		if err := webhook.Verify(header, []byte(test.body), at, reference.secret); err == nil {
			t.Errorf("verifies as id %q, timestamp %q, body %q", test.id, test.timestamp, test.body)
		}
	}
}

func TestErrorsOfARequestRepeatNothingOfIt(t *testing.T) {
	for name, change := range map[string]func(http.Header){
		"signature": func(h http.Header) { h.Set("webhook-signature", foreignV1) },
		"id":        func(h http.Header) { h.Set("webhook-id", reference.id+".") },
		"timestamp": func(h http.Header) { h.Set("webhook-timestamp", reference.id) },
		"missing":   func(h http.Header) { h.Del("webhook-timestamp") },
	} {
		header := reference.header()
		change(header)
		err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret)
		if err == nil {
			t.Errorf("%s: verifies", name)
			continue
		}
		for _, text := range []string{reference.id, reference.signature[3:], foreignV1[3:], reference.secret[6:], reference.body} {
			if strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v repeats %q", name, err, text)
			}
		}
	}
}

// FuzzVerify: what Sign signs verifies, and no longer with a byte more; and what verifies is what a few lines
// that compute the signature take, too.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.id, strconv.FormatInt(v.timestamp, 10), v.signature, []byte(v.body), v.timestamp, v.secret)
	}
	f.Add("", "", "", []byte(nil), int64(math.MinInt64), "")
	f.Add("a.b", "-1", " v1, v1a,x ", []byte("\xff"), int64(math.MaxInt64), "whsec_")
	f.Fuzz(func(t *testing.T, id, timestamp, list string, body []byte, now int64, secret string) {
		at := time.Unix(now, 0)
		header := http.Header{webhook.HeaderID: {id}, webhook.HeaderTimestamp: {timestamp}, webhook.HeaderSignature: {list}}
		verified := webhook.Verify(header, body, at, secret) == nil
		if want := simplyVerify(id, timestamp, list, body, now, secret); verified != want {
			t.Fatalf("verifies: %t, want %t", verified, want)
		}

		signed, err := webhook.Sign(id, at, body, secret)
		if err != nil {
			return
		}
		if err := webhook.Verify(signed, body, at, secret); err != nil {
			t.Fatalf("signed, and does not verify: %v", err)
		}
		if err := webhook.Verify(signed, slices.Concat(body, []byte{'x'}), at, secret); !errors.Is(err, webhook.ErrSignature) {
			t.Fatalf("with a byte more: %v, want ErrSignature", err)
		}
	})
}

// simplyVerify is Verify with one secret, spelled out.
func simplyVerify(id, timestamp, list string, body []byte, now int64, secret string) bool {
	key := []byte(secret)
	if text, standard := strings.CutPrefix(secret, "whsec_"); standard {
		var err error
		if key, err = base64.StdEncoding.DecodeString(text); err != nil || len(key) < 24 || len(key) > 64 {
			return false
		}
	}
	at, ok := new(big.Int).SetString(timestamp, 10)
	if len(key) == 0 || id == "" || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' || c == '.' }) ||
		!ok || strings.ContainsAny(timestamp, "+-_") || at.Cmp(big.NewInt(253402300799)) > 0 ||
		new(big.Int).Sub(at, big.NewInt(now)).CmpAbs(big.NewInt(300)) > 0 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	given := strings.Fields(list)
	return slices.Contains(given[:min(len(given), webhook.MaxSecrets)], "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
