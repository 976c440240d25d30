package driver_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

// newKey returns a key whose bytes follow from its id.
func newKey(id string) driver.Key {
	sum := sha256.Sum256([]byte(id))
	return driver.NewKey(id, sum[:])
}

func newRing(t testing.TB, current driver.Key, old ...driver.Key) *driver.KeyRing {
	t.Helper()
	ring, err := driver.NewKeyRing(current, old...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

const place = "tenant.endpoint.0192"

// golden is the canary sealed in its place under the key a, with the nonce 1, 2, … 12, by another
// implementation (AESGCM of Python's cryptography). What is stored must open for ever.
const golden = "v1.a.AQIDBAUGBwgJCgsML8xs9pGhpE1_TEt1_hwHGwIJYiJu8TxQ4KfylADWXn_Yr74k5yBlbtB7PrEuknL-"

func TestWhatAnotherImplementationSealedOpens(t *testing.T) {
	for name, ring := range map[string]*driver.KeyRing{"current": newRing(t, newKey("a")), "old": newRing(t, newKey("b"), newKey("a"))} {
		if text, err := ring.Open(golden, place); err != nil || text != canary {
			t.Errorf("%s: got %q (%v), want %q", name, text, err, canary)
		}
	}
	unmarked := strings.TrimPrefix(golden, "v1.")
	for _, text := range []string{unmarked, "." + unmarked, "v2." + unmarked, "V1." + unmarked, "v1.v1." + unmarked} {
		wantSealed(t, "another mark", newRing(t, newKey("a")), text, place)
	}
}

func TestTheCurrentKeySealsWhereverItsIDSorts(t *testing.T) {
	for _, ids := range [][]string{{"a", "b", "c"}, {"b", "c", "a"}, {"c", "a", "b"}} {
		ring := newRing(t, newKey(ids[0]), newKey(ids[1]), newKey(ids[2]))
		sealed := ring.Seal(canary, place)
		if id, err := driver.SealedBy(sealed); err != nil || id != ids[0] || ring.Current() != ids[0] {
			t.Errorf("%q: sealed by %q (%v), current %q, want the first", ids, id, err, ring.Current())
		}
		if text, err := newRing(t, newKey(ids[0])).Open(sealed, place); err != nil || text != canary {
			t.Errorf("%q: the current key alone: got %q (%v), want %q", ids, text, err, canary)
		}
		for _, id := range []string{"a", "b", "c"} {
			if !ring.Has(id) {
				t.Errorf("%q: has not %s", ids, id)
			}
		}
		if ring.Has("d") || ring.Has("") {
			t.Errorf("%q: has a key that it was not given", ids)
		}
	}
}

func TestSealedByTellsTheKey(t *testing.T) {
	for text, want := range map[string]string{
		golden: "a", "v1.2026-01.AAAA": "2026-01", "v1.plain.AAAA": "plain", "plain." + canary: "", "plain.": "", "plain.v1.a.AAAA": "",
	} {
		if id, err := driver.SealedBy(text); err != nil || id != want {
			t.Errorf("%q: got %q (%v), want %q", text, id, err, want)
		}
	}
	for _, text := range []string{"", "v1", "v1.", "v1.a", "v1..AAAA", "v2.a.AAAA", "a.AAAA", canary, "v1." + canary + " .AAAA", "\xff"} {
		id, err := driver.SealedBy(text)
		if err = driver.Fail("Endpoints.GetByID", "tenant", "endpoint", "", err); id != "" || !errors.Is(err, driver.ErrInternal) {
			t.Errorf("%q: got %q (%v), want %v", text, id, err, driver.ErrInternal)
		}
		if err != nil {
			wantHidden(t, text, err.Error())
		}
	}
}

func TestSealedTextsOpen(t *testing.T) {
	for name, ring := range map[string]*driver.KeyRing{
		"one key":                       newRing(t, newKey("a")),
		"with old ones":                 newRing(t, newKey("a"), newKey("b"), newKey("c")),
		"an id of all that is allowed":  newRing(t, newKey(strings.Repeat("aZ_-09", 10))),
		"no keys":                       nil,
		"a ring that nobody made":       {},
		"an id that looks like a mark":  newRing(t, newKey("plain")),
		"an id that looks like another": newRing(t, newKey("v1")),
	} {
		for _, text := range []string{"", "a", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "plain.", "v1.a.", "ä\x00\xff\n", strings.Repeat("x", 1<<20)} {
			for _, place := range []string{place, "", strings.Repeat("p", 1000)} {
				sealed := ring.Seal(text, place)
				if got, err := ring.Open(sealed, place); err != nil || got != text {
					t.Errorf("%s: %.40q came back as %.40q (%v)", name, text, got, err)
				}
				if ring.Current() != "" && len(text) > 8 && strings.Contains(sealed, text[:8]) {
					t.Errorf("%s: the sealed text holds the text: %.80q", name, sealed)
				}
			}
		}
	}
}

func TestSealingTwiceGivesDifferentTexts(t *testing.T) {
	ring := newRing(t, newKey("a"))
	seen := map[string]bool{}
	for range 1000 {
		seen[ring.Seal(canary, place)] = true
	}
	if len(seen) != 1000 {
		t.Errorf("got %d different texts of 1000, want all to differ", len(seen))
	}
}

func TestASealedTextNamesItsKey(t *testing.T) {
	sealed := newRing(t, newKey("2026-01"), newKey("old")).Seal(canary, place)
	encoded, named := strings.CutPrefix(sealed, "v1.2026-01.")
	if ciphertext, err := base64.RawURLEncoding.DecodeString(encoded); !named || err != nil || len(ciphertext) != 12+len(canary)+16 {
		t.Errorf("got %q, want v1, the key, and the base64 of nonce, ciphertext and tag", sealed)
	}
	if got, want := (*driver.KeyRing)(nil).Seal("a", place), "plain.a"; got != want {
		t.Errorf("without keys: got %q, want %q", got, want)
	}
}

func TestASealedTextOpensInItsPlaceOnly(t *testing.T) {
	ring := newRing(t, newKey("a"))
	sealed := ring.Seal(canary, place)
	for _, other := range []string{"", place + " ", place[1:], strings.ToUpper(place), "another"} {
		wantSealed(t, "in "+other, ring, sealed, other)
	}
}

// wantSealed checks that a sealed text does not open, and that the error is right.
func wantSealed(t *testing.T, what string, ring *driver.KeyRing, sealed, place string) {
	t.Helper()
	text, err := ring.Open(sealed, place)
	err = driver.Fail("Endpoints.GetByID", "tenant", "endpoint", "", err)
	if text != "" || err == nil {
		t.Errorf("%s: got %q (%v), want an error", what, text, err)
		return
	}
	if !errors.Is(err, driver.ErrInternal) && !errors.Is(err, driver.ErrMissingKey) {
		t.Errorf("%s: got error %v, want %v or %v", what, err, driver.ErrInternal, driver.ErrMissingKey)
	}
	if len(sealed) > 20 && strings.Contains(err.Error(), sealed[len(sealed)-20:]) {
		t.Errorf("%s: the error repeats what is stored: %v", what, err)
	}
}

func TestOldKeysOpen(t *testing.T) {
	old, current := newKey("old"), newKey("current")
	sealed := newRing(t, old).Seal(canary, place)
	ring := newRing(t, current, old)
	if text, err := ring.Open(sealed, place); err != nil || text != canary {
		t.Errorf("under an old key: got %q (%v), want %q", text, err, canary)
	}
	if got := ring.Seal(canary, place); !strings.HasPrefix(got, "v1.current.") {
		t.Errorf("Seal: got %q, want it under the current key", got)
	}
	if text, err := ring.Open("plain."+canary, place); err != nil || text != canary {
		t.Errorf("a plain one: got %q (%v), want %q", text, err, canary)
	}
	if got, want := ring.IDs(), []string{"current", "old"}; !slices.Equal(got, want) || ring.Current() != "current" {
		t.Errorf("got %q, current %q, want %q", got, ring.Current(), want)
	}
}

func TestAKeyThatIsMissing(t *testing.T) {
	sealed := newRing(t, newKey("lost")).Seal(canary, place)
	for name, ring := range map[string]*driver.KeyRing{"another key": newRing(t, newKey("a")), "no keys": nil, "an empty ring": {}} {
		_, err := ring.Open(sealed, place)
		err = driver.Fail("Endpoints.GetByID", "tenant", "endpoint", "", err)
		var missing *driver.MissingKeyError
		if !errors.Is(err, driver.ErrMissingKey) || !errors.As(err, &missing) || missing.KeyID != "lost" {
			t.Errorf("%s: got error %v, want %v of key lost", name, err, driver.ErrMissingKey)
		}
		if !strings.Contains(err.Error(), `"lost"`) || !strings.Contains(err.Error(), "WithKeyRing") {
			t.Errorf("%s: got error %v, want the key and the remedy in it", name, err)
		}
	}
}

func TestAnotherKeyOfTheSameID(t *testing.T) {
	sealed := newRing(t, newKey("a")).Seal(canary, place)
	wantSealed(t, "another key", newRing(t, driver.NewKey("a", []byte(canary))), sealed, place)
}

func TestASealedTextThatWasChangedDoesNotOpen(t *testing.T) {
	ring := newRing(t, newKey("a"), newKey("b"))
	sealed := ring.Seal("whsec_1", place)
	for i := range len(sealed) {
		for c := range 256 {
			if byte(c) != sealed[i] {
				wantSealed(t, fmt.Sprintf("byte %d is %#x", i, c), ring, sealed[:i]+string([]byte{byte(c)})+sealed[i+1:], place)
			}
		}
		wantSealed(t, fmt.Sprintf("cut at %d", i), ring, sealed[:i], place)
		wantSealed(t, fmt.Sprintf("without byte %d", i), ring, sealed[:i]+sealed[i+1:], place)
		for _, more := range []string{"\n", "\r", "=", "A", ".", " ", "\x00"} {
			wantSealed(t, fmt.Sprintf("%q at %d", more, i), ring, sealed[:i]+more+sealed[i:], place)
		}
	}
	for _, more := range []string{"\n", "\r\n", "=", "==", "A", "AAAA", " ", "."} {
		wantSealed(t, fmt.Sprintf("%q at the end", more), ring, sealed+more, place)
	}
}

func TestWhatWasNeverSealedDoesNotOpen(t *testing.T) {
	for name, ring := range map[string]*driver.KeyRing{"a key": newRing(t, newKey("a")), "no keys": nil} {
		for _, text := range []string{
			"", "v1", "v1.", "v1..", "v1.a", "v1.a.", "v1.a.AAAA", "v1.a.!", "v2.a.AAAA", "plain", "Plain.a", "whsec_a", "v1." + canary + ".a b",
			"v1." + strings.Repeat("a", 65) + ".AAAA", "v1.ä.AAAA", strings.Repeat("v1.", 1000), "\x00", "\xff",
		} {
			wantSealed(t, name+": "+text, ring, text, place)
		}
	}
	_, err := (*driver.KeyRing)(nil).Open("v1."+canary+" .AAAA", place)
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("what is no key's id: got error %v, want one that does not repeat it", err)
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	good := newKey("good")
	bytes := []byte(canary)
	for name, test := range map[string]struct {
		keys  []driver.Key
		field string
	}{
		"the zero key":       {[]driver.Key{{}}, "keys[0].id"},
		"no id":              {[]driver.Key{driver.NewKey("", bytes)}, "keys[0].id"},
		"an id with a dot":   {[]driver.Key{driver.NewKey("a.b", bytes)}, "keys[0].id"},
		"an id with a space": {[]driver.Key{driver.NewKey("a ", bytes)}, "keys[0].id"},
		"a long id":          {[]driver.Key{driver.NewKey(strings.Repeat("a", 65), bytes)}, "keys[0].id"},
		"no bytes":           {[]driver.Key{good, driver.NewKey("a", nil)}, "keys[1].bytes"},
		"31 bytes":           {[]driver.Key{driver.NewKey("a", bytes[:31])}, "keys[0].bytes"},
		"33 bytes":           {[]driver.Key{driver.NewKey("a", append(bytes, 'a'))}, "keys[0].bytes"},
		"AES-128":            {[]driver.Key{driver.NewKey("a", bytes[:16])}, "keys[0].bytes"},
		"zeros":              {[]driver.Key{driver.NewKey("a", make([]byte, 32))}, "keys[0].bytes"},
		"the same id":        {[]driver.Key{good, newKey("old"), driver.NewKey("good", bytes)}, "keys[2].id"},
		"the same key twice": {[]driver.Key{good, good}, "keys[1].id"},
	} {
		ring, err := driver.NewKeyRing(test.keys[0], test.keys[1:]...)
		wantInvalid(t, name, err, test.field)
		if ring != nil {
			t.Errorf("%s: got %v beside the error, want nothing", name, ring)
		}
		if err != nil {
			wantHidden(t, name, err.Error())
		}
	}
}

func TestAKeyKeepsItsBytes(t *testing.T) {
	bytes := []byte(canary)
	key := driver.NewKey("a", bytes)
	sealed := newRing(t, key).Seal("text", place)
	clear(bytes)
	if text, err := newRing(t, key).Open(sealed, place); err != nil || text != "text" {
		t.Errorf("after the caller's bytes were cleared: got %q (%v), want the text", text, err)
	}
}

func TestNoKeys(t *testing.T) {
	for name, ring := range map[string]*driver.KeyRing{"nil": nil, "empty": {}} {
		if ring.Has("") || ring.Has("a") {
			t.Errorf("%s: has a key", name)
		}
		if ring.Current() != "" || ring.IDs() == nil || len(ring.IDs()) != 0 {
			t.Errorf("%s: got %q, current %q, want none", name, ring.IDs(), ring.Current())
		}
	}
}

func TestAKeyRingServesManyAtOnce(t *testing.T) {
	ring := newRing(t, newKey("a"), newKey("b"))
	shared := ring.Seal(canary, place)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 200 {
				text := fmt.Sprint(i, j)
				if got, err := ring.Open(ring.Seal(text, text), text); err != nil || got != text {
					t.Errorf("%q came back as %q (%v)", text, got, err)
				}
				if got, err := ring.Open(shared, place); err != nil || got != canary {
					t.Errorf("the shared one: got %q (%v), want %q", got, err, canary)
				}
				_ = ring.IDs()
			}
		})
	}
	group.Wait()
}

