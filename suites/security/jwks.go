package security

import (
	"fmt"

	. "github.com/cibatest/cibatest/suites/harness"
)

// OIDC Discovery 3, OIDC Core 10.1, RFC 7517: the keys an OP publishes.
var _ = Cases.Describe("JWK Set", func() {
	Case("jwks-public", "holds public keys only, each usable", Judges("OIDD-3-JWKS-PUBLIC").Smoke(), func(t *T) {
		t.Document()
		if t.Target().Endpoints.JWKS == "" {
			t.Skip("neither the metadata nor the target file names a jwks_uri")
		}
		MustBeTLS(t, "jwks_uri", t.Target().Endpoints.JWKS)
		resp := t.MustAnswer(KeySetAnswer(t))
		if !t.Expect(resp).To(HaveStatus(200)) {
			return
		}
		set, err := ReadKeySet(resp)
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
