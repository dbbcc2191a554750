package tokens

import (
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
)

// OIDC Core 5.3, RFC 7662 2.2 and RFC 9068 2: the access token at work.
var _ = Cases.Describe("Access token", func() {
	Case("token-userinfo", "opens UserInfo for the user of the ID Token", Judges("OIDC-5.3-USERINFO").EachAlgorithm(), func(t *T) { t.Each(func() { opensUserinfo(t) }) })
	Case("token-userinfo-pairwise", "opens UserInfo under the same pairwise subject", Judges("OIDC-5.3-USERINFO").Needs("pairwise"), opensUserinfo)
	Case("token-introspection", "is known to introspection", Judges("RFC7662-2.2-ACTIVE").EachAlgorithm(), func(t *T) { t.Each(func() { introspected(t) }) })
	Case("token-introspection-unknown", "is not active when it was never issued", Judges("RFC7662-2.2-ACTIVE"), func(t *T) {
		resp := t.MustAnswer(Introspect(t, t.Random().Text()+t.Random().Text()))
		t.At(resp)
		object, err := resp.Object()
		t.Check(err != nil || object["active"] != true, "active false for a token nobody issued", "active is true")
		t.Check(resp.Status/100 != 5 || resp.Status == 503, "active false for a token nobody issued", "%s", resp.Summary())
	})
	Case("token-jwt-profile", "keeps the JWT profile it claims", Judges("RFC9068-2-JWT-AT").EachAlgorithm(), func(t *T) { t.Each(func() { jwtProfile(t) }) })
})

// live is the shared approved flow while its access token lasts, else a new one.
func live(t *T) Redeemed {
	r := t.Redeemed()
	if r.Tokens.ExpiresIn == 0 || time.Since(r.Response.Received) < r.Tokens.ExpiresIn/2 {
		return r
	}
	flow := t.MustStart(t.Request())
	tokens, resp := t.MustRedeem(flow)
	return Redeemed{Flow: flow, Tokens: tokens, Response: resp}
}

func introspected(t *T) {
	r := live(t)
	resp := t.MustAnswer(Introspect(t, r.Tokens.AccessToken))
	if !t.Expect(resp).To(HaveStatus(200)) {
		return
	}
	object, err := resp.Object()
	if !t.Check(err == nil, "a JSON object", "%v", err) {
		return
	}
	if !t.Check(object["active"] == true, "active is true", "active is %T %.20v", object["active"], object["active"]) {
		return
	}
	client, told := Optional(t, object, "client_id")
	t.Check(!told || client == t.Client().ClientID, "client_id is "+t.Client().ClientID+", or absent", "client_id is %.100v", client)
	sameUser(t, "introspection", object, r)
}

// sameUser compares sub with that of the ID Token. Where subjects are pairwise,
// resource servers may be told another one; they are taken for public when the
// target file says so or knows the sub beforehand.
func sameUser(t *T, where string, object map[string]any, r Redeemed) {
	sub, told := Optional(t, object, "sub")
	if !told || r.Tokens.IDToken == "" {
		return
	}
	want := IDTokenIn(t, r.Tokens).Claims["sub"]
	public := t.Client().SubjectType == "public" || want == r.Flow.User.Sub || !Advertises(t, "subject_types_supported", "pairwise")
	switch {
	case sub == want || t.Client().SubjectType == "pairwise":
	case !public:
		t.Warn("sub of the ID Token; set subject_type of the client if it is pairwise", "%s says sub %.60q", where, sub)
	default:
		t.Check(false, "sub of the ID Token", "%s says sub %.60q", where, sub)
	}
}

func opensUserinfo(t *T) {
	r := live(t)
	resp := t.MustAnswer(t.Send(UserinfoRequest(t, r.Tokens.AccessToken)))
	t.At(resp)
	bound := t.Target().StartParams["audience"] + t.Target().StartParams["resource"]
	if bound != "" && (resp.Status == 401 || resp.Status == 403) {
		t.Skip("the access token is meant for %s, so UserInfo need not take it", bound)
	}
	if !t.Expect(resp).To(HaveStatus(200)) {
		return
	}
	claims, err := UserinfoClaims(t, resp)
	if !t.Check(err == nil, "claims", "%v", err) {
		return
	}
	want := IDTokenIn(t, r.Tokens).Claims["sub"]
	t.Check(claims["sub"] != nil && claims["sub"] == want, "sub of the ID Token", "sub is %.60v", claims["sub"])
}

