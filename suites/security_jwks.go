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
	Case("jwks-public", "holds public keys only, each usable", Judges("OIDD-3-JWKS-PUBLIC").Smoke(), func(t *T) {
		t.Document()
		if t.Target().Endpoints.JWKS == "" {
			t.Skip("neither the metadata nor the target file names a jwks_uri")
		}
		MustBeTLS(t, "jwks_uri", t.Target().Endpoints.JWKS)
		resp := t.MustAnswer(KeySetAnswer(t))
		t.At(resp)
		if !t.Check(resp.Status == 200, "status 200", "status %d", resp.Status) {
			return
		}
		set, err := readKeySet(resp)
		if !t.Check(err == nil, "a JSON Web Key Set", "%v", err) {
			return
		}
		t.Check(len(set.Keys) > 0, "keys", "no key that can be used")
		for i, key := range set.Raw {
			noPrivateMembers(t, i, key)
		}
		usesAreTold(t, set)
		identifiersDiffer(t, set)
	})
})

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
	set, err := readKeySet(t.MustSucceed("the request for the JWK Set", resp))
	if err != nil {
		t.Abort("the JWK Set cannot be read: %v", err)
	}
	return set
}

func readKeySet(resp *ciba.Response) (KeySet, error) {
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
func usesAreTold(t *T, set KeySet) {
	kinds := map[string]bool{}
	for _, key := range set.Raw {
		kinds[KeyUse(key)] = true
	}
	if !kinds["enc"] || len(kinds) == 1 {
		return
	}
	for i, key := range set.Raw {
		_, told := key["use"].(string)
		t.Check(told, "use on every key, as signature and encryption keys are mixed", "keys[%d] has no use", i)
	}
}

// identifiersDiffer lets keys of different types share a kid; RFC 7517 4.5.
func identifiersDiffer(t *T, set KeySet) {
	seen := map[string]bool{}
	for i, key := range set.Raw {
		kid, _ := key["kid"].(string)
		if kid == "" && len(set.Raw) > 1 {
			t.Warn("a kid for every key, as there are several", "keys[%d] has none", i)
		}
		name := fmt.Sprint(key["kty"], " ", kid)
		if kid != "" && seen[name] {
			t.Warn("a kid of its own for every key", "keys[%d] repeats a kid", i)
		}
		seen[name] = true
	}
}
