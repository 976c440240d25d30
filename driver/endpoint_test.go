package driver_test

import (
	"encoding/base64"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/webhook"
)

func validEndpoint() driver.Endpoint {
	endpoint := driver.NewEndpoint("shop", "https://example.com/hooks")
	endpoint.SecretToken = driver.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	endpoint.CustomHeaders = map[string]driver.Secret{"X-Tenant": driver.NewSecret("acme")}
	return endpoint
}

func TestTheURLOfAnEndpoint(t *testing.T) {
	long := "https://example.com/" + strings.Repeat("a", driver.MaxURL-len("https://example.com/"))
	for url, valid := range map[string]bool{
		"http://example.com":                       true,
		"https://example.com/":                     true,
		"HTTPS://EXAMPLE.COM/A":                    true,
		"https://example.com/a%20b?c=d&e=%23#":     false,
		"https://example.com/a%20b?c=d&e=%23":      true,
		"https://example.com?a":                    true,
		"https://example.com:8443/a":               true,
		"https://example.com:/a":                   true,
		"https://localhost:1":                      true,
		"https://example.com:65535":                true,
		"https://example.com:65536":                false,
		"https://example.com:0":                    false,
		"https://example.com:99999999999999999999": false,
		"https://example.com:port":                 false,
		"https://example.com:-1":                   false,
		"https://127.0.0.1/a":                      true,
		"https://[::1]/a":                          true,
		"https://[2001:db8::1]:8443/a":             true,
		"https://[::1":                             false,
		"https://[]/":                              false,
		"https://[::1]:x/":                         false,
		"https://bücher.example/straße":            true,
		"https://example.com/a@b":                  true,
		"https://example.com//a//b":                true,
		"https://example.com/?url=http://a:b@c":    true,
		long:                                       true,
		long + "a":                                 false,
		"":                                         false,
		" ":                                        false,
		"/":                                        false,
		"example.com":                              false,
		"example.com:80/a":                         false,
		"//example.com/a":                          false,
		"http:":                                    false,
		"http:/":                                   false,
		"http://":                                  false,
		"http:///a":                                false,
		"http://:80":                               false,
		"http://:80/a":                             false,
		"http://?a":                                false,
		"http:foo":                                 false,
		"http:example.com/a":                       false,
		"https:/example.com":                       false,
		"ftp://example.com":                        false,
		"file:///etc/passwd":                       false,
		"httpss://example.com":                     false,
		"ws://example.com":                         false,
		"javascript:alert(1)":                      false,
		"mailto:a@example.com":                     false,
		"https://user@example.com":                 false,
		"https://user:password@example.com/":       false,
		"https://:@example.com/":                   false,
		"https://@example.com/":                    false,
		"https://a%40b@example.com/":               false,
		"https://example.com/#":                    false,
		"https://example.com#a":                    false,
		"https://example.com/?#":                   false,
		" https://example.com":                     false,
		"https://example.com ":                     false,
		"https://example.com/ ":                    false,
		"https://example.com/a b":                  false,
		"https://example.com/?a b":                 false,
		"https://exa mple.com/":                    false,
		"https://example.com/\n":                   false,
		"https://example.com/\r\nHost: a":          false,
		"https://example.com/\t":                   false,
		"https://example.com/\x00":                 false,
		"https://example.com/\x7f":                 false,
		"https://example.com\x1b/":                 false,
		"https://example.com/\xff":                 false,
		"https://example.com/%":                    false,
		"https://example.com/%zz":                  false,
		"https://exa%mple.com/":                    false,
		`https://example.com\@evil.example/`:       false,
		`https://example.com\a`:                    false,
	} {
		endpoint := validEndpoint()
		endpoint.EndpointURL = url
		err := endpoint.Validate()
		if !valid {
			wantInvalid(t, brief(url), err, "endpoint_url")
			continue
		}
		if err != nil {
			t.Errorf("%.80q: got error %v, want none", url, err)
		}
		if _, err := http.NewRequest("POST", url, nil); err != nil {
			t.Errorf("%.80q is valid, and no request can be made of it: %v", url, err)
		}
	}
}

