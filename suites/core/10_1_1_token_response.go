package core

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// CIBA Core 10.1.1 refers to OIDC Core 3.1.3.3, and that to RFC 6749 5.1, for the successful
// token response: JSON that no cache keeps, with an access token, its type, an ID Token
// and, as far as they are not what the client asked for, its scope. A client that relies
// on a wider scope or a longer life than it got fails later, where its user cannot help; a
// token from a cache, or one that can be guessed, works for anybody.
var _ = Cases.Describe("Token response", func() {
	Case("token-no-store", "is not cached", Judges("OIDC-3.1.3.3-NO-STORE").AlsoAs(Ping).Smoke(), func(t *T) {
		t.Expect(tokenResponse(t)).To(NotBeCached())
	})
	Case("token-no-store-everywhere", "is not cached whatever it is about",
		Judges("OIDC-3.1.3.3-NO-STORE").AlsoAs(Ping).AfterAll(), func(t *T) {
			answers := []Answer{{What: "the token response", Response: tokenResponse(t)}}
			for _, s := range SeenInMode(t).Polls() {
				if s.Response.Status == 200 && s.Response.HasTokens() {
					answers = append(answers, Answer{What: "a token response of the case " + s.By, Response: s.Response})
				}
			}
			UntilFinding(t, answers, func(r Answer) {
				t.Expect(r.Response).To(NotBeCached(), r.What+": Cache-Control contains no-store")
			})
		})
	// OIDC Core dropped Pragma, and CIBA Core never had it, so this is recorded only (N-21).
	Case("token-pragma", "is not cached by old proxies either", Judges("RFC6749-5.1-PRAGMA").AlsoAs(Ping), func(t *T) {
		noCache := func(value string) bool { return strings.Contains(strings.ToLower(value), "no-cache") }
		t.Expect(tokenResponse(t)).To(HaveHeader("Pragma", noCache), "Pragma contains no-cache")
	})
	Case("token-json", "is application/json with its parameters at the top level",
		Judges("RFC6749-5.1-JSON").AlsoAs(Ping).Smoke(), func(t *T) {
			resp := tokenResponse(t)
			t.Expect(resp).To(BeJSON())
			if t.Expect(resp).To(BeJSONObject()) {
				aParameter := gomega.Or(HaveMember("access_token", nil), HaveMember("token_type", nil), HaveMember("id_token", nil))
				t.Expect(resp).To(aParameter, "the parameters as members of the object")
			}
		})
	Case("token-access-token", "carries an access token", Judges("RFC6749-5.1-ACCESS-TOKEN").AlsoAs(Ping).Smoke(), func(t *T) {
		t.Expect(readableTokenResponse(t)).To(HaveMember("access_token", nonEmptyText), "access_token is a non-empty string")
	})
	Case("token-type", "names the type of the access token", Judges("RFC6749-5.1-TOKEN-TYPE").AlsoAs(Ping).Smoke(), func(t *T) {
		value := tokenMember(t, "token_type")
		text, isString := value.(string)
		t.Check(isString && strings.EqualFold(text, "Bearer"), "token_type is Bearer, as no proof of a key was sent", "%T %.60v", value, value)
	})
	// An OP may forget the ID Token where one algorithm is not the usual one.
	Case("token-id-token", "carries an ID Token",
		Judges("OIDC-3.1.3.3-ID-TOKEN").AlsoAs(Ping).EachAlgorithm().Smoke(), func(t *T) { t.Each(func() { judgeHasIDToken(t) }) })
	Case("token-expires-in", "tells how long the access token lives", Judges("RFC6749-5.1-EXPIRES-IN"), func(t *T) {
		value := tokenMember(t, "expires_in")
		n, isNumber := NumberOf(value)
		t.Check(isNumber && n > 0, "a positive number", "expires_in is %T %.40v", value, value)
		t.Check(!isMoment(n), "the seconds that the access token lives", "expires_in is %.40v, which is a moment counted from 1970", value)
		judgeStatedLifetime(t, n)
	})
	Case("token-outlives-request", "brings tokens that outlive their auth_req_id",
		Judges("RFC6749-5.1-EXPIRES-IN").Needs(catalogue.NeedShortExpiry).WaitsForExpiry().About(expiryTime), judgeTokensOutlivingRequest)
	Case("token-scope", "states the scope where it differs from the request", Judges("RFC6749-5.1-SCOPE").AlsoAs(Ping), judgeStatedScope)
	Case("token-scope-not-wider", "grants no scope that was not asked for",
		Judges("RFC9700-2.3-SCOPE-NOT-WIDER"), judgeScopeNotWider)
	Case("token-entropy", "has tokens nobody can guess", Judges("RFC6749-10.10-TOKEN-ENTROPY").AlsoAs(Ping).AfterAll(), judgeTokenEntropy)
})

