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
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// CIBA Core 4 and 7.1 have clients authenticate at the backchannel endpoint as they do
// at the token endpoint, in every request; RFC 6749 2.3 and 5.2 say how, and how a
// failure is answered. Whoever starts a request without being the client chooses the
// words that its users are asked to approve. An OP often checks one method, or one
// endpoint, and forgets another, so each is tried. Whether invalid_client comes with 401
// is disputed where no challenge fits (N-01).
var _ = Cases.Describe("Client authentication", func() {
	Case("auth-methods-shared", "works with every advertised method at both endpoints",
		Judges("CIBA-4-AUTH-METHODS-SHARED").Limit(5*time.Minute).About(20*ciba.DefaultInterval), judgeSharedMethods)
	Case("auth-required", "is required to start", Judges("CIBA-7.1-AUTH-REQUIRED").AlsoAs(Ping, Push).Smoke(), judgeStartWithoutCredential)
	// RFC 6749 2.3.1 lets a client whose secret is empty leave the parameter out. An OP that
	// takes an empty secret for no secret to compare lets in every client.
	Case("auth-empty-secret", "is not an empty secret in the header",
		Disturbing("CIBA-7.1-AUTH-REQUIRED").AlsoAs(Ping, Push).Methods(targetfile.AuthClientSecretBasic), judgeEmptySecret)
	Case("auth-empty-secret-post", "is not an empty secret in the body",
		Disturbing("CIBA-7.1-AUTH-REQUIRED").AlsoAs(Ping, Push).Methods(targetfile.AuthClientSecretPost), judgeEmptySecret)
	Case("auth-unknown-client", "refuses a client that does not exist", Judges("CIBA-7.1-AUTH-UNKNOWN-CLIENT").AlsoAs(Ping, Push), func(t *T) {
		for _, e := range authEndpoints(t) {
			for _, c := range ClientPerMethod(t) {
				judgeRefusal(t, "as by "+c.AuthMethod, e, e.goodRequest().AuthenticatedBy(UnknownClient(t, c)))
			}
		}
		judgeMisnamedClients(t)
	})
	Case("auth-wrong-secret", "refuses a wrong secret in the header",
		Disturbing("CIBA-7.1-AUTH-WRONG-SECRET").AlsoAs(Ping, Push).Methods(targetfile.AuthClientSecretBasic), judgeWrongSecrets)
	Case("auth-wrong-secret-post", "refuses a wrong secret in the body",
		Disturbing("CIBA-7.1-AUTH-WRONG-SECRET").AlsoAs(Ping, Push).Methods(targetfile.AuthClientSecretPost), judgeWrongSecrets)
	Case("auth-basic-challenge", "answers failed Basic with a Basic challenge",
		Disturbing("RFC6749-5.2-BASIC-CHALLENGE").AlsoAs(Ping, Push), judgeBasicChallenge)
	Case("auth-registered-method", "accepts the registered method only",
		Disturbing("CIBA-7.1-AUTH-REGISTERED-METHOD").AlsoAs(Ping, Push), judgeRegisteredMethod)
	// Anybody can read the client_id of a public client out of its app, and could have the
	// users of the OP prompted in its name.
	Case("auth-public-client", "refuses public clients", Judges("CIBA-7.1-PUBLIC-CLIENT"), func(t *T) {
		t.JudgeVariant("without credential", t.Start(t.Request()))
		t.JudgeVariant("with an empty secret in the body", StartAuthenticatedBy(t, t.Client(), ciba.Post(t.Client().ClientID, "")))
		t.JudgeVariant("with an empty secret in the header", StartAuthenticatedBy(t, t.Client(), ciba.Basic(t.Client().ClientID, "")))
	})
	Case("auth-multiple", "of a client_secret_basic client is refused with a secret in the body as well",
		Disturbing("RFC6749-2.3-MULTIPLE-AUTH").AlsoAs(Ping, Push).Methods(targetfile.AuthClientSecretBasic), judgeTwoAuthentications)
	Case("auth-multiple-post", "of a client_secret_post client is refused with an Authorization header as well",
		Disturbing("RFC6749-2.3-MULTIPLE-AUTH").AlsoAs(Ping, Push).Methods(targetfile.AuthClientSecretPost), judgeTwoAuthentications)
	Case("auth-secret-in-query", "takes no secret from the URL",
		Disturbing("RFC6749-2.3.1-SECRET-IN-QUERY").AlsoAs(Ping, Push).About(ciba.DefaultInterval), judgeSecretInQuery)
	Case("auth-token-required", "is required to poll",
		Judges("CIBA-10.1-TOKEN-AUTH-REQUIRED").AlsoAs(Ping).About(ciba.DefaultInterval), func(t *T) {
			var flows []*Flow
			for _, c := range ClientPerMethod(t) {
				flows = append(flows, t.MustStartAs(c, t.User(), t.RequestFor(c, t.User())))
			}
			for _, f := range flows {
				t.WaitTurn(f)
				t.JudgeVariant(f.Client.AuthMethod+" client without credential", PollAuthenticatedBy(t, f, ciba.Public(f.Client.ClientID)))
				t.JudgeVariant(f.Client.AuthMethod+" client without credential and client_id", PollAuthenticatedBy(t, f, nil))
			}
		})
	Case("auth-token-required-approved", "is required to get the tokens, and its absence costs nothing",
		Judges("CIBA-10.1-TOKEN-AUTH-REQUIRED").Needs(catalogue.NeedApprove).About(3*ciba.DefaultInterval), judgeApprovedWithoutCredential)
})

