package core

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 4 and 7.1: clients authenticate at the backchannel endpoint as they
// do at the token endpoint.
var _ = Cases.Describe("Client authentication", func() {
	Case("auth-methods-shared", "works with every advertised method at both endpoints",
		Judges("CIBA-4-AUTH-METHODS-SHARED").Limit(5*time.Minute).About(20*ciba.DefaultInterval), judgeSharedMethods)
	Case("auth-required", "is required to start", Judges("CIBA-7.1-AUTH-REQUIRED").Smoke(), func(t *T) {
		t.JudgeVariant("neither credential nor client_id", StartAuthenticatedBy(t, t.Client(), nil))
		if t.Has("login_hint") { // who proves nothing is not told which users exist; CIBA Core 7.2 authenticates the client first
			unknown := t.StartRequest(requestWithoutHint(t).Add("login_hint", hintOfNobody(t)))
			t.JudgeVariant("an unknown user and no credential", t.Send(unknown.AuthenticatedBy(ciba.Public(t.Client().ClientID))))
		}
		for _, c := range clientPerMethod(t) {
			t.JudgeVariant(c.AuthMethod+" client without credential", StartAuthenticatedBy(t, c, ciba.Public(c.ClientID)))
			if c.UsesAssertion() {
				a := ciba.Assertion{ClientID: c.ClientID, SendClientID: true, Token: func(_, _ map[string]any) (string, error) { return "", nil }}
				t.JudgeVariant(c.AuthMethod+" client with an empty assertion", StartAuthenticatedBy(t, c, a))
			}
		}
	})
	Case("auth-empty-secret", "is not an empty secret in the header",
		Disturbing("CIBA-7.1-AUTH-REQUIRED").Methods(targetfile.AuthClientSecretBasic), judgeEmptySecret)
	Case("auth-empty-secret-post", "is not an empty secret in the body",
		Disturbing("CIBA-7.1-AUTH-REQUIRED").Methods(targetfile.AuthClientSecretPost), judgeEmptySecret)
	Case("auth-unknown-client", "refuses a client that does not exist", Judges("CIBA-7.1-AUTH-UNKNOWN-CLIENT"), func(t *T) {
		for _, e := range authEndpoints(t) {
			for _, c := range clientPerMethod(t) {
				judgeRefusal(t, "as by "+c.AuthMethod, e, e.call().AuthenticatedBy(Stranger(t, c)))
			}
		}
	})
	Case("auth-wrong-secret", "refuses a wrong secret in the header",
		Disturbing("CIBA-7.1-AUTH-WRONG-SECRET").Methods(targetfile.AuthClientSecretBasic), judgeWrongSecrets)
	Case("auth-wrong-secret-post", "refuses a wrong secret in the body",
		Disturbing("CIBA-7.1-AUTH-WRONG-SECRET").Methods(targetfile.AuthClientSecretPost), judgeWrongSecrets)
	Case("auth-basic-challenge", "answers failed Basic with a Basic challenge",
		Disturbing("RFC6749-5.2-BASIC-CHALLENGE"), judgeBasicChallenge)
	Case("auth-registered-method", "accepts the registered method only",
		Disturbing("CIBA-7.1-AUTH-REGISTERED-METHOD"), judgeRegisteredMethod)
	Case("auth-public-client", "refuses public clients", Judges("CIBA-7.1-PUBLIC-CLIENT"), func(t *T) {
		t.JudgeVariant("without credential", t.Start(t.Request()))
		t.JudgeVariant("with an empty secret in the body", StartAuthenticatedBy(t, t.Client(), ciba.Post(t.Client().ClientID, "")))
		t.JudgeVariant("with an empty secret in the header", StartAuthenticatedBy(t, t.Client(), ciba.Basic(t.Client().ClientID, "")))
	})
	Case("auth-multiple", "of a client_secret_basic client is refused with a secret in the body as well",
		Disturbing("RFC6749-2.3-MULTIPLE-AUTH").Methods(targetfile.AuthClientSecretBasic), judgeTwoAuthentications)
	Case("auth-multiple-post", "of a client_secret_post client is refused with an Authorization header as well",
		Disturbing("RFC6749-2.3-MULTIPLE-AUTH").Methods(targetfile.AuthClientSecretPost), judgeTwoAuthentications)
	Case("auth-secret-in-query", "takes no secret from the URL",
		Disturbing("RFC6749-2.3.1-SECRET-IN-QUERY").About(ciba.DefaultInterval), judgeSecretInQuery)
	Case("auth-token-required", "is required to poll",
		Judges("CIBA-10.1-TOKEN-AUTH-REQUIRED").About(ciba.DefaultInterval), func(t *T) {
			var flows []*Flow
			for _, c := range clientPerMethod(t) {
				flows = append(flows, t.MustStartAs(c, t.User(), t.RequestFor(c, t.User())))
			}
			for _, f := range flows {
				t.WaitTurn(f)
				t.JudgeVariant(f.Client.AuthMethod+" client without credential", PollAuthenticatedBy(t, f, ciba.Public(f.Client.ClientID)))
				t.JudgeVariant(f.Client.AuthMethod+" client without credential and client_id", PollAuthenticatedBy(t, f, nil))
			}
		})
	Case("auth-token-required-approved", "is required to get the tokens, and its absence costs nothing",
		Judges("CIBA-10.1-TOKEN-AUTH-REQUIRED").Needs("approve").About(3*ciba.DefaultInterval), judgeApprovedWithoutCredential)
})