func TestTheHeadersOfAnEndpoint(t *testing.T) {
	long := strings.Repeat("a", driver.MaxName)
	for name, test := range map[string]struct {
		name, value string
		field       string // that is refused; "": none
	}{
		"a credential":                   {"Authorization", "Bearer a", ""},
		"an empty value":                 {"X-Empty", "", ""},
		"a value with a tab":             {"X-Tab", "a\tb", ""},
		"a value that is not ASCII":      {"X-Name", "Bücher", ""},
		"the longest value":              {"X-Long", strings.Repeat("a", driver.MaxHeaderValue), ""},
		"every character of a token":     {"!#$%&'*+-.^_`|~09azAZ", "a", ""},
		"the longest name":               {long, "a", ""},
		"another content type":           {"Content-Type", "application/cloudevents+json", ""},
		"no name":                        {"", "a", "custom_headers"},
		"a name that is too long":        {long + "a", "a", "custom_headers"},
		"a name with a space":            {"X A", "a", "custom_headers"},
		"a name with a colon":            {"X:", "a", "custom_headers"},
		"a name with a line end":         {"X\r\nY", "a", "custom_headers"},
		"a name that is not ASCII":       {"X-ä", "a", "custom_headers"},
		"a name that is not UTF-8":       {"X-\xff", "a", "custom_headers"},
		"a name with NUL":                {"X\x00", "a", "custom_headers"},
		"a value with a line end":        {"X-A", "a\r\nX-B: c", "custom_headers[X-A]"},
		"a value with NUL":               {"X-A", "a\x00", "custom_headers[X-A]"},
		"a value with DEL":               {"X-A", "a\x7f", "custom_headers[X-A]"},
		"a value that is not UTF-8":      {"X-A", "a\xff", "custom_headers[X-A]"},
		"a value that is too long":       {"X-A", strings.Repeat("a", driver.MaxHeaderValue+1), "custom_headers[X-A]"},
		"a value that was hidden":        {"X-A", driver.Redacted, "custom_headers[X-A]"},
		"the signature's":                {"X-Webhook-Signature", "a", "custom_headers[X-Webhook-Signature]"},
		"the signature's, in small ones": {"x-webhook-signature", "a", "custom_headers[x-webhook-signature]"},
	} {
		endpoint := validEndpoint()
		endpoint.SignatureHeader = "" // the default
		endpoint.CustomHeaders = map[string]driver.Secret{test.name: driver.NewSecret(test.value)}
		err := endpoint.Validate()
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

func TestHeadersThatTheSenderSetsAreRefused(t *testing.T) {
	for _, name := range []string{
		"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE",
		"Trailer", "Transfer-Encoding", "Upgrade", "webhook-id", "webhook-signature", "webhook-timestamp",
	} {
		for _, name := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			endpoint := validEndpoint()
			endpoint.CustomHeaders = map[string]driver.Secret{name: driver.NewSecret("a")}
			wantInvalid(t, name, endpoint.Validate(), "custom_headers["+name+"]")

			endpoint = validEndpoint()
			endpoint.SignatureHeader = name
			if err := endpoint.Validate(); strings.EqualFold(name, "webhook-signature") {
				if err != nil {
					t.Errorf("the signature in %s: got error %v, want none", name, err)
				}
			} else {
				wantInvalid(t, "the signature in "+name, err, "signature_header")
			}
		}
	}
}

func TestHeadersThatDifferInCaseAreTheSame(t *testing.T) {
	endpoint := validEndpoint()
	endpoint.CustomHeaders = map[string]driver.Secret{"X-A": driver.NewSecret("a"), "x-a": driver.NewSecret("b")}
	wantInvalid(t, "twice", endpoint.Validate(), "custom_headers[x-a]")
	endpoint.CustomHeaders = map[string]driver.Secret{"x-own-SIGNATURE": driver.NewSecret("a")}
	endpoint.SignatureHeader = "X-Own-Signature"
	wantInvalid(t, "the signature's", endpoint.Validate(), "custom_headers[x-own-SIGNATURE]")
	endpoint.SignatureHeader = "X-Webhook-Signature"
	if err := endpoint.Validate(); err != nil {
		t.Errorf("another one's: got error %v, want none", err)
	}
}

func TestHowManyHeadersAnEndpointCanHave(t *testing.T) {
	endpoint := validEndpoint()
	endpoint.CustomHeaders = map[string]driver.Secret{}
	for range driver.MaxCustomHeaders {
		endpoint.CustomHeaders["X-"+strings.Repeat("a", len(endpoint.CustomHeaders))] = driver.NewSecret("a")
	}
	if err := endpoint.Validate(); err != nil {
		t.Errorf("%d: got error %v, want none", len(endpoint.CustomHeaders), err)
	}
	endpoint.CustomHeaders["X-One-More"] = driver.NewSecret("a")
	wantInvalid(t, "one more", endpoint.Validate(), "custom_headers")
}

func TestTheSecretOfAnEndpoint(t *testing.T) {
	standard := func(bytes int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, bytes)) }
	for secret, valid := range map[string]bool{
		"":                                      true, // Save makes one
		"a":                                     true,
		"of one's own, with spaces · ä":         true,
		strings.Repeat("a", driver.MaxSecret):   true,
		standard(24):                            true,
		standard(32):                            true,
		standard(64):                            true,
		strings.Repeat("a", 1+driver.MaxSecret): false,
		standard(23):                            false,
		standard(65):                            false,
		"whsec_":                                false,
		"whsec_" + strings.Repeat("!", 32):      false,
		driver.Redacted:                         false,
		"a\x00":                                 false,
		"a\xff":                                 false,
	} {
		endpoint := validEndpoint()
		endpoint.SecretToken = driver.NewSecret(secret)
		err := endpoint.Validate()
		rotation := driver.RotateOptions{Secret: endpoint.SecretToken}.Validate()
		if !valid {
			wantInvalid(t, brief(secret), err, "secret_token")
			wantInvalid(t, brief(secret)+" in RotateSecret", rotation, "secret")
		} else if err != nil || rotation != nil {
			t.Errorf("%s: got errors %v and %v, want none", brief(secret), err, rotation)
		}
	}
}

