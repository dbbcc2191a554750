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

// KeySet is a published JWK Set: its members as they are, and the keys among
// them that can be used here.
type KeySet struct {
	Raw  []map[string]any
	Keys []jose.Key
}

// KeySetAnswer is the shared answer of jwks_uri.
func KeySetAnswer(t *T) *ciba.Response {
	return Observe(t, "keys", func(t *T) *ciba.Response { return t.Send(KeySetRequest(t)) })
}

func KeySetRequest(t *T) Request {
	return Request{Call: ciba.Call{Label: "JWK Set", Method: http.MethodGet, URL: t.Target().Endpoints.JWKS}}
}

// MustKeySet is the published key set, or an error.
func MustKeySet(t *T) KeySet {
	if t.Target().Endpoints.JWKS == "" {
		t.Abort("neither the metadata nor the target file names a jwks_uri, so no signature can be verified")
	}
	return MustReadKeySet(t, KeySetAnswer(t))
}

func MustReadKeySet(t *T, resp *ciba.Response) KeySet {
	set, err := ReadKeySet(t.MustSucceed("the request for the JWK Set", resp))
	if err != nil {
		t.Abort("the JWK Set cannot be read: %v", err)
	}
	return set
}

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

// Signing counts the keys that are not marked for encryption.
func (s KeySet) Signing() int {
	n := 0
	for _, key := range s.Raw {
		if KeyUse(key) != "enc" {
			n++
		}
	}
	return n
}

func (s KeySet) Verifies(token IDToken) bool {
	_, err := jose.Verify(token.Text, s.Keys, []string{token.Alg()})
	return err == nil
}

// CannotVerify names a legal algorithm or curve that this tool does not know.
func (s KeySet) CannotVerify(token IDToken) string {
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

// KeyUse is what a key is for, told by use or else by its algorithm, empty when
// neither tells.
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
