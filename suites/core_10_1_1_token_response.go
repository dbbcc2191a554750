package suites

import (
	"crypto/rand"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 10.1.1, OIDC Core 3.1.3.3, RFC 6749 5.1: the successful token
// response.
var _ = Describe("Token response", func() {
	Case("token-no-store", "is not cached", Requirements("OIDC-3.1.3.3-NO-STORE").Smoke(), func(t *T) {
		values := t.tokenResponse().Header.Values("Cache-Control")
		t.Check(noStore(values), "Cache-Control contains no-store", "Cache-Control %.100q", strings.Join(values, ", "))
	})
	Case("token-pragma", "is not cached by old proxies either", Requirements("RFC6749-5.1-PRAGMA"), func(t *T) {
		values := strings.Join(t.tokenResponse().Header.Values("Pragma"), ", ")
		t.Check(strings.Contains(strings.ToLower(values), "no-cache"), "Pragma contains no-cache", "Pragma %.100q", values)
	})
	Case("token-json", "is application/json with its parameters at the top level", Requirements("RFC6749-5.1-JSON").Smoke(), func(t *T) {
		resp := t.tokenResponse()
		t.Check(resp.MediaType() == "application/json", "application/json", "Content-Type %.100q", resp.Header.Get("Content-Type"))
		object, err := resp.Object()
		if t.Check(err == nil, "a JSON object", "%v", err) {
			t.Check(hasAny(object, "access_token", "token_type", "id_token"), "the parameters as members of the object", "none of them is one")
		}
	})
	Case("token-access-token", "carries an access token", Requirements("RFC6749-5.1-ACCESS-TOKEN").Smoke(), func(t *T) {
		value := t.tokenMember("access_token")
		text, _ := value.(string)
		t.Check(text != "", "a non-empty string", "access_token is %T", value)
	})
	Case("token-type", "names the type of the access token", Requirements("RFC6749-5.1-TOKEN-TYPE").Smoke(), func(t *T) {
		value := t.tokenMember("token_type")
		text, isString := value.(string)
		t.Check(isString && strings.EqualFold(text, "Bearer"), "token_type is Bearer, as no proof of a key was sent", "%T %.60v", value, value)
	})
	Case("token-id-token", "carries an ID Token", Requirements("OIDC-3.1.3.3-ID-TOKEN").EachAlgorithm().Smoke(), func(t *T) { t.Each(func() { hasIDToken(t) }) })
	Case("token-expires-in", "tells how long the access token lives", Requirements("RFC6749-5.1-EXPIRES-IN"), func(t *T) {
		value := t.tokenMember("expires_in")
		n, isNumber := numberOf(value)
		t.Check(isNumber && n > 0, "a positive number", "expires_in is %T %.40v", value, value)
	})
	Case("token-scope", "states the scope where it differs from the request", Requirements("RFC6749-5.1-SCOPE"), scopeStated)
	Case("token-scope-not-wider", "grants no scope that was not asked for", Requirements("RFC9700-2.3-SCOPE-NOT-WIDER"), scopeNotWider)
	Case("token-entropy", "has tokens nobody can guess", Requirements("RFC6749-10.10-TOKEN-ENTROPY").AfterAll(), tokenEntropy)
	Case("token-userinfo", "opens UserInfo for the user of the ID Token", Requirements("OIDC-5.3-USERINFO"), opensUserinfo)
	Case("token-introspection", "has an access token that introspection knows", Requirements("RFC7662-2.2-ACTIVE"), introspected)
	Case("token-jwt-profile", "keeps the profile its JWT access token claims", Requirements("RFC9068-2-JWT-AT"), jwtProfile)
	Case("token-refresh", "has a refresh token that works for its client", Requirements("RFC6749-6-REFRESH"), refreshes)
})

// tokenResponse is the shared answer to a redeeming poll.
func (t *T) tokenResponse() *ciba.Response {
	resp := t.Redeeming().Response
	t.At(resp)
	return resp
}

func (t *T) tokenMember(name string) any {
	object, err := t.tokenResponse().Object()
	if err != nil {
		t.Abort("the token response cannot be read: %v", err)
	}
	return object[name]
}

func hasAny(object map[string]any, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, there := object[name]; return there })
}