func TestANewEndpointIsOneThatSaveCompletes(t *testing.T) {
	made := driver.NewEndpoint("shop", "https://example.com/")
	bare := driver.Endpoint{
		Name: "shop", EndpointURL: "https://example.com/", VerifySSL: true, IsActive: true, MaxRetryAttempts: 3,
	}
	for _, endpoint := range []*driver.Endpoint{&made, &bare} {
		if err := endpoint.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := endpoint.Prepare(); err != nil || endpoint.ID.Version() != 7 {
			t.Fatalf("got id %v (%v), want a UUIDv7", endpoint.ID, err)
		}
	}
	made.ID = bare.ID
	if !reflect.DeepEqual(made, bare) {
		t.Errorf("got %+v from NewEndpoint, %+v from the defaults of Save, want the same", made, bare)
	}
	if !made.SecretToken.IsZero() {
		t.Error("Prepare made a secret, want that left to Save")
	}
}

func TestRetryDelay(t *testing.T) {
	for _, test := range []struct {
		seconds    int
		multiplier float64
		attempt    int
		want       time.Duration
	}{
		{5, 2, 1, 5 * time.Second},
		{5, 2, 2, 10 * time.Second},
		{5, 2, 3, 20 * time.Second},
		{5, 2, 10, 2560 * time.Second},
		{5, 2, 11, time.Hour},
		{1, 1, 50, time.Second},
		{10, 1.5, 3, 22500 * time.Millisecond},
		{3, 1.1, 2, 3300 * time.Millisecond},
		{1, 1.1, 3, 1210 * time.Millisecond},
		{3600, 1, 1, time.Hour},
		{3600, 10, 51, time.Hour},
		{5, 2, 0, 5 * time.Second},
		{5, 2, -1, 5 * time.Second},
		{5, 2, math.MinInt, 5 * time.Second},
		{5, 2, math.MaxInt, time.Hour},
		{math.MaxInt, 10, 1, time.Hour},
		{0, 2, 1, 0},
		{0, 10, math.MaxInt, 0},
		{-5, 2, 1, 0},
		{math.MinInt, 10, math.MaxInt, 0},
		{5, 0, 3, 0},
		{5, -2, 4, 0},
		{5, math.NaN(), 3, 0},
		{5, math.Inf(1), 2, time.Hour},
		{5, math.Inf(-1), 2, 0},
	} {
		endpoint := driver.Endpoint{RetryBackoffSeconds: test.seconds, RetryBackoffMultiplier: test.multiplier}
		if got := endpoint.RetryDelay(test.attempt); got != test.want {
			t.Errorf("%d s × %g, attempt %d: got %s, want %s", test.seconds, test.multiplier, test.attempt, got, test.want)
		}
	}
}

