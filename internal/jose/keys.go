// Package jose signs, verifies and deliberately breaks JSON Web Tokens. It is the
// only package that knows the JOSE library underneath, so that a move to another one
// is work in one place. What the library rightly refuses to make, such as an unsigned
// token or one whose content no longer fits its signature, is built here by hand,
// under a name that says its flaw.
//
// The OP that is judged in the project's own tests and the cases that judge it share
// this package, so a mistake in it would agree with itself. That is why its tests
// stand on the vectors that RFC 7515, RFC 7518, RFC 8037 and OIDC Core publish.
package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// Key is a private, public or symmetric key with the algorithm it is used with.
// The zero Key signs nothing.
type Key struct {
	key jwk.Key
	alg string
	kid string
}

// GenerateKey makes a fresh key for an algorithm of RFC 7518 or for EdDSA. RSA
// keys have 2048 bits.
func GenerateKey(alg, kid string) (Key, error) {
	raw, err := generate(alg)
	if err != nil {
		return Key{}, err
	}
	return fromRaw(raw, alg, kid)
}

// KeyOfNobody is a key that no OP knows, for forgeries. A process has one of each algorithm,
// since making an RSA key takes longer than all that a case does with it.
func KeyOfNobody(alg, kid string) (Key, error) {
	if raw, known := ofNobody.Load(alg); known {
		return fromRaw(raw, alg, kid)
	}
	raw, err := generate(alg)
	if err != nil {
		return Key{}, err
	}
	raw, _ = ofNobody.LoadOrStore(alg, raw)
	return fromRaw(raw, alg, kid)
}

var ofNobody sync.Map // algorithm -> raw key

func generate(alg string) (any, error) {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case "HS256", "HS384", "HS512":
		secret := make([]byte, 64)
		_, err := rand.Read(secret)
		return secret, err
	}
	return nil, fmt.Errorf("no key can be made for algorithm %q", alg)
}

// SymmetricKey is a shared secret, such as the UTF-8 bytes of a client_secret.
func SymmetricKey(secret []byte, alg, kid string) Key {
	k, err := fromRaw(secret, alg, kid)
	if err != nil { // an empty secret: such a key signs nothing
		return Key{alg: alg, kid: kid}
	}
	return k
}

func fromRaw(raw any, alg, kid string) (Key, error) {
	key, err := jwk.FromRaw(raw)
	if err != nil {
		return Key{}, err
	}
	return Key{key: key, alg: alg, kid: kid}.describe()
}

// describe writes alg and kid into the key itself, so that its JSON carries them.
func (k Key) describe() (Key, error) {
	key, err := k.key.Clone()
	if err != nil {
		return Key{}, err
	}
	if k.alg != "" {
		err = key.Set(jwk.AlgorithmKey, k.alg)
	}
	if k.kid != "" && err == nil {
		err = key.Set(jwk.KeyIDKey, k.kid)
	}
	return Key{key: key, alg: k.alg, kid: k.kid}, err
}

// ParseKeys reads a JWK Set or a single JWK. A key without alg gets the usual
// one of its type: RS256, ES256 and so on by curve, EdDSA, HS256.
func ParseKeys(data []byte) ([]Key, error) {
	set, err := jwk.Parse(data)
	if err != nil {
		return nil, errors.New("not a JSON Web Key Set") // the library's text may quote key material
	}
	var keys []Key
	for i := range set.Len() {
		key, _ := set.Key(i)
		alg := key.Algorithm().String()
		if alg == "" {
			alg = usualAlg(key)
		}
		keys = append(keys, Key{key: key, alg: alg, kid: key.KeyID()})
	}
	return keys, nil
}

// ParseKeySet reads a published JWK Set. Keys of unknown types or forms, and those
// whose numbers are out of any sensible range, are left out, as RFC 7517 5 tells
// readers to do. The error says what is wrong with a set that is beyond all bounds, or
// that has no other keys than such.
func ParseKeySet(data []byte) ([]Key, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &document); err != nil || document.Keys == nil {
		return nil, errors.New("not a JSON Web Key Set")
	}
	if err := tooMany(document.Keys); err != nil {
		return nil, err
	}
	var keys []Key
	var beyond error
	for i, one := range document.Keys {
		key, err := ParseKeys(one)
		if err != nil || len(key) != 1 { // a set within the set is no key
			continue
		}
		if err := withinBounds(key[0].key); err != nil {
			beyond = fmt.Errorf("keys[%d] is %w", i, err)
			continue
		}
		keys = append(keys, key...)
	}
	if len(keys) == 0 && beyond != nil {
		return nil, beyond
	}
	return keys, nil
}

