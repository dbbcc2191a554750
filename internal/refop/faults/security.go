package faults

import (
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Security are the defects that open a door: keys, refresh tokens, clients and tokens of others.
var Security = []Fault{
	{"jwks-private", "OIDD-3-JWKS-PUBLIC", "a private key is published", edit.Keys(edit.EachKey(func(i int, key map[string]any) {
		if i == 1 {
			key["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
		}
	}))},
	{
		"jwks-primes", "OIDD-3-JWKS-PUBLIC", "the primes of an RSA key are published",
		edit.Keys(edit.EachKey(func(i int, key map[string]any) {
			if i == 0 {
				key["p"], key["q"] = somePrime, "x"
			}
		})),
	},
	{"jwks-symmetric", "OIDD-3-JWKS-PUBLIC", "a shared secret is published", edit.Keys(func(keys []any) any {
		return append(keys, map[string]any{"kty": "oct", "kid": "shared", "use": "sig", "k": someSecret})
	})},
	{
		"jwks-use-mixed", "OIDD-3-JWKS-PUBLIC", "signature and encryption keys are mixed and not told apart",
		edit.Keys(func(keys []any) any {
			delete(keys[1].(map[string]any), "use")
			return append(keys, edit.EncryptionKey())
		}),
	},
	{
		"jwks-kid-repeated", "OIDD-3-JWKS-PUBLIC", "two keys of a type share a kid",
		edit.Keys(edit.EachKey(func(_ int, key map[string]any) {
			if key["kty"] == "RSA" {
				key["kid"] = "test-only-op-rs256"
			}
		})),
	},
	{
		"jwks-kid-missing", "OIDD-3-JWKS-PUBLIC", "several keys have no kid",
		edit.Keys(edit.EachKey(func(_ int, key map[string]any) { delete(key, "kid") })),
	},
	{
		"jwks-object", "OIDD-3-JWKS-PUBLIC", "keys is an object",
		edit.Keys(func(keys []any) any { return map[string]any{"first": keys[0]} }),
	},
	{"jwks-empty", "OIDD-3-JWKS-PUBLIC", "no key is published", edit.Keys(func([]any) any { return []any{} })},
	{
		"jwks-404", "OIDD-3-JWKS-PUBLIC", "nothing is found at jwks_uri",
		edit.Answers(refop.EndpointJWKS, refop.ReplyJWKS, edit.Failing(404, "not_found")),
	},
	{
		"jwks-page", "OIDD-3-JWKS-PUBLIC", "jwks_uri is a page",
		edit.Answers(refop.EndpointJWKS, refop.ReplyJWKS, func(r *refop.Reply) { r.Raw = []byte("<html>keys</html>") }),
	},
	{"refresh-without-authentication", "RFC6749-6-REFRESH-AUTH", "a client_id is enough to refresh", nameIsEnough(refreshing)},
	{
		"refresh-without-authentication-for-post", "RFC6749-6-REFRESH-AUTH", "a client_id is enough to refresh for client_secret_post",
		nameIsEnough(edit.Both(refreshing, edit.OfMethod(refop.MethodPost))),
	},
	{
		"refresh-without-authentication-for-jwt", "RFC6749-6-REFRESH-AUTH", "a client_id is enough to refresh for private_key_jwt",
		nameIsEnough(edit.Both(refreshing, edit.OfMethod("private_key_jwt"))),
	},
	{
		"refresh-by-token-alone", "RFC6749-6-REFRESH-AUTH", "who names no client is taken for the one that owns the refresh token",
		authenticating(ownerOfRefreshToken),
	},
	{
		"refresh-any-credential", "RFC6749-6-REFRESH-AUTH", "any secret and any key will do to refresh",
		edit.All(anySecret(refreshing), edit.WithoutWhen(refreshing, refop.CheckAssertionSignature)),
	},
	{
		"refresh-without-authentication-500", "RFC6749-6-REFRESH-AUTH", "a refresh without credentials crashes the OP",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Value("grant_type") == "refresh_token" && r.Status == 401 {
				crash(c, r)
			}
		}),
	},
	{
		"refresh-without-authentication-spends", "RFC6749-6-REFRESH-AUTH", "a refresh without credentials ends the refresh token",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Value("grant_type") == "refresh_token" && r.Status == 401 {
				c.OP.LockedGrant(c.Value("refresh_token"), func(g *refop.Grant) { g.Revoked = true })
			}
		}),
	},
	{
		"refresh-for-anybody", "RFC6749-6-REFRESH-BOUND", "any client can use a refresh token",
		edit.All(edit.Without(refop.CheckRefreshOwn), edit.After(refop.CheckRefreshDetails, asOwner)),
	},
	{
		"refresh-for-clients-alike", "RFC6749-6-REFRESH-BOUND", "clients that are registered alike can use each other's refresh tokens",
		edit.All(edit.WithoutWhen(func(c *refop.Call) bool { return alike(c.Client, c.Grant.Client) }, refop.CheckRefreshOwn),
			edit.After(refop.CheckRefreshDetails, asOwner)),
	},
	{
		"refresh-client-id-wins", "RFC6749-6-REFRESH-BOUND", "client_id in the form says whose refresh token it is",
		edit.After(refop.CheckClient, clientIDDecides(refreshing)),
	},
	{
		"refresh-foreign-denied", "RFC6749-6-REFRESH-BOUND", "another client's refresh token is access_denied",
		foreignRefresh(edit.Failing(400, "access_denied")),
	},
	{
		"refresh-foreign-500", "RFC6749-6-REFRESH-BOUND", "another client's refresh token crashes the OP",
		foreignRefresh(edit.Failing(500, "server_error")),
	},
	{
		"client-id-wins", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "client_id in the form overrides who authenticated",
		edit.After(refop.CheckClient, clientIDDecides(edit.At(refop.EndpointToken))),
	},
	{
		"client-id-wins-over-assertion", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "client_id in the form overrides who signed the assertion",
		edit.All(edit.Without(refop.CheckAssertionClientID), edit.After(refop.CheckClient, clientIDDecides(
			edit.Both(edit.At(refop.EndpointToken), edit.OfMethod("private_key_jwt"))))),
	},
	{
		"client-id-owns", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "client_id in the form says whose request it will be",
		actsOn(func(c *refop.Call, f *refop.Flow) {
			if named := c.OP.Client(c.Value("client_id")); named != nil {
				f.Client = named
			}
		}),
	},
	{
		"client-id-opens-approved", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "approved requests are open to any client",
		foreignPolls(refop.Approved),
	},
	{
		"client-id-kills", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "a poll under the client_id of the owner is refused and uses the id up",
		refusedTokenRequests(func(c *refop.Call, f *refop.Flow, _ *refop.Reply) {
			who := c.Credentials()
			if who.Method == refop.MethodBasic && who.ID != f.Client.ID && c.Value("client_id") == f.Client.ID {
				f.State = refop.Used
			}
		}),
	},
	{"userinfo-anybody", "RFC6750-3-BAD-TOKEN", "UserInfo answers any token", answeringAnyToken},
	{"userinfo-by-refresh-token", "RFC6750-3-BAD-TOKEN", "a refresh token opens UserInfo", userInfoByAnyToken},
	{"userinfo-by-id-token", "RFC6750-3-BAD-TOKEN", "an ID Token opens UserInfo", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		bearer, _ := c.Bearer()
		if token, err := c.OP.VerifyOwn(bearer); err == nil && c.Endpoint == refop.EndpointUserInfo && r.Status == http.StatusUnauthorized {
			userInfoOf(r, token.Claims["sub"])
		}
	})},
	{
		"userinfo-nobody-500", "RFC6750-3-BAD-TOKEN", "UserInfo crashes when there is no token",
		withoutBearer(edit.Failing(500, "server_error")),
	},
	{
		"userinfo-nobody-unchallenged", "RFC6750-3-BAD-TOKEN", "UserInfo refuses without a challenge when there is no token",
		withoutBearer(edit.WithoutHeader("WWW-Authenticate")),
	},
	{
		"userinfo-no-challenge", "RFC6750-3-BAD-TOKEN", "UserInfo refuses without WWW-Authenticate",
		badBearer(edit.WithoutHeader("WWW-Authenticate")),
	},
	{"userinfo-bare-challenge", "RFC6750-3-BAD-TOKEN", "the challenge does not name the error", badBearer(edit.Challenge("Bearer"))},
	{
		"userinfo-garbage-200", "RFC6750-3-BAD-TOKEN", "UserInfo answers garbage with 200 and an error",
		badBearer(edit.Status(http.StatusOK)),
	},
	{"userinfo-garbage-403", "RFC6750-3-BAD-TOKEN", "UserInfo answers garbage with 403", badBearer(edit.Status(http.StatusForbidden))},
	{"userinfo-garbage-500", "RFC6750-3-BAD-TOKEN", "garbage crashes UserInfo", badBearer(edit.Failing(500, "server_error"))},
	{
		"userinfo-signature-unread", "RFC6750-3-BAD-TOKEN", "UserInfo believes a JWT without verifying it",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			bearer, _ := c.Bearer()
			if token, err := jose.Decode(bearer); c.Endpoint == refop.EndpointUserInfo && err == nil && token.Claims["iss"] == c.OP.Issuer() {
				userInfoOf(r, token.Claims["sub"])
			}
		}),
	},
	{
		"introspection-without-authentication", "RFC7662-2.1-AUTH", "a client_id is enough to introspect",
		nameIsEnough(edit.At(refop.EndpointIntrospection)),
	},
	{
		"introspection-open", "RFC7662-2.1-AUTH", "who shows no credential at all is answered",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			nobody := c.Request.Header.Get("Authorization") == "" && !c.Has("client_id")
			if c.Endpoint == refop.EndpointIntrospection && r.Kind == refop.ReplyError && nobody {
				r.Status, r.Body = http.StatusOK, map[string]any{"active": true}
			}
		}),
	},
	{
		"introspection-any-client", "RFC7662-2.1-AUTH", "an unknown client can introspect",
		authenticating(strangerAt(refop.EndpointIntrospection)),
	},
	{"introspection-any-secret", "RFC7662-2.1-AUTH", "any secret will do to introspect", anySecret(edit.At(refop.EndpointIntrospection))},
	{"introspection-stranger-inactive", "RFC7662-2.1-AUTH", "strangers are told active false", strangers(func(r *refop.Reply) {
		r.Status, r.Body = http.StatusOK, map[string]any{"active": false}
	})},
	{
		"introspection-stranger-grant", "RFC7662-2.1-AUTH", "strangers are told invalid_grant",
		strangers(edit.Failing(400, "invalid_grant")),
	},
	{
		"introspection-stranger-revokes", "RFC7662-2.1-AUTH", "a token that a stranger asks about is revoked",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointIntrospection && r.Kind == refop.ReplyError {
				c.OP.LockedGrant(c.Value("token"), func(g *refop.Grant) { g.Revoked = true })
			}
		}),
	},
	{"introspection-stranger-500", "RFC7662-2.1-AUTH", "strangers crash introspection", strangers(edit.Failing(500, "server_error"))},
	{
		"rar-raw", "RFC9396-12-SANITISE", "control characters in authorization_details reach the device",
		membersAsIf(func(m refop.Member, value any) bool {
			text, ok := value.(string)
			return ok && m.HasType(value) && !m.Allows(text)
		}),
	},
	{
		"rar-markup-500", "RFC9396-12-SANITISE", "markup in authorization_details crashes the OP",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointStart && strings.Contains(c.Value("authorization_details"), `\u003c`) {
				crash(c, r)
			}
		}),
	},
	{"request-uri-fetched", "RFC9101-REQUEST-URI", "the address in request_uri is fetched", fetchingRequestURI("GET")},
	{"request-uri-looked-at", "RFC9101-REQUEST-URI", "the address in request_uri is asked for its headers", fetchingRequestURI("HEAD")},
}

