package suites

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
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
	Case("auth-methods-shared", "works with every advertised method at both endpoints", Requirements("CIBA-4-AUTH-METHODS-SHARED").Limit(5*time.Minute).About(20*defaultInterval), methodsShared)
	Case("auth-required", "is required to start", Requirements("CIBA-7.1-AUTH-REQUIRED").Smoke(), func(t *T) {
		for _, c := range t.perMethod() {
			t.JudgeVariant(c.AuthMethod+" client without credential", t.startAs(c, ciba.Public(c.ClientID)))
		}
	})
	Case("auth-empty-secret", "is not an empty secret", disturbing("CIBA-7.1-AUTH-REQUIRED").Needs("client_secret"), func(t *T) {
		t.Judge(t.startAs(t.Client(), bySecret(t.Client(), "")))
	})
	Case("auth-unknown-client", "refuses a client that does not exist", Requirements("CIBA-7.1-AUTH-UNKNOWN-CLIENT"), func(t *T) {
		for _, c := range t.perMethod() {
			t.JudgeVariant("as by "+c.AuthMethod, t.startAs(c, stranger(t, c)))
		}
	})
	Case("auth-wrong-secret", "refuses a wrong secret in the header", disturbing("CIBA-7.1-AUTH-WRONG-SECRET").Methods(target.AuthClientSecretBasic), wrongSecrets)
	Case("auth-wrong-secret-post", "refuses a wrong secret in the body", disturbing("CIBA-7.1-AUTH-WRONG-SECRET").Methods(target.AuthClientSecretPost), wrongSecrets)
	Case("auth-basic-challenge", "answers failed Basic with a Basic challenge", disturbing("RFC6749-5.2-BASIC-CHALLENGE"), basicChallenge)
	Case("auth-registered-method", "accepts the registered method only", disturbing("CIBA-7.1-AUTH-REGISTERED-METHOD"), registeredMethod)
	Case("auth-public-client", "refuses public clients", Requirements("CIBA-7.1-PUBLIC-CLIENT"), func(t *T) {
		t.Judge(t.Start(t.Request()))
	})
	Case("auth-multiple", "of a client_secret_basic client is refused with a secret in the body as well",
		disturbing("RFC6749-2.3-MULTIPLE-AUTH").Methods(target.AuthClientSecretBasic), twoAuthentications)
	Case("auth-multiple-post", "of a client_secret_post client is refused with an Authorization header as well",
		disturbing("RFC6749-2.3-MULTIPLE-AUTH").Methods(target.AuthClientSecretPost), twoAuthentications)
	Case("auth-secret-in-query", "takes no secret from the URL", disturbing("RFC6749-2.3.1-SECRET-IN-QUERY").About(defaultInterval), secretInQuery)
	Case("auth-token-required", "is required to poll", Requirements("CIBA-10.1-TOKEN-AUTH-REQUIRED").About(defaultInterval), func(t *T) {
		var flows []*Flow
		for _, c := range t.perMethod() {
			flows = append(flows, t.MustStartAs(c, t.User(), t.RequestFor(c, t.User())))
		}
		for _, f := range flows {
			t.WaitUntil(f.last.Add(f.Pace()))
			t.JudgeVariant(f.Client.AuthMethod+" client without credential", t.pollBy(f, ciba.Public(f.Client.ClientID)))
		}
	})
	Case("auth-token-required-approved", "is required to get the tokens, and its absence costs nothing",
		Requirements("CIBA-10.1-TOKEN-AUTH-REQUIRED").Needs("approve").About(3*defaultInterval), approvedWithoutCredential)
})

// perMethod is one general client for each authentication method, the case's
// own first: an OP may well check one method and forget another.
func (t *T) perMethod() []*Client {
	list := []*Client{t.client}
	for _, c := range t.GeneralClients() {
		if !slices.ContainsFunc(list, func(known *Client) bool { return known.AuthMethod == c.AuthMethod }) {
			list = append(list, c)
		}
	}
	return list
}

// startAs sends a good request of a client with an authentication of the case's
// making.
func (t *T) startAs(c *Client, a ciba.Authenticator) *ciba.Response {
	return t.Send(t.StartCallAs(c, t.RequestFor(c, t.User())).AuthenticatedBy(a))
}

// pollBy polls with an authentication of the case's making.
func (t *T) pollBy(f *Flow, a ciba.Authenticator) *ciba.Response {
	resp := t.Send(t.PollCall(f).AuthenticatedBy(a))
	f.noteAnswer(resp)
	return resp
}

// methodsShared goes one method at a time, as an OP may keep one open request
// for each user.
func methodsShared(t *T) {
	advertised := t.Discovery().Strings("token_endpoint_auth_methods_supported")
	if len(advertised) == 0 {
		advertised = []string{target.AuthClientSecretBasic} // the default of OIDC Discovery 3
	}
	tried := 0
	for _, c := range t.perMethod() {
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
		t.Check(poll.Is(ciba.AuthorizationPending, ciba.SlowDown), "poll with "+c.AuthMethod+": authorization_pending or slow_down", "%s", poll.Summary())
	}
	if tried == 0 {
		t.Skip("the target file has no client for any of the advertised methods: %s", strings.Join(advertised, ", "))
	}
}

