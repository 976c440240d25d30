package webhook_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/webhook"
)

// vector is a signed request that others have published.
type vector struct {
	source, secret, id string
	timestamp          int64
	body, signature    string
}

// reference is in the tests of the reference libraries for Go, Python, JavaScript and others:
// https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
var reference = vector{
	source:    "reference libraries",
	secret:    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	id:        "msg_p5jXN8AQM9LWM0D4loKWxJek",
	timestamp: 1614265330,
	body:      `{"test": 2432232314}`,
	signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}

var vectors = []vector{
	reference,
	{
		// libraries/rust/src/lib.rs of the same repository.
		source:    "reference library for Rust",
		secret:    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
		id:        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
		timestamp: 1649367553,
		body:      `{"email":"test@example.com","username":"test_user"}`,
		signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
	},
	{
		// https://docs.svix.com/receiving/verifying-payloads/how-manual; its secret,
		// whsec_plJ3nmyCDGBKInavdOK15jsl, has fewer bytes than the specification wants.
		source:    "Svix",
		secret:    decoded("plJ3nmyCDGBKInavdOK15jsl"),
		id:        "msg_loFOjxBNrRLzqYUf",
		timestamp: 1731705121,
		body:      `{"event_type":"ping","data":{"success":true}}`,
		signature: "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
	},
}

// Signatures of other requests: the first two are in the same tests, the third is in the
// specification.
const (
	foreignV1  = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
	foreignV2  = "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
	foreignV1a = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

func decoded(text string) string {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(bytes)
}

func (v vector) at() time.Time { return time.Unix(v.timestamp, 0) }

func (v vector) header() http.Header {
	header := http.Header{}
	header.Set("webhook-id", v.id)
	header.Set("webhook-timestamp", strconv.FormatInt(v.timestamp, 10))
	header.Set("webhook-signature", v.signature)
	return header
}

func TestPublishedVectorsAreSignedAlike(t *testing.T) {
	for _, vector := range vectors {
		header, err := webhook.Sign(vector.id, vector.at(), []byte(vector.body), vector.secret)
		if err != nil {
			t.Errorf("%s: %v", vector.source, err)
			continue
		}
		for name, values := range vector.header() {
			if got := header[name]; len(got) != 1 || got[0] != values[0] {
				t.Errorf("%s: %s is %q, want %q", vector.source, name, got, values)
			}
		}
		if len(header) != 3 {
			t.Errorf("%s: %d headers, want 3", vector.source, len(header))
		}
	}
}

func TestPublishedVectorsVerify(t *testing.T) {
	for _, vector := range vectors {
		if err := webhook.Verify(vector.header(), []byte(vector.body), vector.at(), vector.secret); err != nil {
			t.Errorf("%s: %v", vector.source, err)
		}
	}
}

func TestPublishedVectorVerifiesAmongSignaturesThatDoNotFit(t *testing.T) {
	header := reference.header()
	header.Set("webhook-signature", strings.Join([]string{foreignV1, foreignV2, foreignV1a, reference.signature, foreignV1}, " "))
	if err := webhook.Verify(header, []byte(reference.body), reference.at(), reference.secret); err != nil {
		t.Error(err)
	}
}
