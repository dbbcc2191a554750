package tokens

import (
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 6749 6 and 10.4: a refresh token serves its own client alone.
var _ = Cases.Describe("Refresh token", func() {
	Case("token-refresh", "works for its client and keeps the user", Judges("RFC6749-6-REFRESH"), refreshes)
	Case("refresh-scope", "brings no more scope than was granted", Judges("RFC6749-6-REFRESH").About(7*time.Second), widened)
	Case("refresh-authenticated", "needs client authentication", Disturbing("RFC6749-6-REFRESH-AUTH").About(2*ciba.DefaultInterval), func(t *T) {
		r := refreshable(t)
		call := RefreshRequest(t, t.Client(), r.Tokens.RefreshToken)
		t.JudgeVariant("a client_id only", t.Send(call.AuthenticatedBy(ciba.Public(t.Client().ClientID))))
		t.JudgeVariant("no client_id", t.Send(call.AuthenticatedBy(nil)))
		t.JudgeVariant("a wrong credential", t.Send(call.AuthenticatedBy(WrongCredential(t, t.Client()))))
		if proper := Refresh(t, r.Tokens.RefreshToken); proper.Status != 200 && !t.Failed() {
			t.At(proper)
			t.Warn("the refresh token still works for its client", "%s", proper.Summary())
		}
	})
	Case("refresh-bound", "is useless to another client", Judges("RFC6749-6-REFRESH-BOUND").LastForClient(), func(t *T) {
		r := refreshable(t)
		fresh, err := t.MustSucceed("the client's own refresh", Refresh(t, r.Tokens.RefreshToken)).Tokens()
		if err != nil {
			t.Abort("the answer to a refresh cannot be used: %v", err)
		}
		refreshToken := fresh.RefreshToken
		if refreshToken == "" { // it does not rotate, so the first one lives on
			refreshToken = r.Tokens.RefreshToken
		}
		for _, c := range t.OrdinaryClients() {
			if c.ClientID == t.Client().ClientID || c.Rejection() != "" || c.AuthMethod == targetfile.AuthClientSecretPost { // which sends its own client_id
				continue
			}
			resp := t.Send(RefreshRequest(t, c, refreshToken).With("client_id", t.Client().ClientID))
			JudgeVariantBy(t, Tolerating(t.Requirement(), ciba.InvalidRequest), "under the name of the first client", resp)
			break
		}
		t.JudgeVariant("as itself", t.Send(RefreshRequest(t, t.Second(), refreshToken)))
	})
})

// refreshable is a flow of the case's own with a refresh token. Many OPs issue
// one for offline_access only.
func refreshable(t *T) Redeemed {
	p := t.Request()
	if t.Redeemed().Tokens.RefreshToken == "" {
		scope := strings.Fields(p.Get("scope"))
		if slices.Contains(scope, "offline_access") || !Advertises(t, "scopes_supported", "offline_access") {
			t.Skip("refresh: the OP issues no refresh token")
		}
		p = p.With("scope", strings.Join(append(scope, "offline_access"), " "))
	}
	ack := t.MustAccept("a backchannel authentication request that should be accepted", t.Start(p))
	flow := t.FlowOf(t.Client(), t.User(), ack)
	tokens, resp := t.MustRedeem(flow)
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token")
	}
	return Redeemed{Flow: flow, Ack: ack, Tokens: tokens, Response: resp}
}