// bySecret authenticates a client by a secret, in the way it is registered for.
func bySecret(c *Client, secret string) ciba.Authenticator {
	if c.AuthMethod == target.AuthClientSecretPost {
		return ciba.Post(c.ClientID, secret)
	}
	return ciba.Basic(c.ClientID, secret)
}

// stranger authenticates a client that does not exist, in the way another does.
func stranger(t *T, like *Client) ciba.Authenticator {
	id := "unknown-" + strings.ToLower(rand.Text()[:12])
	switch {
	case like.AuthMethod == target.AuthClientSecretPost:
		return ciba.Post(id, rand.Text())
	case like.UsesAssertion():
		a := t.Assertion(like)
		a.ClientID = id
		return a
	}
	return ciba.Basic(id, rand.Text())
}

// wrongSecrets tries two only, so as not to lock the client. The second catches
// an OP that looks at the beginning.
func wrongSecrets(t *T) {
	r := t.Requirement()
	if t.Client().AuthMethod == target.AuthClientSecretBasic {
		r.Expect.ToleratedStatus = nil // 400 is tolerated for client_secret_post only
	}
	right := t.Client().ClientSecret.Reveal()
	for _, secret := range []string{"wrong-" + rand.Text(), nearly(right), otherCase(right)} {
		if secret == right {
			continue // a secret without letters
		}
		t.JudgeBy(r, t.startAs(t.Client(), bySecret(t.Client(), secret)))
	}
}

// nearly is a text that differs in its last character.
func nearly(text string) string {
	last := len(text) - 1
	return text[:last] + flipped(text[last])
}

func basicChallenge(t *T) {
	wrong := ciba.Basic(t.Client().ClientID, "wrong-"+rand.Text())
	for _, call := range []ciba.Call{
		t.StartCall(t.Request()),
		t.TokenCallAs(t.Client(), ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", rand.Text())),
	} {
		resp := t.Send(call.AuthenticatedBy(wrong))
		t.JudgeVariant(call.Label, resp)
		if resp.Status == http.StatusUnauthorized {
			challenges := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
			t.Check(basicScheme.MatchString(challenges), call.Label+": WWW-Authenticate with the scheme Basic", "WWW-Authenticate %.100q", challenges)
		}
	}
}

// basicScheme finds the scheme among several challenges; RFC 9110 11.6.1.
var basicScheme = regexp.MustCompile(`(?i)(^|,)\s*basic(\s|,|$)`)

// registeredMethod never tries Basic with a client_secret_post client, since RFC
// 6749 2.3.1 has every OP support Basic.
func registeredMethod(t *T) {
	c := t.Client()
	t.JudgeVariant("client_secret_post by a client_secret_basic client", t.startAs(c, ciba.Post(c.ClientID, c.ClientSecret.Reveal())))
	for _, c := range t.GeneralClients() {
		if c.AuthMethod == target.AuthPrivateKeyJWT && c.ClientSecret != "" {
			t.JudgeVariant("client_secret_basic by a private_key_jwt client", t.startAs(c, ciba.Basic(c.ClientID, c.ClientSecret.Reveal())))
			return
		}
	}
}

func twoAuthentications(t *T) {
	c := t.Client()
	call := t.StartCall(t.Request()).AuthenticatedBy(ciba.Basic(c.ClientID, c.ClientSecret.Reveal()))
	call.Form = call.Form.Add("client_id", c.ClientID).Add("client_secret", c.ClientSecret.Reveal())
	t.Judge(t.Send(call))
}

func secretInQuery(t *T) {
	credential := ciba.P("client_id", t.Client().ClientID, "client_secret", t.Client().ClientSecret.Reveal())
	start := t.StartCall(t.Request()).AuthenticatedBy(nil)
	start.Query = credential
	t.JudgeVariant(start.Label, t.Send(start))
	flow := t.MustStart(t.Request())
	t.WaitUntil(flow.last.Add(flow.Pace()))
	poll := t.PollCall(flow).AuthenticatedBy(nil)
	poll.Query = credential
	t.JudgeVariant(poll.Label, t.Send(poll))
}

func approvedWithoutCredential(t *T) {
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	t.JudgeVariant("an approved auth_req_id", t.pollBy(flow, ciba.Public(t.Client().ClientID)))
	after := t.PollDecided(flow)
	t.At(after)
	if after.Is(ciba.AuthorizationPending, ciba.SlowDown) {
		t.Abort("the approval did not take effect")
	}
	t.Check(after.HasTokens(), "the client itself still gets the tokens", "%s", after.Summary())
}

// flipped is another character of the same kind.
func flipped(c byte) string {
	switch {
	case c == '/', c >= 0x7F:
		return "x"
	case c == '9' || c == 'z' || c == 'Z':
		return string(c - 1)
	}
	return string(c + 1)
}