// Members that only look like those of private keys: they open nothing.
const (
	somePrime = "83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmN" +
		"hVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36"
	someSecret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
)

// badBearer edits the answers that UserInfo gives to bad tokens.
func badBearer(rewrite func(*refop.Reply)) edit.Change {
	return edit.Answers(refop.EndpointUserInfo, refop.ReplyError, rewrite)
}

// withoutBearer edits what UserInfo says to requests without a token.
func withoutBearer(rewrite func(*refop.Reply)) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointUserInfo && c.Request.Header.Get("Authorization") == "" {
			rewrite(r)
		}
	})
}

// answeringAnyToken makes UserInfo answer whoever has a token that is no good.
func answeringAnyToken(p *refop.Plan) {
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if _, ok := c.Bearer(); ok && c.Endpoint == refop.EndpointUserInfo && r.Status == http.StatusUnauthorized {
			userInfoOf(r, firstUser(c).Sub)
		}
	})
}

// userInfoOf makes an answer that of UserInfo about a subject.
func userInfoOf(r *refop.Reply, sub any) {
	r.Header.Del("WWW-Authenticate")
	*r = refop.Reply{Kind: refop.ReplyUserInfo, Status: http.StatusOK, Header: r.Header, Body: map[string]any{"sub": sub}}
}

