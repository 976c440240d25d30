package webhook_test

import (
	"crypto/fips140"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/webhook"
)

func whsec(bytes int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", bytes)))
}

func TestNewSecretIs32RandomBytes(t *testing.T) {
	first, second := webhook.NewSecret(), webhook.NewSecret()
	if first == second {
		t.Error("twice the same")
	}
	text, prefixed := strings.CutPrefix(first, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !prefixed || err != nil || len(key) != 32 {
		t.Errorf("prefix %t, %d bytes, %v; want whsec_ and 32 bytes", prefixed, len(key), err)
	}
	header := sign(t, reference.id, reference.at(), reference.body, first)
	if err := webhook.Verify(header, []byte(reference.body), reference.at(), first); err != nil {
		t.Error(err)
	}
}

func TestUsableSecretsSignAndVerify(t *testing.T) {
	for _, secret := range []string{whsec(24), whsec(25), whsec(64), "a text without prefix", "WHSEC_" + strings.Repeat("k", 32), strings.Repeat("\x00\xff", 32), strings.Repeat("k", 255)} {
		header := sign(t, reference.id, reference.at(), reference.body, secret)
		if err := webhook.Verify(header, []byte(reference.body), reference.at(), secret); err != nil {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestShortTextsAreSecretsWhereFIPSAllowsIt(t *testing.T) {
	for _, secret := range []string{"k", "whsec", "WHSEC_", "\x00", "thirteen_byte"} {
		header, err := webhook.Sign(reference.id, reference.at(), nil, secret)
		if fips140.Enforced() {
			if !errors.Is(err, webhook.ErrSecret) {
				t.Errorf("%q: %v, want ErrSecret", secret, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", secret, err)
		}
		if err := webhook.Verify(header, nil, reference.at(), secret); err != nil {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestSecretWithoutPrefixIsTheKeyItself(t *testing.T) {
	key := strings.Repeat("k", 24)
	header := sign(t, reference.id, reference.at(), reference.body, key)
	if err := webhook.Verify(header, []byte(reference.body), reference.at(), whsec(24)); err != nil {
		t.Errorf("the same key in both forms: %v", err)
	}
	text := strings.TrimPrefix(reference.secret, "whsec_")
	if err := webhook.Verify(reference.header(), []byte(reference.body), reference.at(), text); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("base64 without the prefix: %v, want ErrSignature", err)
	}
}

func TestUnusableSecretsAreRefusedByBothSides(t *testing.T) {
	good := webhook.NewSecret()
	for name, secrets := range map[string][]string{
		"none":                    nil,
		"empty":                   {""},
		"prefix only":             {"whsec_"},
		"no base64":               {"whsec_" + strings.Repeat("?", 32)},
		"base64 without padding":  {strings.TrimRight(whsec(32), "=")},
		"base64 for URLs":         {"whsec_" + strings.Repeat("-_", 16)},
		"white space":             {"whsec_ " + strings.TrimPrefix(good, "whsec_")},
		"the prefix twice":        {"whsec_" + good},
		"too short":               {whsec(23)},
		"too long":                {whsec(65)},
		"a good one before a bad": {good, "whsec_Zq?"},
		"a good one before none":  {good, ""},
		"too many":                secretsOf(webhook.MaxSecrets + 1),
	} {
		_, err := webhook.Sign(reference.id, reference.at(), []byte(reference.body), secrets...)
		if !errors.Is(err, webhook.ErrSecret) {
			t.Errorf("%s: signing: %v, want ErrSecret", name, err)
		}
		header := sign(t, reference.id, reference.at(), reference.body, good)
		err = webhook.Verify(header, []byte(reference.body), reference.at(), secrets...)
		if !errors.Is(err, webhook.ErrSecret) {
			t.Errorf("%s: verifying: %v, want ErrSecret", name, err)
			continue
		}
		for _, secret := range secrets {
			if text := strings.TrimPrefix(secret, "whsec_"); text != "" && strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error repeats the secret: %v", name, err)
			}
		}
	}
}

func TestTheFaultOfTheReceiverIsToldBeforeThatOfTheRequest(t *testing.T) {
	if err := webhook.Verify(nil, nil, reference.at(), ""); !errors.Is(err, webhook.ErrSecret) {
		t.Errorf("%v, want ErrSecret", err)
	}
}
