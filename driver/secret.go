package driver

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Redacted stands where a secret would.
const Redacted = "[redacted]"

// Secret is a text that nothing prints: fmt with any verb, slog and encoding (JSON, XML, YAML) give
// [Redacted] in its place, or nothing where it is empty; encoding/gob refuses it. In a field that
// is not exported, where fmt can't ask it, an address is printed. Reveal returns the text. Two are
// equal by == if their texts are. The zero value is the empty secret.
type Secret struct {
	// A handle, because fmt prints the texts of fields that are not exported, and of everything it
	// is given with a wrong verb, without asking Format. It prints a pointer as an address. Handles
	// of equal texts are equal. That of the empty text is the zero one.
	text unique.Handle[string]
}

// NewSecret returns text as a secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.text.Value()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s == Secret{} }

// Equal reports whether two secrets are the same, in a time that does not depend on where they
// differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns Redacted, or nothing.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString implements fmt.GoStringer, for packages that print as fmt does but don't ask Format.
func (s Secret) GoString() string { return s.String() }

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
	*s = NewSecret(string(text))
	return nil
}

func (s Secret) check(field string, maxBytes int) error {
	if s.Reveal() == Redacted {
		return &InvalidError{field, "is the mark of a secret that was hidden, and no secret"}
	}
	return checkText(field, s.Reveal(), maxBytes)
}