// userInfoByAnyToken lets refresh tokens open UserInfo.
func userInfoByAnyToken(p *refop.Plan) {
	p.Rules.OpensUserInfo = func(c *refop.Call, g *refop.Grant) bool { return !g.Dead(c.Now) }
}

// strangers edits the answers to introspection without authorization.
func strangers(rewrite func(*refop.Reply)) edit.Change {
	return edit.Answers(refop.EndpointIntrospection, refop.ReplyError, rewrite)
}

// foreignRefresh edits the refusal of another client's refresh token.
func foreignRefresh(rewrite func(*refop.Reply)) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyError && edit.ForeignRefreshToken(c) != nil {
			rewrite(r)
		}
	})
}

// clientIDDecides takes whoever client_id names for the client that authenticated,
// at some calls.
func clientIDDecides(which edit.Which) refop.CheckFunc {
	return func(c *refop.Call) *refop.OAuthError {
		if named := c.OP.Client(c.Value("client_id")); named != nil && which(c) {
			c.Client = named
		}
		return nil
	}
}

// asOwner makes the answer to a refresh that of the client whose token it is.
func asOwner(c *refop.Call) *refop.OAuthError {
	c.Client = c.Grant.Client
	return nil
}

// fetchingRequestURI asks for the address in request_uri, and makes nothing of it.
func fetchingRequestURI(method string) edit.Change {
	return func(p *refop.Plan) {
		p.EditReplies(func(c *refop.Call, _ *refop.Reply) {
			if at := c.Value("request_uri"); c.Endpoint == refop.EndpointStart && at != "" {
				_, _ = c.OP.Rules().Deliver(c.OP, &refop.Notification{Method: method, URL: at, Header: http.Header{}, Raw: []byte{}})
			}
		})
	}
}