// judgeStartWithoutCredential leaves the credential out of good requests. Who proves
// nothing is not told either which users exist: CIBA Core 7.2 authenticates the client
// first.
func judgeStartWithoutCredential(t *T) {
	t.JudgeVariant("neither credential nor client_id", StartAuthenticatedBy(t, t.Client(), nil))
	if t.Has(catalogue.NeedLoginHint) {
		unknown := t.StartRequest(requestWithoutHint(t).Add("login_hint", hintOfNobody(t)))
		t.JudgeVariant("an unknown user and no credential", t.Send(unknown.AuthenticatedBy(ciba.Public(t.Client().ClientID))))
	}
	for _, c := range ClientPerMethod(t) {
		t.JudgeVariant(c.AuthMethod+" client without credential", StartAuthenticatedBy(t, c, ciba.Public(c.ClientID)))
		if c.UsesAssertion() {
			empty := func(_, _ map[string]any) (string, error) { return "", nil }
			a := ciba.Assertion{ClientID: c.ClientID, SendClientID: true, Token: empty}
			t.JudgeVariant(c.AuthMethod+" client with an empty assertion", StartAuthenticatedBy(t, c, a))
		}
	}
}

// authEndpoint is one of the two endpoints at which clients authenticate.
type authEndpoint struct {
	where       string         // what the names of variants end with; empty for the backchannel endpoint
	goodRequest func() Request // a new one, to be spoilt
}

// authEndpoints are the endpoints to try a bad credential at: an OP may check at one
// what it forgets at the other. At the token endpoint the case's client asks for a
// pending request of its own, so that no answer but a refusal of the client hides that
// it was let in. The token endpoint is left out where it refuses the client with its
// good credential, since there the refusal of a bad one says nothing.
func authEndpoints(t *T) []authEndpoint {
	flow := t.MustStart(t.Request())
	list := []authEndpoint{{"", func() Request { return t.StartRequest(t.Request()) }}}
	if !driver.RefusesClient(pollOfNothing(t)) {
		list = append(list, authEndpoint{" at the token endpoint", func() Request { return t.PollRequest(flow).Unpaced() }})
	}
	return list
}

// pollOfNothing is the shared answer to a poll of the case's client for nothing: it shows
// whether the token endpoint lets the client in.
func pollOfNothing(t *T) *ciba.Response {
	return Observe(t, "let in at the token endpoint", func(t *T) *ciba.Response { return t.MustAnswer(pollUnissued(t, t.Client())) })
}