func TestRetryDelayNeverShrinksAndEndsAtAnHour(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		endpoint := driver.Endpoint{RetryBackoffSeconds: 1 + random.IntN(3600), RetryBackoffMultiplier: 1 + 9*random.Float64()}
		exact, factor := new(big.Float).SetInt64(int64(endpoint.RetryBackoffSeconds)), big.NewFloat(endpoint.RetryBackoffMultiplier)
		last := time.Duration(0)
		for attempt := 1; attempt <= 51; attempt++ {
			got := endpoint.RetryDelay(attempt)
			if got < last || got > time.Hour || got < time.Second || got != got.Truncate(time.Microsecond) {
				t.Fatalf("%d s × %g, attempt %d: got %s after %s, want no less, whole microseconds, an hour at most",
					endpoint.RetryBackoffSeconds, endpoint.RetryBackoffMultiplier, attempt, got, last)
			}
			want, _ := exact.Float64()
			if off := math.Abs(min(want, 3600) - got.Seconds()); off > 1e-6 {
				t.Fatalf("%d s × %g, attempt %d: got %s, want %g s", endpoint.RetryBackoffSeconds, endpoint.RetryBackoffMultiplier, attempt, got, want)
			}
			last, exact = got, exact.Mul(exact, factor)
		}
	}
}

func TestRetryDelayOfWhateverIsThere(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		endpoint := driver.Endpoint{RetryBackoffSeconds: int(random.Uint64()), RetryBackoffMultiplier: math.Float64frombits(random.Uint64())}
		attempt := int(random.Uint64())
		if got := endpoint.RetryDelay(attempt); got < 0 || got > time.Hour {
			t.Fatalf("%d s × %g, attempt %d: got %s, want 0 to an hour", endpoint.RetryBackoffSeconds, endpoint.RetryBackoffMultiplier, attempt, got)
		}
	}
}

func TestFullJitterIsAnyPartOfThePause(t *testing.T) {
	for _, delay := range []time.Duration{0, -1, math.MinInt64} {
		if got := driver.FullJitter(delay); got != 0 {
			t.Errorf("%s: got %s, want 0", delay, got)
		}
	}
	seen := map[time.Duration]bool{}
	for range 10_000 {
		seen[driver.FullJitter(3)] = true
		for _, delay := range []time.Duration{1, time.Hour, math.MaxInt64} {
			if got := driver.FullJitter(delay); got < 0 || got > delay {
				t.Fatalf("%s: got %s, want 0 to that", delay, got)
			}
		}
	}
	if want := map[time.Duration]bool{0: true, 1: true, 2: true, 3: true}; !reflect.DeepEqual(seen, want) {
		t.Errorf("3ns, 10,000 times: got %v, want each of 0 to 3", seen)
	}
}