func hasIDToken(t *T) {
	value := t.tokenMember("id_token")
	text, _ := value.(string)
	if text == "" && !t.asksForOpenID() {
		t.Skip("the scope of the target file does not contain openid")
	}
	if !t.Check(text != "", "id_token is a string", "id_token is %T", value) {
		return
	}
	signed, err := t.opened(text)
	if err != nil {
		return // a JWE: what is in it cannot be seen without the client's key
	}
	_, err = jose.Decode(signed)
	t.Check(err == nil, "a signed JWT, which may be encrypted", "%v", err)
}

// ownScopes are values that servers act on themselves and may leave out of what
// they write into an access token.
var ownScopes = []string{"openid", "offline_access"}

// scopeStated asks for a scope that does not exist. An OP that drops it, or
// grants anything else than was asked, has to say so.
func scopeStated(t *T) {
	p := t.Request().With("scope", t.Request().Get("scope")+" x-cibatest-"+strings.ToLower(rand.Text()[:8]))
	r, ok := t.tryRedeem(p)
	if !ok {
		p, r = t.Request(), t.Redeemed()
	}
	t.At(r.Response)
	stated, there := r.Tokens.Raw["scope"]
	text, isString := stated.(string)
	t.Check(!there || isString, "scope is a string", "scope is %T", stated)
	switch {
	case there && isString && strings.TrimSpace(text) == "":
		t.Warn("a scope that is not empty, or no member", "an empty string")
	case there:
	default:
		scopeUnchanged(t, r, strings.Fields(p.Get("scope")))
	}
}

// tryRedeem lets a request be approved that the OP may as well refuse.
func (t *T) tryRedeem(p ciba.Params) (Redeemed, bool) {
	resp := t.Start(p)
	if resp.Status/100 != 2 {
		return Redeemed{}, false
	}
	r := Redeemed{Flow: t.FlowOf(t.client, t.User(), resp), Ack: resp}
	t.Approve(r.Flow)
	r.Response = t.PollDecided(r.Flow)
	var err error
	r.Tokens, err = r.Response.Tokens()
	return r, err == nil
}

// scopeUnchanged holds the granted scope, where it can be seen, against the request.
func scopeUnchanged(t *T, r Redeemed, asked []string) {
	granted, where := t.grantedScope(r.Tokens.AccessToken)
	if where == "" {
		t.Info("a scope that can be compared", "scope is not stated, and neither introspection nor the access token tell it")
		return
	}
	t.Check(sameScope(asked, granted), "scope is stated, as it differs from the request", "%s shows %.200q, asked was %.200q",
		where, strings.Join(granted, " "), strings.Join(asked, " "))
}

func sameScope(a, b []string) bool {
	significant := func(list []string) []string {
		list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(ownScopes, s) })
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(significant(a), significant(b))
}

// grantedScope is what the access token or introspection tells about the scope,
// and which of them it was; nothing when neither does.
func (t *T) grantedScope(accessToken string) (scope []string, where string) {
	if token, err := jose.Decode(accessToken); err == nil {
		for _, name := range []string{"scope", "scp"} {
			if list, told := scopeIn(token.Claims[name]); told {
				return list, "the access token"
			}
		}
	}
	if !t.Has("introspection") {
		return nil, ""
	}
	object, err := t.introspect(accessToken).Object()
	if err != nil || object["active"] != true {
		return nil, ""
	}
	if list, told := scopeIn(object["scope"]); told {
		return list, "introspection"
	}
	return nil, ""
}

// scopeIn reads a scope, which some servers write as an array.
func scopeIn(value any) ([]string, bool) {
	if text, isString := value.(string); isString {
		return strings.Fields(text), true
	}
	if !isStrings(value) {
		return nil, false
	}
	var list []string
	for _, v := range value.([]any) {
		list = append(list, v.(string))
	}
	return list, true
}

func scopeNotWider(t *T) {
	flow := t.MustStart(t.Request().With("scope", "openid"))
	tokens, resp := t.MustRedeem(flow)
	onlyOpenID := func(where string, value any) {
		list, _ := scopeIn(value)
		wider := slices.DeleteFunc(list, func(s string) bool { return s == "openid" })
		t.Check(len(wider) == 0, where+" grants nothing but openid", "also %.200q", strings.Join(wider, " "))
	}
	t.At(resp)
	onlyOpenID("the token response", tokens.Raw["scope"])
	if t.Has("introspection") {
		answer := t.introspect(tokens.AccessToken)
		if object, err := answer.Object(); err == nil && object["active"] == true {
			t.At(answer)
			onlyOpenID("introspection", object["scope"])
		}
	}
}

