// Package jose signs, verifies and deliberately breaks JSON Web Tokens. It is
// the only package that knows the JOSE library underneath, so that a move to
// another one is work in one place. What the library rightly refuses to make,
// such as an unsigned token or one whose content no longer fits its signature,
// is built here by hand, under a name that says its flaw.
package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 for the hash claims
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
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

// ParseKeySet reads a published JWK Set. Keys of unknown types or forms are left
// out, as RFC 7517 5 tells readers to do.
func ParseKeySet(data []byte) ([]Key, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &document); err != nil || document.Keys == nil {
		return nil, errors.New("not a JSON Web Key Set")
	}
	var keys []Key
	for _, one := range document.Keys {
		if list, err := ParseKeys(one); err == nil {
			keys = append(keys, list...)
		}
	}
	return keys, nil
}

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

// IsZero says whether there is no key at all.
func (k Key) IsZero() bool { return k.key == nil }

// IsPrivate says whether the key can sign with an asymmetric algorithm.
func (k Key) IsPrivate() bool {
	switch k.key.(type) {
	case jwk.RSAPrivateKey, jwk.ECDSAPrivateKey, jwk.OKPPrivateKey:
		return true
	}
	return false
}

// IsPublic says whether the key is the public half of a pair.
func (k Key) IsPublic() bool {
	switch k.key.(type) {
	case jwk.RSAPublicKey, jwk.ECDSAPublicKey, jwk.OKPPublicKey:
		return true
	}
	return false
}

// WithAlg is the same key, used with another algorithm.
func (k Key) WithAlg(alg string) Key { return k.renamed(alg, k.kid) }

// WithKID is the same key under another identifier.
func (k Key) WithKID(kid string) Key { return k.renamed(k.alg, kid) }

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

// Token is a decoded JWT. Numbers in header and claims are json.Number.
type Token struct {
	Header       map[string]any
	Claims       map[string]any
	SigningInput string
	Signature    []byte
}

// Sign makes a JWT. The header may add members or replace typ; alg and kid come
// from the key unless the header has them, which is how a lying header is made.
func Sign(header, claims map[string]any, key Key) (string, error) {
	if key.key == nil {
		return "", errors.New("signing a token: there is no key")
	}
	input, err := signingInput(withDefaults(header, key), claims)
	if err != nil {
		return "", err
	}
	signature, err := signBytes([]byte(input), key)
	if err != nil {
		return "", fmt.Errorf("signing a token with %s: %w", key, err)
	}
	return input + "." + encode(signature), nil
}

func withDefaults(header map[string]any, key Key) map[string]any {
	full := map[string]any{"alg": key.alg, "typ": "JWT"}
	if key.kid != "" {
		full["kid"] = key.kid
	}
	for name, value := range header {
		if value == nil {
			delete(full, name)
			continue
		}
		full[name] = value
	}
	return full
}

func signBytes(input []byte, key Key) ([]byte, error) {
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(key.alg))
	if err != nil {
		return nil, err
	}
	var raw any
	if err := key.key.Raw(&raw); err != nil {
		return nil, err
	}
	return signer.Sign(input, raw)
}

// Unsigned makes a JWT with alg none and an empty signature.
func Unsigned(header, claims map[string]any) (string, error) {
	full := map[string]any{"typ": "JWT"}
	for name, value := range header {
		full[name] = value
	}
	full["alg"] = "none"
	input, err := signingInput(full, claims)
	return input + ".", err
}

func signingInput(header, claims map[string]any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return encode(h) + "." + encode(c), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

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

// ErrSignature is returned by Verify when no key fits.
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

func verifies(t Token, alg string, key Key) bool {
	if key.key == nil {
		return false
	}
	if strings.HasPrefix(alg, "HS") != (key.key.KeyType() == jwa.OctetSeq) {
		return false
	}
	if use := key.key.KeyUsage(); use != "" && use != "sig" {
		return false
	}
	alg = plain(alg)
	if key.key.KeyType() == jwa.EC && usualAlg(key.key) != alg { // RFC 7518 3.4 ties the algorithm to the curve
		return false
	}
	if named := key.key.Algorithm().String(); named != "" && plain(named) != alg {
		return false
	}
	verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(alg))
	if err != nil {
		return false
	}
	usable := key.key
	if alg[0] != 'H' {
		if usable, err = jwk.PublicKeyOf(key.key); err != nil {
			return false
		}
	}
	var raw any
	if err := usable.Raw(&raw); err != nil {
		return false
	}
	return verifier.Verify([]byte(t.SigningInput), t.Signature, raw) == nil
}

