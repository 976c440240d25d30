package driver_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// canary is a secret that must not be seen anywhere. As a key it has the right length.
const canary = "s3cr3t-c4nary-of-32-bytes-length"

// holders are values that hold the canary, by what they are.
func holders(t *testing.T) map[string]any {
	secret, key := driver.NewSecret(canary), driver.NewKey("current", []byte(canary))
	ring := newRing(t, key)
	endpoint := driver.NewEndpoint("shop", "https://example.com/")
	endpoint.SecretToken, endpoint.PreviousSecretToken = secret, secret
	endpoint.CustomHeaders = map[string]driver.Secret{"Authorization": secret}
	config, err := driver.NewConfig(driver.WithKeyRing(ring))
	if err != nil {
		t.Fatal(err)
	}
	type exported struct {
		Secret driver.Secret
		Key    *driver.Key
		Ring   *driver.KeyRing
		Any    any
	}
	type unexported struct {
		secret driver.Secret
		key    driver.Key
		ring   *driver.KeyRing
		any    any
		list   []driver.Secret
	}
	hidden := unexported{secret, key, ring, secret, []driver.Secret{secret}}
	return map[string]any{
		"a secret":                          secret,
		"a pointer to a secret":             &secret,
		"a key":                             key,
		"a pointer to a key":                &key,
		"a key ring":                        ring,
		"what a key ring points to":         *ring,
		"an endpoint":                       endpoint,
		"a pointer to an endpoint":          &endpoint,
		"endpoints":                         []driver.Endpoint{endpoint},
		"the options of RotateSecret":       driver.RotateOptions{Secret: secret},
		"a Config":                          config,
		"a list":                            []driver.Secret{secret},
		"an array":                          [1]driver.Key{key},
		"values of a map":                   map[string]driver.Secret{"a": secret},
		"keys of a map":                     map[driver.Secret]driver.Key{secret: key},
		"fields":                            exported{secret, &key, ring, key},
		"a pointer to fields":               &exported{secret, &key, ring, key},
		"fields that are not exported":      hidden,
		"a pointer to those":                &hidden,
		"an interface in a list":            []any{secret, &key, hidden},
		"a struct without a name in a map":  map[string]any{"a": struct{ S driver.Secret }{secret}},
		"a struct that embeds the endpoint": struct{ driver.Endpoint }{endpoint},
	}
}

// spelled are the ways in which the start of the canary could be printed.
var spelled = []string{
	canary[:3], strings.ToUpper(canary[:3]), hex.EncodeToString([]byte(canary[:6])), strings.ToUpper(hex.EncodeToString([]byte(canary[:6]))),
	"115 51 99", "115, 51, 99", "0x73, 0x33", "73 33 63", "0x73 0x33", "U+0073", "1110011 110011", "163 63 143",
	base64.StdEncoding.EncodeToString([]byte(canary))[:8],
}

func wantHidden(t *testing.T, what, output string) {
	t.Helper()
	for _, start := range spelled {
		if strings.Contains(output, start) {
			t.Errorf("%s: got %q, want the secret not to be in it (it is as %q)", what, output, start)
			return
		}
	}
}

func TestTheWatchForSecretsSeesThem(t *testing.T) {
	for _, format := range []string{"%s", "%v", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%.3s"} {
		for _, value := range []any{canary, []byte(canary)} {
			output := fmt.Sprintf(format, value)
			seen := false
			for _, start := range spelled {
				seen = seen || strings.Contains(output, start)
			}
			if !seen && !strings.Contains(output, "%!") {
				t.Errorf("%s of %T: the secret is in %q, and not seen", format, value, output)
			}
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	verbs := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%!.é"
	flags := []string{"", "+", "#", "-", " ", "0", "+#", "# ", "10", "-40", ".3", "10.3", "[1]", "[2]", "*", "+v %"}
	for name, holder := range holders(t) {
		for _, verb := range verbs {
			for _, flag := range flags {
				format := "%" + flag + string(verb)
				wantHidden(t, name+" as "+format, fmt.Sprintf(format, holder))
			}
		}
		wantHidden(t, name+", printed", fmt.Sprint(holder)+fmt.Sprintln("a", holder))
		withoutVerb := strings.ToLower("A") // linters refuse a constant
		wantHidden(t, name+", without a verb", fmt.Sprintf(withoutVerb, holder))
		wantHidden(t, name+", in an error", fmt.Errorf("a: %v %w", holder, errors.New("b")).Error())
	}
}

func TestWhatIsPrintedInsteadOfASecret(t *testing.T) {
	key := driver.NewKey("2026-01", []byte(canary))
	ring := newRing(t, key, newKey("2025-01"))
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"a secret":        {driver.NewSecret(canary), "[redacted]"},
		"an empty secret": {driver.Secret{}, ""},
		"a key":           {key, "key 2026-01 [redacted]"},
		"a key ring":      {ring, "keys 2025-01, 2026-01"},
		"a nil key ring":  {(*driver.KeyRing)(nil), "keys "},
	} {
		for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, test.value); got != test.want {
				t.Errorf("%s as %s: got %q, want %q", name, verb, got, test.want)
			}
		}
		if value, ok := test.value.(fmt.GoStringer); ok && value.GoString() != test.want {
			t.Errorf("%s as Go: got %q, want %q", name, value.GoString(), test.want)
		}
	}
}

func TestPrintersThatDoNotAskFormatHideSecrets(t *testing.T) {
	for name, value := range map[string]any{"a secret": driver.NewSecret(canary), "a key": newKey("a")} {
		if _, ok := value.(fmt.GoStringer); !ok {
			t.Errorf("%s is no fmt.GoStringer", name)
		}
		if _, ok := value.(fmt.Stringer); !ok {
			t.Errorf("%s is no fmt.Stringer", name)
		}
	}
}

