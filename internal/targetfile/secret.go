package targetfile

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that no output may show. Every way of printing it redacts;
// only [Secret.Reveal] gives the value.
type Secret string

const redacted = "[secret]"

// Reveal is the value itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format redacts under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText redacts in JSON, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue redacts in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