// pollUnissued polls with an auth_req_id that nobody was given: a client that is let in
// is told invalid_grant, and nothing happens to any request.
func pollUnissued(t *T, c *Client) *ciba.Response {
	return t.Send(t.TokenRequest(c, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", t.Random().Text())))
}

// judgeRefusal judges the refusal of a spoilt request. RFC 6749 5.2 lets the token
// endpoint say invalid_client with 400, unless the client used the header.
func judgeRefusal(t *T, what string, e authEndpoint, spoilt Request) {
	judgeRefusalBy(t, t.Requirement(), what, e, spoilt)
}

// judgeRefusalBy is [judgeRefusal] by a requirement that a case has altered.
func judgeRefusalBy(t *T, r catalogue.Requirement, what string, e authEndpoint, spoilt Request) {
	resp := t.Send(spoilt)
	if e.where != "" && !usesHeader(spoilt) {
		r = ExpectingStatus(r, append(slices.Clone(r.Expect.Status), http.StatusBadRequest)...)
	}
	JudgeVariantBy(t, r, what+e.where, resp)
}

// usesHeader reports whether a request authenticates by an Authorization header.
func usesHeader(r Request) bool {
	if r.Auth != nil && r.Auth.Authenticate(&r.Call) != nil {
		return false
	}
	return r.Header.Get("Authorization") != ""
}

// judgeSharedMethods starts and polls by each method that the metadata advertises and
// the target file has a client for. It goes one method at a time, as an OP may keep one
// open request for each user.
func judgeSharedMethods(t *T) {
	advertised := t.Discovery().Strings("token_endpoint_auth_methods_supported")
	if len(advertised) == 0 {
		advertised = []string{targetfile.AuthClientSecretBasic} // the default of OIDC Discovery 3
	}
	tried := 0
	for _, c := range ClientPerMethod(t) {
		if !slices.Contains(advertised, c.AuthMethod) {
			continue
		}
		tried++
		start := t.StartAs(c, t.RequestFor(c, t.User()))
		t.JudgeAck("start with "+c.AuthMethod, start)
		if start.Status/100 != 2 {
			continue
		}
		poll := t.MustAnswer(t.Poll(t.FlowOf(c, t.User(), start)))
		t.Expect(poll).To(BePending(), "poll with "+c.AuthMethod+": authorization_pending or slow_down")
	}
	judgeOneSidedRefusals(t, advertised)
	if tried == 0 {
		t.Skip("the target file has no client for any of the advertised methods: %s", strings.Join(advertised, ", "))
	}
}

// judgeOneSidedRefusals looks at the clients that the OP refuses whatever they ask. One
// that is let in at one endpoint is registered as the target file has it, so the other
// endpoint reads its credential in another way, such as a secret with a colon.
func judgeOneSidedRefusals(t *T, advertised []string) {
	for _, c := range t.OrdinaryClients() {
		if c.Rejection() == "" || !slices.Contains(advertised, c.AuthMethod) {
			continue
		}
		start := t.MustAnswer(t.StartAs(c, ciba.P("scope", t.Target().Scope)))
		poll := t.MustAnswer(pollUnissued(t, c))
		if driver.RefusesClient(start) == driver.RefusesClient(poll) {
			continue
		}
		refused := gomega.Satisfy(driver.RefusesClient)
		t.Expect(start).NotTo(refused, "client "+c.Name+" is let in, as at the token endpoint")
		t.Expect(poll).NotTo(refused, "client "+c.Name+" is let in, as at the backchannel endpoint")
	}
}

// judgeEmptySecret sends an empty secret in the way the client is registered for.
func judgeEmptySecret(t *T) {
	for _, e := range authEndpoints(t) {
		judgeRefusal(t, "an empty secret", e, e.goodRequest().AuthenticatedBy(BySecret(t.Client(), "")))
	}
}

// judgeWrongSecrets tries a few only, so as not to lock the client. The first is some
// other client's where the target has one; the others catch an OP that compares the
// beginning only, that takes capital and small letters for the same, or that looks no
// further than the right secret or the given one goes.
func judgeWrongSecrets(t *T) {
	r := t.Requirement()
	if t.Client().AuthMethod == targetfile.AuthClientSecretBasic {
		r.Expect.ToleratedStatus = nil // 400 is tolerated for client_secret_post only
	}
	right := t.Client().ClientSecret.Reveal()
	endpoints := authEndpoints(t)
	for _, secret := range []string{anotherSecret(t), lastCharacterChanged(right), SwapLetterCase(right), right + "x", withoutLast(right)} {
		if secret == right || secret == "" {
			continue // a secret without letters, or of one character
		}
		t.JudgeBy(r, StartAuthenticatedBy(t, t.Client(), BySecret(t.Client(), secret)))
	}
	if t.Client().AuthMethod == targetfile.AuthClientSecretBasic {
		return // auth-basic-challenge tries the token endpoint
	}
	for _, e := range endpoints[1:] {
		judgeRefusal(t, "a wrong secret", e, e.goodRequest().AuthenticatedBy(BySecret(t.Client(), "wrong-"+t.Random().Text())))
	}
}

// anotherSecret is the secret of another client, of one that authenticates alike where there
// is one, or of nobody.
func anotherSecret(t *T) string {
	for _, c := range Strangers(t) {
		if secret := c.ClientSecret.Reveal(); secret != "" && secret != t.Client().ClientSecret.Reveal() {
			return secret
		}
	}
	return "wrong-" + t.Random().Text()
}

// judgeMisnamedClients shows good credentials under a client_id that goes on after the right
// one, or ends before it. Where identifiers are looked up by their beginning, one client
// is taken for another.
func judgeMisnamedClients(t *T) {
	for _, c := range ClientPerMethod(t) {
		for _, id := range []string{c.ClientID + "x", withoutLast(c.ClientID)} {
			if !slices.ContainsFunc(Clients(t), func(known *Client) bool { return known.ClientID == id }) {
				t.JudgeVariant("a client_id that is not quite that of a "+c.AuthMethod+" client", StartAuthenticatedBy(t, c, underName(t, c, id)))
			}
		}
	}
}

// underName is the good credential of a client with another client_id.
func underName(t *T, c *Client, id string) ciba.Authenticator {
	switch {
	case c.UsesAssertion():
		a := Assertion(t, c)
		a.ClientID = id
		return a
	case c.AuthMethod == targetfile.AuthClientSecretPost:
		return ciba.Post(id, c.ClientSecret.Reveal())
	}
	return ciba.Basic(id, c.ClientSecret.Reveal())
}

// withoutLast is a text without its last character.
func withoutLast(text string) string { return text[:max(0, len(text)-1)] }

// lastCharacterChanged is a text that differs in its last character.
func lastCharacterChanged(text string) string {
	last := len(text) - 1
	return text[:last] + anotherCharacter(text[last])
}

// judgeBasicChallenge fails at HTTP Basic in three ways, at both endpoints: the one
// method for which RFC 6749 5.2 is firm about status and challenge.
func judgeBasicChallenge(t *T) {
	for _, request := range []Request{
		t.StartRequest(t.Request()),
		t.TokenRequest(t.Client(), ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", t.Random().Text())),
	} {
		for _, credential := range []struct {
			name string
			auth ciba.Authenticator
		}{
			{"a wrong secret", ciba.Basic(t.Client().ClientID, "wrong-"+t.Random().Text())},
			{"an unknown client", UnknownClient(t, t.Client())},
		} {
			resp := t.Send(request.AuthenticatedBy(credential.auth))
			what := request.Label + " with " + credential.name
			t.JudgeVariant(what, resp)
			if resp.Status == http.StatusUnauthorized {
				t.Expect(resp).To(HaveHeader("WWW-Authenticate", basicScheme.MatchString), what+": WWW-Authenticate with the scheme Basic")
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
		post := ciba.Post(c.ClientID, c.ClientSecret.Reveal())
		judgeRefusal(t, "client_secret_post by a client_secret_basic client", e, e.goodRequest().AuthenticatedBy(post))
	}
	key := jose.SymmetricKey([]byte(c.ClientSecret.Reveal()), "HS256", "")
	hmac := ciba.Assertion{ClientID: c.ClientID, Key: key, Audience: t.Target().Issuer}
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

// judgeTwoAuthentications sends the right secret in header and body. Where the two
// differ, each part of a system may believe another one, so RFC 6749 2.3 allows one.
func judgeTwoAuthentications(t *T) {
	c := t.Client()
	for _, e := range authEndpoints(t) {
		request := e.goodRequest().AuthenticatedBy(ciba.Basic(c.ClientID, c.ClientSecret.Reveal()))
		request.Form = request.Form.Add("client_id", c.ClientID).Add("client_secret", c.ClientSecret.Reveal())
		judgeRefusal(t, "header and body", e, request)
	}
}

// judgeSecretInQuery authenticates through the URL, which ends up in the logs of every
// server and proxy on the way. An OP may look there for the clients of one method only.
func judgeSecretInQuery(t *T) {
	clients := slices.DeleteFunc(ClientPerMethod(t), func(c *Client) bool {
		return c.ClientSecret.Reveal() == "" || c.Rejection() != ""
	})
	var flows []*Flow
	for _, c := range clients {
		judgeByQuery(t, c, t.StartRequest(t.RequestFor(c, t.User())).As(c))
		flows = append(flows, t.MustStartAs(c, t.User(), t.RequestFor(c, t.User())))
	}
	for _, f := range flows {
		t.WaitTurn(f)
		judgeByQuery(t, f.Client, t.PollRequest(f))
	}
}

// judgeByQuery sends a good request with the client's secret in the URL alone.
func judgeByQuery(t *T, c *Client, good Request) {
	request := good.AuthenticatedBy(nil)
	request.Query = ciba.P("client_id", c.ClientID, "client_secret", c.ClientSecret.Reveal())
	t.JudgeVariant(request.Label+" of a "+c.AuthMethod+" client", t.Send(request))
}

// judgeApprovedWithoutCredential polls a request that is ready to be redeemed: there an
// OP that forgets to look at the credential gives the tokens away, and one that consumes
// the auth_req_id before it looks takes them from the owner. It tries one wrong
// credential only, which locks no client. At last it polls without credential once the
// owner has the tokens: an OP that takes this for a replay lets anybody end them.
func judgeApprovedWithoutCredential(t *T) {
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	t.JudgeVariant("an approved auth_req_id alone", PollAuthenticatedBy(t, flow, nil))
	t.JudgeVariant("an approved auth_req_id", PollAuthenticatedBy(t, flow, ciba.Public(t.Client().ClientID)))
	t.JudgeVariant("an approved auth_req_id with a wrong credential", PollAuthenticatedBy(t, flow, WrongCredential(t, t.Client())))
	after := t.PollDecided(flow)
	if driver.Undecided(after) {
		t.Abort("the approval did not take effect")
	}
	if !t.Expect(after).To(HaveTokens(), "the client itself still gets the tokens") {
		return
	}
	tokens, _ := t.MustTokens(after)
	owned := takeStock(t, tokens)
	t.JudgeVariant("a used auth_req_id", PollAuthenticatedBy(t, flow, ciba.Public(t.Client().ClientID)))
	owned.judgeKept(t, result.Outcome(t.Requirement().Verdict), "after a poll without credential with the used auth_req_id")
}

// anotherCharacter is another character of the same kind: a digit for a digit, a letter
// for a letter.
func anotherCharacter(c byte) string {
	switch {
	case c == '/', c >= 0x7F:
		return "x"
	case c == '9' || c == 'z' || c == 'Z':
		return string(c - 1)
	}
	return string(c + 1)
}
