package tokens

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
)

// judgeSignature verifies an ID Token as a client would, by the published keys or, for an
// HMAC, by the client's secret. An ID Token that cannot be verified is worth no more than
// one that anybody has written.
func judgeSignature(t *T, r Redeemed, token IDToken) {
	if token.Alg() == "none" {
		t.Check(t.Client().IDTokenAlg() == "none", "a signature", "alg is none")
		return
	}
	if set, byKey := JudgeSignatureOf(t, r.Response, token); byKey {
		judgeKeyID(t, set, token)
	}
}

// judgeKeyID is OIDC Core 10.1: with several published keys the header names the one that
// has signed. Keys for encryption cannot be meant, so they count for a warning only.
func judgeKeyID(t *T, set KeySet, token IDToken) {
	const expected = "kid in the header, as several keys are published"
	if kid, _ := token.Header["kid"].(string); kid != "" {
		return
	}
	isSingle := t.Check(set.SigningKeys() < 2, expected, "no kid, %d signing keys", set.SigningKeys())
	if isSingle && len(set.Raw) > 1 {
		t.Warn(expected, "no kid; the other keys are for encryption")
	}
}

// judgeAlgorithm fails an OP for an ID Token without a signature that nobody registered
// for, and warns of any other algorithm than the registered one. EdDSA and Ed25519 are two
// names of one algorithm.
func judgeAlgorithm(t *T, _ Redeemed, token IDToken) {
	want, alg := t.Client().IDTokenAlg(), token.Alg()
	edwards := []string{"EdDSA", "Ed25519"}
	switch {
	case alg == want, slices.Contains(edwards, alg) && slices.Contains(edwards, want):
	case strings.EqualFold(alg, "none") || alg == "":
		t.Check(false, want, "alg is %.40v", token.Header["alg"])
	default:
		t.Warn(want+", the id_token_signed_response_alg of the client", "%.40q", alg)
	}
}

// judgeHashes compares claims that bind the ID Token to what came with it with what a
// client could compute. None of them is required in poll mode (CIBA Core 10.3.1, OIDC Core
// 3.1.3.6), but a wrong one makes careful clients refuse the tokens.
func judgeHashes(t *T, r Redeemed, token IDToken) {
	for claim, value := range map[string]string{
		"at_hash":                             r.Tokens.AccessToken,
		"urn:openid:params:jwt:claim:rt_hash": r.Tokens.RefreshToken,
	} {
		got, there := Optional(t, token.Claims, claim)
		want, err := jose.LeftHalfHash(token.Alg(), value)
		if !there || err != nil {
			continue
		}
		t.Check(value != "" && got == want, claim+" is the left half of the hash of its token",
			"it is %.100v for a token of %d characters", got, len(value))
	}
	id, there := Optional(t, token.Claims, "urn:openid:params:jwt:claim:auth_req_id")
	t.Check(!there || id == r.Flow.AuthReqID, "the auth_req_id claim is the auth_req_id", "it is another value, a %T", id)
}