// widened asks a grant of less than the client may have for all of that.
func widened(t *T) {
	p := t.Request()
	full := strings.Fields(p.Get("scope"))
	withheld := slices.DeleteFunc(slices.Clone(full), func(s string) bool { return slices.Contains(OwnScopes, s) })
	if len(withheld) == 0 {
		t.Skip("the scope of the target file has nothing to leave out")
	}
	less := slices.DeleteFunc(slices.Clone(full), func(s string) bool { return slices.Contains(withheld, s) })
	tokens, _ := t.MustRedeem(t.MustStart(p.With("scope", strings.Join(less, " "))))
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token for the scope %s", strings.Join(less, " "))
	}
	if granted, where := GrantedScope(t, tokens.AccessToken); containsAny(granted, withheld) || containsAny(strings.Fields(tokens.Scope), withheld) {
		t.Skip("the OP grants more than it was asked for from the beginning, by %s", where)
	}
	resp := t.MustAnswer(t.Send(RefreshRequest(t, t.Client(), tokens.RefreshToken).With("scope", strings.Join(full, " "))))
	t.At(resp)
	t.Check(resp.Status < 500 || resp.Status == 503, "a refusal, or no more than was granted", "%s", resp.Summary())
	fresh, err := resp.Tokens()
	if err != nil {
		return
	}
	granted, where := GrantedScope(t, fresh.AccessToken)
	t.Check(!containsAny(granted, withheld), "no scope beyond the grant", "%s shows %.200q", where, strings.Join(granted, " "))
	t.Check(!containsAny(strings.Fields(fresh.Scope), withheld), "no scope beyond the grant", "the answer states %.200q", fresh.Scope)
}

func containsAny(list, of []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(of, s) })
}

func refreshes(t *T) {
	before := refreshable(t)
	user := UserinfoSubject(t, before.Tokens.AccessToken)
	t.Wait(3 * time.Second) // so that a new auth_time differs from the old one
	resp := t.MustAnswer(Refresh(t, before.Tokens.RefreshToken))
	if !t.Expect(resp).To(HaveStatus(200)) {
		return
	}
	after, err := resp.Tokens()
	if !t.Check(err == nil, "a new access_token", "%v", err) {
		return
	}
	t.Expect(resp).To(NotBeCached())
	t.Check(after.TokenType != "", "a token_type", "there is none")
	if before.Tokens.IDToken != "" && after.IDToken != "" {
		old, fresh := IDTokenIn(t, before.Tokens), IDTokenIn(t, after)
		refreshedIDToken(t, old, fresh)
		if after.RefreshToken == "" { // it does not rotate, so the first one lives on
			after.RefreshToken = before.Tokens.RefreshToken
		}
		issuedAgain(t, Redeemed{Flow: before.Flow, Ack: before.Ack, Tokens: after, Response: resp}, old, fresh)
	}
	if user != nil {
		got := UserinfoSubject(t, after.AccessToken)
		t.Check(got == user, "an access token for the same user", "UserInfo says sub %.60v", got)
	}
}

// issuedAgain: an ID Token of a refresh keeps the rules of any other, and was
// issued just now; OIDC Core 12.2.
func issuedAgain(t *T, r Redeemed, before, after IDToken) {
	signature(t, r, after)
	t.At(r.Response)
	lifetime(t, r, after)
	hashes(t, r, after)
	was, _ := NumberOf(before.Claims["iat"])
	is, told := NumberOf(after.Claims["iat"])
	if told && is <= was {
		t.Warn("iat is when this ID Token was issued", "it is not later than that of the original one, 3 s before")
	}
}

// refreshedIDToken is OIDC Core 12.2.
func refreshedIDToken(t *T, before, after IDToken) {
	for _, name := range []string{"iss", "sub"} {
		t.Check(after.Claims[name] == before.Claims[name], name+" of the original ID Token", "%s is %.100v", name, after.Claims[name])
	}
	aud, _ := audienceOf(after.Claims)
	t.Check(slices.Contains(aud, t.Client().ClientID), "aud contains "+t.Client().ClientID, "aud is %.100v", after.Claims["aud"])
	was, told := NumberOf(before.Claims["auth_time"])
	is, tells := NumberOf(after.Claims["auth_time"])
	if told && tells && is > was+1 {
		t.Warn("auth_time of the original authentication", "it is %.0f s later", is-was)
	}
}