// resourceServer is the client that introspects.
func (t *T) resourceServer() *Client {
	i := slices.IndexFunc(t.Clients(), func(c *Client) bool { return c.Purpose == "resource-server" })
	if i < 0 {
		t.Abort("the target file has no client with purpose resource-server")
	}
	return t.Clients()[i]
}

// introspectCall asks about a token as the resource server.
func (t *T) introspectCall(token string) ciba.Call {
	return t.introspectCallAs(t.resourceServer(), token)
}

func (t *T) introspectCallAs(c *Client, token string) ciba.Call {
	url := t.session.target.Endpoints.Introspection
	return ciba.Call{Label: "introspection request", URL: url, Form: ciba.P("token", token), Auth: c.Auth(url, t.session.target.Issuer)}
}

// introspect asks the resource server, and the client itself where that one is
// told active false: a caller that is not entitled is answered so (RFC 7662 2.2),
// and some OPs entitle only the client that holds the token.
func (t *T) introspect(token string) *ciba.Response {
	as := func(c *Client) *ciba.Response {
		return t.sendAuthenticated(c, func() ciba.Call { return t.introspectCallAs(c, token) })
	}
	resp := as(t.resourceServer())
	if object, err := resp.Object(); err != nil || object["active"] != false {
		return resp
	}
	own := as(t.client)
	if object, err := own.Object(); err != nil || object["active"] != true {
		return resp
	}
	t.Note("introspection tells the client that holds a token what it does not tell client %s", t.resourceServer().Name)
	return own
}

// live is the shared approved flow while its access token lasts, else a new one.
func (t *T) live() Redeemed {
	r := t.Redeemed()
	if r.Tokens.ExpiresIn == 0 || time.Since(r.Response.Received) < r.Tokens.ExpiresIn/2 {
		return r
	}
	flow := t.MustStart(t.Request())
	tokens, resp := t.MustRedeem(flow)
	return Redeemed{Flow: flow, Tokens: tokens, Response: resp}
}

func introspected(t *T) {
	r := t.live()
	resp := t.MustAnswer(t.introspect(r.Tokens.AccessToken))
	t.At(resp)
	if !t.Check(resp.Status == 200, "status 200", "%s", resp.Summary()) {
		return
	}
	object, err := resp.Object()
	if !t.Check(err == nil, "a JSON object", "%v", err) {
		return
	}
	if !t.Check(object["active"] == true, "active is true", "active is %T %.20v", object["active"], object["active"]) {
		return
	}
	client, told := object["client_id"]
	t.Check(!told || client == t.client.ClientID, "client_id is "+t.client.ClientID+", or absent", "client_id is %.100v", client)
	sameUser(t, "introspection", object, r)
}

// sameUser compares sub with that of the ID Token. Where subjects are pairwise,
// resource servers may be told another one; they are taken for public when the
// target file says so or knows the sub beforehand.
func sameUser(t *T, where string, object map[string]any, r Redeemed) {
	sub, told := object["sub"]
	if !told || r.Tokens.IDToken == "" {
		return
	}
	want := t.idTokenOf(r.Tokens).Claims["sub"]
	public := t.client.SubjectType == "public" || want == r.Flow.User.Sub || !t.Advertises("subject_types_supported", "pairwise")
	switch {
	case sub == want || t.client.SubjectType == "pairwise":
	case !public:
		t.Warn("sub of the ID Token; set subject_type of the client if it is pairwise", "%s says sub %.60q", where, sub)
	default:
		t.Check(false, "sub of the ID Token", "%s says sub %.60q", where, sub)
	}
}

// userinfoCall asks for the claims of the user of an access token.
func (t *T) userinfoCall(accessToken string) ciba.Call {
	return ciba.Call{
		Label: "UserInfo request", Method: http.MethodGet, URL: t.session.target.Endpoints.Userinfo,
		Header: http.Header{"Authorization": {"Bearer " + accessToken}},
	}
}

// userinfoClaims reads a UserInfo response, which may be a JWT (OIDC Core 5.3.2).
func (t *T) userinfoClaims(resp *ciba.Response) (map[string]any, error) {
	if strings.HasPrefix(strings.TrimSpace(string(resp.Body)), "{") {
		return resp.Object()
	}
	text, err := t.opened(strings.TrimSpace(string(resp.Body)))
	if err != nil {
		t.Abort("the UserInfo response is encrypted and cannot be opened: %v", err)
	}
	if jose.IsEncrypted(string(resp.Body)) && strings.HasPrefix(text, "{") {
		return ciba.DecodeObject([]byte(text)) // encrypted only
	}
	token, err := jose.Decode(text)
	return token.Claims, err
}