func TestSigningSecrets(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	current, previous := driver.NewSecret("current"), driver.NewSecret("previous")
	at := func(offset time.Duration) *time.Time { until := now.Add(offset); return &until }
	for name, test := range map[string]struct {
		previous driver.Secret
		until    *time.Time
		want     []driver.Secret
	}{
		"never rotated":          {driver.Secret{}, nil, []driver.Secret{current}},
		"in the grace period":    {previous, at(1), []driver.Secret{current, previous}},
		"at its end":             {previous, at(0), []driver.Secret{current}},
		"after it":               {previous, at(-time.Hour), []driver.Secret{current}},
		"none, though a moment":  {driver.Secret{}, at(time.Hour), []driver.Secret{current}},
		"one, without a moment":  {previous, nil, []driver.Secret{current}},
		"in another time's zone": {previous, func() *time.Time { l := at(1).In(time.FixedZone("", 3600)); return &l }(), []driver.Secret{current, previous}},
	} {
		endpoint := driver.Endpoint{SecretToken: current, PreviousSecretToken: test.previous, PreviousSecretUntil: test.until}
		got := endpoint.SigningSecrets(now)
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %d secrets, want %d", name, len(got), len(test.want))
		}
	}
}

func TestRotateOptions(t *testing.T) {
	for name, test := range map[string]struct {
		opts  driver.RotateOptions
		field string
	}{
		"nothing":              {driver.RotateOptions{}, ""},
		"no grace":             {driver.RotateOptions{Grace: -1}, ""},
		"the longest grace":    {driver.RotateOptions{Grace: driver.MaxSecretGrace, Secret: driver.NewSecret("a")}, ""},
		"a longer one":         {driver.RotateOptions{Grace: driver.MaxSecretGrace + 1}, "grace"},
		"the longest secret":   {driver.RotateOptions{Secret: driver.NewSecret(strings.Repeat("a", driver.MaxSecret))}, ""},
		"a longer secret":      {driver.RotateOptions{Secret: driver.NewSecret(strings.Repeat("a", driver.MaxSecret+1))}, "secret"},
		"a secret with NUL":    {driver.RotateOptions{Secret: driver.NewSecret("a\x00")}, "secret"},
		"one that was hidden":  {driver.RotateOptions{Secret: driver.NewSecret(driver.Redacted)}, "secret"},
		"one that isn't UTF-8": {driver.RotateOptions{Secret: driver.NewSecret("\xff")}, "secret"},
	} {
		err := test.opts.Validate()
		if test.field != "" {
			wantInvalid(t, name, err, test.field)
		} else if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

// FuzzSecretToken: a secret that an endpoint can have is one that package webhook can sign with, and the
// other way round, but for what the database can't store.
func FuzzSecretToken(f *testing.F) {
	for _, secret := range []string{
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La\nLaSw", "a", "", "ä", "\xff", "a\x00",
		driver.Redacted, "whsec_" + strings.Repeat("QUFB", 8), "whsec_" + strings.Repeat("QUFB", 22), "WHSEC_AAAA", strings.Repeat("a", 255), strings.Repeat("a", 256),
	} {
		f.Add(secret)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		endpoint := driver.NewEndpoint("Acme", "https://acme.example/hooks")
		endpoint.SecretToken = driver.NewSecret(secret)
		refused := endpoint.Validate()
		_, unusable := webhook.Sign("msg_1", time.Unix(0, 0), nil, secret)
		storable := secret != "" && secret != driver.Redacted && len(secret) <= driver.MaxSecret && utf8.ValidString(secret) && !strings.Contains(secret, "\x00")
		if storable && (refused == nil) != (unusable == nil) {
			t.Errorf("the endpoint says %v, package webhook %v", refused, unusable)
		}
		if !storable && secret != "" && refused == nil {
			t.Error("accepted")
		}
		if refused != nil {
			wantInvalid(t, "the secret", refused, "secret_token")
			if len(secret) > 20 && strings.Contains(refused.Error(), secret) {
				t.Errorf("the error tells the secret: %v", refused)
			}
		}
	})
}
