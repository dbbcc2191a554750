package suites

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/onsi/ginkgo/v2"
)

// OIDC Discovery 3, OIDC Core 10.1, RFC 7517: the keys an OP publishes.
var _ = Describe("JWK Set", func() {
	Case("jwks-public", "holds public keys only, each usable", Requirements("OIDD-3-JWKS-PUBLIC").Smoke(), func(t *T) {
		t.Document()
		if t.Target().Endpoints.JWKS == "" {
			t.Skip("neither the metadata nor the target file names a jwks_uri")
		}
		mustBeTLS(t, "jwks_uri", t.Target().Endpoints.JWKS)
		resp := t.MustAnswer(keySetAnswer(t))
		t.At(resp)
		if !t.Check(resp.Status == 200, "status 200", "status %d", resp.Status) {
			return
		}
		set, err := readKeySet(resp)
		if !t.Check(err == nil, "a JSON Web Key Set", "%v", err) {
			return
		}
		t.Check(len(set.keys) > 0, "keys", "no key that can be used")
		for i, key := range set.raw {
			noPrivateMembers(t, i, key)
		}
		usesAreTold(t, set)
		identifiersDiffer(t, set)
	})
})

// keySet is a published JWK Set: its members as they are, and the keys among
// them that can be used here.
type keySet struct {
	raw  []map[string]any
	keys []jose.Key
}

// keySetAnswer is the shared answer of jwks_uri.
func keySetAnswer(t *T) *ciba.Response {
	return Observe(t, "keys", func(t *T) *ciba.Response { return t.Send(keysCall(t)) })
}

func keysCall(t *T) Request {
	return Request{Call: ciba.Call{Label: "JWK Set", Method: http.MethodGet, URL: t.Target().Endpoints.JWKS}}
}

// mustKeySet is the published key set, or an error.
func mustKeySet(t *T) keySet {
	if t.Target().Endpoints.JWKS == "" {
		t.Abort("neither the metadata nor the target file names a jwks_uri, so no signature can be verified")
	}
	return mustReadKeySet(t, keySetAnswer(t))
}

func mustReadKeySet(t *T, resp *ciba.Response) keySet {
	set, err := readKeySet(t.MustSucceed("the request for the JWK Set", resp))
	if err != nil {
		t.Abort("the JWK Set cannot be read: %v", err)
	}
	return set
}

func readKeySet(resp *ciba.Response) (keySet, error) {
	object, err := resp.Object()
	if err != nil {
		return keySet{}, err
	}
	list, isArray := object["keys"].([]any)
	if !isArray {
		return keySet{}, fmt.Errorf("keys is %T, not an array", object["keys"])
	}
	var set keySet
	for i, one := range list {
		key, isObject := one.(map[string]any)
		if !isObject {
			return keySet{}, fmt.Errorf("keys[%d] is %T, not an object", i, one)
		}
		if _, hasType := key["kty"].(string); !hasType {
			return keySet{}, fmt.Errorf("keys[%d] has no kty", i)
		}
		set.raw = append(set.raw, key)
	}
	body, err := json.Marshal(object)
	if err != nil {
		return keySet{}, err
	}
	set.keys, err = jose.ParseKeySet(body)
	return set, err
}

// signing counts the keys that are not marked for encryption.
func (s keySet) signing() int {
	n := 0
	for _, key := range s.raw {
		if useOf(key) != "enc" {
			n++
		}
	}
	return n
}

func (s keySet) verifies(token idToken) bool {
	_, err := jose.Verify(token.text, s.keys, []string{token.alg()})
	return err == nil
}

// cannotVerify names a legal algorithm or curve that this tool does not know.
func (s keySet) cannotVerify(token idToken) string {
	registered := []string{"ES256K", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
	if slices.Contains(registered, token.alg()) {
		return "alg " + token.alg() + " is not known here"
	}
	ed448 := slices.ContainsFunc(s.raw, func(key map[string]any) bool { return key["crv"] == "Ed448" })
	if token.alg() == "EdDSA" && ed448 {
		return "the curve Ed448 is not known here"
	}
	return ""
}

// useOf is what a key is for, told by use or else by its algorithm, empty when
// neither tells.
func useOf(key map[string]any) string {
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

// noPrivateMembers looks for what RFC 7518 6 keeps secret, and for the private
// member of the newer key type AKP.
func noPrivateMembers(t *T, i int, key map[string]any) {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		_, there := key[name]
		t.Check(!there, "no private or symmetric key material", "keys[%d] has the member %s", i, name)
	}
	t.Check(key["kty"] != "oct", "no symmetric keys", "keys[%d] is a symmetric key", i)
}

// usesAreTold is OIDC Core 10.1: where keys for signatures and for encryption
// are mixed, every key says which it is.
func usesAreTold(t *T, set keySet) {
	kinds := map[string]bool{}
	for _, key := range set.raw {
		kinds[useOf(key)] = true
	}
	if !kinds["enc"] || len(kinds) == 1 {
		return
	}
	for i, key := range set.raw {
		_, told := key["use"].(string)
		t.Check(told, "use on every key, as signature and encryption keys are mixed", "keys[%d] has no use", i)
	}
}

// identifiersDiffer lets keys of different types share a kid; RFC 7517 4.5.
func identifiersDiffer(t *T, set keySet) {
	seen := map[string]bool{}
	for i, key := range set.raw {
		kid, _ := key["kid"].(string)
		if kid == "" && len(set.raw) > 1 {
			t.Warn("a kid for every key, as there are several", "keys[%d] has none", i)
		}
		name := fmt.Sprint(key["kty"], " ", kid)
		if kid != "" && seen[name] {
			t.Warn("a kid of its own for every key", "keys[%d] repeats a kid", i)
		}
		seen[name] = true
	}
}