// judgeStatedLifetime compares expires_in with what a JWT access token says of itself.
// A client that relies on a longer life than there is gets into trouble.
func judgeStatedLifetime(t *T, seconds float64) {
	const tolerance = 60
	tokens, _ := Redeeming(t).Response.Tokens()
	claims, _ := JWTClaims(tokens.AccessToken)
	iat, issued := NumberOf(claims["iat"])
	exp, expires := NumberOf(claims["exp"])
	if issued && expires && seconds > exp-iat+tolerance {
		t.Warn("expires_in not longer than the access token lives", "expires_in is %.0f, the token lives for %.0f s", seconds, exp-iat)
	}
}

// judgeTokensOutlivingRequest uses the tokens of a request when the request itself has
// long expired: an OP may keep both in one record and delete it.
func judgeTokensOutlivingRequest(t *T) {
	flow := startExpiring(t)
	t.Approve(flow)
	resp := t.MustAnswer(t.PollDecided(flow))
	if !resp.HasTokens() && flow.Outlived(resp) {
		t.Skip("the request expired before its tokens could be fetched: %s", resp.Summary())
	}
	tokens, _ := t.MustTokens(resp)
	if UserinfoSubject(t, tokens.AccessToken) == nil {
		t.Skip("userinfo: UserInfo tells nothing about this access token")
	}
	end := flow.ExpiredBy().Add(ExpiryLatest)
	if resp.Received.Add(tokens.ExpiresIn).Before(end.Add(ExpiryLatest)) {
		t.Skip("the access token lives for %s, which is no longer than the request", tokens.ExpiresIn)
	}
	WaitPastExpiry(t, flow, ExpiryLatest)
	t.Check(UserinfoSubject(t, tokens.AccessToken) != nil, "the access token still works",
		"UserInfo does not take it %s before it expires", time.Until(resp.Received.Add(tokens.ExpiresIn)).Round(time.Second))
	if tokens.RefreshToken == "" {
		return
	}
	refreshed := t.MustAnswer(Refresh(t, tokens.RefreshToken))
	t.Expect(refreshed).To(HaveTokens(), "the refresh token still works")
}

// tokenResponse is the shared answer to a redeeming poll.
func tokenResponse(t *T) *ciba.Response {
	resp := Redeeming(t).Response
	t.At(resp)
	return resp
}

// readableTokenResponse is the shared answer to a redeeming poll, or an error when it is
// no JSON object; token-json judges that.
func readableTokenResponse(t *T) *ciba.Response {
	resp := tokenResponse(t)
	if _, err := resp.Object(); err != nil {
		t.Abort("the token response cannot be read: %v", err)
	}
	return resp
}

// tokenMember is a member of the shared token response, nil when it is not there.
func tokenMember(t *T, name string) any {
	object, _ := readableTokenResponse(t).Object()
	return object[name]
}

// judgeHasIDToken expects an ID Token where the scope of the target file has openid. What
// is in it is for the cases about ID Tokens.
func judgeHasIDToken(t *T) {
	value := tokenMember(t, "id_token")
	text, _ := value.(string)
	if text == "" && !AsksForOpenID(t) {
		t.Skip("the scope of the target file does not contain openid")
	}
	if !t.Check(text != "", "id_token is a string", "id_token is %T", value) {
		return
	}
	signed, err := Decrypted(t.Client(), text)
	if err != nil {
		return // a JWE: what is in it cannot be seen without the client's key
	}
	_, err = jose.Decode(signed)
	t.Check(err == nil, "a signed JWT, which may be encrypted", "%v", err)
}

// judgeStatedScope asks for a scope that does not exist. An OP that drops it, or
// grants anything else than was asked, has to say so.
func judgeStatedScope(t *T) {
	p := t.Request().With("scope", t.Request().Get("scope")+" x-cibatest-"+strings.ToLower(t.Random().Text()[:8]))
	r, ok := TryRedeem(t, p)
	if !ok {
		p, r = t.Request(), t.Redeemed()
	}
	t.At(r.Response)
	stated, there := Optional(t, r.Tokens.Raw, "scope")
	text, isString := stated.(string)
	t.Check(!there || isString, "scope is a string", "scope is %T", stated)
	switch {
	case there && isString && strings.TrimSpace(text) == "":
		t.Warn("a scope that is not empty, or no member", "an empty string")
	case there:
		judgeScopeIsGranted(t, r, strings.Fields(text))
	default:
		judgeScopeUnstated(t, r, strings.Fields(p.Get("scope")))
	}
}

// judgeScopeIsGranted holds the stated scope against what the access token has. A resource
// server may be told less, so that less is no proof.
func judgeScopeIsGranted(t *T, r Redeemed, stated []string) {
	granted, where := GrantedScope(t, r.Tokens.AccessToken)
	if where == "" || sameScope(stated, granted) {
		return
	}
	t.Warn("the scope that is stated is the one that was granted",
		"%s shows %.200q, stated is %.200q", where, strings.Join(granted, " "), strings.Join(stated, " "))
}