// jwtProfile is RFC 9068 2.2 and 4, for tokens whose typ claims that profile.
func jwtProfile(t *T) {
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
	claims := token.Claims
	for _, name := range []string{"sub", "jti"} {
		text, _ := claims[name].(string)
		t.Check(text != "", name+" is a string", "%s is %T", name, claims[name])
	}
	t.Check(claims["iss"] == t.Target().Issuer, "iss is "+t.Target().Issuer, "iss is %.100v", claims["iss"])
	t.Check(claims["client_id"] == t.Client().ClientID, "client_id is "+t.Client().ClientID, "client_id is %.100v", claims["client_id"])
	_, hasAudience := audienceOf(claims)
	t.Check(hasAudience, "aud is a string or an array of strings", "aud is %T", claims["aud"])
	lifetime(t, r, access)
	sameUser(t, "the access token", claims, r)
	accessSignature(t, r, access)
}

func accessSignature(t *T, r Redeemed, token IDToken) {
	if !t.Check(token.Alg() != "none", "a signature", "alg is none") {
		return
	}
	set := MustKeySet(t)
	if set.CannotVerify(token) == "" {
		t.At(r.Response)
		t.Check(set.Verifies(token), "a valid signature of a key at jwks_uri", "no key there verifies it (alg %.20q)", token.Alg())
	}
}

// RFC 6750 3: what a protected resource says to a token it does not know.
var _ = Cases.Describe("Bearer token", func() {
	Case("bearer-garbage", "that is garbage is refused by UserInfo", Judges("RFC6750-3-BAD-TOKEN").AfterAll(), func(t *T) {
		refusesBearer(t, "a random token", t.Random().Text()+t.Random().Text())
		anonymous := UserinfoRequest(t, "")
		anonymous.Header = nil
		refusesCaller(t, "no token", anonymous)
		if !t.Has("approve") {
			return
		}
		tokens := t.Redeemed().Tokens
		if tokens.IDToken != "" && tokens.IDToken != tokens.AccessToken {
			refusesBearer(t, "the ID Token", tokens.IDToken)
		}
		if tokens.RefreshToken != "" {
			refusesBearer(t, "the refresh token", tokens.RefreshToken)
		}
		if forged, err := forgery(t.Redeemed().Tokens.AccessToken, t.Random().Text()); err == nil {
			refusesBearer(t, "a JWT with another sub under the old signature", forged)
		}
	})
})

// forgery keeps the signature of a JWT and changes who it is for.
func forgery(accessToken, sub string) (string, error) {
	return jose.Retell(accessToken, func(_, claims map[string]any) { claims["sub"] = sub })
}

func refusesBearer(t *T, what, token string) {
	challenge := refusesCaller(t, what, UserinfoRequest(t, token))
	if challenge != "" && !strings.Contains(strings.ReplaceAll(challenge, " ", ""), `error="invalid_token"`) {
		t.Warn(what+`: error="invalid_token" in the challenge`, "WWW-Authenticate %.200q", challenge)
	}
}

// refusesCaller wants a refusal and returns the challenge that comes with it.
func refusesCaller(t *T, what string, call Request) string {
	resp := t.Send(call)
	// The code is an attribute of the challenge, not a member of the body.
	JudgeVariantBy(t, ExpectingAnyError(t.Requirement()), what, resp)
	if resp.Status/100 != 4 {
		return ""
	}
	challenge := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
	t.Check(challenge != "", what+": a WWW-Authenticate header", "none")
	return challenge
}

// RFC 7662 2.1: who asks about a token shows that it may.
var _ = Cases.Describe("Introspection", func() {
	Case("introspection-authorised", "answers nobody without authorization", Judges("RFC7662-2.1-AUTH").AfterAll(), func(t *T) {
		call := IntrospectionRequest(t, live(t).Tokens.AccessToken)
		refusesIntrospection(t, "no credential", call.AuthenticatedBy(nil))
		refusesIntrospection(t, "a client_id only", call.AuthenticatedBy(ciba.Public(ResourceServer(t).ClientID)))
		refusesIntrospection(t, "an unknown client", call.AuthenticatedBy(Stranger(t, ResourceServer(t))))
		refusesIntrospection(t, "a wrong secret", call.AuthenticatedBy(WrongCredential(t, ResourceServer(t))))
	})
})

// refusesIntrospection does not ask for an error in the body: a server that wants
// a bearer token names it in its challenge.
func refusesIntrospection(t *T, what string, call Request) {
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
			r = ExpectingAnyError(r)
		}
		JudgeVariantBy(t, r, what, resp)
	}
}
