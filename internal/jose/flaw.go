package jose

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
)

// Flaw is one thing that is wrong with a JWT, or odd about it. The rest of the token is
// as its signer would make it.
type Flaw struct {
	// Name says in findings what it is: "no exp", "a flipped bit in the signature".
	Name string

	// Forge makes the token of a good header and good claims, both of which it may
	// change, and of the key that ought to sign them. The error says why this key cannot
	// show the flaw.
	Forge func(header, claims map[string]any, key Key) (string, error)
}

// Lacking is a token without a claim.
func Lacking(claim string) Flaw {
	return Flaw{"no " + claim, func(header, claims map[string]any, key Key) (string, error) {
		delete(claims, claim)
		return Sign(header, claims, key)
	}}
}

// Claiming is a token with another value of a claim, signed as it ought to be.
func Claiming(name, claim string, value any) Flaw {
	return Flaw{name, func(header, claims map[string]any, key Key) (string, error) {
		claims[claim] = value
		return Sign(header, claims, key)
	}}
}

// ClaimingAll is a token with other values of several claims, signed as it ought to be.
func ClaimingAll(name string, others map[string]any) Flaw {
	return Flaw{name, func(header, claims map[string]any, key Key) (string, error) {
		maps.Copy(claims, others)
		return Sign(header, claims, key)
	}}
}

// Heading is a token with a member of the header, nil for a header without it, signed as
// it ought to be.
func Heading(name, member string, value any) Flaw {
	return Flaw{name, func(header, claims map[string]any, key Key) (string, error) {
		header[member] = value
		return Sign(header, claims, key)
	}}
}

// AlgNone is a token without signature whose alg is a spelling of none. RFC 7515 A.5.
func AlgNone(spelling string) Flaw {
	return Flaw{"alg " + spelling, func(header, claims map[string]any, key Key) (string, error) {
		return unsealed(header, claims, key.WithAlg(spelling))
	}}
}

// NoneOverSignature is a token whose header says none and which is signed all the same,
// for readers that decide by the signature being there.
func NoneOverSignature() Flaw { return Heading("alg none before a signature", "alg", "none") }

// Unsealed is a token that names its algorithm and has no signature.
func Unsealed() Flaw {
	return Flaw{"no signature", unsealed}
}

// unsealed is header and claims with an empty signature.
func unsealed(header, claims map[string]any, key Key) (string, error) {
	input, err := signingInput(withDefaults(header, key), claims)
	return input + ".", err
}

// Flipped is a token with one bit of its signature flipped.
func Flipped() Flaw {
	return Flaw{"a flipped bit in the signature", func(header, claims map[string]any, key Key) (string, error) {
		token, err := Sign(header, claims, key)
		if err != nil {
			return "", err
		}
		return FlipSignature(token)
	}}
}

// Retold is a token with a claim changed after it was signed.
func Retold(claim string, value any) Flaw {
	return Flaw{"another " + claim + " under the old signature", func(header, claims map[string]any, key Key) (string, error) {
		token, err := Sign(header, claims, key)
		if err != nil {
			return "", err
		}
		return Retell(token, func(_, claims map[string]any) { claims[claim] = value })
	}}
}

// Halved is a token with the first half of its signature only.
func Halved() Flaw {
	return Flaw{"half of the signature", func(header, claims map[string]any, key Key) (string, error) {
		return resealed(header, claims, key, func(signature []byte) []byte { return signature[:len(signature)/2] })
	}}
}

// Zeroed is a token whose signature is as long as it has to be and all zeros, which some
// implementations of ECDSA took for the signature of anything.
func Zeroed() Flaw {
	return Flaw{"a signature of zeros", func(header, claims map[string]any, key Key) (string, error) {
		return resealed(header, claims, key, func(signature []byte) []byte { return make([]byte, len(signature)) })
	}}
}

// resealed changes the signature of a good token.
func resealed(header, claims map[string]any, key Key, change func([]byte) []byte) (string, error) {
	token, err := Sign(header, claims, key)
	if err != nil {
		return "", err
	}
	t, err := Decode(token)
	return t.SigningInput + "." + encode(change(t.Signature)), err
}

