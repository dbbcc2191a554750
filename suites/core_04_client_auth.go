package suites

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/target"
	. "github.com/onsi/ginkgo/v2"
)

// disturbing is for cases that an OP may count as failed logins of the client.
func disturbing(ids ...string) Spec {
	return Requirements(ids...).AloneForClient().LastForClient()
}

// CIBA Core 4 and 7.1: clients authenticate at the backchannel endpoint as they
// do at the token endpoint.
var _ = Describe("Client authentication", func() {
	Case("auth-methods-shared", "works with every advertised method at both endpoints", Requirements("CIBA-4-AUTH-METHODS-SHARED"), methodsShared)
	Case("auth-required", "is required to start", Requirements("CIBA-7.1-AUTH-REQUIRED").Smoke(), func(t *T) {
		t.Judge(t.Send(t.StartCall(t.Request()).AuthenticatedBy(ciba.Public(t.Client().ClientID))))
	})
	Case("auth-unknown-client", "refuses a client that does not exist", Requirements("CIBA-7.1-AUTH-UNKNOWN-CLIENT"), func(t *T) {
		t.Judge(t.Send(t.StartCall(t.Request()).AuthenticatedBy(stranger(t))))
	})
	Case("auth-wrong-secret", "refuses a wrong secret", disturbing("CIBA-7.1-AUTH-WRONG-SECRET"), func(t *T) {
		r := t.Requirement()
		if t.Client().AuthMethod == target.AuthClientSecretBasic {
			r.Expect.ToleratedStatus = nil // 400 is tolerated for client_secret_post only
		}
		t.JudgeBy(r, t.Send(t.StartCall(t.Request()).AuthenticatedBy(wrongSecret(t.Client()))))
	})
	Case("auth-basic-challenge", "answers failed Basic with a Basic challenge", disturbing("RFC6749-5.2-BASIC-CHALLENGE"), basicChallenge)
	Case("auth-registered-method", "accepts the registered method only", disturbing("CIBA-7.1-AUTH-REGISTERED-METHOD"), func(t *T) {
		t.Judge(t.Send(t.StartCall(t.Request()).AuthenticatedBy(ciba.Post(t.Client().ClientID, t.Client().ClientSecret.Reveal()))))
	})
	Case("auth-public-client", "refuses public clients", Requirements("CIBA-7.1-PUBLIC-CLIENT"), func(t *T) {
		t.Judge(t.Start(t.Request()))
	})
	Case("auth-multiple", "refuses two authentications at once", disturbing("RFC6749-2.3-MULTIPLE-AUTH"), func(t *T) {
		c := t.Client()
		call := t.StartCall(t.Request()).AuthenticatedBy(ciba.Basic(c.ClientID, c.ClientSecret.Reveal()))
		call.Form = call.Form.Add("client_id", c.ClientID).Add("client_secret", c.ClientSecret.Reveal())
		t.Judge(t.Send(call))
	})
	Case("auth-secret-in-query", "takes no secret from the URL", disturbing("RFC6749-2.3.1-SECRET-IN-QUERY"), func(t *T) {
		call := t.StartCall(t.Request()).AuthenticatedBy(nil)
		call.Query = ciba.P("client_id", t.Client().ClientID, "client_secret", t.Client().ClientSecret.Reveal())
		t.Judge(t.Send(call))
	})
	Case("auth-token-required", "is required to poll", Requirements("CIBA-10.1-TOKEN-AUTH-REQUIRED"), func(t *T) {
		flow := t.MustStart(t.Request())
		t.WaitUntil(flow.last.Add(flow.Pace()))
		t.Judge(t.Send(t.PollCall(flow).AuthenticatedBy(ciba.Public(t.Client().ClientID))))
	})
})