func TestPlainSecretsAreWarnedOfOnce(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for name, test := range map[string]struct {
		keys *driver.KeyRing
		want int
	}{
		"no keys":       {nil, 1},
		"an empty ring": {&driver.KeyRing{}, 1},
		"a key":         {newRing(t, newKey("a")), 0},
	} {
		log.Reset()
		config, err := driver.NewConfig(driver.WithLogger(logger), driver.WithKeyRing(test.keys))
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				copied := config
				copied.WarnPlainSecrets("tenant_acme")
				copied.WarnPlainSecrets("tenant_other")
			})
		}
		group.Wait()
		if got := strings.Count(log.String(), "\n"); got != test.want {
			t.Errorf("%s: got %d warnings, want %d: %s", name, got, test.want, log.String())
		}
		if test.want > 0 && (!strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "WithKeyRing") || !strings.Contains(log.String(), "schema=tenant_")) {
			t.Errorf("%s: got %s, want a warning with the schema and the remedy", name, log.String())
		}
	}
	log.Reset()
	another, err := driver.NewConfig(driver.WithLogger(logger))
	if err != nil {
		t.Fatal(err)
	}
	another.WarnPlainSecrets("tenant_acme")
	if log.Len() == 0 {
		t.Error("another Config: got nothing, want a warning of its own")
	}
	another.Logger = nil
	for _, config := range []driver.Config{{}, {Logger: logger}, another} { // nobody to tell, or made by hand
		log.Reset()
		config.WarnPlainSecrets("tenant_acme")
		if log.Len() > 0 {
			t.Errorf("a Config made by hand: got %s, want nothing", log.String())
		}
	}
	unlogged, err := driver.NewConfig()
	if err != nil {
		t.Fatal(err)
	}
	unlogged.Logger = nil
	unlogged.WarnPlainSecrets("tenant_acme") // the first warning of this one, and must not panic
}