// plain maps the fully specified name of RFC 9864 to the older one for any
// Edwards curve.
func plain(alg string) string {
	if alg == "Ed25519" {
		return "EdDSA"
	}
	return alg
}

// Verifiable says whether signatures of this algorithm can be verified here.
func Verifiable(alg string) bool {
	_, err := jws.NewVerifier(jwa.SignatureAlgorithm(plain(alg)))
	return err == nil && alg != "none"
}

// IsEncrypted says whether a token is a JWE: five parts, the first a header that
// names the content encryption.
func IsEncrypted(token string) bool {
	first, _, _ := strings.Cut(token, ".")
	header, err := decodeObject(first)
	return strings.Count(token, ".") == 4 && err == nil && header["enc"] != nil
}

// asymmetric are the ways of RFC 7518 4.1 to encrypt to a public key.
var asymmetric = []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}

// Decrypt opens a JWE that was encrypted to the public half of one of the keys.
// What it contained is returned, for a nested JWT a signed one.
func Decrypt(token string, keys []Key) (string, error) {
	header, _, _ := strings.Cut(token, ".")
	members, err := decodeObject(header)
	if err != nil {
		return "", fmt.Errorf("JWE header: %w", err)
	}
	alg, _ := members["alg"].(string)
	if !slices.Contains(asymmetric, alg) {
		return "", fmt.Errorf("encrypted with %.40q, which is not one of %v", alg, asymmetric)
	}
	for _, key := range keys {
		if !key.IsPrivate() {
			continue
		}
		if plain, err := jwe.Decrypt([]byte(token), jwe.WithKey(jwa.KeyEncryptionAlgorithm(alg), key.raw())); err == nil {
			return string(plain), nil
		}
	}
	return "", errors.New("no key decrypts the token")
}

// Encrypt makes a JWE for the public half of a key, for an OP that encrypts.
func Encrypt(content, alg string, key Key) (string, error) {
	sealed, err := jwe.Encrypt([]byte(content), jwe.WithKey(jwa.KeyEncryptionAlgorithm(alg), key.Public().raw()))
	return string(sealed), err
}

// raw is the key as the standard library has it, nil when it has none.
func (k Key) raw() any {
	var raw any
	if k.key == nil || k.key.Raw(&raw) != nil {
		return nil
	}
	return raw
}

// Retell changes header or claims and keeps the old signature, so that the
// token is a forgery.
func Retell(token string, edit func(header, claims map[string]any)) (string, error) {
	t, err := Decode(token)
	if err != nil {
		return "", err
	}
	edit(t.Header, t.Claims)
	input, err := signingInput(t.Header, t.Claims)
	return input + "." + encode(t.Signature), err
}

// FlipSignature changes one bit in the middle of the signature.
func FlipSignature(token string) (string, error) {
	t, err := Decode(token)
	if err != nil {
		return "", err
	}
	if len(t.Signature) == 0 {
		return "", errors.New("the token has no signature to flip")
	}
	t.Signature[len(t.Signature)/2] ^= 1
	return t.SigningInput + "." + encode(t.Signature), nil
}

// LeftHalfHash is the value of at_hash and its kin for a token signed with alg:
// base64url of the left half of the hash that the algorithm uses (OIDC Core
// 3.1.3.6). EdDSA hashes with SHA-512.
func LeftHalfHash(alg, value string) (string, error) {
	hash, ok := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[max(0, len(alg)-3):]]
	if alg == "EdDSA" || alg == "Ed25519" {
		hash, ok = crypto.SHA512, true
	}
	if !ok {
		return "", fmt.Errorf("algorithm %q has no hash for at_hash", alg)
	}
	h := hash.New()
	h.Write([]byte(value))
	sum := h.Sum(nil)
	return encode(sum[:len(sum)/2]), nil
}
