package driver

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands where a secret would.
const Redacted = "[redacted]"

// Secret is a text that nothing prints: fmt with any verb, slog and encoding (JSON, XML, YAML) give
// [Redacted] in its place, or nothing where it is empty. Reveal returns it. Two are equal by == if
// their texts are. The zero value is the empty secret.
type Secret struct{ text string }

// NewSecret returns text as a secret.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.text == "" }

// Equal reports whether two secrets are the same, in a time that does not depend on where they
// differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.text), []byte(other.text)) == 1
}

// String returns Redacted, or nothing.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return Redacted
}

// Format implements fmt.Formatter, for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalText sets the secret, so that a configuration or a request can hold one. ErrInvalid for
// Redacted: what was printed is not what was meant.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == Redacted {
		return &InvalidError{"secret", "is the mark of a secret that was hidden, and no secret"}
	}
	s.text = string(text)
	return nil
}

func (s Secret) check(field string, maxBytes int) error {
	if s.text == Redacted {
		return &InvalidError{field, "is the mark of a secret that was hidden, and no secret"}
	}
	return checkText(field, s.text, maxBytes)
}
