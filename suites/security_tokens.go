package suites

import (
	"crypto/rand"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/target"
	. "github.com/onsi/ginkgo/v2"
)

// RFC 6749 6 and 10.4: a refresh token serves its own client alone.
var _ = Describe("Refresh token", func() {
	Case("refresh-authenticated", "needs client authentication", Requirements("RFC6749-6-REFRESH-AUTH"), func(t *T) {
		r := t.refreshable()
		call := t.refreshCall(t.Client(), r.Tokens.RefreshToken)
		t.Judge(t.Send(call.AuthenticatedBy(ciba.Public(t.Client().ClientID))))
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

// CIBA Core 10.1: the client that authenticates is the one whose auth_req_id may
// be redeemed.
var _ = Describe("Client switch", func() {
	Case("client-switch", "by client_id in the form does not work",
		Requirements("CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH").
			Methods(target.AuthClientSecretBasic, target.AuthPrivateKeyJWT, target.AuthClientSecretJWT), func(t *T) {
			owner := t.Second()
			flow := t.MustStartAs(owner, t.User(), t.RequestFor(owner, t.User()))
			t.WaitUntil(flow.last.Add(flow.Pace()))
			call := func() ciba.Call { return t.PollCallAs(t.Client(), flow).With("client_id", owner.ClientID) }
			pending := t.Send(call())
			flow.noteAnswer(pending)
			t.JudgeVariant("pending", pending)
			t.Approve(flow)
			t.JudgeVariant("approved", t.Send(call()))
		})
})

// RFC 6750 3: what a protected resource says to a token it does not know.
var _ = Describe("Bearer token", func() {
	Case("bearer-garbage", "that is garbage is refused by UserInfo", Requirements("RFC6750-3-BAD-TOKEN"), func(t *T) {
		refusesBearer(t, "a random token", rand.Text()+rand.Text())
		if !t.Has("approve") {
			return
		}
		if forged, err := forgery(t.Redeemed().Tokens.AccessToken); err == nil {
			refusesBearer(t, "a JWT with another sub under the old signature", forged)
		}
	})
})

// forgery keeps the signature of a JWT and changes who it is for.
func forgery(accessToken string) (string, error) {
	return jose.Retell(accessToken, func(_, claims map[string]any) { claims["sub"] = rand.Text() })
}

func refusesBearer(t *T, what, token string) {
	resp := t.MustAnswer(t.Send(t.userinfoCall(token)))
	t.At(resp)
	r := t.Requirement()
	r.Expect.Error = nil // the code is an attribute of the challenge, not a member of the body
	t.JudgeBy(r, resp)
	if resp.Status/100 != 4 {
		return
	}
	challenge := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
	t.Check(challenge != "", what+": a WWW-Authenticate header", "none")
	if challenge != "" && !strings.Contains(strings.ReplaceAll(challenge, " ", ""), `error="invalid_token"`) {
		t.Warn(what+`: error="invalid_token" in the challenge`, "WWW-Authenticate %.200q", challenge)
	}
}

// RFC 7662 2.1: who asks about a token shows that it may.
var _ = Describe("Introspection", func() {
	Case("introspection-authorised", "answers nobody without authorization", Requirements("RFC7662-2.1-AUTH").AfterAll(), func(t *T) {
		call := t.introspectCall(t.live().Tokens.AccessToken)
		refusesIntrospection(t, "no credential", call.AuthenticatedBy(nil))
		refusesIntrospection(t, "a client_id only", call.AuthenticatedBy(ciba.Public(t.resourceServer().ClientID)))
		refusesIntrospection(t, "an unknown client", call.AuthenticatedBy(stranger(t, t.resourceServer())))
		refusesIntrospection(t, "a wrong secret", call.AuthenticatedBy(wrongCredential(t, t.resourceServer())))
	})
})

// refusesIntrospection does not ask for an error in the body: a server that wants
// a bearer token names it in its challenge.
func refusesIntrospection(t *T, what string, call ciba.Call) {
	resp := t.MustAnswer(t.Send(call))
	t.At(resp)
	object, err := resp.Object()
	_, named := resp.OAuthError()
	switch {
	case err == nil && object["active"] == true:
		t.Fail(what+": a refusal", "%d with active true", resp.Status)
	case resp.Status == 200 && err == nil && object["active"] == false:
		t.Warn(what+": a refusal", "200 with active false, which tells nothing")
	default:
		r := t.Requirement()
		if !named {
			r.Expect.Error = nil
		}
		t.JudgeBy(r, resp)
	}
}

// wrongCredential authenticates a client by its own method with a secret or key
// that is not its own.
func wrongCredential(t *T, c *Client) ciba.Authenticator {
	if !c.UsesAssertion() {
		return bySecret(c, "wrong-"+rand.Text())
	}
	a := t.Assertion(c)
	key, err := jose.GenerateKey(a.Key.Alg(), a.Key.KID())
	if err != nil {
		t.Abort("making a key: %v", err)
	}
	a.Key = key
	return a
}