func TestNoLogHoldsASecret(t *testing.T) {
	for name, holder := range holders(t) {
		var log bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			logger := slog.New(handler).With("with", holder).WithGroup("group")
			logger.Info("a", "value", holder, slog.Group("inner", "value", holder))
			logger.Info("a", slog.Any("list", []any{holder}), slog.Any("map", map[string]any{"a": holder}))
		}
		wantHidden(t, name, log.String())
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("a", "secret", driver.NewSecret(canary), "none", driver.Secret{})
	if got, want := log.String(), `secret=[redacted] none=""`; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
}

func TestNoEncodingHoldsASecret(t *testing.T) {
	for name, holder := range holders(t) {
		for format, encode := range map[string]func(any) ([]byte, error){
			"json": json.Marshal,
			"xml":  xml.Marshal,
			"gob": func(value any) ([]byte, error) {
				var out bytes.Buffer
				err := gob.NewEncoder(&out).Encode(value)
				return out.Bytes(), err
			},
		} {
			text, err := encode(holder)
			wantHidden(t, name+" as "+format, string(text))
			if err != nil {
				wantHidden(t, name+" as "+format, err.Error()) // to refuse it is fine
			}
		}
	}
}

func TestASecretInJSONAndXML(t *testing.T) {
	type document struct {
		Secret  driver.Secret  `json:"secret"`
		Omitted driver.Secret  `json:"omitted,omitzero"`
		Nil     *driver.Secret `json:"nil"`
	}
	value := document{Secret: driver.NewSecret(canary)}
	text, err := json.Marshal(value)
	if want := `{"secret":"[redacted]","nil":null}`; err != nil || string(text) != want {
		t.Errorf("json: got %s (%v), want %s", text, err, want)
	}
	text, err = xml.Marshal(value)
	if want := `<document><Secret>[redacted]</Secret><Omitted></Omitted></document>`; err != nil || string(text) != want {
		t.Errorf("xml: got %s (%v), want %s", text, err, want)
	}
	endpoint := driver.NewEndpoint("shop", "https://example.com/")
	endpoint.SecretToken = driver.NewSecret(canary)
	endpoint.CustomHeaders = map[string]driver.Secret{"Authorization": driver.NewSecret(canary), "X-Empty": {}}
	text, err = json.Marshal(endpoint)
	for _, want := range []string{`"secret_token":"[redacted]"`, `"previous_secret_token":""`, `"custom_headers":{"Authorization":"[redacted]","X-Empty":""}`} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("an endpoint: got %s (%v), want %s in it", text, err, want)
		}
	}
}

func TestASecretIsReadFromText(t *testing.T) {
	var got struct {
		Secret  driver.Secret            `json:"secret"`
		Headers map[string]driver.Secret `json:"headers"`
	}
	err := json.Unmarshal([]byte(`{"secret":"`+canary+`","headers":{"a":"\u0041"}}`), &got)
	if err != nil || got.Secret.Reveal() != canary || got.Headers["a"].Reveal() != "A" {
		t.Errorf("json: got %q and %q (%v), want %q and A", got.Secret.Reveal(), got.Headers["a"].Reveal(), err, canary)
	}
	if err := json.Unmarshal([]byte(`{"secret":""}`), &got); err != nil || !got.Secret.IsZero() {
		t.Errorf("an empty text: got %q (%v), want the empty secret", got.Secret.Reveal(), err)
	}
	var document struct{ Secret driver.Secret }
	if err := xml.Unmarshal([]byte(`<a><Secret>`+canary+`</Secret></a>`), &document); err != nil || document.Secret.Reveal() != canary {
		t.Errorf("xml: got %q (%v), want %q", document.Secret.Reveal(), err, canary)
	}
}

func TestAHiddenSecretIsNotReadBack(t *testing.T) {
	secret := driver.NewSecret(canary)
	wantInvalid(t, "text", secret.UnmarshalText([]byte(driver.Redacted)), "secret")
	if secret.Reveal() != canary {
		t.Errorf("after a refusal: got %q, want the secret unchanged", secret.Reveal())
	}
	endpoint := driver.NewEndpoint("shop", "https://example.com/")
	for _, holder := range []func(){
		func() { endpoint.SecretToken = secret },
		func() {
			endpoint.SecretToken, endpoint.CustomHeaders = driver.Secret{}, map[string]driver.Secret{"a": secret}
		},
	} {
		holder()
		text, err := json.Marshal(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		var back driver.Endpoint
		wantInvalid(t, "an endpoint in JSON", json.Unmarshal(text, &back), "secret")
	}
	var document struct{ Secret driver.Secret }
	wantInvalid(t, "xml", xml.Unmarshal([]byte(`<a><Secret>[redacted]</Secret></a>`), &document), "secret")
}

func TestSecretsAreComparedByWhatTheySay(t *testing.T) {
	text := strings.Repeat("a", 3)
	a, same, other := driver.NewSecret("aaa"), driver.NewSecret(text), driver.NewSecret("aab")
	if a != same || !a.Equal(same) || !reflect.DeepEqual(a, same) {
		t.Error("two of the same text are different")
	}
	for _, b := range []driver.Secret{other, driver.NewSecret("aa"), driver.NewSecret("aaaa"), {}} {
		if a == b || a.Equal(b) || b.Equal(a) {
			t.Error("two of different texts are the same")
		}
	}
	empty := driver.NewSecret("")
	if empty != (driver.Secret{}) || !empty.IsZero() || !empty.Equal(driver.Secret{}) || empty.Reveal() != "" {
		t.Error("the secret of an empty text is not the zero value")
	}
	if a.IsZero() {
		t.Error("a secret with a text is the zero value")
	}
}
