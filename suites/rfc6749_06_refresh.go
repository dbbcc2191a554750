package suites

import (
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/onsi/ginkgo/v2"
)

// RFC 6749 6 and 10.4: a refresh token serves its own client alone.
var _ = Describe("Refresh token", func() {
	Case("token-refresh", "works for its client and keeps the user", Requirements("RFC6749-6-REFRESH"), refreshes)
	Case("refresh-authenticated", "needs client authentication", disturbing("RFC6749-6-REFRESH-AUTH").About(2*defaultInterval), func(t *T) {
		r := t.refreshable()
		call := t.refreshCall(t.Client(), r.Tokens.RefreshToken)
		t.JudgeVariant("a client_id only", t.Send(call.AuthenticatedBy(ciba.Public(t.Client().ClientID))))
		t.JudgeVariant("no client_id", t.Send(call.AuthenticatedBy(nil)))
		t.JudgeVariant("a wrong credential", t.Send(call.AuthenticatedBy(wrongCredential(t, t.Client()))))
		if proper := t.refresh(r.Tokens.RefreshToken); proper.Status != 200 && !t.Failed() {
			t.At(proper)
			t.Warn("the refresh token still works for its client", "%s", proper.Summary())
		}
	})
	Case("refresh-bound", "is useless to another client", Requirements("RFC6749-6-REFRESH-BOUND").LastForClient(), func(t *T) {
		r := t.refreshable()
		fresh, err := t.MustSucceed("the client's own refresh", t.refresh(r.Tokens.RefreshToken)).Tokens()
		if err != nil {
			t.Abort("the answer to a refresh cannot be used: %v", err)
		}
		refreshToken := fresh.RefreshToken
		if refreshToken == "" { // it does not rotate, so the first one lives on
			refreshToken = r.Tokens.RefreshToken
		}
		t.Judge(t.sendAuthenticated(t.Second(), func() ciba.Call { return t.refreshCall(t.Second(), refreshToken) }))
	})
})

// refreshable is a flow of the case's own with a refresh token. Many OPs issue
// one for offline_access only.
func (t *T) refreshable() Redeemed {
	p := t.Request()
	if t.Redeemed().Tokens.RefreshToken == "" {
		scope := strings.Fields(p.Get("scope"))
		if slices.Contains(scope, "offline_access") || !t.Advertises("scopes_supported", "offline_access") {
			t.Skip("refresh: the OP issues no refresh token")
		}
		p = p.With("scope", strings.Join(append(scope, "offline_access"), " "))
	}
	flow := t.MustStart(p)
	tokens, resp := t.MustRedeem(flow)
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token")
	}
	return Redeemed{Flow: flow, Tokens: tokens, Response: resp}
}

func (t *T) refreshCall(c *Client, refreshToken string) ciba.Call {
	call := t.TokenCallAs(c, ciba.P("grant_type", "refresh_token", "refresh_token", refreshToken))
	call.Label = "refresh request"
	return call
}

// refresh uses a refresh token as its client should.
func (t *T) refresh(refreshToken string) *ciba.Response {
	return t.sendAuthenticated(t.client, func() ciba.Call { return t.refreshCall(t.client, refreshToken) })
}

func refreshes(t *T) {
	before := t.refreshable()
	user := t.userinfoSubject(before.Tokens.AccessToken)
	t.Wait(3 * time.Second) // so that a new auth_time differs from the old one
	resp := t.MustAnswer(t.refresh(before.Tokens.RefreshToken))
	t.At(resp)
	if !t.Check(resp.Status == 200, "status 200", "%s", resp.Summary()) {
		return
	}
	after, err := resp.Tokens()
	if !t.Check(err == nil, "a new access_token", "%v", err) {
		return
	}
	if before.Tokens.IDToken != "" && after.IDToken != "" {
		refreshedIDToken(t, t.idTokenOf(before.Tokens), t.idTokenOf(after))
	}
	if user != nil {
		got := t.userinfoSubject(after.AccessToken)
		t.Check(got == user, "an access token for the same user", "UserInfo says sub %.60v", got)
	}
}

// userinfoSubject is the sub that UserInfo tells for an access token, nil when
// it tells none.
func (t *T) userinfoSubject(accessToken string) any {
	if !t.Has("userinfo") {
		return nil
	}
	resp := t.Send(t.userinfoCall(accessToken))
	t.At(resp)
	claims, err := t.userinfoClaims(resp)
	if err != nil || resp.Status != 200 {
		return nil
	}
	return claims["sub"]
}

// refreshedIDToken is OIDC Core 12.2.
func refreshedIDToken(t *T, before, after idToken) {
	for _, name := range []string{"iss", "sub"} {
		t.Check(after.Claims[name] == before.Claims[name], name+" of the original ID Token", "%s is %.100v", name, after.Claims[name])
	}
	aud, _ := audienceOf(after.Claims)
	t.Check(slices.Contains(aud, t.client.ClientID), "aud contains "+t.client.ClientID, "aud is %.100v", after.Claims["aud"])
	was, told := numberOf(before.Claims["auth_time"])
	is, tells := numberOf(after.Claims["auth_time"])
	if told && tells && is > was+1 {
		t.Warn("auth_time of the original authentication", "it is %.0f s later", is-was)
	}
}