func FuzzOpen(f *testing.F) {
	ring := newRing(f, newKey("a"), newKey("b"))
	f.Add(golden, "elsewhere")
	for _, text := range []string{golden, "", "plain.a", "v1.a.AAAA", "v1.b." + strings.Repeat("A", 80), "v1.c.AAAA", "v1..", golden + "\n"} {
		f.Add(text, place)
	}
	f.Fuzz(func(t *testing.T, stored, where string) {
		for _, ring := range []*driver.KeyRing{ring, nil} {
			text, err := ring.Open(stored, where)
			switch plain, isPlain := strings.CutPrefix(stored, "plain."); {
			case isPlain && (err != nil || text != plain):
				t.Errorf("%q: got %q (%v), want %q", stored, text, err, plain)
			case !isPlain && err == nil && (stored != golden || where != place || text != canary):
				t.Errorf("%q opened as %q, and nobody sealed it", stored, text)
			case err != nil && text != "":
				t.Errorf("%q: got %q beside the error %v", stored, text, err)
			}
			if got, err := ring.Open(ring.Seal(stored, where), where); err != nil || got != stored {
				t.Errorf("%q came back as %q (%v)", stored, got, err)
			}
		}
	})
}

// FuzzNewKeyRing: a key that is taken seals under its ID and nobody else's, and nothing opens elsewhere.
func FuzzNewKeyRing(f *testing.F) {
	for _, id := range []string{"a", "2026", "a_b-C", "", "a.b", "ä", "a\n", "v1", strings.Repeat("a", 64), strings.Repeat("a", 65)} {
		f.Add(id, bytes.Repeat([]byte{7}, 32), canary)
	}
	f.Add("a", make([]byte, 32), "")
	f.Add("a", bytes.Repeat([]byte{7}, 31), "plain.x")
	f.Fuzz(func(t *testing.T, id string, key []byte, text string) {
		usable := len(key) == 32 && !bytes.Equal(key, make([]byte, 32)) && len(id) >= 1 && len(id) <= 64 &&
			strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
		ring, err := driver.NewKeyRing(driver.NewKey(id, key))
		if (err == nil) != usable {
			t.Fatalf("key %q of %d bytes: got error %v, want one: %t", id, len(key), err, !usable)
		}
		if err != nil {
			wantInvalid(t, id, err, "keys[0]."+map[bool]string{true: "bytes", false: "id"}[strings.Contains(err.Error(), ".bytes")])
			return
		}
		sealed := ring.Seal(text, place)
		if by, err := driver.SealedBy(sealed); err != nil || by != id {
			t.Errorf("sealed under %q: got %q (%v)", id, by, err)
		}
		if got, err := ring.Open(sealed, place); err != nil || got != text {
			t.Errorf("%q came back as %q (%v)", text, got, err)
		}
		if _, err := ring.Open(sealed, place+"x"); err == nil {
			t.Error("opened in another place")
		}
		key[0]++
		if another, err := driver.NewKeyRing(driver.NewKey(id, key)); err == nil {
			if _, err := another.Open(sealed, place); err == nil {
				t.Error("opened with another key of the same ID")
			}
		}
	})
}