// SignedBy is a token that another key has signed. Its alg and kid are those that the other
// key has.
func SignedBy(name string, other Key) Flaw {
	return Flaw{name, func(header, claims map[string]any, _ Key) (string, error) { return Sign(header, claims, other) }}
}

// SignedByNobody is a token that a key made up for the purpose has signed, under alg and kid
// of the right one.
func SignedByNobody() Flaw {
	return Flaw{"a key of nobody", func(header, claims map[string]any, key Key) (string, error) {
		made, err := KeyOfNobody(olderName(key.alg), key.kid)
		if err != nil {
			return "", err
		}
		return Sign(header, claims, made)
	}}
}

// BringingKey is a token signed by a key that only its own header vouches for. RFC 7515 4.1.3
// (jwk).
func BringingKey() Flaw {
	return Flaw{"a key that the token itself brings", func(header, claims map[string]any, key Key) (string, error) {
		made, err := KeyOfNobody(olderName(key.alg), "own")
		if err != nil {
			return "", err
		}
		text, err := made.Public().JSON()
		if err != nil {
			return "", err
		}
		header["jwk"] = json.RawMessage(text)
		return Sign(header, claims, made)
	}}
}

// AlgSwitched is a token that the right key has signed with another algorithm of its type.
func AlgSwitched(alg string) Flaw {
	return Flaw{"alg " + alg + " by the right key", func(header, claims map[string]any, key Key) (string, error) {
		if !key.SignsWith(alg) {
			return "", fmt.Errorf("%s cannot sign with %s", key, alg)
		}
		return Sign(header, claims, key.WithAlg(alg))
	}}
}

// MACBySecret is a token with an HMAC keyed with a secret that both sides know.
func MACBySecret(alg, secret string) Flaw {
	return SignedBy(alg+" keyed with the client_secret", SymmetricKey([]byte(secret), alg, ""))
}

// publicForms are the forms in which a reader may hold a public key.
var publicForms = []string{"PEM", "PEM without its last line break", "DER", "JWK"}

// MACByPublicKey are tokens with an HMAC keyed with the public half of the right key, in each
// form that a reader may hold it in. RFC 8725 2.1 tells of the attack.
func MACByPublicKey(alg string) []Flaw {
	var list []Flaw
	for _, form := range publicForms {
		list = append(list, Flaw{alg + " keyed with the public key as " + form, func(header, claims map[string]any, key Key) (string, error) {
			secret, err := PublicForm(key, form)
			if err != nil {
				return "", err
			}
			return Sign(header, claims, SymmetricKey(secret, alg, key.kid))
		}})
	}
	return list
}

// PublicForm is the public half of an asymmetric key as text or bytes: PEM, DER, or JWK.
func PublicForm(k Key, form string) ([]byte, error) {
	if form == "JWK" {
		return k.Public().JSON()
	}
	raw := k.Public().raw()
	if raw == nil {
		return nil, errors.New("the key has no public half")
	}
	der, err := x509.MarshalPKIXPublicKey(raw)
	if err != nil || form == "DER" {
		return der, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if form == "PEM" {
		return text, nil
	}
	return text[:len(text)-1], nil
}

// Saying is a signed token whose payload is some text, which need not be a JSON object.
func Saying(name, payload string) Flaw {
	return Flaw{name, func(header, _ map[string]any, key Key) (string, error) {
		head, err := json.Marshal(withDefaults(header, key))
		if err != nil {
			return "", err
		}
		input := encode(head) + "." + encode([]byte(payload))
		signature, err := signBytes([]byte(input), key)
		return input + "." + encode(signature), err
	}}
}

// Verbatim is a text in the place of a token.
func Verbatim(name, text string) Flaw {
	return Flaw{name, func(_, _ map[string]any, _ Key) (string, error) { return text, nil }}
}

// SealedFor is a good signed token inside a JWE for a key. RFC 7519 5.2 (cty).
func SealedFor(name, alg string, to Key) Flaw {
	return Flaw{name, func(header, claims map[string]any, key Key) (string, error) {
		token, err := Sign(header, claims, key)
		if err != nil {
			return "", err
		}
		return Encrypt(token, alg, to)
	}}
}
