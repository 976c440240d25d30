package driver

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Key encrypts secrets at rest. Like a [Secret], nothing prints its bytes. NewKey makes one.
type Key struct {
	// ID names the key in the database: 1 to 64 letters, digits, "_" and "-".
	ID string

	bytes Secret
}

// NewKey returns a key of 32 random bytes: AES-256. The id names it in the database: 1 to 64
// letters, digits, "_" and "-". NewKeyRing says if they are not that.
func NewKey(id string, bytes []byte) Key { return Key{id, NewSecret(string(bytes))} }

// String returns the ID, and Redacted in place of the bytes.
func (k Key) String() string { return "key " + k.ID + " " + Redacted }

// GoString implements fmt.GoStringer, for packages that print as fmt does but don't ask Format.
func (k Key) GoString() string { return k.String() }

// Format implements fmt.Formatter, for every verb: the bytes are not printed.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText implements encoding.TextMarshaler: the bytes are left out.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// KeyRing is the keys of an app: the current one encrypts, all decrypt. It is safe for concurrent
// use. A nil *KeyRing, or one that NewKeyRing did not make, stands for an app without keys: it
// keeps texts as they are.
type KeyRing struct {
	current string
	keys    map[string]cipher.AEAD
}

// NewKeyRing returns a key ring with a current key and any number of old ones. ErrInvalid for a key
// that can't be used, and for an ID that two keys have.
func NewKeyRing(current Key, old ...Key) (*KeyRing, error) {
	ring := &KeyRing{current: current.ID, keys: map[string]cipher.AEAD{}}
	for i, key := range append([]Key{current}, old...) {
		if err := ring.add(key); err != nil {
			return nil, &Error{Op: "NewKeyRing", Entity: "key", Kind: ErrInvalid, Err: inElement("keys", i, err)}
		}
	}
	return ring, nil
}

func (r *KeyRing) add(key Key) error {
	if !isKeyID(key.ID) {
		return &InvalidError{"id", "must be 1 to 64 letters, digits, _ and -"}
	}
	if _, taken := r.keys[key.ID]; taken {
		return &InvalidError{"id", "is given twice"}
	}
	bytes := key.bytes.Reveal()
	if len(bytes) != 32 || bytes == strings.Repeat("\x00", 32) {
		return &InvalidError{"bytes", "must be 32 random bytes"}
	}
	block, err := aes.NewCipher([]byte(bytes))
	if err != nil {
		return err
	}
	r.keys[key.ID], err = cipher.NewGCMWithRandomNonce(block)
	return err
}

func isKeyID(id string) bool {
	return checkWords("id", id, 64) == nil && !strings.Contains(id, ".")
}

// Current returns the ID of the current key, "" without keys.
func (r *KeyRing) Current() string {
	if r == nil {
		return ""
	}
	return r.current
}

// Has reports whether the ring has a key of this ID, current or old.
func (r *KeyRing) Has(id string) bool { return r != nil && r.keys[id] != nil }

// IDs returns the IDs of all keys, in order.
func (r *KeyRing) IDs() []string {
	ids := []string{}
	if r != nil {
		for id := range sorted(r.keys) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Format implements fmt.Formatter, for every verb.
func (r *KeyRing) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "keys "+strings.Join(r.IDs(), ", "))
}

// MarshalText implements encoding.TextMarshaler.
func (r *KeyRing) MarshalText() ([]byte, error) {
	return []byte("keys " + strings.Join(r.IDs(), ", ")), nil
}

// How sealed texts begin: "v1.", the key's ID, ".", and the base64 of nonce and ciphertext; or
// "plain." and the text as it is.
const (
	sealedMark = "v1."
	plainMark  = "plain."
)

// Seal encrypts a text with the current key, AES-256-GCM with a random nonce of 96 bits, bound to
// its place: it opens only with the same place. One key may seal 2^32 texts (NIST SP 800-38D,
// section 8.3). Without keys the text is only marked as plain. For backends.
func (r *KeyRing) Seal(text, place string) string {
	if r.Current() == "" {
		return plainMark + text
	}
	sealed := r.keys[r.current].Seal(nil, nil, []byte(text), []byte(place))
	return sealedMark + r.current + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// SealedBy returns the ID of the key that Seal used, "" for a plain text. It needs no keys and does
// not look at the rest: whether that is whole, Open tells. ErrInternal for what Seal does not make.
// For backends.
func SealedBy(sealed string) (keyID string, err error) {
	if strings.HasPrefix(sealed, plainMark) {
		return "", nil
	}
	keyID, _, err = cutSealed(sealed)
	return keyID, err
}

// cutSealed takes apart what Seal made with a key.
func cutSealed(sealed string) (keyID, encoded string, err error) {
	rest, marked := strings.CutPrefix(sealed, sealedMark)
	keyID, encoded, found := strings.Cut(rest, ".")
	if !marked || !found || !isKeyID(keyID) {
		return "", "", errSealed
	}
	return keyID, encoded, nil
}

// Open returns the text that Seal was given: also a plain one, and one of an old key. A plain one
// opens in any place and whatever was changed in it. MissingKeyError if the ring has not the key.
// For backends.
func (r *KeyRing) Open(sealed, place string) (string, error) {
	if text, plain := strings.CutPrefix(sealed, plainMark); plain {
		return text, nil
	}
	id, encoded, err := cutSealed(sealed)
	if err != nil {
		return "", err
	}
	if !r.Has(id) {
		return "", &MissingKeyError{KeyID: id}
	}
	if strings.ContainsAny(encoded, "\r\n") {
		return "", errSealed // base64 skips line ends, which Seal does not make
	}
	ciphertext, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", errSealed
	}
	text, err := r.keys[id].Open(nil, nil, ciphertext, []byte(place))
	if err != nil {
		return "", errSealed
	}
	return string(text), nil
}

var errSealed = &Error{Kind: ErrInternal, Err: errors.New("a stored secret does not open: it was changed or moved from another row, or its key has the ID of another one")}

// MissingKeyError is the detail of ErrMissingKey.
type MissingKeyError struct {
	KeyID string
}

func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("secrets are encrypted with the key %q; add it to the key ring (WithKeyRing), as an old one if another is current", e.KeyID)
}
