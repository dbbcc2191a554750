package tokens

import (
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// OIDC Core 5.3.2, RFC 7662 2.2 and RFC 9068 2: the access token of a CIBA flow opens
// what it is for, and names the user who approved and the client that asked. Where an OP
// mixes two flows up, the token of one user opens the account of another.
var _ = Cases.Describe("Access token", func() {
	Case("token-userinfo", "opens UserInfo for the user of the ID Token",
		Judges("OIDC-5.3-USERINFO").AlsoAs(Ping, Push).EachAlgorithm(), forEachAlgorithm(judgeUserinfo))
	Case("token-userinfo-pairwise", "opens UserInfo under the same pairwise subject",
		Judges("OIDC-5.3-USERINFO").Needs(catalogue.NeedPairwise), judgeUserinfo)
	Case("token-introspection", "is known to introspection",
		Judges("RFC7662-2.2-ACTIVE").AlsoAs(Ping, Push).EachAlgorithm(), forEachAlgorithm(judgeIntrospection))
	Case("token-jwt-profile", "keeps the JWT profile it claims",
		Judges("RFC9068-2-JWT-AT").AlsoAs(Ping, Push).EachAlgorithm(), forEachAlgorithm(judgeJWTProfile))
})

// forEachAlgorithm makes a body of a judgement that [T.Each] takes.
func forEachAlgorithm(judge func(*T)) func(*T) {
	return func(t *T) { t.Each(func() { judge(t) }) }
}

func isTrue(value any) bool  { return value == true }
func isFalse(value any) bool { return value == false }

// judgeNoServerError accuses an OP of a server error on a token of the client's choice.
// A 503 is load control and says nothing.
func judgeNoServerError(t *T, resp *ciba.Response, expected string) {
	t.At(resp)
	t.Check(resp.Status/100 != 5 || resp.Status == http.StatusServiceUnavailable, expected, "%s", resp.Summary())
}

// freshlyRedeemed is the shared approved flow while its access token lasts, else a new one.
func freshlyRedeemed(t *T) Redeemed {
	r := t.Redeemed()
	if r.Tokens.ExpiresIn == 0 || time.Since(r.Response.Received) < r.Tokens.ExpiresIn/2 {
		return r
	}
	flow := t.MustStart(t.Request())
	tokens, resp := t.MustRedeem(flow)
	return Redeemed{Flow: flow, Tokens: tokens, Response: resp}
}

// judgeIntrospection is RFC 7662 2.2. Only active has to be there; what else the answer
// says is held to be true.
func judgeIntrospection(t *T) {
	r := freshlyRedeemed(t)
	resp := t.MustAnswer(Introspect(t, r.Tokens.AccessToken))
	if !t.Expect(resp).To(HaveStatus(http.StatusOK)) {
		return
	}
	if !t.Expect(resp).To(BeJSONObject()) || !t.Expect(resp).To(HaveMember("active", isTrue), "active is true") {
		return
	}
	t.At(resp)
	object, _ := resp.Object()
	judgeIntrospectedTypes(t, "an access token", object)
	own := t.Client().ClientID
	client, there := Optional(t, object, "client_id")
	t.Check(!there || client == own, "client_id is "+own+", or absent", "client_id is %.100v", client)
	judgeSameUser(t, "introspection", object, r)
}

// judgeSameUser compares sub with that of the ID Token. Where subjects are pairwise,
// resource servers may be told another one; they are taken for public when the target file
// says so or knows the sub beforehand.
func judgeSameUser(t *T, where string, object map[string]any, r Redeemed) {
	sub, there := Optional(t, object, "sub")
	if !there || r.Tokens.IDToken == "" {
		return
	}
	want := IDTokenIn(t, r.Tokens).Claims["sub"]
	isPublic := t.Client().SubjectType == "public" || want == r.Flow.User.Sub ||
		!Advertises(t, "subject_types_supported", "pairwise")
	switch {
	case sub == want || t.Client().SubjectType == "pairwise":
	case !isPublic:
		t.Warn("sub of the ID Token; set subject_type of the client if it is pairwise", "%s says sub %.60q", where, sub)
	default:
		t.Check(false, "sub of the ID Token", "%s says sub %.60q", where, sub)
	}
}

// judgeUserinfo is OIDC Core 5.3.2: a client that got the sub of somebody else from
// UserInfo would log the wrong person in.
func judgeUserinfo(t *T) {
	r := freshlyRedeemed(t)
	resp := t.MustAnswer(t.Send(UserinfoRequest(t, r.Tokens.AccessToken)))
	audience := t.Target().StartParams["audience"] + t.Target().StartParams["resource"]
	if audience != "" && (resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden) {
		t.Skip("the access token is meant for %s, so UserInfo need not take it", audience)
	}
	if !t.Expect(resp).To(HaveStatus(http.StatusOK)) {
		return
	}
	claims, err := UserinfoClaims(t, resp)
	if !t.Check(err == nil, "claims", "%v", err) {
		return
	}
	want := IDTokenIn(t, r.Tokens).Claims["sub"]
	t.Check(claims["sub"] != nil && claims["sub"] == want, "sub of the ID Token", "sub is %.60v", claims["sub"])
}

// judgeJWTProfile is RFC 9068 2.2 and 4, for tokens whose typ claims that profile. Other
// JWTs are access tokens of the OP's own design, which nobody but its resource servers
// has to understand.
func judgeJWTProfile(t *T) {
	r := t.Redeemed()
	t.At(r.Response)
	token, err := jose.Decode(r.Tokens.AccessToken)
	if err != nil {
		t.Skip("the access token is opaque")
	}
	typ, _ := token.Header["typ"].(string)
	if typ = strings.ToLower(typ); typ != "at+jwt" && typ != "application/at+jwt" {
		t.Skip("the access token is a JWT of typ %.40q, which does not claim the profile", typ)
	}
	access := IDToken{Token: token, Text: r.Tokens.AccessToken}
	claims, issuer, client := token.Claims, t.Target().Issuer, t.Client().ClientID
	for _, name := range []string{"sub", "jti"} {
		text, _ := claims[name].(string)
		t.Check(text != "", name+" is a string", "%s is %T", name, claims[name])
	}
	t.Check(claims["iss"] == issuer, "iss is "+issuer, "iss is %.100v", claims["iss"])
	t.Check(claims["client_id"] == client, "client_id is "+client, "client_id is %.100v", claims["client_id"])
	_, isAudience := audienceOf(claims)
	t.Check(isAudience, "aud is a string or an array of strings", "aud is %T", claims["aud"])
	scope, hasScope := Optional(t, claims, "scope") // RFC 9068 2.2.3 takes it from RFC 8693 4.2
	_, isText := scope.(string)
	t.Check(!hasScope || isText, "scope is a string, or absent", "scope is %T", scope)
	judgeLifetime(t, r, access)
	judgeSameUser(t, "the access token", claims, r)
	judgeAccessSignature(t, r, access)
}

// judgeAccessSignature is RFC 9068 4. An algorithm that this tool does not know is left to
// the resource servers.
func judgeAccessSignature(t *T, r Redeemed, token IDToken) {
	if !t.Check(token.Alg() != "none", "a signature", "alg is none") {
		return
	}
	set := KeySetFor(t, token)
	if set.WhyUnverifiable(token) == "" {
		t.At(r.Response)
		t.Check(set.Verifies(token), "a valid signature of a key at jwks_uri", "no key there verifies it (alg %.20q)", token.Alg())
	}
}

// RFC 6750 3: what a protected resource answers to a token it does not know. Tokens of
// other kinds are no access tokens: an ID Token is seen by every front end, and a refresh
// token is worth more than what it would open here.
var _ = Cases.Describe("Bearer token", func() {
	Case("bearer-garbage", "that is garbage is refused by UserInfo", Judges("RFC6750-3-BAD-TOKEN").AlsoAs(Ping).AfterAll(), func(t *T) {
		judgeBearer(t, "a random token", t.Random().Text()+t.Random().Text())
		anonymous := UserinfoRequest(t, "")
		anonymous.Header = nil
		judgeCaller(t, "no token", anonymous)
		if !t.Has(catalogue.NeedApprove) {
			return
		}
		tokens := t.Redeemed().Tokens
		if tokens.IDToken != "" && tokens.IDToken != tokens.AccessToken {
			judgeBearer(t, "the ID Token", tokens.IDToken)
		}
		if tokens.RefreshToken != "" {
			judgeBearer(t, "the refresh token", tokens.RefreshToken)
		}
		if forged, err := withOtherSubject(tokens.AccessToken, t.Random().Text()); err == nil {
			judgeBearer(t, "a JWT with another sub under the old signature", forged)
		}
	})
})

// withOtherSubject keeps the signature of a JWT and changes who it is for. The error says
// that the access token is no JWT.
func withOtherSubject(accessToken, sub string) (string, error) {
	return jose.Retell(accessToken, func(_, claims map[string]any) { claims["sub"] = sub })
}

// judgeBearer wants a token to be refused, and the reason in the challenge, which is a
// SHOULD of RFC 6750 3.1.
func judgeBearer(t *T, what, token string) {
	challenge := judgeCaller(t, what, UserinfoRequest(t, token))
	if challenge != "" && !strings.Contains(strings.ReplaceAll(challenge, " ", ""), `error="invalid_token"`) {
		t.Warn(what+`: error="invalid_token" in the challenge`, "WWW-Authenticate %.200q", challenge)
	}
}

// judgeCaller wants a refusal with a challenge, and returns the challenge.
func judgeCaller(t *T, what string, call Request) string {
	resp := t.Send(call)
	// The code is an attribute of the challenge, not a member of the body.
	JudgeVariantBy(t, ExpectingAnyError(t.Requirement()), what, resp)
	if resp.Status/100 != 4 {
		return ""
	}
	t.Expect(resp).To(HaveHeader("WWW-Authenticate", isFilled), what+": a WWW-Authenticate header")
	return challengeOf(resp)
}

func challengeOf(resp *ciba.Response) string {
	return strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
}

func isFilled(text string) bool { return text != "" }

// RFC 7662 2.1: who asks about a token shows that it may. Otherwise the endpoint tells a
// thief which of many guessed or stolen tokens are good, and whose they are.
var _ = Cases.Describe("Introspection", func() {
	Case("introspection-authorised", "answers nobody without authorization", Judges("RFC7662-2.1-AUTH").AlsoAs(Ping).AfterAll(), func(t *T) {
		accessToken := freshlyRedeemed(t).Tokens.AccessToken
		call := IntrospectionRequest(t, accessToken)
		wasActive := IntrospectedActive(t, accessToken) == true
		judgeStranger(t, "no credential", call.AuthenticatedBy(nil))
		judgeStranger(t, "a client_id only", call.AuthenticatedBy(ciba.Public(ResourceServer(t).ClientID)))
		judgeStranger(t, "an unknown client", call.AuthenticatedBy(UnknownClient(t, ResourceServer(t))))
		judgeStranger(t, "a wrong secret", call.AuthenticatedBy(WrongCredential(t, ResourceServer(t))))
		isLost := wasActive && IntrospectedActive(t, accessToken) == false
		t.Check(!isLost, "the access token is as good as before strangers asked about it", "introspection says that it is not active")
	})
})

// judgeStranger wants an introspection request to be refused. A server that wants a bearer
// token names the error in its challenge, so none is asked for in the body. Products that
// answer strangers with active false leak nothing, which is tolerated.
func judgeStranger(t *T, what string, call Request) {
	resp := t.MustAnswer(t.Send(call))
	object, err := resp.Object()
	_, isError := resp.OAuthError()
	r := t.Requirement()
	switch {
	case err == nil && object["active"] == true:
		t.Expect(resp).As(result.Fail).NotTo(HaveMember("active", isTrue), what+": a refusal")
	case resp.Status == http.StatusOK && err == nil && object["active"] == false:
		t.Expect(resp).As(result.Warn).NotTo(HaveMember("active", isFalse), what+": a refusal")
	case !isError:
		JudgeVariantBy(t, ExpectingAnyError(r), what, resp)
	default:
		JudgeVariantBy(t, r, what, resp)
	}
}
