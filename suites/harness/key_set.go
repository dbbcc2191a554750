package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// KeySet is a published JWK Set. RFC 7517 5.
type KeySet struct {
	Raw  []map[string]any // all keys, as they are
	Keys []jose.Key       // those that can be used here
}

// KeySetAnswer is the shared answer of jwks_uri, which is asked once for each client.
func KeySetAnswer(t *T) *ciba.Response {
	return Observe(t, "keys", func(t *T) *ciba.Response { return t.Send(KeySetRequest(t)) })
}

// KeySetRequest asks for the JWK Set.
func KeySetRequest(t *T) Request {
	return Request{Call: ciba.Call{Label: "JWK Set", Method: http.MethodGet, URL: t.Target().Endpoints.JWKS}}
}

// KeySetFor is the published key set to verify a token by: the shared one or, where none of
// its keys verifies the token, the one that is published now. An OP may change its keys at any
// time, and clients read them anew for a key they do not know (OIDC Core 10.1.1). Without a key
// set no signature can be verified, which ends the case as error; jwks-public judges why.
func KeySetFor(t *T, token IDToken) KeySet {
	if t.Target().Endpoints.JWKS == "" {
		t.Abort("neither the metadata nor the target file names a jwks_uri, so no signature can be verified")
	}
	set := mustReadKeySet(t, KeySetAnswer(t))
	if set.Verifies(token) || set.WhyUnverifiable(token) != "" {
		return set
	}
	return mustReadKeySet(t, t.Send(KeySetRequest(t)))
}

// mustReadKeySet is [ReadKeySet] of a 200, or ends the case as error.
func mustReadKeySet(t *T, resp *ciba.Response) KeySet {
	set, err := ReadKeySet(t.MustSucceed("the request for the JWK Set", resp))
	if err != nil {
		t.Abort("the JWK Set cannot be read: %v", err)
	}
	return set
}

// ReadKeySet reads a JWK Set. The error names the key that is none; keys of types that are
// not known here are none, and are left out of Keys only.
func ReadKeySet(resp *ciba.Response) (KeySet, error) {
	object, err := resp.Object()
	if err != nil {
		return KeySet{}, err
	}
	list, isArray := object["keys"].([]any)
	if !isArray {
		return KeySet{}, fmt.Errorf("keys is %T, not an array", object["keys"])
	}
	var set KeySet
	for i, one := range list {
		key, isObject := one.(map[string]any)
		if !isObject {
			return KeySet{}, fmt.Errorf("keys[%d] is %T, not an object", i, one)
		}
		if _, hasType := key["kty"].(string); !hasType {
			return KeySet{}, fmt.Errorf("keys[%d] has no kty", i)
		}
		set.Raw = append(set.Raw, key)
	}
	body, err := json.Marshal(object)
	if err != nil {
		return KeySet{}, err
	}
	set.Keys, err = jose.ParseKeySet(body)
	return set, err
}

// SigningKeys counts the keys that may have signed: those not marked for encryption.
func (s KeySet) SigningKeys() int {
	n := 0
	for _, key := range s.Raw {
		if KeyUse(key) != "enc" {
			n++
		}
	}
	return n
}

// Verifies reports whether one of the keys made the signature of a token, by the algorithm of
// its header. Whether that algorithm is the right one is not said.
func (s KeySet) Verifies(token IDToken) bool {
	_, err := jose.Verify(token.Text, s.Keys, []string{token.Alg()})
	return err == nil
}

// WhyUnverifiable names the legal algorithm or curve that this tool does not know and the token
// may be signed by. It is empty where [KeySet.Verifies] decides.
func (s KeySet) WhyUnverifiable(token IDToken) string {
	registered := []string{"ES256K", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
	if slices.Contains(registered, token.Alg()) {
		return "alg " + token.Alg() + " is not known here"
	}
	ed448 := slices.ContainsFunc(s.Raw, func(key map[string]any) bool { return key["crv"] == "Ed448" })
	if token.Alg() == "EdDSA" && ed448 {
		return "the curve Ed448 is not known here"
	}
	return ""
}

// KeyUse is what a key is for, sig or enc, by its member use or else by its algorithm. It is
// empty when it has neither. RFC 7517 4.2, 4.4.
func KeyUse(key map[string]any) string {
	if use, _ := key["use"].(string); use != "" {
		return use
	}
	alg, _ := key["alg"].(string)
	switch {
	case alg == "":
		return ""
	case strings.HasPrefix(alg, "RSA"), strings.HasPrefix(alg, "ECDH"), strings.HasSuffix(alg, "KW"), alg == "dir":
		return "enc"
	}
	return "sig"
}
