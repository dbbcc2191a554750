package jose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Token is a decoded JWT. Numbers in header and claims are json.Number.
type Token struct {
	Header       map[string]any
	Claims       map[string]any
	SigningInput string
	Signature    []byte
}

// Decode reads a JWT in compact form without verifying it.
func Decode(token string) (Token, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Token{}, fmt.Errorf("not a signed JWT: %d parts instead of 3", len(parts))
	}
	var t Token
	var err error
	if t.Header, err = decodeObject(parts[0]); err != nil {
		return Token{}, fmt.Errorf("JWT header: %w", err)
	}
	if t.Claims, err = decodeObject(parts[1]); err != nil {
		return Token{}, fmt.Errorf("JWT claims: %w", err)
	}
	if t.Signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return Token{}, errors.New("JWT signature: not base64url")
	}
	t.SigningInput = parts[0] + "." + parts[1]
	return t, nil
}

// decodeObject reads a part of a token that has to be one JSON object. No error quotes
// it, since a part may hold secrets.
func decodeObject(part string) (map[string]any, error) {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, errors.New("not base64url without padding")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return object, nil
}

// ErrSignature is returned by [Verify] when no key of the set verifies the signature.
var ErrSignature = errors.New("no key of the set verifies the signature")

// Verify checks a JWT against a key set, with the listed algorithms only. What
// the token's header claims picks a key by kid at most; it never widens the list.
func Verify(token string, keys []Key, algs []string) (Token, error) {
	t, err := Decode(token)
	if err != nil {
		return Token{}, err
	}
	alg, _ := t.Header["alg"].(string)
	if alg == "none" || !slices.Contains(algs, alg) {
		return t, fmt.Errorf("algorithm %q is not one of %v", alg, algs)
	}
	if _, critical := t.Header["crit"]; critical {
		return t, errors.New("the header has critical extensions that are not understood")
	}
	kid, _ := t.Header["kid"].(string)
	for _, key := range keys {
		if kid != "" && key.kid != "" && kid != key.kid {
			continue
		}
		if verifies(t, alg, key) {
			return t, nil
		}
	}
	return t, ErrSignature
}

// verifies reports whether the key may verify signatures of the algorithm and finds
// this one genuine.
func verifies(t Token, alg string, key Key) bool {
	alg = olderName(alg)
	if !key.fits(alg) {
		return false
	}
	verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(alg))
	if err != nil {
		return false
	}
	usable := key
	if !isMAC(alg) {
		usable = key.Public()
	}
	raw := usable.raw()
	return raw != nil && verifier.Verify([]byte(t.SigningInput), t.Signature, raw) == nil
}

// fits reports whether a key may be used with an algorithm. A public key must never
// be taken for the secret of a MAC, which is how tokens were forged in practice.
func (k Key) fits(alg string) bool {
	if k.key == nil || isMAC(alg) != (k.key.KeyType() == jwa.OctetSeq) || withinBounds(k.key) != nil {
		return false
	}
	if use := k.key.KeyUsage(); use != "" && use != "sig" {
		return false
	}
	if k.key.KeyType() == jwa.EC && usualAlg(k.key) != alg { // RFC 7518 3.4 ties the algorithm to the curve
		return false
	}
	named := k.key.Algorithm().String()
	return named == "" || olderName(named) == alg
}

func isMAC(alg string) bool { return strings.HasPrefix(alg, "HS") }

// olderName maps the fully specified name of RFC 9864 to the older one for any
// Edwards curve.
func olderName(alg string) string {
	if alg == "Ed25519" {
		return "EdDSA"
	}
	return alg
}