func opensUserinfo(t *T) {
	r := t.live()
	resp := t.MustAnswer(t.Send(t.userinfoCall(r.Tokens.AccessToken)))
	t.At(resp)
	bound := t.Target().StartParams["audience"] + t.Target().StartParams["resource"]
	if bound != "" && (resp.Status == 401 || resp.Status == 403) {
		t.Skip("the access token is meant for %s, so UserInfo need not take it", bound)
	}
	if !t.Check(resp.Status == 200, "status 200", "%s", resp.Summary()) {
		return
	}
	claims, err := t.userinfoClaims(resp)
	if !t.Check(err == nil, "claims", "%v", err) {
		return
	}
	want := t.idTokenOf(r.Tokens).Claims["sub"]
	t.Check(claims["sub"] == want, "sub of the ID Token", "sub is %.60v", claims["sub"])
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
	access := idToken{token, r.Tokens.AccessToken}
	claims := token.Claims
	for _, name := range []string{"sub", "jti"} {
		text, _ := claims[name].(string)
		t.Check(text != "", name+" is a string", "%s is %T", name, claims[name])
	}
	t.Check(claims["iss"] == t.Target().Issuer, "iss is "+t.Target().Issuer, "iss is %.100v", claims["iss"])
	t.Check(claims["client_id"] == t.client.ClientID, "client_id is "+t.client.ClientID, "client_id is %.100v", claims["client_id"])
	_, hasAudience := audienceOf(claims)
	t.Check(hasAudience, "aud is a string or an array of strings", "aud is %T", claims["aud"])
	lifetime(t, r, access)
	sameUser(t, "the access token", claims, r)
	accessSignature(t, r, access)
}

func accessSignature(t *T, r Redeemed, token idToken) {
	if !t.Check(token.alg() != "none", "a signature", "alg is none") {
		return
	}
	set := t.mustKeySet()
	if set.cannotVerify(token) == "" {
		t.At(r.Response)
		t.Check(set.verifies(token), "a valid signature of a key at jwks_uri", "no key there verifies it (alg %.20q)", token.alg())
	}
}

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

// enough is how many values an estimate of entropy needs.
const enough = 10

// tokenEntropy judges the tokens that all cases of the run have received.
func tokenEntropy(t *T) {
	t.collectTokens()
	owners := map[string]issued{}
	values := map[string][]string{}
	for _, one := range t.session.issuedSoFar() {
		for kind, token := range map[string]string{"access": one.AccessToken, "refresh": one.RefreshToken} {
			if token == "" {
				continue
			}
			owner, seen := owners[token]
			if seen && (owner.user != one.user || owner.client != one.client) {
				t.Fail("a token of its own for every user and client", "the same %s token went to %s of %s and to %s of %s",
					kind, owner.user, owner.client, one.user, one.client)
				return
			}
			owners[token] = one
			if !seen {
				values[kind] = append(values[kind], token)
			}
		}
	}
	for _, kind := range sortedKeys(values) {
		if len(values[kind]) < enough {
			t.Info("ten tokens to judge by", "only %d different %s tokens were seen", len(values[kind]), kind)
			continue
		}
		bits := upperBound(values[kind])
		t.Check(bits >= 128, "128 bits", "the varying part of %d %s tokens allows %.0f bits at most", len(values[kind]), kind, math.Floor(bits))
	}
}

// collectTokens makes up for a run of few cases: tokens of two users and, where
// there are two, of two clients, ten in all. A person is not asked that often.
func (t *T) collectTokens() {
	missing := enough - len(t.session.issuedSoFar())
	if missing <= 0 || t.Target().Approval.Kind == "manual" || t.session.oneRequestPerUser {
		return
	}
	clients, users := t.GeneralClients(), t.Target().Users
	var flows []*Flow
	for i := range missing {
		c, u := clients[i%min(2, len(clients))], users[(i/2)%min(2, len(users))]
		flows = append(flows, t.MustStartAs(c, u, t.RequestFor(c, u)))
	}
	t.WaitUntil(flows[len(flows)-1].last.Add(flows[0].Pace()))
	for _, f := range flows {
		t.Decide(approve.Decision{AuthReqID: f.AuthReqID, User: f.User, Allow: true})
	}
	for _, f := range flows {
		t.PollDecided(f)
	}
}
