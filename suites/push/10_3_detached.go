package push

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// rtHash is the claim that binds an ID Token to a refresh token; CIBA Core 10.3.1.
const rtHash = "urn:openid:params:jwt:claim:rt_hash"

// CIBA Core 10.3.1: what is pushed did not come from the token endpoint, so that a client
// knows it by the signature of the ID Token alone.
var _ = Cases.Describe("Pushed ID Token", func() {
	Case("push-id-token-signed", "is signed", Judges("CIBA-10.3-PUSH-IDT-SIGNED").EachAlgorithm().Smoke(), func(t *T) {
		t.Each(func() {
			tokens, call := approved(t).mustTokens(t)
			t.At(call.Payload)
			token := IDTokenIn(t, tokens)
			if alg := token.Alg(); t.Check(alg != "" && !strings.EqualFold(alg, "none"), "a signature", "alg is %.40v", token.Header["alg"]) {
				JudgeSignatureOf(t, call.Payload, token)
			}
		})
	})
	Case("push-rt-hash", "has the hash of the refresh token", Judges("CIBA-10.3-PUSH-RT-HASH").EachAlgorithm(), func(t *T) {
		t.Each(func() {
			tokens, call := mustRefreshable(t)
			judgeHash(t, call, IDTokenIn(t, tokens), rtHash, tokens.RefreshToken)
		})
	})
	Case("push-stray-rt-hash", "has a hash of a refresh token only with one", Judges("CIBA-10.3-PUSH-NO-STRAY-RT-HASH"), func(t *T) {
		tokens, call := mustUnrefreshable(t)
		t.At(call.Payload)
		_, there := Optional(t, IDTokenIn(t, tokens).Claims, rtHash)
		t.Check(!there, "no claim "+rtHash, "one, and no refresh_token")
	})
})

// mustRefreshable is a push with a refresh token: the shared one, or one of a request that
// asks for it. Where there is none, the case is skipped.
func mustRefreshable(t *T) (ciba.TokenResponse, Notification) {
	tokens, call := approved(t).mustTokens(t)
	scope := strings.Fields(t.Request().Get("scope"))
	if tokens.RefreshToken == "" && !slices.Contains(scope, offlineAccess) && Advertises(t, "scopes_supported", offlineAccess) {
		tokens, call = approvedWithScope(t, append(scope, offlineAccess)).mustTokens(t)
	}
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP pushes no refresh token")
	}
	return tokens, call
}

// mustUnrefreshable is a push without a refresh token: the shared one, or one of a request
// that does not ask for it. Where each has one, the case is skipped.
func mustUnrefreshable(t *T) (ciba.TokenResponse, Notification) {
	tokens, call := approved(t).mustTokens(t)
	scope := strings.Fields(t.Request().Get("scope"))
	if tokens.RefreshToken != "" && slices.Contains(scope, offlineAccess) {
		online := slices.DeleteFunc(scope, func(value string) bool { return value == offlineAccess })
		tokens, call = approvedWithScope(t, online).mustTokens(t)
	}
	if tokens.RefreshToken != "" {
		t.Skip("the OP pushes a refresh token each time, so there is none to be missing")
	}
	return tokens, call
}

// offlineAccess is the scope that asks for a refresh token; OIDC Core 11.
const offlineAccess = "offline_access"

// approvedWithScope is an approved request of its own with another scope.
func approvedWithScope(t *T, scope []string) pushed {
	return carriedThrough(t, t.MustStart(t.Request().With("scope", strings.Join(scope, " "))))
}
