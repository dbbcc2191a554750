package ciba

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Token is what a hidden JWT says, without the signature that makes it usable.
type Token struct {
	Name   string // of the field or parameter
	Mark   string // stands for it in the body
	Header string // JSON as it was encoded
	Claims string // empty: encrypted, or not signed at all and thus nothing without its claims
}

// tokenPart bounds a part that is shown.
const tokenPart = 16 << 10

// decoded reads a hidden value that is a JWT, signed or encrypted.
func (m *Masker) decoded(name, value string) (Token, bool) {
	parts := strings.Split(value, ".")
	if len(parts) != 3 && len(parts) != 5 {
		return Token{}, false
	}
	header, ok := m.decodedPart(parts[0])
	if !ok {
		return Token{}, false
	}
	t := Token{Name: name, Mark: m.mark(value), Header: header}
	if len(parts) == 3 && parts[2] != "" {
		t.Claims, ok = m.decodedPart(parts[1])
	}
	return t, ok
}

// decodedPart is a JSON object in base64url, with the secrets it may hold hidden.
func (m *Masker) decodedPart(part string) (string, bool) {
	if len(part) > tokenPart {
		return "", false
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil || !utf8.Valid(data) || !strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return "", false
	}
	return m.Text(m.jsonText(string(data), func(string, string) {})), true
}
