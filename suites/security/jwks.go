package security

import (
	"fmt"
	"net/http"

	. "github.com/cibatest/cibatest/suites/harness"
)

// OIDC Discovery 3, OIDC Core 10.1 and RFC 7517: the keys an OP publishes. Clients
// believe whatever these keys sign. Whoever reads a private or a symmetric key there, or
// stands between client and OP without TLS, can sign as the OP.
var _ = Cases.Describe("JWK Set", func() {
	Case("jwks-public", "holds public keys only, each usable", Judges("OIDD-3-JWKS-PUBLIC").Smoke(), func(t *T) {
		t.Document()
		if t.Target().Endpoints.JWKS == "" {
			t.Skip("neither the metadata nor the target file names a jwks_uri")
		}
		MustBeTLS(t, "jwks_uri", t.Target().Endpoints.JWKS)
		resp := t.MustAnswer(KeySetAnswer(t))
		if !t.Expect(resp).To(HaveStatus(http.StatusOK)) {
			return
		}
		set, err := ReadKeySet(resp)
		if !t.Check(err == nil, "a JSON Web Key Set", "%v", err) {
			return
		}
		t.Check(len(set.Keys) > 0, "keys", "no key that can be used")
		for i, key := range set.Raw {
			judgePrivateMembers(t, i, key)
		}
		judgeUses(t, set)
		judgeKeyIDs(t, set)
	})
})

// judgePrivateMembers looks for what RFC 7518 6 keeps secret, and for the private
// member of the newer key type AKP.
func judgePrivateMembers(t *T, i int, key map[string]any) {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		_, there := key[name]
		t.Check(!there, "no private or symmetric key material", "keys[%d] has the member %s", i, name)
	}
	t.Check(key["kty"] != "oct", "no symmetric keys", "keys[%d] is a symmetric key", i)
}

// judgeUses is OIDC Core 10.1: where keys for signatures and for encryption are mixed,
// every key says which it is.
func judgeUses(t *T, set KeySet) {
	uses := map[string]bool{}
	for _, key := range set.Raw {
		uses[KeyUse(key)] = true
	}
	if !uses["enc"] || len(uses) == 1 {
		return
	}
	for i, key := range set.Raw {
		_, there := key["use"].(string)
		t.Check(there, "use on every key, as signature and encryption keys are mixed", "keys[%d] has no use", i)
	}
}

// judgeKeyIDs warns where clients cannot tell keys apart by kid. Keys of different types
// may share one; RFC 7517 4.5.
func judgeKeyIDs(t *T, set KeySet) {
	isTaken := map[string]bool{}
	for i, key := range set.Raw {
		kid, _ := key["kid"].(string)
		if kid == "" && len(set.Raw) > 1 {
			t.Warn("a kid for every key, as there are several", "keys[%d] has none", i)
		}
		name := fmt.Sprint(key["kty"], " ", kid)
		if kid != "" && isTaken[name] {
			t.Warn("a kid of its own for every key", "keys[%d] repeats a kid", i)
		}
		isTaken[name] = true
	}
}
