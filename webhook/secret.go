package webhook

import (
	"crypto/fips140"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

const (
	secretPrefix = "whsec_"
	// A key has 192 to 512 bits, says the specification.
	minKeyBytes = 24
	maxKeyBytes = 64
	// newKeyBytes is as long as the signature that it makes.
	newKeyBytes = 32
	// minFIPSKeyBytes is what crypto/hmac wants where FIPS 140 is enforced: with less it panics.
	minFIPSKeyBytes = 14
)

// NewSecret returns a new secret: "whsec_" and the base64 of 32 random bytes. Use one for each
// endpoint: a receiver that knows the secret can sign, too.
func NewSecret() string {
	key := make([]byte, newKeyBytes)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// keysOf returns the keys that the secrets stand for.
func keysOf(secrets []string) ([][]byte, error) {
	if len(secrets) == 0 || len(secrets) > MaxSecrets {
		return nil, fmt.Errorf("%w: there must be 1 to %d, not %d", ErrSecret, MaxSecrets, len(secrets))
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		key, reason := keyOf(secret)
		if reason != "" {
			return nil, fmt.Errorf("%w: number %d %s", ErrSecret, i+1, reason)
		}
		keys[i] = key
	}
	return keys, nil
}

// keyOf returns the key that a secret stands for, or why there is none.
func keyOf(secret string) (key []byte, reason string) {
	if secret == "" {
		return nil, "is empty"
	}
	text, prefixed := strings.CutPrefix(secret, secretPrefix)
	if !prefixed {
		if len(secret) < minFIPSKeyBytes && fips140.Enforced() {
			return nil, fmt.Sprintf("must have %d bytes or more in FIPS 140-only mode", minFIPSKeyBytes)
		}
		return []byte(secret), ""
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, "has no valid base64 after " + secretPrefix
	}
	if len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return nil, fmt.Sprintf("must have %d to %d bytes after %s, has %d", minKeyBytes, maxKeyBytes, secretPrefix, len(key))
	}
	return key, ""
}