// clientPerMethod is one general client for each authentication method, the case's
// own first: an OP may well check one method and forget another.
func clientPerMethod(t *T) []*Client {
	list := []*Client{t.Client()}
	for _, c := range t.OrdinaryClients() {
		if !slices.ContainsFunc(list, func(known *Client) bool { return known.AuthMethod == c.AuthMethod }) {
			list = append(list, c)
		}
	}
	return list
}

// authEndpoint is one of the two endpoints at which clients authenticate, and a good
// request to it that is to be spoilt.
type authEndpoint struct {
	where string // for the names of variants; empty for the backchannel endpoint
	call  func() Request
}

// authEndpoints are both of them: an OP may check at one what it forgets at the other.
// At the token endpoint the case's client asks for a pending request of its own,
// so that no answer but a refusal of the client hides that it was let in. That the
// client gets in as it should is tried first, since the refusal of a bad credential
// says nothing where a good one is refused too.
func authEndpoints(t *T) []authEndpoint {
	flow := t.MustStart(t.Request())
	list := []authEndpoint{{"", func() Request { return t.StartRequest(t.Request()) }}}
	control := Observe(t, "let in at the token endpoint", func(t *T) *ciba.Response {
		return t.MustAnswer(t.Send(t.TokenRequest(t.Client(), ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", t.Random().Text()))))
	})
	if !driver.RefusesClient(control) {
		list = append(list, authEndpoint{" at the token endpoint", func() Request { return t.PollRequest(flow).Unpaced() }})
	}
	return list
}

// judgeRefusal judges the refusal of a spoilt request. RFC 6749 5.2 lets the token
// endpoint say invalid_client with 400, unless the client used the header.
func judgeRefusal(t *T, what string, e authEndpoint, call Request) {
	judgeRefusalBy(t, t.Requirement(), what, e, call)
}

// judgeRefusalBy is judgeEntry for a requirement that a case has widened.
func judgeRefusalBy(t *T, r catalogue.Requirement, what string, e authEndpoint, call Request) {
	resp := t.MustAnswer(t.Send(call))
	t.At(resp)
	if e.where != "" && !usesHeader(call) {
		r.Expect.Status = append(slices.Clone(r.Expect.Status), http.StatusBadRequest)
	}
	t.Record(r, OutcomeOf(r, resp), what+e.where+": "+Expectation(r), resp.Summary())
}

// usesHeader says whether a call authenticates by an Authorization header.
func usesHeader(call Request) bool {
	if call.Auth != nil && call.Auth.Authenticate(&call.Call) != nil {
		return false
	}
	return call.Header.Get("Authorization") != ""
}

// judgeSharedMethods goes one method at a time, as an OP may keep one open request
// for each user.
func judgeSharedMethods(t *T) {
	advertised := t.Discovery().Strings("token_endpoint_auth_methods_supported")
	if len(advertised) == 0 {
		advertised = []string{targetfile.AuthClientSecretBasic} // the default of OIDC Discovery 3
	}
	tried := 0
	for _, c := range clientPerMethod(t) {
		if !slices.Contains(advertised, c.AuthMethod) {
			continue
		}
		tried++
		start := t.StartAs(c, t.RequestFor(c, t.User()))
		t.JudgeAck("start with "+c.AuthMethod, start)
		if start.Status/100 != 2 {
			continue
		}
		poll := t.Poll(t.FlowOf(c, t.User(), start))
		t.At(t.MustAnswer(poll))
		t.Expect(poll).To(BeOAuthError(ciba.AuthorizationPending, ciba.SlowDown), "poll with "+c.AuthMethod+": authorization_pending or slow_down")
	}
	judgeOneSidedRefusals(t, advertised)
	if tried == 0 {
		t.Skip("the target file has no client for any of the advertised methods: %s", strings.Join(advertised, ", "))
	}
}

// judgeOneSidedRefusals looks at the clients that the OP refuses whatever they ask. One that
// is let in at one endpoint is registered as the target file has it, so the other
// endpoint reads its credential in another way, such as a secret with a colon.
func judgeOneSidedRefusals(t *T, advertised []string) {
	for _, c := range t.OrdinaryClients() {
		if c.Rejection() == "" || !slices.Contains(advertised, c.AuthMethod) {
			continue
		}
		start := t.MustAnswer(t.StartAs(c, ciba.P("scope", t.Target().Scope)))
		poll := t.MustAnswer(t.Send(t.TokenRequest(c, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", t.Random().Text()))))
		t.At(start)
		t.Check(!driver.RefusesClient(start) || driver.RefusesClient(poll), "client "+c.Name+" is let in, as at the token endpoint", "%s", start.Summary())
		t.At(poll)
		t.Check(!driver.RefusesClient(poll) || driver.RefusesClient(start), "client "+c.Name+" is let in, as at the backchannel endpoint", "%s", poll.Summary())
	}
}

func judgeEmptySecret(t *T) {
	for _, e := range authEndpoints(t) {
		judgeRefusal(t, "an empty secret", e, e.call().AuthenticatedBy(BySecret(t.Client(), "")))
	}
}

// judgeWrongSecrets tries a few only, so as not to lock the client. The first is some
// other client's where the target has one; the second, the third and the fourth
// catch an OP that looks at the beginning, at the letters, or as far as the right
// one goes.
func judgeWrongSecrets(t *T) {
	r := t.Requirement()
	if t.Client().AuthMethod == targetfile.AuthClientSecretBasic {
		r.Expect.ToleratedStatus = nil // 400 is tolerated for client_secret_post only
	}
	right := t.Client().ClientSecret.Reveal()
	entrances := authEndpoints(t)
	for _, secret := range []string{anotherSecret(t), lastCharacterChanged(right), OtherCase(right), right + "x"} {
		if secret == right {
			continue // a secret without letters
		}
		t.JudgeBy(r, StartAuthenticatedBy(t, t.Client(), BySecret(t.Client(), secret)))
	}
	if t.Client().AuthMethod == targetfile.AuthClientSecretBasic {
		return // auth-basic-challenge tries the token endpoint
	}
	for _, e := range entrances[1:] {
		judgeRefusal(t, "a wrong secret", e, e.call().AuthenticatedBy(BySecret(t.Client(), "wrong-"+t.Random().Text())))
	}
}

// anotherSecret is another client's, or nobody's where there is none.
func anotherSecret(t *T) string {
	for _, c := range t.OrdinaryClients() {
		if secret := c.ClientSecret.Reveal(); secret != "" && secret != t.Client().ClientSecret.Reveal() {
			return secret
		}
	}
	return "wrong-" + t.Random().Text()
}

// lastCharacterChanged is a text that differs in its last character.
func lastCharacterChanged(text string) string {
	last := len(text) - 1
	return text[:last] + anotherCharacter(text[last])
}

func judgeBasicChallenge(t *T) {
	for _, call := range []Request{
		t.StartRequest(t.Request()),
		t.TokenRequest(t.Client(), ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", t.Random().Text())),
	} {
		for _, who := range []struct {
			name string
			auth ciba.Authenticator
		}{
			{"a wrong secret", ciba.Basic(t.Client().ClientID, "wrong-"+t.Random().Text())},
			{"an unknown client", Stranger(t, t.Client())},
		} {
			resp := t.Send(call.AuthenticatedBy(who.auth))
			what := call.Label + " with " + who.name
			t.JudgeVariant(what, resp)
			if resp.Status == http.StatusUnauthorized {
				challenges := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
				t.Check(basicScheme.MatchString(challenges), what+": WWW-Authenticate with the scheme Basic", "WWW-Authenticate %.100q", challenges)
			}
		}
	}
	unreadable := t.StartRequest(t.Request()).AuthenticatedBy(nil)
	unreadable.Header = http.Header{"Authorization": {"Basic ====not-base64"}}
	if resp := t.MustAnswer(t.Send(unreadable)); resp.Status/100 != 4 { // whatever refuses it, also before the OP
		t.JudgeVariant("a header that cannot be read", resp)
	}
}

// basicScheme finds the scheme among several challenges; RFC 9110 11.6.1.
var basicScheme = regexp.MustCompile(`(?i)(^|,)\s*basic(\s|,|$)`)

// judgeRegisteredMethod never tries Basic with a client_secret_post client, since RFC
// 6749 2.3.1 has every OP support Basic.
func judgeRegisteredMethod(t *T) {
	c := t.Client()
	for _, e := range authEndpoints(t) {
		judgeRefusal(t, "client_secret_post by a client_secret_basic client", e, e.call().AuthenticatedBy(ciba.Post(c.ClientID, c.ClientSecret.Reveal())))
	}
	hmac := ciba.Assertion{ClientID: c.ClientID, Key: jose.SymmetricKey([]byte(c.ClientSecret.Reveal()), "HS256", ""), Audience: t.Target().Issuer}
	t.JudgeVariant("client_secret_jwt by a client_secret_basic client", StartAuthenticatedBy(t, c, hmac))
	for _, method := range []string{targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT} {
		i := slices.IndexFunc(t.OrdinaryClients(), func(c *Client) bool { return c.AuthMethod == method && c.ClientSecret != "" })
		if i < 0 {
			continue
		}
		c := t.OrdinaryClients()[i]
		t.JudgeVariant("client_secret_basic by a "+method+" client", StartAuthenticatedBy(t, c, ciba.Basic(c.ClientID, c.ClientSecret.Reveal())))
		t.JudgeVariant("client_secret_post by a "+method+" client", StartAuthenticatedBy(t, c, ciba.Post(c.ClientID, c.ClientSecret.Reveal())))
	}
}

func judgeTwoAuthentications(t *T) {
	c := t.Client()
	for _, e := range authEndpoints(t) {
		call := e.call().AuthenticatedBy(ciba.Basic(c.ClientID, c.ClientSecret.Reveal()))
		call.Form = call.Form.Add("client_id", c.ClientID).Add("client_secret", c.ClientSecret.Reveal())
		judgeRefusal(t, "header and body", e, call)
	}
}

func judgeSecretInQuery(t *T) {
	credential := ciba.P("client_id", t.Client().ClientID, "client_secret", t.Client().ClientSecret.Reveal())
	start := t.StartRequest(t.Request()).AuthenticatedBy(nil)
	start.Query = credential
	t.JudgeVariant(start.Label, t.Send(start))
	flow := t.MustStart(t.Request())
	t.WaitTurn(flow)
	poll := t.PollRequest(flow).AuthenticatedBy(nil)
	poll.Query = credential
	t.JudgeVariant(poll.Label, t.Send(poll))
}

// judgeApprovedWithoutCredential tries one wrong credential only, which locks no client:
// What a refused call does to a request is seen at one that is ready to be redeemed.
func judgeApprovedWithoutCredential(t *T) {
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	t.JudgeVariant("an approved auth_req_id alone", PollAuthenticatedBy(t, flow, nil))
	t.JudgeVariant("an approved auth_req_id", PollAuthenticatedBy(t, flow, ciba.Public(t.Client().ClientID)))
	t.JudgeVariant("an approved auth_req_id with a wrong credential", PollAuthenticatedBy(t, flow, WrongCredential(t, t.Client())))
	after := t.PollDecided(flow)
	t.At(after)
	if after.Is(ciba.AuthorizationPending, ciba.SlowDown) {
		t.Abort("the approval did not take effect")
	}
	t.Expect(after).To(HaveTokens(), "the client itself still gets the tokens")
}

// anotherCharacter is another character of the same kind.
func anotherCharacter(c byte) string {
	switch {
	case c == '/', c >= 0x7F:
		return "x"
	case c == '9' || c == 'z' || c == 'Z':
		return string(c - 1)
	}
	return string(c + 1)
}