// usualAlg is the algorithm that a key without alg is used with; RFC 7518 3.4 leaves
// no choice for a curve.
func usualAlg(key jwk.Key) string {
	curve := ""
	switch k := key.(type) {
	case jwk.ECDSAPrivateKey:
		curve = k.Crv().String()
	case jwk.ECDSAPublicKey:
		curve = k.Crv().String()
	}
	switch key.KeyType() {
	case jwa.RSA:
		return "RS256"
	case jwa.EC:
		return map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[curve]
	case jwa.OKP:
		return "EdDSA"
	case jwa.OctetSeq:
		return "HS256"
	}
	return ""
}

// Alg is the algorithm the key signs with.
func (k Key) Alg() string { return k.alg }

// KID is the key's identifier, empty for none.
func (k Key) KID() string { return k.kid }

// IsZero reports whether there is no key at all.
func (k Key) IsZero() bool { return k.key == nil }

// IsPrivate reports whether the key can sign with an asymmetric algorithm.
func (k Key) IsPrivate() bool {
	switch k.key.(type) {
	case jwk.RSAPrivateKey, jwk.ECDSAPrivateKey, jwk.OKPPrivateKey:
		return true
	}
	return false
}

// SignsWith reports whether a key is private and of the type that an asymmetric algorithm
// uses. RFC 7518 3.1, RFC 8037 3.1.
func (k Key) SignsWith(alg string) bool { return k.IsPrivate() && k.IsFor(alg) }

// IsFor reports whether either half of a key is of the type that an asymmetric algorithm uses.
func (k Key) IsFor(alg string) bool {
	if k.key == nil {
		return false
	}
	switch k.key.KeyType() {
	case jwa.RSA:
		return slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, alg)
	case jwa.EC:
		return usualAlg(k.key) == alg
	case jwa.OKP:
		return olderName(alg) == "EdDSA"
	case jwa.OctetSeq, jwa.InvalidKeyType:
	}
	return false
}

// WithAlg is the same key, used with another algorithm.
func (k Key) WithAlg(alg string) Key { return k.renamed(alg, k.kid) }

// WithKID is the same key under another identifier.
func (k Key) WithKID(kid string) Key { return k.renamed(k.alg, kid) }

// renamed keeps the material and changes what the key says about itself.
func (k Key) renamed(alg, kid string) Key {
	if k.key == nil {
		return k
	}
	described, err := Key{key: k.key, alg: alg, kid: kid}.describe()
	if err != nil {
		return Key{key: k.key, alg: alg, kid: kid}
	}
	return described
}

// Public is the public half of the key. A symmetric key has none and stays as it is.
func (k Key) Public() Key {
	public, err := jwk.PublicKeyOf(k.key)
	if err != nil {
		return Key{}
	}
	return Key{key: public, alg: k.alg, kid: k.kid}
}

// JSON is the key as a JWK, private members included.
func (k Key) JSON() ([]byte, error) {
	if k.key == nil {
		return nil, errors.New("there is no key")
	}
	return json.Marshal(k.key)
}

// String names the key without its material.
func (k Key) String() string { return fmt.Sprintf("key %q for %s", k.kid, k.alg) }

// Format keeps the material out of every verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, k.String()) }

// LogValue keeps the material out of logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// raw is the key as the standard library has it, nil when it has none.
func (k Key) raw() any {
	var raw any
	if k.key == nil || k.key.Raw(&raw) != nil {
		return nil
	}
	return raw
}

// MarshalJWKS is a JWK Set of the public halves.
func MarshalJWKS(keys []Key) ([]byte, error) {
	set := jwk.NewSet()
	for _, k := range keys {
		if err := set.AddKey(k.Public().key); err != nil {
			return nil, err
		}
	}
	return json.Marshal(set)
}
