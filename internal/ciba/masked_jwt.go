package ciba

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

// A JWT in a body is hidden like any other secret. What it says, its header and its
// claims, is shown apart, without the signature that would make it usable.

// longestPart bounds a part of a JWT that is shown, in characters of base64url.
const longestPart = 16 << 10

// decoded reads a hidden value that is a JWT, signed or encrypted.
func (m *Masker) decoded(name, value string) (result.Token, bool) {
	parts := strings.Split(value, ".")
	if len(parts) != 3 && len(parts) != 5 {
		return result.Token{}, false
	}
	header, ok := m.decodedPart(parts[0])
	if !ok {
		return result.Token{}, false
	}
	t := result.Token{Name: name, Mark: m.mark(value), Header: header}
	if len(parts) == 3 && parts[2] != "" {
		t.Claims, ok = m.decodedPart(parts[1])
	}
	return t, ok
}

// decodedPart is a JSON object in base64url, with the secrets it may hold hidden.
func (m *Masker) decodedPart(part string) (string, bool) {
	if len(part) > longestPart {
		return "", false
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil || !utf8.Valid(data) || !strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return "", false
	}
	return m.Text(m.jsonText(string(data), func(string, string) {})), true
}