// judgeScopeUnstated holds the granted scope, where it can be seen, against the request.
func judgeScopeUnstated(t *T, r Redeemed, asked []string) {
	granted, where := GrantedScope(t, r.Tokens.AccessToken)
	if where == "" {
		t.Info("a scope that can be compared", "scope is not stated, and neither introspection nor the access token tell it")
		return
	}
	t.Check(sameScope(asked, granted), "scope is stated, as it differs from the request", "%s shows %.200q, asked was %.200q",
		where, strings.Join(granted, " "), strings.Join(asked, " "))
}

// sameScope reports whether two scopes have the same values, in any order. Values that
// servers act on themselves may be left out of either.
func sameScope(a, b []string) bool {
	significant := func(list []string) []string {
		list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(OwnScopes, s) })
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(significant(a), significant(b))
}

// judgeScopeNotWider names more scope when it redeems. What the user was not asked about
// a token request cannot bring; an OP may ignore the parameter there, or refuse it, which is
// as good whatever becomes of the auth_req_id.
func judgeScopeNotWider(t *T) {
	full := t.Request().Get("scope")
	flow := t.MustStart(t.Request().With("scope", "openid"))
	t.Approve(flow)
	resp := t.MustAnswer(t.PollDecidedWith(t.PollRequest(flow).With("scope", full)))
	if !resp.HasTokens() {
		refused := resp.Is(ciba.InvalidScope, ciba.InvalidTarget)
		resp = t.MustAnswer(t.PollDecided(flow))
		if refused && !resp.HasTokens() {
			return
		}
	}
	tokens, _ := t.MustTokens(resp)
	t.At(resp)
	stated, _ := ReadScope(tokens.Raw["scope"])
	judgeOnlyOpenID(t, "the token response", stated)
	inside, _ := ScopeOfJWT(tokens.AccessToken)
	judgeOnlyOpenID(t, "the access token", inside)
	introspected, _ := IntrospectedScope(t, tokens.AccessToken)
	judgeOnlyOpenID(t, "introspection", introspected)
}

// judgeOnlyOpenID judges what one place says was granted.
func judgeOnlyOpenID(t *T, where string, scope []string) {
	wider := slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return s == "openid" })
	t.Check(len(wider) == 0, where+" grants nothing but openid", "also %.200q", strings.Join(wider, " "))
}

// entropySample is how many values an estimate of entropy needs.
const entropySample = 10

// judgeTokenEntropy judges the tokens that all cases of the run have received. An OP may
// issue a token again to the same client for the same user, and to nobody else.
func judgeTokenEntropy(t *T) {
	collectTokens(t)
	owners := map[string]driver.Issued{}
	values := map[string][]string{}
	for _, issued := range SeenInMode(t).Tokens() {
		// A refresh token is never sent to resource servers. RFC 6749 1.5.
		if issued.RefreshToken != "" && issued.RefreshToken == issued.AccessToken {
			t.Fail("a refresh token of its own", "the access token is the refresh token, too")
			return
		}
		for kind, token := range map[string]string{"access": issued.AccessToken, "refresh": issued.RefreshToken} {
			if token == "" {
				continue
			}
			owner, known := owners[token]
			if known && (owner.User != issued.User || owner.Client != issued.Client) {
				t.Fail("a token of its own for every user and client", "the same %s token went to %s of %s and to %s of %s",
					kind, owner.User, owner.Client, issued.User, issued.Client)
				return
			}
			owners[token] = issued
			if !known {
				values[kind] = append(values[kind], token)
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(values)) {
		if len(values[kind]) < entropySample {
			t.Info("ten tokens to judge by", "only %d different %s tokens were seen", len(values[kind]), kind)
			continue
		}
		bits := entropyBound(values[kind])
		t.Check(bits >= 128, "128 bits", "the varying part of %d %s tokens allows %.0f bits at most", len(values[kind]), kind, math.Floor(bits))
	}
}

// collectTokens makes up for a run of few cases: tokens of two users and, where
// there are two, of two clients, ten in all. Where prompts are few nobody is asked for that.
func collectTokens(t *T) {
	missing := entropySample - len(SeenInMode(t).Tokens())
	if missing <= 0 || FewPrompts(t) || OneRequestPerUser(t) {
		return
	}
	clients, users := t.OrdinaryClients(), t.Target().Users
	var flows []*Flow
	for i := range missing {
		c, u := clients[i%min(2, len(clients))], users[(i/2)%min(2, len(users))]
		flows = append(flows, t.MustStartAs(c, u, t.RequestFor(c, u)))
	}
	t.WaitUntil(flows[len(flows)-1].LastPoll().Add(flows[0].Pace()))
	for _, f := range flows {
		t.Decide(f, approve.Decision{Allow: true})
	}
	for _, f := range flows {
		t.PollDecided(f)
	}
}