// CIBA Core 7.1, OIDC Core 9, RFC 7523 3: what an assertion has to be.
var _ = Describe("Client assertion", func() {
	Case("assertion-aud-issuer", "may be addressed to the issuer", Requirements("CIBA-7.1-AUD-ISSUER"), func(t *T) {
		t.JudgeAck("audience issuer", t.Send(t.StartCall(t.Request()).AuthenticatedBy(t.Assertion(t.Client()))))
	})
	Case("assertion-aud-token-endpoint", "is recorded when addressed to the token endpoint", disturbing("CIBA-7.1-AUD-TOKEN-ENDPOINT"), func(t *T) {
		recordAudience(t, t.Target().Endpoints.Token)
	})
	Case("assertion-aud-backchannel", "is recorded when addressed to the backchannel endpoint", disturbing("CIBA-7.1-AUD-BC-ENDPOINT"), func(t *T) {
		recordAudience(t, t.Target().Endpoints.BackchannelAuthentication)
	})
	Case("assertion-aud-foreign", "is refused when addressed to somebody else", disturbing("CIBA-7.1-AUD-FOREIGN"), func(t *T) {
		issuer := t.Target().Issuer
		other := issuer[:len(issuer)-1] + flipped(issuer[len(issuer)-1])
		for _, audience := range []string{"https://other.example/", other} {
			a := t.Assertion(t.Client())
			a.Audience = audience
			t.JudgeVariant("audience "+audience, t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
		}
	})
	for _, c := range []struct {
		id, title, requirement string
		variants               map[string]func(header, claims map[string]any)
	}{
		{"assertion-expired", "is refused when it has expired", "OIDC-9-ASSERTION-EXPIRED", map[string]func(h, c map[string]any){
			"exp 600 s ago": func(_, c map[string]any) { c["iat"], c["exp"] = ago(660), ago(600) },
		}},
		{"assertion-no-exp", "is refused without exp", "OIDC-9-ASSERTION-NO-EXP", map[string]func(h, c map[string]any){
			"no exp": func(_, c map[string]any) { delete(c, "exp") },
		}},
		{"assertion-iss-sub", "names the client as iss and as sub", "OIDC-9-ASSERTION-ISS-SUB", map[string]func(h, c map[string]any){
			"iss is somebody else": func(_, c map[string]any) { c["iss"] = "somebody-else" },
			"sub is somebody else": func(_, c map[string]any) { c["sub"] = "somebody-else" },
		}},
		{"assertion-no-jti", "is recorded without jti", "OIDC-9-ASSERTION-NO-JTI", map[string]func(h, c map[string]any){
			"no jti": func(_, c map[string]any) { delete(c, "jti") },
		}},
		{"assertion-nbf", "is refused before nbf", "RFC7523-3-ASSERTION-NBF", map[string]func(h, c map[string]any){
			"nbf in 600 s": func(_, c map[string]any) { c["nbf"], c["exp"] = ago(-600), ago(-900) },
		}},
	} {
		Case(c.id, c.title, disturbing(c.requirement), func(t *T) {
			for _, name := range sortedKeys(c.variants) {
				a := t.Assertion(t.Client())
				a.Edit = c.variants[name]
				t.JudgeVariant(name, t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
			}
		})
	}
	Case("assertion-bad-key", "is refused when signed with another key", disturbing("OIDC-9-ASSERTION-BAD-KEY"), func(t *T) {
		a := t.Assertion(t.Client())
		key, err := jose.GenerateKey(a.Key.Alg(), a.Key.KID())
		if err != nil {
			t.Abort("making a key: %v", err)
		}
		a.Key = key
		t.Judge(t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
	})
	Case("assertion-unsigned", "is refused without a signature", disturbing("OIDC-9-ASSERTION-ALG-NONE"), func(t *T) {
		a := t.Assertion(t.Client())
		a.Token = jose.Unsigned
		t.Judge(t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
	})
	Case("assertion-replay", "is recorded when used twice", disturbing("OIDC-9-ASSERTION-REPLAY"), func(t *T) {
		a := t.Assertion(t.Client())
		a.Edit = func(_, claims map[string]any) {
			claims["jti"] = "twice-" + t.Client().ClientID + fmt.Sprint(claims["iat"])
		}
		t.MustSucceed("the first use of an assertion", t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
		t.JudgeVariant("second use", t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
	})
	Case("assertion-type", "comes with the jwt-bearer type", disturbing("OIDC-9-ASSERTION-TYPE"), assertionTypes)
	Case("assertion-client-secret-jwt", "may be an HMAC of the client secret", Requirements("OIDC-9-CLIENT-SECRET-JWT"), func(t *T) {
		t.JudgeAck("client_secret_jwt", t.Start(t.Request()))
	})
	Case("assertion-client-id-mismatch", "agrees with client_id", disturbing("RFC7523-3-CLIENT-ID-MISMATCH"), func(t *T) {
		call := t.StartCall(t.Request()).AuthenticatedBy(t.Assertion(t.Client()))
		call.Form = call.Form.Add("client_id", t.Second().ClientID)
		t.Judge(t.Send(call))
	})
	Case("assertion-token-aud-issuer", "addressed to the issuer works at the token endpoint", Requirements("CIBA-10.1-TOKEN-AUTH-AUD-ISSUER"), func(t *T) {
		flow := t.MustStart(t.Request())
		t.WaitUntil(flow.last.Add(flow.Pace()))
		t.Judge(t.Send(t.PollCall(flow).AuthenticatedBy(t.Assertion(t.Client()))))
	})
})

func methodsShared(t *T) {
	advertised := t.Discovery().Strings("token_endpoint_auth_methods_supported")
	if len(advertised) == 0 {
		advertised = []string{target.AuthClientSecretBasic} // the default of OIDC Discovery 3
	}
	flows := map[string]*Flow{}
	for _, method := range advertised {
		for _, c := range t.GeneralClients() {
			if c.AuthMethod != method || flows[method] != nil {
				continue
			}
			resp := t.StartAs(c, t.RequestFor(c, t.User()))
			t.JudgeAck("start with "+method, resp)
			if _, err := resp.Started(); err == nil {
				flows[method] = t.FlowOf(c, t.User(), resp)
			}
			break
		}
	}
	for _, method := range sortedKeys(flows) {
		resp := t.Poll(flows[method])
		t.At(resp)
		t.Check(resp.Is(ciba.AuthorizationPending, ciba.SlowDown), "poll with "+method+": authorization_pending or slow_down", "%s", resp.Summary())
	}
}

// stranger authenticates a client that does not exist, in a way this OP knows.
func stranger(t *T) ciba.Authenticator {
	id := "unknown-" + strings.ToLower(rand.Text()[:12])
	if t.Client().AuthMethod == target.AuthClientSecretPost {
		return ciba.Post(id, rand.Text())
	}
	if !t.Client().UsesAssertion() {
		return ciba.Basic(id, rand.Text())
	}
	a := t.Assertion(t.Client())
	a.ClientID = id
	return a
}

func wrongSecret(c *Client) ciba.Authenticator {
	if c.AuthMethod == target.AuthClientSecretPost {
		return ciba.Post(c.ClientID, "wrong-"+rand.Text())
	}
	return ciba.Basic(c.ClientID, "wrong-"+rand.Text())
}

func basicChallenge(t *T) {
	for _, call := range []ciba.Call{
		t.StartCall(t.Request()),
		t.TokenCallAs(t.Client(), ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", rand.Text())),
	} {
		resp := t.Send(call.AuthenticatedBy(wrongSecret(t.Client())))
		t.JudgeVariant(call.Label, resp)
		if resp.Status == http.StatusUnauthorized {
			challenge := resp.Header.Get("WWW-Authenticate")
			scheme, _, _ := strings.Cut(challenge, " ")
			t.Check(strings.EqualFold(scheme, "Basic"), call.Label+": WWW-Authenticate with the scheme Basic", "WWW-Authenticate %.100q", challenge)
		}
	}
}

// recordAudience never fails: CIBA Core 7.1 obliges the OP to accept the
// audience, RFC 10070 and FAPI 2.0 oblige it to refuse.
func recordAudience(t *T, audience string) {
	a := t.Assertion(t.Client())
	a.Audience = audience
	resp := t.Send(t.StartCall(t.Request()).AuthenticatedBy(a))
	t.JudgeVariant("audience "+audience, resp)
	if resp.Status != 200 && !t.Failed() {
		t.Info("CIBA Core 7.1: accepted; RFC 10070: refused", "refused with %s", resp.Summary())
	}
}

func assertionTypes(t *T) {
	a := t.Assertion(t.Client())
	a.Type = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
	t.JudgeVariant("wrong type", t.Send(t.StartCall(t.Request()).AuthenticatedBy(a)))
	a = t.Assertion(t.Client())
	a.OmitType = true
	resp := t.Send(t.StartCall(t.Request()).AuthenticatedBy(a))
	if resp.Status == 200 {
		t.At(resp)
		t.Warn("an assertion without client_assertion_type is refused", "%s", resp.Summary())
		return
	}
	t.JudgeVariant("no type", resp)
}

func ago(seconds int64) int64 { return time.Now().Unix() - seconds }

// flipped is another character of the same kind.
func flipped(c byte) string {
	switch {
	case c == '/':
		return "x"
	case c == '9' || c == 'z' || c == 'Z':
		return string(c - 1)
	}
	return string(c + 1)
}
